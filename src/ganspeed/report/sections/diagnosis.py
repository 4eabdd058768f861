"""What is wrong with the runs of each variant, since when, and what to try."""

from ganspeed.diagnosis import Finding
from ganspeed.diagnosis.text import counted
from ganspeed.params.blocks import Report
from ganspeed.report.blocks import Section
from ganspeed.report.read import Results
from ganspeed.report.tables import Cell, Table, plain
from ganspeed.report.words import units

TITLE = "Diagnosis"


def section(results: Results, settings: Report) -> Section:
    nothing = f"Nothing was found on {results.dataset}, in {units(len(results.seeds))} of any variant."
    return Section(TITLE, 3, (table(results), advice_table(results)) if _found(results) else (nothing,))


def table(results: Results) -> Table:
    """A row for each variant and finding: of how many runs, and since when."""
    rows = [
        (Cell(variant), Cell(finding.title), Cell(f"{k}/{len(results.of(variant))}"), Cell(plain(since)))
        for variant, finding, since, k in _found(results)
    ]
    caption = (
        f"What was found on the runs on {results.dataset}, by what they did, not by their blocks: in how many runs of "
        "a variant, and since which update, the median over these runs. Findings change no time and no verdict."
    )
    return Table(caption, ("variant", "finding", "runs", "since"), (("", tuple(rows)),), texts=2)


def advice_table(results: Results) -> Table:
    """A row for each kind of finding: what it means, and what to try."""
    kinds = {finding.title: finding for _, finding, _, _ in _found(results)}
    rows = [(Cell(title), Cell(_plain(kind.means)), Cell(_plain(kind.advice))) for title, kind in kinds.items()]
    caption = "What each finding means, and what to try, with the keys of params.yaml."
    return Table(caption, ("finding", "what it means", "what to try"), (("", tuple(rows)),), texts=3)


def _found(results: Results) -> list[tuple[str, Finding, int, int]]:
    """Variant, finding, since which update, and of how many runs."""
    return [
        (variant, *found)
        for variant in results.variants
        for found in counted([results.findings[run.variant, run.seed] for run in results.of(variant)])
    ]


def _plain(text: str) -> str:
    return text.replace("`", "")
