"""The findings on runs that are on the disk: of their histories, scores and calibration. Imports no torch."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import pandas as pd

from ganspeed.compare.read import read_calibration
from ganspeed.diagnosis import NO_SCORES, Evidence, Findings, diagnosed
from ganspeed.diagnosis.text import of_runs, of_variants
from ganspeed.errors import UserError
from ganspeed.params.blocks import Diagnosis, Params
from ganspeed.params.objectives import objective_declarations
from ganspeed.runs.integrity import file_problems, score_problems
from ganspeed.runs.record import RUN_JSON, RunRecord, read_record
from ganspeed.scoring.label import read_label
from ganspeed.system.files import reading
from ganspeed.workspace import Workspace

Cell = tuple[str, int]  # variant and seed
Levels = Mapping[tuple[str, str], float]  # row of the calibration and metric → value


def findings_of_run(
    record: RunRecord,
    history: pd.DataFrame,
    scores: pd.DataFrame,
    levels: Levels,
    tau25: float,
    bounds: Diagnosis,
) -> Findings:
    """The findings on a finished run. scores: update, metric, value."""
    evidence = Evidence(
        history,
        scores,
        logits=objective_declarations(record.objective).logits,
        diverged_at=record.diverged_at,
        pixel_gaussian=levels.get(("pixel_gaussian", "cfid")),
        tau25=tau25,
        real_modes=levels.get(("test", "modes")),
    )
    return diagnosed(evidence, bounds)


def levels_of(calibration: pd.DataFrame) -> Levels:
    """The values of a calibration table, columns row, metric, value."""
    columns = (calibration[name] for name in ("row", "metric", "value"))
    return {(row, metric): float(value) for row, metric, value in zip(*columns, strict=True)}


def findings_in_words(workspace: Workspace, params: Params, dataset: str | None, variant: str | None) -> str:
    """The findings on the runs of one variant, each in its rows, or on those of params.compare, a row for a variant.

    Raises UserError where no such run is there, and for a name that params.yaml does not have.
    """
    if dataset is not None:
        params.dataset(dataset)
    if variant is not None:
        params.variant(variant)
    parts, lacking = [], []
    for name in params.compare.datasets if dataset is None else [dataset]:
        wanted = params.compare.variants if variant is None else [variant]
        found, lines = stored_findings(workspace, params, name, wanted)
        lacking += lines
        if found:
            parts.append(f"{name}\n{of_variants(found) if variant is None else of_runs(found)}")
    if not parts:
        raise UserError("\n".join(lacking))
    return "\n\n".join([*parts, *(["\n".join(lacking)] if lacking else [])])


def stored_findings(
    workspace: Workspace, params: Params, dataset: str, variants: Iterable[str]
) -> tuple[dict[Cell, Findings], list[str]]:
    """(variant, seed) → the findings on each run of the grid that is there, and a line for what is missing.

    Raises UserError for a damaged file.
    """
    found, missing, unscored = {}, [], []
    levels = _levels(workspace, dataset)
    for variant in variants:
        for seed in params.compare.seeds:
            if not (workspace.run(dataset, variant, seed) / RUN_JSON).exists():
                missing.append((variant, seed))
                continue
            _refuse_damaged(workspace.run(dataset, variant, seed))
            found[variant, seed], is_scored = _stored(workspace, params, dataset, variant, seed, levels)
            unscored += [] if is_scored else [(variant, seed)]
    return found, _lines(dataset, missing, unscored, workspace.calibration(dataset))


def _refuse_damaged(folder: Path) -> None:
    """Raises UserError where the history is not the one that the run has written."""
    if problems := file_problems(folder / "history.csv", read_record(folder).files.get("history.csv", "")):
        raise UserError("\n".join([*problems, "train the run again"]))


def findings_on(workspace: Workspace, params: Params, dataset: str, variant: str, seed: int) -> Findings:
    """The findings on a finished run. Raises UserError for a damaged file."""
    return _stored(workspace, params, dataset, variant, seed, _levels(workspace, dataset))[0]


def _stored(
    workspace: Workspace, params: Params, dataset: str, variant: str, seed: int, levels: Levels
) -> tuple[Findings, bool]:
    """The findings on a finished run, and whether it has scores."""
    folder = workspace.run(dataset, variant, seed)
    record = read_record(folder)
    with reading(folder / "history.csv", "train the run again"):
        history = pd.read_csv(folder / "history.csv")
    scores = _read_scores(workspace.scores(dataset, variant, seed), record)
    known = (levels, params.dataset(dataset).threshold.tau25, params.report.bounds)
    return findings_of_run(record, history, NO_SCORES if scores is None else scores, *known), scores is not None


def _levels(workspace: Workspace, dataset: str) -> Levels:
    """Of a data set; none where it is not calibrated yet."""
    return levels_of(read_calibration(workspace, dataset)) if workspace.calibration(dataset).exists() else {}


def _lines(dataset: str, missing: list[Cell], unscored: list[Cell], calibration: Path) -> list[str]:
    lines = (
        [f"{dataset}: not trained yet, seeds in brackets: {_cells(missing)}; `dvc repro` trains them"]
        if missing
        else []
    )
    if unscored:
        lines.append(f"{dataset}: without scores, which some detectors ask for: {_cells(unscored)}")
    return lines + ([] if calibration.exists() else [f"{dataset}: {calibration} is missing: no cfid is known as bad"])


def _cells(cells: list[Cell]) -> str:
    """Variants with their seeds, such as "gan (0, 1)"."""
    seeds: dict[str, list[str]] = {}
    for variant, seed in cells:
        seeds.setdefault(variant, []).append(str(seed))
    return ", ".join(f"{variant} ({', '.join(of_variant)})" for variant, of_variant in seeds.items())


def _read_scores(path: Path, record: RunRecord) -> pd.DataFrame | None:
    """The scores of this run; None where there are none, or those of another run are still there."""
    if not path.exists() or not path.with_suffix(".json").exists():
        return None
    if problems := score_problems(path):
        raise UserError("\n".join([*problems, "run the stage `evaluate`"]))
    return pd.read_csv(path) if read_label(path).run.fingerprint == record.fingerprint else None
