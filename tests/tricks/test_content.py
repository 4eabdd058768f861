"""The content loss: its closed form, the objective's terms beside it, and both engines on a data set's problem."""

import numpy as np
import pytest
import torch
from closed_forms import batch
from engine_closeness import UPDATES, assert_close_to_the_eager_loop, cautious
from PIL import Image
from problem_blocks import PROBLEMS
from training_runs import TRACED, new_run

from ganspeed import tricks
from ganspeed.objectives import Terms
from ganspeed.system.determinism import generator
from ganspeed.training.draws import GENERATOR_STEP
from ganspeed.training.engines import vmapped
from ganspeed.training.loop import one_update
from ganspeed.tricks.content import Content
from ganspeed.tricks.jacobian import Jacobian


@pytest.mark.parametrize(("weight", "adversarial"), [(1.0, 0.0), (2.0, 0.1), (0.0, 1.0), (0.5, 3.0)])
def test_the_loss_is_the_weighted_sum_of_both_parts(weight, adversarial):
    b, terms = batch(), Terms({"adversarial": torch.tensor(3.0), "other": torch.tensor(-2.0)})
    found = tricks.with_terms(terms, [Content(weight=weight, adversarial=adversarial)], None, None, b)
    squared = sum(((b.fake - b.real) ** 2).flatten().tolist()) / b.real.numel()
    assert found.loss["content"].item() == pytest.approx(weight * squared, rel=1e-5)
    assert found.loss["adversarial"].item() == pytest.approx(3 * adversarial)
    assert found.loss["other"].item() == pytest.approx(-2 * adversarial)
    assert found.total().item() == pytest.approx(adversarial + weight * squared, rel=1e-5)


def test_no_other_tricks_term_is_weighted():
    class Two(Jacobian):
        def generator_terms(self, G, D, batch):
            return {"jacobian": torch.tensor(2.0)}

    other = Two(weight=1.0, low=0.0, high=1.0, step=1.0)
    content, terms = Content(weight=0.0, adversarial=0.1), Terms({"adversarial": torch.tensor(1.0)})
    for order in ([content, other], [other, content]):
        assert tricks.with_terms(terms, order, None, None, batch()).loss["jacobian"] == 2


def test_g_learns_the_true_image_of_what_it_is_fed(recipe, images, tmp_path):
    """Of the content alone: the error falls below that of the best single image for all, the mean."""
    block = {"content": {"weight": 1.0, "adversarial": 0.0}}
    run = new_run(recipe("gan", updates=150, tricks=block, train={"problem": PROBLEMS["upscale"]}), images, tmp_path)
    for _ in range(150):
        step = one_update(run.state, run.draws)
    assert step.generator.loss["content"] < 0.7 * images[0].var(0).mean()
    assert step.generator.loss["adversarial"] == 0


def test_the_history_has_both_parts_as_they_are_summed(recipe, images, tmp_path):
    rows, block = [], {"content": {"weight": 2.0, "adversarial": 0.1}}
    one = recipe("gan", tricks=block, train={"problem": PROBLEMS["mask"]})
    run = new_run(one, images, tmp_path, rows.append)
    run.record(one_update(run.state, run.draws), stop=False)
    _, row = rows  # behind that of update 0
    assert row["g_loss"] == pytest.approx(row["g/adversarial"] + row["g/content"])
    assert 0 < row["g/adversarial"] < 0.2  # a tenth of ln 2 or so
    drawn = run.draws(1, GENERATOR_STEP)
    assert drawn.real.square().mean() / 10 < row["g/content"] < 2 * (1 + drawn.real.abs()).square().mean()


@pytest.mark.parametrize("problem", PROBLEMS)
def test_a_problem_with_its_content_is_close_to_the_eager_loop(problem, recipe, images, tmp_path):
    block = {"content": {"weight": 2.0, "adversarial": 0.1}}
    networks = {"labels": "planes"} if problem == "mask" else {}
    changes = {"networks": networks, "train": {"problem": PROBLEMS[problem]}}
    one = cautious(recipe("wgan_gp", updates=UPDATES, tricks=block, **changes))
    (lane,) = made = [new_run(one, images, tmp_path / "lane")]
    vmapped.train_side_by_side(made, TRACED, lambda: False, lambda place, outcome: None)
    assert_close_to_the_eager_loop(lane, images, tmp_path / "eager")


def test_pictures_are_of_the_images_that_are_to_be_pictured(recipe, images, tmp_path):
    """And the statistics of G's batch normalisation of training images, degraded as they are in training."""
    one = recipe("gan", train={"problem": PROBLEMS["upscale"]})
    pictured = torch.stack([torch.full((1, 8, 8), value) for value in (-1.0, 0.5)]), torch.tensor([0, 1])
    writer = new_run(one, images, tmp_path, pictured=pictured).snapshots
    assert torch.equal(writer.sample_z[:, 4:], torch.tensor([-1.0, 0.5]).repeat(16)[:, None].expand(32, 16))
    with Image.open(tmp_path / "run" / "samples" / "0.png") as picture:
        first, second = np.asarray(picture)[:24, :24], np.asarray(picture)[:24, 26:50]  # of three pixels a pixel
    assert (first == 0).all() and 0 < second.mean() < 255  # what G is fed, and what it makes of it
    index = torch.randint(200, (1024,), generator=generator("normalisation labels"))
    torch.testing.assert_close(writer.norm_z[:, 4:], torch.nn.functional.avg_pool2d(images[0], 2).flatten(1)[index])
