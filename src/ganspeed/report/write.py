"""Writes the report: an HTML page that opens offline, the same page in Markdown, and the tables behind both."""

from pathlib import Path

import pandas as pd

from ganspeed.params.blocks import Flags, Params
from ganspeed.report import summaries
from ganspeed.report.figure_files import write_figure
from ganspeed.report.page import page_of
from ganspeed.report.read import Results, read_results
from ganspeed.report.render import render
from ganspeed.system.files import move, temporary_folder, write_json, write_text
from ganspeed.workspace import Workspace


def write_report(workspace: Workspace, params: Params) -> None:
    """Write index.html, summary.md, results.csv, metrics.json, figures/ and comparison/ under reports/.

    All files are written to a temporary folder first and then replace the old report one by one. Raises UserError
    naming every missing file of the runs in params.compare; the old report is then unchanged.
    """
    everything = read_results(workspace, params)
    with temporary_folder(workspace.reports / "report") as new:
        _write_pages(new, params, everything)
        _write_tables(new, everything, params.report.flags)
        for path in sorted(new.iterdir()):
            move(path, workspace.reports / path.name)


def _write_pages(new: Path, params: Params, everything: list[Results]) -> None:
    page = page_of(everything, params.report)
    for picture in (picture for section in page.sections for picture in section.pictures):
        write_figure(picture, new / "figures", params.report.dpi)
    for template, name in (("page.html", "index.html"), ("page.md", "summary.md")):
        write_text(new / name, render(template, page, new / "figures"))


def _write_tables(new: Path, everything: list[Results], bounds: Flags) -> None:
    table = pd.concat([summaries.tidy(results) for results in everything], ignore_index=True)
    write_text(new / "results.csv", table.to_csv(index=False, lineterminator="\n"))
    write_json(new / "metrics.json", {results.dataset: summaries.metrics(results) for results in everything})
    for results in everything:
        flags = summaries.flags(results, bounds)
        flagged = [{"variant": v, "seed": s, "flags": names} for (v, s), names in flags.items() if names]
        status = {"status": results.status.name, "status_reasons": results.status.reasons}
        comparison = {**results.comparison.to_json(), **status, "flags": flagged}
        write_json(new / "comparison" / f"{results.dataset}.json", comparison, compact=True)
