"""Real and generated images jointly, apart and in turn, in the traced engine and beside the eager loop."""

import pytest
from digests import digests
from engine_closeness import UPDATES, assert_close_to_the_eager_loop, cautious
from training_runs import TRACED, new_run, side_by_side

from ganspeed.errors import Stopped
from ganspeed.training import loop
from ganspeed.training.engines import vmapped

CASES = [
    ("gan", "joint", {"D": {"norm": "batch"}}),
    ("gan", "apart", {"D": {"norm": "spectral", "dropout": 0.3}}),
    ("gan", "in_turn", {"D": {"norm": "batch"}}),
    ("hinge", "in_turn", {"D": {"norm": "spectral", "dropout": 0.3}, "labels": "planes"}),
    ("ebgan", "in_turn", None),
]
IN_TURN = {"batches": {"real_fake": "in_turn"}, "n_critic": 2, "tricks": {"perturbation": {"radius": 0.05}}}


@pytest.mark.parametrize(("variant", "real_fake", "networks"), CASES)
def test_each_way_is_close_to_the_eager_loop(variant, real_fake, networks, recipe, images, tmp_path):
    own = {"batches": {"real_fake": real_fake}} | ({"networks": networks} if networks else {})
    one = cautious(recipe(variant, updates=UPDATES, **own))
    (lane,) = made = [new_run(one, images, tmp_path / "lane")]
    vmapped.train_side_by_side(made, TRACED, lambda: False, lambda place, outcome: None)
    assert_close_to_the_eager_loop(lane, images, tmp_path / "eager")


@pytest.mark.parametrize("engine", ["eager", TRACED])
def test_a_stopped_run_in_turn_goes_on_to_the_same_bytes(engine, recipe, images, tmp_path):
    """Between two updates: Adam's bias corrections go on from twice as many steps as D had."""
    one, asked = recipe("gan", **IN_TURN), iter([False] * 6 + [True])

    def train(name: str, stopping=lambda: False) -> None:
        if engine == TRACED:
            side_by_side([one], images, tmp_path / name, stopping=stopping)
        else:
            loop.train(new_run(one, images, tmp_path / name / "0"), stopping)

    train("undisturbed")
    with pytest.raises(Stopped):
        train("stopped", lambda: next(asked))
    train("stopped")
    assert digests(tmp_path / "stopped" / "0" / "run") == digests(tmp_path / "undisturbed" / "0" / "run")


def test_a_lane_hands_on_the_number_of_its_optimisers_steps(recipe, images, tmp_path):
    run = new_run(recipe("gan", **IN_TURN), images, tmp_path)
    lanes = vmapped.Lanes([run], TRACED)
    lanes.one_update()
    lanes.one_update()
    lanes.sync_state(0, weights=True)
    assert {int(state["step"]) for state in run.state.D.optimizer.state.values()} == {8}
    assert {int(state["step"]) for state in run.state.G.optimizer.state.values()} == {2}
