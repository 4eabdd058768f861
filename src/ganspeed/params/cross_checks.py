"""Checks across blocks: undefined names, and values that are inconsistent with each other."""

import re
from itertools import combinations_with_replacement, product

from pydantic import ValidationError

from ganspeed.params import knobs
from ganspeed.params.blocks import Knob, Params, Tuning, TuningArm
from ganspeed.params.count_checks import count_mistakes
from ganspeed.params.image_checks import image_mistakes
from ganspeed.params.messages import describe_value
from ganspeed.params.network_checks import network_mistakes
from ganspeed.params.rates import late_updates
from ganspeed.params.variants import Variant

NAME = re.compile(r"[a-z0-9][a-z0-9_]*")  # of data sets and variants: they become folders and stage names
LONGEST_NAME = 64  # letters; a file is named after a data set and a variant, and has 255 bytes
NO_KNOBS = ("networks", "warm_start", "batches")  # blocks of a variant that are beside its method
SPACES = ("tuning.shared", "tuning.arms.<name>.own")
# What is refused here, in a few words → the keys that it concerns; `ganspeed params` shows it.
REFUSED = {
    f"names not of small letters, digits and _, or longer than {LONGEST_NAME}": ("datasets", "variants", "tuning.arms"),
    "names that do not end in _tuned": ("tuning.arms",),
    "what is not defined, or named twice": ("compare.datasets", "compare.variants"),
    "a variant that is not defined": ("protocol.references", "pilot.variant", "tuning.arms.<name>.variant"),
    "a seed twice": ("compare.seeds", "pilot.seeds", "tuning.seeds"),
    "a seed of both pilot and tuning": ("pilot.seeds", "tuning.seeds"),
    "a comparison twice, or of a variant with itself": ("protocol.planned",),
    "a variant that is not in compare.variants": ("protocol.planned.<n>.new", "protocol.planned.<n>.reference"),
    "seed_offset of a planned variant": (
        "protocol.planned.<n>.new", "protocol.planned.<n>.reference", "variants.<name>.seed_offset",
    ),
    "not tau25 > tau > tau75": tuple(f"datasets.<name>.threshold.{tau}" for tau in ("tau25", "tau", "tau75")),
    "equal seed and second_seed": ("datasets.<name>.features.seed", "datasets.<name>.features.second_seed"),
    "log_every above updates": ("datasets.<name>.train.log_every", "datasets.<name>.train.updates"),
    "a variant that is a tuned arm": ("tuning.arms.<name>.variant",),
    "one number of a block twice": ("tuning.shared", "tuning.arms.<name>.own"),
    "a knob that an arm's variant lacks": ("tuning.shared", "tuning.arms.<name>.own"),
    "a knob of networks, warm_start or batches": ("tuning.shared", "tuning.arms.<name>.own"),
    "a grid with one value of a knob": ("tuning.search", "tuning.trials"),
    "not low < high": tuple(f"{where}.<name>.{end}" for where in SPACES for end in ("low", "high")),
    "0 or less with log": tuple(f"{where}.<name>.{key}" for where in SPACES for key in ("low", "log")),
    "what the block of an arm's variant refuses": tuple(
        f"{where}.<name>.{end}" for where in SPACES for end in ("low", "high")
    ),
}  # fmt: skip


def cross_mistakes(document: dict, parsed: Params | None) -> list[str]:
    """Mistakes across blocks. `parsed` is None where a block is wrong; names and duplicates are checked even then."""
    mistakes, variants = [], _names(document, "variants")
    for kind in ("datasets", "variants"):
        names = _names(document, kind)
        mistakes += [f"{kind}: {mistake}" for name in names for mistake in _name_mistakes(name)]
        mistakes += _unknown(document, f"compare.{kind}", names) + _duplicates(document, f"compare.{kind}")
    mistakes += _unknown(document, "protocol.references", variants)
    mistakes += _planned_mistakes(document)
    for seeds in ("compare.seeds", "pilot.seeds", "tuning.seeds"):
        mistakes += _duplicates(document, seeds)
    if parsed is None:
        return mistakes
    mistakes += _range_mistakes(parsed) + network_mistakes(parsed) + _schedule_mistakes(parsed)
    return mistakes + count_mistakes(parsed) + image_mistakes(parsed) + _tuning_mistakes(parsed, variants)


def _names(document: dict, block: str) -> list:
    """The keys of a block of blocks, whether these are valid or not."""
    return list(document[block]) if isinstance(document.get(block), dict) else []


def _name_mistakes(name: object, ending: str = "") -> list[str]:
    if not (isinstance(name, str) and NAME.fullmatch(name) and name.endswith(ending)):
        ends = f" that ends in {ending}" if ending else ""
        return [f"{name!r:.80} is not a name of small letters, digits and _{ends}"]
    return [f"{name!r:.80} has {len(name)} letters; allowed: {LONGEST_NAME}"] if len(name) > LONGEST_NAME else []


def _range_mistakes(params: Params) -> list[str]:
    mistakes = []
    for name, dataset in params.datasets.items():
        t = dataset.threshold
        if not t.tau25 > t.tau > t.tau75:
            mistakes.append(f"datasets.{name}.threshold: tau25 {t.tau25} > tau {t.tau} > tau75 {t.tau75} does not hold")
        if dataset.features.second_seed == dataset.features.seed:
            mistakes.append(
                f"datasets.{name}.features.second_seed: {dataset.features.second_seed} is features.seed too; the "
                "second classifier needs another one"
            )
        if dataset.train.log_every > dataset.train.updates:
            mistakes.append(f"datasets.{name}.train.log_every: {dataset.train.log_every} is more than train.updates")
    return mistakes


def _schedule_mistakes(params: Params) -> list[str]:
    """Schedules of the grid that name an update beyond the end of a run."""
    return [
        f"variants.{variant}.optimizer.{mistake}"
        for variant, dataset in product(params.compare.variants, params.compare.datasets)
        if variant in params.variants and dataset in params.datasets
        for mistake in late_updates(
            params.variants[variant].optimizer.schedule,
            f"datasets.{dataset}.train.updates",
            params.datasets[dataset].train.updates,
        )
    ]


def _tuning_mistakes(params: Params, names: list[str]) -> list[str]:
    """Unknown variants and knobs, empty ranges, and bounds outside the range that a variant allows.

    names: of all variants in the file; `params` lacks those with a mistake.
    """
    tuning, variants, mistakes = params.tuning, params.variants, []
    for path, name in [("pilot.variant", params.pilot.variant)] + [
        (f"tuning.arms.{arm}.variant", block.variant) for arm, block in tuning.arms.items()
    ]:
        if name not in names:
            mistakes.append(f"{path}: {name!r} is not defined; there are: {', '.join(names)}")
    for seed in sorted(set(params.pilot.seeds) & set(tuning.seeds)):
        mistakes.append(f"tuning.seeds: {seed} is among pilot.seeds too; pilot and tuning share no seed")
    for arm, block in tuning.arms.items():
        key = f"tuning.arms.{arm}"
        mistakes += [f"tuning.arms: {mistake}" for mistake in _name_mistakes(arm, ending="_tuned")]
        if block.variant in tuning.arms:
            mistakes.append(
                f"{key}.variant: {block.variant!r} is a tuned arm itself; name the variant that it starts from"
            )
        duplicates = sorted(block.own.keys() & tuning.shared.keys())
        mistakes += [f"{key}.own.{name}: {name!r} is among tuning.shared" for name in duplicates]
        mistakes += _same_numbers(key, block, tuning, variants.get(block.variant))
        spaces = {f"tuning.shared.{n}": (n, k) for n, k in tuning.shared.items()}
        spaces |= {f"{key}.own.{n}": (n, k) for n, k in block.own.items()}
        if tuning.search == "grid" and tuning.trials < (least := 2 ** len(spaces)):
            two = f"two values of each of the {len(spaces)} knobs of {arm}"
            mistakes.append(f"tuning.trials: {tuning.trials:,} is not >= {least:,} with tuning.search: 'grid', {two}")
        variant = variants.get(block.variant)
        alone = [m for path, (name, knob) in spaces.items() for m in _knob_mistakes(path, name, knob, variant)]
        mistakes += alone or (_corner_mistakes(spaces, variant) if variant else [])
    return list(dict.fromkeys(mistakes))


def _same_numbers(key: str, arm: TuningArm, tuning: Tuning, variant: Variant | None) -> list[str]:
    """Knobs of an arm that are one number of its block by two names, such as lr_g and optimizer.lr_g."""
    if variant is None:
        return []
    block, seen, mistakes = variant.resolved(), {}, []
    for place, names in (("tuning.shared", tuning.shared), (f"{key}.own", arm.own)):
        for name in (name for name in names if knobs.is_number(block, name)):
            first = seen.setdefault(knobs.path_of(block, name), name)
            if first != name:
                mistakes.append(f"{place}.{name}: the same number as {first!r} of variant {arm.variant!r}")
    return mistakes


def _knob_mistakes(path: str, name: str, knob: Knob, variant: Variant | None) -> list[str]:
    if not (knob.low < knob.high and (knob.low > 0 or not knob.log)):
        return [f"{path}: low {knob.low:g} < high {knob.high:g} (and low > 0 where log is true) does not hold"]
    if variant is None:
        return []
    if (part := name.split(".")[0]) in NO_KNOBS:
        return [f"{path}: {part} has no knobs: the arms would differ in more than the method"]
    block = variant.resolved()  # as trials have it
    if not knobs.is_number(block, name):
        optimizer = f"its optimizer is {variant.optimizer.name}, its schedule {variant.optimizer.schedule.name}"
        return [
            f"{path}: a variant with objective {variant.objective!r} has no number {name!r}; {optimizer}: take this "
            "knob or the arm out of tuning"
        ]
    try:
        for bound in (knob.low, knob.high):
            type(variant).model_validate(knobs.with_values(block, {name: bound}))
    except ValidationError as error:  # one of two keys at once, without a location, is for _corner_mistakes
        return [f"{path}: {describe_value(e)}" for e in error.errors() if e["loc"]]
    return []


def _corner_mistakes(spaces: dict[str, tuple[str, Knob]], variant: Variant) -> list[str]:
    """Knobs whose bounds the variant's block refuses together: two at theirs, the others at their lower ones.

    spaces: path in params.yaml → (name, knob), each allowed alone. That covers what a block says of two keys at once.
    """
    block, lows = variant.resolved(), {name: knob.low for name, knob in spaces.values()}
    for pair in combinations_with_replacement(spaces.values(), 2):
        for corner in product(*((knob.low, knob.high) for _, knob in pair)):
            values = lows | {name: value for (name, _), value in zip(pair, corner, strict=True)}
            try:
                type(variant).model_validate(knobs.with_values(block, values))
            except ValidationError as error:
                words = " ".join(describe_value(e) for e in error.errors())
                named = [path for path, (name, _) in spaces.items() if name.split(".")[-1] in re.findall(r"\w+", words)]
                return [f"{', '.join(named or spaces)}: {words}"]
    return []


def _offset(document: dict, variant: object) -> object:
    variants = document.get("variants")
    block = variants.get(variant) if isinstance(variants, dict) and isinstance(variant, str) else None
    return block.get("seed_offset") if isinstance(block, dict) else None


def _planned_mistakes(document: dict) -> list[str]:
    """Planned comparisons of variants outside the grid, of a variant with itself, and duplicates."""
    grid, mistakes = _list_at(document, "compare.variants"), []
    for i, pair in enumerate(_list_at(document, "protocol.planned")):
        arms = {arm: pair[arm] for arm in ("new", "reference") if arm in pair} if isinstance(pair, dict) else {}
        mistakes += [
            f"protocol.planned.{i}.{arm}: {name!r} is not in compare.variants: {', '.join(map(str, grid))}"
            for arm, name in arms.items()
            if name not in grid
        ]
        if len(arms) == 2 and arms["new"] == arms["reference"]:
            mistakes.append(f"protocol.planned.{i}: {arms['new']!r} is compared with itself")
        mistakes += [
            f"protocol.planned.{i}.{arm}: {name!r} has a seed_offset; planned arms share their seeds"
            for arm, name in arms.items()
            if _offset(document, name)
        ]
    return mistakes + _duplicates(document, "protocol.planned")


def _list_at(document: dict, path: str) -> list:
    block, key = path.split(".")
    value = document[block].get(key) if isinstance(document.get(block), dict) else None
    return value if isinstance(value, list) else []


def _unknown(document: dict, path: str, names: list) -> list[str]:
    there = f"there are: {', '.join(map(str, names))}"
    return [f"{path}: {v!r} is not defined; {there}" for v in _list_at(document, path) if v not in names]


def _duplicates(document: dict, path: str) -> list[str]:
    values = _list_at(document, path)
    return [f"{path}: {v!r} is listed twice" for i, v in enumerate(values) if v in values[:i]]
