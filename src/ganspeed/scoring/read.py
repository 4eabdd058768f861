"""The scores of the grid as compare and report read them: found against expected, by params × seeds."""

import pandas as pd

from ganspeed.errors import UserError
from ganspeed.params.blocks import Compare
from ganspeed.runs.integrity import score_problems
from ganspeed.system.files import read_json
from ganspeed.workspace import Workspace

Cell = tuple[str, int]  # variant and seed


def read_scores(workspace: Workspace, dataset: str, compare: Compare) -> tuple[dict[Cell, pd.DataFrame], dict]:
    """The scores of the whole grid on a data set: (variant, seed) → table, and → its label.

    Raises UserError naming every one that is missing or damaged: none can be left out of a table unnoticed.
    """
    cells = [(variant, seed) for variant in compare.variants for seed in compare.seeds]
    paths = {cell: workspace.scores(dataset, *cell) for cell in cells}
    mistakes = {cell: score_problems(path) for cell, path in paths.items()}
    if lines := [line for cell in cells for line in mistakes[cell]]:
        found = sum(not mistakes[cell] for cell in cells)
        told = f"params.compare expects the scores of {len(cells)} runs on {dataset}, {found} are there and whole"
        raise UserError("\n".join([*lines, f"{told}: run the stage `evaluate`"]))
    return (
        {cell: pd.read_csv(path) for cell, path in paths.items()},
        {cell: read_json(path.with_suffix(".json")) for cell, path in paths.items()},
    )
