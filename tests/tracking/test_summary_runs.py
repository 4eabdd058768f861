"""MLflow shows what the comparison found: beside each run, and in runs that sum up a variant."""

import json
import re
import shutil

import made_up
import mlflow
import pytest
from mirrored import points, rows_of
from PIL import Image

from ganspeed.compare import summary as numbers
from ganspeed.compare.comparison import Comparison
from ganspeed.compare.names import BEST_CFID, LAST_CFID, LOG_AREA, REACHED, SPEED_UP, TIME_TO_TAU
from ganspeed.system.files import sha256_file
from ganspeed.tracking.address import tracking_uri
from ganspeed.tracking.mirror import MirrorSummary, mirror
from ganspeed.workspace import Workspace

VARIANTS, SEEDS = ("gan", "wgan_gp", "iterative"), tuple(range(6))
PLANNED = (("iterative", "wgan_gp"),)


@pytest.fixture
def compared(workspace):
    """A study with a comparison, and its params."""
    return made_up.write_study(workspace.root, VARIANTS, SEEDS, tau=60.0, planned=PLANNED)


def comparison_of(workspace: Workspace) -> Comparison:
    return Comparison.from_json(json.loads(workspace.comparison("digits").read_text()))


def shown(workspace: Workspace, kind: str, current: str = "true") -> dict[str, mlflow.entities.Run]:
    """The runs of a kind in the view, by their names."""
    client = mlflow.MlflowClient(tracking_uri(workspace))
    ids = [experiment.experiment_id for experiment in client.search_experiments()]
    query = f"tags.kind = '{kind}'" + (f" AND tags.current = '{current}'" if current else "")
    return {run.info.run_name: run for run in client.search_runs(ids, query)}


def parents(workspace: Workspace) -> dict[str, str | None]:
    """The name of a run in the view → that of the run that it is nested under."""
    names = dict(rows_of(workspace, "select run_uuid, name from runs"))
    runs = shown(workspace, "run").items()
    return {name: names.get(run.data.tags.get("mlflow.parentRunId")) for name, run in runs}


def test_a_run_has_its_time_to_tau_and_its_cfid(compared):
    workspace, params = compared
    mirror(workspace, params)
    found, runs = comparison_of(workspace), shown(workspace, "run")
    for time in (t for name in VARIANTS for t in found.times_of(name, "tau")):
        metrics = runs[f"{time.variant} seed {time.seed}"].data.metrics
        assert (metrics[TIME_TO_TAU], metrics[REACHED]) == (time.time, float(time.reached))
    for area in found.areas:
        assert runs[f"{area.variant} seed {area.seed}"].data.metrics[LOG_AREA] == area.area
    metrics = runs["gan seed 0"].data.metrics
    curve = mlflow.MlflowClient(tracking_uri(workspace)).get_metric_history(runs["gan seed 0"].info.run_id, "test/cfid")
    assert metrics[BEST_CFID] == min(point.value for point in curve)
    assert metrics[LAST_CFID] == metrics["final/cfid"]


def test_a_variant_is_summed_up_with_its_verdict(compared):
    workspace, params = compared
    mirror(workspace, params)
    found, runs = comparison_of(workspace), shown(workspace, "variant")
    for each in numbers.summaries(found):
        metrics = runs[each.variant].data.metrics
        assert (metrics["n"], metrics[REACHED]) == (each.n, each.reached)
        times = [metrics[TIME_TO_TAU + limit] for limit in ("", "_low", "_high")]
        assert times == [each.time_to_tau, each.low, each.high]
    row, run = found.primary("iterative", "wgan_gp"), runs["iterative"]
    speed_up = SPEED_UP.format(reference="wgan_gp")
    assert [run.data.metrics[speed_up + limit] for limit in ("", "_low", "_high")] == [row.ratio, row.low, row.high]
    assert run.data.tags["verdict"] == run.data.tags["verdict_over_wgan_gp"] == numbers.verdict_word(row)
    assert row.sentence in run.data.tags["mlflow.note.content"]
    assert run.data.params["variant.lambda_0"] == "10.0"
    assert runs["wgan_gp"].data.tags["verdict"] == "reference"


def test_a_pair_of_unlike_networks_is_tagged_with_what_differs(workspace):
    networks = {"iterative": {"D": {"norm": "layer"}}, "gan": {"G": {"act": "tanh"}}}
    mirror(*made_up.write_study(workspace.root, VARIANTS, SEEDS, tau=60.0, planned=PLANNED, networks=networks))
    runs = shown(workspace, "variant")
    tags = {name: runs[name].data.tags["verdict_over_wgan_gp"] for name in networks}
    assert tags == {
        "iterative": "no verdict: other network: D.norm layer against none",
        "gan": "exploratory: other network: G.act tanh against relu",
    }
    assert runs["iterative"].data.tags["verdict"] == tags["iterative"]
    assert "no verdict (other network: D.norm layer against none)" in runs["iterative"].data.tags["mlflow.note.content"]


def test_runs_are_nested_below_their_variant_and_no_mean_of_runs_holds_it(compared):
    """Runs are grouped by the tag `variant`, which what sums them up does not have."""
    workspace, params = compared
    mirror(workspace, params)
    assert parents(workspace) == {f"{name} seed {seed}": name for name in VARIANTS for seed in SEEDS}
    assert not [run for run in shown(workspace, "variant").values() if "variant" in run.data.tags]


def test_a_second_mirror_changes_nothing(compared):
    workspace, params = compared
    assert mirror(workspace, params).added == 18
    tags = "select run_uuid, key, value from tags order by 1, 2"
    before = points(workspace), rows_of(workspace, tags), sorted(workspace.root.glob("mlartifacts/**/*"))
    assert mirror(workspace, params) == MirrorSummary(unchanged=18)
    assert (points(workspace), rows_of(workspace, tags), sorted(workspace.root.glob("mlartifacts/**/*"))) == before


def test_another_threshold_replaces_the_times(compared):
    workspace, params = compared
    mirror(workspace, params)
    before = {name: run.info.run_id for name, run in shown(workspace, "variant").items()}
    made_up.write_study(workspace.root, VARIANTS, SEEDS, tau=20.0, planned=PLANNED)
    assert mirror(workspace, params).updated == 18
    (first, *_), runs = comparison_of(workspace).times_of("gan", "tau"), shown(workspace, "run")
    assert runs[f"gan seed {first.seed}"].data.metrics[TIME_TO_TAU] == first.time
    assert {name: run.info.run_id for name, run in shown(workspace, "variant").items()} == before
    (found, *_) = numbers.summaries(comparison_of(workspace))
    assert shown(workspace, "variant")[found.variant].data.metrics[TIME_TO_TAU] == found.time_to_tau


def test_without_a_comparison_of_these_runs_nothing_is_summed_up(compared):
    """As where a variant was trained again and not compared yet; the sums come back with the comparison."""
    workspace, params = compared
    mirror(workspace, params)
    scores = workspace.scores("digits", "gan", 0)
    label = scores.with_suffix(".json")
    before = {path: path.read_text() for path in (scores, label)}
    scores.write_text(re.sub(r",120,cfid,.*", ",120,cfid,1.5", before[scores]))
    label.write_text(json.dumps(json.loads(before[label]) | {"sha256": sha256_file(scores)}))
    mirror(workspace, params)
    assert shown(workspace, "variant") == {} and set(parents(workspace).values()) == {None}
    assert TIME_TO_TAU not in shown(workspace, "run")["gan seed 0"].data.metrics
    assert TIME_TO_TAU in shown(workspace, "run")["gan seed 1"].data.metrics
    (earlier,) = shown(workspace, "earlier runs", current="").values()
    hidden = shown(workspace, "variant", current="false").values()
    assert [run.data.tags["mlflow.parentRunId"] for run in hidden] == 3 * [earlier.info.run_id]
    for path, text in before.items():
        path.write_text(text)
    mirror(workspace, params)
    assert set(shown(workspace, "variant")) == set(VARIANTS) == set(parents(workspace).values())


def test_runs_of_earlier_params_lie_below_one_run(compared):
    workspace, params = compared
    mirror(workspace, params)
    fewer = made_up.write_study(workspace.root, VARIANTS[:2], SEEDS, tau=60.0)[1]
    mirror(workspace, fewer)
    (earlier,) = shown(workspace, "earlier runs", current="").values()
    hidden = shown(workspace, "run", "false") | shown(workspace, "variant", "false")
    assert set(hidden) == {"iterative", *(f"iterative seed {seed}" for seed in SEEDS)}
    assert {run.data.tags["mlflow.parentRunId"] for run in hidden.values()} == {earlier.info.run_id}
    assert set(shown(workspace, "variant")) == {"gan", "wgan_gp"}


def test_the_note_begins_with_the_headline_and_links_the_report(compared):
    workspace, params = compared
    workspace.reports.mkdir()
    workspace.report_page.write_text("<p>a report</p>")
    mirror(workspace, params)
    (run,) = shown(workspace, "report").values()
    (((note, experiment),)) = rows_of(
        workspace, "select value, experiment_id from experiment_tags where key = 'mlflow.note.content'"
    )
    assert note.startswith(numbers.headline(comparison_of(workspace)))
    assert f"#/experiments/{experiment}/runs/{run.info.run_id}/artifacts" in note
    place = workspace.root / "mlartifacts" / "digits" / run.info.run_id / "artifacts" / "index.html"
    assert place.read_text() == "<p>a report</p>"
    workspace.report_page.write_text("<p>another</p>")
    mirror(workspace, params)
    assert place.read_text() == "<p>another</p>"
    mirror(workspace, params, "digits", "gan")  # as the stage `evaluate` does, which reads no comparison
    assert rows_of(workspace, "select value from experiment_tags where key = 'mlflow.note.content'") == [(note,)]


def test_pictures_are_named_as_mlflow_names_them(compared):
    workspace, params = compared
    mirror(workspace, params)
    run = shown(workspace, "run")["gan seed 0"]
    client, folder = mlflow.MlflowClient(tracking_uri(workspace)), workspace.root / "mlartifacts" / "digits"

    def names() -> set[str]:
        found = [path.name for path in (folder / run.info.run_id / "artifacts" / "images").iterdir()]
        assert len(found) == len(set(found))
        return set(found)

    own = names()
    with Image.open(workspace.run("digits", "gan", 0) / "samples" / "40.png") as picture:
        client.log_image(run.info.run_id, picture, key="samples", step=40, timestamp=40_000)
    by_mlflow = names() - own
    random = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
    assert {random.sub(f"{40:032}", name) for name in by_mlflow} == {name for name in own if "+step+40+" in name}
    assert run.data.tags["mlflow.loggedImages"] == client.get_run(run.info.run_id).data.tags["mlflow.loggedImages"]


@pytest.mark.parametrize("place", [".dvc/tmp/exps/tmp1", ".dvc/tmp/exps/standalone/tmp2", ""])
def test_experiments_of_dvc_stand_side_by_side(compared, place, monkeypatch):
    """In temporary copies, which have no store of their own, and in the workspace itself."""
    workspace, params = compared
    mirror(workspace, params)
    before = points(workspace)
    copy = Workspace(workspace.root / place)
    monkeypatch.setenv("DVC_ROOT", str(workspace.root))
    for name, variants in (("tame-otter", VARIANTS), ("wild-hare", VARIANTS[:2])):
        monkeypatch.setenv("DVC_EXP_NAME", name)
        assert mirror(copy, made_up.write_study(copy.root, variants, SEEDS, tau=60.0)[1]).added == 6 * len(variants)
    monkeypatch.delenv("DVC_EXP_NAME")
    if place:
        shutil.rmtree(copy.root)
        assert mirror(workspace, params) == MirrorSummary(unchanged=18)
    names = [name for (name,) in rows_of(workspace, "select name from experiments where name != 'Default' order by 1")]
    assert names == ["ganspeed-digits", "ganspeed-digits (tame-otter)", "ganspeed-digits (wild-hare)"]
    rows = [f"{name} (tame-otter)" for name in VARIANTS] + [f"{name} (wild-hare)" for name in VARIANTS[:2]]
    assert set(shown(workspace, "variant")) == {*VARIANTS, *rows}
    assert set(before) <= set(points(workspace))
