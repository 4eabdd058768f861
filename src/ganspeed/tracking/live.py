"""Curves while training goes on: an observer that hands rows to one thread and never waits for it."""

import queue
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field

from ganspeed.params.blocks import Params
from ganspeed.system.shutdown import requested
from ganspeed.tracking.client import (
    Client,
    Key,
    Point,
    Spec,
    create_database,
    installed,
    key_of,
    now,
    one_line,
    tracking_uri,
    warn_not_installed,
)
from ganspeed.tracking.descriptions import describe_run
from ganspeed.tracking.mirror import HEARTBEAT, NOTE, ROWS, experiment_tags
from ganspeed.tracking.run_files import flat_parameters, row_points
from ganspeed.tracking.timeouts import STAGE_SECONDS, give_up
from ganspeed.workspace import Workspace

FLUSH_SECONDS = 15.0  # a call of MLflow costs 10 ms, however few points it sends
HEARTBEAT_SECONDS = 30.0
HURRY_SECONDS = 1.0  # what one who was told to stop waits
Message = tuple[str, Spec, Mapping[str, float]]


@dataclass
class _Open:
    """A run in progress: its rows so far, the points not sent yet, and when it last gave a sign of life."""

    run_id: str
    beat: float
    rows: int = 0
    points: list[Point] = field(default_factory=list)


class Live:
    """Shows runs in MLflow while they are trained; `mirror` fills what it could not send.

    Called from the process that starts the training. No call waits for MLflow, and none raises: after the first
    error, one line on stderr, it stays silent. `close` waits STAGE_SECONDS at most for what is still to be sent.

    The thread starts with the first run, when every process that trains is there: MLflow changes the environment while
    it is imported, and a process that another thread starts at that moment may fail (execve: EFAULT) without a word.
    """

    def __init__(self, workspace: Workspace, params: Params):
        self._workspace, self._params = workspace, params
        self._queue: queue.SimpleQueue[Message | None] = queue.SimpleQueue()
        self._given_up = threading.Event()
        self._ready = threading.Event()  # MLflow is imported and its own database made, which takes seconds
        self._runs: dict[tuple[str, Key], _Open] = {}
        self._experiments: dict[str, str] = {}
        self._thread = threading.Thread(target=self._work, name="mlflow", daemon=True)
        if not installed():
            warn_not_installed()
            self._given_up.set()

    def started(self, spec: Spec) -> None:
        """A run begins, or goes on from its checkpoint."""
        self._put("started", spec, {})

    def logged(self, spec: Spec, row: Mapping[str, float]) -> None:
        """A row of the run's history, with the values that history.csv will hold."""
        self._put("logged", spec, dict(row))

    def finished(self, spec: Spec) -> None:
        """A run has ended, one way or another; which way is told by its files."""
        self._put("finished", spec, {})

    def scored(self, spec: Spec) -> None:
        """Scores are shown by `mirror`, which reads them where the stages have put them."""

    def close(self) -> None:
        """Send what is left; runs that have not finished are marked as killed."""
        if self._given_up.is_set() or not self._begun:
            return
        self._queue.put(None)
        if requested():
            self._thread.join(HURRY_SECONDS)
            self._given_up.set()
            return
        self._ready.wait()
        self._thread.join(STAGE_SECONDS)
        if self._thread.is_alive():
            self._give_up(TimeoutError(f"not done within {STAGE_SECONDS:g} s"))

    def _give_up(self, error: Exception) -> None:
        if not self._given_up.is_set():
            self._given_up.set()
            uri = tracking_uri(self._workspace)
            give_up(uri, f"{one_line(uri, error)} (no result depends on it; `ganspeed track` catches up)")

    def _put(self, what: str, spec: Spec, row: Mapping[str, float]) -> None:
        if self._given_up.is_set():
            return
        if not self._begun:
            self._thread.start()
        self._queue.put((what, spec, row))

    @property
    def _begun(self) -> bool:
        return self._thread.ident is not None

    def _work(self) -> None:
        try:
            try:
                create_database(self._workspace)
            finally:
                self._ready.set()
            store, last = Client(self._workspace), False
            while not last and not self._given_up.is_set():
                messages, last = self._collect()
                for message in messages:
                    self._take(store, *message)
                for run in self._runs.values():
                    self._flush(store, run)
            for run in self._runs.values():
                store.end(run.run_id, "KILLED")
        except Exception as error:  # noqa: BLE001 a mirror must not break what it mirrors
            self._give_up(error)

    def _collect(self) -> tuple[list[Message], bool]:
        """The messages of the next FLUSH_SECONDS, and whether they are the last."""
        messages, end = [], now() + FLUSH_SECONDS
        while (left := end - now()) > 0:
            try:
                message = self._queue.get(timeout=left)
            except queue.Empty:
                break
            if message is None:
                return messages, True
            messages.append(message)
        return messages, False

    def _take(self, store: Client, what: str, spec: Spec, row: Mapping[str, float]) -> None:
        if self._given_up.is_set():
            return
        key = (spec.dataset, key_of(spec))
        if what == "started":
            self._runs[key] = self._open(store, spec)
        elif what == "logged":
            self._runs[key].rows += 1
            self._runs[key].points += row_points(row, spec.parameters["train"])
        else:
            run = self._runs.pop(key)
            store.log(run.run_id, run.points, {ROWS: str(run.rows)})
            store.end(run.run_id, "FINISHED")

    def _open(self, store: Client, spec: Spec) -> _Open:
        """Find the run under its key or make it; others of the same variant and seed step out of the view."""
        if spec.dataset not in self._experiments:
            tags = experiment_tags(spec.dataset, self._params)
            self._experiments[spec.dataset] = store.experiment(spec.dataset, tags)
        experiment_id, key, beat = self._experiments[spec.dataset], key_of(spec), now()
        with store.lock:
            known = store.runs(experiment_id, {"variant": spec.variant, "seed": str(spec.seed)})
            tags = {"status": "running", HEARTBEAT: str(beat)}
            if key in known:
                run_id = known.pop(key).info.run_id
                store.set_status(run_id, "RUNNING")
                store.log(run_id, [], {"current": "true"} | tags)
            else:
                tags[NOTE] = describe_run(spec, "Training in progress.", self._params.evaluate.split)
                run_id = store.create(experiment_id, spec, flat_parameters(spec.parameters), tags)
            for other in known.values():
                if other.data.tags["current"] == "true":
                    store.log(other.info.run_id, [], {"current": "false"})
        return _Open(run_id, beat)

    def _flush(self, store: Client, run: _Open) -> None:
        due = now() - run.beat > HEARTBEAT_SECONDS
        if run.points or due:
            run.points, points, run.beat = [], run.points, now()
            store.log(run.run_id, points, {HEARTBEAT: str(run.beat)})
