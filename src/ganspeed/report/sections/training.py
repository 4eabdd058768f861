"""What happened in training: what the penalties did, and the losses of both players."""

import math
from collections.abc import Sequence

import pandas as pd
from matplotlib import rc_context
from matplotlib.figure import Figure, FigureBase
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter

from ganspeed.params.blocks import Report
from ganspeed.report import style
from ganspeed.report.blocks import Picture, Section
from ganspeed.report.colours import Look, looks
from ganspeed.report.read import Results, where
from ganspeed.report.sections import gradient_profile
from ganspeed.report.sections.curves import AXIS_LABELS
from ganspeed.report.words import units, values

TRACES = {
    "diagnostics/rho": "ρ, distance still to go",
    "diagnostics/alpha": "α, weight of the real sample",
    "diagnostics/lambda": "λ, weight of the penalty",
    "diagnostics/share": "share of the penalty",
}
PROBES = {
    "probe/auc": "AUC of D’s scores",
    "probe/small_weights_D": "share of D’s small weights",
    "diagnostics/at_clip": "share of D’s weights at the clip",
}
LOSSES = {"d_loss": "critic", "g_loss": "generator"}
WIDE_LOSS = 20  # beyond it a panel of losses is logarithmic


def section(results: Results, settings: Report) -> Section:
    known = set(results.history.columns[results.history.notna().any()])
    logged, watched = ({c: title for c, title in columns.items() if c in known} for columns in (TRACES, PROBES))
    blocks = [traces_picture(results, logged)] if logged else []
    blocks += [probes_picture(results, watched)] if watched else []
    blocks += [gradient_profile.picture(results)] if gradient_profile.columns(results.history) else []
    return Section("Penalties, gradients and losses", 3, (*blocks, losses_picture(results)))


def _last(history: pd.DataFrame, column: str, variants: Sequence[str]) -> dict[str, float]:
    """Variant → median over its runs of the last value that each logged; of the variants that log it."""
    last = history.dropna(subset=column).groupby(["variant", "seed"])[column].last().groupby("variant").median()
    return {variant: last[variant] for variant in variants if variant in last}


def traces_picture(results: Results, logged: dict[str, str]) -> Picture:
    meaning = (
        "ρ: how far there is still to go, by the critic’s gap against its largest average so far; α: weight of the "
        "real sample in the interpolation; λ: weight of the penalty; share: λ·penalty / (|gap| + λ·penalty), at the "
        "last critic step of the update."
    )
    return _logged_picture(results, "traces", logged, f"What the penalties did on {results.dataset}", meaning)


def probes_picture(results: Results, logged: dict[str, str]) -> Picture:
    meaning = (
        "AUC: probability that D scores a real image of the batch above a generated one, 1/2 for a D that cannot tell "
        "them apart; small weights: below 0.001 in absolute value; at the clip: of a critic whose weights are clipped."
    )
    return _logged_picture(results, "probes", logged, f"What D and its weights did on {results.dataset}", meaning)


def _logged_picture(results: Results, name: str, logged: dict[str, str], what: str, meaning: str) -> Picture:
    history = results.history
    points = history[["variant", "seed", "update", *logged]].dropna(subset=list(logged), how="all")
    styles = {variant: look for variant, look in looks(results.variants).items() if variant in set(points.variant)}
    spread = style.spread_in_words(styles, units(len(results.seeds)))
    caption = f"{what}, for every variant that logs it ({spread}, median of the runs still going bold). {meaning}"
    last = (f"{title}: {values(_last(history, column, results.variants))}" for column, title in logged.items())
    alt = f"Medians of the last logged values. {'; '.join(last)}."
    return Picture(
        f"{results.dataset}_{name}", caption, alt, lambda: traces(history, logged, styles, results.seeds), points
    )


def traces(history: pd.DataFrame, columns: dict[str, str], styles: dict[str, Look], seeds: Sequence[int]) -> Figure:
    """One panel per column of the history (column → title) against updates."""

    band = style.is_band(styles)

    def draw(place: FigureBase, part: dict[str, Look]) -> None:
        panels = style.panels_in(place, len(columns), 2, sharex=True)
        for ax, (column, title) in zip(panels, columns.items(), strict=True):
            style.curves(ax, history.rename(columns={column: "value"}), "update", part, seeds, None, band)
            if ax.dataLim.ymin >= 0 and ax.dataLim.ymax <= 1:
                ax.set_ylim(-0.02, 1.02)  # shares and weights: always 0 to 1, so that noise does not fill the panel
            ax.set_title(title)
        place.supxlabel(AXIS_LABELS["updates"], fontsize=10)

    with rc_context(style.STYLE):
        return style.by_group(styles, 2.5 * math.ceil(len(columns) / 2) + 0.15, draw)


def losses_picture(results: Results) -> Picture:
    spread = style.spread_in_words(results.variants, units(len(results.seeds)))
    caption = (
        f"Losses of both players on {results.dataset} ({spread}, median of the runs still going bold), each panel on "
        f"its own scale (where a loss exceeds {WIDE_LOSS}, logarithmic beyond ±1). "
        f"Their scale depends on clipping and penalty: they say nothing across variants."
    )
    history = results.history
    last = (f"{player}: {values(_last(history, column, results.variants))}" for column, player in LOSSES.items())
    alt = f"Medians of the last logged losses, which do not compare across variants. {'; '.join(last)}."
    points = history[["variant", "seed", "update", *LOSSES]].dropna(subset=list(LOSSES), how="all")
    styles = looks(results.variants)
    return Picture(f"{results.dataset}_losses", caption, alt, lambda: losses(history, styles, results.seeds), points)


def losses(history: pd.DataFrame, styles: dict[str, Look], seeds: Sequence[int]) -> Figure:
    """A panel per variant with both players' losses, each on its own scale: they do not compare across variants."""
    with rc_context(style.STYLE):
        figure, panels = style.new_panels(len(styles), 3, row=2.2, margin=0.35, sharex=True)
        players = {"d_loss": "-", "g_loss": (0, (1.5, 1.2))}
        for ax, (variant, look) in zip(panels, styles.items(), strict=True):
            points = where(history, variant=variant)
            for column, dashes in players.items():
                colour = look.colour if column == "d_loss" else "0.35"
                runs = points.rename(columns={column: "value"}).dropna(subset="value")
                style.draw_seeds(ax, runs, "update", colour, seeds, None, style.is_band(styles))
                median = style.median_curve(runs, "update", seeds, None)
                ax.plot(median.index, median, color=colour, linestyle=dashes, linewidth=1.8)
            if points[list(players)].abs().max(axis=None) > WIDE_LOSS:
                ax.set_yscale("symlog", linthresh=1)
                ax.yaxis.set_major_formatter(FuncFormatter(style.plain_number))
            ax.set_title(variant)
        figure.supxlabel(AXIS_LABELS["updates"], fontsize=10)
        figure.supylabel("loss (scales differ)", fontsize=10)
        handles = [Line2D([], [], color="0.35", linestyle=d, linewidth=1.8) for d in players.values()]
        figure.legend(handles, ["critic (in the variant's colour)", "generator"], loc="outside upper center", ncols=2,
                      frameon=False)  # fmt: skip
    return figure
