"""The command: exit statuses and messages as a user meets them."""

import pytest
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
        text.replace("n_critic: 1", "n_critic: 0").replace("      width: ", "      wdth: ")
    )
    assert run(root, "check") == 2
    err = capsys.readouterr().err
    assert "variants.gan.n_critic: 0 is not > 0" in err
    assert "datasets.digits.train.wdth: unknown key; did you mean width?" in err
    assert "datasets.digits.train.width: missing" in err


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
