"""Recorded schedules of alpha and lambda for `replayed_penalty`: means over pilot runs, per discriminator update."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ganspeed.errors import UserError
from ganspeed.params.load import load_params
from ganspeed.params.networks import overrides, resolved
from ganspeed.runs.integrity import refuse_damaged_runs
from ganspeed.runs.record import RUN_JSON, read_record
from ganspeed.study.status import PILOT_SEEDS
from ganspeed.system.files import sha256_file, write_text
from ganspeed.workspace import Workspace

BLOCKS = ("warm_start", "batches", "tricks", "networks")  # of the variant, besides its method
LOGGED_COLUMNS = ["diagnostics/alpha", "diagnostics/lambda"]


def freeze_schedule(workspace: Workspace, dataset: str, variant: str) -> str:
    """Write schedules/<dataset>-<variant>.csv from the finished pilot runs of a variant; returns instructions.

    Raises UserError, nothing written, when there is no run, or one that is damaged, not of a pilot seed, diverged, that
    was trained with other parameters than the first, or that logged no alpha and lambda, or a mistake in
    params.yaml.
    """
    runs = pilot_runs(workspace, dataset, variant)
    path = workspace.schedule(dataset, variant)
    table = schedule([pd.read_csv(folder / "history.csv") for folder in runs.values()])
    record = read_record(next(iter(runs.values())))
    own = _own_networks(workspace, dataset, record.parameters)
    block = record.variant_block | ({"networks": own} if own else {})
    write_text(path, as_csv(table))
    relative = path.relative_to(workspace.root)
    return replay_instructions(relative, sha256_file(path), variant, list(runs), block, len(table))


def _own_networks(workspace: Workspace, dataset: str, parameters: dict[str, dict]) -> dict[str, Any]:
    """Keys of the runs' networks that are not those of their data set in params.yaml; all of them without the file."""
    networks = parameters.get("networks", {})
    if not (networks and workspace.params.exists()):
        return networks
    blocks = load_params(workspace.params).dataset(dataset)
    return overrides(networks, resolved(blocks.networks, blocks.data.image_size).model_dump(mode="json"))


def pilot_runs(workspace: Workspace, dataset: str, variant: str) -> dict[int, Path]:
    """Seed → folder of the finished runs of a variant, all of pilot seeds and of one set of parameters."""
    cell = workspace.runs(dataset, variant)
    folders = {seed: workspace.run(dataset, variant, seed) for seed in workspace.seeds(cell)}
    runs = {seed: folder for seed, folder in folders.items() if (folder / RUN_JSON).exists()}
    if not runs:
        raise UserError(f"{cell}: no finished run; train the variant with seeds from {PILOT_SEEDS[0]} on first")
    refuse_damaged_runs(workspace, dataset, variant, tuple(runs))
    allowed = f"{PILOT_SEEDS[0]}-{PILOT_SEEDS[-1]}"
    if others := [str(seed) for seed in runs if seed not in PILOT_SEEDS]:
        raise UserError(f"{cell}: seeds {', '.join(others)} are not pilot seeds, which are {allowed}")
    records = {seed: read_record(folder) for seed, folder in runs.items()}
    if bad := [str(seed) for seed, record in records.items() if record.status != "completed"]:
        raise UserError(f"{cell}: seeds {', '.join(bad)} diverged; a schedule is the mean over completed runs")
    first = min(records)
    if bad := [str(seed) for seed, record in records.items() if record.parameters != records[first].parameters]:
        raise UserError(f"{cell}: seeds {', '.join(bad)} were trained with other parameters than seed {first}")
    return runs


def schedule(histories: list[pd.DataFrame]) -> pd.DataFrame:
    """Columns d_update, alpha, lambda: means over runs at the logged discriminator updates, linear between them.

    The first logged value holds for the updates before it as well. Raises UserError if alpha or lambda is missing.
    """
    if missing := [column for column in LOGGED_COLUMNS if any(column not in history for history in histories)]:
        raise UserError(f"the runs log no {' and no '.join(missing)}: there is no schedule to record")
    histories = [history.dropna(subset=LOGGED_COLUMNS) for history in histories]  # update 0 has neither
    logged = histories[0]["d_updates"].to_numpy()
    steps = np.arange(1, logged[-1] + 1)
    alpha, weight = (
        np.interp(steps, logged, [math.fsum(row) / len(row) for row in zip(*(h[c] for h in histories), strict=True)])
        for c in LOGGED_COLUMNS
    )
    return pd.DataFrame({"d_update": steps, "alpha": alpha, "lambda": weight})


def as_csv(table: pd.DataFrame) -> str:
    """A schedule as text. Nine digits give back every float32, the precision in which alpha and lambda are used."""
    return table.to_csv(index=False, float_format="%.9g", lineterminator="\n")


def replay_instructions(path: Path, sha256: str, variant: str, seeds: list[int], block: dict, steps: int) -> str:
    """What the command prints: the file, its hash, and the variant's block that replays it."""
    shared = "".join(f"    {key}: {block[key]}\n" for key in ("n_critic", "sides") if key in block)
    shared += "".join(f"    {key}: {json.dumps(block[key])}\n" for key in BLOCKS if key in block)
    return f"""\
{path}: {steps} discriminator updates, mean of seeds {", ".join(map(str, seeds))}
sha256 {sha256}

To replay it, put this among the variants of params.yaml and its name into compare.variants:

  {variant}_replay:
    objective: replayed_penalty
{shared}    schedule: {path.as_posix()}
    schedule_sha256: {sha256}
    optimizer: {_in_one_line(block["optimizer"])}
"""


def _in_one_line(value: Any) -> str:
    """Plain values of a block as YAML."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_in_one_line(inner)}" for key, inner in value.items()) + "}"
    return str(value)
