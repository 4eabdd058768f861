"""Smoothed and noisy class labels: what D and G are shown of a class, in closed form."""

import pytest
import torch
from training_runs import new_run

from ganspeed.networks.latents import one_hot
from ganspeed.system.determinism import generator
from ganspeed.training.draws import GENERATOR_STEP
from ganspeed.training.loop import one_update

PLANES = {"labels": "planes"}
N, K = 64, 2


@pytest.fixture
def seen(recipe, images, tmp_path):
    """A function: D's `labels` in each step of an update, by step, and the run itself."""

    def train(updates: int = 1, **keys):
        changes = {"train": {"batch_size": N}, "networks": PLANES, "tricks": {"class_labels": keys}}
        run, found = new_run(recipe("gan_conditional", **changes), images, tmp_path), []
        objective, D = run.state.objective, run.state.D.network
        for player in ("discriminator", "generator"):
            real = getattr(objective, f"{player}_terms")

            def noted(D, batch, player=player, real=real):
                found[-1][GENERATOR_STEP if player == "generator" else len(found[-1])] = D.labels
                return real(D, batch)

            setattr(objective, f"{player}_terms", noted)
        for _ in range(updates):
            found.append({})
            one_update(run.state, run.draws)
        return found, run, D

    return train


def noise(update: int, step: int) -> torch.Tensor:
    """Standard normal, drawn as every draw is: by its name, the seed, the update and the step."""
    return torch.randn(N, K, generator=generator("class_labels.noise", 0, update, step, device=torch.device("cpu")))


def test_both_players_steps_show_d_smoothed_classes_with_noise(seen):
    (steps,), run, _ = seen(smooth=0.2, sd=0.5)
    assert list(steps) == [0, GENERATOR_STEP]
    for step, classes in steps.items():
        labels = run.draws(1, step).labels
        wanted = 0.8 * one_hot(labels, K) + 0.1 + 0.5 * noise(1, step)
        torch.testing.assert_close(classes, wanted)


def test_smoothing_alone_leaves_a_distribution_that_says_the_class(seen):
    (steps,), run, _ = seen(smooth=0.3)
    for step, classes in steps.items():
        torch.testing.assert_close(classes.sum(1), torch.ones(N))
        assert torch.equal(classes.argmax(1), run.draws(1, step).labels)
        torch.testing.assert_close(classes.max(1).values, torch.full((N,), 0.85))


def test_the_noise_has_the_standard_deviation_sd_and_is_drawn_anew(seen):
    updates, run, _ = seen(updates=12, sd=0.5)
    added = torch.stack([
        (classes - one_hot(run.draws(update, step).labels, K)).flatten()
        for update, steps in enumerate(updates, 1)
        for step, classes in steps.items()
    ])  # fmt: skip
    n = added.numel()
    assert added.mean().item() == pytest.approx(0, abs=4 * 0.5 / n**0.5)
    assert added.std().item() == pytest.approx(0.5, rel=4 / (2 * n) ** 0.5)
    assert (torch.corrcoef(added) - torch.eye(len(added))).abs().max() < 5 / (N * K) ** 0.5


def test_g_is_fed_the_one_hot_class(seen):
    _, run, _ = seen(smooth=0.5, sd=0.5)
    draw = run.draws(1, GENERATOR_STEP)
    assert torch.equal(draw.z[:, -K:], one_hot(draw.labels, K))


def test_d_sees_the_values_as_planes_of_real_and_generated_images_alike(seen):
    (steps,), _, D = seen(smooth=0.2, sd=0.5)
    D.labels = steps[0]
    planes = D._with_planes(torch.zeros(2 * N, 1, 8, 8))[:, 1:]
    assert torch.equal(planes[:N], steps[0][:, :, None, None].expand(-1, -1, 8, 8))
    assert torch.equal(planes[N:], planes[:N])


def test_one_hot_classes_are_seen_as_labels_are(seen):
    (steps,), run, D = seen()
    x, labels = torch.rand(2 * N, 1, 8, 8), run.draws(1, 0).labels
    scores = []
    for D.labels in (labels, steps[0]):
        scores.append(D(x))
    assert torch.equal(*scores)
