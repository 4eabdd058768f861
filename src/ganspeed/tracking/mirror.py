"""Copies the pipeline's files to MLflow: it only reads files, and a second call changes nothing."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import product
from typing import Any

from ganspeed.params.blocks import Params
from ganspeed.tracking.address import dvc_experiment, tracking_uri
from ganspeed.tracking.artifacts import PICTURES, PICTURES_TAG, run_artifacts
from ganspeed.tracking.client import Client, TrackingError, now, wrap_errors
from ganspeed.tracking.compared import Cell, Compared, read_compared
from ganspeed.tracking.descriptions import describe_experiment
from ganspeed.tracking.entities import NOTE_TAG, Key, key_of
from ganspeed.tracking.importing import import_backend, installed
from ganspeed.tracking.messages import disable, first_line, is_disabled, one_line, warn, warn_not_installed
from ganspeed.tracking.mirror_run import MIRRORED_TAG, Mirrored, mirror_run
from ganspeed.tracking.run_files import RunFiles, read_run_files
from ganspeed.tracking.summary_runs import SummaryRuns, headline_of, report_summary, variant_summary
from ganspeed.tracking.timeouts import COMMAND_TIMEOUT, STAGE_TIMEOUT, OnProgress, with_timeout
from ganspeed.tracking.view import views
from ganspeed.workspace import Workspace

HEARTBEAT_TAG = "ganspeed.heartbeat"  # the time of a running run's last heartbeat, in seconds since the epoch
HEARTBEAT_TIMEOUT = 120.0  # seconds without a heartbeat after which a running run counts as killed


@dataclass(frozen=True)
class MirrorSummary:
    """How many runs a call of `mirror` added, updated, created anew because their scores had changed, or left alone."""

    added: int = 0
    updated: int = 0
    rebuilt: int = 0
    unchanged: int = 0


def mirror(
    workspace: Workspace,
    params: Params,
    dataset: str | None = None,
    variant: str | None = None,
    timeout: float = COMMAND_TIMEOUT,
) -> MirrorSummary:
    """Bring MLflow up to date with the runs of params.compare, or of one data set, or of one variant on it.

    Runs that are not trained yet are skipped, as are scores and provenance that do not exist yet. Raises TrackingError
    when MLflow cannot be read or written, or makes no progress for `timeout` seconds; when it takes some of the runs
    only, after all others were mirrored. Files that it does not take are one warning. Warns and does nothing if
    MLflow is not installed.
    """
    if not installed():
        warn_not_installed()
        return MirrorSummary()
    uri = tracking_uri(workspace)
    with wrap_errors(uri):
        import_backend(uri)
        done = with_timeout(lambda on_progress: _mirror(workspace, params, dataset, variant, on_progress), timeout)
    if done.without_files:
        text = f"files of {len(done.without_files)} runs not mirrored, {done.without_files[0]}"
        warn(f"{one_line(uri, text)}; `ganspeed track` tries them again")
    if done.failed:
        raise TrackingError(one_line(uri, f"{len(done.failed)} not mirrored, the others are: {done.failed[0]}"))
    counts = list(done.actions.values())
    return MirrorSummary(**{action: counts.count(action) for action in ("added", "updated", "rebuilt", "unchanged")})


def mirror_safely(workspace: Workspace, params: Params, dataset: str | None = None, variant: str | None = None) -> None:
    """As `mirror`, for a stage: an error is one line on stderr, once in a process, and the stage continues."""
    uri = tracking_uri(workspace)
    if is_disabled(uri):
        return
    try:
        mirror(workspace, params, dataset, variant, STAGE_TIMEOUT)
    except Exception as error:  # noqa: BLE001 a mirror must not break what it mirrors
        disable(uri, str(error) if isinstance(error, TrackingError) else one_line(uri, error))


def experiment_of(client: Client, dataset: str, params: Params) -> str:
    """The id of a data set's experiment, with its views, and a description unless it has one."""
    tags = {"mlflow.experimentKind": "custom_model_development", **views(dataset, params)}
    return client.experiment(dataset, tags, {NOTE_TAG: describe_experiment(dataset, params)})


def _mirror(
    workspace: Workspace, params: Params, dataset: str | None, variant: str | None, on_progress: OnProgress
) -> "_Mirroring":
    mirroring = _Mirroring(Client(workspace, on_progress), workspace, params, on_progress)
    with mirroring.client.lock:
        for name in params.compare.datasets if dataset is None else [dataset]:
            with mirroring.guard(name):
                mirroring.mirror_dataset(name, variant)
        if dataset is None:
            mirroring.hide_other_datasets()
        mirroring.upload_files()
    return mirroring


class _Mirroring:
    """One call of `mirror`: what ails one run, or one part of it, does not keep the others from being mirrored."""

    def __init__(self, client: Client, workspace: Workspace, params: Params, on_progress: OnProgress):
        self.client = client
        self.actions: dict[str, str] = {}  # run id → a field of MirrorSummary
        self.failed: list[str] = []  # runs and data sets, with the reason
        self.without_files: list[str] = []  # runs, with the reason
        self._workspace, self._params, self._on_progress = workspace, params, on_progress
        self._reports: list[tuple[SummaryRuns, str]] = []  # and the run of each that has the report
        self._without: dict[str, RunFiles] = {}  # run id → the run whose files are to be uploaded

    @contextmanager
    def guard(self, what: str, failures: list[str] | None = None) -> Iterator[None]:
        """Note an error within this context among the failures; what succeeds is progress."""
        try:
            yield
            self._on_progress()
        except Exception as error:  # noqa: BLE001 the store may refuse anything
            (self.failed if failures is None else failures).append(f"{what}: {first_line(error)}")

    def mirror_dataset(self, dataset: str, variant: str | None) -> None:
        """Bring the runs of a data set, or of one variant, up to date one after another.

        With a variant, the runs of the others stay as they are, and so does what sums up runs: they may be trained and
        not collected yet.
        """
        grid = self._params.compare
        experiment_id = experiment_of(self.client, dataset, self._params)
        known = self.client.search_runs(experiment_id, {"variant": variant} if variant else None, self._on_progress)
        runs, unread = self._read(dataset, grid.variants if variant is None else [variant])
        summaries, parents, found = SummaryRuns(self.client, experiment_id), {}, None
        if variant is None:
            with self.guard(f"comparison of {dataset}"):
                found = read_compared(self._workspace, dataset, runs)
                parents = self._sum_up(dataset, experiment_id, summaries, found, runs)
        for cell, run in runs.items():
            with self.guard(_label(dataset, *cell)):
                done = mirror_run(self.client, experiment_id, run, known.get(key_of(run)))
                changed = self._place(done, found.values(cell, run), parents.get(cell[0])) if found else False
                self.actions[done.run_id] = "updated" if changed and done.action == "unchanged" else done.action
                if not done.has_files:
                    self._without[done.run_id] = run
        keys, seeds = {key_of(run) for run in runs.values()}, set(map(str, grid.seeds))
        others = {key: run for key, run in known.items() if key not in keys and (key.variant, key.seed) not in unread}
        may_be_alive = {key for key in others if key.variant in grid.variants and key.seed in seeds}
        self._hide_stale_runs(dataset, others, may_be_alive, summaries)

    def hide_other_datasets(self) -> None:
        """Take the runs of data sets that params.yaml no longer names out of the view."""
        with self.guard("data sets of before"):
            for dataset, experiment_id in self.client.other_experiments(self._params.compare.datasets).items():
                runs = self.client.search_runs(experiment_id, on_progress=self._on_progress)
                summaries = SummaryRuns(self.client, experiment_id)
                summaries.retire()
                self._hide_stale_runs(dataset, runs, set(), summaries)

    def upload_files(self) -> None:
        """Upload what is missing of the files of all that this call has mirrored."""
        for run_id, run in self._without.items():
            with self.guard(_label(run.dataset, run.variant, run.seed), self.without_files):
                with run_artifacts(run) as folder:
                    self.client.upload(run_id, folder)
                    pictures = PICTURES_TAG if (folder / PICTURES).exists() else {}
                self.client.log(run_id, [], {MIRRORED_TAG: run.content_hash, **pictures})
                if self.actions[run_id] == "unchanged":
                    self.actions[run_id] = "updated"
        for summaries, run_id in self._reports:
            with self.guard("the report", self.without_files):
                summaries.upload_report(run_id, self._workspace.report_page)

    def _read(self, dataset: str, variants: Iterable[str]) -> tuple[dict[Cell, RunFiles], set[tuple[str, str]]]:
        """The runs that are trained, and variant and seed of those whose files cannot be read."""
        runs, unread = {}, set()
        for variant, seed in product(variants, self._params.compare.seeds):
            unread.add((variant, str(seed)))
            with self.guard(_label(dataset, variant, seed)):
                run = read_run_files(self._workspace, self._params, dataset, variant, seed)
                unread.discard((variant, str(seed)))
                if run:
                    runs[variant, seed] = run
        return runs, unread

    def _sum_up(
        self, dataset: str, experiment_id: str, summaries: SummaryRuns, found: Compared, runs: dict[Cell, RunFiles]
    ) -> dict[str, str]:
        """Write what sums up the runs of a data set, and take out what no longer does; returns variant → id."""
        variants, seeds = self._params.compare.variants, self._params.compare.seeds
        parents, text, report = {}, "", ""
        if found.is_of(set(product(variants, seeds))):
            text = headline_of(found.comparison)
            for variant in variants:
                parents[variant] = summaries.write(variant_summary(found.comparison, variant, runs, dvc_experiment()))
        if self._workspace.report_page.exists():
            run_id = summaries.write(report_summary(dataset, text))
            self._reports.append((summaries, run_id))
            report = f"#/experiments/{experiment_id}/runs/{run_id}/artifacts"
        summaries.retire()
        self.client.experiment(dataset, {NOTE_TAG: describe_experiment(dataset, self._params, text, report)})
        return parents

    def _place(self, done: Mirrored, values: dict[str, float], parent: str | None) -> bool:
        """Log the numbers of a run that belong to no update, and nest it; returns whether that changed anything."""
        logged = self.client.log_values(done.run_id, values, done.metrics)
        return self.client.set_parent(done.run_id, done.tags, parent) or logged

    def _hide_stale_runs(
        self, dataset: str, runs: dict[Key, Any], may_be_alive: set[Key], summaries: SummaryRuns
    ) -> None:
        """Put runs without files among the earlier ones, except those in training; mark those without a heartbeat as
        killed."""
        for key, run in runs.items():
            with self.guard(_label(dataset, key.variant, key.seed)):
                running = run.info.status == "RUNNING"
                alive = running and _is_beating(run.data.tags.get(HEARTBEAT_TAG))
                current = str(alive and key in may_be_alive).lower()
                if run.data.tags.get("current") != current:
                    self.client.log(run.info.run_id, [], {"current": current})
                if running and not alive:
                    self.client.set_status(run.info.run_id, "KILLED")
                if current == "false":
                    summaries.put_among_earlier(run)


def _label(dataset: str, variant: str, seed: int | str) -> str:
    return f"{dataset} {variant} seed {seed}"


def _is_beating(heartbeat: str | None) -> bool:
    """Whether a heartbeat is near to now: one that lies ahead was made before the clock was set back."""
    try:
        return abs(now() - float(heartbeat or "nan")) < HEARTBEAT_TIMEOUT
    except ValueError:
        return False
