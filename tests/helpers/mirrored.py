"""A made-up study for the mirror to show: runs and scores of a few numbers, as the stages would write them."""

import base64
import csv
import json
import os
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import made_up
import mlflow
from toy_study import TINY_NETWORKS, TINY_TRAIN

from ganspeed.params.blocks import Params
from ganspeed.params.load import parse_params
from ganspeed.tracking.address import tracking_uri
from ganspeed.tracking.entities import experiment_name
from ganspeed.tracking.live import LiveMirror
from ganspeed.tracking.mirror import mirror
from ganspeed.workspace import Workspace

UPDATES = 40
WEIGHTS = b"the last generator"
PICTURE = f"images/samples+step+40+timestamp+40000+{40:032}.png"  # of a run, beside its artifacts
VALUES = 2  # points of a run that belong to no update: its best and its last cfid
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


@dataclass(frozen=True)
class Spec:
    dataset: str
    variant: str
    seed: int
    fingerprint: str
    parameters: dict


def make_params(datasets=("digits",), variants=("gan", "wgan_gp"), seeds=(0, 1), samples=500, split="test") -> Params:
    train = TINY_TRAIN | {"updates": UPDATES, "log_every": 10, "checkpoint_every": 20}
    dataset = made_up.DATASET | {
        "networks": TINY_NETWORKS,
        "train": made_up.DATASET["train"] | train,
        "evaluate": {"samples": samples},
    }
    wgan_gp = made_up.VARIANTS["wgan_gp"]
    document = made_up.document(variants=("gan", "wgan_gp"), seeds=seeds, datasets=datasets)
    document["compare"]["variants"] = list(variants)
    document["datasets"] = {"digits": dataset, "more": dataset}
    document["variants"] = {
        "gan": made_up.VARIANTS["gan"],
        "wgan_gp": wgan_gp,
        **{name: wgan_gp for name in variants if name.startswith("wgan_gp")},
    }
    document["evaluate"] = made_up.EVALUATE | {"split": split}
    return parse_params(document)


def spec(params: Params, variant: str, seed: int, version: str = "1") -> Spec:
    block = params.datasets["digits"]
    parameters = {
        "data": block.data.model_dump(mode="json"),
        "train": block.train.model_dump(mode="json"),
        "networks": params.networks("digits", variant).model_dump(mode="json"),
        "variant": params.variants[variant].model_dump(mode="json"),
    }
    return Spec("digits", variant, seed, f"{variant}-{seed}-v{version}", parameters)


def history(seed: int) -> list[dict[str, float]]:
    return [
        {"update": float(u), "d_updates": 5.0 * u, "d_loss": 1 / (u + seed), "diagnostics/rho": 0.1 * seed + 0.3}
        for u in range(10, UPDATES + 1, 10)
    ]


def write_run(workspace: Workspace, run: Spec, rows: list[dict[str, float]] | None = None, diverged_at=None) -> None:
    """The files of the stage `train`, as the output contract has them."""
    folder = workspace.run(run.dataset, run.variant, run.seed)
    (folder / "samples").mkdir(parents=True, exist_ok=True)
    outcome = {"status": "diverged" if diverged_at else "completed", "diverged_at": diverged_at}
    machine = {"device": "cpu avx2", "precision": "float32", "engine": "eager", "versions": {"torch": "2.15.0"}}
    machine |= {"manifest_sha256": "0" * 64, "sources": {}}
    files = dict.fromkeys(["snapshots/0000020.safetensors", "snapshots/0000040.safetensors"], "0" * 64)
    content = {**run.__dict__, **outcome, **machine, "files": files}
    (folder / "run.json").write_text(json.dumps(content))
    rows = history(run.seed) if rows is None else rows
    with (folder / "history.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows({**row, "update": int(row["update"])} for row in rows)
    (folder / "samples" / "0000040.png").write_bytes(PIXEL)
    (folder / "samples.gif").write_bytes(b"GIF89a")
    (folder / "snapshots").mkdir(exist_ok=True)
    (folder / "snapshots" / "0000040.safetensors").write_bytes(WEIGHTS)
    provenance = workspace.provenance(run.dataset, run.variant, run.seed)
    provenance.parent.mkdir(parents=True, exist_ok=True)
    provenance.write_text(
        json.dumps({"commit": "c0ffee", "dirty": False, "host": "h", "start": "s", "resumes": 0, "clock": []})
    )


def write_scores(workspace: Workspace, run: Spec, last: float = 2.5) -> None:
    path = workspace.scores(run.dataset, run.variant, run.seed)
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [f"digits,{run.variant},{run.seed},{u},cfid,{v}" for u, v in [(0, 90.0), (20, 30.0), (UPDATES, last)]]
    path.write_text("\n".join(["dataset,variant,seed,update,metric,value", *lines]) + "\n")


def write_study(workspace: Workspace, params: Params) -> None:
    for variant in params.compare.variants:
        for seed in params.compare.seeds:
            write_run(workspace, spec(params, variant, seed))
            write_scores(workspace, spec(params, variant, seed))


def rows_of(workspace: Workspace, query: str) -> list[tuple]:
    with closing(sqlite3.connect(workspace.root / "mlflow.db")) as database:
        return database.execute(query).fetchall()


def runs_of(workspace: Workspace, column: str) -> list[tuple]:
    """A column of MLflow's table of runs, but for those that sum up others."""
    query = f"select {column} from runs join tags using (run_uuid) where key = 'kind' and tags.value = 'run'"
    return rows_of(workspace, query)


def points(workspace: Workspace) -> list[tuple]:
    return sorted(rows_of(workspace, "select run_uuid, key, step, timestamp, value from metrics"))


def run_of(workspace: Workspace, variant: str, seed: int, version: str = "1") -> mlflow.entities.Run:
    """The one active run under a key."""
    client = mlflow.MlflowClient(tracking_uri(workspace))
    (experiment,) = [e for e in client.search_experiments() if e.name == experiment_name("digits")]
    (run,) = client.search_runs([experiment.experiment_id], f"tags.fingerprint = '{variant}-{seed}-v{version}'")
    return run


def current(workspace: Workspace) -> list[str]:
    query = (
        "select f.value from tags f join tags c using (run_uuid) join runs using (run_uuid) where lifecycle_stage = "
    )
    query += "'active' and f.key = 'fingerprint' and c.key = 'current' and c.value = 'true'"
    return sorted(chain.from_iterable(rows_of(workspace, query)))


def watch(workspace: Workspace, params: Params, runs: list[Spec], first=0, last=4) -> None:
    """A training of which rows first to last are logged, to the end of the run when `last` is its last."""
    live = LiveMirror(workspace, params)
    for run in runs:
        live.started(run)
        for row in history(run.seed)[first:last]:
            live.logged(run, row)
        if last == 4:
            live.finished(run)
    wait_for(lambda: live._queue.empty())  # as it is during training, which takes longer than this
    live.close()
    live._thread.join(20)


def wait_for(condition, seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "nothing happened for too long"
        time.sleep(0.05)


def train_for_ever(workspace: Workspace, params: Params) -> None:
    """A training that never comes to its end; for a process that is killed."""
    run = spec(params, "gan", 0, version="2")
    live = LiveMirror(workspace, params)
    live.started(run)
    live.logged(run, history(0)[0])
    time.sleep(600)


def mirror_made_up(workspace: Workspace) -> None:
    mirror(workspace, make_params())


CHILD = """
import sys, pathlib
sys.path[:0] = {path!r}
from mirrored import make_params, train_for_ever
from ganspeed.tracking.mirror import mirror
from ganspeed.tracking.server import serve
from ganspeed.workspace import Workspace
{call}(Workspace(pathlib.Path({root!r})), make_params(){rest})
"""


def child(workspace: Workspace, call: str, rest: str = "", **options) -> subprocess.Popen:
    path = [str(Path(__file__).parent), *sys.path]
    code = CHILD.format(path=path, call=call, root=str(workspace.root), rest=rest)
    environment = {k: v for k, v in os.environ.items() if k != "MLFLOW_TRACKING_URI"}
    return subprocess.Popen([sys.executable, "-c", code], env=environment, **options)
