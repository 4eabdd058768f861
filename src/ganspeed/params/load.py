"""Reading params.yaml into checked blocks, with every mistake reported at once."""

import re
import stat
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import CollectionEndEvent, CollectionStartEvent, ScalarEvent

from ganspeed.params.base import ParamsError, is_path_inside
from ganspeed.params.blocks import Params
from ganspeed.params.cross_checks import cross_mistakes
from ganspeed.params.limits import limit_mistakes
from ganspeed.params.messages import describe_error
from ganspeed.params.objectives import objective_names
from ganspeed.params.variants import Variant, variant_model
from ganspeed.system.files import sha256_file

MOST_VALUES = 100_000
DEEPEST = 50
MOST_DIGITS = 100
INTEGER = re.compile(r"[-+]?(0[box])?[0-9a-fA-F_:]+")  # in any base and version of YAML
MOST_BYTES = 2**20  # of params.yaml
MOST_FILE_BYTES = 2**28  # of a file that it names
# What is refused here, in a few words → the keys that it concerns; `ganspeed params` shows it.
REFUSED = {
    "a file that is not there, too large, or outside the folder of params.yaml": ("variants.<name>.schedule",),
    "another hash than the file has": ("variants.<name>.schedule_sha256",),
}


def load_params(path: Path, limits: bool = True) -> Params:
    """Read and check a params.yaml and the files that it names. Raises ParamsError with every mistake found.

    limits: False leaves out those of `limits.py`.
    """
    return params_of(read_yaml(path), path.parent, limits)


def params_of(document: Any, folder: Path, limits: bool = True) -> Params:
    """As `load_params`, of a params.yaml that was read already; `folder` is the one that it lies in."""
    files = _file_mistakes(document, folder)
    try:
        parsed = parse_params(document, limits)
    except ParamsError as error:
        raise ParamsError(error.mistakes + files) from None
    if files:
        raise ParamsError(files)
    return parsed


def read_yaml(path: Path) -> Any:
    """The file as DVC reads it (YAML 1.2: 2e-4 is a number, `no` is a string). Raises ParamsError."""
    try:
        if reason := _unreadable(path, MOST_BYTES):
            raise ParamsError([f"{path}: {reason}"])
        text = path.read_text(encoding="utf-8")
        _refuse_deep_and_long(text, path)
        document = YAML(typ="safe").load(text)
    except FileNotFoundError:
        raise ParamsError([f"{path}: no such file"]) from None
    except OSError as error:
        raise ParamsError([f"{path}: {error.strerror}"]) from None
    except MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise ParamsError([f"{path}: {where}{error.problem}"]) from None
    except (YAMLError, ValueError) as error:
        raise ParamsError([f"{path}: not readable as YAML: {error}"]) from None
    _refuse_boundless(document, path)
    return document


def _unreadable(path: Path, most_bytes: int) -> str | None:
    """Why a file must not be read: a pipe or a device may have no end. Raises OSError where there is none."""
    seen = path.stat()
    if not stat.S_ISREG(seen.st_mode):
        return "not a regular file"
    return f"{seen.st_size:,} bytes; allowed: {most_bytes:,}" if seen.st_size > most_bytes else None


def _refuse_deep_and_long(text: str, path: Path) -> None:
    """Raise ParamsError beyond DEEPEST levels and MOST_DIGITS of an integer.

    ruamel.yaml crashes at collections thousands of levels deep, and Python prints no integer of thousands of digits.
    """
    depth = 0
    for event in YAML(typ="safe").parse(text):
        depth += isinstance(event, CollectionStartEvent) - isinstance(event, CollectionEndEvent)
        if depth > DEEPEST:
            raise ParamsError([f"{path}: line {event.start_mark.line + 1}: more than {DEEPEST} levels deep"])
        if isinstance(event, ScalarEvent) and (seen := _too_long(event)):
            where = f"line {event.start_mark.line + 1}, column {event.start_mark.column + 1}"
            raise ParamsError([f"{path}: {where}: {seen}"])


def _too_long(scalar: ScalarEvent) -> str | None:
    """What is wrong with an integer beyond MOST_DIGITS; text in quotes is none, unless it has a tag."""
    in_quotes, n = scalar.implicit[1], len(scalar.value)
    if in_quotes or n <= MOST_DIGITS or not INTEGER.fullmatch(scalar.value):
        return None
    return f"{scalar.value[:20]}... is an integer of {n:,} digits; allowed: {MOST_DIGITS}"


def _refuse_boundless(document: Any, path: Path) -> None:
    """Raise ParamsError beyond MOST_VALUES: nested anchors can expand beyond memory, or contain themselves."""
    pending, seen = [document], 0
    while pending:
        node = pending.pop()
        inner = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
        seen += len(inner)
        if seen > MOST_VALUES:
            raise ParamsError([f"{path}: too large or infinite; allowed: {MOST_VALUES:,} values, anchors expanded"])
        pending += inner


def parse_params(document: Any, limits: bool = True) -> Params:
    """Check a document read from params.yaml. Raises ParamsError with every mistake found."""
    if not isinstance(document, dict):
        raise ParamsError([f"the file: {document!r:.80} is not a mapping of blocks"])
    mistakes, variants = _parse_variants(document.get("variants"))
    parsed = None
    try:
        parsed = Params.model_validate({**document, "variants": variants or {}})
    except ValidationError as error:
        mistakes += [describe_error(e, document, e["loc"]) for e in error.errors() if e["loc"] != ("variants",)]
    mistakes += cross_mistakes(document, parsed)
    if limits and parsed:
        mistakes += limit_mistakes(parsed)
    if mistakes:
        raise ParamsError(list(dict.fromkeys(mistakes)))
    return parsed


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
            mistakes += [describe_error(e, {"variants": raw}, ("variants", name, *e["loc"])) for e in error.errors()]
    return mistakes, variants


def _file_mistakes(document: Any, root: Path) -> list[str]:
    """Check the files that variants name: `<key>` is a path below `root`, `<key>_sha256` its hash."""
    variants = document.get("variants") if isinstance(document, dict) else None
    mistakes = []
    for name, block in variants.items() if isinstance(variants, dict) else ():
        for key in block if isinstance(block, dict) else ():
            file, expected = block[key], block.get(f"{key}_sha256")
            if isinstance(file, str) and isinstance(expected, str):
                mistakes += [f"variants.{name}.{key}{mistake}" for mistake in _file_mistake(file, expected, root)]
    return mistakes


def _file_mistake(file: str, expected: str, root: Path) -> list[str]:
    """What is wrong with a file below `root` that is to have this SHA-256; nothing outside is opened."""
    if not is_path_inside(file):
        return [f": {file!r:.80} is not a relative path that stays below the folder of params.yaml"]
    try:
        reason = _unreadable(root / file, MOST_FILE_BYTES)
        seen = None if reason else sha256_file(root / file)
    except OSError as error:
        reason = error.strerror
    if reason:
        return [f": {file!r} cannot be read: {reason}"]
    return [] if seen == expected else [f"_sha256: {file!r} has {seen}, not {expected}"]
