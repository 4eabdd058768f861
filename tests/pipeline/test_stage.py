"""What every stage does before its own work, and what it leaves alone, in real processes."""

import os
import re
import subprocess
import sys
from itertools import product

import pytest
from processes import run_unprivileged
from toy_study import PROJECT, toy, write

from ganspeed.compare.comparison import Comparison, Thresholds
from ganspeed.compare.rounding import rounded
from ganspeed.compare.rows import TimeToThreshold
from ganspeed.compare.times import taus_of
from ganspeed.params.blocks import Params
from ganspeed.params.load import load_params
from ganspeed.report.publish import REPORT_FILES
from ganspeed.system.files import write_json

PIPELINE = PROJECT / "pipeline"
DEAD = 2**22 + 1  # beyond the largest number of a process


def environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(PROJECT / "src")}


@pytest.mark.slow
def test_a_stage_removes_what_killed_ones_left_and_no_running_ones(document, tmp_path):
    workspace = write(toy(document), tmp_path / "study")
    left = [
        workspace.prepared(f".mnist.{DEAD}.tmp"), workspace.features(f".digits.{DEAD}.tmp"),
        workspace.reports / f".report.{DEAD}.tmp", workspace.reports / f".figures.{DEAD}.old",
    ]  # fmt: skip
    running = workspace.reports / f".report.{os.getpid()}.tmp"
    for folder in (*left, running):
        folder.mkdir(parents=True)
        (folder / "half").touch()
    command = [sys.executable, str(PIPELINE / "check.py")]
    done = subprocess.run(command, cwd=workspace.root, env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert not any(folder.exists() for folder in left) and (running / "half").exists()


def compared(params: Params) -> dict:
    """What `ganspeed publish` looks at in a comparison."""
    runs = product(params.compare.variants, params.compare.seeds)
    taus = rounded(taus_of(params.dataset("digits").threshold))
    found = Comparison(
        dataset="digits", device="cpu", axis=params.protocol.axis, guards=params.protocol.guards(), power=None,
        thresholds=Thresholds(**taus, budget=1, rule="params"), demo=[], untuned=[], seconds_per_update={},
        times=[TimeToThreshold(variant, seed, "updates", "tau", 1.0, True) for variant, seed in runs],
        comparisons=[], areas=[], area_ratios=[], final=[], calibration=[],
    )  # fmt: skip
    return found.to_json()


def test_a_stage_runs_with_pythonsafepath(document, tmp_path):
    """PYTHONSAFEPATH: one stage for real, and of the others the line that makes it run, before all imports but sys."""
    workspace = write(toy(document), tmp_path / "study")
    command, safe = [sys.executable, str(PIPELINE / "check.py")], environment() | {"PYTHONSAFEPATH": "1"}
    done = subprocess.run(command, cwd=workspace.root, env=safe, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    texts = {path.name: path.read_text(encoding="utf-8") for path in PIPELINE.glob("*.py")}
    scripts = {name: text for name, text in texts.items() if "run_stage(" in text and name != "stage.py"}
    line = re.compile(r'""".*?"""\n\nimport sys\n\nsys\.path\.insert\(0, __file__\.rpartition\("/"\)\[0\]\)', re.DOTALL)
    assert len(scripts) == 11 and [name for name, text in scripts.items() if not line.match(text)] == []


def test_a_backend_that_matplotlib_does_not_know_ends_no_stage():
    lines = f"import sys; sys.path.insert(0, {str(PIPELINE)!r}); import stage, matplotlib"
    assert subprocess.run([sys.executable, "-c", lines], env=os.environ | {"MPLBACKEND": "nope"}).returncode == 0


@pytest.mark.slow
@pytest.mark.parametrize("command", [["ganspeed", "run"], ["ganspeed", "publish", "x"], ["check.py"]])
def test_without_permission_to_write_it_is_said_in_words(command, document, tmp_path):
    document["protocol"] |= {"planned": [], "references": []}
    workspace = write(toy(document), tmp_path / "study")
    for name in (*REPORT_FILES[:-2], "figures/a.png", "comparison/digits.json"):
        path = workspace.reports / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    write_json(workspace.reports / "comparison/digits.json", compared(load_params(workspace.params)))
    for folder in (workspace.root, workspace.reports):
        folder.chmod(0o555)
    start = ["-m", "ganspeed.cli"] if command[0] == "ganspeed" else [str(PIPELINE / command[0])]
    done = run_unprivileged([sys.executable, *start, *command[1:]], cwd=workspace.root, env=environment())
    for folder in (workspace.root, workspace.reports):
        folder.chmod(0o755)
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert f"error: {workspace.root}/" in done.stderr and "Permission denied" in done.stderr
