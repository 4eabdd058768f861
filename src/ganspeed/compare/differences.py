"""What two variants differ in beside their method, by their runs: a pair that does gets no verdict.

A method is an objective with its hyperparameters, its optimiser and its tricks. Networks, codes that G is fed, engine,
batch size, length and snapshot grid are no part of it: which of them, or the method, made one arm faster, no pair can
show.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from ganspeed.params.networks import parse_networks, resolved
from ganspeed.types import RunFacts

SETTINGS = ("engine", "batch_size", "updates", "grid_ratio")  # beside the networks
CODES = ("categorical", "continuous")  # of `latents`; the rest follows from networks and data
ABSENT = "none known"  # of networks that a record lacks


@dataclass(frozen=True)
class Difference:
    """One key with its values, as words: `D.norm`, `latents.categorical` or one of SETTINGS."""

    key: str
    new: str
    reference: str

    @property
    def is_network(self) -> bool:
        return self.key not in SETTINGS


def settings_of(facts: RunFacts) -> dict[str, str]:
    """Dotted key → value of all that is no part of the method, networks resolved: with the values of absent keys."""
    found = {key: str(getattr(facts, key)) for key in SETTINGS}
    for key, value in (facts.variant.get("batches") or {}).items():
        found[f"batches.{key}"] = str(value)
    found |= dict(_flat(networks_of(facts) or {}))
    return found | {f"latents.{key}": str(facts.parameters.get("latents", {}).get(key, 0)) for key in CODES}


def networks_of(facts: RunFacts) -> dict[str, Any] | None:
    """The networks of a run as plain values, with those of absent keys; None where its record has none."""
    if not (networks := facts.parameters.get("networks")):
        return None
    size = facts.parameters["data"]["image_size"]
    return resolved(parse_networks(networks), size).model_dump(mode="json")


def _flat(blocks: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Dotted key → value of networks as plain values."""
    for name, value in blocks.items():
        if name in ("latent", "G", "D"):
            yield from ((f"{name}.{key}", str(inner)) for key, inner in value.items())
        else:
            yield name, " ".join(f"{key} {inner}" for key, inner in value.items()) if isinstance(value, dict) else value


def differences_of(new: RunFacts, reference: RunFacts) -> tuple[Difference, ...]:
    """What the runs of two variants differ in beside their method: networks first. A run of each stands for all."""
    arms = settings_of(new), settings_of(reference)
    pairs = {key: [arm.get(key, ABSENT) for arm in arms] for key in (*arms[0], *arms[1])}
    found = [Difference(key, *values) for key, values in pairs.items() if values[0] != values[1]]
    return tuple(sorted(found, key=lambda difference: not difference.is_network))


def in_words(differs: Iterable[Difference]) -> str:
    """`other network: D.norm batch against none; other engine: traced against eager`; empty without a difference."""
    return _by_kind(differs, lambda d: f"{d.new} against {d.reference}")


def in_short(differs: Iterable[Difference]) -> str:
    """The same with the values of the new arm alone: `other network: D.norm batch; other engine: traced`."""
    return _by_kind(differs, lambda d: d.new)


def _by_kind(differs: Iterable[Difference], values: Callable[[Difference], str]) -> str:
    differs = list(differs)
    networks = ", ".join(f"{d.key} {values(d)}" for d in differs if d.is_network)
    others = [f"other {d.key}: {values(d)}" for d in differs if not d.is_network]
    return "; ".join([f"other network: {networks}", *others] if networks else others)
