"""The page: its sections in order. A new section is a file in sections/ and its name in one of these lists."""

import re
from dataclasses import dataclass
from pathlib import Path

from ganspeed import __version__
from ganspeed.params.blocks import Report
from ganspeed.report.blocks import Section
from ganspeed.report.read import Results
from ganspeed.report.sections import (
    design,
    diagnosis,
    every_run,
    factorial,
    limits,
    loss_quality,
    metrics,
    published_fid,
    scores,
    speed_ups,
    times,
    training,
    verdict,
    what_was_run,
)
from ganspeed.runs.provenance import UNKNOWN
from ganspeed.source_files import PACKAGE

FIRST = (verdict.section,)  # of every data set
METHOD = (design.section,)  # of the study
DETAILS = (
    scores.section,
    times.section,
    speed_ups.section,
    metrics.section,
    training.section,
    diagnosis.section,
    factorial.section,
    loss_quality.section,
)
LAST = (what_was_run.section, limits.section, published_fid.section, every_run.section)  # of the study
ARXIV = re.compile(r"\b\d{4}\.\d{4,5}\b")


@dataclass(frozen=True)
class Link:
    """An address, relative to the page or of the web, and its text."""

    address: str
    text: str


@dataclass(frozen=True)
class Page:
    """All that the templates show."""

    title: str
    status: str
    made: str  # the day of the newest run and the version, in words
    files: tuple[Link, ...]
    papers: tuple[Link, ...]
    sections: tuple[Section, ...]

    def anchor(self, section: Section) -> str:
        """The section's id, which no other has."""
        place = self.sections.index(section)
        return f"{place}-{re.sub('[^a-z0-9]+', '-', section.title.lower()).strip('-')}"


def page_of(everything: list[Results], settings: Report) -> Page:
    study = (everything, settings)
    found = [make(results, settings) for results in everything for make in FIRST]
    found += [make(*study) for make in METHOD]
    found += [make(results, settings) for results in everything for make in DETAILS]
    found += [make(*study) for make in LAST]
    return Page(
        title=settings.title,
        status=verdict.status_line(everything),
        made=_made(everything),
        files=_files(everything),
        papers=_papers(everything),
        sections=tuple(section for section in found if section.blocks),
    )


def _made(everything: list[Results]) -> str:
    starts = [run.provenance.start for results in everything for run in results.runs]
    days = [start[:10] for start in starts if start != UNKNOWN]
    newest = f"Newest run of {max(days)}. " if days else ""
    return f"{newest}Made by ganspeed {__version__}."


def _files(everything: list[Results]) -> tuple[Link, ...]:
    comparisons = [Link(f"comparison/{results.dataset}.json", f"{results.dataset}.json") for results in everything]
    named = ("results.csv", "curves.csv", "metrics.json", "summary.md")
    return (Link("../params.yaml", "params.yaml"), *(Link(name, name) for name in named), *comparisons)


def _papers(everything: list[Results]) -> tuple[Link, ...]:
    """The papers that the docstrings of the objectives name first."""
    objectives = dict.fromkeys(run.record.objective for results in everything for run in results.runs)
    found = []
    for objective in objectives:
        source = Path(PACKAGE / "objectives" / f"{objective}.py")
        if source.is_file() and (identifier := ARXIV.search(source.read_text(encoding="utf-8").split('"""')[1])):
            found.append(Link(f"https://arxiv.org/abs/{identifier[0]}", f"{objective} (arXiv:{identifier[0]})"))
    return tuple(found)
