"""The pilot: a few long runs of one variant, scored on val, from which `ganspeed freeze` takes length and thresholds.

A pilot is `pilot.length` times as long as the data set's train.updates. Its grid is fine down to the same update as
the study's, whatever the study's ratio. Freezing changes train.updates; the length of the pilot that it was frozen from
is then taken from the record, or every freeze would require another pilot.
"""

from dataclasses import asdict

from ganspeed.compare.read import read_preregistration
from ganspeed.params.blocks import Params
from ganspeed.runs.observers import ObserverFactory
from ganspeed.runs.spec import RunSpec
from ganspeed.runs.store import RunStore
from ganspeed.scoring.snapshots import SCORE_COLUMNS
from ganspeed.scoring.sources import metric_sha256
from ganspeed.scoring.store import score_task
from ganspeed.study.val_runs import VAL, ValRuns, is_up_to_date, refuse_untrainable
from ganspeed.system.devices import select_device, worker_count
from ganspeed.system.files import sha256_file, write_json, write_text
from ganspeed.system.processes import map_processes
from ganspeed.training.snapshot_grid import COARSE_BELOW
from ganspeed.workspace import Workspace

PILOT_GRID_RATIO = 1.05


def run_pilot(workspace: Workspace, params: Params, dataset: str, make_observers: ObserverFactory) -> int:
    """Bring artifacts/pilot/<dataset>.{csv,json} up to date with the params; returns the number of runs scored."""
    table, label = workspace.pilot(dataset), workspace.pilot(dataset).with_suffix(".json")
    refuse_untrainable(workspace, params, dataset, [params.pilot.variant])
    val_runs, specs = plan_pilot(workspace, params, dataset)
    if is_scored(workspace, dataset, val_runs, specs):
        return 0
    with RunStore(workspace).lock():  # until all is scored: `ganspeed gc` would remove the runs
        val_runs.train(specs, make_observers)
        tasks = [val_runs.task(spec, params.evaluate.full_snapshots) for spec in specs]
        texts = {task.seed: text for task, text in map_processes(score_task, tasks, worker_count(val_runs.device))}
    lines = [line for seed in sorted(texts) for line in texts[seed].splitlines()[1:]]
    write_text(table, "\n".join([",".join(SCORE_COLUMNS), *lines]) + "\n")
    facts = {str(task.seed): asdict(task.label(table).run) for task in tasks}  # as a study has them beside its scores
    about = describe_pilot(params, dataset, specs[0].train.updates)
    write_json(
        label, {**about, "fingerprint": val_runs.fingerprint(specs), "sha256": sha256_file(table), "runs": facts}
    )
    return len(tasks)


def is_scored(workspace: Workspace, dataset: str, val_runs: ValRuns, specs: list[RunSpec]) -> bool:
    """Whether the pilot's scores are up to date. Raises UserError without the data set's metric classifiers."""
    table = workspace.pilot(dataset)
    return is_up_to_date(table.with_suffix(".json"), val_runs.fingerprint(specs), table)


def plan_pilot(workspace: Workspace, params: Params, dataset: str) -> tuple[ValRuns, list[RunSpec]]:
    """The pilot's runs. Raises UserError for a data set that is not there or not prepared."""
    val_runs = ValRuns(workspace, params, dataset, select_device())
    updates, pilot = pilot_length(workspace, params, dataset), params.pilot
    train = params.dataset(dataset).train.model_copy(update={"updates": updates, "grid_ratio": PILOT_GRID_RATIO})
    variant, coarse_below = params.variant(pilot.variant), COARSE_BELOW * pilot.length
    return val_runs, val_runs.specs(pilot.variant, variant, pilot.seeds, train, coarse_below)


def describe_pilot(params: Params, dataset: str, updates: int) -> dict:
    """What defines a pilot of `updates` updates, as plain values; its label repeats them."""
    block = params.dataset(dataset)
    return {
        "dataset": dataset,
        "variant": params.pilot.variant,
        "block": params.variant(params.pilot.variant).resolved(),
        "seeds": list(params.pilot.seeds),
        "split": VAL,
        "updates": updates,
        "data": block.data.model_dump(mode="json"),
        "train": block.train.model_dump(mode="json", exclude={"updates", "grid_ratio"}),
        "networks": params.networks(dataset, params.pilot.variant).model_dump(mode="json"),
        "evaluate": params.evaluate.model_dump(mode="json", exclude={"split"}) | {"samples": block.evaluate.samples},
        "features": block.features.model_dump(mode="json"),
        "metric_sha256": metric_sha256(),
    }


def pilot_length(workspace: Workspace, params: Params, dataset: str) -> int:
    """Generator updates of a pilot run: as recorded if train.updates was frozen from it, else length × that."""
    record, train = read_preregistration(workspace, dataset), params.dataset(dataset).train
    if record and record.pilot and record.plateau is not None and record.updates == train.updates:
        return record.pilot.updates
    return params.pilot.length * train.updates
