"""The only reader of params.yaml: frozen, typed blocks, strictly checked, without importing torch.

`load` names every mistake of a file at once, each as `path.of.the.key: the value seen and what is allowed`; a file that
a variant names is among what it checks.
"""

import ast
import difflib
import hashlib
import re
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

import pydantic
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    ValidationError,
    create_model,
)
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from ganspeed import knobs, types
from ganspeed.errors import UserError
from ganspeed.types import Fraction, Probability, Sha256

OBJECTIVES = Path(__file__).parent / "objectives"
NAME = re.compile(r"[a-z0-9][a-z0-9_]*")  # of data sets and variants: they become folders and stage names

Seed = Annotated[int, Field(ge=0, lt=2**31)]
Betas = Annotated[tuple[Fraction, Fraction], Field(strict=False)]
ImageSize = Literal[8, 28, 32, 64]
Split = Literal["val", "test"]
Axis = Literal["updates", "d_updates", "images"]


class ParamsError(UserError):
    """params.yaml is wrong; `mistakes` holds one line for each mistake."""

    def __init__(self, mistakes: list[str]):
        super().__init__("\n".join(mistakes))
        self.mistakes = mistakes


class Block(BaseModel):
    """A part of params.yaml: unknown keys, wrong types, NaN and infinity are mistakes."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Compare(Block):
    """The grid: every data set × every variant × every seed."""

    datasets: Annotated[tuple[str, ...], Field(strict=False, min_length=1)]
    variants: Annotated[tuple[str, ...], Field(strict=False, min_length=1)]
    seeds: Annotated[tuple[Seed, ...], Field(strict=False, min_length=1)]


class Data(Block):
    """Where a data set comes from and how it is cut; `holdout` images go to val and as many to test."""

    image_size: ImageSize
    holdout: PositiveInt
    split_seed: Seed


class Digits(Data):
    source: Literal["digits"]
    image_size: Literal[8]


class Published(Data):
    source: Literal["mnist", "fashion_mnist", "cifar10"]


class CelebA(Data):
    source: Literal["celeba"]
    attributes: Annotated[tuple[str, ...], Field(strict=False, min_length=1, max_length=4)]


class ImageFolder(Data):
    source: Literal["image_folder"]
    path: str
    channels: Literal[1, 3]
    sha256: Sha256 | None = None


AnyData = Annotated[Digits | Published | CelebA | ImageFolder, Field(discriminator="source")]


class Train(Block):
    """How long, how wide, and what is written down on the way."""

    updates: Annotated[int, Field(ge=12)]
    batch_size: Annotated[int, Field(ge=2)]
    z_dim: PositiveInt
    width: PositiveInt
    hidden: NonNegativeInt
    ema_decay: Fraction
    log_every: PositiveInt
    checkpoint_every: PositiveInt
    grid_ratio: Annotated[float, Field(gt=1, le=1.5)]
    sample_grids: PositiveInt


class Features(Block):
    """The two metric classifiers, alike but for their seed; `min_accuracy` on test is a gate for both."""

    dim: PositiveInt
    width: PositiveInt
    epochs: PositiveInt
    batch_size: Annotated[int, Field(ge=2)]
    learning_rate: PositiveFloat
    min_accuracy: Probability
    seed: Seed
    second_seed: Seed


class DatasetEvaluate(Block):
    """Generated images behind every score of this data set."""

    samples: Annotated[int, Field(ge=100)]


class Threshold(Block):
    """Values of cfid, easier ones first, and the counterpart of tau for cfid_second."""

    tau25: PositiveFloat
    tau: PositiveFloat
    tau75: PositiveFloat
    tau_second: PositiveFloat


class Dataset(Block):
    data: AnyData
    train: Train
    features: Features
    evaluate: DatasetEvaluate
    threshold: Threshold


class Adam(Block):
    name: Literal["adam"]
    lr_g: PositiveFloat
    lr_d: PositiveFloat
    betas: Betas


class RMSProp(Block):
    name: Literal["rmsprop"]
    lr_g: PositiveFloat
    lr_d: PositiveFloat
    alpha: Fraction


class Variant(Block):
    """One way of training: an objective with its hyperparameters, and the optimiser.

    The hyperparameters' names, types and ranges are those of the objective's constructor (see `objective_fields`).
    """

    objective: str
    optimizer: Annotated[Adam | RMSProp, Field(discriminator="name")]
    seed_offset: Seed = 0  # seed s of the grid trains as s + seed_offset: a second, independent copy of a variant

    def hyperparameters(self) -> dict[str, Any]:
        """What the objective's constructor takes, n_critic among it."""
        return self.model_dump(exclude={"objective", "optimizer", "seed_offset"})

    def resolved(self) -> dict[str, Any]:
        """The block as plain values, without what only says which seeds it trains."""
        return self.model_dump(mode="json", exclude={"seed_offset"})


class Evaluate(Block):
    split: Split
    seed: Seed
    full_snapshots: NonNegativeInt
    neighbours: PositiveInt
    manifold_samples: Annotated[int, Field(ge=10)]
    kid_subsets: PositiveInt
    kid_subset_size: Annotated[int, Field(ge=2)]
    sliced_projections: PositiveInt
    transport_samples: Annotated[int, Field(ge=10)]
    mode_min_count: PositiveInt
    confidence: Probability


class Planned(Block):
    """A comparison that gets a verdict: is `new` faster than `reference`?"""

    new: str
    reference: str


class Timing(Block):
    """The clock: seconds per update, the median of `repeats` of `updates` updates each; 0 repeats, no clock."""

    repeats: NonNegativeInt
    updates: PositiveInt


class Protocol(Block):
    """How speeds are compared; the verdicts' guards among it."""

    axis: Axis
    consecutive: PositiveInt
    references: Annotated[tuple[str, ...], Field(strict=False)]
    planned: Annotated[tuple[Planned, ...], Field(strict=False)]
    margin: Annotated[float, Field(ge=1)]
    max_coverage_drop: Probability
    max_extra_failures: NonNegativeInt
    equivalence: Annotated[tuple[Annotated[float, Field(gt=0, le=1)], Annotated[float, Field(ge=1)]],
                           Field(strict=False)]  # fmt: skip
    timing: Timing


class Pilot(Block):
    """The runs that fix length and thresholds before a study: `length` times as long as the data set's."""

    variant: str
    seeds: Annotated[tuple[Seed, ...], Field(strict=False, min_length=1)]
    length: Annotated[int, Field(ge=2)]


class Knob(Block):
    """What a tuned value is drawn from: uniform between low and high, or log-uniform."""

    low: float
    high: float
    log: bool


class Arm(Block):
    """One method that is tuned: the variant it starts from, and what is tuned beside the shared knobs."""

    variant: str
    own: dict[str, Knob]


class Tuning(Block):
    """Random search with one budget for every arm: trials × seeds × updates."""

    trials: PositiveInt
    seeds: Annotated[tuple[Seed, ...], Field(strict=False, min_length=1)]
    updates: Annotated[int, Field(ge=12)]
    seed: Seed
    shared: dict[str, Knob]
    arms: dict[str, Arm]


class Stopping(Block):
    """A patience rule on the critic's loss, in rows of history.csv; see `questions.stopping_row`."""

    skip: NonNegativeInt
    smooth: PositiveInt
    patience: PositiveInt
    min_delta: Fraction


class Report(Block):
    title: str
    sample_columns: PositiveInt
    dpi: Annotated[int, Field(ge=50, le=400)]
    tail: Probability
    stopping: Stopping


class Params(Block):
    """The whole of params.yaml."""

    compare: Compare
    datasets: dict[str, Dataset]
    variants: dict[str, Variant]
    evaluate: Evaluate
    protocol: Protocol
    pilot: Pilot
    tuning: Tuning
    report: Report

    def dataset(self, name: str) -> Dataset:
        """The block of a data set. Raises ParamsError for one that is not there."""
        if name not in self.datasets:
            raise ParamsError([f"unknown data set {name!r}; available: {', '.join(self.datasets)}"])
        return self.datasets[name]

    def variant(self, name: str) -> Variant:
        """The block of a variant. Raises ParamsError for one that is not there."""
        if name not in self.variants:
            raise ParamsError([f"unknown variant {name!r}; available: {', '.join(self.variants)}"])
        return self.variants[name]


def load(path: Path) -> Params:
    """Read and check a params.yaml, and the files it names. Raises ParamsError with every mistake found."""
    document = read_yaml(path)
    files = _file_mistakes(document, path.parent)
    try:
        parsed = parse(document)
    except ParamsError as error:
        raise ParamsError(error.mistakes + files) from None
    if files:
        raise ParamsError(files)
    return parsed


def read_yaml(path: Path) -> Any:
    """The file as DVC reads it (YAML 1.2: 2e-4 is a number, `no` is a string). Raises ParamsError."""
    try:
        return YAML(typ="safe").load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ParamsError([f"{path}: no such file"]) from None
    except MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise ParamsError([f"{path}: {where}{error.problem}"]) from None
    except (YAMLError, ValueError) as error:
        raise ParamsError([f"{path}: not readable as YAML: {error}"]) from None


def parse(document: Any) -> Params:
    """Check a document read from params.yaml. Raises ParamsError with every mistake found."""
    if not isinstance(document, dict):
        raise ParamsError([f"the file: {document!r:.80} is not a mapping of blocks"])
    mistakes, variants = _parse_variants(document.get("variants"))
    parsed = None
    try:
        parsed = Params.model_validate({**document, "variants": variants or {}})
    except ValidationError as error:
        mistakes += [_worded(e, document) for e in error.errors() if e["loc"] != ("variants",)]
    mistakes += _cross_mistakes(document, parsed)
    if mistakes:
        raise ParamsError(list(dict.fromkeys(mistakes)))
    return parsed


@cache
def objective_names() -> tuple[str, ...]:
    """The objectives there are: the files of the folder."""
    return tuple(sorted(p.stem for p in OBJECTIVES.glob("*.py") if p.stem != "__init__"))


@cache
def objective_fields(name: str) -> dict[str, Any]:
    """Name → (type, default) of an objective's hyperparameters, read from its constructor's keyword-only arguments.

    The source is parsed, not imported, so that checking params.yaml does not cost an import of torch. An annotation
    may use pydantic's numbers (PositiveInt, NonNegativeFloat, ...), those of types.py, Literal, and Python's own types;
    a default is a plain value. The default is `...`, required, where the constructor has none.
    """
    tree = ast.parse((OBJECTIVES / f"{name}.py").read_text(encoding="utf-8"))
    constructors = [
        item
        for node in tree.body
        if isinstance(node, ast.ClassDef) and any(isinstance(b, ast.Name) and b.id == "Objective" for b in node.bases)
        for item in node.body
        if isinstance(item, ast.FunctionDef) and item.name == "__init__"
    ]
    if len(constructors) != 1:
        raise TypeError(f"{name}.py: one subclass of Objective with an __init__ expected, {len(constructors)} found")
    known = {"Literal": Literal, "bool": bool, "int": int, "float": float, "str": str} | vars(types)
    known |= {n: getattr(pydantic, n) for n in pydantic.__all__ if n.endswith(("Int", "Float"))}
    given = constructors[0].args
    return {
        a.arg: (
            eval(ast.unparse(a.annotation), {"__builtins__": {}}, known),  # noqa: S307 our own source
            ... if default is None else ast.literal_eval(default),
        )
        for a, default in zip(given.kwonlyargs, given.kw_defaults, strict=True)
    }


@cache
def variant_model(objective: str) -> type[Variant]:
    """The block that a variant of this objective must be."""
    return create_model(f"Variant_{objective}", __base__=Variant, **objective_fields(objective))


def _parse_variants(raw: Any) -> tuple[list[str], dict[str, Variant]]:
    if not isinstance(raw, dict) or not raw:
        return [f"variants: {raw!r:.80} is not a mapping of variants"], {}
    mistakes, variants = [], {}
    for name, block in raw.items():
        if not isinstance(block, dict):
            mistakes.append(f"variants.{name}: {block!r:.80} is not a mapping")
            continue
        objective = block.get("objective")
        if objective not in objective_names():
            available = ", ".join(objective_names())
            mistakes.append(f"variants.{name}.objective: unknown objective {objective!r}; available: {available}")
            continue
        try:
            variants[name] = variant_model(objective).model_validate(block)
        except ValidationError as error:
            mistakes += [_worded(e, raw, ("variants",), (name, *e["loc"])) for e in error.errors()]
    return mistakes, variants


def _file_mistakes(document: Any, root: Path) -> list[str]:
    """A variant's keys `<key>` and `<key>_sha256` name a file, relative to `root`, and what its bytes must be."""
    variants = document.get("variants") if isinstance(document, dict) else None
    mistakes = []
    for name, block in variants.items() if isinstance(variants, dict) else ():
        for key in block if isinstance(block, dict) else ():
            file, expected = block[key], block.get(f"{key}_sha256")
            if not (isinstance(file, str) and isinstance(expected, str)):
                continue
            try:
                seen = hashlib.sha256((root / file).read_bytes()).hexdigest()
            except OSError as error:
                mistakes.append(f"variants.{name}.{key}: {file!r} cannot be read: {error.strerror}")
                continue
            if seen != expected:
                mistakes.append(f"variants.{name}.{key}_sha256: {file!r} has {seen}, not {expected}")
    return mistakes


def _cross_mistakes(document: dict, parsed: Params | None) -> list[str]:
    """Mistakes between blocks. Those of names and duplicates are found even where another block is wrong."""
    mistakes, variants = [], _names(document, "variants")
    for kind in ("datasets", "variants"):
        names = _names(document, kind)
        mistakes += [
            f"{kind}: {n!r} is not a name of small letters, digits and _"
            for n in names
            if not (isinstance(n, str) and NAME.fullmatch(n))
        ]
        mistakes += _unknown(f"compare.{kind}", document, ("compare", kind), names)
        mistakes += _duplicates(f"compare.{kind}", document, ("compare", kind))
    mistakes += _unknown("protocol.references", document, ("protocol", "references"), variants)
    mistakes += _planned_mistakes(document)
    mistakes += _duplicates("compare.seeds", document, ("compare", "seeds"))
    return mistakes + (_range_mistakes(parsed) + _tuning_mistakes(parsed, variants) if parsed else [])


def _names(document: dict, block: str) -> list:
    """The keys of a block of blocks, right or wrong."""
    return list(document[block]) if isinstance(document.get(block), dict) else []


def _range_mistakes(params: Params) -> list[str]:
    mistakes = []
    for name, dataset in params.datasets.items():
        t, smallest = dataset.threshold, min(dataset.data.holdout, dataset.evaluate.samples)
        if not t.tau25 > t.tau > t.tau75:
            mistakes.append(f"datasets.{name}.threshold: tau25 {t.tau25} > tau {t.tau} > tau75 {t.tau75} does not hold")
        if name in params.compare.datasets and params.evaluate.kid_subset_size > smallest:
            mistakes.append(
                f"evaluate.kid_subset_size: {params.evaluate.kid_subset_size} is more than the {smallest} images "
                f"of data set {name}"
            )
        if dataset.features.second_seed == dataset.features.seed:
            mistakes.append(
                f"datasets.{name}.features.second_seed: {dataset.features.second_seed} is features.seed too; the "
                "second classifier needs another one"
            )
        if dataset.train.log_every > dataset.train.updates:
            mistakes.append(f"datasets.{name}.train.log_every: {dataset.train.log_every} is more than train.updates")
    return mistakes


def _tuning_mistakes(params: Params, names: list[str]) -> list[str]:
    """Unknown variants and knobs, ranges that run backwards, and bounds at which a variant would not be allowed.

    names: of all variants that the file defines; `params` lacks those that are wrong themselves.
    """
    tuning, variants, mistakes = params.tuning, params.variants, []
    for where, name in [("pilot.variant", params.pilot.variant)] + [
        (f"tuning.arms.{arm}.variant", block.variant) for arm, block in tuning.arms.items()
    ]:
        if name not in names:
            mistakes.append(f"{where}: {name!r} is not defined; there are: {', '.join(names)}")
    for seed in sorted(set(params.pilot.seeds) & set(tuning.seeds)):
        mistakes.append(f"tuning.seeds: {seed} is among pilot.seeds too; pilot and tuning share no seed")
    for arm, block in tuning.arms.items():
        where = f"tuning.arms.{arm}"
        if not NAME.fullmatch(arm) or not arm.endswith("_tuned"):
            mistakes.append(f"{where}: {arm!r} is not a name of small letters, digits and _ that ends in _tuned")
        if block.variant in tuning.arms:
            mistakes.append(f"{where}.variant: {block.variant!r} is a tuned arm itself; name the published variant")
        twice = sorted(block.own.keys() & tuning.shared.keys())
        mistakes += [f"{where}.own.{name}: {name!r} is among tuning.shared" for name in twice]
        spaces = {f"tuning.shared.{n}": (n, k) for n, k in tuning.shared.items()}
        spaces |= {f"{where}.own.{n}": (n, k) for n, k in block.own.items()}
        for path, (name, knob) in spaces.items():
            mistakes += _knob_mistakes(path, name, knob, variants.get(block.variant))
    return mistakes


def _knob_mistakes(path: str, name: str, knob: Knob, variant: Variant | None) -> list[str]:
    if not (knob.low < knob.high and (knob.low > 0 or not knob.log)):
        return [f"{path}: low {knob.low:g} < high {knob.high:g} (and low > 0 where log is true) does not hold"]
    if variant is None:
        return []
    block = variant.model_dump(mode="json")
    if not knobs.is_number(block, name):
        return [f"{path}: a variant with objective {variant.objective!r} has no number {name!r}"]
    try:
        for bound in (knob.low, knob.high):
            type(variant).model_validate(knobs.turned(block, {name: bound}))
    except ValidationError as error:
        return [f"{path}: {e['input']!r}: {e['msg'][0].lower()}{e['msg'][1:]}" for e in error.errors()]
    return []


def _list_at(document: dict, path: tuple[str, str]) -> list:
    block = document.get(path[0])
    value = block.get(path[1]) if isinstance(block, dict) else None
    return value if isinstance(value, list) else []


def _unknown(where: str, document: dict, path: tuple[str, str], names: list) -> list[str]:
    return [
        f"{where}: {value!r} is not defined; there are: {', '.join(map(str, names))}"
        for value in _list_at(document, path)
        if value not in names
    ]


def _planned_mistakes(document: dict) -> list[str]:
    """Planned comparisons of variants that the grid lacks, of one with itself, or stated twice."""
    grid, mistakes = _list_at(document, ("compare", "variants")), []
    for i, pair in enumerate(_list_at(document, ("protocol", "planned"))):
        arms = {arm: pair[arm] for arm in ("new", "reference") if arm in pair} if isinstance(pair, dict) else {}
        mistakes += [
            f"protocol.planned.{i}.{arm}: {name!r} is not in compare.variants: {', '.join(map(str, grid))}"
            for arm, name in arms.items()
            if name not in grid
        ]
        if len(arms) == 2 and arms["new"] == arms["reference"]:
            mistakes.append(f"protocol.planned.{i}: {arms['new']!r} is compared with itself")
    return mistakes + _duplicates("protocol.planned", document, ("protocol", "planned"))


def _duplicates(where: str, document: dict, path: tuple[str, str]) -> list[str]:
    values = _list_at(document, path)
    return [f"{where}: {v!r} stands there twice" for i, v in enumerate(values) if v in values[:i]]


def _worded(error: dict, document: Any, prefix: tuple = (), loc: tuple | None = None) -> str:
    """One mistake in words. Parts of the location that are no key of the file (tags of a union) are left out."""
    loc = error["loc"] if loc is None else loc
    keys, node = list(prefix), document
    for i, part in enumerate(loc):
        inside = (isinstance(node, dict) and part in node) or (isinstance(node, list) and isinstance(part, int))
        if not inside and i < len(loc) - 1:
            continue
        keys.append(str(part))
        node = node[part] if inside and (isinstance(node, dict) or part < len(node)) else None
    path, seen, context = ".".join(keys), error["input"], error.get("ctx", {})
    bounds = {
        "greater_than": ("gt", ">"),
        "greater_than_equal": ("ge", ">="),
        "less_than": ("lt", "<"),
        "less_than_equal": ("le", "<="),
    }
    match error["type"]:
        case "missing":
            return f"{path}: missing"
        case "extra_forbidden":
            return f"{path}: unknown key{_suggestion(keys, document)}"
        case kind if kind in bounds:
            key, sign = bounds[kind]
            return f"{path}: {seen!r} is not {sign} {context[key]:g}"
        case "literal_error":
            return f"{path}: {seen!r} is not one of {context['expected']}"
        case "union_tag_invalid" | "union_tag_not_found":
            tag = context["discriminator"].strip("'")
            value = seen.get(tag) if isinstance(seen, dict) else seen
            return f"{path}.{tag}: {value!r} is not one of {context.get('expected_tags', 'the known ones')}"
        case _:
            return f"{path}: {seen!r:.80}: {error['msg'][0].lower()}{error['msg'][1:]}"


KNOWN_KEYS = sorted(
    {field for cls in (Params, Compare, Dataset, Digits, CelebA, ImageFolder, Train, Features, DatasetEvaluate,
                       Threshold, Adam, RMSProp, Variant, Evaluate, Planned, Timing, Protocol, Pilot, Knob, Arm, Tuning,
                       Stopping, Report) for field in cls.model_fields}
)  # fmt: skip


def _suggestion(keys: list[str], document: Any) -> str:
    known = set(KNOWN_KEYS)
    for name in objective_names():
        known |= set(objective_fields(name))
    close = difflib.get_close_matches(keys[-1], sorted(known), n=1)
    return f"; did you mean {close[0]}?" if close else ""
