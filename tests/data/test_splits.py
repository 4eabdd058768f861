"""The cut into train, val and test."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganspeed.data.pictures import Pictures
from ganspeed.data.splits import sample_stratified, split_pictures

LABELS = np.repeat(np.arange(10), 50)  # sorted by class, as the files of a folder are


@given(
    counts=st.lists(st.integers(1, 30), min_size=1, max_size=5), seed=st.integers(0, 2**31), share=st.floats(0.01, 1)
)
def test_a_draw_is_a_partition_with_every_class_in_proportion(counts, seed, share):
    labels = np.repeat(np.arange(len(counts)), counts)
    n = max(1, int(share * len(labels)))
    drawn, rest = sample_stratified(labels, np.arange(len(labels)), n, np.random.default_rng(seed))
    assert len(drawn) == n
    assert sorted([*drawn, *rest]) == list(range(len(labels)))
    in_proportion = np.array(counts) * n / len(labels)
    assert (np.abs(np.bincount(labels[drawn], minlength=len(counts)) - in_proportion) <= 1).all()


@pytest.mark.parametrize("published", [("train",), ("train", "test"), ("train", "val", "test")])
def test_the_first_pictures_of_a_split_are_a_fair_sample(published):
    parts = {name: Pictures(LABELS, (1, 8, 8), read=lambda index: index) for name in published}
    for part, indices in split_pictures(parts, 100, 0, "key").values():
        assert set(part.labels[indices[:60]]) == set(range(10))


@pytest.mark.parametrize("published", [("train",), ("train", "test"), ("train", "val", "test")])
def test_val_and_test_have_the_same_size_and_no_picture_is_in_two_splits(published):
    parts = {name: Pictures(LABELS, (1, 8, 8), read=lambda index: index) for name in published}
    splits = split_pictures(parts, 100, 0, "key")
    assert len(splits["val"][1]) == len(splits["test"][1]) == 100
    assert len(splits["train"][1]) == 500 - 100 * (3 - len(published))
    pictures = [(id(part), index) for part, indices in splits.values() for index in indices]
    assert len(set(pictures)) == len(pictures)
    assert all(splits[name][0] is parts[name] for name in published)
