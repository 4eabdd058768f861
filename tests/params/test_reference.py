"""The reference of params.yaml: its page, its schema and the command that prints it, held to the code."""

import copy
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator

import pytest
from json_schema import accepts
from ruamel.yaml import YAML
from toy_study import PROJECT

from ganspeed import cli
from ganspeed.errors import UserError
from ganspeed.params.base import ParamsError
from ganspeed.params.load import parse_params
from ganspeed.params.objectives import objective_fields, objective_names
from ganspeed.params.optimizers import optimizer_fields, optimizer_names
from ganspeed.params.presets.apply import apply_preset, preset_names
from ganspeed.params.reference.keys import keys, refusals
from ganspeed.params.reference.schema import params_schema
from ganspeed.params.reference.show import matching, page, schema_text, text_of

DOCS = PROJECT / "docs"
SHIPPED = YAML(typ="safe").load(PROJECT / "params.yaml")


def test_the_page_is_what_the_code_says():
    assert (DOCS / "params.md").read_text() == page(), "run: ganspeed params --markdown > docs/params.md"


def test_the_schema_of_editors_is_what_the_code_says():
    assert (DOCS / "params.schema.json").read_text() == schema_text(), (
        "run: ganspeed params --schema > docs/params.schema.json"
    )


def test_every_key_has_an_effect_in_one_short_line():
    wrong = [key.path for key in keys() if not 0 < len(key.effect) <= 100 or not key.effect.isprintable()]
    assert wrong == [] and len(keys()) > 200


def leaves(node, path: tuple = ()) -> Iterator[tuple]:
    """The paths to all values that are no block or list of blocks."""
    inner = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in inner:
        yield from leaves(value, (*path, key))
    if not inner or (isinstance(node, list) and not any(isinstance(item, dict) for item in node)):
        yield path


def test_every_key_of_the_shipped_params_is_in_the_reference():
    for path in leaves(SHIPPED):
        dotted = ".".join(str(part) for part in path if not isinstance(part, int))
        assert matching(dotted), dotted


def test_arguments_of_objectives_and_optimisers_are_keys():
    there = {(key.path, name) for key in keys() if key.tags for name in key.tags.some}
    there |= {(key.path, name) for key in keys() if not key.tags for name in objective_names()}
    for name in objective_names():
        assert {(f"variants.<name>.{key}", name) for key in objective_fields(name)} <= there
    for name in optimizer_names():
        for block in ("optimizer", "optimizer.G", "optimizer.D"):
            assert {(f"variants.<name>.{block}.{key}", name) for key in optimizer_fields(name)} <= there


def test_a_key_says_what_it_may_be_its_default_and_what_refuses_it():
    shown = text_of("datasets.digits.train.log_every").splitlines()
    assert shown[:2] == ["datasets.digits.train.log_every", "    integer, 1 to 1,000,000,000; required"]
    assert shown[3] == "    refused: log_every above updates; more than 1,000,000 rows"
    shown = text_of("variants.wgan_gp.sides").splitlines()
    assert shown[:2] == [
        "variants.wgan_gp.sides   (with objective iterative_penalty, replayed_penalty)",
        "    one of two, one; default two",
    ]
    assert text_of("variants.wgan.n_critic").splitlines()[0] == "variants.wgan.n_critic"  # every objective has it
    assert "number, >= 0, < 1; default the data set's" in text_of("variants.mine.networks.D.dropout")
    assert "default {name: constant}" in text_of("variants.mine.optimizer.schedule")


@pytest.mark.parametrize("block", ["datasets.{}.train", "variants.{}.optimizer", "tuning.arms.{}.own", "report"])
def test_a_block_shows_the_keys_below_it_by_any_name(block):
    mine, general = text_of(block.format("mine")), text_of(block.format("<name>"))
    assert mine == general.replace(block.format("<name>"), block.format("mine"))
    assert mine.count(f"\n{block.format('mine')}.") >= 3


@pytest.mark.parametrize(
    ("wrong", "nearest"),
    [
        ("datasets.digits.trian", "datasets.digits.train"),
        ("variants.wgan.optimiser.lr_g", "variants.wgan.optimizer.lr_g"),
        ("lambda_gp", "variants.<name>.lambda_gp"),
        ("compare.seed", "compare.seeds"),
        ("protocol.planned.0.old", "protocol.planned.0.new"),
    ],
)
def test_a_key_that_is_none_gets_the_nearest_one(wrong, nearest):
    with pytest.raises(UserError, match=re.escape(f"'{wrong}' is no key of params.yaml; did you mean {nearest}?")):
        text_of(wrong)


def test_what_is_like_no_key_is_refused_without_a_guess():
    with pytest.raises(UserError, match="'' is no key of params.yaml; `ganspeed params` prints all"):
        text_of("")


def test_the_command_prints_keys_or_refuses_with_status_2(tmp_path, capsys):
    assert cli.main(["--root", str(tmp_path), "params", "pilot.length"]) == 0  # without a params.yaml
    assert capsys.readouterr().out.startswith("pilot.length\n    integer, 2 to 1,000; required\n")
    assert cli.main(["params", "pilot.lenght"]) == 2
    assert "did you mean pilot.length?" in capsys.readouterr().err
    assert cli.main(["params", "--schema", "pilot"]) == 2
    assert "take none" in capsys.readouterr().err
    with pytest.raises(SystemExit, match="0"):
        cli.main(["params", "--help"])
    assert "ganspeed params datasets.digits.train" in capsys.readouterr().out


def test_the_reference_needs_no_torch():
    code = "import sys; from ganspeed.cli import main; main(['params']); sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)


def test_the_schema_accepts_the_shipped_params():
    assert accepts(params_schema(), SHIPPED)


@pytest.mark.parametrize("name", preset_names())
def test_the_schema_accepts_every_preset(name, document, tmp_path):
    for arm, about in document["tuning"]["arms"].items():  # as if tuned: one preset asks for it
        document["variants"][arm] = document["variants"][about["variant"]]
    shutil.copytree(PROJECT / "schedules", tmp_path / "schedules")
    YAML().dump(document, tmp_path / "params.yaml")
    apply_preset(name, tmp_path / "params.yaml", reset=False)
    assert accepts(params_schema(), YAML(typ="safe").load(tmp_path / "params.yaml"))


def test_the_schema_refuses_a_wrong_type_of_every_value():
    for path in leaves(SHIPPED):
        assert not accepts(params_schema(), changed(path, {"unknown": 1})), path


def test_the_schema_refuses_an_unknown_key_in_every_block():
    blocks = {path[:i] for path in leaves(SHIPPED) for i in range(len(path))}
    named = {("datasets",), ("variants",), ("tuning", "arms"), ("tuning", "shared")}  # blocks by name: others may come
    refused = 0
    for path in blocks - named:
        block = at(SHIPPED, path)
        if isinstance(block, dict) and path[-1:] != ("own",):
            assert not accepts(params_schema(), changed((*path, "unknown"), 1)), path
            refused += 1
    assert refused > 40


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("variants.gan.n_critic", 0),
        ("variants.gan.lambda_gp", 1.0),  # of another objective
        ("variants.gan.objective", "gam"),
        ("variants.gan.optimizer.betas", [0.5, 1.0]),
        ("variants.gan.optimizer.schedule", {}),
        ("variants.gan.networks", {"D": {"width": 0}}),
        ("variants.gan.networks", {"D": {"widht": 8}}),
        ("variants.gan.networks", {"init": {"normal": 0}}),
        ("datasets.digits.data.image_size", 12),  # digits have 8
        ("datasets.digits.train.updates", True),
        ("datasets.digits.evaluate.samples", 99),
        ("compare.seeds", []),
        ("report.title", ""),
    ],
)
def test_the_schema_and_the_check_refuse_the_same(path, value, document):
    edited = changed(tuple(path.split(".")), value, document)
    assert not accepts(params_schema(), edited)
    with pytest.raises(ParamsError, match=re.escape(path)):
        parse_params(edited)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("variants.gan.networks", {"D": {"norm": "spectral"}, "init": "xavier", "G": {"depth": None}}),
        ("variants.gan.networks", None),
        ("datasets.digits.networks.init", {"normal": 1}),
        ("report.stopping.min_delta", 0),
    ],
)
def test_the_schema_and_the_check_accept_the_same(path, value, document):
    edited = changed(tuple(path.split(".")), value, document)
    assert accepts(params_schema(), edited)
    parse_params(edited)


def at(node, path: tuple):
    for part in path:
        node = node[part]
    return node


def changed(path: tuple, value, document: dict = SHIPPED) -> dict:
    edited = copy.deepcopy(document)
    at(edited, path[:-1])[path[-1]] = value
    return edited


def test_what_is_refused_names_keys_that_are_there():
    known = {key.path for key in keys()}
    assert set(refusals()) - known == set()
