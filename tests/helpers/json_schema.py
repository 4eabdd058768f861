"""A validator of the part of JSON schema that the schema of params.yaml uses."""

import re
from typing import Any

TYPES = {
    "object": dict, "array": list, "string": str, "boolean": bool, "null": type(None), "integer": int,
    "number": (int, float),
}  # fmt: skip
BOUNDS = {
    "minimum": lambda value, bound: value >= bound,
    "exclusiveMinimum": lambda value, bound: value > bound,
    "maximum": lambda value, bound: value <= bound,
    "exclusiveMaximum": lambda value, bound: value < bound,
    "multipleOf": lambda value, bound: value % bound == 0,
    "minItems": lambda value, bound: len(value) >= bound,
    "maxItems": lambda value, bound: len(value) <= bound,
    "minLength": lambda value, bound: len(value) >= bound,
    "maxLength": lambda value, bound: len(value) <= bound,
    "pattern": lambda value, bound: re.search(bound, value) is not None,
    "enum": lambda value, bound: value in bound,
    "const": lambda value, bound: value == bound,
}
STRUCTURE = {"type", "properties", "required", "additionalProperties", "items", "prefixItems", "anyOf", "oneOf", "$ref"}
NOTES = {"$schema", "$defs", "title", "description", "default", "discriminator"}  # that refuse nothing


def accepts(schema: dict, value: Any, whole: dict | None = None) -> bool:
    """Whether the schema accepts a value; raises ValueError for a keyword that is not known here.

    whole: the schema that has the definitions, where `schema` is a part of it.
    """
    whole = whole or schema
    if unknown := schema.keys() - BOUNDS.keys() - STRUCTURE - NOTES:
        raise ValueError(f"keywords {unknown} are not known to this validator")
    if "$ref" in schema and not accepts(whole["$defs"][schema["$ref"].removeprefix("#/$defs/")], value, whole):
        return False
    if "type" in schema and not _is_of(value, schema["type"]):
        return False
    members = [accepts(member, value, whole) for member in schema.get("oneOf", ())]
    return (
        all(holds(value, schema[key]) for key, holds in BOUNDS.items() if key in schema)
        and (not members or members.count(True) == 1)
        and ("anyOf" not in schema or any(accepts(member, value, whole) for member in schema["anyOf"]))
        and (not isinstance(value, dict) or _accepts_keys(schema, value, whole))
        and (not isinstance(value, list) or _accepts_items(schema, value, whole))
    )


def _is_of(value: Any, name: str) -> bool:
    return isinstance(value, TYPES[name]) and not (isinstance(value, bool) and name in ("integer", "number"))


def _accepts_keys(schema: dict, value: dict, whole: dict) -> bool:
    known, others = schema.get("properties", {}), schema.get("additionalProperties", True)
    inner = [(known.get(key, others), value[key]) for key in value]
    right = all(part if isinstance(part, bool) else accepts(part, v, whole) for part, v in inner)
    return right and set(schema.get("required", ())) <= value.keys()


def _accepts_items(schema: dict, value: list, whole: dict) -> bool:
    first = schema.get("prefixItems", [])
    parts = first + [schema.get("items", {})] * (len(value) - len(first))
    return all(accepts(part, item, whole) for part, item in zip(parts, value, strict=False))
