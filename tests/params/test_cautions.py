"""Cautions: printed by the check, with status 0."""

import pytest
from toy_study import write

from ganspeed import cli
from ganspeed.params.cautions import cautions_of
from ganspeed.params.load import parse_params

EQUAL = {"name": "adam", "lr_g": 1e-3, "lr_d": 1e-3, "betas": [0.5, 0.9]}
ADAM = {"name": "adam", "lr": 1e-3, "betas": [0.5, 0.9]}
SGD = {"name": "sgd", "lr": 2e-3, "momentum": 0.9}
PER_PLAYER = {"name": "per_player", "G": ADAM, "D": SGD}
CLIPPED = "with weight clipping (clip 0.05)"


@pytest.mark.parametrize(
    ("optimizer", "words"),
    [
        (PER_PLAYER, f"wgan: momentum 0.9 of D's sgd {CLIPPED}"),
        (EQUAL, f"wgan: first beta 0.5 of D's adam {CLIPPED}"),
        (EQUAL | {"betas": [0.0, 0.9]}, None),
        ({"name": "per_player", "G": ADAM, "D": SGD | {"momentum": 0.0}}, None),
        ({"name": "rmsprop", "lr_g": 1e-3, "lr_d": 1e-3, "alpha": 0.9}, None),
    ],
)
def test_momentum_with_weight_clipping_is_a_caution_and_no_mistake(optimizer, words, document, tmp_path, capsys):
    document["tuning"] |= {"shared": {}, "arms": {}}
    document["variants"]["wgan"]["optimizer"] = optimizer
    found = cautions_of(parse_params(document))
    assert [caution.startswith(words or "") for caution in found] == [True] * bool(words)
    write(document, tmp_path)
    assert cli.main(["--root", str(tmp_path), "check"]) == 0
    assert capsys.readouterr().err == "".join(f"caution: {caution}\n" for caution in found)


def test_only_variants_of_the_grid_are_cautioned_against(document):
    document["compare"]["variants"].remove("wgan")
    document["protocol"]["references"].remove("wgan")
    document["tuning"] |= {"shared": {}, "arms": {}}
    document["variants"]["wgan"]["optimizer"] = EQUAL
    assert cautions_of(parse_params(document)) == []


@pytest.mark.parametrize(
    ("variant", "networks", "words"),
    [
        ("gan", {"D": {"output": "sigmoid"}}, "gan: networks.D.output sigmoid bounds D's scores, which gan takes for"),
        ("wgan", {"D": {"output": "sigmoid"}}, None),
        ("gan", {"G": {"output": "sigmoid"}}, "gan: networks.G.output sigmoid gives values in [0, 1], and"),
        ("gan", {"G": {"output": "sigmoid"}, "range": "unit"}, None),
    ],
)
def test_an_output_function_that_does_not_fit_is_a_caution(variant, networks, words, document):
    document["variants"][variant]["networks"] = networks
    found = cautions_of(parse_params(document))
    assert [caution.startswith(words or "") for caution in found] == [True] * bool(words)
