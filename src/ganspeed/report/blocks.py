"""What sections are made of, besides text and tables: figures, cards, lists of points."""

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd
from matplotlib.figure import Figure

from ganspeed.report.curve_plot import CurvePlot
from ganspeed.report.interval_bar import IntervalBar
from ganspeed.report.tables import Table


@dataclass(frozen=True)
class Picture:
    """A figure, drawn when the report is written to figures/<name>.png and .svg, with its points in <name>.csv."""

    name: str
    caption: str
    alt: str  # says what the figure shows, with its numbers
    draw: Callable[[], Figure]
    points: pd.DataFrame


@dataclass(frozen=True)
class Points:
    """A list of headings with a short text each."""

    items: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Curves:
    """cfid over time: drawn inside the HTML page, where variants can be switched; pictures of it elsewhere."""

    plot: CurvePlot
    caption: str
    pictures: tuple[Picture, ...]


@dataclass(frozen=True)
class Card:
    """One comparison at first sight."""

    word: str  # the verdict, or `exploratory`
    tone: str  # the class of its colour
    title: str
    ratio: str
    interval: str
    counts: str
    p: str
    clause: str  # why the ratio is only a bound; empty if it is not
    sentence: str
    bar: IntervalBar


@dataclass(frozen=True)
class Glance:
    """The answer at first sight: cards, with the curves beside them."""

    cards: tuple[Card, ...]
    table: Table  # the same where cards cannot be drawn
    curves: Curves


@dataclass(frozen=True)
class Section:
    """A heading of level 2 or 3 and the blocks below it."""

    title: str
    level: int
    blocks: tuple[str | Points | Table | Picture | Curves | Glance, ...]

    @property
    def pictures(self) -> list[Picture]:
        """Every figure in the section, in order."""
        found = []
        for block in self.blocks:
            curves = block.curves if isinstance(block, Glance) else block
            found += curves.pictures if isinstance(curves, Curves) else [block] if isinstance(block, Picture) else []
        return found
