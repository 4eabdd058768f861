"""`ganspeed diagnose`: findings on runs that are on the disk, by variant and by run, without torch."""

import subprocess
import sys
import time

import made_up
import pandas as pd
import pytest

from ganspeed import cli
from ganspeed.diagnosis.stored import stored_findings
from ganspeed.params.blocks import Diagnosis
from ganspeed.workspace import Workspace


@pytest.fixture
def study(tmp_path):
    """A study whose critics of `iterative` blow up from update 60 on, and one of whose runs has diverged."""
    workspace, params = made_up.write_study(tmp_path)
    for seed in (0, 1):
        path = workspace.run("digits", "iterative", seed) / "history.csv"
        history = pd.read_csv(path)
        history.loc[history["update"] >= 60 + 10 * seed, "gap"] = -3e5
        made_up.write_history(workspace, "digits", "iterative", seed, history.to_csv(index=False))
    return workspace, params


def run(workspace: Workspace, *arguments: str) -> int:
    return cli.main(["--root", str(workspace.root), "diagnose", *arguments])


def test_the_grid_has_a_row_for_each_variant_and_finding(study, capsys):
    assert run(study[0]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "digits" and lines[1].split()[:3] == ["variant", "finding", "seeds"]
    assert lines[2].split()[:7] == ["gan", "not", "finite", "1", "of", "3", "73"]
    assert lines[3].split()[:7] == ["iterative", "critic", "blow-up", "2", "of", "3", "60"]
    assert any(line.startswith("critic blow-up: critic_blow_up") for line in lines) and not lines[4]


def test_a_variant_has_a_row_for_each_run_and_finding(study, capsys):
    assert run(study[0], "digits", "iterative") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:5] for line in lines[2:4]] == [
        ["iterative", "0", "critic", "blow-up", "60"], ["iterative", "1", "critic", "blow-up", "70"],
    ]  # fmt: skip
    assert "3e+05 > 1e+05" in lines[2]
    assert "  no_hidden_activation: no column probe/bend_G; no column probe/bend_D" in lines


def test_bounds_are_those_of_params_and_levels_those_of_the_calibration(study):
    workspace, params = study
    report = params.report.model_copy(update={"diagnosis": Diagnosis(gap=4e5, recall=0.9)})
    found, lacking = stored_findings(workspace, params.model_copy(update={"report": report}), "digits", ["iterative"])
    assert {name for findings in found.values() for name in findings.names} == {"mode_collapse"} and lacking == []


def test_what_is_missing_is_said_and_the_rest_told(study, capsys):
    workspace, _ = study
    workspace.scores("digits", "gan", 0).with_suffix(".json").unlink()
    (workspace.run("digits", "wgan_gp", 2) / "run.json").unlink()
    workspace.calibration("digits").unlink()
    assert run(workspace) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "digits: not trained yet, seeds in brackets: wgan_gp (2); `dvc repro` trains them" in lines
    assert "digits: without scores, which some detectors ask for: gan (0)" in lines
    assert any(f"{workspace.calibration('digits')} is missing" in line for line in lines)


def test_where_nothing_is_trained_that_is_an_error(study, tmp_path, capsys):
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "params.yaml").write_bytes(study[0].params.read_bytes())
    assert run(Workspace(tmp_path / "other")) == 2
    assert "digits: not trained yet, seeds in brackets: gan (0, 1, 2), wgan_gp (" in capsys.readouterr().err


def test_scores_of_another_run_are_none(study):
    workspace, params = study
    label = workspace.scores("digits", "gan", 0).with_suffix(".json")
    other = workspace.scores("digits", "gan", 1).with_suffix(".json")
    table = workspace.scores("digits", "gan", 0)
    table.write_bytes(workspace.scores("digits", "gan", 1).read_bytes())
    label.write_bytes(other.read_bytes())
    found, lacking = stored_findings(workspace, params, "digits", ["gan"])
    assert "plateau" in found["gan", 0].not_asked and "gan (0)" in lacking[0]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("digit",), "unknown data set 'digit'; available: digits"),
        (("digits", "gam"), "unknown variant 'gam'; available: gan, wgan_gp, iterative"),
    ],
)
def test_an_unknown_name_is_refused_with_those_there_are(arguments, words, study, capsys):
    assert run(study[0], *arguments) == 2
    assert words in capsys.readouterr().err


@pytest.mark.parametrize("content", ["", "a,b\n1,2\n", "update,d_loss\n1,high\n"])
def test_a_damaged_history_is_named(content, study, capsys):
    workspace, _ = study
    (workspace.run("digits", "gan", 0) / "history.csv").write_text(content)
    assert run(workspace, "digits", "gan") == 2
    assert "history.csv: damaged: " in capsys.readouterr().err


def test_the_command_needs_no_torch_and_two_seconds(study):
    root = str(study[0].root)
    code = f"import sys; from ganspeed.cli import main; main(['--root', {root!r}, 'diagnose'])"
    start = time.monotonic()
    subprocess.run(
        [sys.executable, "-c", f"{code}; sys.exit('torch' in sys.modules)"], check=True, stdout=subprocess.DEVNULL
    )
    assert time.monotonic() - start < 10  # two on a machine without other work


def test_the_help_has_an_example(capsys):
    with pytest.raises(SystemExit, match="0"):
        cli.main(["diagnose", "--help"])
    assert "ganspeed diagnose digits gan" in capsys.readouterr().out
