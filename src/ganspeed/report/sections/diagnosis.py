"""What is wrong with the runs of each variant, since when, and what to try."""

from ganspeed.diagnosis.text import counted
from ganspeed.params.blocks import Report
from ganspeed.report.blocks import Section
from ganspeed.report.read import Results
from ganspeed.report.tables import Cell, Table, plain
from ganspeed.report.words import units

TITLE = "Diagnosis"


def section(results: Results, settings: Report) -> Section:
    nothing = f"Nothing was found on {results.dataset}, in {units(len(results.seeds))} of any variant."
    return Section(TITLE, 3, (table(results) or nothing,))


def table(results: Results) -> Table | None:
    """A row for each variant and finding: of how many runs, since when, and what to try. None without findings."""
    rows = []
    for variant in results.variants:
        runs = [results.findings[run.variant, run.seed] for run in results.of(variant)]
        for finding, since, k in counted(runs):
            texts = Cell(variant), Cell(finding.title, _plain(finding.means)), Cell(_plain(finding.advice))
            rows.append((*texts, Cell(f"{k}/{len(runs)}"), Cell(plain(since))))
    if not rows:
        return None
    caption = (
        f"What was found on the runs on {results.dataset}, by what they did, not by their blocks: in how many runs of "
        "a variant, and since which update, the median over these runs. Findings change no time and no verdict."
    )
    return Table(caption, ("variant", "finding", "what to try", "runs", "since"), (("", tuple(rows)),), texts=3)


def _plain(text: str) -> str:
    return text.replace("`", "")
