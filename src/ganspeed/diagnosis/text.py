"""Findings as text: tables for a terminal, and what each finding means."""

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from statistics import median_low

from ganspeed.diagnosis import Finding, Findings, all_detectors

WIDTH = 100  # of paragraphs
NOTHING = "Nothing found."
HEAD = ("finding", "since", "statistic against bound")


def text_of(findings: Findings) -> str:
    """Findings of one run: a table, what each means and what to try, and what was not asked."""
    table = aligned(HEAD, [_cells(finding) for finding in findings]) if findings else NOTHING
    return "\n".join([table, *explained(findings), *not_asked([findings])])


def html_of(findings: Findings) -> str:
    """The same as a table of a notebook."""
    head = "".join(f"<th>{escape(cell)}</th>" for cell in (*HEAD, "meaning", "what to try"))
    rows = [(*_cells(finding), finding.means, finding.advice) for finding in findings]
    body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table><tr>{head}</tr>{body}</table>" if rows else f"<p>{NOTHING}</p>"


def of_runs(runs: Mapping[tuple[str, int], Findings]) -> str:
    """Findings of several runs, (variant, seed) → its: a row each."""
    rows = [(variant, str(seed), *_cells(finding)) for (variant, seed), found in runs.items() for finding in found]
    table = aligned(("variant", "seed", *HEAD), rows) if rows else NOTHING
    return "\n".join([table, *explained(_all(runs.values())), *not_asked(list(runs.values()))])


def of_variants(runs: Mapping[tuple[str, int], Findings]) -> str:
    """Findings of several variants: a row for each variant and finding, with how many of its runs have it."""
    rows = []
    for variant in dict.fromkeys(variant for variant, _ in runs):
        own = [found for (name, _), found in runs.items() if name == variant]
        for finding, since, k in counted(own):
            rows.append((variant, finding.title, f"{k} of {len(own)}", f"{since}", finding.statistic))
    head = ("variant", "finding", "seeds", "since (median)", "statistic against bound (of the first seed)")
    table = aligned(head, rows) if rows else NOTHING
    return "\n".join([table, *explained(_all(runs.values()))])


def counted(runs: Sequence[Findings]) -> list[tuple[Finding, int, int]]:
    """The findings of several runs: that of the first that has it, median of `since`, and how many have it."""
    alike: dict[str, list[Finding]] = {}
    for finding in _all(runs):
        alike.setdefault(finding.title, []).append(finding)
    return [(own[0], median_low(finding.since for finding in own), len(own)) for own in alike.values()]


def explained(findings: Iterable[Finding]) -> list[str]:
    """For each kind of finding what it means and what to try."""
    lines, seen = [], set()
    for finding in findings:
        if (text := (finding.title, finding.means, finding.advice)) not in seen:
            seen.add(text)
            lines += ["", f"{finding.title}: {finding.name}", *_wrapped(finding.means)]
            lines += _wrapped(f"Try: {finding.advice}")
    return lines


def not_asked(runs: Sequence[Findings]) -> list[str]:
    """The detectors that no run could be asked, with what they lack."""
    asked = [name for name in all_detectors() if not all(name in findings.not_asked for findings in runs)]
    lacking = {name: reason for name, reason in runs[0].not_asked.items() if name not in asked} if runs else {}
    return ["", "not asked:", *(f"  {name}: {reason}" for name, reason in lacking.items())] if lacking else []


def aligned(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in columns, the last as wide as it is."""
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in (head, *rows)]
    return "\n".join(line.rstrip() for line in lines)


def _cells(finding: Finding) -> tuple[str, str, str]:
    return finding.title, str(finding.since), finding.statistic


def _all(runs: Iterable[Findings]) -> list[Finding]:
    """The findings of all runs, in the detectors' order."""
    numbers = {name: detector.number for name, detector in all_detectors().items()}
    return sorted((finding for findings in runs for finding in findings), key=lambda finding: numbers[finding.name])


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent="  ", subsequent_indent="  ", break_on_hyphens=False)
