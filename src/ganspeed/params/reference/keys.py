"""The keys of params.yaml, one by one: what each may be, its default, its effect and what refuses it."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache

from ganspeed.params import (
    count_checks,
    cross_checks,
    image_checks,
    limits,
    load,
    network_checks,
    rates,
    tricks,
    variants,
)
from ganspeed.params.reference.schema import DEFINITIONS, params_schema
from ganspeed.params.reference.words import kind_of, yaml_of

# Each has a table REFUSED.
CHECKS = (variants, tricks, rates, load, cross_checks, network_checks, count_checks, image_checks, limits)
NETWORKS, OVERRIDES = "datasets.<name>.networks", "variants.<name>.networks"
REQUIRED, OVERRIDDEN = "required", "the data set's"


@dataclass(frozen=True)
class Tags:
    """Which blocks have a key: those whose key `path` has one of the values `some`, of all that it may have."""

    path: str
    some: tuple[str, ...]
    all: tuple[str, ...]

    def __or__(self, other: "Tags") -> "Tags":
        return replace(self, some=tuple(tag for tag in self.all if tag in self.some + other.some))

    def __str__(self) -> str:
        """Such as `with objective agp, wgan`; empty where every block has the key."""
        return "" if self.some == self.all else f"with {self.path.split('.')[-1]} {', '.join(self.some)}"


@dataclass(frozen=True)
class Key:
    """A key of params.yaml. `<name>` in its path is any name, `<n>` a place in a list, counted from 0."""

    path: str
    kind: str  # type, range, choices
    default: str
    effect: str
    tags: Tags | None = None
    refused: str = ""  # by checks across keys, in a few words

    @property
    def only(self) -> str:
        """Which blocks have it; empty for all."""
        return str(self.tags or "")


@cache
def keys() -> tuple[Key, ...]:
    """All keys, in the order of the blocks. One that differs from objective to objective is there several times."""
    found: dict[tuple, Key] = {}
    for key in _inside("", params_schema(), None):
        same = (key.path, key.kind, key.default, key.effect)
        before = found.get(same)
        found[same] = replace(before, tags=before.tags | key.tags) if before and before.tags else key
    refused = refusals()
    for same, key in found.items():
        found[same] = replace(key, refused="; ".join(refused.get(key.path, ())))
    return tuple(found.values())


def refusals() -> dict[str, list[str]]:
    """Path → what checks across keys refuse of it."""
    found: dict[str, list[str]] = {}
    for check in CHECKS:
        for words, paths in check.REFUSED.items():
            overriding = [p.replace(NETWORKS, OVERRIDES) for p in paths if NETWORKS in p]
            for path in [*paths, *overriding]:
                found.setdefault(path, []).append(words)
    return found


def _inside(path: str, node: dict, tags: Tags | None) -> Iterator[Key]:
    """The keys below a value of this schema."""
    node = _resolved(node)
    if "discriminator" in node:
        yield from _tagged(path, node["discriminator"])
    else:
        for member in node.get("anyOf", node.get("oneOf", ())):
            yield from _inside(path, member, tags)
    if "items" in node:
        yield from _inside(f"{path}.<n>", node["items"], tags)
    if isinstance(node.get("additionalProperties"), dict):
        yield from _inside(f"{path}.<name>", node["additionalProperties"], tags)
    for name, value in node.get("properties", {}).items():
        inner, value = f"{path}.{name}".lstrip("."), _resolved(value)
        if tags is None or inner != tags.path:
            default = REQUIRED if name in node.get("required", ()) else OVERRIDDEN
            default = yaml_of(value["default"]) if "default" in value else default
            yield Key(inner, kind_of(value), default, value.get("description", ""), tags)
        yield from _inside(inner, value, tags)


def _tagged(path: str, discriminator: dict) -> Iterator[Key]:
    """The keys of blocks of several kinds, one of whose keys says which."""
    tag, members = f"{path}.{discriminator['propertyName']}", discriminator["mapping"]
    about = _resolved({"$ref": next(iter(members.values()))})["properties"][discriminator["propertyName"]]
    yield Key(tag, f"one of {', '.join(members)}", REQUIRED, about.get("description", ""))
    for name, reference in members.items():
        yield from _inside(path, {"$ref": reference}, Tags(tag, (name,), tuple(members)))


def _resolved(node: dict) -> dict:
    """The schema with what it refers to; its own description comes first."""
    if "$ref" not in node:
        return node
    return params_schema()["$defs"][node["$ref"].removeprefix(DEFINITIONS)] | node
