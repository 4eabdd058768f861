"""Networks that a data set's images, or a variant's objective, cannot be trained with."""

from collections.abc import Callable, Iterator
from itertools import product
from operator import attrgetter

from pydantic import ValidationError

from ganspeed.params.blocks import Params
from ganspeed.params.messages import describe_error
from ganspeed.params.networks import DiscriminatorBlock, Networks, below_one_pixel, merged, on_one_pixel
from ganspeed.params.objectives import objective_declarations
from ganspeed.params.tricks import trick_declarations
from ganspeed.params.variants import Variant

# What is refused here, in a few words → the keys that it concerns; `ganspeed params` shows it.
REFUSED = {
    "images halved below one pixel": tuple(f"datasets.<name>.networks.{p}.depth" for p in "GD"),
    "instance on maps of 1x1": tuple(f"datasets.<name>.networks.{p}.norm" for p in "GD"),
    "layer on an mlp of width 1": tuple(f"datasets.<name>.networks.{p}.{k}" for p in "GD" for k in ("norm", "width")),
    "batch in D with an objective that penalises its gradient": ("datasets.<name>.networks.D.norm",),
    "spectral with clip": ("datasets.<name>.networks.D.norm", "variants.<name>.clip"),
    "spectral with autoencoder": ("datasets.<name>.networks.D.norm", "datasets.<name>.networks.D.body"),
    "a normalisation of D's first layer": ("datasets.<name>.networks.D.norm", "datasets.<name>.networks.D.depth"),
    "an output of D with autoencoder": ("datasets.<name>.networks.D.output", "datasets.<name>.networks.D.body"),
    "a body that does not go with the objective": ("datasets.<name>.networks.D.body", "variants.<name>.objective"),
    "what the data set's block would refuse": ("variants.<name>.networks",),
    "networks that a trick does not go with": ("variants.<name>.tricks",),
    "a data set without a problem": ("variants.<name>.tricks.content",),
}


def network_mistakes(params: Params) -> list[str]:
    """Mistakes of the networks of every cell of the grid, and of keys that a variant overrides outside it."""
    mistakes = []
    for name, variant in params.variants.items():
        for dataset in params.datasets:
            mistakes += _override_mistakes(params, dataset, name, variant)
    if not mistakes:
        for dataset, name in product(params.compare.datasets, params.compare.variants):
            if dataset in params.datasets and name in params.variants:
                mistakes += cell_mistakes(params, dataset, name)
    return list(dict.fromkeys(mistakes))


def _override_mistakes(params: Params, dataset: str, name: str, variant: Variant) -> list[str]:
    """What is wrong with the keys that a variant overrides, by type and range."""
    if variant.networks is None:
        return []
    values = merged(params.datasets[dataset].networks, variant.networks)
    try:
        Networks.model_validate(values)
    except ValidationError as error:
        document, key = {"variants": {name: {"networks": values}}}, ("variants", name, "networks")
        return [describe_error(e, document, (*key, *e["loc"])) for e in error.errors()]
    return []


def cell_mistakes(params: Params, dataset: str, name: str) -> Iterator[str]:
    """What is wrong with a variant's networks on a data set, each with the key that has the value."""
    networks, size = params.networks(dataset, name), params.datasets[dataset].data.image_size
    variant, declared = params.variants[name], objective_declarations(params.variants[name].objective)

    def key(path: str) -> str:
        """Of the variant where it overrides this key, else of the data set."""
        node = variant.networks or {}
        for part in path.split("."):
            node = node.get(part, {}) if isinstance(node, dict) else {}
        return f"variants.{name}.networks.{path}" if node != {} else f"datasets.{dataset}.networks.{path}"

    objective = f"variants.{name}.objective: {variant.objective}"
    for player in ("G", "D"):
        block = getattr(networks, player)
        depth, norm = key(f"{player}.depth"), key(f"{player}.norm")
        if below_one_pixel(block, size, player):
            where = f"datasets.{dataset}.data.image_size"
            yield f"{depth}: {block.depth} halves images of {size} pixels below one pixel; {where} is {size}"
        elif block.norm == "instance" and on_one_pixel(block, size, player):
            by = f"{key(f'{player}.body')}: 'mlp'" if block.body == "mlp" else f"{depth}: {block.depth}"
            yield f"{norm}: 'instance' on feature maps of 1x1, which it makes zero, with {by}"
        elif block.norm == "layer" and block.body == "mlp" and block.width == 1:
            yield f"{norm}: 'layer' of an mlp with {key(f'{player}.width')}: 1, whose one value it makes zero"
    yield from _mistakes_of_discriminator(networks.D, key)
    if networks.D.norm == "batch" and declared.penalises_gradient:
        yield (
            f"{key('D.norm')}: 'batch' ties samples together, but {objective} penalises the gradient of each sample "
            "(section 4 of 1704.00028)"
        )
    if networks.D.norm == "spectral" and "clip" in variant.hyperparameters():
        yield f"{key('D.norm')}: 'spectral' divides the weights that variants.{name}.clip bounds; only one of them"
    if declared.body and networks.D.body != declared.body:
        yield f"{key('D.body')}: {networks.D.body!r}, but {objective} needs {declared.body!r}"
    if networks.D.body == "autoencoder" and declared.body != "autoencoder":
        yield f"{key('D.body')}: 'autoencoder' scores by its reconstruction, which {objective} makes no use of"
    yield from _mistakes_of_tricks(params, dataset, name, key)


def _mistakes_of_discriminator(block: DiscriminatorBlock, key: Callable[[str], str]) -> Iterator[str]:
    """What of D's block does not go together, whatever the objective."""
    if block.norm in ("batch", "layer", "instance") and block.depth == 1:
        yield f"{key('D.norm')}: {block.norm!r} with {key('D.depth')}: 1, and D's first layer is not normalised"
    if block.body == "autoencoder":
        body = f"{key('D.body')}: 'autoencoder'"
        if block.norm == "spectral":
            yield f"{key('D.norm')}: 'spectral' with {body}, whose dense layers it does not normalise"
        if block.output != "none":
            yield f"{key('D.output')}: {block.output!r} with {body}, whose score is minus an error; only 'none'"


def _mistakes_of_tricks(params: Params, dataset: str, name: str, key: Callable[[str], str]) -> Iterator[str]:
    """Networks and data that a variant's tricks do not go with."""
    networks, problem = params.networks(dataset, name), params.datasets[dataset].train.problem
    for trick in params.variants[name].used_tricks():
        declared, where = trick_declarations(trick), f"variants.{name}.tricks.{trick}"
        for (path, value), why in declared.refuses.items():
            if attrgetter(path)(networks) == value:
                yield f"{where}: with {key(path)}: {value!r} it {why}"
        if declared.needs_problem and not problem:
            yield f"{where}: without datasets.{dataset}.train.problem there is no true image to hold G's against"
