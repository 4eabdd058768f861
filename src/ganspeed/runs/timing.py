"""The table of seconds, measured again only when something changed that an update's cost depends on."""

from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from pydantic import TypeAdapter

from ganspeed.errors import UserError
from ganspeed.params.blocks import Params
from ganspeed.system.files import read_json, reading, sha256_json, write_json
from ganspeed.workspace import Workspace


@dataclass(frozen=True)
class TimingTable:
    """The content of artifacts/timing/<dataset>.json; without repeats it is empty, and there is no axis of seconds."""

    dataset: str
    repeats: int
    updates: int  # of each repeat
    device: str | None = None
    seconds_per_update: dict[str, float] = field(default_factory=dict)  # by variant
    seconds_per_1000_samples: dict[str, float] = field(default_factory=dict)  # by variant: images that G makes
    fingerprints: dict[str, str] = field(default_factory=dict)  # by variant: of what the cost depends on

    def __post_init__(self):
        for name in ("seconds_per_update", "seconds_per_1000_samples"):
            if lacking := self.fingerprints.keys() - getattr(self, name).keys():
                raise ValueError(f"no {name} of {', '.join(sorted(lacking))}")


TABLE = TypeAdapter(TimingTable)


def read_timing(path: Path) -> TimingTable:
    """Raises UserError when the table is missing or damaged."""
    with reading(path, "the stage `timing` measures again"):
        return TABLE.validate_python(read_json(path))


def _table_if_whole(path: Path, empty: TimingTable) -> TimingTable:
    try:
        return read_timing(path)
    except UserError:
        return empty


def update_timing(workspace: Workspace, params: Params, dataset: str) -> bool:
    """Bring artifacts/timing/<dataset>.json up to date with the params; returns whether it was measured again.

    It is when the network, the optimiser, the objective or the engine of a variant in the grid changed, and then for
    all variants: seconds of two days are not comparable. Raises DataError when the data set is not prepared.
    """
    path, timing = workspace.timing(dataset), params.protocol.timing
    empty = TimingTable(dataset, timing.repeats, timing.updates)
    if timing.repeats == 0:
        write_json(path, asdict(empty))
        return False
    from ganspeed.runs import measure_timing  # imports torch, which an empty table does without

    specs = measure_timing.first_runs(workspace, params, dataset)
    settings = {"dataset": dataset, "repeats": timing.repeats, "updates": timing.updates}
    settings |= {"samples": measure_timing.SAMPLES}
    costs = {variant: measure_timing.cost_identity(spec) for variant, spec in specs.items()}
    fingerprints = {variant: sha256_json([settings, cost]) for variant, cost in costs.items()}
    old = _table_if_whole(path, empty)
    measured = not fingerprints.items() <= old.fingerprints.items()
    if measured:
        seconds = measure_timing.measure(specs, workspace, timing.repeats, timing.updates)
        updates = {variant: found.update for variant, found in seconds.items()}
        samples = {variant: found.samples for variant, found in seconds.items()}
    else:
        updates = {variant: old.seconds_per_update[variant] for variant in specs}
        samples = {variant: old.seconds_per_1000_samples[variant] for variant in specs}
    (device,) = {spec.device for spec in specs.values()}
    table = replace(empty, device=device, seconds_per_update=updates, seconds_per_1000_samples=samples)
    write_json(path, asdict(replace(table, fingerprints=fingerprints)))
    return measured
