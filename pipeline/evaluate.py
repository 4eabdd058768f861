"""Stage `evaluate`: the scores of every snapshot of one variant, kept per seed."""

from ganspeed.params.blocks import Params
from ganspeed.runs.integrity import refuse_damaged_runs
from ganspeed.scoring.store import score_variant
from ganspeed.system.files import remove_unfinished
from ganspeed.tracking.mirror import mirror_safely
from ganspeed.workspace import Workspace
from stage import run_stage


def evaluate(params: Params, workspace: Workspace, dataset: str, variant: str) -> None:
    """Keep the scores that fit, take back those put aside, score the remaining runs side by side."""
    remove_unfinished(workspace.scores(dataset, variant, 0).parent)  # DVC would take it for a part of the output
    refuse_damaged_runs(workspace, dataset, variant, params.compare.seeds)
    scored = score_variant(workspace, params, dataset, variant)
    print(f"{dataset} {variant}: {len(scored)} of {len(params.compare.seeds)} runs scored, the rest kept")
    if scored:
        mirror_safely(workspace, params, dataset, variant)  # the report's stage mirrors what was there before


if __name__ == "__main__":
    run_stage(evaluate, "dataset", "variant")
