"""The clock: an empty table unless asked for, kept while nothing that costs time changed, a number per variant."""

import itertools
import sys

import pytest
import torch
from toy_study import TINY_NETWORKS, TINY_TRAIN, write_prepared

from ganspeed.errors import UserError
from ganspeed.networks.generator import Generator
from ganspeed.params.load import parse_params
from ganspeed.runs import measure_timing
from ganspeed.runs.images import training_images
from ganspeed.runs.measure_timing import WARM_UP
from ganspeed.runs.timing import read_timing, update_timing
from ganspeed.system.files import read_json
from ganspeed.training.engines import choose
from ganspeed.training.engines.choose import LANES
from ganspeed.training.engines.vmapped import Lanes


@pytest.fixture
def study(document, tmp_path):
    """A function: (workspace, params) of tiny runs on prepared digits, with changes to `train` and the clock."""
    document["datasets"]["digits"]["networks"] = TINY_NETWORKS
    document["datasets"]["digits"]["train"] |= TINY_TRAIN
    document["compare"] |= {"variants": ["gan", "wgan_gp"], "seeds": [0, 1]}
    workspace = write_prepared(document, tmp_path)

    def make(repeats=1, seeds=(0, 1), variants=("gan", "wgan_gp"), gan=None, D=None, **train):
        document["protocol"]["timing"] = {"repeats": repeats, "updates": 2}
        document["compare"] |= {"seeds": list(seeds), "variants": list(variants)}
        document["variants"]["gan"] |= gan or {}
        document["datasets"]["digits"]["train"] |= train
        document["datasets"]["digits"]["networks"] = TINY_NETWORKS | {"D": D or TINY_NETWORKS["D"]}
        return workspace, parse_params(document)

    return make


def ran(study, **changes) -> bool:
    return update_timing(*study(**changes), "digits")


def table(study) -> dict:
    return read_json(study()[0].timing("digits"))


def test_no_repeats_give_an_empty_table_and_no_clock_runs(study, monkeypatch):
    monkeypatch.setitem(sys.modules, "ganspeed.runs.measure_timing", None)  # cannot even be imported
    assert not ran(study, repeats=0)
    written = table(study)
    assert (written["dataset"], written["repeats"], written["seconds_per_update"]) == ("digits", 0, {})


def test_every_variant_has_a_positive_number(study):
    assert ran(study)
    for name in ("seconds_per_update", "seconds_per_1000_samples"):
        seconds = table(study)[name]
        assert set(seconds) == {"gan", "wgan_gp"}
        assert min(seconds.values()) > 0


def test_the_clock_runs_again_only_when_what_costs_time_changed(study):
    assert ran(study)
    assert not ran(study)
    assert not ran(study, seeds=(5, 6), updates=24, grid_ratio=1.3)
    assert ran(study, D={"width": 5, "hidden": 3})
    assert ran(study)
    assert ran(study, gan={"n_critic": 2})
    assert ran(study, variants=("gan", "wgan_gp", "wgan"))
    assert ran(study, repeats=2, variants=("gan", "wgan_gp", "wgan"))
    assert not ran(study, repeats=2, variants=("gan", "wgan_gp", "wgan"))
    before = table(study)
    assert not ran(study, repeats=2, variants=("gan", "wgan"))  # one fewer is no change of the others
    for name in ("seconds_per_update", "seconds_per_1000_samples"):
        assert table(study)[name] == {variant: before[name][variant] for variant in ("gan", "wgan")}


def test_the_engine_that_trains_is_the_one_that_is_timed(study, monkeypatch):
    ran(study)
    monkeypatch.setattr(choose, "WORTH_TRACING", 0)
    one_updates, real_update = [], Lanes.one_update

    def noted(group):
        one_updates.append(len(group.runs))
        real_update(group)

    monkeypatch.setattr(Lanes, "one_update", noted)
    assert ran(study)
    assert one_updates == [LANES] * 2 * (WARM_UP + 2)
    assert not ran(study)


def test_an_edit_of_the_update_is_timed_again_and_one_of_the_grid_is_not(study, monkeypatch):
    ran(study)
    hashes = measure_timing.source_hashes

    def edited(name):
        return lambda *run: {**hashes(*run), name: "0" * 64}

    monkeypatch.setattr(measure_timing, "source_hashes", edited("training/snapshot_grid.py"))
    assert not ran(study)
    monkeypatch.setattr(measure_timing, "source_hashes", edited("networks/generator.py"))
    assert ran(study)


@pytest.mark.parametrize("at_once", [1, 4])
def test_variants_are_interleaved_without_warm_up_and_their_median_written(at_once, study, monkeypatch):
    clock, order = {"now": 0.0}, []
    prices = {"gan": [1.0, 2.0, 90.0], "wgan_gp": [10.0, 20.0, 30.0]}  # of an update that is timed, repeat by repeat

    def fresh(recipe, engine, images, labels, folder):
        name, calls = recipe.variant.objective, itertools.count()

        def update():
            repeat, place = divmod(next(calls), WARM_UP + 2)
            order.extend([name] if place == 0 else [])
            clock["now"] += 1e6 if place < WARM_UP else prices[name][repeat] * at_once

        return update, at_once

    monkeypatch.setattr(measure_timing, "fresh_update", fresh)
    monkeypatch.setattr(measure_timing.time, "perf_counter", lambda: clock["now"])
    assert ran(study, repeats=3)
    assert order == ["gan", "wgan_gp"] * 3
    assert table(study)["seconds_per_update"] == {"gan": 2.0, "wgan_gp": 20.0}


def test_samples_are_timed_after_as_many_that_are_not(study, monkeypatch):
    made, real_forward = [], Generator.forward
    monkeypatch.setattr(Generator, "forward", lambda G, z: (made.append((G.training, len(z))), real_forward(G, z))[1])
    workspace, params = study(variants=("gan",))
    specs = measure_timing.first_runs(workspace, params, "digits")
    images, labels = training_images(specs["gan"], workspace, torch.device("cpu"))
    seconds = measure_timing._sampler(specs["gan"], images, labels, workspace.root / "timed")
    clock = iter([0.0, 9.0, 12.0])  # the beginnings of both, and the end
    monkeypatch.setattr(measure_timing.time, "perf_counter", lambda: next(clock))
    made.clear()
    assert seconds() == 3.0
    assert {training for training, _ in made} == {False}
    assert sum(n for _, n in made) == 2 * measure_timing.SAMPLES


@pytest.mark.parametrize(
    "content",
    [
        *("", "[]", "{}", "null"),
        '{"dataset": "digits", "repeats": 1, "updates": 50, "seconds_per_update": [1]}',
        '{"dataset": "digits", "repeats": 1, "updates": 50, "fingerprints": {"gan": "f"}}',
    ],
)
def test_a_table_of_another_shape_is_named_with_its_way_out(content, tmp_path):
    path = tmp_path / "digits.json"
    path.write_text(content)
    with pytest.raises(UserError, match=f"^{path}: damaged: .*; the stage `timing` measures again$"):
        read_timing(path)
