"""The degraded images that G is fed: in closed form, and beside the real ones that they were made of."""

from typing import get_args

import pytest
import torch
from problem_blocks import PROBLEMS

from ganspeed.networks.latents import Latents
from ganspeed.networks.problems import as_images, degraded
from ganspeed.params.problems import PROBLEM, AnyProblem, numbers_fed, parse_problem
from ganspeed.training.counts import Counts
from ganspeed.training.draws import GENERATOR_STEP, Draws

SHAPE = (2, 8, 8)


def made(name: str, images: torch.Tensor, seed: int = 0, **changes) -> torch.Tensor:
    problem = PROBLEM.validate_python(PROBLEMS[name] | changes)
    return degraded(problem, images, torch.Generator().manual_seed(seed))


@pytest.fixture
def pictures() -> torch.Tensor:
    return torch.rand(500, *SHAPE, generator=torch.Generator().manual_seed(1)) * 2 - 1


def test_every_problem_is_tested_here():
    blocks = get_args(get_args(AnyProblem)[0])
    assert [get_args(block.model_fields["name"].annotation)[0] for block in blocks] == list(PROBLEMS)


@pytest.mark.parametrize("name", PROBLEMS)
def test_as_many_numbers_as_are_counted(name, pictures):
    problem = PROBLEM.validate_python(PROBLEMS[name])
    assert made(name, pictures).shape == (500, numbers_fed(problem, SHAPE))
    assert parse_problem(problem.model_dump()) == problem and parse_problem(None) is None
    assert numbers_fed(None, SHAPE) == 0


def test_a_smaller_image_is_of_the_means_of_squares(pictures):
    found = made("upscale", pictures).view(500, 2, 4, 4)
    torch.testing.assert_close(found[7, 1, 2, 3], pictures[7, 1, 4:6, 6:8].mean())
    assert made("upscale", pictures, factor=4).shape == (500, 2 * 2 * 2)


def test_noise_is_normal_and_independent_in_every_value(pictures):
    noise = made("denoise", pictures) - pictures.flatten(1)
    assert noise.mean().item() == pytest.approx(0, abs=0.01) and noise.std().item() == pytest.approx(0.3, rel=0.02)
    assert not torch.equal(made("denoise", pictures), made("denoise", pictures, seed=1))


def test_a_square_is_grey_at_a_place_of_each_image_and_nothing_else_is(pictures):
    found = made("mask", pictures).view(500, *SHAPE)
    hidden = found != pictures
    assert (found[hidden] == 0).all() and (hidden.sum((1, 2, 3)) == 2 * 3 * 3).all()
    rows, columns = (hidden[:, 0].any(dim) for dim in (2, 1))  # (500, 8)
    assert (rows.sum(1) == 3).all() and (columns.sum(1) == 3).all()
    for places in (rows, columns):  # each of the six places about as often
        often = torch.bincount(places.int().argmax(1), minlength=6)
        assert len(often) == 6 and often.min() > 50


@pytest.mark.parametrize("step", [0, GENERATOR_STEP])
@pytest.mark.parametrize("name", PROBLEMS)
def test_g_is_fed_the_real_images_of_the_very_step(name, step, images):
    """Whose noise or places are draws of their own, so that no other draw is another."""
    problem = PROBLEM.validate_python(PROBLEMS[name])
    size = numbers_fed(problem, (1, 8, 8))
    plain = Draws(0, Counts(1, 8), Latents("normal", 4, classes=2), *images)(3, step)
    draw = Draws(0, Counts(1, 8), Latents("normal", 4, classes=2, image=size), *images, problem=problem)(3, step)
    assert draw.z.shape == (8, 4 + 2 + size)
    assert torch.equal(draw.real, plain.real) and torch.equal(draw.z[:, :6], plain.z) and torch.equal(draw.u, plain.u)
    seen = draw.z[:, 6:]
    if name == "upscale":
        torch.testing.assert_close(seen, degraded(problem, draw.real, torch.Generator()))
    else:
        near = torch.cdist(seen, draw.real.flatten(1)).argmin(1)
        assert near.tolist() == list(range(8))


def test_what_a_run_records_rebuilds_its_g(recipe):
    one = recipe("gan", train={"problem": PROBLEMS["upscale"]})
    assert one.latents == Latents("normal", 4, image=16) and one.latents.size == 20
    assert Latents(**one.latents.plain()) == one.latents and one.latents.plain()["image"] == 16
    assert "image" not in recipe("gan").latents.plain()


@pytest.mark.parametrize("name", PROBLEMS)
def test_a_degraded_image_is_shown_at_the_size_of_a_whole_one(name, pictures):
    problem = PROBLEM.validate_python(PROBLEMS[name])
    shown = as_images(problem, made(name, pictures), SHAPE)
    assert shown.shape == pictures.shape
    assert torch.equal(degraded(problem, shown, torch.Generator()), made(name, pictures)) or name != "upscale"
    if name == "upscale":
        assert torch.equal(shown[..., ::2, ::2], shown[..., 1::2, 1::2])
