"""Reads the files of every run in params.compare, each by its name, never by a directory search."""

from dataclasses import asdict, dataclass
from functools import cached_property
from itertools import product
from pathlib import Path

import pandas as pd

from ganspeed.compare.comparison import Comparison
from ganspeed.compare.read import read_calibration, read_records
from ganspeed.compare.times import THRESHOLDS
from ganspeed.data.prepared import MANIFEST, Manifest, read_manifest
from ganspeed.diagnosis import Findings
from ganspeed.diagnosis.stored import findings_of_run, levels_of
from ganspeed.errors import UserError
from ganspeed.params.blocks import Compare, Diagnosis, Params
from ganspeed.params.networks import Networks
from ganspeed.report.accuracy import ACCURACY, Accuracy, read_accuracy
from ganspeed.report.comparison import read_comparison
from ganspeed.runs.integrity import refuse_damaged_runs
from ganspeed.runs.provenance import ProvenanceRecord, read_provenance_if_whole
from ganspeed.runs.record import RUN_JSON, RunRecord, read_record, read_weights
from ganspeed.runs.timing import read_timing
from ganspeed.scoring.label import ScoreLabel
from ganspeed.scoring.read import read_scores
from ganspeed.scoring.sources import metric_sha256
from ganspeed.study.status import Status, StudyFacts, committed, study_status
from ganspeed.training.counts import Counts
from ganspeed.types import RunFacts
from ganspeed.workspace import Workspace


@dataclass(frozen=True)
class ReportedRun:
    """One variant with one seed: its record, its provenance and its folder."""

    variant: str
    seed: int
    record: RunRecord
    provenance: ProvenanceRecord
    folder: Path
    seconds_per_update: float | None  # of its variant, measured by the stage timing; None if not measured

    @cached_property
    def counts(self) -> Counts:
        """Critic steps and batch sizes of every update."""
        return Counts.of(self.record.variant_block, self.record.batch_size)

    def at(self, update: float) -> dict[str, float]:
        """Axis → its units from the beginning to the end of this update; between two updates by interpolation."""
        before = int(update)
        first, second = self.counts.units(before), self.counts.units(before + 1)
        units = {axis: first[axis] + (update - before) * (second[axis] - first[axis]) for axis in first}
        return units if self.seconds_per_update is None else units | {"seconds": update * self.seconds_per_update}

    @property
    def scale(self) -> dict[str, float]:
        """Axis → units of that axis per generator update, the mean over the run where updates differ in cost."""
        return {axis: units / self.record.updates for axis, units in self.at(self.record.updates).items()}

    @property
    def weights(self) -> dict[str, int] | None:
        """G and D → number of weights; None for a run of an older version."""
        return read_weights(self.folder, self.record)

    @property
    def samples(self) -> dict[int, Path]:
        """Update → picture of samples at fixed z, as run.json lists them."""
        return {update: self.folder / name for update, name in self.record.samples().items()}


@dataclass(frozen=True)
class Results:
    """All results of one data set.

    scores: variant, seed, update, metric, value, and the axes of ReportedRun.scale; history: variant, seed and the
    columns of history.csv, NaN if a variant does not log them; calibration: row, metric, value, n.
    """

    dataset: str
    variants: tuple[str, ...]
    seeds: tuple[int, ...]
    runs: tuple[ReportedRun, ...]
    scores: pd.DataFrame
    history: pd.DataFrame
    calibration: pd.DataFrame
    comparison: Comparison
    accuracy: Accuracy
    score_label: ScoreLabel  # of the first run
    status: Status
    manifest: Manifest  # of the prepared data
    networks: Networks  # of the data set, resolved; a variant may override keys
    bounds: Diagnosis  # of findings
    sampling_seconds: dict[str, float]  # variant → of 1,000 images that G makes; empty if not measured

    def of(self, variant: str) -> list[ReportedRun]:
        """The runs of a variant, in the order of the seeds."""
        return [run for run in self.runs if run.variant == variant]

    @cached_property
    def by_run(self) -> dict[tuple[str, int], tuple[pd.DataFrame, pd.DataFrame]]:
        """(variant, seed) → the run's rows of history and of scores, computed once."""
        tables = [(table, dict(iter(table.groupby(["variant", "seed"])))) for table in (self.history, self.scores)]
        keys = [(run.variant, run.seed) for run in self.runs]
        return {key: tuple(rows.get(key, table.iloc[:0]) for table, rows in tables) for key in keys}

    @cached_property
    def findings(self) -> dict[tuple[str, int], Findings]:
        """(variant, seed) → what is wrong with the run, in the order of the runs; computed once."""
        known = levels_of(self.calibration), self.comparison.thresholds.tau25, self.bounds
        records = {(run.variant, run.seed): run.record for run in self.runs}
        return {key: findings_of_run(records[key], *tables, *known) for key, tables in self.by_run.items()}

    @cached_property
    def cfid_by_run(self) -> dict[tuple[str, int], pd.Series]:
        """(variant, seed) → cfid by update of each run that has a snapshot, computed once."""
        found = where(self.scores, metric="cfid").sort_values("update").groupby(["variant", "seed"])
        return {key: rows.set_index("update").value for key, rows in found}

    def last(self) -> pd.DataFrame:
        """Scores of each run's last snapshot; for a diverged run, the last one before it diverged."""
        newest = self.scores.groupby(["variant", "seed"])["update"].transform("max")
        return self.scores[self.scores["update"] == newest]

    def level(self, row: str, metric: str) -> float | None:
        """A value of the calibration table; None if it has no such value."""
        return next(map(float, where(self.calibration, row=row, metric=metric).value), None)


def where(table: pd.DataFrame, **wanted: object) -> pd.DataFrame:
    """The rows that have these values in these columns."""
    for column, value in wanted.items():
        table = table[table[column] == value]
    return table


def read_results(workspace: Workspace, params: Params) -> list[Results]:
    """Read the results of every data set. Raises UserError naming every file that is missing."""
    missing, compare = [], params.compare
    for dataset in compare.datasets:
        shared = [workspace.calibration(dataset), workspace.comparison(dataset), workspace.features(dataset) / ACCURACY]
        shared.append(workspace.prepared(dataset) / MANIFEST)
        missing += [f"data set {dataset}: {path} does not exist" for path in shared if not path.is_file()]
        for variant, seed in product(compare.variants, compare.seeds):
            lost = [path for path in _run_files(workspace, dataset, variant, seed) if not path.is_file()]
            missing += [f"run {dataset}/{variant}/seed-{seed}: {path} does not exist" for path in lost]
    if missing:
        raise UserError("\n".join([*missing, "params.compare asks for all of them: run the stages before `report`"]))
    return [_read_dataset(workspace, params, dataset) for dataset in compare.datasets]


def _run_files(workspace: Workspace, dataset: str, variant: str, seed: int) -> list[Path]:
    folder, scores = workspace.run(dataset, variant, seed), workspace.scores(dataset, variant, seed)
    return [folder / RUN_JSON, folder / "history.csv", scores, scores.with_suffix(".json")]


def _read_dataset(workspace: Workspace, params: Params, dataset: str) -> Results:
    compare = params.compare
    for variant in compare.variants:
        refuse_damaged_runs(workspace, dataset, variant, compare.seeds)
    comparison = read_comparison(workspace.comparison(dataset), params, dataset)
    seconds, clock = comparison.seconds_per_update, workspace.timing(dataset)
    runs = tuple(_read_run(workspace, dataset, v, s, seconds) for v in compare.variants for s in compare.seeds)
    tables, labels = read_scores(workspace, dataset, params)
    _check_labels([(run.record, labels[run.variant, run.seed].run) for run in runs], dataset)
    scores, histories = [], []
    for run in runs:
        table = tables[run.variant, run.seed]
        scores.append(table.join(pd.DataFrame([run.at(update) for update in table["update"]], index=table.index)))
        histories.append(pd.read_csv(run.folder / "history.csv").assign(variant=run.variant, seed=run.seed))
    label, accuracy = labels[runs[0].variant, runs[0].seed], read_accuracy(workspace, dataset)
    return Results(
        dataset=dataset,
        variants=compare.variants,
        seeds=compare.seeds,
        runs=runs,
        scores=pd.concat(scores, ignore_index=True),
        history=_history(histories),
        calibration=read_calibration(workspace, dataset),
        comparison=comparison,
        accuracy=accuracy,
        score_label=label,
        status=_status(workspace, compare, runs, comparison, label, accuracy),
        manifest=read_manifest(workspace.prepared(dataset)),
        networks=params.networks(dataset),
        bounds=params.report.bounds,
        sampling_seconds=read_timing(clock).seconds_per_1000_samples if clock.exists() else {},
    )


def _status(
    workspace: Workspace,
    compare: Compare,
    runs: tuple[ReportedRun, ...],
    comparison: Comparison,
    score_label: ScoreLabel,
    accuracy: Accuracy,
) -> Status:
    """The status of the study, from its runs, committed records and git."""
    dataset, used, blocks = comparison.dataset, comparison.thresholds, runs[0].record
    threshold = {name: getattr(used, name) for name in THRESHOLDS} | {"tau_second": used.second}
    study = StudyFacts(
        dataset=dataset,
        axis=comparison.axis,
        data=blocks.data_block,
        evaluate=score_label.evaluate | {"samples": score_label.samples},
        features=accuracy.settings,
        guards=comparison.guards,
        metric_sha256=metric_sha256(),
        planned=[{"new": row.new, "reference": row.reference} for row in comparison.planned],
        seed_offsets={run.variant: run.record.seed - run.seed for run in runs},
        seeds=list(compare.seeds),
        threshold=threshold,
        train=blocks.train_block,
        networks={run.variant: run.record.networks_block for run in runs},
        variants={run.variant: run.record.variant_block for run in runs},
        demo=comparison.demo,
        untuned=comparison.untuned,
        provenance=[asdict(run.provenance) for run in runs],
    )
    record = workspace.preregistration(dataset)
    commits = committed(workspace.root, record, [run.provenance.commit for run in runs])
    return study_status(study, read_records(workspace, dataset), commits)


def _history(histories: list[pd.DataFrame]) -> pd.DataFrame:
    """All histories in one table; it has both loss columns even if every run diverged before it logged a row."""
    table = pd.concat(histories, ignore_index=True)
    return table.reindex(columns=[*table.columns, *(c for c in ("d_loss", "g_loss") if c not in table)])


def _read_run(workspace: Workspace, dataset: str, variant: str, seed: int, seconds: dict[str, float]) -> ReportedRun:
    folder = workspace.run(dataset, variant, seed)
    provenance = read_provenance_if_whole(workspace.provenance(dataset, variant, seed))
    return ReportedRun(variant, seed, read_record(folder), provenance, folder, seconds.get(variant))


def _check_labels(runs: list[tuple[RunRecord, RunFacts]], dataset: str) -> None:
    """Raise UserError if the label of a run's scores, which compare reads, differs from its run.json."""
    for record, facts in runs:
        own = vars(RunFacts.of(record))
        if differing := [f"{key}: {seen!r}, not {own[key]!r}" for key, seen in vars(facts).items() if seen != own[key]]:
            name = f"{dataset}/{record.variant}/seed-{record.seed}"
            raise UserError(f"scores of {name} belong to another run: {'; '.join(differing)}; run the stage `evaluate`")
