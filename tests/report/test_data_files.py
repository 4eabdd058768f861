"""The files beside the page: every number of the study in results.csv, one for each variant in metrics.json."""

import json
import math

import made_up
import pandas as pd
import pytest

from ganspeed.params.load import load_params
from ganspeed.report import write
from ganspeed.workspace import Workspace


@pytest.fixture(scope="module")
def study(tmp_path_factory) -> Workspace:
    workspace, params = made_up.write_study(tmp_path_factory.mktemp("study"))
    write.write_report(workspace, params)
    return workspace


@pytest.fixture(scope="module")
def scores(study) -> pd.DataFrame:
    """The scores of every run, straight from the files: variant, seed, update, metric, value."""
    compare = load_params(study.params).compare
    cells = [(variant, seed) for variant in compare.variants for seed in compare.seeds]
    return pd.concat(pd.read_csv(study.scores("digits", *cell)) for cell in cells)


def results(study: Workspace) -> dict[tuple[str, str, str], float]:
    """(name, metric, statistic) → value."""
    table = pd.read_csv(study.reports / "results.csv")
    return table.set_index(["name", "metric", "statistic"])["value"].to_dict()


def metrics(study: Workspace) -> dict[str, dict[str, float]]:
    return json.loads((study.reports / "metrics.json").read_text())


def test_results_table_is_tidy_and_holds_every_score(study, scores):
    table = pd.read_csv(study.reports / "results.csv")
    assert not table.duplicated(["dataset", "kind", "name", "metric", "statistic"]).any()
    assert table["value"].notna().all()
    newest = scores.groupby(["variant", "seed"])["update"].transform("max")
    last = scores[scores["update"] == newest].groupby(["variant", "metric"])["value"]
    found = table[(table["statistic"] == "max") & (table["kind"] == "variant")]
    assert found.set_index(["name", "metric"])["value"].to_dict() == pytest.approx(last.max().to_dict(), rel=1e-9)


def test_results_table_holds_times_and_speed_ups_with_intervals(tmp_path):
    workspace, params = made_up.write_study(tmp_path, seeds=tuple(range(6)))
    write.write_report(workspace, params)
    found, compared = results(workspace), json.loads(workspace.comparison("digits").read_text())
    times = [t for t in compared["times"] if (t["variant"], t["axis"]) == ("gan", "updates")]
    logs = [math.log(time["time"]) for time in times if time["threshold"] == "tau"]
    assert found["gan", "time_to_tau", "geometric_mean"] == pytest.approx(math.exp(sum(logs) / 6))
    assert found["gan", "time_to_tau", "low"] < found["gan", "time_to_tau", "geometric_mean"]
    for threshold in ("tau25", "tau", "tau75"):
        count = sum(time["reached"] for time in times if time["threshold"] == threshold)
        assert found["gan", f"reached{threshold[3:]}", "count"] == count
    (row,) = [r for r in compared["comparisons"] if (r["new"], r["axis"], r["threshold"]) == ("gan", "updates", "tau")]
    speed_up = [found["gan", "speed_up_over_wgan_gp", name] for name in ("ratio", "low", "high")]
    assert speed_up == pytest.approx([row["ratio"], row["low"], row["high"]])


def test_metrics_are_speed_ups_over_the_first_reference(study):
    over = {name: results(study)[name, "speed_up_over_wgan_gp", "ratio"] for name in ("gan", "iterative")}
    assert metrics(study) == {"digits": {"wgan_gp": 1.0, **{name: float(f"{x:.4g}") for name, x in over.items()}}}


def test_metrics_without_a_reference_are_times(tmp_path):
    workspace, params = made_up.write_study(tmp_path, variants=("gan",), seeds=(2,))
    write.write_report(workspace, params)
    assert metrics(workspace)["digits"]["gan"] == results(workspace)["gan", "time_to_tau", "geometric_mean"] > 1


def test_curves_are_medians_in_which_a_diverged_run_is_the_worst(study, scores):
    curves = pd.read_csv(study.reports / "curves.csv")
    assert list(curves.columns) == ["dataset", "variant", "update", "cfid"]
    assert not curves.duplicated(["dataset", "variant", "update"]).any()
    cfid = scores[(scores["metric"] == "cfid") & (scores["update"] == made_up.SNAPSHOTS[-1])]
    for variant, values in cfid.groupby("variant")["value"]:
        wanted = sorted([*values, *[math.inf] * (3 - len(values))])[1]
        found = curves[(curves["variant"] == variant) & (curves["update"] == made_up.SNAPSHOTS[-1])]["cfid"].item()
        assert found == pytest.approx(wanted)


def test_the_comparison_is_that_of_compare_with_the_status(study):
    written = json.loads((study.reports / "comparison" / "digits.json").read_text())
    status = (written.pop("status"), written.pop("status_reasons"))
    assert status == ("demo", ["fewer than 8 seeds: 3", "untuned recipes"])
    assert written.pop("findings") == [{"variant": "gan", "seed": 2, "finding": "not_finite", "since": 73}]
    assert written == json.loads(study.comparison("digits").read_text())
