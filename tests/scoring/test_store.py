"""Scores of really trained, very short runs on digits: up to date, rescored, reverted, refused."""

import csv
import json
import shutil
import subprocess
import sys
from dataclasses import asdict
from importlib.metadata import version

import numpy as np
import pytest
import torch
from damage import flip
from imported import imported
from toy_study import TINY_NETWORKS, TINY_TRAIN

from ganspeed.data.prepare import prepare_dataset
from ganspeed.data.prepared import load_split
from ganspeed.errors import Stopped, UserError
from ganspeed.params.load import parse_params
from ganspeed.runs.spec import all_specs
from ganspeed.runs.store import RunStore
from ganspeed.runs.train import train_cell
from ganspeed.scoring import calibration, task
from ganspeed.scoring import snapshots as scoring
from ganspeed.scoring.classifier import batches, embed, load_classifier
from ganspeed.scoring.label import read_label
from ganspeed.scoring.metrics import METRICS
from ganspeed.scoring.snapshots import fully_scored, load_scorer
from ganspeed.scoring.sources import score_sources
from ganspeed.scoring.store import score_variant
from ganspeed.scoring.train_classifier import build
from ganspeed.study.run_grid import run_grid
from ganspeed.study.val_runs import ValRuns
from ganspeed.system.files import read_json, sha256_file, write_json
from ganspeed.workspace import Workspace

CELL = ("digits", "gan")


@pytest.fixture(scope="module")
def document_of_study(shipped) -> dict:
    digits = shipped["datasets"]["digits"]
    train = digits["train"] | TINY_TRAIN | {"updates": 24, "batch_size": 16, "log_every": 12, "checkpoint_every": 24}
    train["grid_ratio"] = 1.5
    digits = digits | {
        "networks": TINY_NETWORKS,
        "train": train,
        "features": digits["features"] | {"epochs": 5, "width": 8, "min_accuracy": 0.5},
        "evaluate": {"samples": 500},
    }
    evaluate = shipped["evaluate"] | {"full_snapshots": 1, "kid_subsets": 5, "kid_subset_size": 100}
    compare = {"datasets": ["digits"], "variants": ["gan", "wgan"], "seeds": [0, 1]}
    return shipped | {"compare": compare, "datasets": {"digits": digits}, "evaluate": evaluate}


@pytest.fixture(scope="module")
def trained(document_of_study, tmp_path_factory) -> Workspace:
    """A study with its runs and its classifier, not yet scored. Copied for each test, never changed."""
    workspace, study = Workspace(tmp_path_factory.mktemp("study")), parse_params(document_of_study)
    digits, prepared = study.datasets["digits"], workspace.prepared("digits")
    prepare_dataset("digits", digits.data, workspace.source_data, prepared)
    build("digits", digits.features, prepared, workspace.features("digits"), torch.device("cpu"))
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("GANSPEED_WORKERS", "1")
        environment.setenv("GANSPEED_DEVICE", "cpu")
        train_cell(workspace, study, *CELL, lambda specs: [])
    return workspace


@pytest.fixture(scope="module")
def scored_once(trained, document_of_study, tmp_path_factory) -> Workspace:
    """The same study, scored. Its scores are copied, never changed."""
    workspace = Workspace(tmp_path_factory.mktemp("scored") / "study")
    shutil.copytree(trained.root, workspace.root)
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("GANSPEED_WORKERS", "1")
        environment.setenv("GANSPEED_DEVICE", "cpu")
        assert score_variant(workspace, parse_params(document_of_study), *CELL) == [0, 1]
    return workspace


@pytest.fixture
def workspace(trained, tmp_path, monkeypatch) -> Workspace:
    monkeypatch.setenv("GANSPEED_WORKERS", "1")
    monkeypatch.setenv("GANSPEED_DEVICE", "cpu")
    shutil.copytree(trained.root, tmp_path / "study")
    return Workspace(tmp_path / "study")


@pytest.fixture
def scored(workspace, scored_once) -> Workspace:
    """The workspace with its scores."""
    shutil.copytree(scored_once.artifacts / "scores", workspace.artifacts / "scores")
    return workspace


@pytest.fixture
def score(workspace, document_of_study):
    """A function: score the cell under these changes of the blocks compare and evaluate; returns the scored seeds."""

    def score(**changes) -> list[int]:
        document = json.loads(json.dumps(document_of_study))
        for block in ("compare", "evaluate"):
            document[block] |= {key: value for key, value in changes.items() if key in document[block]}
        return score_variant(workspace, parse_params(document), *CELL)

    return score


def written(workspace: Workspace) -> dict[str, bytes]:
    folder = workspace.scores(*CELL, 0).parent
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def lines(workspace: Workspace, seed: int = 0) -> list[dict[str, str]]:
    return list(csv.DictReader(workspace.scores(*CELL, seed).read_text().splitlines()))


def test_both_cfids_on_every_snapshot_and_all_metrics_on_some(workspace, score):
    assert score() == [0, 1]
    table = lines(workspace)
    snapshots = sorted(int(p.stem) for p in (workspace.run(*CELL, 0) / "snapshots").iterdir())
    assert [int(line["update"]) for line in table if line["metric"] == "cfid"] == snapshots
    full = fully_scored(snapshots, 1)
    assert 24 in full
    for update in snapshots:
        metrics = [line["metric"] for line in table if int(line["update"]) == update]
        wanted = [m.name for m in METRICS if (update in full or m.every_snapshot) and m.fed is None]
        assert metrics == wanted
    assert {(line["dataset"], line["variant"], line["seed"]) for line in table} == {("digits", "gan", "0")}


@pytest.mark.parametrize("content", ["{}", "[]", "null", "[1]", "", '{"task": "classes"', "shape", "settings", "task"])
def test_an_incomplete_record_of_the_classifiers_is_named(content, workspace, score, document_of_study):
    """By whatever reads it: scores, calibration, and what pilot and tuning are known by."""
    path, params = workspace.features("digits") / "accuracy.json", parse_params(document_of_study)
    whole = read_json(path)
    changed = {"shape": [1, 8], "settings": {"dim": "x"}, "task": "cats"}
    path.write_text(json.dumps(whole | {content: changed[content]}) if content in changed else content)
    folders = workspace.prepared("digits"), workspace.features("digits")
    out = workspace.calibration("digits")
    commands = [
        score,
        lambda: calibration.calibrate("digits", *folders, params.evaluate, 500, out),
        lambda: ValRuns(workspace, params, "digits", torch.device("cpu")).fingerprint([]),
    ]
    for command in commands:
        with pytest.raises(UserError, match="damaged: .*; `dvc repro -f features@digits` writes it$") as error:
            command()
        assert str(error.value).startswith(f"{path}: ") and len(str(error.value).splitlines()) == 1
    assert not out.exists() and not workspace.scores_folder(*CELL).exists()
    path.unlink()
    with pytest.raises(UserError, match="no such file; `dvc repro -f features@digits` writes it"):
        score()


def test_the_label_has_the_facts_that_compare_needs(scored):
    label, run = (read_json(p) for p in (
        scored.scores(*CELL, 1).with_suffix(".json"), scored.run(*CELL, 1) / "run.json"
    ))  # fmt: skip
    assert label["sha256"] == sha256_file(scored.scores(*CELL, 1))
    assert label["run"] == {
        "fingerprint": run["fingerprint"], "status": "completed", "diverged_at": None,
        "updates": 24, "batch_size": 16, "grid_ratio": run["parameters"]["train"]["grid_ratio"], "n_critic": 1,
        "variant": run["parameters"]["variant"],
        "device": run["device"], "engine": run["engine"], "precision": run["precision"], "versions": run["versions"],
        "seed": 1, "parameters": run["parameters"], "sources": run["sources"],
    }  # fmt: skip
    assert label.keys() == {"fingerprint", "sha256", "samples", "split", "evaluate", "metric_sha256", "run"}
    assert asdict(read_label(scored.scores(*CELL, 1))) == label


def test_same_bytes_whatever_the_threads_and_the_order(scored, score):
    first = written(scored)
    shutil.rmtree(scored.scores(*CELL, 0).parent)
    torch.set_num_threads(2)
    assert score(seeds=[1, 0]) == [1, 0]
    assert written(scored) == first


@pytest.mark.slow
def test_same_bytes_from_two_processes(scored, score, monkeypatch):
    first = written(scored)
    shutil.rmtree(scored.scores(*CELL, 0).parent)
    monkeypatch.setenv("GANSPEED_WORKERS", "2")
    assert sorted(score()) == [0, 1]
    assert written(scored) == first


def test_scores_that_fit_are_kept(workspace, score):
    assert score(seeds=[0]) == [0]
    before = workspace.scores(*CELL, 0).stat().st_mtime_ns
    assert score() == [1]
    assert score() == []
    assert workspace.scores(*CELL, 0).stat().st_mtime_ns == before


def test_classifiers_and_real_images_are_loaded_once_for_all_runs(score):
    load_scorer.cache_clear()
    assert score() == [0, 1]
    assert load_scorer.cache_info()[:2] == (1, 1)  # hits, misses: two runs, one load


def test_the_registrys_texts_decide_no_score_and_its_flags_do():
    """Whatever is not among these sources starts no scoring: the task's fingerprint is made of them."""
    found = score_sources()
    assert found["metrics"] == [[m.name, m.every_snapshot, m.needs_classes, m.fed] for m in METRICS]
    assert "scoring/metrics.py" not in found


def test_what_compare_and_report_read_of_scores_imports_no_torch():
    packages = "('torch' in sys.modules, 'numpy' in sys.modules)"
    for modules, expected in (("read, ganspeed.scoring.sources", "False True"), ("metrics", "False False")):
        code = f"import sys, ganspeed.scoring.{modules}; print(*{packages})"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert done.stdout.strip() == expected


def test_damaged_scores_are_made_again(scored, score):
    first = written(scored)
    flip(scored.scores(*CELL, 1))
    assert score() == [1]
    assert written(scored) == first


@pytest.mark.parametrize("content", ["", "{}", "[]", "half of wh"])
def test_scores_with_a_damaged_label_are_made_again(content, scored, score, capsys):
    first = written(scored)
    label = scored.scores(*CELL, 1).with_suffix(".json")
    label.write_text(content)
    assert score() == [1]
    assert written(scored) == first
    assert f"{label}: damaged: " in (said := capsys.readouterr().err) and "; the run is scored again" in said


@pytest.mark.parametrize("content", ["", "{}"])
def test_so_are_those_in_the_run_cache(content, scored, score):
    first = written(scored)
    assert score(seeds=[0]) == []
    for label in (scored.run_cache / "scores").glob("*.json"):
        label.write_text(content)
    assert score() == [1]
    assert written(scored) == first


def test_scores_come_back_from_a_run_cache_on_another_disk(workspace, score, other_disk):
    shutil.rmtree(workspace.run_cache)
    workspace.run_cache.symlink_to(other_disk)
    score()
    first = written(workspace)
    assert score(seeds=[0]) == score() == []
    assert written(workspace) == first and list((other_disk / "scores").iterdir()) == []


def test_seed_removed_and_put_back_is_not_scored_again(scored, score):
    first = written(scored)
    assert score(seeds=[0]) == []
    assert set(written(scored)) == {"seed-0.csv", "seed-0.json"}
    assert score() == []
    assert written(scored) == first


def test_changed_evaluate_block_is_scored_and_taken_back_is_not(scored, score):
    first = written(scored)
    assert score(seed=1) == [0, 1]
    assert written(scored) != first
    assert score() == []
    assert written(scored) == first


def test_with_another_version_of_a_library_it_is_scored_again(workspace, score, monkeypatch):
    assert score() == [0, 1]
    monkeypatch.setattr(task, "library_version", lambda name: "0.1" if name == "scipy" else version(name))
    assert score() == [0, 1]
    monkeypatch.undo()
    assert score() == []


def test_changed_classifier_is_scored_again(scored, score, document_of_study):
    settings = parse_params(document_of_study).datasets["digits"].features.model_copy(update={"seed": 1})
    folder = scored.features("digits")
    build("digits", settings, scored.prepared("digits"), folder, torch.device("cpu"))
    assert score() == [0, 1]


def test_changed_second_classifier_leaves_the_values_of_the_first(scored, score, document_of_study):
    before = lines(scored)
    settings = parse_params(document_of_study).datasets["digits"].features.model_copy(update={"second_seed": 5})
    folder = scored.features("digits")
    build("digits", settings, scored.prepared("digits"), folder, torch.device("cpu"))
    assert score() == [0, 1]
    changed = {old["metric"] for old, new in zip(before, lines(scored), strict=True) if old != new}
    assert changed == {"cfid_second"}


def test_copies_of_training_images_are_found_out(workspace, score, monkeypatch):
    """A generator that has learned its training images by heart: nearer to them than to what it never saw."""
    train, _ = load_split(workspace.prepared("digits"), "train")
    shown = torch.from_numpy(train[:497].copy())  # as many as are held out

    class Parrot(torch.nn.Module):
        def forward(self, z):
            return shown[torch.arange(len(z)) % len(shown)]

    monkeypatch.setattr(scoring, "load_generator", lambda *_: Parrot())
    score()
    assert {float(line["value"]) for line in lines(workspace) if line["metric"] == "memorisation"} == {1.0}


@pytest.fixture
def drawer(workspace, monkeypatch):
    """A function: let every snapshot be a G that shows real digits, fed a class and a code beside 4 numbers of noise.

    choose: z (n, 24) → the classes (n,) of the digits that it shows.
    """
    images, labels = load_split(workspace.prepared("digits"), "train")
    known = embed(load_classifier(workspace.features("digits")), batches(images)).probabilities
    shown = torch.from_numpy(images[known.argmax(axis=0)])  # of each class the one that the classifier is surest of
    assert labels[known.argmax(axis=0)].tolist() == list(range(10))
    path = workspace.run(*CELL, 0) / "run.json"
    record = read_json(path)
    record["parameters"]["latents"] |= {"categorical": 10, "classes": 10}
    write_json(path, record)

    def draw(choose) -> None:
        class Drawer(torch.nn.Module):
            def forward(self, z):
                return shown[choose(z)]

        monkeypatch.setattr(scoring, "load_generator", lambda *_: Drawer())

    return draw


def of_last(workspace: Workspace) -> dict[str, float]:
    return {line["metric"]: float(line["value"]) for line in lines(workspace) if line["update"] == "24"}


def test_a_g_that_draws_what_it_is_asked_for_is_right_in_all_samples(drawer, workspace, score):
    drawer(lambda z: z[:, 14:].argmax(1))
    score(seeds=[0])
    found = of_last(workspace)
    assert found["asked"] == 1
    assert found["code_accuracy"] < 0.25  # the codes beside the classes are not shown


def test_a_g_that_draws_its_codes_shows_them_by_whatever_name(drawer, workspace, score):
    drawer(lambda z: (z[:, 4:14].argmax(1) + 3) % 10)
    score(seeds=[0])
    found = of_last(workspace)
    assert found["code_accuracy"] == 1 > 0.25 > found["code_chance"]
    assert found["asked"] == pytest.approx(0.1, abs=0.04)


def test_a_g_that_ignores_what_it_is_asked_for_is_right_by_chance(drawer, workspace, score):
    drawer(lambda z: torch.arange(len(z)) % 10)
    score(seeds=[0])
    found = of_last(workspace)
    assert found["asked"] == pytest.approx(0.1, abs=0.04)  # three standard deviations of 500 samples
    assert 0.1 < found["code_accuracy"] <= found["code_chance"] < 0.25


def test_a_run_whose_g_is_fed_noise_alone_is_asked_nothing(scored):
    assert not {metric.name for metric in METRICS if metric.fed} & {line["metric"] for line in lines(scored)}


@pytest.fixture
def with_classes(workspace):
    """A function: let the run's record say that it was trained on these classes."""

    def choose(*names: str) -> None:
        path = workspace.run(*CELL, 0) / "run.json"
        record = read_json(path)
        record["parameters"]["data"]["classes"] = list(names)
        write_json(path, record)

    return choose


def test_a_run_on_some_classes_is_scored_against_these_alone(drawer, with_classes, workspace, score):
    """G shows each of three classes, and nothing of the others: it has all modes of what it was to learn."""
    drawer(lambda z: torch.tensor([1, 4, 8])[torch.arange(len(z)) % 3])
    score(seeds=[0])
    of_all = of_last(workspace)
    with_classes("8", "4", "1")
    assert score(seeds=[0]) == [0]  # other scores by their fingerprint, of the same snapshots
    found = of_last(workspace)
    assert found["modes"] == of_all["modes"] == 3
    assert found["cfid"] < of_all["cfid"] and found["mode_kl"] < 0.1 < of_all["mode_kl"]
    assert json.loads(workspace.scores(*CELL, 0).with_suffix(".json").read_text())["run"]["parameters"]["data"][
        "classes"
    ] == ["8", "4", "1"]


def test_g_is_asked_for_the_classes_that_it_was_trained_on(drawer, with_classes, workspace, score):
    asked = []
    drawer(lambda z: asked.extend(z[:, 14:].argmax(1).tolist()) or z[:, 14:].argmax(1))
    with_classes("8", "1")
    score(seeds=[0])
    assert set(asked) == {1, 8} and of_last(workspace)["asked"] == 1


def test_a_single_class_leaves_out_what_says_nothing_of_it(drawer, with_classes, workspace, score):
    drawer(lambda z: torch.full((len(z),), 8))
    with_classes("8")
    score(seeds=[0])
    left_out = {metric.name for metric in METRICS} - of_last(workspace).keys()
    assert left_out == {"modes", "mode_kl", "code_accuracy", "code_chance", "l2_to_target"}


@pytest.fixture
def restorer(workspace, monkeypatch):
    """A function: let every snapshot be a G that shows what `restore` makes of the noisy digits that it is fed."""
    path, fed = workspace.run(*CELL, 0) / "run.json", []

    def of(sd: float, restore=lambda seen: seen) -> list[torch.Tensor]:
        record = read_json(path)
        record["parameters"]["latents"]["image"] = 64
        record["parameters"]["train"]["problem"] = {"name": "denoise", "sd": sd}
        write_json(path, record)

        class Restorer(torch.nn.Module):
            def forward(self, z):
                fed.append(z[:, 4:].view(-1, 1, 8, 8))
                return restore(fed[-1])

        monkeypatch.setattr(scoring, "load_generator", lambda *_: Restorer())
        return fed

    return of


@pytest.mark.parametrize("split", ["val", "test"])
def test_g_is_fed_images_of_the_split_that_it_is_scored_against(split, restorer, workspace, score):
    """And one that gives them back makes no error, and no distance of the sets."""
    fed = restorer(1e-7)
    score(seeds=[0], split=split)
    found = of_last(workspace)
    assert found["l2_to_target"] < 1e-6 and found["cfid"] < 0.05
    held_out, seen = load_split(workspace.prepared("digits"), split)[0], torch.cat(fed)[-500:]
    distances = torch.cdist(seen.flatten(1), torch.from_numpy(held_out.copy()).flatten(1))
    assert distances.min(1).values.max() < 1e-2
    often = torch.bincount(distances.argmin(1), minlength=len(held_out))
    assert often.max() - often.min() <= 1 + (len(held_out) - len(np.unique(held_out, axis=0)))


def test_the_error_is_the_root_mean_square_per_value(restorer, workspace, score):
    restorer(1e-7, lambda seen: 0.5 * seen)
    score(seeds=[0])
    images = load_split(workspace.prepared("digits"), "test")[0].astype(float)
    each_once = np.sqrt(np.mean((0.5 * images) ** 2))  # 500 samples of 497 images: three of them twice
    assert of_last(workspace)["l2_to_target"] == pytest.approx(each_once, rel=5e-3)


def test_an_image_left_as_noisy_as_it_was_has_the_noise_as_its_error(restorer, workspace, score):
    restorer(0.1, lambda seen: seen.clamp(-1, 1))
    score(seeds=[0])
    assert 0.06 < of_last(workspace)["l2_to_target"] < 0.1  # less, since what leaves [-1, 1] is cut


def test_another_problem_is_scored_anew_and_one_without_it_has_no_error(restorer, workspace, score):
    restorer(0.1)
    assert score(seeds=[0]) == [0]
    restorer(0.2)
    assert score(seeds=[0]) == [0] and score(seeds=[0]) == []


def test_run_with_other_facts_and_equal_snapshots_is_relabelled_only(scored, score):
    """An edit that leaves the bytes of the snapshots changes the run's fingerprint, not its scores."""
    path = scored.run(*CELL, 0) / "run.json"
    write_json(path, read_json(path) | {"fingerprint": "f" * 64})
    assert score() == []
    assert read_json(scored.scores(*CELL, 0).with_suffix(".json"))["run"]["fingerprint"] == "f" * 64


@pytest.mark.parametrize("block", ["networks", "latents"])
def test_a_run_of_another_version_is_refused_in_a_sentence(block, scored, score):
    path = scored.run(*CELL, 0) / "run.json"
    record = read_json(path)
    del record["parameters"][block]
    write_json(path, record)
    with pytest.raises(
        UserError, match=f"seed 0, on digits: its record has no block '{block}', .* train the run again"
    ):
        score()


def test_a_run_with_networks_of_another_version_is_refused_in_a_sentence(scored, score):
    path = scored.run(*CELL, 0) / "run.json"
    record = read_json(path)
    record["parameters"]["networks"] = {"width": 4}
    write_json(path, record)
    with pytest.raises(UserError, match="^networks: .*: not as this version has them; train the run again"):
        score()


def test_damaged_snapshot_is_refused_by_name(workspace, score):
    flip(workspace.run(*CELL, 1) / "snapshots" / "0000024.safetensors")
    with pytest.raises(UserError, match=r"seed-1/snapshots/0000024\.safetensors: damaged: its SHA-256"):
        score()
    assert set(written(workspace)) == {"seed-0.csv", "seed-0.json"}  # what was finished before stays


def test_a_requested_shutdown_ends_the_scoring_of_a_run(score, workspace, monkeypatch):
    monkeypatch.setattr(scoring, "requested", lambda: True)
    with pytest.raises(Stopped):
        score()
    assert not workspace.scores(*CELL, 0).exists()


@pytest.mark.parametrize(
    ("damage", "name", "message"),
    [
        (flip, "reference.safetensors", r"reference\.safetensors: its SHA-256 is"),
        (lambda path: path.write_text("{}"), "accuracy.json", r"accuracy\.json: damaged: "),
    ],
)
def test_what_cannot_be_scored_ahead_fails_the_stage_not_the_training(
    damage, name, message, workspace, document_of_study, score
):
    damage(workspace.features("digits") / name)
    study = parse_params(document_of_study)
    run_grid(workspace, study, lambda specs: [])
    specs = all_specs(workspace, study, torch.device("cpu"))
    assert all(RunStore(workspace).finished(spec) for spec in specs) and len(specs) == 4
    with pytest.raises(UserError, match=message):
        score()


def test_missing_runs_are_named_all_at_once(score):
    with pytest.raises(UserError, match=r"no finished run in: .*seed-7, .*seed-9; the stage train@digits-gan"):
        score(seeds=[0, 7, 9])


def test_equal_snapshots_of_another_seed_get_lines_of_their_own(workspace, score):
    score(seeds=[0])
    shutil.copytree(workspace.run(*CELL, 0), workspace.run(*CELL, 5))
    assert score(seeds=[5]) == [5]
    assert {line["seed"] for line in lines(workspace, 5)} == {"5"}


def test_diverged_run_is_scored_as_far_as_it_went(scored, score):
    path = scored.run(*CELL, 0) / "run.json"
    record = read_json(path)
    first = "snapshots/0000000.safetensors"
    kept = {name: value for name, value in record["files"].items() if not name.startswith("snapshots/")}
    files = kept | {first: record["files"][first]}
    write_json(path, record | {"status": "diverged", "diverged_at": 1, "files": files})
    assert score() == [0]
    wanted = [("0", metric.name) for metric in METRICS if metric.fed is None]
    assert [(line["update"], line["metric"]) for line in lines(scored)] == wanted
    assert read_json(scored.scores(*CELL, 0).with_suffix(".json"))["run"]["diverged_at"] == 1


def test_untrained_generator_is_worse_than_every_calibration_row(scored, score, document_of_study):
    study, out = parse_params(document_of_study), scored.calibration("digits")
    folders = scored.prepared("digits"), scored.features("digits")
    calibration.calibrate("digits", *folders, study.evaluate, 500, out)
    rows = list(csv.DictReader(out.read_text().splitlines()))
    path = scored.run(*CELL, 0) / "run.json"  # as if it had diverged at once: update 0 is then scored in full
    record = read_json(path)
    kept = {name: value for name, value in record["files"].items() if name <= "snapshots/0000000.safetensors"}
    write_json(path, record | {"status": "diverged", "diverged_at": 1, "files": kept})
    score()
    for metric in ("cfid", "cfid_second", "swd", "w1_exact"):
        worst = max(float(row["value"]) for row in rows if row["metric"] == metric)
        untrained = next(float(line["value"]) for line in lines(scored) if line["metric"] == metric)
        assert untrained > worst, metric


def test_fully_scored_snapshots_are_spread_over_the_grid():
    grid = [0, 1, 2, 4, 8, 16, 32]
    assert fully_scored(grid, 0) == {32}
    assert fully_scored(grid, 1) == {4, 32}
    assert fully_scored(grid, 2) == {2, 8, 32}
    assert fully_scored(grid, 50) == {1, 2, 4, 8, 16, 32}
    assert fully_scored([0], 5) == {0}


# What the scores' fingerprint holds as values, and what moves, checks or names files.
DECIDE_NO_SCORE = {
    *(
        "errors.py",
        "types.py",
        "params/blocks.py",
        "params/networks.py",
        "params/problems.py",
        "data/prepared.py",
        "runs/record.py",
        "scoring/label.py",
    ),
    *("scoring/metrics.py", "scoring/sources.py", "scoring/task.py"),
    *(f"system/{name}.py" for name in ("allocator", "devices", "files", "shutdown")),
}


def test_every_source_that_a_score_goes_through_is_in_its_fingerprint():
    named = {name for name in score_sources() if name.endswith(".py")}
    used = {path for name in named for path in imported(name)}
    assert {"scoring/compute_metrics.py", "networks/generator.py", "system/determinism.py"} <= used
    assert used - DECIDE_NO_SCORE <= named
    assert not named & DECIDE_NO_SCORE
