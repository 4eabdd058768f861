"""Edits of params.yaml by commands: comments are preserved, and the result is checked before it is written."""

import difflib
import io
from collections.abc import Callable
from pathlib import Path

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap

from ganspeed.errors import UserError
from ganspeed.params.load import parse_params, read_yaml
from ganspeed.system.files import write_text


def round_trip() -> YAML:
    """A reader and writer of YAML that preserves comments, quotes and order."""
    yaml = YAML()
    yaml.width = 120
    yaml.preserve_quotes = True
    return yaml


def edit_params(path: Path, change: Callable[[CommentedMap], None], title: str) -> str:
    """Apply `change` to the document at `path`; returns the unified difference.

    Raises UserError, with nothing written, for a file that is unreadable or would be wrong after the change.
    """
    read_yaml(path)  # raises for a missing or unreadable file
    before = path.read_text(encoding="utf-8")
    document = round_trip().load(before)
    if not isinstance(document, CommentedMap):
        raise UserError(f"{path}: not a mapping of blocks")
    change(document)
    stream = io.StringIO()
    round_trip().dump(document, stream)
    after = stream.getvalue()
    parse_params(YAML(typ="safe").load(after))
    if after != before:
        write_text(path, after)
    lines = difflib.unified_diff(before.splitlines(True), after.splitlines(True), path.name, f"{path.name} ({title})")
    return "".join(lines)
