"""A log of losses as people keep it, as a history: a CSV file, or columns, by the names that they have for them."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from ganspeed.diagnosis import Evidence
from ganspeed.errors import UserError

UPDATES = ("update", "global_step", "step", "iteration", "iter", "batch", "epoch")  # the first that counts up is taken
# Column of history.csv → what else it is called; in any case, with spaces, - or . for _.
SYNONYMS = {
    "update": UPDATES,
    "d_loss": ("d_loss", "loss_d", "dloss", "lossd", "disc_loss", "discriminator_loss", "loss_discriminator",
               "critic_loss", "c_loss", "errd"),
    "g_loss": ("g_loss", "loss_g", "gloss", "lossg", "gen_loss", "generator_loss", "loss_generator", "errg"),
    "d/real": ("d/real", "d_loss_real", "d_real_loss", "loss_d_real", "errd_real", "disc_real_loss", "d_loss1"),
    "d/fake": ("d/fake", "d_loss_fake", "d_fake_loss", "loss_d_fake", "errd_fake", "disc_fake_loss", "d_loss2"),
    "gap": ("gap", "wasserstein", "wasserstein_distance", "w_distance", "w_dist"),
}  # fmt: skip
LOSSES = ("d_loss", "g_loss", "d/real", "d/fake", "gap")


def evidence_of_log(source: Path | str | pd.DataFrame | Mapping[str, Sequence[float]]) -> Evidence:
    """What a log of losses says: a CSV file, a table, or name → values.

    Raises UserError for a file that cannot be read, no column of losses, or a value that is no number.
    """
    history = history_of_log(source)
    losses = history.set_index("update")[[name for name in LOSSES if name in history]]
    bad = [update for name in losses for update in _not_finite(losses[name])]
    bad += [int(losses.index[0])] if losses.isna().all(axis=None) else []
    finite = history[history["update"] < min(bad)] if bad else history
    return Evidence(finite, scores=None, diverged_at=min(bad, default=None))


def _not_finite(values: pd.Series) -> list[int]:
    """The updates of values that are infinite, or NaN to the end; where cells are left empty, NaN says nothing.

    Nor does it in a column without any value, beside another that has some.
    """
    found = [int(update) for update in values.index[np.isinf(values)]]
    first, last = values.first_valid_index(), values.last_valid_index()  # a first row may be that before training
    if last is not None and values.loc[first:last].notna().all():
        found += [int(update) for update in values.index[values.index > last]]
    return found


def history_of_log(source: Path | str | pd.DataFrame | Mapping[str, Sequence[float]]) -> pd.DataFrame:
    """The columns that are known, by the names of history.csv; without one that counts up, rows count from 1."""
    is_file = isinstance(source, Path | str)
    name = str(source) if is_file else "history"
    table = _read(Path(source)) if is_file else _table(source)
    columns = _known(table.columns, name)
    if not set(columns) & set(LOSSES):
        raise UserError(f"{name}: no column of losses among {_listed(table.columns)}; known are {known_names()}")
    if table.empty:
        raise UserError(f"{name}: no rows; a row for each logged update is asked")
    found = pd.DataFrame({ours: _numbers(table[theirs], name, theirs) for ours, theirs in columns.items()})
    found.insert(0, "update", _updates(table))
    return _completed(found)


def _updates(table: pd.DataFrame) -> list[int]:
    by_name = {_plain(column): table[column] for column in table}
    for name in UPDATES:
        values = pd.to_numeric(by_name.get(name, pd.Series(dtype=float)), errors="coerce")
        if len(values) and np.isfinite(values).all() and (values.diff().iloc[1:] >= 1).all():
            return values.astype(int).tolist()
    return list(range(1, len(table) + 1))


def known_names() -> str:
    """The names of columns that are understood, in words."""
    return "; ".join(f"{ours} ({', '.join(names[1:])})" for ours, names in SYNONYMS.items())


def _completed(found: pd.DataFrame) -> pd.DataFrame:
    """With D's loss where only its parts are logged, and G's as the term that it is."""
    if {"d/real", "d/fake"} <= set(found) and "d_loss" not in found:
        found["d_loss"] = found["d/real"] + found["d/fake"]
    return found.assign(**{"g/adversarial": found["g_loss"]}) if "g_loss" in found else found


def _read(path: Path) -> pd.DataFrame:
    try:
        table = pd.read_csv(path, skipinitialspace=True)
        return table.iloc[:-1] if _is_cut_off(path, len(table.columns)) else table
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}") from None
    except (ValueError, UnicodeError) as error:  # of pandas' parser
        raise UserError(f"{path}: not readable as CSV: {error}; allowed: a line of names, then numbers") from None


def _is_cut_off(path: Path, columns: int) -> bool:
    """Whether the last line is one that is still being written: its missing cells are no losses that are NaN."""
    last = path.read_bytes().splitlines(keepends=True)[-1]
    return not last.endswith((b"\n", b"\r")) and last.count(b",") < columns - 1


def _table(columns: pd.DataFrame | Mapping[str, Sequence[float]]) -> pd.DataFrame:
    try:
        return pd.DataFrame(columns)
    except ValueError as error:
        raise UserError(f"history: {error}; all columns have as many values") from None


def _known(columns: Sequence[str], name: str) -> dict[str, str]:
    """Ours → theirs, of the columns of losses. Raises UserError for two of one meaning."""
    ours = {synonym: column for column, names in SYNONYMS.items() if column in LOSSES for synonym in names}
    found: dict[str, str] = {}
    for theirs in columns:
        column = ours.get(_plain(theirs))
        if column in found:
            raise UserError(f"{name}: columns {found[column]!r} and {theirs!r} both are {column}; keep one of them")
        if column:
            found[column] = theirs
    return found


def _plain(name: object) -> str:
    return re.sub(r"[\s.-]+", "_", str(name).strip().lower())


def _numbers(values: pd.Series, name: str, column: str) -> pd.Series:
    if values.dtype == object:  # of tensors with one value, as training loops collect them
        values = values.map(lambda value: value.item() if hasattr(value, "item") else value)
    found = pd.to_numeric(values, errors="coerce")
    wrong = values[found.isna() & values.notna() & (values.astype(str).str.strip().str.lower() != "nan")]
    if len(wrong):
        raise UserError(f"{name}: column {column}: {str(wrong.iloc[0])!r:.40} is not a number")
    return found.reset_index(drop=True)


def _listed(columns: Sequence[str]) -> str:
    return ", ".join(map(repr, columns))
