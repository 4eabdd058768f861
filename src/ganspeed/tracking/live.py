"""Curves in MLflow during training: an observer that passes rows to one thread and never waits for it."""

import queue
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from ganspeed.params.blocks import Params
from ganspeed.system.shutdown import requested
from ganspeed.tracking.address import tracking_uri
from ganspeed.tracking.client import Client, now
from ganspeed.tracking.descriptions import describe_run
from ganspeed.tracking.entities import NOTE_TAG, Key, Point, Spec, key_of
from ganspeed.tracking.importing import import_backend, installed
from ganspeed.tracking.messages import disable, one_line, warn_not_installed
from ganspeed.tracking.mirror import HEARTBEAT_TAG, experiment_of
from ganspeed.tracking.mirror_run import ROWS_TAG
from ganspeed.tracking.run_files import flat_parameters, row_points
from ganspeed.tracking.timeouts import STAGE_TIMEOUT
from ganspeed.workspace import Workspace

FLUSH_INTERVAL = 15.0  # seconds; a call of MLflow takes 10 ms, however few points it sends
HEARTBEAT_INTERVAL = 30.0  # seconds
SHUTDOWN_TIMEOUT = 1.0  # seconds for what is left to send once a signal has asked the process to stop
Message = tuple[str, Spec, Mapping[str, float]]


@dataclass
class _RunningRun:
    """A run in training: its rows so far, the points not sent yet, and the time of its last heartbeat."""

    run_id: str
    heartbeat: float  # seconds since the epoch
    rows: int = 0
    points: list[Point] = field(default_factory=list)


class LiveMirror:
    """Shows runs in MLflow while they are trained; `mirror` adds what it could not send.

    Called from the process that starts the training. No call waits for MLflow, and none raises: the first error is one
    line on stderr and ends the mirroring. `close` waits STAGE_TIMEOUT at most for what is still to be sent, or longer
    while the tables of a new database are made.

    The thread starts with the first run, when all training processes have been started: MLflow changes the environment
    while it is imported, and a process that another thread starts at that moment may fail silently (execve: EFAULT).
    """

    def __init__(self, workspace: Workspace, params: Params):
        self._workspace, self._params = workspace, params
        self._queue: queue.SimpleQueue[Message | None] = queue.SimpleQueue()
        self._disabled = threading.Event()
        self._imported = threading.Event()  # MLflow is, which takes seconds
        self._progress = 0.0  # seconds of the monotonic clock: the last statement of a database that is being made
        self._runs: dict[tuple[str, Key], _RunningRun] = {}
        self._experiments: dict[str, str] = {}
        self._thread = threading.Thread(target=self._send_messages, name="mlflow", daemon=True)
        if not installed():
            warn_not_installed()
            self._disabled.set()

    def started(self, spec: Spec) -> None:
        """A run starts, or resumes from its checkpoint."""
        self._enqueue("started", spec, {})

    def logged(self, spec: Spec, row: Mapping[str, float]) -> None:
        """A row of the run's history, with the values that history.csv will have."""
        self._enqueue("logged", spec, dict(row))

    def finished(self, spec: Spec) -> None:
        """A run has ended, completed or diverged: `mirror` reads which of them from its files."""
        self._enqueue("finished", spec, {})

    def scored(self, spec: Spec) -> None:
        """Nothing to do: `mirror` reads the scores from the files of the stage evaluate."""

    def close(self) -> None:
        """Send what is left and mark runs that have not finished as killed."""
        if self._disabled.is_set() or not self._is_started:
            return
        self._queue.put(None)
        if requested():
            self._thread.join(SHUTDOWN_TIMEOUT)
            self._disabled.set()
            return
        self._imported.wait()
        begin = time.monotonic()
        while self._thread.is_alive() and (left := max(begin, self._progress) + STAGE_TIMEOUT - time.monotonic()) > 0:
            self._thread.join(left)
        if self._thread.is_alive():
            self._disable(TimeoutError(f"not done within {STAGE_TIMEOUT:g} s"))

    def _disable(self, error: Exception) -> None:
        if not self._disabled.is_set():
            self._disabled.set()
            uri = tracking_uri(self._workspace)
            disable(uri, one_line(uri, error))

    def _enqueue(self, event: str, spec: Spec, row: Mapping[str, float]) -> None:
        if self._disabled.is_set():
            return
        if not self._is_started:
            self._thread.start()
        self._queue.put((event, spec, row))

    @property
    def _is_started(self) -> bool:
        return self._thread.ident is not None

    def _send_messages(self) -> None:
        try:
            try:
                import_backend(tracking_uri(self._workspace))
            finally:
                self._imported.set()
            client, last = Client(self._workspace, self._note_progress), False
            while not last and not self._disabled.is_set():
                messages, last = self._next_messages()
                for message in messages:
                    self._handle(client, *message)
                for run in self._runs.values():
                    self._flush(client, run)
            for run in self._runs.values():
                client.set_status(run.run_id, "KILLED")
        except Exception as error:  # noqa: BLE001 a mirror must not break what it mirrors
            self._disable(error)

    def _note_progress(self) -> None:
        self._progress = time.monotonic()

    def _next_messages(self) -> tuple[list[Message], bool]:
        """The messages that arrive within FLUSH_INTERVAL, and whether they are the last."""
        messages, end = [], now() + FLUSH_INTERVAL
        while (left := end - now()) > 0:
            try:
                message = self._queue.get(timeout=left)
            except queue.Empty:
                break
            if message is None:
                return messages, True
            messages.append(message)
        return messages, False

    def _handle(self, client: Client, event: str, spec: Spec, row: Mapping[str, float]) -> None:
        if self._disabled.is_set():
            return
        key = (spec.dataset, key_of(spec))
        if event == "started":
            self._runs[key] = self._find_or_create(client, spec)
        elif event == "logged":
            self._runs[key].rows += 1
            self._runs[key].points += row_points(row, spec.parameters["train"])
        else:
            run = self._runs.pop(key)
            client.log(run.run_id, run.points, {ROWS_TAG: str(run.rows)})
            client.set_status(run.run_id, "FINISHED")

    def _find_or_create(self, client: Client, spec: Spec) -> _RunningRun:
        """Find the run by its key or create it; others of the same variant and seed are no longer `current`."""
        if spec.dataset not in self._experiments:
            self._experiments[spec.dataset] = experiment_of(client, spec.dataset, self._params)
        experiment_id, key, heartbeat = self._experiments[spec.dataset], key_of(spec), now()
        with client.lock:
            known = client.search_runs(experiment_id, {"variant": spec.variant, "seed": str(spec.seed)})
            tags = {"status": "running", HEARTBEAT_TAG: str(heartbeat)}
            if key in known:
                run_id = known.pop(key).info.run_id
                client.set_status(run_id, "RUNNING")
                client.log(run_id, [], {"current": "true"} | tags)
            else:
                tags[NOTE_TAG] = describe_run(spec, "Training in progress.", self._params.evaluate.split)
                run_id = client.create(experiment_id, spec, tags)
                client.log_parameters(run_id, flat_parameters(spec.parameters))
            for other in known.values():
                if other.data.tags.get("current") != "false":
                    client.log(other.info.run_id, [], {"current": "false"})
        return _RunningRun(run_id, heartbeat)

    def _flush(self, client: Client, run: _RunningRun) -> None:
        due = now() - run.heartbeat > HEARTBEAT_INTERVAL
        if run.points or due:
            run.points, points, run.heartbeat = [], run.points, now()
            client.log(run.run_id, points, {HEARTBEAT_TAG: str(run.heartbeat)})
