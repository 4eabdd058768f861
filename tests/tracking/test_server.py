"""The page that people open: served to this machine, grouped, with pictures."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import made_up
import psutil
import pytest
from browser import CHROMIUM, FLAGS, browser
from mirrored import PICTURE, PIXEL, VALUES, child, make_params, points, run_of, spec, wait_for, write_run, write_study
from mlflow_server import mlflow_server, request
from processes import run_unprivileged
from toy_study import PROJECT, toy, write

from ganspeed.system.shutdown import MESSAGE, STOPPED_STATUS
from ganspeed.tracking.mirror import MirrorSummary, mirror
from ganspeed.tracking.server import serve
from ganspeed.tracking.view import RUNS, VIEW_TAG, view_url
from ganspeed.workspace import Workspace


@pytest.fixture(scope="module")
def study(tmp_path_factory, empty_database) -> Workspace:
    """One for all tests, which hold in any order: what one of them adds, no other one counts."""
    workspace = Workspace(tmp_path_factory.mktemp("study"))
    shutil.copy(empty_database, workspace.root)
    write_study(workspace, make_params())
    return workspace


@pytest.fixture(scope="module")
def server(study):
    """The address that `serve` prints, while its usual port is taken and a proxy is named that does not exist."""
    with socket.socket() as taken, pytest.MonkeyPatch.context() as environment:
        environment.delenv("MLFLOW_TRACKING_URI", raising=False)
        environment.setenv("http_proxy", "http://127.0.0.1:9")
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        process = child(study, "serve", f", port={taken.getsockname()[1]}", stdout=subprocess.PIPE, text=True)
        try:
            link = process.stdout.readline()
            assert link.startswith("digits: http://127.0.0.1:"), link
            yield link.split()[1]
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)


@pytest.mark.slow
def test_only_this_machine_is_served_the_page_with_runs_view_and_pictures(server, study):
    address, experiment = re.match(r"(http://127\.0\.0\.1:\d+)/.*/experiments/(\d+)/", server).groups()
    port = int(address.rsplit(":", 1)[1])
    found = request(address, f"/api/2.0/mlflow/experiments/get?experiment_id={experiment}")["experiment"]
    assert VIEW_TAG.format(view=RUNS) in {tag["key"] for tag in found["tags"]}
    body = {"experiment_ids": [experiment], "filter": "tags.current = 'true'"}
    runs = request(address, "/api/2.0/mlflow/runs/search", body)["runs"]
    assert sorted(run["info"]["run_name"] for run in runs) == [
        "gan seed 0",
        "gan seed 1",
        "wgan_gp seed 0",
        "wgan_gp seed 1",
    ]
    finals = [m["value"] for run in runs for m in run["data"]["metrics"] if m["key"] == "final/cfid"]
    assert finals == [2.5] * 4
    run_id = runs[0]["info"]["run_id"]
    assert request(address, f"/get-artifact?path={quote(PICTURE)}&run_uuid={run_id}") == PIXEL
    hexadecimal = f"{port:04X}"
    listening = [
        line.split()[1] for line in Path("/proc/net/tcp").read_text().splitlines()[1:] if line.split()[3] == "0A"
    ]
    assert [entry for entry in listening if entry.endswith(f":{hexadecimal}")] == [f"0100007F:{hexadecimal}"]
    six = Path("/proc/net/tcp6")
    assert not six.exists() or f":{hexadecimal} " not in six.read_text()


@pytest.mark.slow
def test_a_running_server_is_mirrored_to_through_its_address(server, study, monkeypatch, capsys):
    address = re.match(r"http://127\.0\.0\.1:\d+", server)[0]
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    before = points(study)
    assert mirror(study, make_params()) == MirrorSummary(unchanged=4)
    write_run(study, spec(make_params(), "gan", 0, version="2"))
    assert mirror(study, make_params()).added == 1
    assert len(points(study)) == len(before) + 4 * 2 + 4 + VALUES
    serve(study, make_params())
    assert f"digits: {address}/?workflowType" in capsys.readouterr().out


@pytest.mark.slow
def test_the_server_ends_with_the_process_that_started_it(study):
    """However that ends: nothing may listen for ever. And no list of processes shows the address of the database."""
    process = child(study, "serve", ", port=0", stdout=subprocess.PIPE, text=True)
    address = re.match(r"digits: (http://127\.0\.0\.1:\d+)", process.stdout.readline())[1]
    children = psutil.Process(process.pid).children(recursive=True)
    assert request(address, "/health") == b"OK"
    assert not [line for c in children if "mlflow.db" in (line := " ".join(c.cmdline()))]
    process.kill()
    process.wait()
    _, alive = psutil.wait_procs(children, timeout=10)
    assert alive == []


@pytest.mark.slow
@pytest.mark.parametrize("when", ["serving", "starting"])
def test_ctrl_c_ends_the_page_in_one_line(when, study, document, tmp_path):
    """Once it serves, that is how it ends; before, it is a command that was stopped."""
    workspace = write(toy(document), tmp_path)
    if when == "serving":
        shutil.copy(study.root / "mlflow.db", workspace.root)
    command = [sys.executable, "-m", "ganspeed.cli", "--root", str(workspace.root), "ui", "--port", "0"]
    environment = {name: value for name, value in os.environ.items() if name != "MLFLOW_TRACKING_URI"}
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )  # of a terminal of its own, which sends Ctrl-C to the whole group
    if when == "serving":
        while "Ctrl-C" not in (line := process.stdout.readline()):
            assert line, process.stderr.read()
    else:
        wait_for(lambda: list(workspace.root.glob(".mlflow.db.*")), 60)  # its tables are being made
    children = psutil.Process(process.pid).children(recursive=True)
    os.killpg(process.pid, signal.SIGINT)
    said, errors = process.communicate(timeout=60)
    expected = (0, "\nstopping MLflow's server\n", "") if when == "serving" else (STOPPED_STATUS, "", f"{MESSAGE}\n")
    assert (process.returncode, said, errors) == expected
    assert psutil.wait_procs(children, timeout=10)[1] == []


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="no chromium here: apt-get install chromium")
def test_a_browser_opens_the_grouped_view_and_the_page_of_a_run(server, study, tmp_path):
    """The view is an undocumented tag of MLflow's: only its page can tell whether it is still understood."""
    seen = in_browser(server, tmp_path / "view")
    assert all(words in seen for words in ("Group: gan", "Group: wgan_gp", "final/cfid", "(average)"))
    assert "gan seed 0" not in seen  # folded
    address, experiment = re.match(r"(http.*)#/experiments/(\d+)/", server).groups()
    run_id = run_of(study, "gan", 0).info.run_id
    seen = in_browser(f"{address}#/experiments/{experiment}/runs/{run_id}", tmp_path / "run")
    assert "gan seed 0" in seen and "variant.n_critic" in seen


@pytest.fixture(scope="module")
def compared(tmp_path_factory, empty_database):
    """The address of plain `mlflow ui` in the folder of a study with a comparison, a report and pictures."""
    root = tmp_path_factory.mktemp("compared")
    shutil.copy(empty_database, root)
    with pytest.MonkeyPatch.context() as environment:
        environment.delenv("MLFLOW_TRACKING_URI", raising=False)
        workspace, params = made_up.write_study(root, seeds=tuple(range(6)), tau=60.0)
        mirror(workspace, params)
        mirror(workspace, made_up.write_study(root, seeds=tuple(range(5)), tau=60.0)[1])
    with mlflow_server(root, "ui") as address:
        yield address


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="no chromium here: apt-get install chromium")
def test_two_clicks_from_the_landing_page_lie_headline_and_variants(compared, tmp_path):
    """The runs lie folded below their variants, and those of earlier params apart; one more click shows the speed."""
    with browser(tmp_path) as page:
        page.open(compared)
        page.click("Model training")
        page.click("ganspeed-digits")
        names = "[...document.querySelectorAll('[role=row] a')].map(e => e.innerText.trim())"
        page.wait_for(f"{names}.includes('earlier runs')")
        assert page.run(f"{names}.sort().join()") == "earlier runs,gan,iterative,wgan_gp"
        assert "On digits " in page.text() and "exploratory" in page.text()
        page.click("Views")
        page.click("speed")
        page.wait_for_text("3 matching runs")
        at = "x => [...document.querySelectorAll('[role=columnheader]')].find(e => e.innerText.trim() === x)"
        at = f"(x => ({at})(x).getBoundingClientRect().x)"
        assert page.run(f"{at}('verdict') < {at}('time_to_tau') && {at}('time_to_tau') < {at}('reached')")
        page.open(view_url(compared, "1", "runs"))
        page.wait_for_text("15 matching runs")
        assert "Group: iterative" in page.text()


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="no chromium here: apt-get install chromium")
def test_the_grid_shows_pictures_of_each_variant_at_the_sliders_update(compared, tmp_path):
    sources = "[...document.querySelectorAll('img')].map(e => e.src).filter(s => s.includes('step%2B{}%2B'))"
    with browser(tmp_path) as page:
        page.open(view_url(compared, "1", "samples", charts=True))
        page.wait_for(f"{sources.format(120)}.length === 3")
        page.click_on("document.querySelector('[role=slider]').parentElement.parentElement", across=0.0)
        page.wait_for(f"{sources.format(0)}.length === 3")
        assert page.run(f"{sources.format(120)}.length") == 0


def in_browser(address: str, profile: Path) -> str:
    """What a page shows once its scripts are done."""
    command = [
        CHROMIUM,
        *FLAGS[:-1],
        "--virtual-time-budget=20000",
        f"--user-data-dir={profile}",
        "--dump-dom",
        address,
    ]
    environment = os.environ | {"HOME": str(profile)}
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True, env=environment).stdout


def test_a_root_that_takes_no_file_ends_the_page_at_once(tmp_path):
    """Its server would try for START_TIMEOUT to open a database that nobody can write."""
    write_study(Workspace(tmp_path), make_params())
    shutil.copy(PROJECT / "params.yaml", tmp_path)
    (tmp_path / ".runs").mkdir(exist_ok=True)  # it can be written, the database beside it cannot
    tmp_path.chmod(0o555)
    environment = {name: value for name, value in os.environ.items() if name != "MLFLOW_TRACKING_URI"}
    command = [sys.executable, "-m", "ganspeed.cli", "--root", str(tmp_path), "ui", "--port", "0"]
    done = run_unprivileged(command, env=environment, timeout=60)
    tmp_path.chmod(0o755)
    assert done.returncode == 2 and f"error: MLflow at sqlite:///{tmp_path}/mlflow.db: " in done.stderr
    assert len(done.stderr.splitlines()) == 1 and not done.stdout
