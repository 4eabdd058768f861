"""Cautions: printed by the check, with status 0."""

import pytest
import torch
from toy_study import write

from ganspeed import cli
from ganspeed.networks.range import ImageRange
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
    ("variant", "output", "words"),
    [
        ("gan", "sigmoid", "[0, 1], which gan takes for logits: a sigmoid is in its loss already"),
        ("gan", "tanh", "[-1, 1], which gan takes for logits: a sigmoid is in its loss already"),
        ("wgan_gp", "sigmoid", "[0, 1], and the loss of wgan_gp is written for scores without bounds"),
        ("hinge", "tanh", "[-1, 1], and the loss of hinge is written for scores without bounds"),
    ],
)
def test_a_bounded_score_is_a_caution_whatever_the_objective(variant, output, words, document):
    document["variants"].setdefault(variant, {"objective": variant, "n_critic": 1, "optimizer": EQUAL})
    document["variants"][variant]["networks"] = {"D": {"output": output}}
    document["compare"]["variants"] = [variant]
    document["protocol"] |= {"references": [variant], "planned": []}
    found = cautions_of(parse_params(document))
    assert found == [f"{variant}: networks.D.output {output} bounds D's scores to {words}"]


OUTPUTS = {"none": torch.nn.Identity(), "tanh": torch.nn.Tanh(), "sigmoid": torch.nn.Sigmoid()}


@pytest.mark.parametrize("output", OUTPUTS)
@pytest.mark.parametrize("name", ["signed", "unit", "standard"])
def test_an_output_that_makes_other_values_than_images_have_is_a_caution(name, output, document):
    """By the values that G's output function and the range really allow, of images with mean 0.2 and deviation 0.5."""
    document["variants"]["gan"]["networks"] = {"G": {"output": output}, "range": name}
    found = cautions_of(parse_params(document))
    images = ImageRange(name, 1)
    images.measure(torch.tensor([-0.3, 0.7]).view(2, 1, 1, 1) if name == "standard" else torch.zeros(1, 1, 1, 1))
    made = images.outside(OUTPUTS[output](torch.tensor([-100.0, 100.0]).view(2, 1, 1, 1))).flatten()
    fits = output == "none" or made.tolist() == [-1, 1]
    start = f"gan: networks.G.output {output} with networks.range {name}: "
    assert [caution.startswith(start) for caution in found] == [True] * (not fits)


@pytest.mark.parametrize(("adversarial", "cautioned"), [(1.0, False), (0.1, False), (1.5, True)])
def test_a_dominant_adversarial_part_is_a_caution(adversarial, cautioned, document):
    document["datasets"]["digits"]["train"]["problem"] = {"name": "mask", "size": 3}
    document["variants"]["gan"]["tricks"] = {"content": {"weight": 1.0, "adversarial": adversarial}}
    found = cautions_of(parse_params(document))
    assert len(found) == cautioned
    assert not found or found[0].startswith("gan: tricks.content.adversarial 1.5 makes the adversarial part of G's")
