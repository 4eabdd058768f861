"""Keys of a data set's own images: what they may say beside its other blocks, and blocks that use none of them."""

import pytest

from ganspeed.params.base import ParamsError
from ganspeed.params.datasets import Digits, Train
from ganspeed.params.load import parse_params

LIMIT, BATCH = "datasets.digits.train.limit", "datasets.digits.train.batch_size"


def mistakes(document, **train) -> list[str]:
    document["datasets"]["digits"]["train"] |= train
    try:
        parse_params(document)
    except ParamsError as error:
        return error.mistakes
    return []


@pytest.mark.parametrize(
    ("limit", "batches", "message"),
    [
        (63, None, f"63 is not >= {BATCH}, which is 64"),
        (64, None, None),
        (803, None, None),
        (804, None, "804 is not <= 803, the pictures for train by datasets.digits.data.holdout"),
        (99, {"G": 100}, "99 is not >= variants.iterative.batches.G, which is 100"),
        (100, {"G": 100}, None),
        (255, {"grow": {"factor": 2, "every": 300, "largest": 256}}, "255 is not >= variants.iterative.batches.grow."),
        (0, None, "0 is not > 0"),
    ],
)
def test_a_limit_is_as_large_as_any_batch_and_no_larger_than_train(limit, batches, message, document):
    if batches:
        document["variants"]["iterative"]["batches"] = batches
    found = mistakes(document, limit=limit)
    assert len(found) == (message is not None), found
    assert not message or found[0].startswith(f"{LIMIT}: {message}")


@pytest.mark.parametrize(
    ("side", "message"),
    [
        (1, None),
        (7, None),
        (9, "9 is not < datasets.digits.data.image_size, which is 8"),
        (2, "2 is even: a median filter is centred on a pixel; allowed: 1, 3, 5, ..."),
        (0, "0 is not >= 1"),
        (129, "129 is not < 129"),
        (None, "None: input should be a valid integer"),
    ],
)
def test_a_median_filter_has_an_odd_side_within_the_image(side, message, document):
    found = mistakes(document, denoise=side)
    assert found == ([f"datasets.digits.train.denoise: {message}"] if message else [])


UPSCALE, MASK = {"name": "upscale", "factor": 2}, {"name": "mask", "size": 4}


@pytest.mark.parametrize(
    ("problem", "message"),
    [
        (UPSCALE, None),
        (UPSCALE | {"factor": 8}, None),
        (MASK, None),
        ({"name": "denoise", "sd": 0.3}, None),
        (UPSCALE | {"factor": 3}, ".factor: 3 does not divide datasets.digits.data.image_size, which is 8"),
        (UPSCALE | {"factor": 1}, ".factor: 1 is not >= 2"),
        (UPSCALE | {"factor": 2.0}, ".factor: 2.0: input should be a valid integer"),
        (MASK | {"size": 8}, ".size: 8 is not < datasets.digits.data.image_size, which is 8"),
        (MASK | {"size": 0}, ".size: 0 is not >= 1"),
        ({"name": "denoise", "sd": 0.0}, ".sd: 0.0 is not > 0"),
        ({"name": "denoise"}, ".sd: missing"),
        ({"name": "denoise", "sd": 0.1, "factor": 2}, ".factor: unknown key"),
        ({"name": "deblur"}, ".name: 'deblur' is not one of 'upscale', 'denoise', 'mask'"),
    ],
)
def test_a_problem_is_one_that_the_images_can_have(problem, message, document):
    found = mistakes(document, problem=problem)
    assert len(found) == (message is not None), found
    assert not message or found[0].startswith(f"datasets.digits.train.problem{message}")


KNOWN = "available: " + ", ".join(f"'{digit}'" for digit in range(10))


@pytest.mark.parametrize(
    ("classes", "messages"),
    [
        (["8"], []),
        (["8", "1"], []),
        (["eight", "8", "nine"], [f": unknown class {name!r}; {KNOWN}" for name in ("eight", "nine")]),
        (["8", "1", "8"], [": '8' is listed twice"]),
        (["1", 8], [".1: 8: input should be a valid string"]),
        ([], [": []: tuple should have at least 1 item"]),
    ],
)
def test_classes_are_chosen_by_their_names(classes, messages, document):
    document["datasets"]["digits"]["data"]["classes"] = classes
    found = mistakes(document)
    assert len(found) == len(messages), found
    for mistake, message in zip(found, messages, strict=True):
        assert mistake.startswith(f"datasets.digits.data.classes{message}")


@pytest.mark.parametrize(
    ("data", "name", "known"),
    [
        ({"source": "fashion_mnist"}, "Ankle boot", True),
        ({"source": "cifar10"}, "dog", True),
        ({"source": "mnist"}, "dog", False),
        ({"source": "celeba", "attributes": ["Male", "Smiling"]}, "Male+Smiling", True),
        ({"source": "celeba", "attributes": ["Male", "Smiling"]}, "Young", False),
        ({"source": "image_folder", "path": "own", "channels": 1}, "whatever", True),  # known once prepared
    ],
)
def test_every_source_has_its_own_names(data, name, known, document):
    block = document["datasets"]["digits"]["data"] | data | {"image_size": 32, "classes": [name]}
    document["datasets"]["digits"]["data"] = block
    assert any("data.classes: unknown class" in mistake for mistake in mistakes(document)) != known


@pytest.mark.parametrize("players", ["own", "shared"])
def test_a_batch_size_that_no_player_has_bounds_nothing(players, document):
    """Where every variant of the grid has sizes of both players' own, the data set's is nobody's."""
    document["compare"]["variants"] = ["gan"]
    document["protocol"] |= {"references": [], "planned": []}
    if players == "own":
        document["variants"]["gan"]["batches"] = {"G": 16, "D": 32}
    assert len(mistakes(document, limit=32)) == (players == "shared")


def test_plain_values_are_those_of_before_where_no_option_is_used(document):
    """So that fingerprints, records and labels have no key that changes nothing."""
    block = document["datasets"]["digits"]["train"]
    assert Train.model_validate(block | {"limit": None, "denoise": 1, "problem": None}).model_dump(mode="json") == block
    assert Train.model_validate(block | {"limit": 64}).model_dump(mode="json") == block | {"limit": 64}
    assert Train.model_validate(block | {"limit": 64}).model_dump(include={"limit"}) == {"limit": 64}
    assert Train.model_validate(block | {"problem": MASK}).model_dump(mode="json") == block | {"problem": MASK}
    data = document["datasets"]["digits"]["data"]
    assert Digits.model_validate(data | {"classes": None}).model_dump(mode="json") == data
    assert Digits.model_validate(data | {"classes": ["8"]}).model_dump(mode="json") == data | {"classes": ["8"]}
