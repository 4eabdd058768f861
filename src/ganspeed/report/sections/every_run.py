"""Every run by its fingerprint, with its findings."""

from ganspeed.params.blocks import Report
from ganspeed.report.blocks import Section
from ganspeed.report.read import Results
from ganspeed.report.sections.what_was_run import commit
from ganspeed.report.tables import Cell, Table


def section(everything: list[Results], settings: Report) -> Section:
    return Section("Every run", 2, (runs(everything),))


def runs(everything: list[Results]) -> Table:
    """Every run by its fingerprint, with its findings."""
    rows = []
    for results in everything:
        for run in results.runs:
            status = "completed" if run.record.diverged_at is None else f"diverged at update {run.record.diverged_at:,}"
            end = Cell(status, ", ".join(finding.title for finding in results.findings[run.variant, run.seed]))
            fixed = map(Cell, (run.record.fingerprint[:16], commit(run)))
            rows.append((Cell(results.dataset), Cell(run.variant), Cell(str(run.record.seed)), end, *fixed))
    head = ("data set", "variant", "seed", "status", "fingerprint", "commit")
    caption = (
        "Every run by its fingerprint. Below its status stand its findings, which change no time and no verdict: what "
        "they mean stands under Diagnosis."
    )
    return Table(caption, head, (("", tuple(rows)),), texts=6)
