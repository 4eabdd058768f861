"""Noise on images: what D is shown in closed form, and how it falls over a run."""

import pytest
import torch
from training_runs import new_run

from ganspeed.objectives import Batch
from ganspeed.system.determinism import generator
from ganspeed.training.draws import GENERATOR_STEP
from ganspeed.training.loop import one_update
from ganspeed.tricks.image_noise import ImageNoise

SHAPE = (64, 1, 8, 8)


def noise(name: str, update: int, step: int) -> torch.Tensor:
    """Standard normal, drawn as every draw is: by its name, the seed, the update and the step."""
    return torch.randn(*SHAPE, generator=generator(f"image_noise.{name}", 0, update, step, device=torch.device("cpu")))


@pytest.fixture
def shown(recipe, images, tmp_path):
    """A function: the batches that the objective was given in each update of a run, by step, and the run itself."""

    def train(updates: int = 12, **keys) -> tuple[list[dict[int, Batch]], object]:
        run = new_run(recipe("wgan_gp", train={"batch_size": 64}, tricks={"image_noise": keys}), images, tmp_path)
        objective, found = run.state.objective, []
        for player in ("discriminator", "generator"):
            real = getattr(objective, f"{player}_terms")

            def noted(D, batch, player=player, real=real):
                found[-1][GENERATOR_STEP if player == "generator" else len(found[-1])] = batch
                return real(D, batch)

            setattr(objective, f"{player}_terms", noted)
        for _ in range(updates):
            found.append({})
            one_update(run.state, run.draws)
        return found, run

    return train


def test_both_players_steps_are_shown_images_with_noise(shown):
    (seen,), run = shown(updates=1, sd=0.5)
    assert list(seen) == [0, 1, GENERATOR_STEP]
    for step, batch in seen.items():
        drawn = run.draws(1, step)
        assert torch.equal(batch.real, drawn.real + 0.5 * noise("real", 1, step))
    assert seen[GENERATOR_STEP].fake.requires_grad and not seen[0].fake.requires_grad


def test_generated_images_have_noise_of_their_own(shown):
    """Of a batch in the generator's step, whose images G made by the weights that it had before."""
    (seen, *_), run = shown(updates=1, sd=0.5)
    batch, drawn = seen[GENERATOR_STEP], run.draws(1, GENERATOR_STEP)
    trick = run.state.tricks[0]
    clean = Batch(drawn.real, torch.zeros(SHAPE), drawn.z, drawn.u, drawn.labels, drawn.others)
    assert torch.equal(trick.shown(None, clean, "G").fake, 0.5 * noise("fake", 1, GENERATOR_STEP))
    assert not torch.equal(noise("fake", 1, GENERATOR_STEP), noise("real", 1, GENERATOR_STEP))
    made = (batch.fake - 0.5 * noise("fake", 1, GENERATOR_STEP)).detach()
    assert made.abs().max() < 1.001  # what G's tanh made, within rounding


@pytest.mark.parametrize("sd", [0.1, 0.5])
def test_its_standard_deviation_is_sd_and_every_step_draws_anew(sd, shown):
    seen, run = shown(updates=4, sd=sd)
    added = [
        batch.real - run.draws(update, step).real
        for update, steps in enumerate(seen, 1)
        for step, batch in steps.items()
    ]
    values = torch.stack([noise.flatten() for noise in added])  # 12 steps, 4,096 values each
    assert values.mean().item() == pytest.approx(0, abs=4 * sd / values.numel() ** 0.5)
    assert values.std().item() == pytest.approx(sd, rel=4 / (2 * values.numel()) ** 0.5)
    assert (torch.corrcoef(values) - torch.eye(12)).abs().max() < 5 / 4096**0.5


def test_it_falls_in_a_straight_line_to_zero_at_its_share_of_the_run(shown):
    """Twelve updates, half of them with noise: sd times 1, 5/6, 4/6, ..., 1/6, 0, 0, ..."""
    seen, run = shown(sd=0.6, until=0.5)
    for update, steps in enumerate(seen, 1):
        share = max(0.0, 1 - (update - 1) / 6)
        for step, batch in steps.items():
            wanted = run.draws(update, step).real + share * 0.6 * noise("real", update, step)
            torch.testing.assert_close(batch.real, wanted)
    assert torch.equal(seen[6][0].real, run.draws(7, 0).real) and not torch.equal(seen[5][0].real, run.draws(6, 0).real)


@pytest.mark.parametrize(
    ("until", "update", "sd"), [(0.0, 1, 0.2), (0.0, 100, 0.2), (1.0, 1, 0.2), (1.0, 51, 0.1), (0.5, 26, 0.1)]
)
def test_the_noise_of_an_update(until, update, sd):
    assert ImageNoise(sd=0.2, until=until).scale(update, updates=100) == pytest.approx(sd)
    assert ImageNoise(sd=0.2, until=until).scale(101, updates=100) == (0.0 if until else 0.2)
