"""What a person sees while runs are trained and scored: a bar per running run, or lines where there is no terminal."""

import sys
import time

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from ganspeed.params.blocks import Params
from ganspeed.runs.spec import RunSpec
from ganspeed.runs.train import ObserverFactory
from ganspeed.tracking.live import Live
from ganspeed.workspace import Workspace

TENTHS = 10  # a plain line at every tenth of a run


def make_observers(workspace: Workspace, params: Params) -> ObserverFactory:
    """What a study's runs are watched by: what a person sees here, and the MLflow mirror."""
    return lambda specs: [terminal_observer(len(specs)), Live(workspace, params)]


def terminal_observer(total: int, console: Console | None = None) -> "ProgressBars | ProgressLines":
    """Bars on a terminal, else lines, for `total` runs."""
    console = console or Console(file=sys.stderr)
    return ProgressBars(total, console) if console.is_terminal else ProgressLines(total, console)


def label(spec: RunSpec) -> str:
    return f"{spec.dataset} {spec.variant} seed {spec.seed}"


def losses(row: dict[str, float]) -> str:
    return f"D {row['d_loss']:+.3f}  G {row['g_loss']:+.3f}  gap {row['gap']:+.3f}"


class UpdateRate:
    """Updates per second of each running run, since its first row."""

    def __init__(self):
        self._first: dict[str, tuple[float, float]] = {}

    def __call__(self, spec: RunSpec, update: float) -> float | None:
        now = time.monotonic()
        started, first = self._first.setdefault(spec.fingerprint, (now, update))
        return (update - first) / (now - started) if update > first else None


class ProgressBars:
    """One live bar per running run: update, rate, losses, gap and time left; one for the whole, one for scores."""

    def __init__(self, total: int, console: Console):
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(20),
            MofNCompleteColumn(),
            TextColumn("{task.fields[now]}"),
            TimeRemainingColumn(),
            console=console,
        )
        self._progress.start()
        self._whole = self._progress.add_task("runs", total=total, now="", visible=total > 0)
        self._scored = self._progress.add_task("scored", total=total or None, now="", visible=False)
        self._tasks: dict[str, TaskID] = {}
        self._rate = UpdateRate()

    def started(self, spec: RunSpec) -> None:
        updates = spec.parameters["train"]["updates"]
        self._tasks[spec.fingerprint] = self._progress.add_task(label(spec), total=updates, now="")

    def logged(self, spec: RunSpec, row: dict[str, float]) -> None:
        rate = self._rate(spec, row["update"])
        now = f"{rate:.1f}/s  {losses(row)}" if rate else losses(row)
        self._progress.update(self._tasks[spec.fingerprint], completed=row["update"], now=now)

    def finished(self, spec: RunSpec) -> None:
        self._progress.remove_task(self._tasks.pop(spec.fingerprint))
        self._progress.advance(self._whole)

    def scored(self, spec: RunSpec) -> None:
        self._progress.update(self._scored, advance=1, visible=True)

    def close(self) -> None:
        self._progress.stop()


class ProgressLines:
    """A line when a run starts and ends and at every tenth of it: for logs."""

    def __init__(self, total: int, console: Console):
        self._console, self._total, self._done = console, total, 0
        self._tenth: dict[str, int] = {}
        self._rate = UpdateRate()

    def _say(self, text: str) -> None:
        self._console.print(text, highlight=False, soft_wrap=True)

    def started(self, spec: RunSpec) -> None:
        self._say(f"{label(spec)}: started")

    def logged(self, spec: RunSpec, row: dict[str, float]) -> None:
        updates = spec.parameters["train"]["updates"]
        rate, tenth = self._rate(spec, row["update"]), int(TENTHS * row["update"] / updates)
        if rate and tenth > self._tenth.get(spec.fingerprint, 0):
            self._tenth[spec.fingerprint] = tenth
            left = (updates - row["update"]) / rate
            self._say(f"{label(spec)}: {row['update']:.0f}/{updates}  {rate:.1f}/s  {losses(row)}  {left:.0f} s left")

    def finished(self, spec: RunSpec) -> None:
        self._done += 1
        self._say(f"{label(spec)}: finished ({self._done} of {self._total})")

    def scored(self, spec: RunSpec) -> None:
        self._say(f"{label(spec)}: scored")

    def close(self) -> None:
        pass
