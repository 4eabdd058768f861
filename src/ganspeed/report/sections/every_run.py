"""Every run by its fingerprint, with its flags."""

from ganspeed.params.blocks import Flags, Report
from ganspeed.report import summaries
from ganspeed.report.blocks import Section
from ganspeed.report.read import Results
from ganspeed.report.sections.what_was_run import commit
from ganspeed.report.tables import Cell, Table, plain


def section(everything: list[Results], settings: Report) -> Section:
    return Section("Every run", 2, (runs(everything, settings.flags),))


def runs(everything: list[Results], bounds: Flags) -> Table:
    """Every run by its fingerprint, with its flags."""
    rows = []
    for results in everything:
        flags = summaries.flags(results, bounds)
        for run in results.runs:
            status = "completed" if run.record.diverged_at is None else f"diverged at update {run.record.diverged_at:,}"
            end = Cell(status, ", ".join(flags[run.variant, run.seed]))
            fixed = map(Cell, (run.record.fingerprint[:16], commit(run)))
            rows.append((Cell(results.dataset), Cell(run.variant), Cell(str(run.record.seed)), end, *fixed))
    head = ("data set", "variant", "seed", "status", "fingerprint", "commit")
    caption = (
        f"Every run by its fingerprint. Below its status stand flags, which change no time and no verdict: critic "
        f"blow-up (a gap beyond ±{plain(bounds.gap)}), exploding lambda (beyond {plain(bounds.penalty_weight)}), mode "
        f"collapse (the last snapshot has less than {plain(bounds.modes)} of the real images’ modes)."
    )
    return Table(caption, head, (("", tuple(rows)),), texts=6)
