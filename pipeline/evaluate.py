"""Stage `evaluate`: the scores of every snapshot of one variant, for each seed by its fingerprint."""

import sys

sys.path.insert(0, __file__.rpartition("/")[0])  # where stage.py is, with PYTHONSAFEPATH as well

from stage import run_stage

from ganspeed.params.blocks import Params
from ganspeed.runs.integrity import refuse_damaged_runs
from ganspeed.scoring.store import score_variant
from ganspeed.tracking.mirror import mirror_safely
from ganspeed.workspace import Workspace


def evaluate(params: Params, workspace: Workspace, dataset: str, variant: str) -> None:
    """Keep scores that are up to date, collect those in the run cache, score the remaining runs side by side."""
    refuse_damaged_runs(workspace, dataset, variant, params.compare.seeds)
    scored = score_variant(workspace, params, dataset, variant)
    print(f"{dataset} {variant}: {len(scored)} of {len(params.compare.seeds)} runs scored, the others up to date")
    if scored:
        mirror_safely(workspace, params, dataset, variant)  # without new scores, the stage report mirrors the runs


if __name__ == "__main__":
    run_stage(evaluate, "dataset", "variant")
