"""The block `tricks` of a variant: what it may say, and what the check reads of a trick's source."""

import pickle
import shutil
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest
from toy_study import PROJECT
from trick_blocks import ACTIVE, NEUTRAL, PLANES

from ganspeed import tricks
from ganspeed.params import knobs
from ganspeed.params.base import ParamsError
from ganspeed.params.load import parse_params
from ganspeed.params.tricks import TrickDeclarations, trick_declarations, trick_fields, trick_names
from ganspeed.params.variants import parse_variant
from ganspeed.tricks import Trick

PACKAGE = Path(tricks.__file__).parents[1]
DEFAULTS = {"image_noise": {"sd": 0.1, "until": 0.0}}


def mistakes(document, block, variant: str = "gan") -> list[str]:
    document["variants"][variant]["tricks"] = block
    try:
        parse_params(document)
    except ParamsError as error:
        return error.mistakes
    return []


@pytest.fixture(autouse=True)
def problem(document):
    """Of the data set, so that every trick goes with it."""
    document["datasets"]["digits"]["train"]["problem"] = {"name": "upscale", "factor": 2}


@pytest.mark.parametrize("blocks", [ACTIVE, NEUTRAL, {"image_noise": {"sd": 1, "until": 1.0}}])
def test_blocks_that_are_in_order(blocks, document):
    document["variants"]["gan"]["networks"] = PLANES
    assert mistakes(document, blocks) == []


@pytest.mark.parametrize(
    ("block", "mistake"),
    [
        ({"image_noise": {}}, "image_noise.sd: missing"),
        ({"image_noise": {"sd": -0.1}}, "image_noise.sd: -0.1 is not >= 0"),
        ({"image_noise": {"sd": "0.1"}}, "image_noise.sd: '0.1': input should be a valid number"),
        ({"image_noise": {"sd": 0.1, "until": 1.5}}, "image_noise.until: 1.5 is not <= 1"),
        ({"image_noise": {"sd": 0.1, "untill": 1}}, "image_noise.untill: unknown key; did you mean until?"),
        ({"class_labels": {"smooth": 1.1}}, "class_labels.smooth: 1.1 is not <= 1"),
        ({"class_labels": {"sd": -1.0}}, "class_labels.sd: -1.0 is not >= 0"),
        ({"content": {}}, "content.weight: missing"),
        ({"content": {"weight": -1.0}}, "content.weight: -1.0 is not >= 0"),
        ({"content": {"weight": 1.0, "adversarial": -0.1}}, "content.adversarial: -0.1 is not >= 0"),
        ({"image_nois": {"sd": 0.1}}, "image_nois: unknown key; did you mean image_noise?"),
        ({"image_noise": 0.1}, "image_noise: 0.1: input should be a valid dictionary"),
    ],
)
def test_a_mistake_is_named_by_its_path(block, mistake, document):
    (found,) = mistakes(document, block)
    assert found.startswith(f"variants.gan.tricks.{mistake}")


def test_an_autoencoder_is_not_to_reconstruct_noise(document):
    document["variants"]["mine"] = {
        "objective": "ebgan", "n_critic": 1, "margin": 1.0, "pull_away": 0.0,
        "networks": {"D": {"body": "autoencoder"}}, "optimizer": document["variants"]["gan"]["optimizer"],
    }  # fmt: skip
    document["compare"]["variants"].append("mine")
    document["datasets"]["digits"]["networks"]["labels"] = "planes"
    assert mistakes(document, ACTIVE) == []
    assert mistakes(document, ACTIVE, "mine") == [
        "variants.mine.tricks.image_noise: with variants.mine.networks.D.body: 'autoencoder' it has D reconstruct "
        "noise, which no code predicts"
    ]


def test_there_are_no_class_labels_to_change_that_d_is_not_shown(document):
    assert mistakes(document, {"class_labels": NEUTRAL["class_labels"]}) == [
        "variants.gan.tricks.class_labels: with datasets.digits.networks.labels: 'none' it has nothing to change: D is "
        "shown no classes"
    ]


def test_content_needs_a_true_image(document):
    document["datasets"]["digits"]["train"]["problem"] = None
    assert mistakes(document, {"content": ACTIVE["content"]}) == [
        "variants.gan.tricks.content: without datasets.digits.train.problem there is no true image to hold G's against"
    ]


@pytest.mark.parametrize("nothing", [None, {}, {"image_noise": None}])
def test_a_variant_without_tricks_is_the_one_that_it_was(nothing, document):
    """The resolved block, which fingerprints hold, has no such key."""
    block = document["variants"]["gan"]
    plain, empty = parse_variant(block), parse_variant(block | {"tricks": nothing})
    assert empty.resolved() == plain.resolved() and "tricks" not in plain.resolved()
    assert "tricks" not in plain.hyperparameters() and plain.used_tricks() == empty.used_tricks() == {}


def test_a_block_is_resolved_with_its_defaults_and_read_back(document):
    made = parse_variant(document["variants"]["gan"] | {"tricks": {"image_noise": {"sd": 0.1}}})
    assert made.resolved()["tricks"] == made.used_tricks() == DEFAULTS
    for copy in (parse_variant(made.resolved()), pickle.loads(pickle.dumps(made)), made.method()):
        assert copy.resolved() == made.resolved()


def test_tuning_names_a_key_of_a_trick_by_its_path(document):
    block = parse_variant(document["variants"]["gan"] | {"tricks": DEFAULTS}).resolved()
    assert knobs.is_number(block, "tricks.image_noise.sd")
    tuned = knobs.with_values(block, {"tricks.image_noise.sd": 0.4})
    assert parse_variant(tuned).used_tricks()["image_noise"]["sd"] == 0.4


def test_the_defaults_are_those_of_the_base_of_all_tricks():
    defaults = asdict(TrickDeclarations())
    assert {name: getattr(Trick, name) for name in defaults} == defaults


@pytest.mark.parametrize("name", trick_names())
def test_what_is_read_of_a_trick_is_what_the_class_has(name):
    declared, made = asdict(trick_declarations(name)), tricks.load(name, ACTIVE[name])
    assert {key: getattr(made, key) for key in declared} == declared


@pytest.mark.parametrize("name", trick_names())
def test_the_page_has_a_row_for_every_trick_with_its_keys(name):
    page = (PROJECT / "docs" / "tricks.md").read_text(encoding="utf-8")
    (row,) = [line for line in page.splitlines() if line.startswith(f"| `{name}` |")]
    assert all(f"`{key}`" in row for key in trick_fields(name))


MINE = '''
from pydantic import NonNegativeFloat
from ganspeed.tricks import Trick

class Mine(Trick):
    """what it does, in a line"""

    def __init__(self, *, weight: NonNegativeFloat):
        """weight: how much of it"""
        self.weight = weight
'''


def test_a_new_trick_is_one_file(tmp_path):
    """Its keys are known to the check and the reference, with nothing else edited and no torch imported."""
    shutil.copytree(PACKAGE, tmp_path / "ganspeed", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "ganspeed" / "tricks" / "mine.py").write_text(MINE)
    code = (
        "import sys; from ganspeed.params.reference.show import text_of; from ganspeed.params.variants import *\n"
        "block = {'objective': 'gan', 'n_critic': 1, 'saturating': False, 'tricks': {'mine': {'weight': 0.5}},\n"
        "         'optimizer': {'name': 'sgd', 'lr_g': 0.1, 'lr_d': 0.1}}\n"
        "print(parse_variant(block).used_tricks(), 'torch' in sys.modules, text_of('variants.a.tricks.mine'))"
    )
    environment = {"PYTHONPATH": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    first, *shown = done.stdout.splitlines()
    assert first == "{'mine': {'weight': 0.5}} False variants.a.tricks.mine"
    assert shown == [
        "    block or null; default null", "    what it does, in a line", "variants.a.tricks.mine.weight",
        "    number, >= 0; required", "    how much of it",
    ]  # fmt: skip
