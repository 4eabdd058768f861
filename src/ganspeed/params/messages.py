"""The message of a mistake: `path.of.the.key: the value seen and what is allowed`."""

import difflib
from typing import Any

from ganspeed.params import blocks, datasets, variants
from ganspeed.params.base import Block
from ganspeed.params.variants import objective_fields, objective_names

BLOCKS = [
    block
    for module in (datasets, blocks, variants)
    for block in vars(module).values()
    if isinstance(block, type) and issubclass(block, Block)
]


def describe_error(error: dict, document: Any, prefix: tuple = (), loc: tuple | None = None) -> str:
    """The message of one mistake. Parts of its location that are no key of the file (tags of a union) are omitted."""
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
            return f"{path}: unknown key{_suggestion(keys[-1])}"
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


def _suggestion(key: str) -> str:
    known = {field for block in BLOCKS for field in block.model_fields}
    for name in objective_names():
        known |= set(objective_fields(name))
    close = difflib.get_close_matches(key, sorted(known), n=1)
    return f"; did you mean {close[0]}?" if close else ""
