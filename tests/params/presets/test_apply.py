"""Presets: each passes the check, keeps the user's comments and blocks, and says what it changed."""

import shutil
from pathlib import Path

import pytest
from ruamel.yaml import YAML
from toy_study import PROJECT

from ganspeed.errors import UserError
from ganspeed.objectives.replayed_penalty import read_schedule
from ganspeed.params.load import load_params, parse_params
from ganspeed.params.presets.apply import FOLDER, apply_preset, list_presets, preset_names


@pytest.fixture
def path(document, tmp_path) -> Path:
    """The shipped params.yaml of a study that has the shipped recordings."""
    shutil.copytree(PROJECT / "schedules", tmp_path / "schedules")
    yaml = YAML()
    with (tmp_path / "params.yaml").open("w") as file:
        yaml.dump(document, file)
    text = (tmp_path / "params.yaml").read_text()
    (tmp_path / "params.yaml").write_text("# my study\n" + text.replace("lambda_gp: 10.0", "lambda_gp: 3.0  # mine"))
    return tmp_path / "params.yaml"


@pytest.mark.parametrize("name", preset_names())
def test_every_preset_passes_the_check_and_says_its_cost(name, path):
    document = YAML().load(path)
    for arm, about in document["tuning"]["arms"].items():  # as if tuned: one preset asks for it
        document["variants"][arm] = dict(document["variants"][about["variant"]])
    YAML().dump(document, path)
    apply_preset(name, path, reset=False)
    assert load_params(path).compare.datasets
    assert name in list_presets()


def test_the_docs_name_every_preset():
    page = (PROJECT / "docs" / "data-and-presets.md").read_text()
    assert [name for name in preset_names() if f"\n| `{name}`" not in page] == []


def test_own_variants_and_comments_stay_unless_reset(path):
    apply_preset("mnist-cpu", path, reset=False)
    text = path.read_text()
    assert text.startswith("# my study") and "lambda_gp: 3.0  # mine" in text
    assert load_params(path).compare.datasets == ("mnist",)
    difference = apply_preset("quick", path, reset=True)
    assert load_params(path).variants["wgan_gp"].hyperparameters()["lambda_gp"] == 10.0
    assert "-    lambda_gp: 3.0  # mine" in difference


def test_rates_go_with_the_data_and_come_back(path):
    def recipe() -> tuple[int, float]:
        block = load_params(path).variants["wgan_gp"]
        return block.hyperparameters()["n_critic"], block.optimizer.lr_g

    first = recipe()
    apply_preset("mnist-cpu", path, reset=False)
    assert recipe() != first
    apply_preset("quick", path, reset=False)
    assert recipe() == first
    assert "lambda_gp: 3.0  # mine" in path.read_text()


def test_another_schedule_stays_and_the_rates_are_the_presets(path):
    document = YAML().load(path)
    document["variants"]["wgan_gp"]["optimizer"]["schedule"] = {"name": "cosine"}
    document["tuning"] |= {"shared": {}, "arms": {}}
    YAML().dump(document, path)
    apply_preset("mnist-cpu", path, reset=False)
    optimizer = load_params(path).variants["wgan_gp"].optimizer
    assert (optimizer.lr_g, optimizer.schedule.name) == (5e-3, "cosine")


def test_a_damaged_variant_is_named_and_nothing_is_written(path):
    path.write_text(path.read_text().replace("    optimizer:", "    optimiser:", 1))
    before = path.read_bytes()
    with pytest.raises(UserError, match="variants.gan.optimiser: unknown key; did you mean optimizer"):
        apply_preset("mnist-cpu", path, reset=False)
    assert path.read_bytes() == before


def test_a_missing_variant_is_added(path):
    path.write_text(path.read_text().replace("  wgan_gp:", "  mine:", 1).replace("- wgan_gp", "- mine"))
    apply_preset("quick", path, reset=False)
    assert {"mine", "wgan_gp"} <= set(load_params(path).variants)


def test_a_preset_adds_the_variants_that_it_compares_and_no_others(path):
    yaml = YAML()
    document = yaml.load(path)
    document["variants"] = {"wgan_gp": document["variants"]["wgan_gp"]}
    document["compare"]["variants"], document["protocol"]["references"] = ["wgan_gp"], ["wgan_gp"]
    document["tuning"]["arms"] = {}
    yaml.dump(document, path)
    apply_preset("why", path, reset=False)
    wanted = load_params(path).compare.variants
    assert {"alpha_fixed", "wgan_gp_0_1", "iterative_energy"} < set(wanted) == set(load_params(path).variants)


def test_why_changes_one_thing_at_a_time(document):
    """Each arm differs from `iterative` or `wgan_gp` in one key (alpha's controls also hold the weight)."""
    variants = parse_params(document).variants
    why = YAML(typ="safe").load(FOLDER / "why.yaml")["compare"]["variants"]
    why.remove("iterative_replay")  # another objective: it has the test below
    differing = {}
    for name in why:
        base = "wgan_gp" if variants[name].objective == "wgan_gp" else "iterative"
        own, others = (variants[v].model_dump() for v in (name, base))
        differing[name] = {key for key in own if own[key] != others[key]}
    assert differing.pop("wgan_gp") == differing.pop("iterative") == set()
    for name in ("alpha_batch_random", "alpha_fixed"):
        assert differing.pop(name) == {"alpha", "weight"}
    assert differing.pop("iterative_weight") == {"alpha"}
    assert {key for keys in differing.values() for key in keys} == {
        "weight", "lambda_gp", "p", "distance", "reference", "floor", "sides",
    }  # fmt: skip
    assert all(len(keys) == 1 for keys in differing.values())


def test_the_replay_of_why_is_as_long_as_the_study_and_of_its_recipe(path):
    apply_preset("why", path, reset=False)
    why = load_params(path)
    replay, iterative = why.variants["iterative_replay"], why.variants["iterative"]
    steps, _ = read_schedule(PROJECT / replay.schedule, replay.schedule_sha256)
    assert len(steps) == why.datasets["digits"].train.updates * replay.n_critic
    assert (replay.n_critic, replay.optimizer) == (iterative.n_critic, iterative.optimizer)


def test_frozen_values_are_kept(path):
    (path.parent / "preregistration").mkdir()
    (path.parent / "preregistration" / "digits.json").write_text("{}")
    yaml = YAML()
    document = yaml.load(path)
    document["datasets"]["digits"]["train"]["updates"] = 4321
    document["datasets"]["digits"]["threshold"].update(tau25=9.0, tau=8.0, tau75=7.0)
    yaml.dump(document, path)
    apply_preset("quick", path, reset=False)
    kept = load_params(path).datasets["digits"]
    assert (kept.train.updates, kept.threshold.tau) == (4321, 8.0)
    apply_preset("quick", path, reset=True)
    assert load_params(path).datasets["digits"].train.updates != 4321


@pytest.mark.parametrize("lost", [("threshold",), ("train",), ("train", "updates")])
@pytest.mark.parametrize("value", ["nothing", None, [], "x"])
def test_a_frozen_value_that_is_lost_is_named_and_nothing_is_written(lost, value, path):
    (path.parent / "preregistration").mkdir()
    (path.parent / "preregistration" / "digits.json").write_text("{}")
    yaml = YAML()
    document = yaml.load(path)
    *parents, last = ("datasets", "digits", *lost)
    block = document
    for key in parents:
        block = block[key]
    if value == "nothing":
        del block[last]
    else:
        block[last] = value
    yaml.dump(document, path)
    before = path.read_bytes()
    with pytest.raises(UserError, match=rf"datasets\.digits.*{last}"):
        apply_preset("quick", path, reset=False)
    assert path.read_bytes() == before
    apply_preset("quick", path, reset=True)
    assert load_params(path).datasets["digits"].train.updates


def test_an_unknown_preset_changes_nothing(path):
    before = path.read_bytes()
    with pytest.raises(UserError, match="unknown preset 'huge'; available: .*quick"):
        apply_preset("huge", path, reset=False)
    assert path.read_bytes() == before


def test_debug_has_every_combination_of_four_bugs_and_one_block_otherwise(path):
    bugs = (
        {"G": {"act": "none"}, "D": {"act": "none"}},
        {"D": {"output": "sigmoid"}},
        {"init": {"normal": 1.0}},
        {"G": {"output": "sigmoid"}},
    )
    apply_preset("debug", path, reset=False)
    debug = load_params(path)
    assert len(debug.compare.variants) == 16 and len(debug.compare.seeds) == 4
    for name in debug.compare.variants:
        own: dict = {}
        for bug, on in zip(bugs, name.removeprefix("debug_"), strict=True):
            own = merged_blocks(own, bug) if on == "1" else own
        assert (debug.variants[name].networks or {}) == own
        assert debug.variants[name].method() == debug.variants["debug_0000"].method()


def merged_blocks(first: dict, second: dict) -> dict:
    return first | {k: first.get(k, {}) | v if isinstance(v, dict) else v for k, v in second.items()}


def test_a_variant_of_a_preset_alone_stays_as_it_was_changed_unless_reset(path):
    apply_preset("debug", path, reset=False)
    path.write_text(
        path.read_text().replace("lr_d: 1.0e-3, betas: [0.9, 0.999]}", "lr_d: 3.0e-3, betas: [0.9, 0.999]}", 1)
    )
    apply_preset("debug", path, reset=False)
    assert load_params(path).variants["debug_0000"].optimizer.lr_d == 3e-3
    apply_preset("debug", path, reset=True)
    assert load_params(path).variants["debug_0000"].optimizer.lr_d == 1e-3
