"""The blocks of networks: overrides by key, and what is refused with both keys."""

import pytest
import torch
from small_networks import discriminator

from ganspeed.networks.discriminator import new_discriminator
from ganspeed.networks.generator import new_generator
from ganspeed.params import network_checks
from ganspeed.params.base import ParamsError
from ganspeed.params.load import parse_params
from ganspeed.params.networks import AUTOENCODER_CODE, DiscriminatorBlock
from ganspeed.params.objectives import Declarations


def mistakes(document) -> list[str]:
    try:
        parse_params(document)
    except ParamsError as error:
        return error.mistakes
    return []


@pytest.fixture
def wide(document):
    """The shipped params with a data set of 28x28 beside the digits, both in the grid."""
    mnist = document["datasets"]["digits"] | {
        "data": {"source": "mnist", "image_size": 28, "holdout": 497, "split_seed": 0}
    }
    document["datasets"]["mnist"] = mnist
    document["compare"]["datasets"] = ["digits", "mnist"]
    return document


D, V = "datasets.digits.networks", "variants.{}.networks"
TIES = "'batch' ties samples together, but variants.{0}.objective: {1} penalises the gradient of each sample"
ONE_PIXEL = "halves images of 8 pixels below one pixel; datasets.digits.data.image_size is 8"


@pytest.mark.parametrize(
    ("variant", "own", "message"),
    [
        ("wgan_gp", {"D": {"norm": "batch"}}, "{key}.D.norm: " + TIES.format("wgan_gp", "wgan_gp")),
        ("iterative", {"D": {"norm": "batch"}}, "{key}.D.norm: " + TIES.format("iterative", "iterative_penalty")),
        (
            "wgan",
            {"D": {"norm": "spectral"}},
            "{key}.D.norm: 'spectral' divides the weights that variants.wgan.clip bounds; only one of them",
        ),
        ("gan", {"D": {"depth": 4}}, "{key}.D.depth: 4 " + ONE_PIXEL),
        ("gan", {"G": {"depth": 4}}, "{key}.G.depth: 4 " + ONE_PIXEL),
        ("gan", {"D": {"depth": 4, "body": "pyramid"}}, "{key}.D.depth: 4 " + ONE_PIXEL),
        (
            "gan",
            {"D": {"depth": 3, "norm": "instance"}},
            "{key}.D.norm: 'instance' on feature maps of 1x1, which it makes zero, with {key}.D.depth: 3",
        ),
        (
            "gan",
            {"G": {"depth": 3, "norm": "instance"}},
            "{key}.G.norm: 'instance' on feature maps of 1x1, which it makes zero, with {key}.G.depth: 3",
        ),
        (
            "gan",
            {"D": {"body": "mlp", "norm": "instance"}},
            "{key}.D.norm: 'instance' on feature maps of 1x1, which it makes zero, with {key}.D.body: 'mlp'",
        ),
        (
            "gan",
            {"D": {"body": "mlp", "norm": "layer", "width": 1}},
            "{key}.D.norm: 'layer' of an mlp with {key}.D.width: 1, whose one value it makes zero",
        ),
        (
            "gan",
            {"G": {"body": "mlp", "norm": "instance"}},
            "{key}.G.norm: 'instance' on feature maps of 1x1, which it makes zero, with {key}.G.body: 'mlp'",
        ),
        (
            "gan",
            {"G": {"body": "mlp", "norm": "layer", "width": 1}},
            "{key}.G.norm: 'layer' of an mlp with {key}.G.width: 1, whose one value it makes zero",
        ),
        (
            "wgan_gp",
            {"D": {"body": "autoencoder"}},
            "{key}.D.body: 'autoencoder' scores by its reconstruction, which variants.wgan_gp.objective: wgan_gp makes",
        ),
    ],
)
@pytest.mark.parametrize("place", ["data set", "variant"])
def test_networks_that_cannot_be_trained_are_refused_by_both_keys(variant, own, message, place, document):
    document["compare"]["variants"] = [variant]
    if place == "variant":
        document["variants"][variant]["networks"], key = own, V.format(variant)
    else:
        (player, block), key = *own.items(), D
        document["datasets"]["digits"]["networks"][player] = document["datasets"]["digits"]["networks"][player] | block
    [mistake] = mistakes(document)
    assert mistake.startswith(message.format(key=key))
    document["compare"]["variants"] = ["wgan" if variant == "gan" else "gan"]
    document["variants"][document["compare"]["variants"][0]].pop("networks", None)
    if place == "variant":  # a variant outside the grid may be as it is
        assert mistakes(document) == []


@pytest.mark.parametrize(
    ("variant", "own"),
    [
        ("gan", {"D": {"norm": "batch"}}),
        ("gan", {"D": {"norm": "spectral"}}),
        ("wgan_gp", {"D": {"norm": "spectral"}}),
        ("wgan_gp", {"D": {"norm": "layer"}}),
        ("gan", {"D": {"output": "sigmoid"}}),  # a caution
        ("gan", {"D": {"depth": 3}, "G": {"depth": 3}}),
        ("gan", {"D": {"depth": 2, "norm": "instance"}, "G": {"depth": 2, "norm": "instance"}}),
        ("gan", {"D": {"body": "mlp", "depth": 16, "norm": "layer"}, "G": {"body": "mlp", "depth": 16}}),
        ("gan", {"G": {"body": "mlp", "norm": "layer", "width": 2}, "D": {"body": "mlp", "norm": "layer", "width": 2}}),
        ("gan", {"G": {"norm": "layer", "width": 1}, "D": {"norm": "layer", "width": 1}}),
    ],
)
def test_what_is_next_to_a_refusal_is_accepted_and_can_be_made(variant, own, document):
    document["variants"][variant]["networks"] = own
    assert mistakes(document) == []
    made = parse_params(document).networks("digits", variant)
    images = new_generator(made, (1, 8, 8), 32)(torch.randn(2, 32))
    assert torch.isfinite(new_discriminator(made, (1, 8, 8))(images)).all()


def test_the_size_of_an_autoencoders_code_is_said_as_it_is():
    D = discriminator(D={"body": "autoencoder", "hidden": 0})
    assert D.features_size == AUTOENCODER_CODE
    assert f"of its code, 0: {D.features_size}" in DiscriminatorBlock.model_fields["hidden"].description


AUTOENCODER = {"objective": "ebgan", "n_critic": 1, "margin": 0.2, "pull_away": 0.1}
BODY = "{key}.D.body: 'autoencoder'"


@pytest.mark.parametrize(
    ("variant", "own", "message"),
    [
        ("ebgan", {"norm": "spectral"}, "{key}.D.norm: 'spectral' with " + BODY + ", whose dense layers it does not"),
        ("ebgan", {"output": "sigmoid"}, "{key}.D.output: 'sigmoid' with " + BODY + ", whose score is minus an error"),
        ("ebgan", {"output": "tanh"}, "{key}.D.output: 'tanh' with " + BODY + ", whose score is minus an error"),
        *(
            ("gan", {"norm": norm, "depth": 1, "body": body}, f"{{key}}.D.norm: {norm!r} with {{key}}.D.depth: 1, and")
            for norm in ("batch", "layer", "instance")
            for body in ("dcgan", "mlp", "pyramid")
            if (norm, body) != ("instance", "mlp")  # refused for its maps of 1x1
        ),
    ],
)
def test_keys_of_a_discriminator_that_do_not_go_together_are_refused(variant, own, message, document):
    document["variants"]["ebgan"] = AUTOENCODER | {"optimizer": document["variants"]["gan"]["optimizer"]}
    document["compare"]["variants"] = [variant]
    body = {"body": "autoencoder"} if variant == "ebgan" else {}
    document["variants"][variant]["networks"] = {"D": body | own}
    [mistake] = [m for m in mistakes(document) if ".D." in m]
    assert mistake.startswith(message.format(key=V.format(variant)))
    good = {"norm": "spectral", "depth": 1} if variant == "gan" else {"norm": "layer", "output": "none"}
    document["variants"][variant]["networks"] = {"D": body | good}
    assert [m for m in mistakes(document) if ".D." in m] == []


def test_another_body_than_an_objective_needs_is_refused_by_both_keys(document, monkeypatch):
    monkeypatch.setattr(network_checks, "objective_declarations", lambda name: Declarations(body="autoencoder"))
    document["compare"]["variants"] = ["gan"]
    needs = "but variants.gan.objective: gan needs 'autoencoder'"
    assert mistakes(document) == [f"datasets.digits.networks.D.body: 'dcgan', {needs}"]
    document["variants"]["gan"]["networks"] = {"D": {"body": "mlp"}}
    assert mistakes(document) == [f"variants.gan.networks.D.body: 'mlp', {needs}"]
    document["variants"]["gan"]["networks"] = {"D": {"body": "autoencoder"}}
    assert mistakes(document) == []


@pytest.mark.parametrize(
    ("own", "message"),
    [
        ({"D": {"nrom": "batch"}}, ".D.nrom: unknown key; did you mean norm?"),
        ({"d": {"norm": "batch"}}, ".d: unknown key"),
        ({"normal": 0.1}, ".normal: unknown key"),
        ({"D": {"norm": "Batch"}}, ".D.norm: 'Batch' is not one of 'none', 'batch', 'layer', 'instance' or 'spectral'"),
        ({"G": {"norm": "spectral"}}, ".G.norm: 'spectral' is not one of 'none', 'batch', 'layer' or 'instance'"),
        ({"G": {"body": "pyramid"}}, ".G.body: 'pyramid' is not one of 'dcgan' or 'mlp'"),
        ({"G": {"dropout": 1.0}}, ".G.dropout: 1.0 is not < 1"),
        ({"G": {"depth": 0}}, ".G.depth: 0 is not >= 1"),
        ({"G": 4}, ".G: 4: input should be a valid dictionary or instance of GeneratorBlock"),
        ({"latent": {"dim": 0}}, ".latent.dim: 0 is not > 0"),
        ({"init": {"normal": 0.0}}, ".init.normal: 0.0 is not > 0"),
        ({"init": {"uniform": 0.1, "normal": 0.1}}, ".init.uniform: unknown key; did you mean norm?"),
        ({"init": "he"}, ".init: 'he': input should be xavier or {normal: a standard deviation}"),
        ({"init": 0.02}, ".init: 0.02: input should be xavier or {normal: a standard deviation}"),
        ({"range": "01"}, ".range: '01' is not one of 'signed', 'unit' or 'standard'"),
        ({"labels": True}, ".labels: True is not one of 'none' or 'planes'"),
    ],
)
@pytest.mark.parametrize("grid", [["gan", "wgan_gp"], ["gan"]])
def test_a_wrong_override_is_named_by_its_key_in_the_grid_and_outside(own, message, grid, wide):
    wide["compare"]["variants"], wide["variants"]["wgan_gp"]["networks"] = grid, own
    assert mistakes(wide) == [f"variants.wgan_gp.networks{message}"]


@pytest.mark.parametrize(
    ("key", "place"),
    [
        ("z_dim", "networks.latent.dim"),
        ("width", "networks.G.width and networks.D.width"),
        ("hidden", "networks.D.hidden"),
    ],
)
def test_a_key_of_train_that_moved_is_named_with_its_place(key, place, document):
    document["datasets"]["digits"]["train"][key] = 32
    assert mistakes(document) == [f"datasets.digits.train.{key}: unknown key; write {place}"]
    document["evaluate"][key] = 32  # was never there
    assert not any(place in line for line in mistakes(document) if line.startswith("evaluate"))


@pytest.mark.parametrize("own", [4, "dcgan", ["D"], {1: {"norm": "batch"}}])
def test_an_override_that_is_no_block_is_named(own, document):
    document["variants"]["gan"]["networks"] = own
    assert mistakes(document) and all(line.startswith("variants.gan.networks") for line in mistakes(document))


@pytest.mark.parametrize(
    ("own", "path", "value"),
    [
        ({"D": {"norm": "layer"}}, "D.norm", "layer"),
        ({"G": {"width": 8}}, "G.width", 8),
        ({"latent": {"law": "uniform"}}, "latent.law", "uniform"),
        ({"init": "xavier"}, "init", "xavier"),
        ({"init": {"normal": 0.1}}, "init", {"normal": 0.1}),
        ({"range": "unit"}, "range", "unit"),
        ({"D": {"depth": 1}}, "D.depth", 1),
    ],
)
def test_an_override_changes_its_key_alone(own, path, value, document):
    document["variants"]["gan"]["networks"] = own
    params = parse_params(document)
    plain, changed = (flat(params.networks("digits", name).model_dump(mode="json")) for name in ("wgan", "gan"))
    assert {key for key in plain.keys() | changed.keys() if plain.get(key) != changed.get(key)} == {path}
    assert changed[path] == value


def flat(networks: dict) -> dict:
    """Dotted key → value, of both players' blocks and what G is fed."""
    blocks = {name: block for name, block in networks.items() if name in ("latent", "G", "D")}
    inner = {f"{name}.{key}": value for name, block in blocks.items() for key, value in block.items()}
    return inner | {name: value for name, value in networks.items() if name not in blocks}


def test_an_override_holds_on_every_data_set_and_is_resolved_for_its_size(wide):
    wide["variants"]["gan"]["networks"] = {"D": {"down": "pool"}}
    params = parse_params(wide)
    found = [params.networks(dataset, "gan").D for dataset in ("digits", "mnist")]
    assert [(block.down, block.depth) for block in found] == [("pool", 2), ("pool", 2)]
    assert [params.networks(dataset, "gan").G.depth for dataset in ("digits", "mnist")] == [2, 3]
    wide["variants"]["gan"]["networks"] = {"D": {"depth": 4}}
    assert mistakes(wide) == [f"variants.gan.networks.D.depth: 4 {ONE_PIXEL}"]
