"""The report says what the files say: every number, every run, nothing else, and the same bytes every time."""

import base64
import dataclasses
import hashlib
import json
import re
from pathlib import Path

import made_up
import pandas as pd
import pytest
from ruamel.yaml import YAML
from toy_study import PROJECT

from ganspeed.errors import UserError
from ganspeed.params.blocks import Params, Planned
from ganspeed.report import write
from ganspeed.report.blocks import Section
from ganspeed.report.page import page_of
from ganspeed.report.read import read_results
from ganspeed.report.render import render
from ganspeed.report.sections import design, published_fid, what_was_run
from ganspeed.report.tables import Cell, Table, number
from ganspeed.workspace import Workspace

REPORT = ("index.html", "summary.md", "results.csv", "metrics.json", "curves.csv", "figures", "comparison")


@pytest.fixture(scope="module")
def study(tmp_path_factory) -> tuple[Workspace, Params]:
    workspace, params = made_up.write_study(tmp_path_factory.mktemp("study"))
    write.write_report(workspace, params)
    return workspace, params


@pytest.fixture(scope="module")
def last(study) -> pd.DataFrame:
    """The scores of every run's last snapshot, straight from the files: variant, seed, metric, value."""
    workspace, params = study
    tables = [
        pd.read_csv(workspace.scores("digits", variant, seed))
        for variant in params.compare.variants
        for seed in params.compare.seeds
    ]
    return pd.concat(table[table["update"] == table["update"].max()] for table in tables)


def bytes_of(workspace: Workspace) -> dict[str, str]:
    files = (path for path in workspace.reports.rglob("*") if path.is_file())
    return {str(p.relative_to(workspace.reports)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def markdown_rows(workspace: Workspace, caption: str) -> dict[str, dict[str, str]]:
    """First cell → column → cell of a table of summary.md; what stands in brackets behind the first cell is cut."""
    text = (workspace.reports / "summary.md").read_text(encoding="utf-8")
    lines = re.split(rf"\*\*Table \d+\.\*\* {caption}", text)[1].split("\n\n")[1].splitlines()
    head, _, *rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {row[0].split(" (")[0]: dict(zip(head, row, strict=True)) for row in rows}


def texts(workspace: Workspace) -> str:
    """Everything written, the page's style and embedded pictures left out."""
    files = [*workspace.reports.glob("*.*"), *workspace.reports.glob("comparison/*")]
    joined = "\n".join(path.read_text(encoding="utf-8") for path in files)
    return re.sub(r"<style>.*?</style>|base64,[A-Za-z0-9+/=]+", "", joined, flags=re.DOTALL)


def test_every_score_in_the_table_is_that_of_the_files(study, last):
    rows = markdown_rows(study[0], "Scores of the last")
    for (variant, metric), values in last.groupby(["variant", "metric"])["value"]:
        column = next(name for name in rows[variant] if name.rstrip(" ↑↓") == metric)
        assert rows[variant][column] == f"{number(values.mean())} (± {number(values.std(), 2)})"
    cfid = last[last["metric"] == "cfid"].groupby("variant")["value"]
    assert {v: rows[v]["median cfid ↓"] for v in made_up.VARIANTS} == {v: number(x.median()) for v, x in cfid}
    assert {rows[v]["n"] for v in made_up.VARIANTS} == {"3"}


def test_calibration_rows_stand_beside_the_variants(study):
    workspace, params = study
    rows, calibration = markdown_rows(workspace, "Scores of the last"), pd.read_csv(workspace.calibration("digits"))
    for row in calibration[calibration["metric"] == "cfid"].itertuples():
        assert (rows[row.row]["cfid ↓"], rows[row.row]["n"]) == (number(row.value), f"{row.n:,}")
    starts = [
        table.query("update == 0 and metric == 'cfid'")["value"].item()
        for v in params.compare.variants
        for table in (pd.read_csv(workspace.scores("digits", v, s)) for s in params.compare.seeds)
    ]
    assert (rows["untrained"]["cfid ↓"], rows["untrained"]["n"]) == (number(pd.Series(starts).median()), "9")


def test_times_count_seeds_that_never_arrive_as_infinitely_late(study):
    workspace, params = study
    rows = markdown_rows(workspace, "Generator updates until")
    times = pd.DataFrame(json.loads(workspace.comparison("digits").read_text())["times"]).query(
        "axis == 'updates' and threshold != 'second'"
    )
    for (variant, threshold), part in times.groupby(["variant", "threshold"]):
        median = part["time"].where(part["reached"], float("inf")).median()
        cell = next(
            text for column, text in rows[variant].items() if column.endswith(f"({threshold.replace('tau', 'τ')})")
        )
        words = f"{median:g}" if median < float("inf") else "not reached"
        mean = number(part["time"].mean())
        assert cell == f"{words} ({part['reached'].sum()}/{len(params.compare.seeds)}, mean {mean})"
    assert any("not reached" in text for row in rows.values() for text in row.values())


def test_axes_that_coincide_for_a_pair_share_a_row(study):
    text = (study[0].reports / "summary.md").read_text(encoding="utf-8")
    part = text.split("### Speed-ups")[1].split("### ")[0]
    axes = re.findall(r"^\| (\w+) \| ([a-z ]+) \| 3 \|", part, re.MULTILINE)
    assert axes == [
        ("gan", "generator updates"),
        ("gan", "critic updates and images"),
        ("iterative", "all axes alike"),  # as many critic steps as the reference
    ]


def test_a_diverged_run_is_counted_and_named(study):
    page = (study[0].reports / "index.html").read_text(encoding="utf-8")
    assert "9 runs in all, 1 of which diverged" in page
    assert "1 of 3 diverged" in page
    assert f"diverged at update {made_up.DIVERGED_AT}" in page


def test_commits_are_shown_with_their_state_and_unknown_without_git(tmp_path, study):
    page = (study[0].reports / "index.html").read_text(encoding="utf-8")
    assert "0123456789 (2), 0123456789 dirty (1)" in page
    workspace, params = made_up.write_study(tmp_path, variants=("gan",))
    path = workspace.provenance("digits", "gan", 0)
    path.write_text(json.dumps(json.loads(path.read_text()) | {"commit": "unknown", "dirty": None}))
    ((_, (row,)),) = what_was_run.provenance(read_results(workspace, params)).groups
    assert row[-1].text == "unknown (1), 0123456789 dirty (1), 0123456789 (1)"


def test_a_removed_variant_appears_nowhere(tmp_path):
    made_up.write_study(tmp_path)
    workspace, params = made_up.write_study(tmp_path, variants=("gan", "wgan_gp"))
    assert workspace.run("digits", "iterative", 0).exists()  # left behind on the disk
    write.write_report(workspace, params)
    assert "wgan_gp" in texts(workspace)
    assert "iterative" not in texts(workspace)


def test_missing_runs_are_refused_by_name_and_the_old_report_stays(tmp_path):
    workspace, params = made_up.write_study(tmp_path)
    workspace.reports.mkdir()
    (workspace.reports / "index.html").write_text("the old report")
    before = bytes_of(workspace)
    (workspace.run("digits", "wgan_gp", 1) / "run.json").unlink()
    workspace.scores("digits", "gan", 0).unlink()
    with pytest.raises(UserError, match=r"digits/gan/seed-0: .*csv does not exist") as error:
        write.write_report(workspace, params)
    assert "run digits/wgan_gp/seed-1: " in str(error.value)
    assert bytes_of(workspace) == before


def test_a_comparison_of_other_runs_is_refused(tmp_path):
    workspace, params = made_up.write_study(tmp_path)
    fewer = params.model_copy(update={"compare": params.compare.model_copy(update={"seeds": (0, 1)})})
    with pytest.raises(UserError, match=r"does not match params.yaml in gan/seed-2, iterative/seed-2"):
        write.write_report(workspace, fewer)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"planned": []}, r"planned: \['iterative over wgan_gp'\] there, \[\] here"),
        (
            {"planned": [("iterative", "gan")]},
            r"planned: \['iterative over wgan_gp'\] there, \['iterative over gan'\] h",
        ),
        ({"references": ("gan",)}, r"references: \['wgan_gp'\] there, \['gan'\] here"),
        ({"references": ()}, r"references: \['wgan_gp'\] there, \[\] here"),
        ({"references": ("gan", "wgan_gp")}, r"references: \['wgan_gp'\] there, \['gan', 'wgan_gp'\] here"),
        ({"axis": "images"}, "axis: 'updates' there, 'images' here"),
        ({"consecutive": 1}, "guards.consecutive: 3 there, 1 here"),
        ({"margin": 1.5}, "guards.margin: 1.25 there, 1.5 here"),
        ({"max_coverage_drop": 0.1}, "guards.max_coverage_drop: 0.02 there, 0.1 here"),
        ({"max_extra_failures": 2}, "guards.max_extra_failures: 1 there, 2 here"),
        ({"equivalence": (0.5, 2.0)}, "guards.equivalence"),
    ],
)
def test_a_comparison_of_another_protocol_is_refused_naming_the_values(changes, message, tmp_path):
    workspace, params = made_up.write_study(tmp_path, planned=(("iterative", "wgan_gp"),))
    if "planned" in changes:
        changes = {"planned": tuple(Planned(new=new, reference=ref) for new, ref in changes["planned"])}
    other = params.model_copy(update={"protocol": params.protocol.model_copy(update=changes)})
    path = workspace.comparison("digits")
    with pytest.raises(
        UserError, match=f"^{path}: does not match params.yaml in .*{message}.*; run the stage `compare`"
    ):
        write.write_report(workspace, other)
    assert not workspace.reports.exists()
    write.write_report(workspace, params)


def test_every_param_that_compare_declares_is_one_that_the_report_refuses(tmp_path):
    """The stage's list in dvc.yaml: a new key must be looked at by `read_comparison`."""
    declared = YAML(typ="safe").load(PROJECT / "dvc.yaml")["stages"]["compare"]["params"]
    known = {"axis", "planned", "references", *made_up.write_study(tmp_path)[1].protocol.guards()}
    assert {*declared} == {"compare", "datasets.${item.dataset}.threshold", *(f"protocol.{key}" for key in known)}


def test_the_same_input_gives_the_same_bytes(tmp_path, study):
    workspace, params = made_up.write_study(tmp_path / "elsewhere")
    (workspace.reports / "figures").mkdir(parents=True)
    (workspace.reports / "figures" / "of_a_removed_data_set.png").write_bytes(b"old")
    write.write_report(workspace, params)
    assert bytes_of(workspace) == bytes_of(study[0])
    assert sorted(path.name for path in workspace.reports.iterdir()) == sorted(REPORT)


def test_outputs_are_replaced_never_written_through(tmp_path):
    workspace, params = made_up.write_study(tmp_path, variants=("gan",), seeds=(0,))
    cached = tmp_path / "cached"
    cached.write_text("an object of the cache")
    (workspace.reports / "figures").mkdir(parents=True)
    for link in ("metrics.json", "index.html", "figures/digits_cfid.svg"):
        (workspace.reports / link).hardlink_to(cached)
    write.write_report(workspace, params)
    assert cached.read_text() == "an object of the cache"
    assert json.loads((workspace.reports / "metrics.json").read_text())["digits"]


def test_no_verdict_is_stated(study):
    written = texts(study[0]).casefold()
    for word in ("faster", "slower", "equivalent", "sooner", "outperform", "significant", "better than", "winner"):
        assert word not in written
    assert "untuned recipes, a demonstration" in written


@pytest.mark.parametrize(("seeds", "tau", "status", "reasons"), [
    (8, 30.0, "exploratory", ["untuned recipes", "nothing was fixed before the runs: no preregistration/digits.json"]),
    (7, 30.0, "demo", ["fewer than 8 seeds: 7", "untuned recipes"]),
    (8, 50.0, "demo", ["tau 50 is not below the pixel-Gaussian row 41.5", "untuned recipes"]),
])  # fmt: skip
def test_status_is_the_first_that_applies(tmp_path, seeds, tau, status, reasons):
    workspace, params = made_up.write_study(tmp_path, variants=("wgan_gp",), seeds=tuple(range(seeds)), tau=tau)
    (found,) = read_results(workspace, params)
    assert (found.status.name, found.status.reasons) == (status, reasons)


def test_one_seed_and_one_variant_make_a_report_without_nan(tmp_path):
    workspace, params = made_up.write_study(tmp_path, variants=("gan",), seeds=(2,))
    write.write_report(workspace, params)
    assert json.loads((workspace.reports / "metrics.json").read_text())["digits"]["gan"] > 1
    assert "nan" not in (workspace.reports / "results.csv").read_text().casefold()


def test_two_data_sets_share_a_page(tmp_path):
    workspace, params = made_up.write_study(
        tmp_path, variants=("gan",), seeds=(0,), datasets=("digits", "digits_again")
    )
    write.write_report(workspace, params)
    page = (workspace.reports / "index.html").read_text(encoding="utf-8")
    assert page.index(">Verdict on digits</h2>") < page.index(">Verdict on digits_again</h2>")
    assert (
        page.index(">Data set digits</h2>") < page.index(">Data set digits_again</h2>") < page.index("Data sets. The")
    )
    anchors = re.findall(r'id="([^"]+)"', page)
    assert len(anchors) == len(set(anchors)) and set(re.findall(r'href="#([^"]+)"', page)) <= set(anchors)
    assert "One data set." not in page


@pytest.mark.parametrize(("value", "text"), [
    (123.456, "123"), (12345.6, "12,300"), (0.0012345, "0.00123"), (-0.5, "−0.500"), (0, "0"),
    (0.99999, "1.00"), (0.00001234, "1.23e−05"), (float("nan"), "–"), (None, "–"),
])  # fmt: skip
def test_numbers_keep_three_digits(value, text):
    assert number(value) == text


def test_the_page_fetches_nothing_and_runs_one_script_alone(study):
    page = (study[0].reports / "index.html").read_text(encoding="utf-8")
    sources = re.findall(r"""(?:src|url|srcset|action)\s*[=(]\s*["']?([^"'\s>)]*)""", page)
    assert sources and all(re.match(r"data:image/(png|svg\+xml);base64,", source) for source in sources)
    without = re.sub(r"base64,[A-Za-z0-9+/=]+", "", page)
    assert set(re.findall(r"https?://[^\"'\s<]*", without)) <= set(
        re.findall(r'<a href="(https://arxiv[^"]*)"', without)
    )
    assert not re.search(r"<link|@import|<iframe|<object|\son\w+=|javascript:", without)
    (script,) = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)[1]
    assert "default-src 'none'" in policy and f"script-src 'sha256-{digest}';" in policy
    assert len(script.splitlines()) <= 120


def test_links_lead_to_files_params_and_papers(study):
    workspace, _ = study
    page = (workspace.reports / "index.html").read_text(encoding="utf-8")
    links = [link for link in re.findall(r'<a href="([^"#]+)"', page) if not link.startswith("https:")]
    assert {"../params.yaml", "results.csv", "summary.md", "figures/digits_cfid.svg", "figures/digits_cfid.csv"} <= set(
        links
    )
    assert [link for link in links if not (workspace.reports / link).is_file()] == []
    assert "https://arxiv.org/abs/1704.00028" in page and "https://arxiv.org/abs/1406.2661" in page
    assert "Newest run of 2020-01-01. Made by ganspeed" in page


def test_no_markup_of_the_other_kind_is_printed(study):
    page = (study[0].reports / "index.html").read_text(encoding="utf-8")
    shown = re.sub(r"<(script|style)>.*?</\1>|<[^>]+>", "", page, flags=re.DOTALL)
    assert "`" not in shown and "**" not in shown and "](" not in shown


def test_no_name_of_the_code_stands_for_what_it_names(study):
    assert re.findall(r"\{\w*\}", (study[0].reports / "summary.md").read_text(encoding="utf-8")) == []


def test_the_summary_shows_every_figure_there_is(study):
    summary = (study[0].reports / "summary.md").read_text(encoding="utf-8")
    linked = re.findall(r"\]\((figures/[^)]+)\)", summary)
    there = [str(Path("figures") / path.name) for path in (study[0].reports / "figures").iterdir()]
    assert sorted(linked) == sorted(there)


def test_published_numbers_are_marked_as_not_comparable(study):
    workspace, *_ = study
    part = (workspace.reports / "summary.md").read_text(encoding="utf-8").split(f"## {published_fid.TITLE}")[1]
    assert "Not comparable with cfid" in part and "1711.10337" in part
    assert "| WGAN-GP (wgan_gp) | 20.3 | 30 |" in part


def test_a_copy_on_other_seeds_is_called_one(study):
    workspace, params = study
    (found,) = read_results(workspace, params)
    copy = [
        dataclasses.replace(run, variant="copy", record=dataclasses.replace(run.record, seed=run.seed + 500))
        for run in found.of("wgan_gp")
    ]
    changed = dataclasses.replace(found, variants=(*found.variants, "copy"), runs=(*found.runs, *copy))
    opening = design.opening([changed])
    assert "copy trains on the seeds plus 500, paired with the others by position; it is wgan_gp once more" in opening
    assert "once more" not in design.opening([found])


def test_a_title_is_text_in_markdown_as_well(study):
    workspace, params = study
    title = "<script>alert(1)</script> | [a](javascript:b) *c* `d` & \\ #1_2"
    page = dataclasses.replace(page_of(read_results(workspace, params), params.report), title=title)
    shown = render("page.md", page, workspace.reports / "figures")
    assert shown.splitlines()[0] == (
        r"# &lt;script\>alert(1)&lt;/script\> \| \[a\](javascript:b) \*c\* \`d\` &amp; \\ \#1\_2"
    )
    table = Table("caption", ("name",), (("", ((Cell("a|b<i>\nc~"),),)),))
    page = dataclasses.replace(page, sections=(Section("Names", 2, (table,)),))
    assert "| a\\|b&lt;i> c\\~ |" in render("page.md", page, workspace.reports / "figures")
