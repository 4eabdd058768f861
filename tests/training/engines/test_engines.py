"""The traced and the compiled engine: close to the eager loop, lanes that see no neighbours, exact resume.

What does not need machine code runs the compiled engine's steps as traced: `torch.compile` is replaced.
"""

import csv
import math
import os
import pickle
import subprocess
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch
import training_runs
from digests import digests
from engine_closeness import UPDATES, assert_close_to_the_eager_loop, cautious
from problem_blocks import PROBLEMS
from shipped_blocks import toy_networks
from training_runs import COMPILED, ONE_LANE, OPTIMIZERS, OPTIONS, TRACED, VARIANTS, new_run, side_by_side
from trick_blocks import ACTIVE

from ganspeed.errors import Stopped
from ganspeed.networks import fast_convolutions
from ganspeed.networks.discriminator import new_discriminator
from ganspeed.objectives import gradient_norm
from ganspeed.params.datasets import Train
from ganspeed.training.engines import choose, tracing, vmapped
from ganspeed.training.engines.choose import choose_engine, lane_count
from ganspeed.training.engines.cpp_compiler import compiler
from ganspeed.training.engines.functional import BoundNetwork, FlatParameters
from ganspeed.training.state import Outcome

NEEDS_COMPILER = pytest.mark.skipif(
    compiler() is None, reason="without a C++ compiler and Python's headers no run is compiled either"
)


@pytest.fixture
def without_machine_code(monkeypatch):
    """What would be compiled is run as it was traced: a second a variant instead of a minute."""
    monkeypatch.setattr(torch, "compile", lambda graph, **options: graph)
    tracing.traced_steps.cache_clear()
    yield
    tracing.traced_steps.cache_clear()


def larger() -> tuple[torch.Tensor, torch.Tensor]:
    """Made-up images of 28x28, and their labels."""
    generator = torch.Generator().manual_seed(0)
    return torch.rand(64, 1, 28, 28, generator=generator) * 2 - 1, torch.zeros(64, dtype=torch.int64)


def rows(folder: Path) -> list[dict[str, float]]:
    with (folder / "run" / "history.csv").open() as file:
        return [{name: float(value or "nan") for name, value in row.items()} for row in csv.DictReader(file)]


@pytest.mark.parametrize("variant", [*VARIANTS, *OPTIONS])
def test_it_is_close_to_the_eager_loop(variant, recipe, images, tmp_path):
    one = cautious(recipe(variant, updates=UPDATES, **OPTIONS.get(variant, {})))
    (lane,) = made = [new_run(one, images, tmp_path / "lane")]
    vmapped.train_side_by_side(made, TRACED, lambda: False, lambda place, outcome: None)
    assert_close_to_the_eager_loop(lane, images, tmp_path / "eager")


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_any_optimiser_is_close_to_the_eager_loop(optimizer, recipe, images, tmp_path):
    one = cautious(recipe("wgan_gp", updates=UPDATES, optimizer=OPTIMIZERS[optimizer]))
    (lane,) = made = [new_run(one, images, tmp_path / "lane")]
    vmapped.train_side_by_side(made, TRACED, lambda: False, lambda place, outcome: None)
    assert_close_to_the_eager_loop(lane, images, tmp_path / "eager")


@pytest.mark.parametrize("variant", ["gan", "wgan_gp"])
def test_one_lane_of_larger_images_is_close_to_the_eager_loop(variant, without_machine_code, recipe, tmp_path):
    one = cautious(replace(recipe(variant, updates=UPDATES), shape=(1, 28, 28)))
    (lane,) = made = [new_run(one, larger(), tmp_path / "lane")]
    vmapped.train_side_by_side(made, ONE_LANE, lambda: False, lambda place, outcome: None)
    assert_close_to_the_eager_loop(lane, larger(), tmp_path / "eager")


@pytest.mark.parametrize(
    ("convolution", "transposed", "transform", "size"),
    [
        (fast_convolutions.block_conv2d, fast_convolutions.block_conv_transpose2d, fast_convolutions.block_kernel, 6),
        *(
            (
                fast_convolutions.dense_conv2d,
                fast_convolutions.dense_conv_transpose2d,
                partial(fast_convolutions.dense_matrix, size=size),
                size,
            )
            for size in (4, 8)
        ),
    ],
)
def test_faster_convolutions_are_torchs(convolution, transposed, transform, size):
    g = torch.Generator().manual_seed(0)
    shapes = (2, 3, size, size), (5, 3, 4, 4), (5,), (2, 3, size // 2, size // 2), (3, 5, 4, 4)
    x, down, bias, narrow, up = (torch.randn(*shape, generator=g, dtype=torch.float64) for shape in shapes)
    functional = torch.nn.functional
    wanted = functional.conv2d(x, down, bias, 2, 1), functional.conv_transpose2d(narrow, up, bias, 2, 1)
    found = convolution(x, transform(down), bias), transposed(narrow, transform(up), bias)
    for one, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("order", [("scores", "penalty"), ("penalty", "scores")])
def test_what_is_made_of_a_weight_serves_passes_in_any_order(order):
    """Made at one level of derivatives, it is used at another: traced over lanes, and eager."""
    g = torch.Generator().manual_seed(0)
    D = new_discriminator(toy_networks(), (1, 8, 8))
    flat, (x, y) = FlatParameters(D, "D"), torch.randn(2, 6, 1, 8, 8, generator=g)
    d = torch.randn(sum(weight.numel() for weight in D.parameters()), generator=g)

    def loss(critic):
        passes = {
            "scores": lambda: critic(x).mean(),
            "penalty": lambda: (gradient_norm(critic, y) - 1).square().mean(),
        }
        return sum(passes[name]() for name in order)

    def eager(around) -> torch.Tensor:
        vmapped.load_weights(D, flat, d)
        with around:
            total = loss(D)
        return flat.vector(torch.autograd.grad(total, list(D.parameters())))

    def step(d):
        return torch.func.grad(lambda d: loss(BoundNetwork(D, flat.named(d))))(d)

    wanted = eager(nullcontext())
    traced = tracing.over_lanes(step, (d,), lanes=2, compiles=False)(torch.stack([d, -d]))[0]
    for found in (traced, eager(fast_convolutions.FastConvolutions())):
        torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-4 * float(wanted.abs().max()))


@pytest.mark.parametrize("variant", ["wgan", "iterative_sliced"])
def test_a_lane_does_not_see_its_neighbours_nor_its_place(variant, recipe, images, tmp_path):
    alone, third, neighbour = (recipe(variant, seed, UPDATES, **OPTIONS.get(variant, {})) for seed in (0, 0, 7))
    side_by_side([alone], images, tmp_path / "alone")
    side_by_side([neighbour, neighbour, third], images, tmp_path / "third")
    assert digests(tmp_path / "alone" / "0" / "run") == digests(tmp_path / "third" / "2" / "run")


@pytest.mark.parametrize("variant", ["wgan", "iterative", *OPTIMIZERS])
def test_a_stopped_group_goes_on_to_the_same_bytes_in_other_company(variant, recipe, images, tmp_path):
    """Stopped after update 3, between two checkpoints; a third run begins beside the two that go on."""
    if variant in OPTIMIZERS:
        recipes = [recipe("gan", seed, optimizer=OPTIMIZERS[variant]) for seed in (0, 1, 2)]
    else:
        recipes = [recipe(variant, seed) for seed in (0, 1, 2)]
    side_by_side(recipes, images, tmp_path / "undisturbed")
    asked = iter([False, False, True])
    with pytest.raises(Stopped):
        side_by_side(recipes[:2], images, tmp_path / "stopped", stopping=lambda: next(asked))
    side_by_side(recipes, images, tmp_path / "stopped")
    for k in ("0", "1", "2"):
        assert digests(tmp_path / "stopped" / k / "run") == digests(tmp_path / "undisturbed" / k / "run")


def test_one_lane_diverges_at_its_update_and_the_others_are_as_without_it(recipe, images, tmp_path, monkeypatch):
    recipes = [recipe("gan", seed) for seed in (0, 1)]
    side_by_side(recipes, images, tmp_path / "well")
    real_update = vmapped.Lanes.one_update

    def poisoned(group):
        real_update(group)
        if group.runs[0].state.update == 6:  # seen by update 7
            group.d[0, 0] = math.inf

    monkeypatch.setattr(vmapped.Lanes, "one_update", poisoned)
    bad, good = side_by_side(recipes, images, tmp_path / "ill")
    assert (bad, good) == (Outcome(7), Outcome(None))
    assert [row["update"] for row in rows(tmp_path / "ill" / "0")] == [0, 1, 4]
    assert digests(tmp_path / "ill" / "1" / "run") == digests(tmp_path / "well" / "1" / "run")


def test_the_engine_follows_from_the_blocks_and_the_machine(recipe, monkeypatch):
    monkeypatch.setattr(choose, "compiler", lambda: "g++ 1.2.3")

    def chosen(updates, size=8, device="cpu X", precision="float32"):
        train = {"batch_size": 64, "precision": precision}
        return choose_engine(recipe("gan", updates=updates, train=train).train, (1, size, size), device)

    assert chosen(100) == chosen(1000, size=28) == chosen(10**6, size=64) == chosen(10**6, device="NVIDIA X") == "eager"
    assert chosen(10**6, precision="bfloat16") == "eager"
    assert chosen(1000) == TRACED
    assert chosen(10**4) == f"{COMPILED}, g++ 1.2.3"
    assert chosen(10**4, size=28) == f"{ONE_LANE}, g++ 1.2.3"
    assert [lane_count(chosen(updates, size)) for updates, size in ((100, 8), (1000, 8), (10**4, 28))] == [1, 4, 1]
    monkeypatch.undo()
    monkeypatch.setenv("CXX", "none")
    compiler.cache_clear()
    assert (chosen(10**4), chosen(10**4, size=28)) == (TRACED, "eager")
    compiler.cache_clear()


def test_the_shipped_study_does_not_wait_for_a_compiler(shipped, monkeypatch):
    monkeypatch.setattr(choose, "compiler", lambda: "g++ 1.2.3")
    train = Train.model_validate(shipped["datasets"]["digits"]["train"])
    assert choose_engine(train, (1, 8, 8), "cpu X").startswith("traced")


COMPILE = """
import pickle, sys
from pathlib import Path
import torch
sys.path.insert(0, sys.argv[1])
from training_runs import COMPILED, side_by_side
torch.set_num_threads(1)
recipes, images = pickle.loads(Path(sys.argv[2]).read_bytes())
side_by_side(recipes, images, Path(sys.argv[3]), engine=COMPILED)
"""


@pytest.fixture(scope="module")
def machine_code(tmp_path_factory) -> Iterator[None]:
    """What is compiled here is compiled once for all processes; nothing that another session compiled is used."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path_factory.mktemp("inductor")))
        yield


@pytest.mark.slow
@pytest.mark.usefixtures("machine_code")
@NEEDS_COMPILER
def test_machine_code_gives_the_same_bytes_anywhere(recipe, images, tmp_path):
    """Seed 1 beside two others in a process with another hash seed, which compiles, and alone in this one."""
    recipes = [recipe("wgan", seed, UPDATES) for seed in (0, 1, 2)]
    (tmp_path / "given").write_bytes(pickle.dumps((recipes, images)))
    helpers = Path(training_runs.__file__).parent
    command = [sys.executable, "-c", COMPILE, *map(str, (helpers, tmp_path / "given", tmp_path))]
    subprocess.run(command, env=os.environ | {"PYTHONHASHSEED": "1"}, check=True)
    side_by_side(recipes[1:2], images, tmp_path / "alone", engine=COMPILED)
    assert digests(tmp_path / "alone" / "0" / "run") == digests(tmp_path / "1" / "run")


@pytest.mark.slow
@pytest.mark.usefixtures("machine_code")
@NEEDS_COMPILER
@pytest.mark.parametrize(
    ("engine", "variant", "changes"),
    [
        (COMPILED, "wgan", {}),
        (COMPILED, "wgan_gp", {}),
        (COMPILED, "gan", {"optimizer": OPTIMIZERS["per_player"]}),
        (COMPILED, "iterative", {"networks": {"D": {"norm": "instance", "down": "pool"}, "init": "xavier"}}),
        (COMPILED, "infogan", {"tricks": ACTIVE, "networks": {"D": {"norm": "spectral"}, "labels": "planes"}}),
        (
            COMPILED,
            "gan",
            OPTIONS["gan_spectral"] | {"networks": {"D": {"norm": "batch", "dropout": 0.3}, "range": "standard"}},
        ),
        (
            COMPILED,
            "gan",
            {
                "batches": {"real_fake": "in_turn"},
                "train": {"problem": PROBLEMS["upscale"]},
                "tricks": {"content": {"weight": 1.0, "adversarial": 0.1}},
                "real_target": [0.7, 1.2],
                "flip": 0.2,
            },
        ),
        (ONE_LANE, "gan", {}),
    ],
)
def test_machine_code_takes_the_steps_of_the_trace(engine, variant, changes, recipe, images, tmp_path):
    one, data = recipe(variant, 0, UPDATES, **changes), images
    if engine == ONE_LANE:
        one, data = replace(one, shape=(1, 28, 28)), larger()
    run, count = new_run(one, data, tmp_path), lane_count(engine)
    compiled, traced = (vmapped.Lanes([run], name) for name in (engine, engine.replace("compiled", "traced")))
    scalars_d, scalars_g = (
        tuple(torch.full((count,), value) for value in player.rule.scalars(1e-3, 1))
        for player in (run.state.D, run.state.G)
    )
    for name, moments, scalars in (
        ("discriminator_step", traced.moments_d, (scalars_d,) * len(run.state.counts.parts_of_d_step)),
        ("generator_step", traced.moments_g, scalars_g),
    ):
        given = (traced.g, traced.d, moments, traced.buffers, traced._draw(0), scalars)
        # all but the weights: a step may be as long for a gradient of nothing but rounding as for any other
        found, wanted = (torch.utils._pytree.tree_leaves(getattr(run, name)(*given)[1:]) for run in (compiled, traced))
        for value, other in zip(found, wanted, strict=True):
            torch.testing.assert_close(value, other, rtol=1e-3, atol=1e-4 * float(other.abs().max()))
