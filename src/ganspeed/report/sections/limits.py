"""The limits of the report: what it may and may not be taken to show."""

from typing import Any

from ganspeed.compare.differences import in_words
from ganspeed.compare.rows import Row
from ganspeed.data.prepared import Manifest
from ganspeed.params.blocks import Report
from ganspeed.params.cautions import cautions
from ganspeed.params.networks import parse_networks
from ganspeed.params.objectives import objective_declarations
from ganspeed.params.variants import parse_variant
from ganspeed.report import summaries
from ganspeed.report.blocks import Points, Section
from ganspeed.report.read import Results
from ganspeed.report.tables import plain
from ganspeed.report.words import STATUS_WORDS, listed
from ganspeed.runs.record import block_of
from ganspeed.scoring.metrics import METRICS

SECONDS = "Seconds are those of one machine and of the engine that trained, alone; runs of one update share its time."


def section(everything: list[Results], settings: Report) -> Section:
    return Section("What this may and may not be taken to show", 2, (Points(tuple(all_limits(everything))),))


def all_limits(everything: list[Results]) -> list[tuple[str, str]]:
    """The limits of these results: pairs of a heading and its text."""
    points = [*_limits_of_design(everything), *_limits_of_data(everything), *_our_readings(everything)]
    if any("diagnostics/rho" in results.history for results in everything):
        points += LIMITS_OF_PENALTY
    return points


def _our_readings(everything: list[Results]) -> list[tuple[str, str]]:
    """The variants whose objectives are built on a paper without its formulas, by paper."""
    objectives = {run.variant: run.record.objective for results in everything for run in results.runs}
    found: dict[str, list[str]] = {}
    for variant, objective in objectives.items():
        if paper := objective_declarations(objective).our_reading_of:
            found.setdefault(paper, []).append(variant)
    return [
        ("Our reading, not the paper’s formula", f"{listed(names)}: this project’s reading of {paper}.")
        for paper, names in found.items()
    ]


LIMITS_OF_PENALTY = [
    (
        "The distance is not a fixed yardstick",
        "The critic’s gap is a Wasserstein distance times a Lipschitz constant that λ itself sets free, so that ρ, α "
        "and λ at one update do not compare with those at another as distances would.",
    ),
    (
        "The penalty’s share is one of |gap| + λ·penalty",
        "When the gap passes near 0 the share is near 1 whatever the penalty, so that single peaks mean little.",
    ),
]


def _limits_of_design(everything: list[Results]) -> list[tuple[str, str]]:
    timed = all("seconds" in summaries.axes(results) for results in everything)
    return [
        *_limits_of_recipes(everything),
        *_cautions(everything),
        *_limits_of_status(everything),
        *(limit for results in everything for limit in _limit_of_pairs(results)),
        (
            "What the intervals suppose",
            "They invert an exact sign-flip test of paired log times, which supposes differences symmetric about a "
            "shift; counting late arrivals as the budget bends that. Below 6 paired seeds there is none.",
        ),
        (
            "Many comparisons",
            "Only planned comparisons on the primary axis at τ are corrected for their number (Holm) and can carry a "
            "verdict. Everything else is to look at, not to conclude from.",
        ),
        (
            "cfid is not FID",
            "It uses a classifier trained here, its own sample sizes and its own scale. The floor comes from real "
            "samples, which may be fewer than the generated ones and bias it upward: a curve may end below it.",
        ),
        (
            "Which axis matters",
            "A generator update with several critic steps costs several times the work: compare on critic updates or "
            f"images as well. {SECONDS if timed else 'There is no axis of seconds here.'}",
        ),
        ("Losses are not quality", "Those of critics are not comparable across variants."),
        (
            "The last snapshot is scored, never the best one",
            "A diverged run is counted, with the last snapshot it has.",
        ),
    ]


def _limits_of_recipes(everything: list[Results]) -> list[tuple[str, str]]:
    """Which recipes were not tuned, or what the tuning was."""
    untuned = sorted(
        {name for results in everything for name in results.comparison.untuned}, key=everything[0].variants.index
    )
    if not untuned:
        text = (
            "Every variant had the same number of trials, over the same ranges for the knobs they share: the best of a "
            "short search, on val."
        )
        return [("Tuned with an equal budget", text)]
    which = "" if set(untuned) == set(everything[0].variants) else f"{listed(untuned)}: "
    text = (
        f"{which}Learning rates and penalties are starting points, not the best of each method found with an equal "
        "budget. A ranking of these recipes is no ranking of the methods behind them."
    )
    return [("Untuned recipes", text)]


def _cautions(everything: list[Results]) -> list[tuple[str, str]]:
    """What `ganspeed check` cautions against, of the blocks that the runs were trained with, and on which data sets."""
    found: dict[str, list[str]] = {}
    for results in everything:
        records = {run.variant: run.record for run in results.runs}
        methods = [
            (name, parse_variant(record.variant_block), parse_networks(record.networks_block))
            for name, record in records.items()
        ]
        for caution in cautions(methods):
            found.setdefault(caution, []).append(results.dataset)
    everywhere = len(everything)
    texts = [text if len(names) == everywhere else f"{text} (on {listed(names)})" for text, names in found.items()]
    return [("To be read with care", f"{text}.") for text in texts]


def _limits_of_status(everything: list[Results]) -> list[tuple[str, str]]:
    points = []
    for results in everything:
        dataset, record = results.dataset, f"preregistration/{results.dataset}.json"
        if results.status.name == "confirmatory":
            fixed = f"Length, thresholds, variants, seeds and pairs were committed before the runs, in {record}."
            points.append(("Confirmatory", f"{fixed} What was not planned there is exploratory."))
        else:
            text = f"On {dataset}: {'; '.join(results.status.reasons)}."
            points.append((STATUS_WORDS[results.status.name].capitalize(), text))
    return points


def _limit_of_pairs(results: Results) -> list[tuple[str, str]]:
    """The pairs that differ in more than the method, each once, with the weights of both arms where networks do."""
    comparison, found = results.comparison, {}
    for row in (comparison.primary(*pair) for pair in comparison.pairs):
        if row.differs:
            found.setdefault(frozenset((row.new, row.reference)), row)
    if not found:
        return []
    text = (
        f"On {results.dataset} these pairs are compared without a verdict, since the difference may be what made one "
        f"faster: {'; '.join(_pair(row, results) for row in found.values())}."
    )
    return [("Pairs that differ in more than the method", text)]


def _pair(row: Row, results: Results) -> str:
    names, text = (row.new, row.reference), f"{row.new} against {row.reference}, {in_words(row.differs)}"
    if not any(difference.is_network for difference in row.differs):
        return text
    weights = [results.of(name)[0].weights for name in names]
    if None in weights:
        return f"{text} (numbers of weights not recorded)"
    counts = (f"{player} {weights[0][player]:,} against {weights[1][player]:,}" for player in ("G", "D"))
    return f"{text} (weights of {', of '.join(counts)})"


def _limits_of_data(everything: list[Results]) -> list[tuple[str, str]]:
    points = []
    if len(everything) == 1:
        points.append(("One data set", f"Nothing here speaks of data other than {everything[0].dataset}."))
    ratios = {r.dataset: r.runs[0].record.grid_ratio for r in everything}
    for dataset, ratio in ratios.items():
        if ratio > 1.05:
            text = (
                f"On {dataset} neighbouring snapshots stand up to a factor {plain(ratio)} apart, further early on: a "
                "time to threshold is no finer than that. A full study uses 1.05."
            )
            points.append(("Coarse snapshots", text))
    points += [_limit_of_classes(results) for results in everything if _block(results, "data").get("classes")]
    points += [_limit_of_problem(results) for results in everything if _block(results, "train").get("problem")]
    points += [_limit_of_duplicates(results.manifest) for results in everything if results.manifest.duplicates]
    return points


def _block(results: Results, name: str) -> dict[str, Any]:
    """A block of the data set as its runs were trained with it, the same for all of them."""
    return block_of(results.runs[0].record, name)


def _limit_of_classes(results: Results) -> tuple[str, str]:
    """Which classes everything is about, and what is not said of a single one."""
    names = _block(results, "data")["classes"]
    text = (
        f"On {results.dataset} G is trained on {listed(map(repr, names))} alone, of {len(results.manifest.classes)} "
        "classes, and scored against held-out images of these; the metric classifiers know all of them. "
    )
    if len(names) > 1:
        return "Some classes alone", f"{text}The metric modes counts these."
    left_out = listed([metric.name for metric in METRICS if metric.needs_classes > 1])
    return "One class alone", f"{text}Left out, since they say nothing of a single class: {left_out}."


def _limit_of_problem(results: Results) -> tuple[str, str]:
    """What G is fed, and what scores are then of."""
    problem = _block(results, "train")["problem"]
    of = ", ".join(f"{key} {value:g}" for key, value in problem.items() if key != "name")
    text = (
        f"On {results.dataset} G is fed a degraded image beside its noise ({problem['name']}: {of}), in scores one of "
        "the held-out images that the set of its samples is then held against: those scores do not compare with a "
        "GAN's that is fed noise alone."
    )
    return "Fed images", text


def _limit_of_duplicates(manifest: Manifest) -> tuple[str, str]:
    found, n = manifest.duplicates, sum(split.n for split in manifest.splits.values())
    if found.across_splits:
        meaning = (
            f"{found.across_splits:,} of them in another split: what was held out for scores is partly what was "
            "trained on, so that distances and recall also reward what was memorised."
        )
    else:
        meaning = "none of them in another split; such a picture counts more than once in its own."
    return (
        "The same picture more than once",
        f"On {manifest.dataset} {found.pictures:,} of {n:,} have a copy, {meaning}",
    )
