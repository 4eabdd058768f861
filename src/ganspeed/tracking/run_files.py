"""A trained run as the pipeline's files describe it, and the part of it that MLflow shows."""

import csv
import json
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from ganspeed.diagnosis import Findings
from ganspeed.diagnosis.stored import findings_on
from ganspeed.params.blocks import Params
from ganspeed.runs.provenance import ProvenanceRecord, read_provenance_if_whole
from ganspeed.runs.record import RUN_JSON, RunRecord, read_record
from ganspeed.system.files import sha256_file, sha256_json
from ganspeed.tracking.entities import Point
from ganspeed.workspace import Workspace

SHOWN_ROWS = 40  # at most, besides the first and the last: a point takes 0.1 ms, and history.csv has all of them
CFID = "cfid"
FINDING = "finding."  # the name of a detector follows: a tag of a run that has the finding
COUNTERS = ("update", "d_updates", "images_seen")  # columns that are multiples of the step of the points
MIRROR_VERSION = 3  # raise it, and every run is mirrored again


@dataclass(frozen=True)
class RunFiles:
    """A finished run: its record and, if they exist already, its provenance and scores."""

    dataset: str
    variant: str
    seed: int
    folder: Path
    record: RunRecord
    provenance: ProvenanceRecord | None
    scores: Path | None
    split: str
    scores_hash: str | None  # of the scores and their split
    diagnose: Callable[[], Findings]  # reads its history and scores
    content_hash: str  # of everything that is mirrored; run.json has the hashes of the history and the samples

    fingerprint = property(lambda self: self.record.fingerprint)
    parameters = property(lambda self: self.record.parameters)

    @property
    def outcome(self) -> str:
        if self.record.status == "diverged":
            return f"Diverged at update {self.record.diverged_at} of {self.record.updates}."
        return f"Completed {self.record.updates} updates of the generator."

    def tags(self) -> dict[str, str]:
        """Status, device, versions, and the commit of the training code."""
        machine = {name: getattr(self.record, name) for name in ("status", "device", "engine", "precision")}
        versions = {f"version.{name}": version for name, version in self.record.versions.items()}
        code = {}
        if self.provenance is not None:
            commit, dirty = self.provenance.commit, str(self.provenance.dirty).lower()
            code = {"git_commit": commit, "git_dirty": dirty, "mlflow.source.git.commit": commit}
        return {**machine, **versions, **code, "split": self.split}

    def finding_tags(self) -> dict[str, str]:
        """What is wrong with the run: `finding.<detector>` → since when."""
        return {FINDING + finding.name: f"since {finding.since}" for finding in self.diagnose()}

    def history(self) -> list[dict[str, float]]:
        """All rows of history.csv, without empty cells."""
        return [{name: float(cell) for name, cell in row.items() if cell} for row in _rows(self.folder / "history.csv")]

    def score_points(self) -> Iterator[Point]:
        """The scores as <split>/<metric>, and those of a completed run's last snapshot as final/<metric> as well."""
        for row in _rows(self.scores) if self.scores else []:
            name, value, step = row["metric"], float(row["value"] or "nan"), int(row["update"])
            if math.isfinite(value):
                yield Point(f"{self.split}/{name}", value, step)
                if step == self.record.updates and self.record.status == "completed":
                    yield Point(f"final/{name}", value, step)

    def cfids(self) -> list[float]:
        """The cfid of every snapshot, in the order of the updates; NaN where it is not finite."""
        rows = [row for row in (_rows(self.scores) if self.scores else []) if row["metric"] == CFID]
        values = [float(row["value"] or "nan") for row in sorted(rows, key=lambda row: int(row["update"]))]
        return [value if math.isfinite(value) else math.nan for value in values]


def read_run_files(workspace: Workspace, params: Params, dataset: str, variant: str, seed: int) -> RunFiles | None:
    """A run from its files; None if it is not trained yet."""
    folder, split = workspace.run(dataset, variant, seed), params.evaluate.split
    if not (folder / RUN_JSON).exists():
        return None
    provenance, scores = workspace.provenance(dataset, variant, seed), workspace.scores(dataset, variant, seed)
    scores_hash = sha256_json([split, sha256_file(scores)]) if scores.exists() else None
    provenance_hash = sha256_file(provenance) if provenance.exists() else None
    hashes = [MIRROR_VERSION, sha256_file(folder / RUN_JSON), scores_hash, provenance_hash]
    return RunFiles(
        dataset=dataset,
        variant=variant,
        seed=seed,
        folder=folder,
        record=read_record(folder),
        provenance=read_provenance_if_whole(provenance) if provenance_hash else None,
        scores=scores if scores_hash else None,
        split=split,
        scores_hash=scores_hash,
        diagnose=partial(findings_on, workspace, params, dataset, variant, seed),
        content_hash=sha256_json([*hashes, *_held_against(workspace, params, dataset)]),
    )


def _held_against(workspace: Workspace, params: Params, dataset: str) -> list[Any]:
    """What decides the findings on a run beside its own files."""
    calibration, tau25 = workspace.calibration(dataset), params.dataset(dataset).threshold.tau25
    levels = sha256_file(calibration) if calibration.exists() else None
    return [levels, tau25, params.report.bounds.model_dump(mode="json")]


def row_points(row: Mapping[str, float], train: Mapping[str, Any]) -> list[Point]:
    """The points of one row of the history, without COUNTERS and values that are not finite (MLflow stores 1.8e308).

    Where `train` logs more than SHOWN_ROWS rows, most of them give no points.
    """
    step, every = int(row["update"]), train["log_every"] * math.ceil(train["updates"] / train["log_every"] / SHOWN_ROWS)
    if step % every and step not in (1, train["updates"]):
        return []
    return [Point(name, v, step) for name, v in row.items() if name not in COUNTERS and math.isfinite(v)]


def flat_parameters(parameters: Mapping[str, Any]) -> dict[str, str]:
    """Nested blocks as `variant.optimizer.lr_g` → text, the same whether they come from Python or from JSON."""
    flat = {}
    for name, value in parameters.items():
        if isinstance(value, dict):
            flat |= {f"{name}.{inner}": text for inner, text in flat_parameters(value).items()}
        else:
            flat[name] = value if isinstance(value, str) else json.dumps(value)
    return flat


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))
