"""What an edit reruns, told by the real dvc on 2 variants × 2 seeds.

What was trained and scored is read from the files: a run that is trained again gets a new provenance (its clock), a
score that is computed again a new modification time. Stages that started are read from dvc's own record of them.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from ruamel.yaml import YAML

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
PROJECT = Path(__file__).parents[1]
yaml = YAML()


class Study:
    """A clone of the project's code with a toy params.yaml, under git and dvc."""

    def __init__(self, root: Path):
        self.root = root

    @property
    def environment(self) -> dict[str, str]:
        return os.environ | {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PYTHONPATH": str(self.root / "src"),
            "PYTHONDONTWRITEBYTECODE": "1",
            "DVC_NO_ANALYTICS": "true",
            "GANSPEED_DEVICE": "cpu",
            "GANSPEED_WORKERS": "1",
            "OMP_NUM_THREADS": "1",
            "GIT_AUTHOR_NAME": "t", "GIT_AUTHOR_EMAIL": "t@example.org",
            "GIT_COMMITTER_NAME": "t", "GIT_COMMITTER_EMAIL": "t@example.org",
        }  # fmt: skip

    def run(self, *command: str, check: bool = True) -> subprocess.CompletedProcess:
        done = subprocess.run(command, cwd=self.root, env=self.environment, capture_output=True, text=True, check=False)
        assert not check or done.returncode == 0, f"{command}:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        return done

    def edit(self, change) -> None:
        """Apply `change` to the document of params.yaml, comments kept."""
        document = yaml.load(self.root / "params.yaml")
        change(document)
        yaml.dump(document, self.root / "params.yaml")

    def repro(self) -> "Reran":
        """Run `dvc repro`; returns what really happened."""
        before = self.record()
        out = self.run("dvc", "repro").stdout
        after = self.record()
        stages = [line.split("'")[1] for line in out.splitlines() if line.startswith("Running stage '")]
        return Reran(
            {key for key, value in after["trained"].items() if before["trained"].get(key) != value},
            {key for key, value in after["scored"].items() if before["scored"].get(key) != value},
            set(stages),
        )

    def record(self) -> dict[str, dict]:
        """Per run, its provenance (trained anew means another clock); per score, its inode and time."""
        artifacts = self.root / "artifacts"
        trained = {_key(p): p.read_text() for p in (artifacts / "provenance").glob("*/*/seed-*.json")}
        scored = {_key(p): (p.stat().st_mtime_ns,) for p in (artifacts / "scores").glob("*/*/seed-*.csv")}
        return {"trained": trained, "scored": scored}

    def bytes(self) -> dict[str, bytes]:
        """Every result that must not change unnoticed."""
        roots = [self.root / "artifacts" / name for name in ("runs", "scores", "comparison")]
        return {str(p.relative_to(self.root)): p.read_bytes() for r in roots for p in r.rglob("*") if p.is_file()}


class Reran:
    def __init__(self, trained: set, scored: set, stages: set):
        self.trained, self.scored, self.stages = trained, scored, stages


def _key(path: Path) -> str:
    return f"{path.parent.name}/{path.name.split('.')[0]}"


BOTH = {"gan/seed-0", "gan/seed-1"}
ALL = BOTH | {"wgan/seed-0", "wgan/seed-1"}


def toy(document) -> None:
    """Two variants, two seeds, a minute's work made seconds."""
    document["compare"].update({"variants": ["gan", "wgan"], "seeds": [0, 1]})
    digits = document["datasets"]["digits"]
    digits["train"].update({"updates": 12, "batch_size": 8, "z_dim": 4, "width": 4, "log_every": 4, "grid_ratio": 1.5})
    digits["features"].update({"epochs": 2, "width": 8, "min_accuracy": 0.2})
    digits["evaluate"]["samples"] = 400
    document["evaluate"].update({"kid_subsets": 2, "kid_subset_size": 50, "full_snapshots": 1})
    document["pilot"].update({"seeds": [800, 801], "length": 2})
    document["tuning"].update({"trials": 2, "seeds": [900], "updates": 12})
    for arm in ("wgan_gp_tuned", "wgan_gp_lambda_tuned", "iterative_tuned"):
        del document["tuning"]["arms"][arm]


def new_study(root: Path, *, git: bool = True) -> Study:
    root.mkdir(parents=True)
    for name in ("src", "pipeline", "studies", "preregistration"):
        shutil.copytree(
            PROJECT / name, root / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info", "*.json")
        )
    for name in ("dvc.yaml", ".dvcignore", ".gitignore", "Makefile"):
        shutil.copy(PROJECT / name, root / name)
    (root / "reports").mkdir()
    presets = YAML(typ="rt")
    quick = presets.load(PROJECT / "src" / "ganspeed" / "presets" / "quick.yaml")
    variants = presets.load(PROJECT / "src" / "ganspeed" / "presets" / "variants.yaml")
    rest = presets.load(PROJECT / "tests" / "rest.yaml")
    del quick["about"]
    yaml.dump({**quick, **variants, **rest}, root / "params.yaml")
    shutil.copytree(PROJECT / ".dvc", root / ".dvc", ignore=shutil.ignore_patterns("cache", "tmp", "config.local"))
    study = Study(root)
    study.edit(toy)
    if git:
        study.run("git", "init", "-q")
        study.run("git", "add", ".")
        study.run("git", "commit", "-qm", "toy")
    study.run("make", "-o", ".venv/.installed", "scm")
    return study


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Study:
    """One study, reproduced once; tests work on copies of it."""
    study = new_study(tmp_path_factory.mktemp("finished") / "study")
    first = study.repro()
    assert first.trained == first.scored == ALL
    study.run("git", "add", ".")
    study.run("git", "commit", "-qm", "results")
    return study


@pytest.fixture
def study(finished, tmp_path) -> Study:
    shutil.copytree(finished.root, tmp_path / "study", symlinks=True)
    return Study(tmp_path / "study")


def stage_names(reran: Reran) -> set[str]:
    return {stage.split("@")[0] for stage in reran.stages}


def test_nothing_edited_nothing_runs(study):
    assert study.repro().stages == set()


def test_a_comment_runs_only_the_check(study):
    with (study.root / "params.yaml").open("a") as file:
        file.write("# a comment\n")
    assert study.repro().stages == {"check"}


def test_a_new_unused_variant_runs_only_the_check(study):
    study.edit(lambda p: p["variants"].update(mine=dict(p["variants"]["gan"], n_critic=2)))
    assert study.repro().stages == {"check"}


def test_a_variants_block_retrains_it_alone_and_reverting_trains_nothing(study):
    before, trained = study.bytes(), study.record()["trained"]
    study.edit(lambda p: p["variants"]["gan"].update(n_critic=2))
    reran = study.repro()
    assert reran.trained == reran.scored == BOTH
    cell = {"train@digits-gan", "evaluate@digits-gan"}
    assert reran.stages == {"check", *cell, "timing@digits", "compare@digits", "report"}
    assert study.bytes() != before
    study.edit(lambda p: p["variants"]["gan"].update(n_critic=1))
    reverted = study.repro()
    assert study.bytes() == before
    assert study.record()["trained"] == trained
    assert "train@digits-wgan" not in reverted.stages


def test_a_seed_added_trains_and_scores_that_seed_alone(study):
    study.edit(lambda p: p["compare"].update(seeds=[0, 1, 2]))
    reran = study.repro()
    assert reran.trained == reran.scored == {"gan/seed-2", "wgan/seed-2"}


def test_a_seed_removed_trains_and_scores_nothing_and_leaves_every_table(study):
    study.edit(lambda p: p["compare"].update(seeds=[0]))
    reran = study.repro()
    assert reran.trained == reran.scored == set()
    assert {"compare@digits", "report"} <= reran.stages
    comparison = json.loads((study.root / "artifacts/comparison/digits.json").read_text())
    assert {row["seed"] for row in comparison["times"]} == {0}
    assert {row["n"] for row in comparison["comparisons"]} == {1}
    assert not list((study.root / "artifacts").glob("*/digits/*/seed-1*"))


def test_a_variant_removed_runs_only_compare_and_report_and_leaves_every_table(study):
    study.edit(lambda p: p["compare"].update(variants=["wgan"]))
    reran = study.repro()
    assert reran.stages == {"check", "timing@digits", "compare@digits", "report"}
    results = (study.root / "reports/results.csv").read_text()
    assert "wgan" in results and ",gan," not in results
    assert not list((study.root / "artifacts").glob("*/digits/gan"))


def test_variants_in_another_order_run_only_compare_and_report(study):
    study.edit(lambda p: p["compare"].update(variants=["wgan", "gan"]))
    assert study.repro().stages == {"check", "compare@digits", "report"}


def test_evaluate_edited_trains_nothing(study):
    study.edit(lambda p: p["evaluate"].update(neighbours=4))
    reran = study.repro()
    assert (reran.trained, reran.scored) == (set(), ALL)
    assert not stage_names(reran) & {"prepare", "features", "train"}
    assert "calibrate@digits" in reran.stages


def test_the_threshold_runs_only_compare_and_report(study):
    study.edit(lambda p: p["datasets"]["digits"]["threshold"].update(tau75=0.5))
    assert study.repro().stages == {"check", "compare@digits", "report"}


def test_one_objectives_file_edited_retrains_its_users_alone(study):
    with (study.root / "src/ganspeed/objectives/wgan.py").open("a") as file:
        file.write("\n# an edit\n")
    reran = study.repro()
    assert reran.trained == {"wgan/seed-0", "wgan/seed-1"}
    assert "evaluate@digits-gan" not in reran.stages


def test_the_loop_edited_retrains_everything(study):
    with (study.root / "src/ganspeed/training.py").open("a") as file:
        file.write("\n# an edit\n")
    assert study.repro().trained == ALL


def test_the_training_of_a_data_set_edited_retrains_everything_on_it_and_prepares_nothing(study):
    study.edit(lambda p: p["datasets"]["digits"]["train"].update(width=5))
    reran = study.repro()
    assert reran.trained == reran.scored == ALL
    assert not stage_names(reran) & {"prepare", "features", "calibrate"}


def test_the_report_edited_runs_only_the_report(study):
    study.edit(lambda p: p["report"].update(dpi=60))
    assert study.repro().stages == {"check", "report"}


def test_a_new_seed_in_a_clean_clone_after_pull_trains_itself_alone(study, tmp_path):
    study.run("dvc", "remote", "add", "-q", "-d", "store", str(tmp_path / "remote"))
    study.run("dvc", "push", "-q")
    study.run("git", "add", ".")
    study.run("git", "commit", "-qm", "remote")
    study.run("git", "clone", "-q", str(study.root), str(tmp_path / "clone"))
    clone = Study(tmp_path / "clone")
    clone.run("dvc", "pull", "-q")
    assert clone.repro().trained == set()
    clone.edit(lambda p: p["compare"].update(seeds=[0, 1, 2]))
    reran = clone.repro()
    assert reran.trained == reran.scored == {"gan/seed-2", "wgan/seed-2"}


def test_trained_ahead_is_collected_not_trained_again(study):
    study.edit(lambda p: p["compare"].update(seeds=[0, 1, 5]))
    study.run("ganspeed", "ahead")
    pooled = {
        json.loads((p / "run" / "run.json").read_text())["fingerprint"]: (p / "provenance.json").read_text()
        for p in (study.root / ".runs").iterdir()
        if (p / "run" / "run.json").exists()
    }
    assert len(pooled) == 2
    study.repro()
    collected = {p.read_text() for p in (study.root / "artifacts/provenance").glob("digits/*/seed-5.json")}
    assert collected == set(pooled.values())


def test_an_archive_without_git_works_and_says_that_the_commit_is_unknown(tmp_path):
    study = new_study(tmp_path / "study", git=False)
    study.edit(lambda p: p["compare"].update(variants=["gan"], seeds=[0]))
    assert study.repro().trained == {"gan/seed-0"}
    provenance = json.loads((study.root / "artifacts/provenance/digits/gan/seed-0.json").read_text())
    assert (provenance["commit"], provenance["dirty"]) == ("unknown", None)
    assert "unknown" in (study.root / "reports/index.html").read_text()
    study.run("git", "init", "-q")
    study.run("make", "-o", ".venv/.installed", "scm")
    assert study.run("dvc", "config", "--local", "core.no_scm", check=False).returncode != 0


def test_a_typo_is_named_before_anything_runs(study):
    before = study.bytes()
    study.edit(lambda p: (p["variants"]["gan"].update(n_critc=1), p["evaluate"].update(neighbours=0)))
    done = study.run("dvc", "repro", check=False)
    assert done.returncode != 0
    assert "variants.gan.n_critc: unknown key; did you mean n_critic?" in done.stderr
    assert "evaluate.neighbours: 0 is not > 0" in done.stderr
    assert study.bytes() == before
    assert study.run("ganspeed", "check", check=False).returncode == 2


def test_dvc_metrics_params_and_experiments_work_as_usual(study):
    shown = json.loads(study.run("dvc", "metrics", "show", "--json").stdout)
    assert shown[""]["data"]["reports/metrics.json"]["data"]["digits"]["gan"]["cfid"]["mean"] > 0
    study.run("dvc", "exp", "run", "-q", "-S", "variants.gan.n_critic=2")
    assert "n_critic" in study.run("dvc", "params", "diff").stdout
    changed = json.loads(study.run("dvc", "metrics", "diff", "--json").stdout)
    assert "digits.gan.cfid.mean" in str(changed) or "cfid" in str(changed)
    assert "train@digits-gan" in study.run("dvc", "dag").stdout
