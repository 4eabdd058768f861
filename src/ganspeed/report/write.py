"""Writes the report: an HTML page that opens offline, the same page in Markdown, and the tables behind both."""

from pathlib import Path

from ganspeed.params.blocks import Params
from ganspeed.report.data_files import write_data_files
from ganspeed.report.figure_files import write_figure
from ganspeed.report.page import page_of
from ganspeed.report.read import Results, read_results
from ganspeed.report.render import render
from ganspeed.system.files import move, temporary_folder, write_text
from ganspeed.workspace import Workspace


def write_report(workspace: Workspace, params: Params) -> None:
    """Write index.html, summary.md, figures/ and what data_files.py names under reports/.

    All files are written to a temporary folder first and then replace the old report one by one. Raises UserError
    naming every missing file of the runs in params.compare; the old report is then unchanged.
    """
    everything = read_results(workspace, params)
    with temporary_folder(workspace.reports / "report") as new:
        _write_pages(new, params, everything)
        write_data_files(new, everything, params)
        for path in sorted(new.iterdir()):
            move(path, workspace.reports / path.name)


def _write_pages(new: Path, params: Params, everything: list[Results]) -> None:
    page = page_of(everything, params.report)
    for picture in (picture for section in page.sections for picture in section.pictures):
        write_figure(picture, new / "figures", params.report.dpi)
    for template, name in (("page.html", "index.html"), ("page.md", "summary.md")):
        write_text(new / name, render(template, page, new / "figures"))
