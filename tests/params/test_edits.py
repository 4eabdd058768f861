"""Edits of params.yaml mean what they say in whatever layout the file is written, and keep what is beside them."""

import copy
import json
import re
import shutil

import pytest
import toy_study
from dvc.utils.hydra import apply_overrides
from ruamel.yaml import YAML
from yaml_layouts import Layout

from ganspeed.errors import UserError
from ganspeed.params.edits import edit_params
from ganspeed.params.load import load_params, read_yaml
from ganspeed.params.presets.apply import apply_preset, preset_names

LAYOUTS, BATCH = 100, 5


@pytest.fixture
def small(document) -> dict:
    """The shipped content with two variants."""
    for name in document["variants"].keys() - {"gan", "wgan_gp"}:
        del document["variants"][name]
    document["compare"]["variants"], document["protocol"]["references"] = ["gan", "wgan_gp"], ["wgan_gp"]
    document["tuning"]["arms"] = {"gan_tuned": {"variant": "gan", "own": {}}}
    return json.loads(json.dumps(document))  # nothing in it is shared


def change(document) -> None:
    """In place, as freeze does it; by another list, as a preset does it; by a new block, as adopt-tuning does it."""
    digits = document["datasets"]["digits"]
    digits["train"]["updates"] = 1234
    digits["threshold"].update({"tau25": 5.5, "tau": 3.5, "tau75": 1.5})
    document["compare"]["seeds"] = [7, 8, 9]
    tuned = copy.deepcopy(document["variants"]["gan"])
    tuned["optimizer"]["lr_g"] = 0.25
    if hasattr(document["variants"], "insert"):
        document["variants"].insert(1, "gan_tuned", tuned)
    else:
        document["variants"]["gan_tuned"] = tuned


def content(value) -> str:
    """In which 1, 1.0 and true differ, and the order of keys does not matter."""
    return json.dumps(value, sort_keys=True)


@pytest.mark.parametrize("first", range(0, LAYOUTS, BATCH))
def test_an_edit_in_any_layout_changes_what_it_says_and_nothing_else(first, small, tmp_path):
    path, wanted = tmp_path / "params.yaml", copy.deepcopy(small)
    change(wanted)
    for number in range(first, first + BATCH):
        layout = Layout(number)
        path.write_bytes(layout.encoded(small))
        assert content(read_yaml(path)) == content(small), number
        edit_params(path, change, "test")
        assert content(read_yaml(path)) == content(wanted), number


@pytest.mark.parametrize("number", range(6))
def test_a_preset_in_any_layout_gives_the_same_content(number, small, tmp_path):
    path = tmp_path / "params.yaml"
    found = set()
    for layout in (Layout(1000 + number).encoded(small), json.dumps(small).encode()):
        path.write_bytes(layout)
        apply_preset("mnist-cpu", path, reset=False)
        found.add(content(read_yaml(path)))
    assert len(found) == 1


@pytest.mark.parametrize("name", sorted(set(preset_names()) - {"verdict"}))
def test_presets_apply_to_what_an_experiment_of_dvc_writes(name, tmp_path):
    """`dvc exp run -S` writes lists as blocks, with the comment still behind the key."""
    path = toy_study.write_shipped(tmp_path)
    apply_overrides(path, ["variants.gan.n_critic=2"])
    assert "seeds:      " in path.read_text() and "- 0\n" in path.read_text()
    apply_preset(name, path, reset=False)
    assert load_params(path).compare.seeds
    assert load_params(path).variants["gan"].hyperparameters()["n_critic"] == 1


@pytest.mark.parametrize("name", sorted(set(preset_names()) - {"verdict"}))
def test_what_a_command_writes_dvc_writes_alike(name, tmp_path):
    """An experiment that sets a value to what it is changes no byte; nor of the shipped file."""
    shutil.copy(toy_study.PROJECT / "params.yaml", tmp_path)
    shutil.copytree(toy_study.PROJECT / "schedules", tmp_path / "schedules")
    path = tmp_path / "params.yaml"
    before = path.read_bytes()
    apply_overrides(path, ["variants.gan.n_critic=1"])
    assert path.read_bytes() == before

    def tuned_and_frozen(document) -> None:
        change(document)
        document["variants"].insert(2, "tuned_again", copy.deepcopy(document["variants"]["wgan_gp"]))
        document["protocol"]["planned"] = [{"new": "iterative", "reference": "wgan_gp"}]

    edit_params(path, tuned_and_frozen, "test")
    apply_preset(name, path, reset=False)
    edit_params(path, lambda document: document["variants"]["gan"].update(n_critic=1), "test")
    written = path.read_bytes()
    apply_overrides(path, ["variants.gan.n_critic=1"])
    assert path.read_bytes() == written and written != before


def test_a_number_that_an_experiment_sets_is_one_line(tmp_path):
    text = (toy_study.PROJECT / "params.yaml").read_text()
    path = tmp_path / "params.yaml"
    path.write_text(text)
    apply_overrides(path, ["variants.wgan_gp.lambda_gp=1.0"])
    assert path.read_text() == text.replace("    lambda_gp: 10.0\n", "    lambda_gp: 1.0\n", 1)


@pytest.mark.parametrize("seeds", ["   # mine\n  - 0\n  - 1", " [0, 1]   # mine"])
def test_a_comment_behind_a_key_whose_list_becomes_a_block_or_brackets(seeds, tmp_path):
    path = toy_study.write_shipped(tmp_path)
    text, found = re.subn(r"seeds: .*(\n  - \d)+", f"seeds:{seeds}", path.read_text(), count=1)
    assert found
    path.write_text(text)
    apply_preset("quick", path, reset=False)
    assert load_params(path).compare.seeds == tuple(range(8))


def test_comments_and_blocks_that_are_not_edited_keep_every_byte(tmp_path):
    path = toy_study.write_shipped(tmp_path)
    text = path.read_text().replace("\nevaluate:", "\n# What we score by.\n\nevaluate:")
    text = text.replace("  dpi: 90", "  'dpi':   90   # as printed\n").replace(
        "\nprotocol:", "\n# ---- ours ----\nprotocol:"
    )
    path.write_text(text)
    edit_params(path, lambda document: document["datasets"]["digits"]["train"].update(updates=900), "test")
    assert path.read_text() == text.replace("updates: 1200 ", "updates: 900  ")


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_line_ends_and_a_byte_order_mark_stay(newline, mark, tmp_path):
    path = toy_study.write_shipped(tmp_path)
    text = path.read_text()
    path.write_bytes((mark + text.replace("\n", newline)).encode())
    difference = apply_preset("mnist-cpu", path, reset=False)
    after = path.read_bytes().decode()
    assert after.removeprefix(mark).startswith("# My") and after.count(newline) > 100
    assert after.removeprefix(mark).replace(newline, "").isprintable()
    assert difference.count(newline) > 10


def test_an_alias_of_what_is_edited_keeps_its_value(tmp_path):
    path = toy_study.write_shipped(tmp_path)
    text = path.read_text().replace("    train:\n", "    train: &train\n", 1)
    block = text[text.index("  digits:\n") : text.index("\nvariants:")]
    start, end = block.index("    train: &train\n"), block.index("    features:")
    other = block.replace("digits:", "other:", 1).replace(block[start:end], "    train: *train\n")
    path.write_text(text.replace(block, block + other))
    edit_params(path, change, "test")
    after = load_params(path).datasets
    assert (after["digits"].train.updates, after["other"].train.updates) == (1234, 1200)
    assert "# scikit-learn's embedded 8x8 set" in path.read_text()


def test_an_edit_that_would_be_wrong_writes_nothing(tmp_path):
    path = toy_study.write_shipped(tmp_path)
    before = path.read_bytes()
    with pytest.raises(UserError, match="datasets.digits.train.updates: 0 is not >= 12"):
        edit_params(path, lambda document: document["datasets"]["digits"]["train"].update(updates=0), "test")
    assert path.read_bytes() == before


def test_the_layouts_are_as_odd_as_they_say(small):
    """Anchors, merge keys, comments behind keys, brackets over lines, quotes, block scalars, line ends, marks."""
    texts = [Layout(number).encoded(small).decode() for number in range(LAYOUTS)]
    for pattern in (r": &a\d", r": \*a\d", r"<<: \*", r"seeds: +#", r"\{.*,\n +", r"'gan'", r">-", r"\r\n", "^\ufeff",
                    r"^\? ", r"^( +)\w+:.*\n\1- ", r"\n {4,}- ", r"^---$"):  # fmt: skip
        assert sum(bool(re.search(pattern, text, re.MULTILINE)) for text in texts) >= 3, pattern
    assert YAML(typ="safe").load(texts[0])
