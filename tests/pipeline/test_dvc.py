"""What a DVC user expects: clones and pulls, an archive, experiments; by the real dvc on a toy study."""

import json
import shutil
from pathlib import Path

import pytest
from damage import flip
from toy_study import Study

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def test_a_new_seed_in_a_clean_clone_after_pull_trains_itself_alone(study, tmp_path):
    study.run("dvc", "remote", "add", "-q", "-d", "store", str(tmp_path / "remote"))
    study.run("dvc", "push", "-q")
    study.run("git", "add", ".")
    study.run("git", "commit", "-qm", "remote")
    study.run("git", "clone", "-q", str(study.root), str(tmp_path / "clone"))
    clone = Study(tmp_path / "clone")
    clone.run("dvc", "pull", "-q")
    clone.edit(lambda p: p["compare"].update(seeds=[0, 1, 2]))
    reran = clone.repro("evaluate")
    assert reran.trained == reran.scored == {"gan/seed-2", "wgan/seed-2"}


def test_trained_and_scored_ahead_is_collected_not_made_again(study):
    study.edit(lambda p: p["compare"].update(seeds=[0, 1, 5]))
    study.run("ganspeed", "run")
    cached = {
        json.loads((p / "run" / "run.json").read_text())["fingerprint"]: (p / "provenance.json").read_text()
        for p in (study.root / ".runs").iterdir()
        if (p / "run" / "run.json").exists()
    }
    assert len(cached) == 2
    tables = {p.read_text(): p.stat().st_mtime_ns for p in (study.root / ".runs/scores").glob("*.csv")}
    assert len(tables) == 2
    lost = next((study.root / ".runs/scores").glob("*.csv"))
    del tables[lost.read_text()]
    lost.unlink()
    study.run("ganspeed", "run")  # of a run that is trained, scores alone are made
    tables[lost.read_text()] = lost.stat().st_mtime_ns
    assert len(tables) == 2
    study.repro("evaluate")
    collected = {p.read_text() for p in (study.root / "artifacts/provenance").glob("digits/*/seed-5.json")}
    assert collected == set(cached.values())
    scores = (study.root / "artifacts/scores").glob("digits/*/seed-5.csv")
    assert {p.read_text(): p.stat().st_mtime_ns for p in scores} == tables


def test_an_archive_without_git_works_and_says_that_the_commit_is_unknown(study):
    shutil.rmtree(study.root / ".git")
    study.run("make", "-o", ".venv/.installed", "scm")
    study.edit(lambda p: p["compare"].update(variants=["gan"], seeds=[2]))
    assert study.repro().trained == {"gan/seed-2"}
    provenance = json.loads((study.root / "artifacts/provenance/digits/gan/seed-2.json").read_text())
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


def test_dvc_metrics_params_plots_and_experiments_work_as_usual(study):
    shown = json.loads(study.run("dvc", "metrics", "show", "--json").stdout)
    assert shown[""]["data"]["reports/metrics.json"]["data"]["digits"]["gan"] > 0
    study.run("dvc", "exp", "run", "-q", "-n", "twice", "-S", "variants.gan.n_critic=2")
    assert "1 insertion(+), 1 deletion(-)" in study.run("git", "diff", "--stat", "params.yaml").stdout
    assert "n_critic" in study.run("dvc", "params", "diff").stdout
    changed = json.loads(study.run("dvc", "metrics", "diff", "--json", "--all").stdout)
    assert "digits.gan" in changed["reports/metrics.json"]
    assert "train@digits-gan" in study.run("dvc", "dag").stdout
    drawn = json.loads(study.run("dvc", "plots", "diff", "--json", "HEAD").stdout)
    (curves,) = drawn["data"]["median cfid"]
    assert set(curves["revisions"]) == {"HEAD", "workspace"}


def test_an_experiment_applied_and_taken_back_trains_nothing(study):
    at_first, trained = study.bytes(), study.record()["trained"]
    study.run("dvc", "exp", "run", "-q", "-n", "twice", "-S", "variants.gan.n_critic=2")
    for _ in range(2):  # the second time, only DVC's cache has the runs that come back
        study.run("git", "checkout", "--", "params.yaml", "dvc.lock")
        assert study.repro().stages >= {"train@digits-gan"}
        assert study.bytes() == at_first and study.record()["trained"] == trained
        study.run("dvc", "exp", "apply", "twice")
        assert study.bytes() != at_first and study.repro().trained == set()


def test_a_report_that_fails_leaves_the_old_one(study):
    before = {path: path.read_bytes() for path in (study.root / "reports").rglob("*") if path.is_file()}
    assert study.root / "reports/index.html" in before
    script = study.root / "pipeline/report.py"
    whole = script.read_text()
    script.write_text("raise SystemExit(2)\n" + whole)
    assert study.run("dvc", "repro", check=False).returncode != 0
    assert {path: path.read_bytes() for path in (study.root / "reports").rglob("*") if path.is_file()} == before
    script.write_text(whole)
    (study.root / "reports/figures/of another study.png").touch()
    study.edit(lambda p: p["report"].update(title="another title"))
    assert "report" in study.repro().stages
    assert {p for p in (study.root / "reports").rglob("*") if p.is_file()} == set(before)
    assert "another title" in (study.root / "reports/index.html").read_text()


def test_a_report_that_dvc_status_does_not_find_clean_is_not_published(study):
    """Params that no comparison holds, a source and a result: whatever has changed since is named."""
    assert study.run("ganspeed", "publish", "clean").stdout == f"{study.root}/reports/studies/clean\n"
    study.edit(lambda p: p["report"].update(title="another title"))
    with (study.root / "src/ganspeed/report/words.py").open("a") as source:
        source.write("# a comment\n")
    (study.root / "artifacts/calibration/digits.csv").write_text("dataset,row,metric,value,n\n")
    done = study.run("ganspeed", "publish", "later", check=False)
    assert done.returncode == 2 and done.stderr.count("\n") == 1
    assert "error: the report is older than what it is made of, run `dvc repro` first; changed since: " in done.stderr
    assert "; calibrate@digits: artifacts/calibration/digits.csv; " in done.stderr
    assert done.stderr.endswith("; report: artifacts/calibration, report, src/ganspeed/report\n")
    assert [path.name for path in (study.root / "reports/studies").iterdir()] == ["clean"]


def test_what_a_killed_stage_left_is_no_part_of_a_dependency(study):
    left = study.root / "artifacts/features/.digits.4194305.tmp/half"
    left.parent.mkdir()
    left.touch()
    assert study.repro().stages == set()
    assert study.run("git", "status", "--porcelain").stdout == ""


def test_runs_outlive_the_cache_that_dvc_had_linked_them_to(study):
    study.run("dvc", "config", "cache.type", "symlink")
    study.run("dvc", "checkout", "-q", "--relink")
    assert (study.root / "artifacts/runs/digits/gan/seed-0/run.json").is_symlink()
    trained = study.record()["trained"]
    study.edit(lambda p: p["compare"].update(variants=["wgan"]))
    study.repro()
    study.run("dvc", "gc", "-q", "-w", "-f")
    cached = [path for path in (study.root / ".runs").rglob("*") if path.is_file() or path.is_symlink()]
    assert len(cached) > 20 and not any(path.is_symlink() for path in cached)
    study.edit(lambda p: p["compare"].update(variants=["gan", "wgan"]))
    assert "digits gan: 0 of 2 runs scored" in study.run("dvc", "repro").stdout
    assert study.record()["trained"] == trained


def test_a_flipped_bit_in_dvcs_read_only_cache_is_refused_at_the_next_load(study):
    """DVC takes an object that may not be written for whole and hands it out: only the loader can find it."""
    kept = {
        "data/prepared/digits": "train_images.npy",
        "artifacts/runs/digits/gan": "seed-0/snapshots/0000012.safetensors",
    }
    for folder, name in kept.items():
        path = study.root / folder / name
        [cached] = [c for c in (study.root / ".dvc/cache/files").rglob("*") if c.is_file() and same(c, path)]
        assert not cached.stat().st_mode & 0o222
        flip(cached)
        shutil.rmtree(study.root / folder)
    study.run("dvc", "checkout", "-q", *kept)
    for loader in ("evaluate", "train"):  # train would keep the run, were it whole
        refused = study.run("python", f"pipeline/{loader}.py", "digits", "gan", check=False)
        name = kept["artifacts/runs/digits/gan" if loader == "evaluate" else "data/prepared/digits"]
        assert refused.returncode == 2 and name in refused.stderr and "Traceback" not in refused.stderr


def same(a: Path, b: Path) -> bool:
    return a.stat().st_size == b.stat().st_size and a.read_bytes() == b.read_bytes()
