"""Figures show every run: thin seeds, the median over all of them, crosses where runs diverged."""

import io
import math

import made_up
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from PIL import Image

from ganspeed.report import gradient_profile, page, plots, style
from ganspeed.report.read import Results, read_results


@pytest.fixture(scope="module")
def study(tmp_path_factory) -> Results:
    workspace, params = made_up.write_study(tmp_path_factory.mktemp("study"))
    (only,) = read_results(workspace, params)
    return only


@pytest.fixture(scope="module")
def drawn(study) -> dict[str, Figure]:
    return drawn_of(study)


def drawn_of(study: Results) -> dict[str, Figure]:
    return {picture.file: figure for picture, figure in page.draw_figures(study, 4)}


def points(values: dict[int, list[float]]) -> pd.DataFrame:
    rows = [(seed, x, y) for seed, ys in values.items() for x, y in enumerate(ys)]
    return pd.DataFrame(rows, columns=["seed", "x", "value"])


def test_a_stopped_run_counts_as_worse_than_any_other_in_the_median():
    frame = points({0: [5, 4, 3], 1: [6, 5, 4], 2: [4]})  # seed 2 stops after the first point, ahead of the others
    assert style.median_curve(frame, "x", (0, 1, 2), math.inf).tolist() == [5, 5, 4]
    assert style.median_curve(frame, "x", (0, 1, 2), None).tolist() == [5, 4.5, 3.5]


def test_the_median_ends_where_half_of_the_runs_have_stopped():
    frame = points({0: [5, 4, 3], 1: [6, 5], 2: [4]})
    assert style.median_curve(frame, "x", (0, 1, 2), math.inf).tolist() == [5, 5]


def test_a_seed_that_never_scored_counts_in_the_median():
    frame = points({0: [5.0], 1: [6.0]})
    assert style.median_curve(frame, "x", (0, 1, 2), math.inf).tolist() == [6]


def test_a_diverged_run_is_a_cross_on_every_axis(study, drawn):
    cfid = study.scores.query("variant == 'gan' and seed == 2 and metric == 'cfid'")["value"].iloc[-1]
    at = made_up.DIVERGED_AT
    crosses = {
        file: [
            [(line.get_xdata()[0], line.get_ydata()[0]) for line in ax.lines if line.get_marker() == "X"]
            for ax in figure.axes
        ]
        for file, figure in drawn.items()
    }
    assert crosses["digits_cfid.png"] == [[(at, cfid)]]
    assert crosses["digits_axes.png"] == [[(at, cfid)], [(at * 64, cfid)]]  # one critic step, batches of 64


def test_every_seed_is_a_thin_line_and_every_variant_a_bold_one(drawn):
    (ax,) = drawn["digits_cfid.png"].axes
    widths = [line.get_linewidth() for line in ax.lines if len(line.get_xdata()) > 2]
    assert sum(width < 1 for width in widths) == 9
    assert sum(width > 2 for width in widths) == 3


def test_threshold_floor_and_pixel_gaussian_are_lines_at_their_values(drawn):
    (ax,) = drawn["digits_cfid.png"].axes
    heights = sorted(line.get_ydata()[0] for line in ax.lines if list(line.get_xdata()) == [0, 1])
    assert heights == [made_up.FLOOR, made_up.DATASET["threshold"]["tau"], made_up.PIXEL_GAUSSIAN]


def test_traces_show_each_variant_that_logs_them(drawn):
    figure = drawn["digits_traces.png"]
    shown = {ax.get_title(): {line.get_label() for line in ax.lines if line.get_linewidth() > 2} for ax in figure.axes}
    assert shown["ρ, distance still to go"] == {"iterative"}
    assert shown["share of the penalty"] == {"wgan_gp", "iterative"}


def test_without_traces_there_is_no_figure_of_them(tmp_path):
    workspace, params = made_up.write_study(tmp_path, variants=("gan",))
    (only,) = read_results(workspace, params)
    assert "digits_traces.png" not in drawn_of(only)


def test_the_profile_is_the_median_over_seeds_at_three_moments(study, drawn):
    figure = drawn["digits_profile.png"]
    assert [ax.get_title() for ax in figure.axes] == list(study.variants)
    names = list(gradient_profile.columns(study.history))
    for ax in figure.axes:
        lines = {line.get_linewidth(): [] for line in ax.lines}
        for line in ax.lines:
            lines[line.get_linewidth()].append(line)
        for update, line in zip((10, 60, 120), lines[2.0], strict=True):  # logged every 10 updates of 120
            runs = study.history[(study.history["variant"] == ax.get_title()) & (study.history["update"] == update)]
            assert line.get_xdata().tolist() == [0, 0.25, 0.5, 0.75, 1]
            np.testing.assert_allclose(line.get_ydata(), runs[names].median())
            assert line.get_color() == style.looks(study.variants)[ax.get_title()].colour
        assert len(lines[0.6]) == 3 * len(study.seeds)
        assert [1, 1] in [list(line.get_ydata()) for line in ax.lines]


def test_penalised_variants_share_the_profiles_scale_and_show_norm_one(drawn):
    limits = {ax.get_title(): ax.get_ylim() for ax in drawn["digits_profile.png"].axes}
    assert limits["wgan_gp"] == limits["iterative"] != limits["gan"]
    assert all(low < 1 < high for low, high in limits.values())


def test_a_run_that_diverged_before_it_logged_anything_is_still_drawn(tmp_path):
    workspace, params = made_up.write_study(tmp_path, variants=("gan",), seeds=(0,))
    made_up.write_history(workspace, "digits", "gan", 0, "update\n")
    (only,) = read_results(workspace, params)
    assert "digits_losses.png" in drawn_of(only)


def test_a_variant_looks_the_same_in_every_figure_and_unlike_the_others(study, drawn):
    looks = style.looks([str(i) for i in range(10)])
    assert len({(look.colour, look.dashes) for look in looks.values()}) == 10
    assert len({look.colour for look in looks.values()}) == 10
    assert len({look.dashes for look in list(looks.values())[:7]}) == 7  # distinguishable without colour
    own = style.looks(study.variants)
    for figure in (drawn["digits_cfid.png"], drawn["digits_traces.png"]):
        bold = [line for ax in figure.axes for line in ax.lines if line.get_linewidth() > 2]
        assert bold
        assert all(line.get_color() == own[line.get_label()].colour for line in bold)


def test_sample_grids_are_blank_where_the_run_had_diverged(tmp_path):
    Image.fromarray(np.full((16, 16), 200, np.uint8)).save(tmp_path / "0.png")
    picture = tmp_path / "0.png"
    figure = plots.sample_grids({"a": {0: picture, 9: picture}, "b": {0: picture}}, [0, 9])
    assert [len(ax.images) for ax in figure.axes] == [1, 1, 1, 0]
    assert [text.get_text() for text in figure.axes[3].texts] == ["diverged"]


def test_moments_of_samples_include_the_first_and_the_last(drawn):
    titles = [ax.get_title() for ax in drawn["digits_samples.png"].axes[:4]]
    assert (titles[0], titles[-1]) == ("update 0", f"update {made_up.SNAPSHOTS[-1]}")


def test_a_saved_figure_has_no_metadata_and_always_the_same_bytes(study, tmp_path):
    for name in ("a.png", "b.png"):
        _, headline = next(page.draw_figures(study, 4))
        style.save(headline, tmp_path / name, 60)
    first = (tmp_path / "a.png").read_bytes()
    assert first == (tmp_path / "b.png").read_bytes()
    with Image.open(io.BytesIO(first)) as image:
        assert image.info.keys() <= {"dpi"}
        assert image.convert("RGB").getpixel((0, 0)) == (255, 255, 255)
        assert image.width == round(style.PAGE_WIDTH * 60)


def test_a_saved_figure_keeps_the_colour_of_a_thin_line_beside_many_others(tmp_path):
    """Thousands of pixels in two hundred greens and a few in blue: the blue stays blue."""
    figure = Figure(figsize=(4, 4))
    ax = figure.subplots()
    ax.imshow(np.linspace(0, 1, 4096).reshape(64, 64), cmap="Greens", aspect="auto")
    figure.add_artist(Line2D([0.02, 0.06], [0.97, 0.97], color="#0173b2", linewidth=4))
    style.save(figure, tmp_path / "a.png", 60)
    with Image.open(tmp_path / "a.png") as picture:
        pixels = np.asarray(picture.convert("RGB")).astype(int).reshape(-1, 3)
    assert np.abs(pixels - (0x01, 0x73, 0xB2)).max(1).min() < 12
