"""What holds of every trick: neutral values, both engines alike, exact resume, no mark on what is only shown."""

import pytest
import torch
from device_queries import NoAnswer
from digests import digests
from engine_closeness import UPDATES, assert_close_to_the_eager_loop, cautious
from shipped_blocks import toy_networks
from training_runs import TRACED, new_run, side_by_side
from trick_blocks import ACTIVE, NEUTRAL

from ganspeed import tricks
from ganspeed.errors import Stopped
from ganspeed.networks.discriminator import new_discriminator
from ganspeed.objectives import Batch, Terms
from ganspeed.params.tricks import trick_names
from ganspeed.training import loop
from ganspeed.training.draws import GENERATOR_STEP
from ganspeed.training.engines import vmapped
from ganspeed.training.history import gradient_profile
from ganspeed.tricks import Trick

ENGINES = ["eager", TRACED]


def train(recipes, images, folder, engine: str, stopping=lambda: False) -> None:
    """Train these runs to their ends, or until they are to stop; run k lies in folder/k/run."""
    if engine == TRACED:
        side_by_side(recipes, images, folder, stopping=stopping)
    else:
        for k, one in enumerate(recipes):
            loop.train(new_run(one, images, folder / str(k)), stopping)


def snapshots(folder) -> dict[str, str]:
    return digests(folder / "0" / "run" / "snapshots")


def test_every_trick_has_blocks_here():
    assert tuple(sorted(ACTIVE)) == tuple(sorted(NEUTRAL)) == trick_names()


@pytest.mark.parametrize(("variant", "engine"), [("gan", "eager"), ("wgan_gp", "eager"), ("gan", TRACED)])
@pytest.mark.parametrize("trick", ACTIVE)
def test_neutral_values_are_the_run_without_the_trick(trick, variant, engine, recipe, images, tmp_path):
    for name, used in (("without", {}), ("neutral", {trick: NEUTRAL[trick]})):
        train([recipe(variant, updates=UPDATES, tricks=used)], images, tmp_path / name, engine)
    without, neutral = (snapshots(tmp_path / name) for name in ("without", "neutral"))
    assert len(without) > 2 and neutral == without


@pytest.mark.parametrize("variant", ["gan", "wgan_gp"])
@pytest.mark.parametrize("trick", ACTIVE)
def test_another_value_is_another_run(trick, variant, recipe, images, tmp_path):
    for name, used in (("without", {}), ("active", {trick: ACTIVE[trick]})):
        train([recipe(variant, updates=UPDATES, tricks=used)], images, tmp_path / name, "eager")
    assert snapshots(tmp_path / "without") != snapshots(tmp_path / "active")


@pytest.mark.parametrize("variant", ["wgan_gp", "r3gan"])  # with a penalty; with real images in G's step
@pytest.mark.parametrize("trick", ACTIVE)
def test_a_trick_is_close_to_the_eager_loop(trick, variant, recipe, images, tmp_path):
    """In every update, so that what differs from one to the next is no part of the trace."""
    one = cautious(recipe(variant, updates=UPDATES, tricks={trick: ACTIVE[trick]}))
    (lane,) = made = [new_run(one, images, tmp_path / "lane")]
    vmapped.train_side_by_side(made, TRACED, lambda: False, lambda place, outcome: None)
    assert_close_to_the_eager_loop(lane, images, tmp_path / "eager")


def test_a_lane_sees_no_neighbours_with_all_tricks_at_once(recipe, images, tmp_path):
    alone, third, neighbour = (recipe("wgan_gp", seed, tricks=ACTIVE) for seed in (0, 0, 7))
    train([alone], images, tmp_path / "alone", TRACED)
    train([neighbour, neighbour, third], images, tmp_path / "third", TRACED)
    assert digests(tmp_path / "alone" / "0" / "run") == digests(tmp_path / "third" / "2" / "run")


@pytest.mark.parametrize("engine", ENGINES)
def test_a_stopped_run_goes_on_to_the_same_bytes(engine, recipe, images, tmp_path):
    one, asked = recipe("wgan_gp", tricks=ACTIVE), iter([False] * 6 + [True])
    train([one], images, tmp_path / "undisturbed", engine)
    with pytest.raises(Stopped):
        train([one], images, tmp_path / "stopped", engine, lambda: next(asked))
    train([one], images, tmp_path / "stopped", engine)
    assert digests(tmp_path / "stopped" / "0" / "run") == digests(tmp_path / "undisturbed" / "0" / "run")


@pytest.mark.parametrize("engine", ENGINES)
def test_the_gradient_profile_is_of_images_as_they_are(engine, recipe, images, tmp_path):
    run = new_run(recipe("wgan_gp", tricks=ACTIVE), images, tmp_path)
    z, real = (getattr(run.draws(1, run.recipe.variant.n_critic - 1), name) for name in ("z", "real"))
    with torch.no_grad():
        fake = run.state.G.network(z)
    if engine == TRACED:
        lanes = vmapped.Lanes([run], TRACED)
        lanes.one_update()
        lanes.sync_state(0, weights=True)
        step = lanes.step(0)
    else:
        step = loop.one_update(run.state, run.draws)
    torch.testing.assert_close(step.batch.real, real, rtol=0, atol=0)
    torch.testing.assert_close(step.batch.fake, fake)
    wanted = gradient_profile(run.state.D.network, step.batch)
    found = step.measures()
    for name, value in wanted.items():
        torch.testing.assert_close(found[f"diagnostics/{name}"], value, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("trick", ACTIVE)
def test_an_update_asks_the_device_nothing(trick, recipe, images, tmp_path):
    run = new_run(recipe("wgan_gp", tricks={trick: ACTIVE[trick]}), images, tmp_path)
    with NoAnswer():
        step = loop.one_update(run.state, run.draws)
    assert not step.batch.fake.requires_grad


@pytest.mark.parametrize("step", [0, 1, GENERATOR_STEP])
def test_no_other_draw_is_another_with_a_trick(step, recipe, images, tmp_path):
    plain, tricked = (
        new_run(recipe("dragan", **changes), images, tmp_path / str(len(changes))).draws(3, step)
        for changes in ({}, {"tricks": ACTIVE})
    )
    for name in ("real", "z", "u", "labels"):
        assert torch.equal(getattr(plain, name), getattr(tricked, name))
    assert torch.equal(plain.others["noise"], tricked.others["noise"]) and len(tricked.others) > 1


@pytest.mark.parametrize("name", trick_names())
def test_a_tricks_draws_are_named_after_it(name):
    """Else two tricks, or a trick and an objective, could ask for one draw."""
    assert all(drawn.startswith(f"{name}.") for drawn in tricks.load(name, ACTIVE[name]).draws)


class Brighter(Trick):
    """twice as bright, and G is to be dark"""

    def shown(self, D, batch: Batch, player: str) -> Batch:
        assert player == "D"
        return Batch(2 * batch.real, 2 * batch.fake, batch.z, batch.u, batch.labels)

    def generator_terms(self, G, D, batch: Batch) -> dict:
        return {"dark": batch.fake.mean()}


def test_tricks_act_in_turn_and_their_terms_are_of_images_as_they_are():
    D, x = new_discriminator(toy_networks(), (1, 8, 8)), torch.ones(2, 1, 8, 8)
    batch = Batch(x, -x, torch.zeros(2, 4), torch.zeros(2, 1, 1, 1), torch.zeros(2))
    seen = tricks.shown([Brighter(), Brighter()], D, batch, "D")
    assert torch.equal(seen.real, 4 * x) and torch.equal(seen.fake, -4 * x)
    found = tricks.with_terms(Terms({"adversarial": torch.tensor(3.0)}), [Brighter()], None, D, batch)
    assert found.loss == {"adversarial": 3.0, "dark": -1.0} and found.total() == 2
