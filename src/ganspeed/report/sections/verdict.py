"""The first section of a data set: who is ahead, by how much, and is it a verdict; then its curves and samples."""

from ganspeed.compare import sentence, summary
from ganspeed.compare.comparison import UNIT, Comparison
from ganspeed.compare.power import ENOUGH_POWER
from ganspeed.compare.rows import Row
from ganspeed.compare.summary import VariantSummary, speed_up
from ganspeed.compare.verdict import EQUIVALENT, EXPLORATORY, FASTER, SLOWER
from ganspeed.params.blocks import Report
from ganspeed.report import summaries
from ganspeed.report.blocks import Card, Glance, Section
from ganspeed.report.interval_bar import Scale, interval_bar
from ganspeed.report.read import Results
from ganspeed.report.sections import curves, samples
from ganspeed.report.tables import Cell, Table, number, plain
from ganspeed.report.words import STATUS_WORDS, bound_clause, units

TONES = {FASTER: "faster", SLOWER: "slower", EQUIVALENT: "equivalent", EXPLORATORY.upper(): "exploratory"}


def section(results: Results, settings: Report) -> Section:
    comparison = results.comparison
    blocks = [summary.headline(comparison), Glance(cards(results), card_table(results), curves.block(results))]
    blocks += [first_table(results), samples.picture(results, settings)]
    if comparison.planned and comparison.power is not None:
        blocks.append(power(results.dataset, **comparison.power))
    return Section(f"Verdict on {results.dataset}", 2, tuple(blocks))


def status_line(everything: list[Results]) -> str:
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


def card_rows(results: Results) -> list[Row]:
    """The comparisons to show first: in the order of the plan or, without one, the one that is furthest ahead first."""
    rows = summary.cards(results.comparison)
    return rows if results.comparison.planned else sorted(rows, key=lambda row: row.ratio, reverse=True)


def cards(results: Results) -> tuple[Card, ...]:
    rows = card_rows(results)
    scale = Scale.of(rows)
    return tuple(_card(row, scale, results.comparison) for row in rows)


def _card(row: Row, scale: Scale, comparison: Comparison) -> Card:
    word = summary.verdict_word(row)
    ratio, interval = speed_up(row)
    tone = next((tone for start, tone in TONES.items() if word.upper().startswith(start)), "open")
    return Card(
        word=word,
        tone="guarded" if "GUARD FAILED" in word else tone,
        title=f"{summary.named(row)} over {row.reference}",
        ratio=f"{ratio}×" if row.reached_new + row.reached_reference else "no ratio",
        interval=f"95 % interval {interval}" if interval else "no interval",
        counts=_counts(row),
        p=_p(row),
        clause=bound_clause(row),
        sentence=row.sentence or "",
        bar=interval_bar(row, scale, comparison.guards["equivalence"]),
    )


def card_table(results: Results) -> Table:
    """The cards as a table."""
    rows = []
    for row, card in zip(card_rows(results), cards(results), strict=True):
        below = " ".join(filter(None, (card.clause, card.sentence)))
        words = Cell(card.title, below), Cell(card.word), Cell(card.ratio, card.interval), Cell(_reached(row))
        rows.append((*words, Cell(card.p)))
    caption = "The comparisons to look at first: speed-up to τ, and how many runs of both arms reached it."
    return Table(caption, ("", "verdict", "speed-up", "reached τ", "p"), (("", tuple(rows)),), texts=2)


def _counts(row: Row) -> str:
    return f"τ reached: {row.new} {row.reached_new}/{row.n}, {row.reference} {row.reached_reference}/{row.n} {UNIT}"


def _reached(row: Row) -> str:
    return f"{row.reached_new}/{row.n} against {row.reached_reference}/{row.n} {UNIT}"


def _p(row: Row) -> str:
    """Holm's p of a planned comparison, else that of the test alone."""
    value, kind = (row.p, "uncorrected") if row.p_holm is None else (row.p_holm, "Holm")
    if value is None:
        return ""
    return f"p {'< 0.001' if value < 0.001 else f'= {value:.3f}'} ({kind})"


def first_table(results: Results) -> Table:
    """One row per variant: time to tau, how many runs reached it, and the speed-up over the first reference."""
    comparison = results.comparison
    found = {of.variant: of for of in summary.summaries(comparison)}
    reference = next(iter(summary.references(comparison)), None)
    rows = tuple(_variant_row(found[variant], comparison, reference) for variant in results.variants)
    head = ("", "updates to τ", "reached", *([f"speed-up over {reference}", "verdict"] if reference else []))
    caption = (
        f"Every variant on {results.dataset}: generator updates to τ = {plain(comparison.thresholds.tau)}, the "
        f"geometric mean with its 95 % interval, where a run that does not get there counts as the budget of "
        f"{plain(comparison.thresholds.budget)} (≥: there is such a run)."
    )
    return Table(caption, head, (("", rows),))


def _variant_row(of: VariantSummary, comparison: Comparison, reference: str | None) -> tuple[Cell, ...]:
    late = "≥" if of.reached < of.n else ""
    interval = "" if of.low is None or of.reached == 0 else f"{number(of.low)}–{number(of.high)}"
    below = summaries.other_than_reference(comparison, of.variant)
    cells = (
        Cell(of.variant, below),
        Cell(f"{late}{number(of.time_to_tau)}", interval),
        Cell(f"{of.reached}/{of.n} {UNIT}"),
    )
    if reference is None:
        return cells
    if of.variant == reference:
        return (*cells, Cell("1", "the reference"), Cell(""))
    if (of.variant, reference) not in comparison.pairs:
        return (*cells, Cell("not compared"), Cell(""))
    row = comparison.primary(of.variant, reference)
    ratio, below = speed_up(row)
    return (*cells, Cell(ratio, below or "no interval"), Cell(summary.verdict_word(row)))


def power(dataset: str, ratio: float, n: int, power: float) -> str:
    """The chance that a study like this one finds a speed-up, in a sentence."""
    word = "" if power >= ENOUGH_POWER else " The study is underpowered."
    return (
        f"On {dataset} a true speed-up of {sentence.number(ratio)}× leads to a claim, guards included, in "
        f"{100 * power:.0f} % of studies of {units(n)}, simulated from the pilot.{word}"
    )
