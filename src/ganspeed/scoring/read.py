"""The scores of the grid for compare and report: exactly those of params.compare, variants × seeds."""

from itertools import product

import pandas as pd

from ganspeed.errors import UserError
from ganspeed.params.blocks import Compare
from ganspeed.runs.integrity import score_problems
from ganspeed.scoring.label import ScoreLabel, read_label
from ganspeed.workspace import Workspace

Cell = tuple[str, int]  # variant and seed


def read_scores(
    workspace: Workspace, dataset: str, compare: Compare
) -> tuple[dict[Cell, pd.DataFrame], dict[Cell, ScoreLabel]]:
    """The scores of the complete grid on a data set: (variant, seed) → table, and → its label.

    Raises UserError naming every one that is missing or damaged: none can be left out of a table unnoticed.
    """
    paths = {cell: workspace.scores(dataset, *cell) for cell in product(compare.variants, compare.seeds)}
    problems = [score_problems(path) for path in paths.values()]
    if lines := [line for of_one in problems for line in of_one]:
        summary = (
            f"params.compare expects the scores of {len(paths)} runs on {dataset}, {problems.count([])} are there and "
            "undamaged: run the stage `evaluate`"
        )
        raise UserError("\n".join([*lines, summary]))
    return {c: pd.read_csv(path) for c, path in paths.items()}, {c: read_label(path) for c, path in paths.items()}
