"""Real and generated images jointly, apart and in turn: what D's passes and its optimiser's steps are."""

import copy

import pytest
import torch
from training_runs import new_run

from ganspeed.objectives import Batch, scores
from ganspeed.training.loop import discriminator_step, one_update

BATCH_NORM = {"D": {"norm": "batch"}}
SGD = {"name": "sgd", "lr_g": 0.1, "lr_d": 0.1}


@pytest.fixture
def begin(recipe, images, tmp_path):
    """A function: the state of a new run with this `real_fake`, and a batch of its first discriminator step."""

    def make(real_fake: str | None, variant: str = "gan", **changes):
        batches = {"batches": {"real_fake": real_fake}} if real_fake else {}
        run = new_run(recipe(variant, **batches, **changes), images, tmp_path / str(real_fake))
        draw = run.draws(1, 0)
        run.state.lend(draw)
        with torch.no_grad():
            fake = run.state.G.network(draw.z)
        return run, Batch(draw.real, fake, draw.z, draw.u, draw.labels, draw.others)

    return make


def scored(begun) -> torch.Tensor:
    """D's scores (2N,) of the real and of the generated images."""
    run, batch = begun
    return torch.cat(scores(run.state.D.network, batch)).detach()


@pytest.mark.parametrize(
    "networks",
    [{}, {"D": {"norm": "layer"}}, {"D": {"norm": "spectral", "dropout": 0.3}}, {"D": {"body": "pyramid"}},
     {"labels": "planes"}],
)  # fmt: skip
def test_jointly_and_apart_are_the_same_without_batch_norm(networks, begin):
    joint, apart = (scored(begin(how, networks=networks)) for how in ("joint", "apart"))
    torch.testing.assert_close(joint, apart, rtol=1e-5, atol=1e-6)


def test_they_differ_with_batch_norm_by_whose_statistics_it_takes(begin):
    joint, apart = (begin(how, networks=BATCH_NORM) for how in ("joint", "apart"))
    assert (scored(joint) - scored(apart)).abs().max() > 1e-4
    run, batch = joint
    torch.testing.assert_close(scored(joint), run.state.D.network(torch.cat([batch.real, batch.fake])).detach())
    run, batch = apart
    torch.testing.assert_close(scored(apart)[: len(batch.real)], run.state.D.network(batch.real).detach())


@pytest.mark.parametrize(("networks", "same"), [({}, "joint"), (BATCH_NORM, "apart")])
def test_null_is_joint_and_apart_with_batch_norm(networks, same, begin):
    trained = []
    for how in (None, same):
        run, _ = begin(how, networks=networks)
        for _ in range(3):
            one_update(run.state, run.draws)
        trained.append(torch.cat([weight.detach().flatten() for weight in run.state.D.network.parameters()]))
    assert torch.equal(*trained)


@pytest.mark.parametrize("variant", ["gan", "least_squares", "hinge"])
def test_in_turn_is_a_step_on_real_images_and_then_one_on_generated_ones(variant, begin):
    """With gradient descent, whose step is a gradient times the rate; the second is that of the new weights."""
    run, batch = begin("in_turn", variant, optimizer=SGD)
    objective, D = run.state.objective, copy.deepcopy(run.state.D.network)
    terms, weights, seen = discriminator_step(run.state, batch, 0.5), list(D.parameters()), {}
    gap = objective.discriminator_terms(D, batch).gap
    for name in ("real", "fake"):
        seen[name] = objective.discriminator_terms(D, batch).loss[name]
        gradients = torch.autograd.grad(seen[name], weights)
        with torch.no_grad():
            for weight, gradient in zip(weights, gradients, strict=True):
                weight -= 0.05 * gradient
    for weight, wanted in zip(run.state.D.network.parameters(), weights, strict=True):
        torch.testing.assert_close(weight, wanted)
    assert {name: term.item() for name, term in terms.loss.items()} == pytest.approx(
        {name: term.item() for name, term in seen.items()}, rel=1e-5
    )
    assert terms.gap.item() == pytest.approx(gap.item(), rel=1e-5)


def test_in_turn_shows_d_batches_of_one_kind_alone(begin):
    run, batch = begin("in_turn", networks=BATCH_NORM)
    torch.testing.assert_close(scored((run, batch))[: len(batch.real)], run.state.D.network(batch.real).detach())


def test_a_step_in_turn_is_one_step_of_d_and_two_of_its_optimiser(recipe, images, tmp_path):
    rows = []
    made = recipe("gan", updates=3, n_critic=2, train={"log_every": 1}, batches={"real_fake": "in_turn"})
    run = new_run(made, images, tmp_path, rows.append)
    while run.is_running:
        run.record(one_update(run.state, run.draws), stop=False)
    steps = {int(state["step"]) for state in run.state.D.optimizer.state.values()}
    assert steps == {12} == {run.state.counts.d_optimizer_steps(3)}
    assert [row["d_updates"] for row in rows] == [0, 2, 4, 6]
    assert [row["images_seen"] for row in rows] == [0, 2 * 8, 4 * 8, 6 * 8]
    for row in rows[1:]:
        assert row["d_loss"] == pytest.approx(row["d/real"] + row["d/fake"])


def test_a_loss_of_either_step_that_is_not_finite_is_noted(begin):
    """Of the first step alone: by the second one the weights are not finite either, and so is its loss."""
    run, _ = begin("in_turn", optimizer=SGD)
    terms = run.state.objective.discriminator_terms

    def broken(D, batch):
        found = terms(D, batch)
        found.loss["real"] = found.loss["real"] * 0 + torch.inf
        return found

    run.state.objective.discriminator_terms = broken
    one_update(run.state, run.draws)
    assert run.state.bad_update.item() == 1
