"""A value's type, range and choices in words, and a default as params.yaml would have it; by a JSON schema."""

import json
import math
from typing import Any


def kind_of(node: dict) -> str:
    """What a value may be, such as `integer, 1 to 16 or null`; `block` for one of keys."""
    if "const" in node:
        return yaml_of(node["const"])
    if "enum" in node:
        return f"one of {', '.join(map(yaml_of, node['enum']))}"
    if members := node.get("anyOf") or ("discriminator" not in node and node.get("oneOf")):
        return " or ".join(map(kind_of, members))
    match node.get("type"):
        case "integer" | "number":
            return _number(node)
        case "string":
            return _text(node)
        case "boolean":
            return "true or false"
        case "array":
            return _list(node)
        case "null":
            return "null"
    return "blocks, by name" if isinstance(node.get("additionalProperties"), dict) else "block"


def yaml_of(value: Any) -> str:
    """A value as params.yaml would have it, in one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {yaml_of(inner)}" for key, inner in value.items()) + "}"
    return json.dumps(value) if value is None or isinstance(value, bool) else str(value)


def _number(node: dict) -> str:
    signs = {"minimum": ">=", "exclusiveMinimum": ">", "maximum": "<=", "exclusiveMaximum": "<"}
    bounds = [f"{sign} {node[key]:,}" for key, sign in signs.items() if key in node]
    if node["type"] == "integer":
        low = node.get("minimum", node.get("exclusiveMinimum", -math.inf) + 1)
        high = node.get("maximum", node.get("exclusiveMaximum", math.inf) - 1)
        bounds = [f"{low:,} to {high:,}"] if math.isfinite(low) and math.isfinite(high) else bounds
    if "multipleOf" in node:
        bounds.append(f"a multiple of {node['multipleOf']}")
    return ", ".join([node["type"], *bounds])


def _text(node: dict) -> str:
    if "pattern" in node:
        return f"text of the form {node['pattern']}"
    return f"text of {node['minLength']} to {node['maxLength']} characters" if "maxLength" in node else "text"


def _list(node: dict) -> str:
    if "prefixItems" in node:
        return f"list of {len(node['prefixItems'])}: {'; '.join(map(kind_of, node['prefixItems']))}"
    least, most = node.get("minItems", 0), node.get("maxItems")
    count = f"{least} to {most}" if most else f"at least {least}" if least else "any number"
    return f"list, {count}, of: {kind_of(node['items'])}"
