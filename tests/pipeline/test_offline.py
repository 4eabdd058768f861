"""Nothing leaves this machine: the pipeline without a network, and a lock whose every file is known by its hash."""

import re
import shutil
import subprocess
import tomllib

import pytest
from toy_study import PROJECT


def may_cut_the_network() -> bool:
    tool = shutil.which("unshare")
    return tool is not None and subprocess.run([tool, "-rn", "true"], capture_output=True, check=False).returncode == 0


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.skipif(not may_cut_the_network(), reason="unshare -rn is not there or not permitted")
def test_train_evaluate_compare_and_report_work_without_a_network(study):
    study.mirror = True
    study.edit(lambda p: (p["compare"].update(variants=["wgan"], seeds=[2]), p["protocol"].update(references=["wgan"])))
    connect = "import socket; socket.create_connection(('127.0.0.1', 1))"
    assert "Network is unreachable" in study.run("unshare", "-rn", "python", "-c", connect, check=False).stderr
    before = study.record()["trained"].keys()
    done = study.run("unshare", "-rn", "dvc", "repro")
    lines = done.stdout.splitlines()
    stages = {line.split("'")[1].split("@")[0] for line in lines if line.startswith("Running stage '")}
    assert {"train", "evaluate", "compare", "report"} <= stages
    assert study.record()["trained"].keys() - before == {"wgan/seed-2"}
    assert (study.root / "reports" / "index.html").stat().st_size > 10_000
    assert (study.root / "mlflow.db").exists()


def test_every_requirement_of_the_lock_has_its_version_and_hashes():
    text = (PROJECT / "requirements.lock").read_text(encoding="utf-8")
    entries = [e for e in re.split(r"\n(?=[A-Za-z0-9])", re.sub(r"(?m)^\s*#.*\n", "", text)) if e.strip()]
    names = set()
    for entry in entries:
        assert re.match(r"[A-Za-z0-9._\-\[\],]+==[^\s\\;]+", entry), entry.splitlines()[0]
        assert re.search(r"--hash=sha256:[0-9a-f]{64}\b", entry), entry.splitlines()[0]
        names.add(normalised(entry))
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    asked = project["dependencies"] + project["optional-dependencies"]["dev"]
    assert set(map(normalised, asked)) <= names
    assert "://" not in re.sub(r"(?m)#.*$", "", text)
    assert "--require-hashes" in (PROJECT / "Makefile").read_text(encoding="utf-8")


def normalised(requirement: str) -> str:
    """A package's name as package indexes compare it."""
    return re.sub(r"[-_.]+", "-", re.match(r"[A-Za-z0-9._-]+", requirement)[0]).lower()
