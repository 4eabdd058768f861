"""Optimisers: both forms of each are its book's closed form, with what every optimiser may be given besides."""

import ast
import math

import pytest
import torch
from device_queries import NoAnswer
from meta_device import META, OnlyOnMeta
from torch import nn

from ganspeed import optimizers
from ganspeed.optimizers import Extras, StepOptimizer
from ganspeed.params.optimizers import OPTIMIZERS, optimizer_fields, optimizer_names
from ganspeed.training.engines.functional import FlatParameters, moments_of, optimizer_step
from ganspeed.training.inputs import StepInputs
from ganspeed.training.state import Player

STEPS, RATE, EPSILON = 20, 1e-2, 1e-8
ADAM = {"betas": (0.5, 0.9)}
OWN = {  # name → hyperparameters that are tried
    "adam": [ADAM, {"betas": (0.0, 0.9)}],
    "adamw": [ADAM],
    "optimistic_adam": [ADAM],
    "rmsprop": [{"alpha": 0.9}],
    "sgd": [{"momentum": 0.9}, {"momentum": 0.0}, {}],
}
CASES = [(name, own) for name, tried in OWN.items() for own in tried]
EXTRAS = [Extras(), Extras(weight_decay=0.3, l1=0.2, clip_norm=0.7), Extras(clip_norm=1e6), Extras(l1=0.5)]


class Small(nn.Module):
    """Two weights, of 6 and 2 values, and a loss that is no quadratic of either."""

    def __init__(self):
        super().__init__()
        g = torch.Generator().manual_seed(0)
        self.first = nn.Parameter(torch.randn(3, 2, generator=g, dtype=torch.float64))
        self.second = nn.Parameter(torch.randn(2, generator=g, dtype=torch.float64))

    def loss(self, t: int) -> torch.Tensor:
        return (self.first.square().sum() + 1).sqrt() + (self.first @ self.second).sin().sum() * (t % 3)


def values(network: nn.Module) -> list[float]:
    return torch.nn.utils.parameters_to_vector(network.parameters()).tolist()


def player(name: str, own: dict, extras: Extras) -> Player:
    network, rule = Small(), optimizers.load(name, own, extras)
    return Player(network, rule, rule.torch_optimizer(list(network.parameters()), RATE), RATE, StepInputs(network, "D"))


def gradient_of(network: Small, t: int) -> torch.Tensor:
    gradients = torch.autograd.grad(network.loss(t), list(network.parameters()))
    return torch.cat([gradient.flatten() for gradient in gradients])


def by_the_book(name: str, own: dict, extras: Extras, rates: list[float]) -> list[float]:
    """The weights after these steps, number by number."""
    network = Small()
    w = values(network)
    first, second, last = ([0.0] * len(w) for _ in range(3))
    for t, rate in enumerate(rates, start=1):
        torch.nn.utils.vector_to_parameters(torch.tensor(w, dtype=torch.float64), network.parameters())
        g = gradient_of(network, t).tolist()
        if extras.clip_norm:
            scale = min(1.0, extras.clip_norm / (math.hypot(*g) + 1e-6))
            g = [scale * x for x in g]
        for i, x in enumerate(g):
            decay = 0.0 if name == "adamw" else extras.weight_decay
            x += decay * w[i] + extras.l1 * ((w[i] > 0) - (w[i] < 0))
            if name == "adamw":
                w[i] -= rate * extras.weight_decay * w[i]
            if name == "sgd":
                first[i] = own.get("momentum", 0.0) * first[i] + x
                w[i] -= rate * first[i]
            elif name == "rmsprop":
                second[i] = own["alpha"] * second[i] + (1 - own["alpha"]) * x**2
                w[i] -= rate * x / (math.sqrt(second[i]) + EPSILON)
            else:
                one, two = own["betas"]
                first[i], second[i] = one * first[i] + (1 - one) * x, two * second[i] + (1 - two) * x**2
                direction = first[i] / (1 - one**t) / (math.sqrt(second[i] / (1 - two**t)) + EPSILON)
                if name == "optimistic_adam":
                    w[i] -= 2 * rate * direction - rate * last[i]
                    last[i] = direction
                else:
                    w[i] -= rate * direction
    return w


RATES = [RATE * 0.9**t for t in range(STEPS)]  # a step has the rate of its update


@pytest.mark.parametrize("extras", EXTRAS)
@pytest.mark.parametrize(("name", "own"), CASES)
def test_torchs_form_is_by_the_book(name, own, extras):
    one = player(name, own, extras)
    for t, rate in enumerate(RATES, start=1):
        one.step(one.network.loss(t), rate / RATE)
    assert values(one.network) == pytest.approx(by_the_book(name, own, extras, RATES), rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("extras", EXTRAS)
@pytest.mark.parametrize(("name", "own"), CASES)
def test_the_step_on_a_vector_is_by_the_book(name, own, extras):
    one = player(name, own, extras)
    flat, rule, network = FlatParameters(one.network, "D"), one.rule, one.network
    w, moments = flat.vector(network.parameters()), moments_of(flat, one)
    for t, rate in enumerate(RATES, start=1):
        torch.nn.utils.vector_to_parameters(w, network.parameters())
        before = w.clone()
        scalars = tuple(torch.tensor(value, dtype=torch.float64) for value in rule.scalars(rate, t))
        new, moments = optimizer_step(w, gradient_of(network, t), moments, scalars, rule)
        assert torch.equal(w, before)  # no argument is changed
        w = new
    assert w.tolist() == pytest.approx(by_the_book(name, own, extras, RATES), rel=1e-6, abs=1e-9)


@pytest.mark.parametrize(("name", "own"), CASES)
def test_a_vectors_moments_go_on_as_torchs(name, own):
    """Ten steps on vectors, handed over as a checkpoint does, and ten of torch's optimiser."""
    extras, one = EXTRAS[1], player(name, own, EXTRAS[1])
    flat, rule, network = FlatParameters(one.network, "D"), one.rule, one.network
    w, moments = flat.vector(network.parameters()), moments_of(flat, one)
    for t, rate in enumerate(RATES[:10], start=1):
        torch.nn.utils.vector_to_parameters(w, network.parameters())
        scalars = tuple(torch.tensor(value, dtype=torch.float64) for value in rule.scalars(rate, t))
        w, moments = optimizer_step(w, gradient_of(network, t), moments, scalars, rule)
    torch.nn.utils.vector_to_parameters(w, network.parameters())
    for label, weight in network.named_parameters():
        own_moments = {moment: flat.named(vector)[label].clone() for moment, vector in moments.items()}
        one.optimizer.state[weight] = rule.torch_state(own_moments, 10)
    saved = one.optimizer.state_dict()
    other = player(name, own, extras)
    other.network.load_state_dict(network.state_dict())
    other.optimizer.load_state_dict(saved)
    for t, rate in enumerate(RATES[10:], start=11):
        other.step(other.network.loss(t), rate / RATE)
    assert values(other.network) == pytest.approx(by_the_book(name, own, extras, RATES), rel=1e-6, abs=1e-9)
    assert set(moments_of(FlatParameters(other.network, "D"), other)) == set(rule.moments)


@pytest.mark.parametrize(("name", "own"), CASES)
def test_a_step_asks_the_device_nothing(name, own):
    one = player(name, own, EXTRAS[1])
    with NoAnswer():
        one.step(one.network.loss(1), 0.5)


@pytest.mark.parametrize(("name", "own"), CASES)
def test_a_step_is_computed_where_its_weights_are(name, own):
    """A tensor of the CPU among those of another device is an error, but for a scalar without dimensions."""
    rule = optimizers.load(name, own, EXTRAS[1])
    w, gradient = torch.ones(3, device="meta"), torch.ones(3, device="meta")
    moments = {moment: torch.zeros_like(w) for moment in rule.moments}
    new, moments = optimizer_step(w, gradient, moments, rule.scalars(RATE, 1), rule)
    assert {tensor.device.type for tensor in (new, *moments.values())} == {"meta"}


def test_without_extras_a_gradient_is_the_loss_s_and_no_operation_is_added():
    for name, own in CASES:
        gradient, w = torch.ones(3), torch.ones(3)
        (adjusted,) = optimizers.load(name, own, Extras()).adjusted([gradient], [w])
        assert adjusted is gradient


def test_clipping_and_coupled_decay_are_torchs():
    torchs, ours = Small(), player("sgd", {}, Extras(weight_decay=0.3, clip_norm=0.7))
    other = torch.optim.SGD(torchs.parameters(), RATE, weight_decay=0.3)
    for t in range(1, STEPS + 1):
        other.zero_grad()
        torchs.loss(t).backward()
        torch.nn.utils.clip_grad_norm_(torchs.parameters(), 0.7)
        other.step()
        ours.step(ours.network.loss(t))
    assert values(ours.network) == pytest.approx(values(torchs), rel=1e-12)


def test_adamw_without_decay_is_adam():
    one, other = (player(name, ADAM, Extras(l1=0.1)) for name in ("adam", "adamw"))
    for t in range(1, STEPS + 1):
        for each in (one, other):
            each.step(each.network.loss(t))
    assert values(one.network) == values(other.network)


def test_optimistic_adam_comes_to_rest_where_adam_cycles():
    """The game min over x, max over y of x y, from (1, 1); section 1 of 1711.00141 has its cycles."""

    def distance(name: str) -> float:
        x, y = (nn.Parameter(torch.tensor([1.0], dtype=torch.float64)) for _ in "xy")
        rule = optimizers.load(name, {"betas": (0.0, 0.999)}, Extras())
        both = rule.torch_optimizer([x], 0.02), rule.torch_optimizer([y], 0.02)
        for _ in range(3000):
            x.grad, y.grad = y.detach().clone(), -x.detach().clone()
            for one in both:
                one.step()
        return math.hypot(x.item(), y.item())

    assert distance("optimistic_adam") < 0.1 < 0.5 < distance("adam")


def test_every_file_is_an_optimiser_that_is_tried_here():
    assert set(OWN) == set(optimizer_names())


@pytest.mark.parametrize(("name", "own"), CASES)
def test_the_keys_of_a_block_are_what_its_constructor_takes(name, own):
    required = {key for key, (_, default) in optimizer_fields(name).items() if default is ...}
    assert required <= set(own) <= set(optimizer_fields(name))
    assert optimizers.load(name, own, Extras()).extras == Extras()


@pytest.mark.parametrize("name", optimizer_names())
def test_an_optimisers_file_imports_only_the_package_base(name):
    """So that editing one optimiser retrains only its users."""
    tree = ast.parse((OPTIMIZERS / f"{name}.py").read_text())
    imported = {n.module for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}
    imported |= {a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names}
    assert {m for m in imported if m.startswith("ganspeed")} == {"ganspeed.optimizers"}


def test_an_unknown_optimiser_is_an_error():
    with pytest.raises(ModuleNotFoundError, match="nadam"):
        optimizers.load("nadam", {}, Extras())


@pytest.mark.parametrize("extras", EXTRAS)
@pytest.mark.parametrize(("name", "own"), CASES)
def test_a_step_stays_on_the_device_of_the_weights(name, own, extras):
    """What is ours of it, in both forms; where torch keeps the state of its own optimisers is torch's affair."""
    network, rule = Small().to(META), optimizers.load(name, own, extras)
    weights = list(network.parameters())
    with OnlyOnMeta():
        network.loss(1).backward()
        rule.adjust(weights)
        for weight in weights:
            moments = {moment: torch.zeros_like(weight) for moment in rule.moments}
            rule.step(weight, weight.grad, moments, rule.scalars(RATE, 1))
        StepOptimizer(weights, RATE, rule).step()
