"""The table of seconds per update, kept while nothing that costs time changed.

With no repeats it is empty, and there is no axis of seconds.
"""

from ganspeed.params.blocks import Params
from ganspeed.system.files import read_json, sha256_json, write_json
from ganspeed.workspace import Workspace


def update_timing(workspace: Workspace, params: Params, dataset: str) -> bool:
    """Bring artifacts/timing/<dataset>.json in step with the params; returns whether the clock ran.

    It runs again when the network, the optimiser, the objective or the engine of a variant in the grid changed, and
    then for all of them: seconds of two days do not compare. Raises DataError when the data set is not prepared.
    """
    path, timing = workspace.timing(dataset), params.protocol.timing
    table = {"dataset": dataset, "repeats": timing.repeats, "updates": timing.updates}
    if timing.repeats == 0:
        write_json(path, {**table, "device": None, "seconds_per_update": {}, "fingerprints": {}})
        return False
    from ganspeed.runs.measure_timing import (
        cost_identity,
        first_runs,
        measure,  # imports torch, which an empty table does without
    )

    specs = first_runs(workspace, params, dataset)
    fingerprints = {variant: sha256_json([table, cost_identity(spec)]) for variant, spec in specs.items()}
    old = read_json(path) if path.exists() else {"fingerprints": {}}
    measures = not fingerprints.items() <= old["fingerprints"].items()
    if measures:
        found = measure(specs, workspace, timing.repeats, timing.updates)
    else:
        found = {variant: old["seconds_per_update"][variant] for variant in specs}
    (device,) = {spec.device for spec in specs.values()}
    write_json(path, {**table, "device": device, "seconds_per_update": found, "fingerprints": fingerprints})
    return measures
