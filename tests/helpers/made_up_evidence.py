"""Evidence of a healthy run of made-up numbers, in which a test changes what its detector looks at."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from ganspeed.diagnosis import Evidence

UPDATES = np.array([0, 1, *range(10, 601, 10)])
SNAPSHOTS = (0, 10, 50, 100, 200, 300, 400, 500, 600)
LINTED = (0, 30, 600)  # rows with the probes that are not in every row
LEVELS = {"pixel_gaussian": 4.2, "tau25": 4.5, "real_modes": 10.0}
Change = Callable[[np.ndarray], np.ndarray]  # updates → values


def history(**changes: float | Change) -> pd.DataFrame:
    """The rows of history.csv. changes: column, with __ for /, → one value for all rows, or values by update.

    NaN takes a column out.
    """
    wave = np.sin(UPDATES / 7) * 0.05
    rows = {
        "update": UPDATES, "d_updates": UPDATES, "images_seen": 128 * UPDATES, "d_loss": 1.3 + wave,
        "g_loss": 0.9 + wave, "gap": 0.5 + wave, "d/real": 0.6 + wave, "d/fake": 0.7 + wave,
        "g/adversarial": 0.9 + wave, "diagnostics/profile_0.00": 0.3 + wave,
        "probe/score_real": 0.3 + wave, "probe/score_fake": -0.2 + wave,
        "probe/score_held_out": 0.2 + wave, "probe/score_lowest": -1.5 + wave, "probe/score_highest": 1.6 + wave,
        "probe/auc": 0.65 + wave, "probe/out_of_range": np.where(UPDATES < 20, 0.6, 0.0),
        "probe/distance_real": 0.6 + 0 * wave, "probe/distance_fake": np.where(UPDATES < 20, 0.01, 0.5),
        "probe/gradient_G": 2.0 + wave, "probe/moved_G": UPDATES / 1000, "probe/moved_D": UPDATES / 1000 + 0.1,
        "probe/bend_G": 0.02 + 0 * wave, "probe/bend_D": 0.03 + 0 * wave, "probe/saturated": 0.0 * wave,
        "probe/cosine": -0.9 + wave, "probe/fake_term_moved": 0.1 + wave,
    }  # fmt: skip
    for column, change in changes.items():
        name = column.replace("__", "/")
        rows[name] = change(UPDATES.astype(float)) if callable(change) else np.full(len(UPDATES), float(change))
    table = pd.DataFrame(rows)
    for name in ("bend_G", "bend_D", "saturated", "cosine", "fake_term_moved"):
        table.loc[~table["update"].isin(LINTED), f"probe/{name}"] = np.nan
    losses = [n for n in table if n.split("/")[0] in ("d_loss", "g_loss", "gap", "d", "g", "diagnostics")]
    table.loc[table["update"] == 0, [*losses, "probe/gradient_G"]] = np.nan
    return table.dropna(axis="columns", how="all")


def scores(**metrics: float | Change) -> pd.DataFrame:
    """The scores of SNAPSHOTS: cfid falls below tau25, modes and recall are those of real images, but for changes."""
    updates = np.array(SNAPSHOTS, dtype=float)
    values = {"cfid": 30 / (1 + updates / 20), "modes": 10 + 0 * updates, "recall": 0.8 + 0 * updates}
    values["precision"] = 0.6 + 0 * updates
    for name, change in metrics.items():
        values[name] = change(updates) if callable(change) else np.full(len(updates), float(change))
    rows = [(int(u), name, v) for name, column in values.items() for u, v in zip(updates, column, strict=True)]
    return pd.DataFrame(rows, columns=["update", "metric", "value"]).dropna()


def evidence(rows: dict | None = None, metrics: dict | None = None, **fields) -> Evidence:
    """A healthy run of an objective of logits with these changes to history, scores and other fields."""
    known = {"logits": True, **LEVELS} | fields
    known.setdefault("scores", scores(**(metrics or {})))
    return Evidence(history(**(rows or {})), **known)


def from_update(start: int, then: float, before: float) -> Change:
    """One value before an update, another from it on."""
    return lambda updates: np.where(updates >= start, then, before)
