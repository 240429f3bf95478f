"""Hashes by which two people tell that they had the same data."""

import hashlib

import numpy as np
import pytest
import toy

from experiments.fingerprint import DIGITS, Fingerprint
from experiments.tasks.task import Batch

BATCH = toy.Sums().train_batch(seed=0, index=0, size=4)


def text(*batches):
    found = Fingerprint()
    for batch in batches:
        found.add(batch)
    return found.text


def test_it_is_the_hash_of_types_shapes_and_elements_in_order():
    whole = hashlib.sha256()
    for array in BATCH:
        whole.update(f"<f4{array.shape}".encode() + array.tobytes())
    assert text(BATCH) == whole.hexdigest()[:DIGITS]


def test_how_an_array_lies_in_memory_makes_no_difference():
    turned = Batch(np.asfortranarray(BATCH.inputs), BATCH.targets[::-1].copy()[::-1])
    swapped = Batch(*(array.astype(array.dtype.newbyteorder(">")) for array in BATCH))
    assert text(BATCH) == text(turned) == text(swapped)


@pytest.mark.parametrize(
    "other",
    [
        Batch(np.nextafter(BATCH.inputs, np.float32(9)), BATCH.targets),
        Batch(BATCH.inputs.astype(np.float64), BATCH.targets),
        Batch(BATCH.inputs[:, :, 0], BATCH.targets),
        Batch(BATCH.inputs[::-1], BATCH.targets[::-1]),
        Batch(BATCH.inputs[:3], BATCH.targets[:3]),
        Batch(BATCH.targets, BATCH.inputs),
    ],
)
def test_other_data_has_another_name(other):
    assert text(other) != text(BATCH)


def test_batches_follow_one_another():
    assert len({text(BATCH), text(BATCH, BATCH), text()}) == 3
    assert Fingerprint().add(BATCH).add(BATCH).sequences == 8
