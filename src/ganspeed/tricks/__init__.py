"""What is done to a step beside its objective: to the images and classes that D is shown, or to G's loss.

One trick, one file of this folder; the file's name is the trick's name in a variant's block `tricks`, and the
keyword-only arguments of its constructor are the keys that it has there. See docs/tricks.md.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from importlib import import_module

from torch import Tensor, nn

from ganspeed.objectives import Batch, Terms
from ganspeed.types import Share  # noqa: F401 for the annotations of constructors


class Trick:
    """Base of all tricks. One has no state: what it does in a step follows from its keys, the step and its draws.

    The class-level literals are declarations, and the first line of a class's docstring is what `ganspeed params` says
    of the trick: `ganspeed check` reads both from the source.
    """

    # Name in Batch.draws, begun with the trick's → "image", "sample", "latent" or "classes": standard normal,
    # (N, C, H, W), one each, as many as z has numbers of noise, or as D is shown classes.
    draws: Mapping[str, str] = {}
    refuses: Mapping[tuple[str, str], str] = {}  # key of networks and a value that it does not go with → why
    traceable = True  # False: its runs are computed by the eager engine
    needs_problem = False  # True: Batch.real has to be the true images of Batch.fake, by the data set's train.problem
    objective_weight = 1.0  # what the terms of G's loss by its objective are multiplied by; a constructor may set it

    def scale(self, update: int, updates: int) -> float:
        """What its draws are multiplied by in an update, counted from 1, of so many. A trace gets them multiplied."""
        return 1.0

    def shown(self, D: nn.Module, batch: Batch, player: str) -> Batch:
        """The batch as D is shown it in the step of a player, "D" or "G"; in G's `fake` keeps its graph."""
        return batch

    def classes_shown(self, classes: Tensor, draws: Mapping[str, Tensor]) -> Tensor:
        """A step's classes (N, K), one-hot before any trick, as D is shown them; in the steps of both players."""
        return classes

    def generator_terms(self, G: nn.Module, D: nn.Module, batch: Batch) -> dict[str, Tensor]:
        """Terms that G minimises beside its objective's, by name; the batch is as it was before any trick."""
        return {}


def load(name: str, keys: Mapping) -> Trick:
    """The trick in `<name>.py` with the keys of its block. Raises ModuleNotFoundError where it is none."""
    module = import_module(f"{__name__}.{name}")
    (trick,) = (c for c in vars(module).values() if isinstance(c, type) and c.__module__ == module.__name__)
    return trick(**keys)


def shown(tricks: Iterable[Trick], D: nn.Module, batch: Batch, player: str) -> Batch:
    """The batch as D is shown it in the step of a player, once every trick, in this order, has done its part."""
    for trick in tricks:
        batch = trick.shown(D, batch, player)
    return batch


def with_terms(terms: Terms, tricks: Iterable[Trick], G: nn.Module, D: nn.Module, batch: Batch) -> Terms:
    """G's terms by its objective, weighted as the tricks say, with their own. batch: as it was before any trick."""
    weight, tricks = 1.0, tuple(tricks)
    for trick in tricks:
        weight *= trick.objective_weight
    loss = terms.loss if weight == 1 else {name: weight * term for name, term in terms.loss.items()}
    for trick in tricks:
        loss = loss | trick.generator_terms(G, D, batch)
    return replace(terms, loss=loss)
