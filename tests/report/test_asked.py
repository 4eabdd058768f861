"""What G was asked for: shown of the variants that are asked, and nowhere in a study that asks nothing."""

import dataclasses
import math

import made_up
import pandas as pd
import pytest

from ganspeed.report.read import Results, read_results
from ganspeed.report.sections import metrics, scores
from ganspeed.report.style import MOST_VARIANTS
from ganspeed.report.tables import NONE
from ganspeed.scoring.metrics import METRICS

FED = [metric.name for metric in METRICS if metric.fed]
OF_VARIANT = {"gan": {"asked": 0.875}, "wgan_gp": {"code_accuracy": 0.75, "code_chance": 0.125}}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    workspace, params = made_up.write_study(tmp_path_factory.mktemp("study"), diverged=(("wgan_gp", 2),))
    return read_results(workspace, params)[0], params.report


@pytest.fixture(scope="module")
def plain(made) -> Results:
    return made[0]


@pytest.fixture(scope="module")
def asked(plain) -> Results:
    """The same study whose gan is asked for a class, and whose wgan_gp for a code, at the fully scored snapshots."""
    full = plain.scores[plain.scores.metric == "coverage"]
    added = [
        full[full.variant == variant].assign(metric=metric, value=value)
        for variant, values in OF_VARIANT.items()
        for metric, value in values.items()
    ]
    return dataclasses.replace(plain, scores=pd.concat([plain.scores, *added], ignore_index=True))


def titles(results: Results, report) -> list[str]:
    (picture,) = metrics.section(results, report).pictures
    return [ax.get_title() for ax in picture.draw().axes]


def test_variants_that_are_asked_have_a_table_of_their_own(asked):
    table = scores.asked_table(asked)
    assert table.head == ("", "n", "asked ↑", "code_accuracy ↑", "code_chance")
    ((_, rows),) = table.groups
    assert [[cell.text for cell in row] for row in rows] == [
        ["gan", "3", "0.875", NONE, NONE],
        ["wgan_gp", "3", NONE, "0.750", "0.125"],
    ]
    shown = {name for values in OF_VARIANT.values() for name in values}
    assert [metric.glossary in table.note for metric in METRICS] == [metric.name in shown for metric in METRICS]
    assert table in scores.section(asked, None).blocks
    assert scores.table(asked).head == scores.table(dataclasses.replace(asked, scores=without(asked.scores))).head


def without(rows: pd.DataFrame) -> pd.DataFrame:
    return rows[~rows.metric.isin(FED)]


def test_a_study_that_asks_nothing_shows_no_table_panel_or_entry_of_it(made, plain):
    table = scores.table(plain)
    assert scores.asked_table(plain) is None
    assert not {title.split()[0] for title in titles(*made)} & set(FED)
    assert [metric.glossary in table.note for metric in METRICS] == [metric.fed is None for metric in METRICS]
    assert table.note.endswith(scores.CALIBRATION_GLOSSARY)


def test_the_panels_say_which_direction_is_better_if_one_is(made, asked):
    (picture,) = metrics.section(asked, made[1]).pictures
    drawn = [ax.get_title() for ax in picture.draw().axes]
    assert [title for title in drawn if title.split()[0] in FED] == ["asked ↑", "code_accuracy ↑", "code_chance"]
    assert "asked: gan 0.875;" in picture.alt and "code_chance: wgan_gp 0.125" in picture.alt


def test_a_run_that_has_stopped_does_not_move_the_yardstick(made, asked):
    """It counts as worst in what is better or worse; with two of three runs gone the median of that ends."""
    there = asked.scores
    gone = (there.variant == "wgan_gp") & (there.seed == 1) & there.metric.isin(FED) & (there.updates > 0)
    (picture,) = metrics.section(dataclasses.replace(asked, scores=there[~gone]), made[1]).pictures
    drawn = {ax.get_title(): ax for ax in picture.draw().axes}
    ends = [max(drawn[title].lines[-1].get_xdata(), default=-math.inf) for title in ("code_accuracy ↑", "code_chance")]
    assert ends[0] < ends[1] == asked.scores.updates.max()


def test_a_group_of_variants_that_are_asked_nothing_has_no_panels_of_it(asked):
    others = {f"other{i}": "iterative" for i in range(MOST_VARIANTS)}
    copies = [asked.scores[asked.scores.variant == old].assign(variant=new) for new, old in others.items()]
    names = ("gan", "wgan_gp", *others)
    many = dataclasses.replace(asked, scores=pd.concat([asked.scores, *copies]), variants=names)
    found = titles(many, None)
    assert found.count("asked ↑") == found.count("code_chance") == 1
    assert found.count("coverage ↑") == 2
