"""The section on loss, stopping and quality: a table per question, and one figure of loss against cfid."""

import pandas as pd
from matplotlib import rc_context
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from ganspeed.compare.comparison import UNIT
from ganspeed.params.blocks import Report
from ganspeed.report import loss_analysis, style
from ganspeed.report.blocks import Picture, Section
from ganspeed.report.colours import Look, looks
from ganspeed.report.loss_analysis import Estimate
from ganspeed.report.read import Results
from ganspeed.report.tables import NONE, Cell, Table, number, plain, span
from ganspeed.report.words import values

TITLE = "Loss, stopping and quality"
WARNING = (
    "Losses of critics are never compared across variants: their scale depends on clipping, penalty and multiplier. "
    "Each row and each panel stands for itself."
)
PLAYERS = {"d_loss": "critic’s loss", "g_loss": "generator’s loss"}
PANELS_PER_ROW = 3
WIDE_PANEL = 5  # a panel whose losses exceed it is logarithmic beyond ±1: a first peak would flatten the rest


def section(results: Results, settings: Report) -> Section:
    return Section(TITLE, 3, (picture(results), *tables(results, settings)))


def tables(results: Results, settings: Report) -> tuple[Table, ...]:
    """One table per question, in the order of the questions in `loss_analysis`."""
    ends = tails(results, settings), shapes(results, settings)
    return correlations(results), stops(results, settings), *ends, lengths(results)


def correlations(results: Results) -> Table:
    """Does the loss track quality?"""
    rows = []
    for variant in results.variants:
        row, points = [Cell(variant)], [len(loss_analysis.aligned(*run, "d_loss")) for run in _runs(results, variant)]
        row += [_estimate_cell(_correlation(results, variant, column)) for column in PLAYERS]
        rows.append((*row, Cell(_count_range(points))))
    caption = (
        "Does the loss track quality? Spearman’s ρ of each player’s loss and cfid over the snapshots of a run: the "
        f"mean over {UNIT} on Fisher’s scale and its 95 % interval by Student’s t there (none below 6 {UNIT}). The "
        "loss is the mean over the rows logged since the snapshot before. Near −1: the loss rises wherever cfid falls, "
        "as that of a critic does that finds it harder to tell real from generated; near 0: it says nothing."
    )
    note = (
        "Whatever goes one way throughout correlates with cfid, which falls: ρ is no proof that a loss sees quality. "
        + WARNING
    )
    head = ("", *(f"ρ of {words}" for words in PLAYERS.values()), "snapshots of a run")
    return Table(caption, head, (("", tuple(rows)),), note=note)


def stops(results: Results, settings: Report) -> Table:
    """When would a rule on the loss have stopped, and at what cost?"""
    rule, rows = settings.stopping, []
    for variant in results.variants:
        runs = _runs(results, variant)
        found = [loss_analysis.stop(*run, rule) for run in runs]
        stopped = [stop.update for stop in found if stop.update is not None]
        last = loss_analysis.mean_ratio([s.cfid / cfid.iloc[-1] for s, (_, cfid) in zip(found, runs, strict=True)])
        over_best = [s.cfid / cfid.min() for s, (_, cfid) in zip(found, runs, strict=True)]
        best = loss_analysis.mean_ratio(over_best, least=1)
        when = Cell(plain(float(pd.Series(stopped).median())), f"n = {len(stopped)}") if stopped else Cell(NONE)
        share = Cell(f"{len(stopped)}/{len(runs)}")
        rows.append((Cell(variant), share, when, _estimate_cell(last), _estimate_cell(best)))
    caption = (
        f"When would a rule on the critic’s loss have stopped, and at what cost? The rule: stop once the mean of the "
        f"last {rule.smooth} logged losses has not set a new high (by {plain(100 * rule.min_delta)} % of its range so "
        f"far) for {rule.patience} logged rows, of which it does not see the first {rule.skip} of a run. Ratios: cfid "
        f"of the newest snapshot at the stop, divided by that of the last and by that of the best one; geometric mean "
        f"over {UNIT}, 95 % interval by Student’s t on the logarithm (none below 6 {UNIT}). Above 1: the stop costs "
        f"quality. A run that the rule never stops counts with its end."
    )
    head = ("", "runs stopped", "median update of the stop", "cfid at the stop / last", "cfid at the stop / best")
    note = "The rule sees one run’s loss alone, never another variant’s."
    return Table(caption, head, (("", tuple(rows)),), note=note)


def tails(results: Results, settings: Report) -> Table:
    """Does the discriminator's loss end oscillating around 0?"""
    rows = []
    for variant in results.variants:
        losses = [list(history["d_loss"].dropna()) for history, _ in _runs(results, variant)]
        ends = [end for loss in losses if (end := loss_analysis.tail(loss, settings.tail)) is not None]
        cells = [_mean_cell([getattr(end, part) for end in ends]) for part in ("mean", "sd", "sign_changes")]
        rows.append((Cell(variant), *cells, Cell(_count_range([end.rows for end in ends])), Cell(str(len(ends)))))
    caption = (
        f"Does the critic’s loss end oscillating around 0? Over the last {plain(100 * settings.tail)} % of the logged "
        f"rows of a run: the mean of the loss, its standard deviation, and the share of neighbouring rows that differ "
        f"in sign; mean over {UNIT} ± standard deviation over {UNIT}."
    )
    note = (
        "Around 0 means: a mean within its spread, and many changes of sign (1/2 for independent values around 0, 0 "
        "for a loss that never crosses it). The loss holds the penalty, which is never negative. A logistic loss of a "
        "critic that cannot tell the images apart is 2 log 2 ≈ 1.39, not 0. " + WARNING
    )
    head = ("", "mean of the tail", "sd within the tail", "sign changes", "rows of a run", "n")
    return Table(caption, head, (("", tuple(rows)),), note=note)


def shapes(results: Results, settings: Report) -> Table:
    """Does the generator's loss fall to 0 like a parabola?"""
    rows = []
    for variant in results.variants:
        losses = [history.dropna(subset="g_loss").set_index("update").g_loss for history, _ in _runs(results, variant)]
        found = [shape for loss in losses if (shape := loss_analysis.shape(loss, settings.tail)) is not None]
        cells = [_mean_cell([getattr(shape, part) for shape in found]) for part in ("trend", "parabola", "end")]
        rows.append((Cell(variant), *cells, Cell(str(len(found)))))
    share = plain(100 * settings.tail)
    caption = (
        "Does the generator’s loss fall to 0 like a parabola? Spearman’s ρ of its loss and the update, R² of the "
        f"parabola that fits it best, and the mean of its last {share} % of rows over that of its first; mean over "
        f"{UNIT} ± standard deviation over {UNIT}."
    )
    note = "A parabola that falls to 0 has −1, 1 and nearly 0. A share below 0: the loss ends on the other side of 0."
    head = ("", "ρ with the update", "R² of a parabola", "end / beginning", "n")
    return Table(caption, head, (("", tuple(rows)),), note=note)


def lengths(results: Results) -> Table:
    """Is training longer harmful?"""
    rows = []
    for variant in results.variants:
        curves = [cfid for _, cfid in _runs(results, variant)]
        ratio = loss_analysis.mean_ratio([loss_analysis.last_over_best(cfid) for cfid in curves], least=1)
        when = pd.Series([cfid.idxmin() for cfid in curves], dtype=float).median()
        end = pd.Series([cfid.index[-1] for cfid in curves], dtype=float).median()
        rows.append((Cell(variant), _estimate_cell(ratio), Cell(number(when)), Cell(number(end))))
    caption = (
        "Is training longer harmful? cfid of a run’s last snapshot divided by that of its best: geometric mean over "
        f"{UNIT}, 95 % interval by Student’s t on the logarithm (none below 6 {UNIT}), and the median update of both."
    )
    note = (
        "The ratio is at least 1 by construction, since the best is picked by the cfid that judges it: a little above "
        "1 is what noise between snapshots gives, and the interval is cut off at 1. Scores elsewhere are those of the "
        "last snapshot, never of the best."
    )
    head = ("", "cfid last / best", "update of the best", "update of the last")
    return Table(caption, head, (("", tuple(rows)),), note=note)


def picture(results: Results) -> Picture:
    caption = (
        f"Loss against quality on {results.dataset}: the critic’s loss, mean over the rows logged since the snapshot "
        f"before (logarithmic beyond ±1 where it exceeds {WIDE_PANEL}), against cfid (logarithmic; lower is better). A "
        f"point per snapshot, a line per run in the order of training, a ring around the last; ρ: Spearman’s, as in "
        f"the table. {WARNING}"
    )
    rhos = {variant: _correlation(results, variant, "d_loss").value for variant in results.variants}
    alt = f"The critic’s loss against cfid, a panel per variant. Spearman’s ρ: {values(rhos)}."
    runs = [
        loss_analysis.aligned(*run, "d_loss").assign(variant=variant, seed=seed)
        for variant in results.variants
        for seed, run in _runs_by_seed(results, variant).items()
    ]
    points = pd.concat(runs) if runs else pd.DataFrame({"update": [], "loss": [], "cfid": []})
    styles = looks(results.variants)
    return Picture(f"{results.dataset}_loss_quality", caption, alt, lambda: figure(results, styles), points)


def figure(results: Results, styles: dict[str, Look]) -> Figure:
    """One panel per variant: the discriminator's loss against cfid, each seed a line through its snapshots."""
    with rc_context(style.STYLE):
        drawn, panels = style.new_panels(len(styles), PANELS_PER_ROW, row=2.6, margin=0.3, sharey=True)
        for ax, (variant, look) in zip(panels, styles.items(), strict=True):
            runs = [loss_analysis.aligned(*run, "d_loss") for run in _runs(results, variant)]
            for points in (points for points in runs if len(points)):
                ax.plot(points.loss, points.cfid, color=look.colour, linewidth=0.6, alpha=0.35, zorder=2)
                ax.plot(points.loss, points.cfid, color=look.colour, linestyle="none", marker="o", markersize=2.8,
                        alpha=0.7, markeredgewidth=0, zorder=3)  # fmt: skip
                ax.plot(points.loss.iloc[-1:], points.cfid.iloc[-1:], color="none", marker="o", markersize=6,
                        markeredgecolor="0.15", markeredgewidth=1, zorder=4)  # fmt: skip
            if any(points.loss.abs().max() > WIDE_PANEL for points in runs):
                ax.set_xscale("symlog", linthresh=1)
                ax.xaxis.set_major_formatter(FuncFormatter(style.plain_number))
            ax.set_yscale("log")
            style.plain_ticks(ax.yaxis, (1, 2, 5))
            ax.set_title(f"{variant}\n{_correlation_text(_correlation(results, variant, 'd_loss'))}", fontsize=9.5)
        drawn.supxlabel("critic’s loss (scales differ)", fontsize=10)
        drawn.supylabel("cfid", fontsize=10)
    return drawn


def _runs(results: Results, variant: str) -> list[tuple[pd.DataFrame, pd.Series]]:
    """History and cfid curve of a variant's runs that have a snapshot, in the order of the seeds."""
    return list(_runs_by_seed(results, variant).values())


def _runs_by_seed(results: Results, variant: str) -> dict[int, tuple[pd.DataFrame, pd.Series]]:
    """Seed → history and cfid curve (update → cfid) of a variant's run, if it has a snapshot."""
    curves = {run.seed: results.cfid_by_run.get((variant, run.seed)) for run in results.of(variant)}
    return {seed: (results.by_run[variant, seed][0], cfid) for seed, cfid in curves.items() if cfid is not None}


def _correlation(results: Results, variant: str, column: str) -> Estimate:
    runs = [loss_analysis.aligned(history, cfid, column) for history, cfid in _runs(results, variant)]
    rhos = [rho for points in runs if (rho := loss_analysis.rank_correlation(points)) is not None]
    return loss_analysis.mean_correlation(rhos, max((len(points) for points in runs), default=0))


def _estimate_cell(estimate: Estimate) -> Cell:
    interval = "" if estimate.low is None else f"{number(estimate.low)} to {number(estimate.high)}, "
    return Cell(number(estimate.value), f"{interval}n = {estimate.n}")


def _correlation_text(estimate: Estimate) -> str:
    if estimate.value is None:
        return "no ρ: too few snapshots"
    interval = "" if estimate.low is None else f" [{_two_decimals(estimate.low)}, {_two_decimals(estimate.high)}]"
    return f"ρ = {_two_decimals(estimate.value)}{interval}, n = {estimate.n}"


def _two_decimals(value: float) -> str:
    return f"{value:.2f}".replace("-", "−")


def _mean_cell(values: list[float]) -> Cell:
    series = pd.Series(values, dtype=float)
    return Cell(number(series.mean()), f"± {number(series.std(), 2)}" if len(series) > 1 else "")


def _count_range(counts: list[int]) -> str:
    return span(counts) if counts else NONE
