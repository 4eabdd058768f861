"""Adopting a tuning: blocks beside the published ones, comments kept, and a preset that waits for them."""

import pytest
from ruamel.yaml import YAML
from toy_study import PROJECT

from ganspeed import cli
from ganspeed.errors import UserError
from ganspeed.params import knobs
from ganspeed.params.base import ParamsError
from ganspeed.params.load import load_params, parse_params
from ganspeed.params.presets.apply import apply_preset
from ganspeed.system.files import read_json, write_json
from ganspeed.workspace import Workspace

SHIPPED = PROJECT / "params.yaml"
VALUES = {
    "gan_tuned": {"lr_g": 0.001234, "lr_d": 0.004321},
    "wgan_tuned": {"lr_g": 0.002, "lr_d": 0.003, "clip": 0.07},
    "wgan_gp_tuned": {"lr_g": 0.0015, "lr_d": 0.0025},
    "wgan_gp_lambda_tuned": {"lr_g": 0.0015, "lr_d": 0.0025, "lambda_gp": 1.5},
    "iterative_tuned": {"lr_g": 0.0011, "lr_d": 0.0022, "lambda_0": 3.3},
    "iterative_alpha_tuned": {"lr_g": 0.0012, "lr_d": 0.0024, "half_life": 90.0},
    "iterative_weight_tuned": {"lr_g": 0.0013, "lr_d": 0.0026, "lambda_0": 3.4},
}


@pytest.fixture
def workspace(tmp_path):
    """The shipped params.yaml, and what tuning found for it."""
    (tmp_path / "params.yaml").write_text(SHIPPED.read_text())
    workspace, parsed = Workspace(tmp_path), load_params(tmp_path / "params.yaml")
    chosen = {}
    for arm, about in parsed.tuning.arms.items():
        block = knobs.with_values(parsed.variants[about.variant].resolved(), VALUES[arm])
        chosen[arm] = {"trial": 3, "score": 1.0, "variant": about.variant, "values": VALUES[arm], "block": block}
        chosen[arm]["networks"] = parsed.networks("digits", about.variant).model_dump(mode="json")
    budget = {"trials": 24, "seeds": [900, 901], "updates": 400, "split": "val"}
    record = {"dataset": "digits", "budget": budget, "metric_sha256": "f" * 64, "chosen": chosen}
    write_json(workspace.tuning("digits"), {**record, "trials": dict.fromkeys(chosen, 24)})
    return workspace


def run(workspace: Workspace, *arguments: str) -> int:
    return cli.main(["--root", str(workspace.root), *arguments])


def test_tuned_blocks_follow_the_published_ones_and_other_lines_stay(workspace, capsys):
    assert run(workspace, "adopt-tuning", "digits") == 0
    difference = capsys.readouterr().out.splitlines()
    assert not [line for line in difference if line.startswith("-") and not line.startswith("---")]
    names = list(load_params(workspace.params).variants)
    assert names.index("gan_tuned") == names.index("gan") + 1
    parsed = load_params(workspace.params)
    for arm, values in VALUES.items():
        resolved = parsed.variants[arm].resolved()
        assert {k: knobs.value_of(resolved, k) for k in values} == values


def test_adopting_twice_changes_nothing_and_a_better_tuning_only_its_block(workspace):
    run(workspace, "adopt-tuning", "digits")
    once = workspace.params.read_text()
    run(workspace, "adopt-tuning", "digits")
    assert workspace.params.read_text() == once
    record = read_json(workspace.tuning("digits"))
    better = record["chosen"]["wgan_tuned"]
    better["values"]["clip"] = better["block"]["clip"] = 0.09
    write_json(workspace.tuning("digits"), record)
    run(workspace, "adopt-tuning", "digits")
    assert workspace.params.read_text() == once.replace("clip: 0.07", "clip: 0.09")


def test_the_record_has_what_makes_an_arm_tuned(workspace):
    run(workspace, "adopt-tuning", "digits")
    record, parsed = read_json(workspace.tuning_record("digits")), load_params(workspace.params)
    assert set(record) == {"dataset", "budget", "metric_sha256", "chosen", "trials", "networks"}
    assert record["chosen"] == {arm: parsed.variants[arm].resolved() for arm in VALUES}
    assert record["trials"] == dict.fromkeys(VALUES, 24)
    assert record["networks"] == {arm: parsed.networks("digits", arm).model_dump(mode="json") for arm in VALUES}


def test_a_tuning_older_than_a_key_is_adopted_where_the_key_is_neutral(workspace, capsys):
    found = read_json(workspace.tuning("digits"))
    del found["chosen"]["gan_tuned"]["block"]["flip"]
    write_json(workspace.tuning("digits"), found)
    assert run(workspace, "adopt-tuning", "digits") == 0
    document = YAML().load(workspace.params)
    document["variants"]["gan"]["flip"] = 0.1
    YAML().dump(document, workspace.params)
    assert run(workspace, "adopt-tuning", "digits") == 2
    assert "variants.gan: changed since gan_tuned was tuned from it on digits" in capsys.readouterr().err


def test_a_published_block_that_has_changed_is_refused(workspace, capsys):
    workspace.params.write_text(
        workspace.params.read_text().replace("    clip: 0.05\n    opt", "    clip: 0.06\n    opt")
    )
    text = workspace.params.read_text()
    assert run(workspace, "adopt-tuning", "digits") == 0  # a knob of its own, which tuning sets anyway
    workspace.params.write_text(text.replace("    n_critic: 2\n    clip", "    n_critic: 3\n    clip"))
    before = workspace.params.read_text()
    workspace.tuning_record("digits").unlink()
    assert run(workspace, "adopt-tuning", "digits") == 2
    assert "variants.wgan: changed since wgan_tuned was tuned from it on digits" in capsys.readouterr().err
    assert workspace.params.read_text() == before and not workspace.tuning_record("digits").exists()


@pytest.mark.parametrize("place", [("datasets", "digits"), ("variants", "gan")])
def test_networks_that_have_changed_are_refused(place, workspace, capsys):
    document = YAML().load(workspace.params)
    document[place[0]][place[1]].setdefault("networks", {}).setdefault("D", {})["dropout"] = 0.5
    YAML().dump(document, workspace.params)
    before = workspace.params.read_text()
    assert run(workspace, "adopt-tuning", "digits") == 2
    assert (
        "datasets.digits.networks or variants.gan.networks: changed since gan_tuned was tuned; run `make"
        in capsys.readouterr().err
    )
    assert workspace.params.read_text() == before and not workspace.tuning_record("digits").exists()


def test_a_variants_own_networks_are_adopted_with_its_block(workspace):
    document, found = YAML().load(workspace.params), read_json(workspace.tuning("digits"))
    document["variants"]["gan"]["networks"] = {"D": {"norm": "spectral"}}
    YAML().dump(document, workspace.params)
    found["chosen"]["gan_tuned"]["networks"]["D"]["norm"] = "spectral"
    write_json(workspace.tuning("digits"), found)
    assert run(workspace, "adopt-tuning", "digits") == 0
    tuned = load_params(workspace.params).networks("digits", "gan_tuned")
    assert tuned.D.norm == "spectral"
    assert read_json(workspace.tuning_record("digits"))["networks"]["gan_tuned"] == tuned.model_dump(mode="json")


def test_a_published_schedule_without_what_was_tuned_is_refused(workspace, capsys):
    document = YAML().load(workspace.params)
    document["variants"]["iterative_alpha"]["optimizer"]["schedule"] = {"name": "constant"}
    document["tuning"] |= {"shared": {}, "arms": {}}
    YAML().dump(document, workspace.params)
    assert run(workspace, "adopt-tuning", "digits") == 2
    assert "variants.iterative_alpha: changed since iterative_alpha_tuned was tuned" in capsys.readouterr().err


def test_without_a_tuning_the_command_and_the_preset_say_what_to_run(workspace, capsys):
    workspace.tuning("digits").unlink()
    before = workspace.params.read_bytes()
    assert run(workspace, "adopt-tuning", "digits") == 2
    assert "no such file; `make tune` writes it" in capsys.readouterr().err
    with pytest.raises(UserError, match=r"iterative_tuned do not exist yet; .*make tune.*ganspeed adopt-tuning digits"):
        apply_preset("verdict", workspace.params, reset=False)
    assert workspace.params.read_bytes() == before


def test_the_preset_verdict_plans_the_family_and_a_real_copy(workspace):
    run(workspace, "adopt-tuning", "digits")
    apply_preset("verdict", workspace.params, reset=False)
    parsed = load_params(workspace.params)
    assert parsed.compare.seeds == tuple(range(100, 112))
    assert {(pair.new, pair.reference) for pair in parsed.protocol.planned} == {
        ("iterative_tuned", "wgan_tuned"),
        ("iterative_tuned", "wgan_gp_lambda_tuned"),
        ("iterative_tuned", "wgan_gp_tuned"),
    }
    copy, original = parsed.variants["wgan_gp_copy"], parsed.variants["wgan_gp"]
    assert (copy.resolved(), copy.seed_offset, original.seed_offset) == (original.resolved(), 500, 0)
    assert parsed.tuning.seeds and not set(parsed.compare.seeds) & {*parsed.tuning.seeds, *parsed.pilot.seeds}


def test_there_and_back_again_leaves_nothing_but_the_tuned_blocks(workspace):
    run(workspace, "adopt-tuning", "digits")
    adopted = workspace.params.read_text()
    apply_preset("verdict", workspace.params, reset=False)
    apply_preset("quick", workspace.params, reset=True)
    document = YAML(typ="safe").load(workspace.params.read_text())
    del document["variants"]["wgan_gp_copy"]
    assert document == YAML(typ="safe").load(adopted)
    assert apply_preset("quick", workspace.params, reset=True) == ""


def test_quick_leaves_the_shipped_file_as_it_is(tmp_path):
    (tmp_path / "params.yaml").write_text(SHIPPED.read_text())
    assert apply_preset("quick", tmp_path / "params.yaml", reset=True) == ""


@pytest.mark.parametrize(("path", "value", "message"), [
    (("tuning", "arms", "gan_tuned", "variant"), "vgan", "tuning.arms.gan_tuned.variant: 'vgan' is not defined"),
    (("tuning", "arms", "gan_tuned", "own"), {"clip": {"low": 0.1, "high": 0.2, "log": True}},
     "tuning.arms.gan_tuned.own.clip: a variant with objective 'gan' has no number 'clip'"),
    (("tuning", "arms", "gan_tuned", "own"), {"n_critic": {"low": 1.0, "high": 2.0, "log": True}},
     "tuning.arms.gan_tuned.own.n_critic: a variant with objective 'gan' has no number 'n_critic'"),
    (("tuning", "arms", "gan_tuned", "own"), {"lr_g": {"low": 0.1, "high": 0.2, "log": True}},
     "tuning.arms.gan_tuned.own.lr_g: 'lr_g' is among tuning.shared"),
    (("tuning", "arms", "gan"), {"variant": "gan", "own": {}}, "'gan' is not a name of small letters, digits and _"),
    (("tuning", "shared", "lr_g", "low"), 1.0, "tuning.shared.lr_g: low 1 < high 0.04"),
    (("tuning", "shared", "lr_g", "low"), 0.0, "tuning.shared.lr_g: low 0 < high 0.04 (and low > 0 where log is true)"),
    (("tuning", "shared", "beta"), {"low": 0.5, "high": 1.0, "log": False}, "tuning.shared.beta: a variant with obj"),
    (("tuning", "arms", "iterative_tuned", "own"), {"beta": {"low": 0.5, "high": 1.0, "log": False}},
     "tuning.arms.iterative_tuned.own.beta: 1.0 is not < 1"),
    (("tuning", "arms", "iterative_tuned", "own"),
     {"floor": {"low": 0.5, "high": 9.0, "log": True}, "lambda_0": {"low": 8.0, "high": 30.0, "log": True}},
     "tuning.arms.iterative_tuned.own.floor, tuning.arms.iterative_tuned.own.lambda_0: floor 9.0 is not <= lambda_0"),
    (("tuning", "arms", "iterative_tuned", "own"), {"floor": {"low": 0.5, "high": 11.0, "log": True}},
     "tuning.arms.iterative_tuned.own.floor: floor 11.0 is not <= lambda_0, which is 10.0"),
    (("tuning", "arms", "gan_tuned", "own"), {"networks.D.dropout": {"low": 0.1, "high": 0.5, "log": False}},
     "own.networks.D.dropout: networks has no knobs: the arms would differ in more than the method"),
    (("tuning", "seeds"), [801, 900], "tuning.seeds: 801 is among pilot.seeds too"),
    (("pilot", "variant"), "wgan-gp", "pilot.variant: 'wgan-gp' is not defined"),
    (("pilot", "length"), 1, "pilot.length: 1 is not >= 2"),
    (("protocol", "planned"), [{"new": "gan", "reference": "gan"}],
     "protocol.planned.0: 'gan' is compared with itself"),
    (("protocol", "planned"), [{"new": "wgan_gp_copy", "reference": "gan"}],
     "protocol.planned.0.new: 'wgan_gp_copy' is not in compare.variants"),
])  # fmt: skip
def test_mistakes_in_the_blocks_of_pilot_tuning_and_plan_are_named(document, path, value, message):
    node = document
    for key in path[:-1]:
        node = node[key]
    node[path[-1]] = value
    with pytest.raises(ParamsError) as caught:
        parse_params(document)
    assert any(message in mistake for mistake in caught.value.mistakes), caught.value.mistakes


def test_bounds_that_only_go_together_are_allowed(document):
    bounds = {"floor": {"low": 11.0, "high": 12.0, "log": True}, "lambda_0": {"low": 12.0, "high": 30.0, "log": True}}
    document["tuning"]["arms"]["iterative_tuned"]["own"] = bounds
    assert parse_params(document).tuning.arms["iterative_tuned"].own["floor"].high == 12.0
