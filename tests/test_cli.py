"""The command: exit statuses and messages as a user meets them."""

import hashlib
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import toy_study
from ruamel.yaml import YAML

from ganspeed import cli


@pytest.fixture
def root(document, tmp_path):
    with (tmp_path / "params.yaml").open("w") as file:
        YAML().dump(document, file)
    return tmp_path


def run(root, *arguments: str) -> int:
    return cli.main(["--root", str(root), *arguments])


def test_check_is_silent_when_all_is_well(root, capsys):
    assert run(root, "check") == 0
    assert capsys.readouterr() == ("", "")


def test_check_names_every_mistake_and_exits_2(root, capsys):
    text = (root / "params.yaml").read_text()
    (root / "params.yaml").write_text(
        text.replace("n_critic: 1", "n_critic: 0").replace(
            "      batch_size: 64\n      ema", "      batch_sise: 64\n      ema"
        )
    )
    assert run(root, "check") == 2
    err = capsys.readouterr().err
    assert "variants.gan.n_critic: 0 is not > 0" in err
    assert "datasets.digits.train.batch_sise: unknown key; did you mean batch_size?" in err
    assert "datasets.digits.train.batch_size: missing" in err


def test_a_missing_params_file_is_named(tmp_path, capsys):
    assert run(tmp_path, "check") == 2
    assert "params.yaml: no such file" in capsys.readouterr().err


def test_presets_are_listed_with_their_cost(root, capsys):
    assert run(root, "preset") == 0
    assert "quick" in (out := capsys.readouterr().out) and "minutes" in out


def test_publish_without_a_report_is_refused(root, capsys):
    assert run(root, "publish", "mine") == 2
    assert "error:" in capsys.readouterr().err
    assert not (root / "reports" / "studies").exists()


def test_gc_on_a_study_without_data_is_told_what_is_missing(root, capsys):
    assert run(root, "gc") == 2
    assert "manifest.json: no such file; the stage prepare writes it" in capsys.readouterr().err


@pytest.mark.parametrize("port", ["65536", "-1", "http", "5000.5", "٥"])
def test_a_port_that_is_none_is_refused_with_what_is_allowed(root, port, capsys):
    with pytest.raises(SystemExit, match="2"):
        run(root, "ui", f"--port={port}")
    assert f"--port: '{port}' is not a port; allowed are 0 (any free one) to 65535" in capsys.readouterr().err


def test_the_old_name_of_run_is_hidden_and_says_the_new_one(root, capsys):
    with pytest.raises(SystemExit):
        run(root, "--help")
    shown = capsys.readouterr().out
    assert " run " in shown and "ahead" not in shown
    assert run(root, "ahead") == run(root, "run") == 2  # nothing is prepared here
    old, *errors = capsys.readouterr().err.splitlines()
    assert old == "`ganspeed ahead` is now `ganspeed run`"
    assert errors[0] == errors[1] and "manifest.json: no such file; the stage prepare writes it" in errors[0]


def test_a_root_that_is_no_folder_is_named(tmp_path, capsys):
    (tmp_path / "file").touch()
    for name in ("gone", "file"):
        assert run(tmp_path / name, "doctor") == 2
        assert f"--root: {tmp_path / name}: " in capsys.readouterr().err


def test_check_of_names_and_sizes_that_never_end_ends_at_once(document, tmp_path, capsys):
    document["variants"]["v" * 260] = document["variants"]["gan"]
    document["datasets"]["digits"]["train"] |= {"updates": 10**30, "grid_ratio": 1.0000000001, "batch_size": 10**8}
    toy_study.write(document, tmp_path)
    start = time.monotonic()
    assert run(tmp_path, "check") == 2
    assert time.monotonic() - start < 2
    lines = capsys.readouterr().err.removeprefix("error: ").splitlines()
    assert [line.split(": ")[0] for line in lines] == [
        "datasets.digits.train.updates", "datasets.digits.train.batch_size", "datasets.digits.train.grid_ratio",
        "variants",
    ]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_schedule_beside_params_is_found_from_any_folder(workers, document, tmp_path, monkeypatch, capsys):
    """`--root` is where relative paths start, in the processes that train as well."""
    schedule = "d_update,alpha,lambda\n" + "".join(f"{step},0.5,10.0\n" for step in range(1, 25))
    block = document["variants"]["wgan_gp"] | {"objective": "replayed_penalty", "schedule": "own.csv"}
    del block["lambda_gp"]
    document["variants"]["replay"] = block | {"schedule_sha256": hashlib.sha256(schedule.encode()).hexdigest()}
    toy_study.toy(document, ["replay"])["protocol"]["references"] = []
    study, elsewhere = tmp_path / "study", tmp_path / "elsewhere"
    for folder in (study, elsewhere):
        folder.mkdir()
    monkeypatch.chdir(elsewhere)
    (study / "own.csv").write_text(schedule)
    workspace = toy_study.write_prepared(document, study)
    monkeypatch.setenv("GANSPEED_WORKERS", workers)
    monkeypatch.setenv("GANSPEED_DEVICE", "cpu")
    monkeypatch.setenv("PYTHONPATH", str(toy_study.PROJECT / "src") + os.pathsep + toy_study.WITHOUT_MLFLOW)
    assert run("../study", "run") == 0
    assert len(list(workspace.run_cache.glob("*/run/run.json"))) == 2
    assert Path.cwd() == elsewhere
    assert list(elsewhere.iterdir()) == []


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_reader_that_goes_away_is_no_error_and_a_full_disk_is_one(unbuffered, root):
    command = f'"{sys.executable}" -m ganspeed.cli --root "{root}" preset'
    environment = os.environ | {"PYTHONUNBUFFERED": unbuffered}

    def shell(script: str) -> tuple[int, str]:
        done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=False, env=environment)
        return done.returncode, done.stderr

    assert shell(f"{command} | true; exit ${{PIPESTATUS[0]}}") == (0, "")
    status, said = shell(f"{command} > /dev/full")
    assert status == 2 and said.startswith("error: standard output: No space left on device; what was printed")
    assert len(said.splitlines()) == 1
