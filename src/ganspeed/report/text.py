"""The report's sentences: what was compared and by which methods, its status, and the captions of figures."""

from collections.abc import Iterable
from itertools import groupby
from operator import attrgetter

from ganspeed.report import plots
from ganspeed.report.read import Results
from ganspeed.report.tables import plain
from ganspeed.scoring.metrics import METRICS

STATUS_WORDS = {"demo": "a demonstration", "exploratory": "exploratory", "confirmatory": "confirmatory"}
CALIBRATION_GLOSSARY = (
    "Calibration rows: floor, real images against other real images; test, the held-out real images themselves; blur_w "
    "and drop_k, real images blurred by w pixels or without k of the classes; pixel_gaussian, Gaussian noise with the "
    "pixels’ mean and covariance; untrained, the median of all generators at update 0."
)
_entries = (
    f"{', '.join(metric.name for metric in alike)}: {text}." for text, alike in groupby(METRICS, attrgetter("glossary"))
)
GLOSSARY = " ".join((*_entries, CALIBRATION_GLOSSARY))


def listed(names: Iterable[object]) -> str:
    """One, two and three → `one, two and three`."""
    words = [str(name) for name in names]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def counted(n: int, one: str, many: str) -> str:
    return f"{n:,} {one if n == 1 else many}"


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
    train, row = results.runs[0].record.train_block, results.comparison.guards["consecutive"]
    text = (
        f"Methods on {results.dataset}. Each run was trained for {train['updates']:,} generator updates; neighbouring "
        f"snapshots stand a factor of {plain(train['grid_ratio'])} apart. A snapshot was scored by "
        f"{scored.samples:,} images against the held-out {scored.split} images. T is the first of {row} "
        f"snapshots in a row with cfid at or below a threshold; one that comes after B = {plain(used.budget)} "
        f"updates, or never, counts as B. Runs are paired by seed; a speed-up is a ratio of geometric means of T, its "
        f"p that of the exact two-sided sign-flip test, its interval the one that inverts the test: it supposes "
        f"differences that are symmetric about a shift, which counting late arrivals as B bends."
    )
    return f"{text} {_claims(results.comparison.guards)}" if results.comparison.planned else text


def _claims(guards: dict) -> str:
    """The conditions under which a planned comparison is called faster, slower or equivalent."""
    low, high = guards["equivalence"]
    return (
        f"Planned comparisons are Holm-corrected together. A claim needs a corrected p below .05, an interval without "
        f"1, and of the arm ahead: a final cfid below {plain(guards['margin'])} times the other’s (one-sided 95 % "
        f"bound), a mean coverage lower by at most {plain(guards['max_coverage_drop'])}, at most "
        f"{guards['max_extra_failures']} more diverged runs, and the lead at τ25, at τ75 and by the second classifier. "
        f"Equivalent means an interval that lies, widened by a step of the grid, within {plain(low)}–{plain(high)}."
    )


def status(results: Results) -> str:
    """The status of a data set's comparison with its reasons, in a sentence."""
    name, reasons = STATUS_WORDS[results.status.name], results.status.reasons
    used = results.comparison.thresholds
    rule = {"params": "set by hand in params.yaml", "pilot": "frozen from a pilot"}[used.rule]
    why = f" ({'; '.join(reasons)})" if reasons else ""
    return f"Status on {results.dataset}: {name}{why}. The threshold τ = {plain(used.tau)} was {rule}."


def curves(results: Results, axes: str) -> str:
    """Caption of a figure of cfid against some axes."""
    n = counted(len(results.seeds), "seed", "seeds")
    return (
        f"cfid against {axes} on {results.dataset}, both axes logarithmic. Thin: each of {n} per variant; bold: their "
        f"median, a run that has diverged counting as worse than any other. Dotted: the threshold τ, and the "
        f"calibration rows at their values: the floor (real against real) and Gaussian noise with the pixels’ mean and "
        f"covariance. ✕ marks where a run diverged. Update 0, the untrained generator, stands in the table."
    )


def metrics(results: Results) -> str:
    return (
        f"The other metrics on {results.dataset} at the snapshots that have them, ↑ higher or ↓ lower is better "
        f"({len(results.seeds)} seeds per variant, thin; median bold, a diverged run counting as worst where it has no "
        f"value). Dotted: the calibration rows floor and pixel-Gaussian, where they have the metric."
    )


def samples(results: Results, seed: int) -> str:
    return (
        f"Samples on {results.dataset} from the same noise vectors through training: seed {seed}, the first of "
        f"{len(results.seeds)}, for every variant."
    )


def traces(results: Results) -> str:
    return (
        f"What the penalties did on {results.dataset}, for every variant that logs it ({len(results.seeds)} seeds "
        f"thin, median of the runs still going bold). ρ: how far there is still to go, by the critic’s gap against its "
        f"largest average so far; α: weight of the real sample in the interpolation; λ: weight of the penalty; share: "
        f"λ·penalty / (|gap| + λ·penalty), at the last critic step of the update."
    )


def profile(results: Results) -> str:
    return (
        f"Norm of the critic’s input gradient on the way from generated (0) to real samples (1) on {results.dataset}, "
        f"at the first samples of the batch of an update’s last critic step, for every variant alike, penalised or not "
        f"({len(results.seeds)} seeds thin, median of the runs still going bold). Penalised variants share one "
        f"logarithmic scale, any other has its own. "
        f"Dotted: 1, where the penalties pull it. A network without a Lipschitz bound is free to leave it."
    )


def losses(results: Results) -> str:
    return (
        f"Losses of both players on {results.dataset} ({len(results.seeds)} seeds thin, median of the runs still going "
        f"bold), each panel on its own scale (where a loss exceeds {plots.WIDE_LOSS}, logarithmic beyond ±1). "
        f"Their scale depends on clipping and penalty: they say nothing across variants."
    )
