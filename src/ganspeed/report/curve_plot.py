"""The curves that are drawn inside the page: where every line, tick and mark of them lies.

Each curve is drawn once, against the logarithm of generator updates. On another axis a variant's curve is the same one,
moved by the logarithm of the units that an update costs it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from ganspeed.report.colours import Look
from ganspeed.report.style import Level, groups

WIDTH, HEIGHT = 760, 430  # of a panel, in its own units
LEFT, RIGHT, TOP, BOTTOM = 50, 110, 12, 48  # margins
PADDING = 1.25  # by which the axis of cfid exceeds what it shows
LABEL_GAP = 14  # between the labels of levels


@dataclass(frozen=True)
class Tick:
    """A labelled place on an axis."""

    at: float
    text: str


@dataclass(frozen=True)
class Curve:
    """The curves of one variant, as paths of an SVG: x in decades of updates times 100, y in units of HEIGHT."""

    variant: str
    look: Look
    seeds: tuple[str, ...]
    median: str


@dataclass(frozen=True)
class Mark:
    """A point of a variant on an axis, and what it says."""

    variant: str
    colour: str
    x: float
    y: float
    text: str


@dataclass(frozen=True)
class Axis:
    """An axis of time: its ticks, and how every variant's curves and marks lie on it."""

    name: str
    label: str
    alt: str  # the numbers that the marks show
    ticks: tuple[Tick, ...]
    stretch: float  # of the curves' x
    shifts: dict[str, float]  # variant → where update 1 lies, perhaps left of the axis
    arrivals: tuple[Mark, ...]  # where the median reaches tau
    diverged: tuple[Mark, ...]


@dataclass(frozen=True)
class CurvePlot:
    """All panels of a data set: for every axis one for each group of variants."""

    dataset: str
    curves: tuple[Curve, ...]
    axes: tuple[Axis, ...]
    panels: tuple[tuple[str, ...], ...]  # the variants of each
    heights: tuple[Tick, ...]  # ticks of cfid
    levels: tuple[tuple[float, float, str], ...]  # height of the line, height of its label, label


class Heights:
    """The logarithmic axis of cfid."""

    def __init__(self, low: float, high: float):
        self.low, self.high = low / PADDING, high * PADDING

    def at(self, cfid: float) -> float:
        share = math.log(cfid / self.low) / math.log(self.high / self.low)
        return round(HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM), 1)


def curve_paths(cfid: pd.DataFrame, medians: dict[str, pd.Series], styles: dict[str, Look], y: Heights) -> list[Curve]:
    """cfid: variant, seed, updates, value, without update 0; medians: variant → update → median cfid."""
    found = []
    for variant, look in styles.items():
        runs = [run for _, run in cfid[cfid.variant == variant].groupby("seed")]
        seeds = tuple(_path(run.updates, run.value, y) for run in runs)
        found.append(Curve(variant, look, seeds, _path(medians[variant].index, medians[variant], y)))
    return found


def _path(updates: Sequence[int], values: Sequence[float], y: Heights) -> str:
    points = (f"{100 * math.log10(u):.1f},{y.at(v):g}" for u, v in zip(updates, values, strict=True))
    return "M" + " ".join(points)


def axis_of_time(
    name: str,
    label: str,
    alt: str,
    scale: dict[str, float],
    span: tuple[int, int],
    arrivals: Sequence[tuple[str, float, float, str]],
    diverged: Sequence[tuple[str, float, float, str]],
    styles: dict[str, Look],
    y: Heights,
) -> Axis:
    """scale: variant → units of the axis per update; span: the first and the last update shown.

    arrivals, diverged: (variant, update, cfid, text) of each mark.
    """
    low = math.log10(min(scale.values()) * span[0])
    high = math.log10(max(scale.values()) * span[1])
    stretch = (WIDTH - LEFT - RIGHT) / max(high - low, 0.1)

    def at(units: float) -> float:
        return round(LEFT + (math.log10(units) - low) * stretch, 1)

    def marks(points: Sequence[tuple[str, float, float, str]]) -> tuple[Mark, ...]:
        return tuple(Mark(v, styles[v].colour, at(u * scale[v]), y.at(c), text) for v, u, c, text in points)

    ticks = tuple(Tick(at(tick), f"{tick:,.10g}") for tick in log_ticks(10**low, 10**high, 9))
    shifts = {variant: at(units) for variant, units in scale.items()}
    return Axis(name, label, alt, ticks, round(stretch / 100, 4), shifts, marks(arrivals), marks(diverged))


def log_ticks(low: float, high: float, most: int) -> list[float]:
    """Round numbers within a logarithmic range: 1, 2 and 5 of every decade, or fewer if these are more than `most`."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for steps in ((1, 2, 5), (1, 3), (1,)):
        found = [step * 10.0**decade for decade in decades for step in steps if low <= step * 10.0**decade <= high]
        if len(found) <= most:
            break
    return found


def level_places(levels: Sequence[Level], y: Heights) -> tuple[tuple[float, float, str], ...]:
    """(height, height of the label, label) of each level; labels keep apart."""
    found, above = [], math.inf
    for level in sorted(levels, key=lambda level: level.value):
        place = min(y.at(level.value), above - LABEL_GAP)
        found.append((y.at(level.value), place, f"{level.label} {level.value:.3g}"))
        above = place
    return tuple(found)


def panels_of(styles: dict[str, Look]) -> tuple[tuple[str, ...], ...]:
    return tuple(map(tuple, groups(styles)))
