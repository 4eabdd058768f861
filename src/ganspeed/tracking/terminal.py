"""Progress of training and scoring on stderr: a bar per running run on a terminal, else lines."""

import sys
import time
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from ganspeed.errors import UserError
from ganspeed.params.blocks import Params
from ganspeed.runs.observers import Observer, ObserverFactory
from ganspeed.runs.record import read_record
from ganspeed.runs.spec import RunSpec, all_specs
from ganspeed.runs.store import RunStore
from ganspeed.system.devices import select_device
from ganspeed.tracking.live import LiveMirror
from ganspeed.workspace import Workspace

LINES_PER_RUN = 10  # a progress line at every tenth of a run


@dataclass(frozen=True)
class Study:
    """All runs that a progress is told against, of which a stage may train only some."""

    cells: tuple[tuple[str, str], ...]  # (data set, variant) in the order of the grid
    updates: int  # of the runs that are not finished, together
    runs: int
    finished: int = 0

    @classmethod
    def of(cls, grid: list[RunSpec], finished: Collection[RunSpec] = ()) -> Self:
        """The study of the runs in `grid`, of which some are finished."""
        cells = tuple(dict.fromkeys((spec.dataset, spec.variant) for spec in grid))
        missing = [spec.train.updates for spec in grid if spec not in finished]
        return cls(cells, sum(missing), len(grid), len(grid) - len(missing))


def make_observers(workspace: Workspace, params: Params) -> ObserverFactory:
    """A factory of the observers of a study's runs: progress on the terminal, and curves in MLflow."""

    def make(specs: list[RunSpec]) -> list[Observer]:
        grid, trained_now = all_specs(workspace, params, select_device()), {spec.fingerprint for spec in specs}
        others = [spec for spec in grid if spec.fingerprint not in trained_now]
        study = Study.of(grid, [spec for spec in others if _is_there(workspace, spec)])
        return [terminal_observer(study), LiveMirror(workspace, params)]

    return make


def _is_there(workspace: Workspace, spec: RunSpec) -> bool:
    """Whether the run is finished; its files are not read, since this decides what is shown and no more."""
    folders = workspace.run(spec.dataset, spec.variant, spec.seed), RunStore(workspace).cache_folder(spec) / "run"
    for folder in folders:
        with suppress(UserError):
            if read_record(folder).fingerprint == spec.fingerprint:
                return True
    return False


def terminal_observer(study: Study, console: Console | None = None) -> "ProgressBars | ProgressLines":
    """Progress bars on a terminal, else progress lines."""
    console = console or _Console(file=sys.stderr)
    return ProgressBars(study, console) if console.is_terminal else ProgressLines(study, console)


class _Console(Console):
    def on_broken_pipe(self) -> None:
        raise  # the error that rich is handling, where its own method would end the process


def label(spec: RunSpec) -> str:
    return f"{spec.dataset} {spec.variant} seed {spec.seed}"


def losses(row: dict[str, float]) -> str:
    return f"D {row['d_loss']:+.3f}  G {row['g_loss']:+.3f}  gap {row['gap']:+.3f}"


class UpdateRate:
    """Updates per second of each running run since its first row; None at that row."""

    def __init__(self):
        self._first: dict[str, tuple[float, float]] = {}

    def __call__(self, spec: RunSpec, update: float) -> float | None:
        now = time.monotonic()
        start, first = self._first.setdefault(spec.fingerprint, (now, update))
        return (update - first) / (now - start) if update > first else None


class StudyProgress:
    """How far the study is: which variant, how many runs, and the minutes left at the pace since the first row."""

    def __init__(self, study: Study):
        self._study = study
        self._start: float | None = None  # of the first row: before it, a process loads
        self._first: dict[str, float] = {}  # run → the update of its first row: a resumed one has gone far by then
        self._last: dict[str, float] = {}  # run → its updates so far

    def add(self, spec: RunSpec, update: float) -> None:
        """Count a run as trained up to this update."""
        self._start = self._start or time.monotonic()
        self._first.setdefault(spec.fingerprint, update)
        self._last[spec.fingerprint] = update

    def text(self, spec: RunSpec) -> str:
        """As in `variant 3 of 6, 4 min left in all`; without the time while there is no pace."""
        cells = self._study.cells
        where = f"variant {cells.index((spec.dataset, spec.variant)) + 1} of {len(cells)}"
        elapsed = time.monotonic() - self._start if self._start else 0.0
        trained = sum(self._last.values()) - sum(self._first.values())
        if elapsed <= 0 or trained <= 0:
            return where
        minutes = max(0, self._study.updates - sum(self._last.values())) * elapsed / trained / 60
        return f"{where}, {f'{minutes:.0f} min' if minutes >= 1 else 'less than a minute'} left in all"


class ProgressBars:
    """One bar per running run with update, rate, losses, gap and time left; one for all runs, one for scores."""

    def __init__(self, study: Study, console: Console):
        bar = TextColumn("{task.description}"), BarColumn(20), MofNCompleteColumn()
        self._progress = Progress(*bar, TextColumn("{task.fields[now]}"), TimeRemainingColumn(), console=console)
        total, self._study = study.runs, StudyProgress(study)
        self._runs_task = self._progress.add_task("runs", total=total, now="", visible=study.updates > 0)
        self._progress.update(self._runs_task, completed=study.finished)
        self._scores_task = self._progress.add_task("scored", total=total or None, now="", visible=False)
        self._run_tasks: dict[str, TaskID] = {}
        self._rate = UpdateRate()

    def started(self, spec: RunSpec) -> None:
        self._progress.start()
        self._run_tasks[spec.fingerprint] = self._progress.add_task(label(spec), total=spec.train.updates, now="")

    def logged(self, spec: RunSpec, row: dict[str, float]) -> None:
        if not row["update"]:  # it has no losses, and what follows it is not training alone
            return
        rate = self._rate(spec, row["update"])
        now = f"{rate:.1f}/s  {losses(row)}" if rate else losses(row)
        self._progress.update(self._run_tasks[spec.fingerprint], completed=row["update"], now=now)
        self._study.add(spec, row["update"])
        self._progress.update(self._runs_task, now=self._study.text(spec))

    def finished(self, spec: RunSpec) -> None:
        self._progress.remove_task(self._run_tasks.pop(spec.fingerprint))
        self._study.add(spec, spec.train.updates)
        self._progress.advance(self._runs_task)

    def scored(self, spec: RunSpec) -> None:
        self._progress.start()
        self._progress.update(self._scores_task, advance=1, visible=True)

    def close(self) -> None:
        self._progress.stop()


class ProgressLines:
    """A line when a run starts, at every tenth of it, and when it ends: for logs."""

    def __init__(self, study: Study, console: Console):
        self._console, self._total, self._done = console, study.runs, study.finished
        self._study = StudyProgress(study)
        self._scored = 0
        self._tenth: dict[str, int] = {}
        self._rate = UpdateRate()

    def _print(self, text: str) -> None:
        self._console.print(text, highlight=False, soft_wrap=True)

    def started(self, spec: RunSpec) -> None:
        self._print(f"{label(spec)}: started")

    def logged(self, spec: RunSpec, row: dict[str, float]) -> None:
        if not row["update"]:
            return
        updates = spec.train.updates
        rate, tenth = self._rate(spec, row["update"]), int(LINES_PER_RUN * row["update"] / updates)
        self._study.add(spec, row["update"])
        if rate and tenth > self._tenth.get(spec.fingerprint, 0):
            self._tenth[spec.fingerprint] = tenth
            left = (updates - row["update"]) / rate
            self._print(f"{label(spec)}: {row['update']:.0f}/{updates}  {rate:.1f}/s  {losses(row)}  {left:.0f} s left")

    def finished(self, spec: RunSpec) -> None:
        self._done += 1
        self._study.add(spec, spec.train.updates)
        self._print(f"{label(spec)}: finished (run {self._done} of {self._total}; {self._study.text(spec)})")

    def scored(self, spec: RunSpec) -> None:
        self._scored += 1
        self._print(f"{label(spec)}: scored ({self._scored})")

    def close(self) -> None:
        pass
