"""What two variants differ in beside their method, by their runs: a pair that does gets no verdict.

A method is an objective with its hyperparameters, its optimiser and its tricks. Networks, codes that G is fed, engine,
sizes of batches, length and snapshot grid are no part of it: which of them, or the method, made one arm faster, no pair
can show.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from ganspeed.params.counts import Batches
from ganspeed.params.networks import parse_networks, resolved
from ganspeed.types import RunFacts

SETTINGS = ("engine", "updates", "grid_ratio")  # beside networks and batches
CODES = ("categorical", "continuous")  # of `latents`; the rest follows from networks and data
ABSENT = "none known"  # of networks that a record lacks


@dataclass(frozen=True)
class Difference:
    """One key with its values, as words: `D.norm`, `latents.categorical`, `batches.D` or one of SETTINGS."""

    key: str
    new: str
    reference: str

    @property
    def kind(self) -> str:
        """network, batches or one of SETTINGS."""
        return self.key if self.key in SETTINGS else "batches" if self.key.startswith("batches.") else "network"

    @property
    def is_network(self) -> bool:
        return self.kind == "network"


def settings_of(facts: RunFacts) -> dict[str, str]:
    """Dotted key → value of all that is no part of the method, networks resolved: with the values of absent keys."""
    found = _batches_of(facts) | {key: str(getattr(facts, key)) for key in SETTINGS}
    found |= dict(_flat(networks_of(facts) or {}))
    return found | {f"latents.{key}": str(facts.parameters.get("latents", {}).get(key, 0)) for key in CODES}


def _batches_of(facts: RunFacts) -> dict[str, str]:
    """Both players' first sizes, the data set's where the variant has none of its own, and how they grow."""
    own = Batches.model_validate(facts.variant.get("batches") or {})
    grow = _in_a_row(own.grow.model_dump()) if own.grow else "none"
    sizes = {f"batches.{player}": str(getattr(own, player) or facts.batch_size) for player in ("G", "D")}
    return sizes | {"batches.grow": grow}


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
            yield name, _in_a_row(value) if isinstance(value, dict) else value


def _in_a_row(block: dict[str, Any]) -> str:
    return " ".join(f"{key} {value}" for key, value in block.items())


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
    kinds: dict[str, list[str]] = {}
    for d in differs:
        key = "" if d.kind == d.key else f"{d.key.removeprefix('batches.')} "
        kinds.setdefault(d.kind, []).append(key + values(d))
    return "; ".join(f"other {kind}: {', '.join(found)}" for kind, found in kinds.items())
