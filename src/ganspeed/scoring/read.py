"""The scores of the grid for compare and report: exactly those of params.compare, variants × seeds."""

from itertools import product

import pandas as pd

from ganspeed.errors import UserError
from ganspeed.params.blocks import Params
from ganspeed.runs.integrity import score_problems
from ganspeed.scoring.label import ScoreLabel, read_label
from ganspeed.scoring.sources import metric_sha256
from ganspeed.source_files import HASHES
from ganspeed.system.nested import dict_differences
from ganspeed.workspace import Workspace

Cell = tuple[str, int]  # variant and seed


def read_scores(
    workspace: Workspace, dataset: str, params: Params
) -> tuple[dict[Cell, pd.DataFrame], dict[Cell, ScoreLabel]]:
    """The scores of the complete grid on a data set: (variant, seed) → table, and → its label.

    Raises UserError naming every one that is missing, damaged, or not of the present params and sources: none can be
    left out of a table unnoticed.
    """
    grid = product(params.compare.variants, params.compare.seeds)
    paths = {cell: workspace.scores(dataset, *cell) for cell in grid}
    problems = [score_problems(path) for path in paths.values()]
    if lines := [line for of_one in problems for line in of_one]:
        summary = (
            f"params.compare expects the scores of {len(paths)} runs on {dataset}, {problems.count([])} are there and "
            "undamaged: run the stage `evaluate`"
        )
        raise UserError("\n".join([*lines, summary]))
    labels = {cell: read_label(path) for cell, path in paths.items()}
    _refuse_outdated(workspace, dataset, params, labels)
    return {cell: pd.read_csv(path) for cell, path in paths.items()}, labels


def _refuse_outdated(workspace: Workspace, dataset: str, params: Params, labels: dict[Cell, ScoreLabel]) -> None:
    """Raise UserError naming the scores of other params or sources than there are now.

    DVC hashes params and sources when a stage has ended: after an edit at that moment it takes older scores for new.
    """
    lines, stages = [], {}
    for (variant, seed), label in labels.items():
        if differing := outdated(label, params, dataset, variant, seed):
            lines.append(f"{workspace.scores(dataset, variant, seed)}: {'; '.join(differing)}")
            stages |= dict.fromkeys([f"train@{dataset}-{variant}", f"evaluate@{dataset}-{variant}"])
    if lines:
        way_out = f"run `dvc repro`; where it finds nothing to do, `dvc repro -s -f {' '.join(stages)}` first"
        raise UserError("\n".join([*lines, f"not the scores that params.yaml and the sources ask for: {way_out}"]))


def outdated(label: ScoreLabel, params: Params, dataset: str, variant: str, seed: int) -> list[str]:
    """How the scores that are there differ from what params.yaml and the sources here ask for."""
    block, method, run = params.dataset(dataset), params.variant(variant), label.run
    blocks = {"data": block.data.model_dump(mode="json"), "train": block.train.model_dump(mode="json")}
    blocks["networks"] = params.networks(dataset, variant).model_dump(mode="json")
    asked = {"evaluate": params.evaluate.model_dump(mode="json"), **blocks, "variant": method.resolved()}
    asked |= {"samples": block.evaluate.samples, "seed": seed + method.seed_offset, "metrics": metric_sha256()}
    asked["sources"] = {name: HASHES.get(name) for name in run.sources}
    parameters = {name: block for name, block in run.parameters.items() if name != "latents"}  # follow from the others
    found = {"evaluate": label.evaluate, **parameters, "samples": label.samples, "seed": run.seed}
    found |= {"metrics": label.metric_sha256, "sources": run.sources}
    return dict_differences(found, asked)
