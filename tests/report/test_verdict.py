"""The page opens with the verdict, in the words of `compare`, and its figures show the numbers of the file."""

import dataclasses
import json

import made_up
import pytest
from matplotlib.colors import to_rgb

from ganspeed.compare.rows import Row, TimeToThreshold
from ganspeed.report import speed_plots, style, summaries, tables, verdict, write
from ganspeed.report.read import read_results
from ganspeed.report.tables import number

PLANNED = (("iterative", "wgan_gp"), ("gan", "wgan_gp"))
TIMING = {"gan": 0.01, "wgan_gp": 0.05, "iterative": 0.053}


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """(workspace, results) of eight seeds, two planned comparisons and a timing."""
    workspace, params = made_up.write_study(
        tmp_path_factory.mktemp("study"), seeds=tuple(range(8)), planned=PLANNED, seconds_per_update=TIMING
    )
    write.write_report(workspace, params)
    (found,) = read_results(workspace, params)
    return workspace, found


def rows(found, **wanted) -> list[Row]:
    return [r for r in found.comparison.comparisons if all(getattr(r, key) == want for key, want in wanted.items())]


def test_the_page_opens_with_a_sentence_for_every_planned_comparison(study):
    workspace, found = study
    summary = (workspace.reports / "summary.md").read_text(encoding="utf-8")
    first = summary.split("## Verdict\n")[1].split("**Table")[0]
    planned = rows(found, planned=True, axis="updates", threshold="tau")
    assert [(r.new, r.reference) for r in planned] == list(PLANNED)
    assert all(f"{r.verdict}. {r.sentence}" in first for r in planned)
    assert {r.verdict for r in planned} == {"FASTER"}
    assert summary.index("## Verdict") < summary.index("## Data set digits")
    assert verdict.headline([found]) in summary and verdict.headline([found]) == "Tuned recipes, exploratory."


def test_power_below_eighty_percent_is_called_underpowered(study):
    _, found = study
    assert "64 % of studies of 12 seeds, simulated from the pilot. The study is underpowered." in " ".join(
        verdict.sentences([found])
    )
    found.comparison.power["power"] = 0.8
    assert "underpowered" not in " ".join(verdict.sentences([found]))
    found.comparison.power["power"] = 0.64


def test_every_guard_stands_in_the_table_with_its_value(study):
    _, found = study
    groups = dict(verdict.guards([found]).groups)
    row = rows(found, new="gan", axis="updates", threshold="tau")[0]
    cells = groups["digits: gan against wgan_gp, guards of gan"]
    assert [cell[0].text for cell in cells] == [verdict.GUARD_WORDS[name][0] for name in row.guards]
    assert [cell[-1].text == "yes" for cell in cells] == [guard.ok for guard in row.guards.values()]


def test_without_a_plan_there_is_no_verdict_and_the_page_says_so(tmp_path):
    workspace, params = made_up.write_study(tmp_path, variants=("gan", "wgan_gp"))
    (found,) = read_results(workspace, params)
    (only,) = verdict.sentences([found])
    assert only.startswith("On digits no comparison was planned, so there is no verdict")
    assert verdict.guards([found]) is None
    assert verdict.headline([found]) == "Untuned recipes, a demonstration."


def test_the_forest_shows_ratios_and_intervals_in_the_variants_colours(study):
    _, found = study
    styles = style.looks(found.variants)
    first, second, third = speed_plots.forest(found, styles).axes
    assert [ax.get_title() for ax in (first, second, third)] == [
        "generator updates", "critic updates and images", "training seconds",
    ]  # fmt: skip
    shown = [r for r in rows(found, axis="updates") if r.threshold != "second"]
    shown = [r for r in shown if r.reached_new + r.reached_reference > 0]
    marks = {line.get_xdata()[0]: line for line in first.lines if line.get_marker() != "None"}
    assert marks.keys() == {r.ratio for r in shown}
    assert all(to_rgb(marks[r.ratio].get_color()) == styles[r.new].colour for r in shown)
    bars = {tuple(line.get_xdata()) for line in first.lines if line.get_linewidth() == 1.6}
    assert bars >= {(r.low, r.high) for r in shown}
    assert [text.get_text() for text in second.texts] == ["as in generator updates"]  # iterative, as many critic steps


def test_arrivals_rise_to_the_share_that_reached(study):
    _, found = study
    for ax, name in zip(
        speed_plots.arrivals(found, style.looks(found.variants)).axes, speed_plots.MARKERS, strict=True
    ):
        for line, variant in zip(ax.lines, found.variants, strict=False):
            times = found.comparison.times_of(variant, name)
            assert line.get_ydata()[-1] == sum(time.reached for time in times) / len(times)


def test_slopes_join_the_two_runs_of_a_seed(study):
    _, found = study
    left, right, *_ = speed_plots.slopes(found, style.looks(found.variants)).axes
    arms = {name for pair in PLANNED for name in pair}
    times = {(t.variant, t.seed): t.time for name in arms for t in found.comparison.times_of(name, "tau")}
    for ax, (new, reference) in zip((left, right), PLANNED, strict=True):
        joined = [tuple(line.get_ydata()) for line in ax.lines if len(line.get_ydata()) == 2]
        assert joined == [(times[reference, s], times[new, s]) for s in range(8)]


def test_a_frozen_study_lacks_only_commits_and_fresh_seeds(study):
    _, found = study
    assert found.status.reasons == [
        "seeds of pilot, tuning or demos: 0, 1, 2, 3, 4, 5, 6, 7",
        "commits of runs that this clone, perhaps a shallow one, does not have: 0123456789",
        "3 runs from a checkout with changes (dirty)",
    ]


def test_the_comparison_without_a_threshold_stands_in_a_table_of_its_own(study):
    _, found = study
    shown = [cells for _, rows in tables.areas(found).groups for cells in rows]
    assert [cells[0].text for cells in shown] == [row.new for row in found.comparison.area_ratios]
    assert [cells[2].text for cells in shown] == [number(row.ratio) for row in found.comparison.area_ratios]


def test_the_mean_beside_the_median_counts_a_late_seed_as_the_budget(study):
    _, found = study
    budget = found.comparison.thresholds.budget
    times = [TimeToThreshold("gan", s, "updates", "tau", t, t < budget) for s, t in ((0, 100), (1, budget))]
    changed = dataclasses.replace(found, comparison=dataclasses.replace(found.comparison, times=times))
    assert summaries.restricted_mean(changed, "gan", "tau") == (100 + budget) / 2


def test_curves_have_an_axis_of_seconds_where_the_clock_ran(study):
    workspace, found = study
    summary = (workspace.reports / "summary.md").read_text(encoding="utf-8")
    assert "cfid against critic updates, images and training seconds on digits" in summary
    last = found.scores[found.scores["update"] == made_up.SNAPSHOTS[-1]]
    seconds = last.groupby("variant")["seconds"].max()
    assert seconds.to_dict() == pytest.approx({v: t * made_up.SNAPSHOTS[-1] for v, t in TIMING.items()})


def test_the_page_draws_these_figures_beside_the_times(study):
    workspace, found = study
    summary = (workspace.reports / "summary.md").read_text(encoding="utf-8")
    part = summary.split("### Time to threshold")[1].split("### ")[0]
    assert all(f"figures/digits_{name}.png" in part for name in ("speedups", "arrivals", "slopes"))
    written = json.loads((workspace.reports / "comparison" / "digits.json").read_text())
    assert (written["status"], written["status_reasons"]) == ("exploratory", found.status.reasons)
