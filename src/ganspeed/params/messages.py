"""The message of a mistake: `path.of.the.key: the value seen and what is allowed`."""

import difflib
from typing import Any

from ganspeed.params import blocks, counts, datasets, networks, optimizers, problems, rates, tricks, variants
from ganspeed.params.base import Block
from ganspeed.params.objectives import objective_fields, objective_names
from ganspeed.params.optimizers import optimizer_fields, optimizer_names
from ganspeed.params.tricks import trick_fields, trick_names

MODULES = (datasets, blocks, counts, networks, optimizers, problems, rates, tricks, variants)
BLOCKS = [b for module in MODULES for b in vars(module).values() if isinstance(b, type) and issubclass(b, Block)]
MOVED = {  # keys that were elsewhere before
    "half_life": "; write schedule: {name: exponential, half_life: ...}",
    "z_dim": "; write networks.latent.dim",
    "width": "; write networks.G.width and networks.D.width",
    "hidden": "; write networks.D.hidden",
}
WHY = {"categorical": "a categorical code is needed, and one of a single value says nothing"}  # of a key's lower bound
SIGNS = {"gt": ">", "ge": ">=", "lt": "<", "le": "<="}


def describe_error(error: dict, document: Any, loc: tuple) -> str:
    """The message of one mistake. Parts of its location that are no key of the file (tags of a union) are omitted."""
    keys, node = [], document
    for i, part in enumerate(loc):
        inside = (isinstance(node, dict) and part in node) or (isinstance(node, list) and isinstance(part, int))
        if not inside and i < len(loc) - 1:
            continue
        keys.append(str(part))
        node = node[part] if inside and (isinstance(node, dict) or part < len(node)) else None
    path, seen = ".".join(keys), error["input"]
    match error["type"]:
        case "extra_forbidden":
            return f"{path}: unknown key{_moved(keys) or _of_others(keys, document) or _suggestion(keys[-1])}"
        case "union_tag_invalid" | "union_tag_not_found":
            tag = error["ctx"]["discriminator"].strip("'")
            value = seen.get(tag) if isinstance(seen, dict) else seen
            return f"{path}.{tag}: {value!r:.80} is not one of {error['ctx'].get('expected_tags', 'the known ones')}"
        case "greater_than_equal" if keys[-1] in WHY:
            return f"{path}: {describe_value(error)}: {WHY[keys[-1]]}"
        case _:
            return f"{path}: {describe_value(error)}"


def describe_value(error: dict) -> str:
    """What is wrong with a value, without its path: the value seen and what is allowed."""
    seen, context = error["input"], error.get("ctx", {})
    match error["type"]:
        case "missing":
            return "missing"
        case "value_error":  # raised by a check of our own, in our words
            return str(context["error"])
        case "greater_than" | "greater_than_equal" | "less_than" | "less_than_equal":
            ((key, bound),) = context.items()
            return f"{seen!r:.80} is not {SIGNS[key]} {f'{bound:,}' if isinstance(bound, int) else f'{bound:g}'}"
        case "literal_error":
            return f"{seen!r:.80} is not one of {context['expected']}"
        case _:
            return f"{seen!r:.80}: {error['msg'][0].lower()}{error['msg'][1:]}"


def _moved(keys: list[str]) -> str:
    """Where a key is now that was in `train` or an optimiser's block before; empty for any other."""
    return MOVED.get(keys[-1], "") if keys[-1] == "half_life" or keys[-2:-1] == ["train"] else ""


def _of_others(keys: list[str], document: Any) -> str:
    """The objective of a variant that has a key of other objectives, with these; empty for any other key."""
    others = [name for name in objective_names() if keys[-1] in objective_fields(name)]
    if len(keys) != 3 or keys[0] != "variants" or not others:
        return ""
    objective = document["variants"][keys[1]]["objective"]
    return f"; objective {objective} has no {keys[-1]}, which is of {', '.join(others)}"


def _suggestion(key: str) -> str:
    fields = [block.model_fields for block in BLOCKS] + [objective_fields(name) for name in objective_names()]
    fields += [optimizer_fields(name) for name in optimizer_names()]
    fields += [trick_fields(name) for name in trick_names()]
    close = difflib.get_close_matches(key, sorted(set().union(*fields)), n=1) if len(key) > 1 else []
    return f"; did you mean {close[0]}?" if close and close[0] != key else ""
