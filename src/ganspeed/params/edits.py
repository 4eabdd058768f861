"""Edits of params.yaml by commands: comments are preserved, and the result is checked before it is written."""

import difflib
import io
import json
import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import Comment, CommentedMap, CommentedSeq, Format

from ganspeed.errors import UserError
from ganspeed.params.load import parse_params, read_yaml
from ganspeed.system.files import write_text

Change = Callable[[CommentedMap], None]
BYTE_ORDER_MARK = "\ufeff"
BETWEEN_BLOCKS = re.compile(r"(?<=\n)(?:[ \t]*\n|#.*\n)+\Z")  # blank lines and comments that are not indented


def round_trip() -> YAML:
    """A reader and writer of YAML that preserves comments and order, and writes as `dvc exp run -S` does.

    So an edit by either changes the lines of what it edits alone, in a params.yaml that either has written.
    """
    yaml = YAML()
    yaml.default_flow_style = False
    return yaml


def edit_params(path: Path, change: Change, title: str) -> str:
    """Apply `change` to the document at `path`; returns the unified difference.

    `change` is called once for each copy of the document that is tried. Blocks that it does not change keep their
    text. Raises UserError, with nothing written, for a file that is unreadable or would be wrong after the change.
    """
    document = read_yaml(path)  # raises for a missing or unreadable file
    if not isinstance(document, dict):
        raise UserError(f"{path}: not a mapping of blocks")
    wanted = _commented(document)
    change(wanted)
    wanted = _plain(wanted)
    parse_params(wanted)
    before = path.read_bytes().decode("utf-8")
    mark = BYTE_ORDER_MARK if before.startswith(BYTE_ORDER_MARK) else ""
    newline = next((end for end in ("\r\n", "\n", "\r") if end in before), "\n")
    text = before.removeprefix(mark).replace("\r\n", "\n").replace("\r", "\n")
    after = mark + _edited_text(path, text, change, wanted).replace("\n", newline)
    if after != before:
        write_text(path, after)
    lines = difflib.unified_diff(before.splitlines(True), after.splitlines(True), path.name, f"{path.name} ({title})")
    return "".join(lines)


def _edited_text(path: Path, text: str, change: Change, wanted: dict) -> str:
    """The first of some texts, with fewer and fewer of the comments, that is read back as `wanted`.

    ruamel.yaml writes a comment where it stood even if the value there has become another, which may not be YAML any
    more, and gives all aliases of an anchor the value of one.
    """
    ways: list[Callable[[], str]] = [
        lambda: _edit(_parts(text), change),
        lambda: _edit(_parts(text), change, _unshared),
        lambda: _edit(_parts(text), change, _commented),
        lambda: _edit([text], change, _unshared),
        lambda: _dump(_commented(wanted)),
    ]
    for way in ways:
        with suppress(Exception):  # an odd layout may raise almost any error, in writing and in reading back
            edited = way()
            if _same(YAML(typ="safe").load(edited), wanted):
                return edited
    raise UserError(f"{path}: not edited, since its layout cannot be written again; nothing is changed")


def _parts(text: str) -> list[str]:
    """The text in parts: each top-level key with its block, and what stands between them; one where that fails."""
    root = round_trip().compose(text)
    keys = [key.start_mark for key, _ in root.value]
    if root.flow_style or any(key.column for key in keys):
        return [text]
    starts = [key.index for key in keys]
    parts = [text[: starts[0]]]
    for start, end in zip(starts, [*starts[1:], len(text)], strict=True):
        block = text[start:end]
        between = BETWEEN_BLOCKS.search(block)
        parts += [block[: between.start()], between.group()] if between else [block]
    return parts


def _edit(parts: list[str], change: Change, tidy: Callable[[CommentedMap], CommentedMap] | None = None) -> str:
    """The parts of a text after `change`; those that it leaves alone stay as they are.

    tidy: makes a copy of a part that can be written; the comments of keys that have another value now are left out.
    """
    roots = [round_trip().load(part) or CommentedMap() for part in parts]
    if tidy:
        roots = [tidy(root) for root in roots]
    document = CommentedMap((key, value) for root in roots for key, value in root.items())
    before = _plain(document)
    change(document)
    edited = []
    for part, root in zip(parts, roots, strict=True):
        values = {key: document.pop(key) for key in root}
        if all(_same(value, before[key]) for key, value in values.items()):
            edited.append(part)
            continue
        root.update(values)
        if tidy:
            _drop_comments(root, before)
        edited.append(_dump(root))
    if document:  # what is left is new
        edited.append(_dump(document))
    return "".join(edited)


def _dump(document: CommentedMap) -> str:
    """The document as text, written a second time: spaces beside a list that became another move then."""
    for _ in range(2):
        stream = io.StringIO()
        round_trip().dump(document, stream)
        document = round_trip().load(stream.getvalue())
    return stream.getvalue().rstrip("\n") + "\n"  # blank lines after a block are between blocks


def _same(a: Any, b: Any) -> bool:
    """Whether two documents have the same content, in any order of keys; 1, 1.0 and true differ."""
    one, other = (json.dumps(_plain(document), sort_keys=True) for document in (a, b))
    return one == other


def _plain(node: Any) -> Any:
    """The content of a document as Python's own types."""
    if isinstance(node, dict):
        return {_plain(key): _plain(value) for key, value in node.items()}
    if isinstance(node, list):
        return [_plain(value) for value in node]
    kind = next((kind for kind in (bool, int, float, str) if isinstance(node, kind)), None)
    return kind(node) if kind else node


def _commented(node: Any) -> Any:
    """Content as a document without comments; nothing in it is shared."""
    if isinstance(node, dict):
        return CommentedMap((_plain(key), _commented(value)) for key, value in node.items())
    return CommentedSeq(_commented(value) for value in node) if isinstance(node, list) else _plain(node)


def _unshared(node: Any) -> Any:
    """A copy with comments, without anchors, aliases and merge keys: each part can be changed on its own."""
    if isinstance(node, CommentedMap):
        copy = CommentedMap((key, _unshared(value)) for key, value in node.items())
    elif isinstance(node, CommentedSeq):
        copy = CommentedSeq(_unshared(value) for value in node)
    else:
        return _plain(node) if getattr(node, "anchor", None) else node
    for attribute in (Comment.attrib, Format.attrib):
        if hasattr(node, attribute):
            setattr(copy, attribute, getattr(node, attribute))
    return copy


def _drop_comments(node: CommentedMap, before: dict) -> None:
    """Remove the comments of keys whose value is not as it was."""
    for key, value in node.items():
        if isinstance(value, CommentedMap) and isinstance(before.get(key), dict):
            _drop_comments(value, before[key])
        elif key not in before or not _same(value, before[key]):
            node.ca.items.pop(key, None)
