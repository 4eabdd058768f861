"""params.yaml: every mistake at once, each by its path with what was seen and what is allowed."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
from toy_study import write

from ganspeed import objectives, params
from ganspeed.params.base import ParamsError
from ganspeed.params.load import load_params, parse_params, read_yaml
from ganspeed.params.objectives import objective_names
from ganspeed.params.variants import variant_model


def mistakes(document) -> list[str]:
    with pytest.raises(ParamsError) as caught:
        parse_params(document)
    return caught.value.mistakes


def test_infogan_without_a_categorical_code_is_told_that_it_needs_one(document):
    block = {"objective": "infogan", "n_critic": 1, "categorical": 0, "continuous": 2, "lambda_info": 1.0}
    document["variants"]["codes"] = block | {"optimizer": document["variants"]["gan"]["optimizer"]}
    with pytest.raises(ParamsError, match=r"^variants.codes.categorical: 0 is not >= 2: a categorical code is needed"):
        parse_params(document)


@pytest.mark.parametrize(
    "value", ["0x" + "f" * 4000, "9" * 5000, "-" + "9" * 5000, "0o" + "7" * 6000, "!!int '" + "9" * 101 + "'"]
)
@pytest.mark.parametrize("text", ["split_seed: {}\n", "a: [1, {}]\n", "? {}\n"])
def test_an_integer_that_python_cannot_print_is_refused_by_its_place(value, text, tmp_path):
    (tmp_path / "params.yaml").write_text("first: 1\n" + text.format(value))
    with pytest.raises(
        ParamsError, match=r"line 2, column \d+: .{20}\.\.\. is an integer of [\d,]+ digits; allowed: 100"
    ):
        read_yaml(tmp_path / "params.yaml")
    (tmp_path / "params.yaml").write_text(f"title: '{'9' * 150}'\nn: {'9' * 100}\n")
    assert read_yaml(tmp_path / "params.yaml") == {"title": "9" * 150, "n": 10**100 - 1}


def test_the_shipped_params_are_in_order(document):
    parsed = parse_params(document)
    assert parsed.variants["wgan_gp"].hyperparameters() == {
        "n_critic": 2, "lambda_gp": 10.0, "sides": "two", "target": 1.0,
    }  # fmt: skip


def test_an_omitted_option_has_its_default_and_a_wrong_one_is_named(document):
    plain = parse_params(document).variants["iterative"].hyperparameters()
    assert (plain["distance"], plain["reference"], plain["floor"], plain["sides"]) == ("gap", "max", 0.0, "two")
    document["variants"]["iterative"] |= {"distance": "cfid", "floor": -1.0, "reference_decay": 1.5}
    assert mistakes(document) == [
        "variants.iterative.distance: 'cfid' is not one of 'gap', 'gap_over_norm', 'sliced_wasserstein' or 'energy'",
        "variants.iterative.reference_decay: 1.5 is not <= 1",
        "variants.iterative.floor: -1.0 is not >= 0",
    ]


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("variants.wgan_gp.lambda_gp", -1, "variants.wgan_gp.lambda_gp: -1 is not >= 0"),
        ("variants.wgan_gp.lambda_gp", "10", "variants.wgan_gp.lambda_gp: '10': input should be a valid number"),
        ("variants.wgan_gp.lambda_gp", float("nan"), "variants.wgan_gp.lambda_gp: nan: input should be a finite"),
        ("variants.wgan_gp.n_critic", 0, "variants.wgan_gp.n_critic: 0 is not > 0"),
        ("variants.wgan_gp.n_critic", True, "variants.wgan_gp.n_critic: True: input should be a valid integer"),
        ("variants.wgan_gp.lamda_gp", 1, "variants.wgan_gp.lamda_gp: unknown key; did you mean lambda_gp?"),
        (
            "variants.wgan_gp.objective",
            "wgan-gp",
            f"unknown objective 'wgan-gp'; available: {', '.join(objective_names())}",
        ),
        ("variants.iterative.alpha", "iterate", "variants.iterative.alpha: 'iterate' is not one of 'iterative', "),
        ("variants.iterative.beta", 1.0, "variants.iterative.beta: 1.0 is not < 1"),
        ("variants.wgan.optimizer.name", "sdg", "variants.wgan.optimizer.name: 'sdg' is not one of 'adam', 'adamw', "),
        ("variants.gan.optimizer.betas", [0.5, 1], "variants.gan.optimizer.betas.1: 1 is not < 1"),
        ("variants.Gan", {}, "variants: 'Gan' is not a name of small letters, digits and _"),
        ("datasets.digits.train.updates", 0, "datasets.digits.train.updates: 0 is not >= 12"),
        ("datasets.digits.data.source", "digit", "datasets.digits.data.source: 'digit' is not one of 'digits', "),
        ("datasets.digits.data.image_size", 9, "datasets.digits.data.image_size: 9 is not one of 8"),
        ("datasets.digits.threshold.tau", 99.0, "datasets.digits.threshold: tau25 "),
        ("datasets.digits.train.log_every", 10**6, "datasets.digits.train.log_every: 1000000 is more than"),
        ("datasets.digits.features.second_seed", 0, "datasets.digits.features.second_seed: 0 is features.seed too"),
        ("evaluate.transport_samples", 5, "evaluate.transport_samples: 5 is not >= 10"),
        ("evaluate.sliced_projections", 0, "evaluate.sliced_projections: 0 is not > 0"),
        ("compare.seeds", [0, 1, 0], "compare.seeds: 0 is listed twice"),
        ("compare.seeds", [], "compare.seeds: []: tuple should have at least 1 item"),
        ("compare.variants", ["gan", "vgan"], "compare.variants: 'vgan' is not defined; there are: gan, wgan"),
        ("compare.datasets", ["mnist"], "compare.datasets: 'mnist' is not defined; there are: digits"),
        ("protocol.references", ["gp"], "protocol.references: 'gp' is not defined"),
        ("protocol.axis", "seconds", "protocol.axis: 'seconds' is not one of 'updates', 'd_updates' or 'images'"),
        ("evaluate", None, "evaluate: None: input should be a valid dictionary"),
        ("variants", [], "variants: [] is not a mapping of variants"),
        ("extra", 1, "extra: unknown key"),
        ("variants.gan.target", 2.0, "variants.gan.target: unknown key; objective gan has no target, which is of "),
        ("variants.wgan.lambda_0", 2.0, "objective wgan has no lambda_0, which is of agp, iterative_penalty"),
    ],
)
def test_a_mistake_is_named_by_path_value_and_range(path, value, message, document):
    *parents, last = path.split(".")
    node = document
    for key in parents:
        node = node[key]
    node[last] = value
    assert any(message in mistake for mistake in mistakes(document)), mistakes(document)


def test_a_missing_key_is_named(document):
    del document["datasets"]["digits"]["networks"]["G"]["width"], document["variants"]["gan"]["saturating"]
    assert set(mistakes(document)) == {"datasets.digits.networks.G.width: missing", "variants.gan.saturating: missing"}


def test_all_mistakes_are_named_at_once(document):
    document["variants"]["gan"]["n_critic"] = -1
    document["datasets"]["digits"]["networks"]["D"]["width"] = 0
    document["compare"]["seeds"] = [1, 1]
    assert len(mistakes(document)) == 3


@pytest.mark.parametrize("text", ["", "- 1\n", "a: [1\n", "a: 1\na: 2\n", "\x00", "variants: !!python/object:os.x {}"])
def test_what_is_no_params_file_is_refused_in_words(text, tmp_path):
    (tmp_path / "params.yaml").write_text(text)
    with pytest.raises(ParamsError, match=r"params\.yaml|the file"):
        load_params(tmp_path / "params.yaml")


def test_numbers_are_read_as_dvc_reads_them(tmp_path):
    (tmp_path / "p.yaml").write_text("rate: 2e-4\nword: no\neight: 010\n")
    assert read_yaml(tmp_path / "p.yaml") == {"rate": 2e-4, "word": "no", "eight": 10}


@pytest.mark.parametrize("name", objective_names())
def test_the_keys_of_a_variant_are_what_its_objective_takes(name, shipped):
    """The constructor's signature is read without importing it; what passes the check must construct."""
    blocks = [b for b in shipped["variants"].values() if b["objective"] == name]
    assert blocks or name == "replayed_penalty"  # which needs a recording
    for block in blocks:
        checked = variant_model(name).model_validate(block)
        assert objectives.load(name, checked.hyperparameters()).n_critic == block["n_critic"]


def test_checking_and_an_empty_table_of_seconds_import_no_torch():
    modules = "sys, ganspeed.cli, ganspeed.params.load, ganspeed.runs.cache, ganspeed.runs.timing"
    code = f"import {modules}; sys.exit('torch' in sys.modules)"
    source = Path(params.__file__).parents[2]
    assert subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": str(source)}).returncode == 0


@pytest.fixture
def replay(document, tmp_path):
    """A function: write a study whose variant `replay` names this file as its schedule; returns params.yaml."""

    def named(schedule: str, sha256: str = "0" * 64) -> Path:
        block = document["variants"]["wgan_gp"] | {"objective": "replayed_penalty"}
        del block["lambda_gp"]
        document["variants"]["replay"] = block | {"schedule": schedule, "schedule_sha256": sha256}
        return write(document, tmp_path).params

    return named


def named_mistake(path: Path) -> str:
    with pytest.raises(ParamsError) as caught:
        load_params(path)
    [mistake] = caught.value.mistakes
    return mistake


@pytest.mark.parametrize("schedule", ["a\0b", "/dev/zero", "/etc/passwd", "../schedule.csv", "a/../../b.csv", ""])
def test_a_schedule_outside_the_study_is_refused_unopened(schedule, replay, tmp_path):
    (tmp_path.parent / "schedule.csv").write_text("secret")
    mistake = named_mistake(replay(schedule))
    assert mistake.startswith("variants.replay.schedule: ")
    assert hashlib.sha256(b"secret").hexdigest() not in mistake


def test_a_schedule_that_is_no_regular_file_is_refused_at_once(replay, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "zero").symlink_to("/dev/zero")
    (tmp_path / "folder").mkdir()
    (tmp_path / "large").touch()
    os.truncate(tmp_path / "large", 2**40)
    for name in ("pipe", "zero", "folder"):
        assert named_mistake(replay(name)) == f"variants.replay.schedule: '{name}' cannot be read: not a regular file"
    large = "1,099,511,627,776 bytes; allowed: 268,435,456"
    assert named_mistake(replay("large")) == f"variants.replay.schedule: 'large' cannot be read: {large}"
    assert named_mistake(replay("gone")) == "variants.replay.schedule: 'gone' cannot be read: No such file or directory"


def test_a_schedule_is_pinned_by_its_hash(replay, tmp_path):
    (tmp_path / "schedules").mkdir()
    (tmp_path / "schedules" / "own.csv").write_text("d_update,alpha,lambda\n")
    seen = hashlib.sha256((tmp_path / "schedules" / "own.csv").read_bytes()).hexdigest()
    assert f"variants.replay.schedule_sha256: 'schedules/own.csv' has {seen}, not" in named_mistake(
        replay("schedules/own.csv")
    )
    assert load_params(replay("schedules/own.csv", seen))


def test_params_that_are_a_pipe_or_have_no_end_are_refused_at_once(tmp_path):
    path = tmp_path / "params.yaml"
    os.mkfifo(path)
    assert named_mistake(path) == f"{path}: not a regular file"
    path.unlink()
    path.symlink_to("/dev/zero")
    assert named_mistake(path) == f"{path}: not a regular file"
    path.unlink()
    path.touch()
    os.truncate(path, 2**40)
    assert named_mistake(path) == f"{path}: 1,099,511,627,776 bytes; allowed: 1,048,576"


def test_a_title_is_one_line(document):
    document["report"]["title"] = "Which way\n  is faster?\n"
    assert parse_params(document).report.title == "Which way is faster?"
