"""Probes: closed forms of each, and what a run logs of them in every engine."""

import copy
import csv
import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from network_choices import CHOICES
from small_networks import discriminator, generator
from torch import nn
from training_runs import TRACED, VARIANTS, new_run, run, side_by_side

from ganspeed.objectives import Batch, Objective, Terms
from ganspeed.params.datasets import Train
from ganspeed.training import loop, probes
from ganspeed.training.draws import Draws
from ganspeed.training.engines import vmapped
from ganspeed.training.lint import is_linted, lint
from ganspeed.training.state import new_state

ROW = {"score_real", "score_fake", "score_held_out", "score_lowest", "score_highest", "auc", "out_of_range",
       "distance_real", "distance_fake", "moved_G", "moved_D", "small_weights_G", "small_weights_D"}  # fmt: skip
LINT = {"bend_G", "bend_D", "saturated", "cosine", "fake_term_moved"}
TOGETHER = {"D": {"norm": "spectral", "dropout": 0.3}, "G": {"dropout": 0.3}, "labels": "planes", "range": "standard"}
AFFINE = 1e-12  # a bend below it is rounding in float64


def drawn(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def linear(inputs: int, outputs: int, seed: int = 0) -> nn.Linear:
    layer = nn.Linear(inputs, outputs)
    layer.weight.data, layer.bias.data = drawn(outputs, inputs, seed=seed), drawn(outputs, seed=seed + 10)
    return layer


def named(row: dict[str, float]) -> set[str]:
    return {name.removeprefix("probe/") for name in row if name.startswith("probe/")}


@pytest.mark.parametrize(
    ("real", "fake", "auc"),
    [([3, 4], [1, 2], 1.0), ([1, 2], [3, 4], 0.0), ([1, 1], [1, 1], 0.5), ([1, 3], [0, 2, 3], 3.5 / 6)],
)
def test_auc_is_the_share_of_pairs_in_the_right_order_ties_half(real, fake, auc):
    found = probes.score_probes(torch.tensor(real).float(), torch.tensor(fake).float()[:, None])
    assert found["auc"].item() == pytest.approx(auc)
    assert found["score_lowest"].item() == min(real + fake) and found["score_highest"].item() == max(real + fake)
    assert found["score_real"].item() == pytest.approx(sum(real) / len(real)) and "score_held_out" not in found


def test_images_out_of_range_and_their_distances_are_what_they_say():
    real, fake = torch.full((4, 1, 2, 2), 0.5), torch.zeros(4, 1, 2, 2)
    real[0, 0, 0] = torch.tensor([-1.01, 0.99])  # two of 16 values, of which one is inside the margin
    fake[0], fake[1] = -1, 0.49
    found = probes.image_probes(real, fake)
    assert found["out_of_range"].item() == pytest.approx(1 / 16)
    ones, spread = torch.ones(3, 5), torch.tensor([[0.0, 0.0], [3.0, 3.0], [6.0, 6.0]])
    found = probes.image_probes(ones, spread)
    assert found["distance_real"].item() == 0
    assert found["distance_fake"].item() == pytest.approx((3 + 3 + 6) / 3)  # per value: no root of their number


def test_weights_move_by_the_norm_of_their_way_over_that_of_their_start():
    start = [torch.tensor([3.0, 0.0]), torch.tensor([[4.0]])]
    assert probes.moved([torch.tensor([3.0, 6.0]), torch.tensor([[-4.0]])], start).item() == pytest.approx(2.0)
    assert probes.moved(start, start).item() == 0
    assert probes.small_weights([torch.tensor([0.0, -9e-4, 1.1e-3]), torch.tensor([[-2.0]])]).item() == 0.5


def test_saturated_values_are_those_at_the_ends_of_their_range():
    assert probes.saturated(torch.linspace(-1, 1, 201)).item() == pytest.approx(6 / 201)
    assert probes.saturated(torch.tensor([-0.5, -0.5, 0.1, 0.5])).item() == 0.75


@pytest.mark.parametrize("body", ["dcgan", "mlp"])
@pytest.mark.parametrize(
    ("ends", "range"), [(("tanh", "none"), "signed"), (("sigmoid", "sigmoid"), "unit"), (("none", "none"), "standard")]
)
def test_only_networks_without_activations_bend_by_rounding_alone(body, ends, range):
    """Whatever comes after the last layer of weights: an output function, a range, a cast to float32."""
    G_end, D_end = ends
    for act, affine in (("none", True), ("leaky", False), ("tanh", False)):
        own = {"G": {"body": body, "act": act, "output": G_end}, "D": {"body": body, "act": act, "output": D_end}}
        G, D = generator(**own, range=range, init={"normal": 1.0}), discriminator(**own, range=range)
        before = copy.deepcopy(G.state_dict())
        (z, a), (other_z, b) = ((drawn(8, 6, seed=seed), drawn(8, 1, 8, 8, seed=seed)) for seed in (0, 1))
        bends = probes.bend(G, z, other_z), probes.bend(D, a, b)
        assert all((0 <= bend.item() < AFFINE) is affine for bend in bends), (act, bends)
        assert G.training and all(torch.equal(x, before[name]) for name, x in G.state_dict().items())


def test_a_saturated_output_function_hides_no_missing_activation():
    network = nn.Sequential(linear(5, 8), linear(8, 1, seed=1), nn.Sigmoid(), nn.Flatten(0))
    network[0].weight.data *= 100
    assert probes.bend(network, drawn(9, 5), drawn(9, 5, seed=1)).item() < AFFINE
    network[0] = nn.Sequential(network[0], nn.ReLU())
    assert probes.bend(network, drawn(9, 5), drawn(9, 5, seed=1)).item() > 0.01
    assert math.isnan(probes.bend(network, drawn(0, 5), drawn(0, 5)).item())


def test_the_cosine_of_opponents_is_minus_one_and_of_allies_one():
    x, w = drawn(6, 5), drawn(5)
    up, down = (lambda x: (x @ w).mean()), (lambda x: -3 * (x @ w).mean())
    assert probes.cosine(up, down, x).item() == pytest.approx(-1)
    assert probes.cosine(up, up, x).item() == pytest.approx(1)
    assert math.isnan(probes.cosine(up, lambda x: down(x.detach()), x).item())


def test_a_step_of_d_moves_the_judge_of_fakes_unless_it_is_another():
    real, fake = drawn(6, 5) + 1, drawn(6, 5)
    D, twin = linear(5, 1), linear(5, 1, seed=1)
    before = copy.deepcopy(D.state_dict())

    def d_loss(D: nn.Module) -> torch.Tensor:
        return D(fake).mean() - D(real).mean()

    found = probes.fake_term_moved(D, d_loss, lambda D: D(fake))
    gradient = torch.cat([(fake.mean(0) - real.mean(0)), torch.zeros(1)])  # by the weight and by the bias
    weights = probes.flat_vector(D.parameters())
    step = probes.STEP_LENGTH * weights.norm() * gradient / gradient.norm()
    wanted = (step[:5] @ fake.mean(0)).abs() / D(fake).abs().mean()
    assert found.item() == pytest.approx(wanted.item(), rel=1e-3) and found > 0
    assert all(torch.equal(x, before[name]) for name, x in D.state_dict().items())
    assert probes.fake_term_moved(D, lambda D: twin(fake).mean() - D(real).mean(), lambda D: twin(fake)).item() == 0
    assert math.isnan(probes.fake_term_moved(D, lambda D: 0 * d_loss(D), lambda D: D(fake)).item())
    flat = probes.fake_term_moved(D, d_loss, lambda D: 0 * D(fake))  # it reaches D, but no step can show it
    assert math.isnan(flat.item())


class Broken(Objective):
    """The logistic loss with a fault: generated images are judged by a twin of D, or one player's sign is wrong."""

    n_critic = 1

    def __init__(self, fault: str, twin: nn.Module):
        super().__init__()
        self.twin, self.sign, self.fault = twin, -1 if fault == "sign" else 1, fault

    def judge(self, D: nn.Module) -> nn.Module:
        return self.twin if self.fault == "twin" else D

    def discriminator_terms(self, D, batch: Batch) -> Terms:
        real, fake = D(batch.real), self.judge(D)(batch.fake)
        loss = {"real": nn.functional.softplus(-real).mean(), "fake": nn.functional.softplus(fake).mean()}
        return Terms(loss, gap=real.mean() - fake.mean())

    def generator_terms(self, D, batch: Batch) -> Terms:
        return Terms({"adversarial": nn.functional.softplus(-self.sign * self.judge(D)(batch.fake)).mean()})


def test_a_lint_finds_a_twin_and_a_wrong_sign(recipe, images):
    state, found = new_state(recipe("gan"), images[0]), {}
    draw = Draws(0, state.counts, recipe("gan").latents, *images, state.noises())(1, 0)
    for fault in ("none", "twin", "sign"):
        found[fault] = lint(replace(state, objective=Broken(fault, copy.deepcopy(state.D.network))), draw)
    cosine = {fault: row["probe/cosine"] for fault, row in found.items()}
    assert cosine["none"] < -0.9 and cosine["twin"] < -0.9 and cosine["sign"] > 0.9
    moved = {fault: row["probe/fake_term_moved"] for fault, row in found.items()}
    assert moved["twin"] == 0 and min(moved["none"], moved["sign"]) > 1e-6


@pytest.mark.parametrize("variant", [*VARIANTS, "infogan"])
def test_the_players_of_every_objective_are_opponents_at_the_start(variant, recipe, images):
    """But for terms with another aim: InfoGAN's both minimise the loss of the codes, EBGAN's G keeps samples apart."""
    state = new_state(recipe(variant), images[0])
    draw = Draws(0, state.counts, recipe(variant).latents, *images, state.noises())(1, 0)
    before = copy.deepcopy(state.tensors())
    found = lint(state, draw)
    assert set(map(type, found.values())) == {float} and named(found) == LINT
    assert found["probe/cosine"] < (0 if variant == "least_squares" else -0.9)  # its D too pulls scores up to 0
    assert found["probe/fake_term_moved"] > 0
    assert min(found["probe/bend_G"], found["probe/bend_D"]) > 1e-3 and found["probe/saturated"] < 0.3
    for name, part in state.tensors().items():
        torch.testing.assert_close(part, before[name], rtol=0, atol=0)


def test_lint_is_due_at_the_start_early_and_at_the_end():
    def due(updates: int, log_every: int) -> list[int]:
        train = Train.model_construct(updates=updates, log_every=log_every)
        return [update for update in range(updates + 1) if is_linted(update, train)]

    assert due(100, 10) == [0, 30, 100]
    assert due(100, 25) == [0, 25, 100]
    assert due(30, 1) == [0, 25, 30]
    assert due(12, 4) == [0, 12]


@pytest.mark.parametrize("choice", [None, *CHOICES])
def test_the_row_of_update_0_is_the_same_in_every_engine(choice, recipe, images, tmp_path):
    one = recipe("gan", networks=CHOICES[choice] if choice else TOGETHER, updates=1)
    run(one, images, tmp_path / "eager")
    side_by_side([one], images, tmp_path / "lanes")
    first, other = (rows(tmp_path / name)[0] for name in ("eager", "lanes/0"))
    assert first == other and named({name: cell for name, cell in first.items() if cell}) == ROW | LINT
    assert first["update"] == first["d_updates"] == first["images_seen"] == "0" and not first["d_loss"]
    assert float(first["probe/moved_G"]) == float(first["probe/moved_D"]) == 0


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "run" / "history.csv").open() as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("engine", ["eager", TRACED])
def test_a_row_has_the_probes_of_the_networks_as_the_update_left_them(engine, recipe, images, tmp_path):
    """With labels, dropout and vectors of a spectral norm, each as the step and the held-out images have them."""
    made = new_run(recipe("gan", networks=TOGETHER), images, tmp_path)
    start = {name: probes.flat_vector(getattr(made.state, name).network.parameters()) for name in ("G", "D")}
    if engine == TRACED:
        lanes = vmapped.Lanes([made], TRACED)
        lanes.one_update()
        lanes.sync_state(0, weights=True)
        found = lanes.step(0).measures()
    else:
        found = loop.one_update(made.state, made.draws).measures()
    found = {name.removeprefix("probe/"): value.item() for name, value in found.items() if name.startswith("probe/")}
    assert found.keys() == ROW | {"gradient_G"}
    state, draw, (held_out, labels) = made.state, made.draws(1, 0), made.draws.held_out
    state.lend(draw)
    with torch.no_grad():
        fake = state.G.network(draw.z)
        scores = [state.D.network(draw.real), state.D.network(fake)]
        state.lend(draw._replace(labels=labels))
        scores.append(state.D.network(held_out))
    wanted = probes.score_probes(*scores) | probes.image_probes(draw.real, fake)
    for name, player in (("G", state.G), ("D", state.D)):
        wanted[f"moved_{name}"] = probes.moved(player.network.parameters(), [start[name]])
        wanted[f"small_weights_{name}"] = probes.small_weights(player.network.parameters())
        assert found[f"moved_{name}"] > 0
    for name, value in wanted.items():
        assert found[name] == pytest.approx(value.item(), rel=1e-4, abs=1e-5), name


def test_the_gradient_of_g_is_the_one_that_its_optimiser_got(recipe, images):
    """Of plain descent at the rate r, a step is r times the gradient long."""
    plain = {"name": "sgd", "lr_g": 0.5, "lr_d": 0.5, "l1": 0.1, "schedule": {"name": "constant"}}
    state = new_state(recipe("gan", optimizer=plain), images[0])
    step = loop.one_update(state, Draws(0, state.counts, recipe("gan").latents, *images, state.noises()))
    way = probes.flat_vector(state.G.network.parameters()) - state.start["G"]
    assert step.measures()["probe/gradient_G"].item() == pytest.approx(way.norm().item() / 0.5, rel=1e-3)
    assert way.norm() > 1  # most of it is that of the added l1


@pytest.mark.parametrize("engine", ["eager", TRACED])
def test_a_clipped_critic_logs_the_share_of_its_weights_at_the_clip(engine, recipe, images, tmp_path):
    made = new_run(recipe("wgan", clip=0.01, updates=1), images, tmp_path)
    if engine == TRACED:
        vmapped.train_side_by_side([made], TRACED, lambda: False, lambda place, outcome: None)
    else:
        loop.train(made)
    weights = probes.flat_vector(made.state.D.network.parameters())
    share = (weights.abs() == torch.tensor(0.01)).double().mean().item()
    assert made.state.rows[-1]["diagnostics/at_clip"] == pytest.approx(share) and 0.05 < share < 1


def test_held_out_images_change_nothing_but_their_own_column(recipe, images, tmp_path):
    for name in "ab":
        made = new_run(recipe("gan"), images, tmp_path / name)
        if name == "b":
            made.draws.held_out = ()
        loop.train(made)
    one, other = (rows(tmp_path / name)[1:] for name in "ab")
    for row, without in zip(one, other, strict=True):
        assert row.pop("probe/score_held_out") and not without.pop("probe/score_held_out")
        assert row == without
