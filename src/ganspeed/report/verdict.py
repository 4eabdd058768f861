"""The first section of the page: a sentence for every planned comparison, computed by `compare`, and its guards."""

from ganspeed.compare.power import ENOUGH_POWER
from ganspeed.compare.rows import Guard
from ganspeed.report.read import Results
from ganspeed.report.tables import Cell, Table, number, plain
from ganspeed.report.text import STATUS_WORDS

GUARD_WORDS = {
    "final_cfid": ("final cfid", "ratio of the two arms’ last cfid, one-sided 95 % bound", "<"),
    "coverage": ("coverage", "by how much its mean is lower", "≤"),
    "failures": ("failures", "diverged runs more than the other arm", "≤"),
    "tau25": ("τ25", "speed-up there", ">"),
    "tau75": ("τ75", "speed-up there", ">"),
    "second": ("second classifier", "speed-up to the same threshold by its features", ">"),
}


def headline(everything: list[Results]) -> str:
    """Recipes and status in a line at the top of the page, by data set if these differ."""
    lines = [
        (results.dataset, f"{recipes(results)} recipes, {STATUS_WORDS[results.status.name]}") for results in everything
    ]
    if len({line for _, line in lines}) == 1:
        return f"{lines[0][1]}."
    return " ".join(f"On {dataset}: {line}." for dataset, line in lines)


def recipes(results: Results) -> str:
    """Tuned, untuned or both."""
    untuned = results.comparison.untuned
    if not untuned:
        return "Tuned"
    return "Untuned" if set(untuned) == set(results.variants) else "Tuned and untuned"


def sentences(everything: list[Results]) -> list[str]:
    """One paragraph for each planned comparison of each data set, or a sentence that there is none."""
    found = []
    for results in everything:
        rows, power = results.comparison.planned, results.comparison.power
        found += [f"{row.verdict}. {row.sentence}" if row.verdict else row.sentence for row in rows]
        if not rows:
            found.append(
                f"On {results.dataset} no comparison was planned, so there is no verdict: every ratio and interval "
                f"below is exploratory."
            )
        if power is not None and rows:
            found.append(_power(results.dataset, **power))
    return found


def _power(dataset: str, ratio: float, n: int, power: float) -> str:
    word = "" if power >= ENOUGH_POWER else " The study is underpowered."
    return (
        f"On {dataset} a true speed-up of {plain(ratio)}× leads to a claim, guards included, in "
        f"{100 * power:.0f} % of studies of {n} seeds, simulated from the pilot.{word}"
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


def forest(results: Results) -> str:
    """Caption of the figure of speed-ups."""
    return (
        f"Speed-ups on {results.dataset} at three thresholds (τ25 the easiest) on every axis that differs for a pair; "
        f"right of 1 the first-named variant needed less. Bars: 95 % intervals by inverting the exact sign-flip test "
        f"({_paired_seeds(results)} paired seeds; none below 6), uncorrected. Hollow: an arm reached the threshold in "
        f"fewer than 90 % of the seeds, so that the budget decides. No mark: neither arm ever reached it."
    )


def arrivals(results: Results) -> str:
    return (
        f"Share of runs on {results.dataset} that had reached a threshold by a generator update ({len(results.seeds)} "
        f"seeds per variant), up to the budget of {plain(results.comparison.thresholds.budget)} updates (dotted)."
    )


def slopes(results: Results) -> str:
    which = " for every planned pair" if results.comparison.planned else ""
    return (
        f"Time to τ on {results.dataset}{which}, seed by seed: each line joins the two runs of one seed "
        f"({_paired_seeds(results)} paired seeds), reference left, the other right. Downward: the "
        f"other needed less. Hollow: not reached, drawn at the budget."
    )


def _paired_seeds(results: Results) -> str:
    """The number of paired seeds of the comparisons: one, or the lowest and the highest."""
    counts = [row.n for row in results.comparison.comparisons]
    return f"{min(counts)}" if min(counts) == max(counts) else f"{min(counts)}–{max(counts)}"
