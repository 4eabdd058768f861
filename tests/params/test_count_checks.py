"""Warm starts and batches that a run cannot have, or that change nothing, and what is next to them."""

import pytest

from ganspeed.params.base import ParamsError
from ganspeed.params.load import parse_params

ROWS, LENGTH = "datasets.digits.train.batch_size", "datasets.digits.train.updates, which is 1,200"
WARM = {"steps": 100, "updates": 0, "every": 500}
GROW = {"factor": 2, "every": 300, "largest": 256}


def mistakes(document) -> list[str]:
    try:
        parse_params(document)
    except ParamsError as error:
        return error.mistakes
    return []


@pytest.mark.parametrize(
    ("own", "message"),
    [
        ({"batches": {"D": 8, "grow": GROW | {"largest": 32}}}, f"batches.grow.largest: 32 is not >= {ROWS}, which is"),
        ({"batches": {"D": 8, "grow": GROW | {"largest": 64}}}, None),  # D grows
        ({"batches": {"grow": GROW | {"largest": 64}}}, f"batches.grow.largest: 64 is the first size by {ROWS}: no"),
        (
            {"batches": {"G": 256, "D": 256, "grow": GROW}},
            "batches.grow.largest: 256 is the first size by variants.iterative.batches.G and variants.iterative.",
        ),
        ({"batches": {"G": 256, "grow": GROW}}, None),
        ({"warm_start": WARM | {"every": 0}}, "warm_start.updates: 0 with variants.iterative.warm_start.every: 0"),
        (
            {"warm_start": WARM | {"every": 1200}},
            f"warm_start.every: 1,200 is not < {LENGTH}, with variants.iterative.",
        ),
        ({"warm_start": WARM | {"every": 1199}}, None),
        ({"warm_start": WARM | {"every": 1200, "updates": 25}}, None),
        ({"head_start": 9_999}, "head_start: 9,999 with variants.iterative.n_critic: 2 is not <= 10,000 in all"),
        ({"head_start": 9_998}, None),
        (
            {"head_start": 9_901, "warm_start": WARM},
            "head_start: 9,901 with variants.iterative.warm_start.steps: 100 is not <= 10,000 in all",
        ),
        ({"head_start": 9_900, "warm_start": WARM}, None),
        ({"head_start": 10_001}, "head_start: 10001 is not <= 10,000"),
        ({"head_start": -1}, "head_start: -1 is not >= 0"),
    ],
)
def test_what_a_run_cannot_have_is_refused_by_its_keys(own, message, document):
    assert document["variants"]["iterative"]["n_critic"] == 2
    document["variants"]["iterative"] |= own
    found = mistakes(document)
    assert len(found) == (message is not None), found
    assert not message or found[0].startswith(f"variants.iterative.{message}")
