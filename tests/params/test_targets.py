"""Smoothed and flipped targets in params.yaml: which objectives have the keys, and what is refused of them."""

import pytest

from ganspeed.params.base import ParamsError
from ganspeed.params.load import parse_params
from ganspeed.params.objectives import objective_fields, objective_names
from ganspeed.params.variants import parse_variant

KEYS = {"real_target", "fake_target", "flip", "smooth_generator"}


def mistakes(document, variant: str = "gan", **changes) -> list[str]:
    document["variants"][variant] |= changes
    with pytest.raises(ParamsError) as caught:
        parse_params(document)
    return caught.value.mistakes


def test_the_objectives_with_targets_have_the_keys_and_no_others():
    assert {name for name in objective_names() if KEYS & objective_fields(name).keys()} == {"gan", "least_squares"}
    assert objective_fields("gan").keys() & objective_fields("least_squares").keys() >= KEYS


@pytest.mark.parametrize("variant", ["wgan_gp", "hinge", "r3gan"])
def test_a_trick_without_the_target_it_works_on_is_an_unknown_key(variant, document):
    found = mistakes(document, variant, flip=0.05, real_target=[0.9, 0.9])
    assert [mistake.split(";")[0] for mistake in found] == [
        f"variants.{variant}.flip: unknown key", f"variants.{variant}.real_target: unknown key",
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["gan", "least_squares"])
def test_without_the_keys_targets_are_hard(name, document):
    found = parse_variant(document["variants"][name]).resolved()
    neutral = {"real_target": [1.0, 1.0], "fake_target": [0.0, 0.0], "flip": 0.0, "smooth_generator": False}
    assert {key: found[key] for key in KEYS} == neutral
    written = parse_variant(document["variants"][name] | neutral)
    assert written.resolved() == found


@pytest.mark.parametrize("variant", ["gan", "least_squares"])
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"real_target": [1.2, 0.7]}, ".real_target: low 1.2 is not <= high, which is 0.7"),
        ({"fake_target": [0.3, 0.0]}, ".fake_target: low 0.3 is not <= high, which is 0.0"),
        ({"real_target": [0.7, 2.5]}, ".real_target.1: 2.5 is not <= 2"),
        ({"fake_target": [-1.5, 0.1]}, ".fake_target.0: -1.5 is not >= -1"),
        ({"real_target": 0.9}, ".real_target: 0.9: input should be a valid tuple"),
        ({"real_target": [0.9]}, ".real_target.1: missing"),
        ({"flip": 0.51}, ".flip: 0.51 is not <= 0.5"),
        ({"flip": -0.1}, ".flip: -0.1 is not >= 0"),
        ({"smooth_generator": 1}, ".smooth_generator: 1: input should be a valid boolean"),
        (
            {"real_target": [0.9, 1.3]},
            ": 0 <= fake < real <= 1 does not hold of 0.0 and 1.1, the middles of fake_target and real_target",
        ),
        (
            {"real_target": [0.1, 0.3], "fake_target": [0.2, 0.2]},
            ": 0 <= fake < real <= 1 does not hold of 0.2 and 0.2, the middles of fake_target and real_target",
        ),
        (
            {"fake_target": [-0.2, 0.1]},
            ": 0 <= fake < real <= 1 does not hold of -0.05 and 1.0, the middles of fake_target and real_target",
        ),
        (
            {"fake_target": [0.0, 0.3], "smooth_generator": True},
            ": smooth_generator is true, but real_target [1.0, 1.0] and flip 0 leave G's target at 1",
        ),
    ],
)
def test_what_makes_no_sense_is_named_by_key_value_and_range(variant, changes, message, document):
    assert mistakes(document, variant, **changes) == [f"variants.{variant}{message}"]


def test_the_minimax_loss_has_no_target_to_smooth(document):
    found = mistakes(document, saturating=True, flip=0.05, smooth_generator=True)
    assert found == [
        "variants.gan: smooth_generator is true beside saturating true: the minimax loss has no target of 1"
    ]


@pytest.mark.parametrize(
    "changes",
    [
        {"real_target": [0.7, 1.2], "fake_target": [0, 0.3], "flip": 0.05, "smooth_generator": True},
        {"real_target": [0.8, 1.2]},
        {"fake_target": [-0.1, 0.1]},
        {"flip": 0.5},
        {"flip": 0.2, "smooth_generator": True},
    ],
)
def test_levels_of_the_advice_are_in_order(changes, document):
    for name in ("gan", "least_squares"):
        document["variants"][name] |= changes
    document["variants"]["gan_minimax"] |= changes | {"smooth_generator": False}
    parse_params(document)
