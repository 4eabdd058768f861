"""The classes of a data set: their names where a source has known ones, and a choice of them. Imports no torch."""

import itertools
from collections.abc import Sequence

from ganspeed.params.datasets import AnyData, CelebA

DIGITS = tuple("0123456789")
CLOTHES = ("T-shirt", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")
THINGS = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
CLASSES = {"digits": DIGITS, "mnist": DIGITS, "fashion_mnist": CLOTHES, "cifar10": THINGS}  # by source


def class_names(attributes: tuple[str, ...]) -> tuple[str, ...]:
    """Names of the 2^k combinations, by the attributes present; the class number has the first as its high bit.

    >>> class_names(("Male", "Smiling"))
    ('none', 'Smiling', 'Male', 'Male+Smiling')
    """
    choices = itertools.product((False, True), repeat=len(attributes))
    return tuple("+".join(itertools.compress(attributes, choice)) or "none" for choice in choices)


def known_classes(data: AnyData) -> tuple[str, ...] | None:
    """The names of a source's classes, in the order of their numbers; None for pictures that nobody has looked at."""
    return class_names(data.attributes) if isinstance(data, CelebA) else CLASSES.get(data.source)


def choice_mistakes(key: str, chosen: Sequence[str], known: Sequence[str]) -> list[str]:
    """What is wrong with a choice among known classes, the value of this key."""
    if not known:
        return [f"{key}: {list(chosen)}, but the pictures have no classes"]
    mistakes = [
        f"{key}: unknown class {name!r}; available: {', '.join(map(repr, known))}"
        for name in dict.fromkeys(chosen)
        if name not in known
    ]
    twice = [name for i, name in enumerate(chosen) if name in chosen[:i]]
    return mistakes + [f"{key}: {name!r} is listed twice" for name in dict.fromkeys(twice)]
