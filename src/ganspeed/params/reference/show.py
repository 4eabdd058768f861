"""How the keys of params.yaml are shown: as text for `ganspeed params`, and as the page docs/params.md."""

import difflib
import json
from dataclasses import replace
from itertools import groupby, zip_longest

from ganspeed.errors import UserError
from ganspeed.params.reference.keys import NETWORKS, OVERRIDES, REQUIRED, Key, keys
from ganspeed.params.reference.schema import params_schema

PLACEHOLDERS = ("<name>", "<n>")
HEAD = f"""# The keys of params.yaml

Written by `ganspeed params --markdown`, of the blocks that `ganspeed check` checks: a test holds this page to them.
`ganspeed params KEY` prints one key, or a block's.

`<name>` is the name of a data set, variant, arm or knob; `<n>` is a place in a list, counted from 0. *with …* says
which blocks have a key; *refused* is what checks across keys refuse, besides another type or range. The keys of
`{OVERRIDES}` are those of `{NETWORKS}`: what a variant names there replaces
the data set's value.

An editor with yaml-language-server completes and checks params.yaml by [params.schema.json](params.schema.json), which
`ganspeed params --schema` writes; checks across keys are not in it. It finds the schema by this comment in the first
line of params.yaml, with a path relative to that file:

```yaml
# yaml-language-server: $schema=docs/params.schema.json
```
"""


def text_of(wanted: str | None) -> str:
    """The key `wanted` and those below it, or all, each with what is known of it. Raises UserError for an unknown key.

    Names may stand in it for <name> and <n>; they are shown as they are given.
    """
    found = keys() if wanted is None else matching(wanted)
    if not found:
        raise UserError(f"{wanted!r:.80} is no key of params.yaml{_suggestion(wanted)}")
    return "\n".join(map(_text, found))


def matching(wanted: str) -> list[Key]:
    """The key of this path and those below it, with the names that it has; none if there is no such key."""
    parts = wanted.split(".")
    named = [replace(key, path=_named(key.path, parts)) for key in keys()]
    return [key for key in named if key.path.split(".")[: len(parts)] == parts]


def schema_text() -> str:
    """The JSON schema as the text of docs/params.schema.json."""
    return json.dumps(params_schema(), indent=1, ensure_ascii=False) + "\n"


def page() -> str:
    """docs/params.md: a table for each block."""
    shown = [key for key in keys() if not key.path.startswith(OVERRIDES + ".")]
    sections = [HEAD]
    for block, rows in groupby(sorted(shown, key=lambda key: _order(shown, key)), key=lambda key: _block(key.path)):
        title = f"## {f'`{block}`' if block else 'Blocks'}"
        lines = ["| key | what it may be | default | effect | refused |", "|---|---|---|---|---|", *map(_row, rows)]
        sections.append("\n".join([title, "", *lines, ""]))
    return "\n".join(sections)


def _order(shown: list[Key], key: Key) -> int:
    """By the first key of the same block: a block's keys stand together, those of blocks inside it below them."""
    return next(i for i, other in enumerate(shown) if _block(other.path) == _block(key.path))


def _block(path: str) -> str:
    return path.rpartition(".")[0]


def _row(key: Key) -> str:
    effect = key.effect + (f"; *{key.only}*" if key.only else "")
    cells = (f"`{key.path.split('.')[-1]}`", key.kind, key.default, effect, key.refused)
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |".replace("|  |", "| |")


def _text(key: Key) -> str:
    """Three lines or four."""
    default = key.default if key.default == REQUIRED else f"default {key.default}"
    lines = [key.path + (f"   ({key.only})" if key.only else ""), f"    {key.kind}; {default}", f"    {key.effect}"]
    return "\n".join(lines + ([f"    refused: {key.refused}"] if key.refused else []))


def _named(path: str, given: list[str]) -> str:
    """The path with the given names for its first placeholders."""
    named = zip_longest(path.split("."), given[: path.count(".") + 1])
    return ".".join(name if name and part in PLACEHOLDERS else part for part, name in named)


def _suggestion(wanted: str) -> str:
    """The nearest key: one that ends so, or one that is written alike."""
    parts = wanted.split(".")
    known = list(dict.fromkeys(_named(key.path, parts) for key in keys()))
    known = [path for path in known if path.count(".") >= wanted.count(".")] or known
    ends = [path for path in known if path.endswith(f".{wanted}")]
    near = ends or difflib.get_close_matches(wanted, known, n=1)
    return f"; did you mean {near[0]}?" if near else "; `ganspeed params` prints all"
