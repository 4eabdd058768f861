"""Stage `evaluate`: the scores of every snapshot of one variant, kept per seed."""

from ganspeed import kept, scores, tracking
from ganspeed.files import remove_unfinished
from ganspeed.params import Params
from ganspeed.workspace import Workspace
from stage import run_stage


def evaluate(params: Params, workspace: Workspace, dataset: str, variant: str) -> None:
    """Keep the scores that fit, take back those put aside, score the remaining runs side by side."""
    remove_unfinished(workspace.scores(dataset, variant, 0).parent)  # DVC would take it for a part of the output
    kept.refuse_damaged_runs(workspace, dataset, variant, params.compare.seeds)
    scored = scores.score_variant(workspace, params, dataset, variant)
    print(f"{dataset} {variant}: {len(scored)} of {len(params.compare.seeds)} runs scored, the rest kept")
    if scored:
        tracking.mirror_safely(workspace, params, dataset, variant)  # the report's stage mirrors what was there before


if __name__ == "__main__":
    run_stage(evaluate, "dataset", "variant")
