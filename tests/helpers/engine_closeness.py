"""How close a lane of a traced engine comes to the eager loop: its history, and where the weights went."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from training_runs import new_run

from ganspeed.params import knobs
from ganspeed.params.variants import parse_variant
from ganspeed.training.loop import TrainingRun, one_update

RTOL, ATOL = 1e-3, 1e-5  # of a history's values
COUNTED, A_FEW = ("auc", "clip", "out_of_range", "saturated", "small_weights"), 0.02  # shares of a few
ALIKE, STEPS = 0.95, 0.25  # this share of the weights ends within so many steps of the optimiser, of UPDATES
UPDATES = 5


def cautious(recipe):
    """With small learning rates: Adam's first steps make of a gradient that is zero but for rounding one like any."""
    small = knobs.with_values(recipe.variant.resolved(), {"lr_g": 1e-5, "lr_d": 1e-5})
    variant = parse_variant(small)
    return replace(recipe, train=recipe.train.model_copy(update={"log_every": 1}), variant=variant)


def assert_close_to_the_eager_loop(lane: TrainingRun, images, folder: Path) -> None:
    """The history, and where the weights went, in steps of the optimiser."""
    eager = new_run(lane.recipe, images, folder)
    while eager.is_running:
        eager.record(one_update(eager.state, eager.draws), stop=False)
    for one, other in zip(eager.state.rows, lane.state.rows, strict=True):
        assert list(one) == list(other)
        for column, value in one.items():
            atol = A_FEW if any(name in column for name in COUNTED) else ATOL
            assert other[column] == pytest.approx(value, rel=RTOL, abs=atol, nan_ok=True), column
    for name, (one, rate) in moved(eager).items():
        other, _ = moved(lane)[name]
        assert ((one - other).abs() < STEPS * rate).double().mean() >= ALIKE, name


def moved(run: TrainingRun) -> dict[str, tuple[torch.Tensor, float]]:
    """The weights of both networks and of the EMA that is scored, (n,) each, and the length of a step."""
    G, D = run.state.G, run.state.D
    networks = {"G": (G.network, G), "D": (D.network, D), "EMA": (run.state.ema_generator, G)}
    vector = torch.nn.utils.parameters_to_vector
    return {name: (vector(network.parameters()), player.learning_rate) for name, (network, player) in networks.items()}
