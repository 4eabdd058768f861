"""Each choice that the networks' blocks leave, in the traced engine: close to the eager loop, no neighbours seen."""

import pytest
import torch
from digests import digests
from engine_closeness import UPDATES, assert_close_to_the_eager_loop, cautious
from network_choices import CHOICES
from training_runs import TRACED, killed_in, new_run, side_by_side

from ganspeed.objectives import gradient_norm, interpolate
from ganspeed.training import loop
from ganspeed.training.draws import Draw
from ganspeed.training.engines import vmapped
from ganspeed.training.history import PROFILE_SAMPLES, PROFILE_WEIGHTS

# One choice of each kind that adds to what a step reads or changes: draws, vectors that move, labels, statistics.
TOGETHER = {"D": {"norm": "spectral", "dropout": 0.3}, "G": {"dropout": 0.3}, "labels": "planes", "range": "standard"}


def of_choice(recipe, choice: str, **changes):
    return recipe("gan" if choice == "D batch" else "wgan_gp", networks=CHOICES[choice], **changes)


@pytest.mark.parametrize("choice", CHOICES)
def test_a_choice_is_close_to_the_eager_loop(choice, recipe, images, tmp_path):
    one = cautious(of_choice(recipe, choice, updates=UPDATES))
    (lane,) = made = [new_run(one, images, tmp_path / "lane")]
    vmapped.train_side_by_side(made, TRACED, lambda: False, lambda place, outcome: None)
    assert_close_to_the_eager_loop(lane, images, tmp_path / "eager")


@pytest.mark.parametrize(("variant", "networks"), [("gan", CHOICES["D batch"]), ("wgan_gp", TOGETHER)])
def test_a_lane_does_not_see_its_neighbours_nor_its_place(variant, networks, recipe, images, tmp_path):
    alone, third, neighbour = (recipe(variant, seed, UPDATES, networks=networks) for seed in (0, 0, 7))
    side_by_side([alone], images, tmp_path / "alone")
    side_by_side([neighbour, neighbour, third], images, tmp_path / "third")
    assert digests(tmp_path / "alone" / "0" / "run") == digests(tmp_path / "third" / "2" / "run")


@pytest.mark.parametrize(
    ("engine", "choice"), [(TRACED, None), ("eager", None), *(("eager", name) for name in CHOICES)]
)
def test_a_killed_run_resumes_to_the_same_bytes(engine, choice, recipe, images, tmp_path, monkeypatch):
    """Killed in update 9, it goes on from the checkpoint after update 5. Without a choice: those of TOGETHER."""
    one = of_choice(recipe, choice) if choice else recipe("wgan_gp", networks=TOGETHER)

    def train(name: str) -> None:
        if engine == TRACED:
            side_by_side([one], images, tmp_path / name)
        else:
            loop.train(new_run(one, images, tmp_path / name / "0"))

    train("undisturbed")
    owner = (vmapped.Lanes, "one_update") if engine == TRACED else (loop, "one_update")
    updates = killed_in(monkeypatch, *owner, 9)
    with pytest.raises(KeyboardInterrupt):
        train("killed")
    train("killed")
    assert len(updates) == 9 + 12 - 5
    assert digests(tmp_path / "killed" / "0" / "run") == digests(tmp_path / "undisturbed" / "0" / "run")


@pytest.mark.parametrize("engine", ["eager", TRACED])
def test_the_profile_has_each_samples_own_class_and_draws(engine, recipe, images, tmp_path):
    """Of a batch that is larger than the profile's samples, which D gets several times."""
    one = cautious(recipe("wgan_gp", updates=1, networks=TOGETHER, train={"batch_size": 24}))
    run = new_run(one, images, tmp_path)
    if engine == TRACED:
        lanes = vmapped.Lanes([run], TRACED)
        lanes.one_update()
        lanes.sync_state(0, weights=True)
        step = lanes.step(0)
    else:
        step = loop.one_update(run.state, run.draws)
    found, D, draw = step.measures(), run.state.D.network, run.draws(1, one.variant.n_critic - 1)
    real, fake = step.batch.real, step.batch.fake
    for a in PROFILE_WEIGHTS:
        norms = []
        for i in range(PROFILE_SAMPLES):
            others = {name: drawn[i : i + 1] for name, drawn in draw.others.items()}
            run.state.lend(Draw(*(drawn[i : i + 1] for drawn in draw[:4]), others))
            norms.append(gradient_norm(D, interpolate(real[i : i + 1], fake[i : i + 1], a), differentiable=False))
        assert found[f"diagnostics/profile_{a:.2f}"].item() == pytest.approx(torch.cat(norms).mean().item(), rel=1e-4)
