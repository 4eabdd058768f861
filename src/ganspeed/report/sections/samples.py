"""Samples of every variant through training."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from matplotlib import rc_context
from matplotlib.figure import Figure

from ganspeed.params.blocks import Report
from ganspeed.report import style
from ganspeed.report.blocks import Picture
from ganspeed.report.read import ReportedRun, Results, where
from ganspeed.report.style import PAGE_WIDTH
from ganspeed.report.words import units, values
from ganspeed.training.sample_grids import crop_corner

ROWS, COLUMNS = 2, 4  # of the images in a picture of samples
SMALL_PICTURE = 100  # pixels; up to this width pictures are drawn without interpolation


def picture(results: Results, settings: Report) -> Picture:
    """Samples of the first seed of every variant."""
    first = {variant: results.of(variant)[0] for variant in results.variants}
    shown = moments(list(first.values()), settings.sample_columns)
    files = {variant: {at: run.samples[at] for at in shown if at in run.samples} for variant, run in first.items()}
    points = _cfid_of(results, files)
    last = points.groupby("variant", sort=False).cfid.last().to_dict()
    caption = (
        f"Samples on {results.dataset} from the same noise vectors through training: seed {results.seeds[0]}, the "
        f"first of {units(len(results.seeds))}, for every variant."
    )
    alt = f"Generated samples at updates {', '.join(map(str, shown))}, a row per variant; last cfid: {values(last)}."
    return Picture(f"{results.dataset}_samples", caption, alt, lambda: sample_grids(files, shown), points)


def _cfid_of(results: Results, files: dict[str, dict[int, Path]]) -> pd.DataFrame:
    """The cfid of what the pictures show, where that update was scored: variant, seed, update, cfid."""
    seed = results.seeds[0]
    keys = pd.DataFrame([(variant, seed, update) for variant, row in files.items() for update in row])
    keys.columns = ["variant", "seed", "update"]
    cfid = where(results.scores, metric="cfid").rename(columns={"value": "cfid"})
    return keys.merge(cfid[["variant", "seed", "update", "cfid"]], how="left")


def moments(runs: list[ReportedRun], columns: int) -> list[int]:
    """Up to `columns` of the updates with pictures, evenly spaced, including the first and the last."""
    updates = sorted({update for run in runs for update in run.samples})
    if columns >= len(updates):
        return updates
    step = (len(updates) - 1) / max(1, columns - 1)
    return [updates[round(i * step)] for i in range(columns)] if columns > 1 else updates[-1:]


def sample_grids(pictures: dict[str, dict[int, Path]], shown: Sequence[int]) -> Figure:
    """Corners of sample grids: a row per variant, a column per moment, empty if the run had diverged by then.

    pictures: variant → update → file, 8 x 8 images each, of which the first COLUMNS of ROWS rows are shown.
    """
    corners = {
        variant: {m: crop_corner(files[m], ROWS, COLUMNS) for m in shown if m in files}
        for variant, files in pictures.items()
    }
    height, width = next(corner for row in corners.values() for corner in row.values()).shape[:2]
    interpolation = "nearest" if width <= SMALL_PICTURE else "antialiased"
    with rc_context(style.STYLE):
        cell = min(1.6, (PAGE_WIDTH - 1.5) / len(shown)) * height / width
        figure = Figure(figsize=(PAGE_WIDTH, cell * len(pictures) + 0.3), layout="constrained")
        figure.get_layout_engine().set(w_pad=0.02, h_pad=0.02, wspace=0.01, hspace=0.01)
        panels = figure.subplots(len(pictures), len(shown), squeeze=False)
        for row, (variant, grids) in zip(panels, corners.items(), strict=True):
            row[0].set_ylabel(variant, rotation=0, ha="right", va="center", labelpad=8)
            for ax, moment in zip(row, shown, strict=True):
                ax.set(xticks=[], yticks=[])
                ax.spines[:].set_visible(False)
                if moment in grids:
                    ax.imshow(grids[moment], cmap="gray", vmin=0, vmax=255, interpolation=interpolation)
                else:
                    ax.text(0.5, 0.5, "diverged", ha="center", va="center", color="0.4", transform=ax.transAxes)
        for ax, moment in zip(panels[0], shown, strict=True):
            ax.set_title(f"update {moment:,}")
    return figure
