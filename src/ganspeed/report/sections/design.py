"""What was compared, and by which methods; the guards of every verdict."""

from ganspeed.compare.rows import Guard
from ganspeed.params.blocks import Report
from ganspeed.report.blocks import Section
from ganspeed.report.read import Results
from ganspeed.report.tables import Cell, Table, number, plain, span
from ganspeed.report.words import counted, listed

GUARD_WORDS = {
    "final_cfid": ("final cfid", "ratio of the two arms’ last cfid, one-sided 95 % bound", "<"),
    "coverage": ("coverage", "by how much its mean is lower", "≤"),
    "failures": ("failures", "diverged runs more than the other arm", "≤"),
    "tau25": ("τ25", "speed-up there", ">"),
    "tau75": ("τ75", "speed-up there", ">"),
    "second": ("second classifier", "speed-up to the same threshold by its features", ">"),
}


def section(everything: list[Results], settings: Report) -> Section:
    table = guards(everything)
    texts = (opening(everything), *map(methods, everything))
    return Section("What was compared, and how", 2, (*texts, *([table] if table else [])))


def opening(everything: list[Results]) -> str:
    """One paragraph: what was compared, on how many runs, and by which metric."""
    first = everything[0]
    n_runs = sum(len(results.runs) for results in everything)
    n_diverged = sum(run.record.diverged_at is not None for results in everything for run in results.runs)
    return (
        f"{counted(len(first.variants), 'way', 'ways')} of training a GAN ({listed(first.variants)}) ran on "
        f"{listed([results.dataset for results in everything])} with {counted(len(first.seeds), 'seed', 'seeds')} "
        f"each: {counted(n_runs, 'run', 'runs')} in all, {n_diverged or 'none'} of which diverged. The same seed means "
        "the same order of data, the same noise and, where networks match, the same initial weights. Samples are "
        "measured through training by cfid, a Fréchet distance (lower is better) in the features of a small classifier "
        "that this pipeline trains itself, and the question is after how many updates it falls to a stated threshold. "
        f"cfid is not FID: it compares with nothing published elsewhere.{_copies(first)}"
    )


def _copies(results: Results) -> str:
    """A sentence for every variant that trains on other seeds than the rest."""
    first = {variant: results.of(variant)[0] for variant in results.variants}
    blocks = {variant: run.record.variant_block for variant, run in first.items()}
    offsets = {variant: run.record.seed - run.seed for variant, run in first.items()}
    sentences = ""
    for copy in (variant for variant, offset in offsets.items() if offset):
        twins = [v for v in results.variants if blocks[v] == blocks[copy] and offsets[v] != offsets[copy]]
        what = f"is {listed(twins)} once more: the true speed-up between them is 1" if twins else "stands alone"
        sentences += f" {copy} trains on the seeds plus {offsets[copy]}, paired with the others by position; it {what}."
    return sentences


def methods(results: Results) -> str:
    """The methods behind the times and tests of a data set, with the numbers used."""
    used, scored = results.comparison.thresholds, results.score_label
    record, guards = results.runs[0].record, results.comparison.guards
    lengths = [run.record.updates for run in results.runs]
    text = (
        f"Methods on {results.dataset}. Each run was trained for {span(lengths)} generator updates; neighbouring "
        f"snapshots stand a factor of {plain(record.grid_ratio)} apart. A snapshot was scored by "
        f"{scored.samples:,} images against the held-out {scored.split} images. T is the first of "
        f"{guards['consecutive']} snapshots in a row with cfid at or below a threshold; one that comes after "
        f"B = {plain(used.budget)} updates, or never, counts as B. Runs are paired by seed; a speed-up is a ratio of "
        f"geometric means of T, its p that of the exact two-sided sign-flip test, its interval the one that inverts "
        f"the test: it supposes differences that are symmetric about a shift, which counting late arrivals as B bends."
    )
    return f"{text} {_claims(**guards)}" if results.comparison.planned else text


def _claims(equivalence, margin: float, max_coverage_drop: float, max_extra_failures: int, **_) -> str:
    """The conditions under which a planned comparison is called faster, slower or equivalent."""
    low, high = equivalence
    return (
        f"Planned comparisons are Holm-corrected together. A claim needs a corrected p below .05, an interval without "
        f"1, and of the arm ahead: a final cfid below {plain(margin)} times the other’s (one-sided 95 % "
        f"bound), a mean coverage lower by at most {plain(max_coverage_drop)}, at most "
        f"{max_extra_failures} more diverged runs, and the lead at τ25, at τ75 and by the second classifier. "
        f"Equivalent means an interval that lies, widened by a step of the grid, within {plain(low)}–{plain(high)}."
    )


def guards(everything: list[Results]) -> Table | None:
    """The guards of every comparison with a verdict; None if there is no verdict."""
    groups = []
    for results in everything:
        for row in (row for row in results.comparison.planned if row.verdict is not None):  # both arms were tuned alike
            ahead = row.new if row.ratio >= 1 else row.reference
            title = f"{results.dataset}: {row.new} against {row.reference}, guards of {ahead}"
            groups.append((title, tuple(_guard(name, found) for name, found in row.guards.items())))
    if not groups:
        return None
    caption = (
        "Guards: what the arm that is ahead must not have paid for its speed. A claim with a guard that does not hold "
        "is printed with its name. Without a claim they decide nothing."
    )
    return Table(caption, ("guard", "what", "value", "asked", "holds"), tuple(groups), texts=2)


def _guard(name: str, found: Guard) -> tuple[Cell, ...]:
    label, what, sign = GUARD_WORDS[name]
    value = number(found.value) if found.value != 0 else "0"
    return (Cell(label), Cell(what), Cell(value), Cell(f"{sign} {plain(found.bound)}"),
            Cell("yes" if found.ok else "no"))  # fmt: skip
