"""The scores of a run: every snapshot's images as the metric classifier sees them, against held-out real ones.

Kept per seed by fingerprint, like the runs: scores that fit are left alone, those of an edit that was taken back come
from the pool, the rest are made side by side. `compare` reads nothing but the two files written here.
"""

import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import torch
from torch import Tensor

from ganspeed import data, execute, pixels, pool, views
from ganspeed.errors import UserError
from ganspeed.features import one_thread, verified
from ganspeed.files import read_json, sha256_file, sha256_json, write_json, write_text
from ganspeed.networks import load_generator
from ganspeed.params import Evaluate, Params
from ganspeed.pixels import References
from ganspeed.randomness import generator
from ganspeed.runs import RunStore
from ganspeed.scored import SOURCES
from ganspeed.views import Fitted, Lens, View
from ganspeed.workspace import Workspace

COLUMNS = ("dataset", "variant", "seed", "update", "metric", "value")
HASHES = tuple(f"{kind}{which}_sha256" for which in ("", "_second") for kind in ("classifier", "reference"))
BATCH = 500  # images generated at a time
NETWORK = ("z_dim", "width")  # what a generator is built from, beside the images' shape


@dataclass(frozen=True)
class Task:
    """One run to be scored, with all that decides its scores."""

    dataset: str
    variant: str
    seed: int
    run: Path
    record: dict  # run.json
    prepared: Path
    features: Path
    settings: Evaluate
    samples: int
    device: str

    @property
    def snapshots(self) -> dict[int, Path]:
        """Update → snapshot, ascending, as run.json lists them: the folder is never searched."""
        names = [Path(name) for name in self.record["files"] if name.startswith("snapshots/")]
        return dict(sorted((int(name.stem), self.run / name) for name in names))

    @property
    def pinned(self) -> tuple[str, ...]:
        """Hashes of the classifiers, of the real images as they see them, and of the data: they pin both folders."""
        facts = verified(self.features)
        return (*(facts[name] for name in HASHES), data.manifest_sha256(self.prepared))

    @property
    def fingerprint(self) -> str:
        """SHA-256 of everything that decides the table of scores, and of nothing else."""
        source = Path(__file__).parent
        return sha256_json(
            {
                "cell": [self.dataset, self.variant, self.seed],  # they stand in every line of the table
                "snapshots": {str(u): self.record["files"][f"snapshots/{p.name}"] for u, p in self.snapshots.items()},
                "network": {key: self.record["parameters"]["train"][key] for key in NETWORK},
                "real": self.pinned,
                "evaluate": [self.settings.model_dump(), self.samples],
                "sources": {name: sha256_file(source / name) for name in SOURCES},
                "torch": torch.__version__,
                "device": execute.device_name(torch.device(self.device)),
            }
        )

    def label(self, table: Path) -> dict:
        """What lies beside the table: its fingerprint and hash, and what compare has to know of the run."""
        record, train = self.record, self.record["parameters"]["train"]
        return {
            "fingerprint": self.fingerprint,
            "sha256": sha256_file(table),
            "samples": self.samples,
            "split": self.settings.split,
            "evaluate": self.settings.model_dump(mode="json"),
            "run": {
                **{key: record[key] for key in ("fingerprint", "status", "diverged_at")},
                **{key: record[key] for key in ("device", "engine", "precision", "versions")},
                **{key: train[key] for key in ("updates", "batch_size", "grid_ratio")},
                "n_critic": record["parameters"]["variant"]["n_critic"],
                "variant": record["parameters"]["variant"],
            },
        }


def score_variant(workspace: Workspace, params: Params, dataset: str, variant: str) -> list[int]:
    """Bring the scores of one cell of the grid in step with params and runs; returns the seeds that were scored.

    Raises UserError, naming all of them, when a run that the params ask for is missing or a snapshot is not the one
    that was trained.
    """
    where = execute.device()
    tasks = [
        _task(workspace, params, dataset, variant, seed, workspace.run(dataset, variant, seed), where)
        for seed in _trained(workspace, params, dataset, variant)
    ]
    named = {task.seed for task in tasks}
    for table in sorted(workspace.scores(dataset, variant, 0).parent.glob("seed-*.csv")):
        if (seed := int(table.stem.removeprefix("seed-"))) not in named:
            pool.put_aside_scores(workspace, dataset, variant, seed)
    missing = [task for task in tasks if not _collect(workspace, task)]
    for task, table in execute.map_processes(score, missing, execute.workers(where)):
        _write(workspace.scores(dataset, variant, task.seed), table, task)
    return [task.seed for task in missing]


def score_ahead(workspace: Workspace, params: Params) -> Iterator[tuple[Task, int]]:
    """Score the trained runs of the whole grid side by side into the pool, where the evaluate cells find them.

    Yields what was scored, and how many there are to be. Runs that are not trained yet are passed over, and data sets
    that have no classifiers yet.
    """
    where, store = execute.device(), RunStore(workspace)
    specs = [spec for spec in execute.grid(workspace, params, where) if workspace.features(spec.dataset).exists()]
    tasks = [
        _task(workspace, params, spec.dataset, spec.variant, spec.seed, run, where)
        for spec in specs
        if (run := store.finished(spec))
    ]
    missing = [task for task in tasks if not any(_fits(place, task.fingerprint) for place in _places(workspace, task))]
    for task, table in execute.map_processes(score, missing, execute.workers(where)):
        _write(pool.pooled_scores(workspace, task.fingerprint), table, task)
        yield task, len(missing)


def score(task: Task) -> str:
    """The tidy table of one run: both cfids of every snapshot, every metric of those that `fully_scored` names."""
    _verify(task)
    lines = [",".join(COLUMNS)]
    full = fully_scored(list(task.snapshots), task.settings.full_snapshots)
    with one_thread():
        for update, path in task.snapshots.items():
            for metric, value in _score_snapshot(task, path, update in full).items():
                if not math.isfinite(value):
                    raise UserError(f"{path}: {metric} is {value}; the snapshot's weights are not finite")
                lines.append(f"{task.dataset},{task.variant},{task.seed},{update},{metric},{value!r}")
    return "\n".join(lines) + "\n"


def fully_scored(updates: list[int], count: int) -> set[int]:
    """The last snapshot and `count` before it, evenly spread over the grid; update 0 is left out if others are there.

    updates: ascending. The grid is logarithmic, so that these are evenly spread over log updates where it is fine.
    Fewer than asked for where there are fewer snapshots.
    """
    last = len(updates) - 1
    return {updates[round(last * i / (count + 1))] for i in range(1, count + 2)} - ({0} if last else set())


def _trained(workspace: Workspace, params: Params, dataset: str, variant: str) -> tuple[int, ...]:
    """The seeds of the grid, after it was made sure that each has a run."""
    records = [workspace.run(dataset, variant, seed) / "run.json" for seed in params.compare.seeds]
    if missing := [str(path.parent) for path in records if not path.exists()]:
        raise UserError(f"no finished run in: {', '.join(missing)}; the stage train@{dataset}-{variant} makes them")
    return params.compare.seeds


def _task(
    workspace: Workspace, params: Params, dataset: str, variant: str, seed: int, run: Path, where: torch.device
) -> Task:
    samples = params.dataset(dataset).evaluate.samples
    record, folders = read_json(run / "run.json"), (workspace.prepared(dataset), workspace.features(dataset))
    return Task(dataset, variant, seed, run, record, *folders, params.evaluate, samples, str(where))


def _collect(workspace: Workspace, task: Task) -> bool:
    """Make sure that the scores at their place fit, taking them from the pool if need be; False if there are none."""
    place, pooled = _places(workspace, task)
    if not _fits(place, task.fingerprint):
        pool.put_aside_scores(workspace, task.dataset, task.variant, task.seed)
        if not _fits(pooled, task.fingerprint):
            return False
        place.parent.mkdir(parents=True, exist_ok=True)
        os.replace(pooled, place)
        os.replace(pooled.with_suffix(".json"), place.with_suffix(".json"))
    label = task.label(place)  # an edit that leaves the snapshots' bytes may still have changed what is told of the run
    if read_json(place.with_suffix(".json")) != label:
        write_json(place.with_suffix(".json"), label)
    return True


def _places(workspace: Workspace, task: Task) -> tuple[Path, Path]:
    """Where the scores of a task belong, and where they wait in the pool."""
    place = workspace.scores(task.dataset, task.variant, task.seed)
    return place, pool.pooled_scores(workspace, task.fingerprint)


def _write(path: Path, table: str, task: Task) -> None:
    write_text(path, table)
    write_json(path.with_suffix(".json"), task.label(path))


def _fits(table: Path, fingerprint: str) -> bool:
    """Whether a table and its label lie here, of this fingerprint and with the bytes that were written."""
    if not (table.exists() and table.with_suffix(".json").exists()):
        return False
    label = read_json(table.with_suffix(".json"))
    return label["fingerprint"] == fingerprint and label["sha256"] == sha256_file(table)


def _verify(task: Task) -> None:
    for path in task.snapshots.values():
        expected = task.record["files"][f"snapshots/{path.name}"]
        if not path.exists():
            raise UserError(f"{path}: no such file, though run.json names it")
        if (seen := sha256_file(path)) != expected:
            raise UserError(f"{path}: its SHA-256 is {seen}; run.json says {expected}")


def _score_snapshot(task: Task, path: Path, full: bool) -> dict[str, float]:
    generated = view_snapshot(task, path, full)
    real = _real(task.prepared, task.features, task.settings, task.device, task.pinned)
    if full:
        return views.all_metrics(generated, real.view, real.near, task.settings)
    return views.distances(generated, real.fitted)


@torch.inference_mode()
def view_snapshot(task: Task, path: Path, with_pixels: bool) -> View:
    """The images that a snapshot makes of the z behind every score, as the metrics see them."""
    lens = _lens(task.features, task.settings, task.device, task.pinned)
    train = task.record["parameters"]["train"]
    network = (train[key] for key in NETWORK)
    G = load_generator(path, lens.first.architecture.shape, *network).to(task.device)
    z = _latents(task.settings.seed, task.samples, train["z_dim"], task.device)
    return lens.view((G(part) for part in z.split(BATCH)), with_pixels)


@dataclass(frozen=True)
class Real:
    """What generated images are held against."""

    view: View
    fitted: Fitted
    near: References


@lru_cache(maxsize=1)  # `pinned` is in the key alone: folders whose content changed are read anew
def _lens(features: Path, settings: Evaluate, device: str, pinned: tuple[str, ...]) -> Lens:
    return views.lens(features, settings, device)


@lru_cache(maxsize=1)
def _real(prepared: Path, features: Path, settings: Evaluate, device: str, pinned: tuple[str, ...]) -> Real:
    (train, _), (held_out, _) = (data.load(prepared, split) for split in ("train", settings.split))
    view = views.view_of_split(features, settings.split, held_out, _lens(features, settings, device, pinned))
    return Real(view, views.fitted(view), pixels.references(train, held_out))


@lru_cache(maxsize=1)
def _latents(seed: int, samples: int, z_dim: int, device: str) -> Tensor:
    """z: (samples, z_dim), the same for every run."""
    return torch.randn(samples, z_dim, generator=generator("evaluate", seed)).to(device)
