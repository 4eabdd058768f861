"""Progress of training and scoring on stderr: a bar per running run on a terminal, else lines."""

import sys
import time

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from ganspeed.params.blocks import Params
from ganspeed.runs.observers import ObserverFactory
from ganspeed.runs.spec import RunSpec
from ganspeed.tracking.live import LiveMirror
from ganspeed.workspace import Workspace

LINES_PER_RUN = 10  # a progress line at every tenth of a run


def make_observers(workspace: Workspace, params: Params) -> ObserverFactory:
    """A factory of the observers of a study's runs: progress on the terminal, and curves in MLflow."""
    return lambda specs: [terminal_observer(len(specs)), LiveMirror(workspace, params)]


def terminal_observer(total: int, console: Console | None = None) -> "ProgressBars | ProgressLines":
    """Progress bars on a terminal, else progress lines, for `total` runs."""
    console = console or _Console(file=sys.stderr)
    return ProgressBars(total, console) if console.is_terminal else ProgressLines(total, console)


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


class ProgressBars:
    """One bar per running run with update, rate, losses, gap and time left; one for all runs, one for scores."""

    def __init__(self, total: int, console: Console):
        bar = TextColumn("{task.description}"), BarColumn(20), MofNCompleteColumn()
        self._progress = Progress(*bar, TextColumn("{task.fields[now]}"), TimeRemainingColumn(), console=console)
        self._runs_task = self._progress.add_task("runs", total=total, now="", visible=total > 0)
        self._scores_task = self._progress.add_task("scored", total=total or None, now="", visible=False)
        self._run_tasks: dict[str, TaskID] = {}
        self._rate = UpdateRate()

    def started(self, spec: RunSpec) -> None:
        self._progress.start()
        self._run_tasks[spec.fingerprint] = self._progress.add_task(label(spec), total=spec.train.updates, now="")

    def logged(self, spec: RunSpec, row: dict[str, float]) -> None:
        rate = self._rate(spec, row["update"])
        now = f"{rate:.1f}/s  {losses(row)}" if rate else losses(row)
        self._progress.update(self._run_tasks[spec.fingerprint], completed=row["update"], now=now)

    def finished(self, spec: RunSpec) -> None:
        self._progress.remove_task(self._run_tasks.pop(spec.fingerprint))
        self._progress.advance(self._runs_task)

    def scored(self, spec: RunSpec) -> None:
        self._progress.start()
        self._progress.update(self._scores_task, advance=1, visible=True)

    def close(self) -> None:
        self._progress.stop()


class ProgressLines:
    """A line when a run starts, at every tenth of it, and when it ends: for logs."""

    def __init__(self, total: int, console: Console):
        self._console, self._total, self._done = console, total, 0
        self._tenth: dict[str, int] = {}
        self._rate = UpdateRate()

    def _print(self, text: str) -> None:
        self._console.print(text, highlight=False, soft_wrap=True)

    def started(self, spec: RunSpec) -> None:
        self._print(f"{label(spec)}: started")

    def logged(self, spec: RunSpec, row: dict[str, float]) -> None:
        updates = spec.train.updates
        rate, tenth = self._rate(spec, row["update"]), int(LINES_PER_RUN * row["update"] / updates)
        if rate and tenth > self._tenth.get(spec.fingerprint, 0):
            self._tenth[spec.fingerprint] = tenth
            left = (updates - row["update"]) / rate
            self._print(f"{label(spec)}: {row['update']:.0f}/{updates}  {rate:.1f}/s  {losses(row)}  {left:.0f} s left")

    def finished(self, spec: RunSpec) -> None:
        self._done += 1
        self._print(f"{label(spec)}: finished ({self._done} of {self._total})")

    def scored(self, spec: RunSpec) -> None:
        self._print(f"{label(spec)}: scored")

    def close(self) -> None:
        pass
