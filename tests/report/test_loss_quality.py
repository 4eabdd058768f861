"""The report's section on loss, stopping and quality says what the files say, each number with its n."""

import math

import made_up
import numpy as np
import pandas as pd
import pytest
from scipy import stats

from ganspeed.report import loss_analysis, write
from ganspeed.report.colours import looks
from ganspeed.report.read import read_results
from ganspeed.report.sections import loss_quality
from ganspeed.report.tables import number

SEEDS = tuple(range(6))


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    workspace, params = made_up.write_study(tmp_path_factory.mktemp("study"), seeds=SEEDS)
    (found,) = read_results(workspace, params)
    return workspace, params, found


def files(workspace, variant: str, seed: int) -> tuple[pd.DataFrame, pd.Series]:
    """History and cfid curve of a run, straight from its files."""
    scores = pd.read_csv(workspace.scores("digits", variant, seed)).query("metric == 'cfid'")
    return pd.read_csv(workspace.run("digits", variant, seed) / "history.csv"), scores.set_index("update")["value"]


def cells(table) -> dict[str, list]:
    return {row[0].text: list(row[1:]) for _, rows in table.groups for row in rows}


def test_correlations_are_those_of_the_files(study):
    workspace, _, found = study
    rows = cells(loss_quality.correlations(found))
    assert list(rows) == list(made_up.VARIANTS)
    z = []
    for seed in SEEDS:
        points = loss_analysis.aligned(*files(workspace, "iterative", seed), "g_loss")
        z.append(math.atanh(stats.spearmanr(points["loss"], points["cfid"]).statistic))
    low, high = np.tanh(stats.t.interval(0.95, len(SEEDS) - 1, np.mean(z), stats.sem(z)))
    assert rows["iterative"][1].text == number(math.tanh(np.mean(z)))
    assert rows["iterative"][1].below == f"{number(low)} to {number(high)}, n = 6"


def test_a_stop_and_its_cost_are_those_of_the_files(study):
    workspace, params, found = study
    eager = params.report.model_copy(
        update={"stopping": params.report.stopping.model_copy(update={"patience": 1, "min_delta": 0.5})}
    )
    stopped, when, last, best = cells(loss_quality.stops(found, eager))["wgan_gp"]
    runs = [files(workspace, "wgan_gp", seed) for seed in SEEDS]
    stops = [loss_analysis.stop(history, cfid, eager.stopping) for history, cfid in runs]
    updates = [stop.update for stop in stops if stop.update is not None]
    assert updates
    assert (stopped.text, when.text) == (f"{len(updates)}/6", f"{np.median(updates):g}")
    costs = [stop.cfid / cfid.iloc[-1] for stop, (_, cfid) in zip(stops, runs, strict=True)]
    assert last.text == number(math.exp(np.mean(np.log(costs))))
    assert float(best.text) >= float(last.text) > 1
    assert last.below.endswith("n = 6")


def test_the_caption_states_the_rule_with_its_parameters(study):
    _, params, found = study
    caption = loss_quality.stops(found, params.report).caption
    assert "last 2 logged losses" in caption and "for 3 logged rows" in caption and "by 1 % of its range" in caption


def test_tails_and_lengths_are_those_of_the_files(study):
    workspace, params, found = study
    runs = [files(workspace, "gan", seed) for seed in SEEDS]  # that of seed 2 has diverged
    losses = [history["d_loss"].dropna() for history, _ in runs]
    means = [loss.iloc[-math.ceil(0.5 * len(loss)) :].mean() for loss in losses]
    mean, _, _, rows, n = cells(loss_quality.tails(found, params.report))["gan"]
    assert (mean.text, mean.below) == (number(np.mean(means)), f"± {number(np.std(means, ddof=1), 2)}")
    assert (rows.text, n.text) == ("4–6", "6")
    ratios = [cfid.iloc[-1] / cfid.min() for _, cfid in runs]
    assert cells(loss_quality.lengths(found))["gan"][0].text == number(math.exp(np.mean(np.log(ratios))))


def test_five_seeds_have_no_interval(tmp_path):
    workspace, params = made_up.write_study(tmp_path, variants=("gan",), seeds=(0, 1, 3, 4, 5), diverged=())
    (found,) = read_results(workspace, params)
    assert cells(loss_quality.correlations(found))["gan"][0].below == "n = 5"
    assert cells(loss_quality.lengths(found))["gan"][0].below == "n = 5"


def test_a_run_that_diverged_before_it_logged_is_no_answer_and_no_error(tmp_path):
    workspace, params = made_up.write_study(tmp_path, variants=("gan",), seeds=(0,))
    head = (workspace.run("digits", "gan", 0) / "history.csv").read_text().splitlines()[0]
    made_up.write_history(workspace, "digits", "gan", 0, f"{head}\n")
    (found,) = read_results(workspace, params)
    assert cells(loss_quality.correlations(found))["gan"][0].below == "n = 0"
    assert cells(loss_quality.tails(found, params.report))["gan"][-1].text == "0"
    write.write_report(workspace, params)
    assert "nan" not in (workspace.reports / "summary.md").read_text().casefold().replace("name", "")


def test_the_page_warns_beside_the_figure_and_the_tables(study):
    workspace, params, _ = study
    write.write_report(workspace, params)
    for name in ("index.html", "summary.md"):
        page = (workspace.reports / name).read_text(encoding="utf-8")
        part = page.split(f"{loss_quality.TITLE}\n" if name == "summary.md" else f"{loss_quality.TITLE}</h3>")[1].split(
            "What was run"
        )[0]
        assert part.count("never compared across variants") == 3  # the figure, correlations, tails
    assert (workspace.reports / "figures" / "digits_loss_quality.png").is_file()


def test_a_panel_shows_its_own_variant_in_its_own_colour(study):
    workspace, _, found = study
    own = looks(found.variants)
    panels = loss_quality.figure(found, own).axes
    assert [ax.get_title().split("\n")[0] for ax in panels] == list(made_up.VARIANTS)
    for ax, variant in zip(panels, made_up.VARIANTS, strict=True):
        drawn = [line for line in ax.lines if line.get_linestyle() == "-" and len(line.get_xdata()) > 1]
        assert len(drawn) == len(SEEDS)
        assert {line.get_color() for line in drawn} == {own[variant].colour}
        wanted = loss_analysis.aligned(*files(workspace, variant, SEEDS[0]), "d_loss")
        np.testing.assert_allclose(drawn[0].get_xdata(), wanted["loss"])
        np.testing.assert_allclose(drawn[0].get_ydata(), wanted["cfid"])
        rho = cells(loss_quality.correlations(found))[variant][0]
        assert float(rho.text.replace("−", "-")) == pytest.approx(
            float(ax.get_title().split("ρ = ")[1].split(" ")[0].replace("−", "-")), abs=0.006
        )
