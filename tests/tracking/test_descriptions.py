"""The descriptions of runs and experiments."""

from types import SimpleNamespace

import made_up
import pytest

from ganspeed.errors import UserError
from ganspeed.params.load import parse_params
from ganspeed.tracking.descriptions import describe_experiment, describe_run

READING = "is this project's reading of"


def described(objective: str, **own) -> str:
    variant = {"objective": objective, **own}
    parameters = {"data": {}, "train": {}, "networks": {}, "variant": variant}
    return describe_run(SimpleNamespace(variant="v", dataset="d", seed=0, parameters=parameters), "Done.", "test")


@pytest.mark.parametrize("objective", ["agp", "iterative_penalty", "replayed_penalty", "wgan_gp"])
def test_an_objective_without_its_papers_formulas_says_so(objective):
    assert (f"`{objective}` {READING}" in described(objective)) == (objective != "wgan_gp")


@pytest.mark.parametrize("distance", ["gap", "energy"])
def test_the_gap_is_no_yardstick_where_a_penalty_follows_it(distance):
    assert ("not the same yardstick" in described("iterative_penalty", distance=distance)) == (distance == "gap")


def test_an_experiment_says_it_of_its_own_objectives():
    for variants, is_there in {("gan", "iterative"): True, ("gan",): False}.items():
        params = parse_params(made_up.document(variants, (0,), ("digits",)))
        text = describe_experiment("digits", params)
        assert (f"`iterative_penalty` {READING}" in text) == ("yardstick" in text) == is_there


def test_a_run_of_another_version_is_a_sentence():
    parameters = {"data": {}, "train": {"z_dim": 32}, "variant": {"objective": "gan"}}
    with pytest.raises(UserError, match="^run v, seed 0, on d: its record has no block 'networks', .* train the run a"):
        describe_run(SimpleNamespace(variant="v", dataset="d", seed=0, parameters=parameters), "Done.", "test")
