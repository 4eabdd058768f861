"""The page opens with the verdict, in the words of `compare`, and its figures show the numbers of the file."""

import dataclasses
import json
import re

import made_up
import pytest

from ganspeed.compare.rows import Row, TimeToThreshold
from ganspeed.compare.sentence import number
from ganspeed.compare.summary import headline, speed_up, summaries
from ganspeed.report import tables, words, write
from ganspeed.report.colours import looks
from ganspeed.report.interval_bar import Scale, interval_bar
from ganspeed.report.read import read_results
from ganspeed.report.sections import design, limits, speed_ups, times, verdict
from ganspeed.report.summaries import paired_times, restricted_mean
from ganspeed.training.snapshot_grid import budget

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


def made_up_row(ratio: float, low: float, high: float, reached: tuple[int, int]) -> Row:
    found = {"ratio": ratio, "low": low, "high": high, "p": 0.5, "n": 8, "wins": 0, "ties": 8, "losses": 0}
    arms = {"new": "a", "reference": "b", "reached_new": reached[0], "reached_reference": reached[1]}
    return Row(**found, **arms, axis="updates", threshold="tau", rmst_new=1.0, rmst_reference=1.0)


def cells(table) -> dict[str, list]:
    return {row[0].text: list(row[1:]) for _, rows in table.groups for row in rows}


def test_the_page_opens_with_a_card_for_every_planned_comparison(study):
    workspace, found = study
    planned = rows(found, planned=True, axis="updates", threshold="tau")
    assert [(r.new, r.reference) for r in planned] == list(PLANNED)
    for row, card in zip(planned, verdict.cards(found), strict=True):
        assert (card.word, card.title) == (row.verdict, f"{row.new} over {row.reference}") and card.word == "FASTER"
        assert card.ratio == f"{number(row.ratio)}×"
        assert card.interval == f"95 % interval {number(row.low)}–{number(row.high)}"
        assert f"{row.new} {row.reached_new}/{row.n}, {row.reference} {row.reached_reference}/{row.n}" in card.counts
        assert card.p == f"p = {row.p_holm:.3f} (Holm)" and card.sentence == row.sentence
    for name in ("index.html", "summary.md"):
        page = (workspace.reports / name).read_text(encoding="utf-8")
        before = page[page.rindex("Verdict on digits") :].split("What was compared, and how")[0]
        assert headline(found.comparison) in before
        assert all(r.sentence in before and r.verdict in before for r in planned)
        assert page.index("FASTER") < page.index("Methods on digits")
        assert verdict.status_line([found]) in page and verdict.status_line([found]) == "Tuned recipes, exploratory."


def test_the_unit_of_n_in_cards_and_tables_is_that_of_the_comparison(study, monkeypatch):
    """Whatever a later study counts, no card, headline or table of times says seeds by itself."""
    _, found = study
    for module in (verdict, words, speed_ups, times):
        monkeypatch.setattr(module, "UNIT", "replicates")
    for card in verdict.cards(found):
        assert "replicates" in card.counts and "seeds" not in card.counts
    for table in (verdict.first_table(found), times.table(found), speed_ups.ratios(found)):
        assert "seeds" not in f"{table.head}{table.groups}" and "replicates" in f"{table.head}{table.groups}"


def test_a_bar_shows_ratio_interval_one_and_band_on_a_log_axis():
    row = made_up_row(ratio=2.0, low=1.0, high=4.0, reached=(8, 8))
    drawn = interval_bar(row, Scale.of([row]), (0.8, 1.25))
    low, high = drawn.interval
    assert drawn.one == low and drawn.ratio - low == pytest.approx(high - drawn.ratio, abs=0.2)
    assert drawn.one - drawn.band[0] == pytest.approx(drawn.band[1] - drawn.one, abs=0.2)
    assert drawn.arrow == "" and "2.00, 95 % interval 1.00 to 4.00" in drawn.alt
    late = interval_bar(dataclasses.replace(row, reached_reference=7), Scale.of([row]), (0.8, 1.25))
    assert late.arrow == "right" and "≥2.00" in late.alt


@pytest.mark.parametrize(
    ("reached", "ratio", "low", "high", "shown", "clause"),
    [
        ((8, 8), 1.5, 1.2, 1.9, ("1.50", "1.20–1.90"), ""),
        ((8, 0), 2.44, 2.0, 3.0, ("≥2.44", "2.00–3.00"), "0 of 8 seeds of b reached τ; .* a lower bound"),
        ((7, 8), 0.8, 0.6, 0.9, ("≤0.80", "0.60–0.90"), "Only 7 of 8 seeds of a reached τ; .* an upper bound"),
        ((0, 7), 1.0, 1.0, 1.0, ("~1.00", ""), "0 of 8 seeds of a and 7 of 8 seeds of b reached τ"),
        ((0, 8), 1.0, 1.0, 1.0, ("≤1.00", ""), "0 of 8 seeds of a reached τ; .* an upper bound"),
        ((0, 0), 1.0, 1.0, 1.0, ("–", ""), "Neither reached τ in any of 8 seeds"),
    ],
)
def test_a_ratio_where_an_arm_was_late_is_shown_as_a_bound(reached, ratio, low, high, shown, clause):
    row = made_up_row(ratio, low, high, reached)
    assert speed_up(row) == shown
    assert re.match(clause, words.bound_clause(row)) and bool(clause) == bool(words.bound_clause(row))


def test_the_first_table_has_every_variant_over_the_first_reference(study):
    _, found = study
    shown, table = {s.variant: s for s in summaries(found.comparison)}, cells(verdict.first_table(found))
    assert list(table) == list(found.variants)
    for variant, (time, reached, ratio, word) in table.items():
        of = shown[variant]
        assert time.text.lstrip("≥") == tables.number(of.time_to_tau) and reached.text == f"{of.reached}/{of.n} seeds"
        if variant != "wgan_gp":
            row = found.comparison.primary(variant, "wgan_gp")
            assert (ratio.text, word.text) == (speed_up(row)[0], row.verdict)
    assert table["wgan_gp"][2].below == "the reference"


def test_power_below_eighty_percent_is_called_underpowered(study):
    _, found = study
    weak = "64 % of studies of 12 seeds, simulated from the pilot. The study is underpowered."
    assert verdict.power("digits", **found.comparison.power).endswith(weak)
    assert "underpowered" not in verdict.power("digits", 1.5, 12, 0.8)


def test_every_guard_stands_in_the_table_with_its_value(study):
    _, found = study
    groups = dict(design.guards([found]).groups)
    row = rows(found, new="gan", axis="updates", threshold="tau")[0]
    shown = groups["digits: gan against wgan_gp, guards of gan"]
    assert [cell[0].text for cell in shown] == [design.GUARD_WORDS[name][0] for name in row.guards]
    assert [cell[-1].text == "yes" for cell in shown] == [guard.ok for guard in row.guards.values()]


def test_without_a_plan_every_variant_has_a_card_that_says_exploratory(tmp_path):
    workspace, params = made_up.write_study(tmp_path, seeds=tuple(range(8)))
    write.write_report(workspace, params)
    (found,) = read_results(workspace, params)
    cards = verdict.cards(found)
    ratios = {f"{row.new} over {row.reference}": row.ratio for row in rows(found, axis="updates", threshold="tau")}
    assert [card.title for card in cards] == sorted(ratios, key=ratios.get, reverse=True) and len(cards) == 2
    assert {card.word for card in cards} == {"exploratory"} and all("uncorrected" in card.p for card in cards)
    assert design.guards([found]) is None
    page = (workspace.reports / "index.html").read_text(encoding="utf-8")
    assert "exploratory, since no comparison was planned before the runs" in page
    assert page.count('class="card exploratory"') == 2
    assert verdict.status_line([found]) == "Untuned recipes, exploratory."


def test_a_pair_of_unlike_networks_has_no_verdict_and_says_why(tmp_path):
    """In card, tables, limits and page; the other planned pair is judged as ever."""
    networks = {"gan": {"D": {"norm": "batch"}}}
    workspace, params = made_up.write_study(tmp_path, seeds=tuple(range(8)), planned=PLANNED, networks=networks)
    write.write_report(workspace, params)
    (found,) = read_results(workspace, params)
    words, short = "other network: D.norm batch against none", "other network: D.norm batch"
    judged, card = verdict.cards(found)
    assert judged.word == "FASTER" and judged.title == "iterative over wgan_gp"
    assert (card.word, card.tone, card.title) == ("no verdict", "open", f"gan ({short}) over wgan_gp")
    assert f"no verdict ({words})" in card.sentence
    for table in (verdict.first_table(found), times.table(found), speed_ups.ratios(found), speed_ups.areas(found)):
        names = {row[0].text: row[0].below for _, group in table.groups for row in group}
        assert names["gan"] == short and not any(below for name, below in names.items() if name != "gan")
    assert cells(verdict.first_table(found))["gan"][-1].text == "no verdict"
    assert [title for title, _ in design.guards([found]).groups] == [
        "digits: iterative against wgan_gp, guards of iterative"
    ]
    text = dict(limits.all_limits([found]))["Pairs that differ in more than the method"]
    assert text.endswith(f"gan against wgan_gp, {words} (weights of G 5,000 against 5,000, of D 3,000 against 3,000).")
    page = (workspace.reports / "index.html").read_text(encoding="utf-8")
    assert text in page and f"gan ({short}) over wgan_gp" in page
    assert "differs" in (workspace.reports / "comparison" / "digits.json").read_text()


def test_weights_that_an_older_run_lacks_are_said_to_be_unknown(tmp_path):
    workspace, params = made_up.write_study(tmp_path, networks={"gan": {"D": {"norm": "batch"}}})
    for path in workspace.runs("digits", "gan").glob("*/run.json"):
        record = json.loads(path.read_text())
        del record["files"]["weights.json"]
        path.write_text(json.dumps(record))
    text = dict(limits.all_limits(read_results(workspace, params)))["Pairs that differ in more than the method"]
    assert text.endswith("other network: D.norm batch against none (numbers of weights not recorded).")


def test_without_such_a_pair_the_limits_have_no_such_point(study):
    _, found = study
    assert "Pairs that differ in more than the method" not in dict(limits.all_limits([found]))


def test_the_forest_shows_ratios_and_intervals_in_the_variants_colours(study):
    _, found = study
    styles = looks(found.variants)
    first, second, third = speed_ups.forest(found, styles).axes
    assert [ax.get_title() for ax in (first, second, third)] == [
        "generator updates", "critic updates and images", "training seconds",
    ]  # fmt: skip
    shown = [r for r in rows(found, axis="updates") if r.threshold != "second"]
    shown = [r for r in shown if r.reached_new + r.reached_reference > 0]
    marks = {line.get_xdata()[0]: line for line in first.lines if line.get_marker() != "None"}
    assert marks.keys() == {r.ratio for r in shown}
    assert all(marks[r.ratio].get_color() == styles[r.new].colour for r in shown)
    bars = {tuple(line.get_xdata()) for line in first.lines if line.get_linewidth() == 1.6}
    assert bars >= {(r.low, r.high) for r in shown}
    assert [text.get_text() for text in second.texts] == ["as in generator updates"]  # iterative, as many critic steps


def test_arrivals_rise_to_the_share_that_reached(study):
    _, found = study
    for ax, name in zip(times.arrivals(found, looks(found.variants)).axes, times.SYMBOLS, strict=True):
        for line, variant in zip(ax.lines, found.variants, strict=False):
            runs = found.comparison.times_of(variant, name)
            assert line.get_ydata()[-1] == sum(run.reached for run in runs) / len(runs)


def test_slopes_join_the_two_runs_of_a_seed(study):
    _, found = study
    left, right, *_ = times.slopes(found, looks(found.variants)).axes
    arms = {name for pair in PLANNED for name in pair}
    at = {(t.variant, t.seed): t.time for name in arms for t in found.comparison.times_of(name, "tau")}
    for ax, (new, reference) in zip((left, right), PLANNED, strict=True):
        joined = [tuple(line.get_ydata()) for line in ax.lines if len(line.get_ydata()) == 2]
        assert joined == [(at[reference, s], at[new, s]) for s in range(8)]


def test_the_two_runs_of_a_seed_are_joined_up_to_the_shorter_budget(study):
    _, found = study
    runs = []
    for run in found.runs:
        parameters = run.record.parameters | {"train": run.record.train_block | {"updates": 20}}
        short = dataclasses.replace(run, record=dataclasses.replace(run.record, parameters=parameters))
        runs.append(short if run.variant == "gan" else run)
    changed, end = dataclasses.replace(found, runs=tuple(runs)), budget(20, 1.1)
    as_long, shorter = (
        [time for pair in paired_times(of, "gan", "wgan_gp", "updates") for time in pair] for of in (found, changed)
    )
    assert max(time.time for time in as_long) > end == max(time.time for time in shorter)
    assert not any(time.reached for time in shorter if time.time == end)


def test_a_frozen_study_lacks_only_commits_and_fresh_seeds(study):
    _, found = study
    assert found.status.reasons == [
        "seeds of pilot, tuning or demos: 0, 1, 2, 3, 4, 5, 6, 7",
        "commits of runs that this clone, perhaps a shallow one, does not have: 0123456789",
        "3 runs from a checkout with changes (dirty)",
    ]


def test_the_comparison_without_a_threshold_stands_in_a_table_of_its_own(study):
    _, found = study
    shown = [row for _, rows in speed_ups.areas(found).groups for row in rows]
    assert [row[0].text for row in shown] == [row.new for row in found.comparison.area_ratios]
    assert [row[2].text for row in shown] == [number(row.ratio) for row in found.comparison.area_ratios]


def test_the_mean_beside_the_median_counts_a_late_seed_as_the_budget(study):
    _, found = study
    budget = found.comparison.thresholds.budget
    late = [TimeToThreshold("gan", s, "updates", "tau", t, t < budget) for s, t in ((0, 100), (1, budget))]
    changed = dataclasses.replace(found, comparison=dataclasses.replace(found.comparison, times=late))
    assert restricted_mean(changed, "gan", "tau") == (100 + budget) / 2


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
    part = summary.split("### Time to threshold")[1].split("### Other")[0]
    assert all(f"figures/digits_{name}.png" in part for name in ("speedups", "arrivals", "slopes"))
    written = json.loads((workspace.reports / "comparison" / "digits.json").read_text())
    assert (written["status"], written["status_reasons"]) == ("exploratory", found.status.reasons)
