"""Masked tokens: how many, which, what they become, and what is to be predicted."""

import time
from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_seq.models import mask_tokens

MASK, SPECIAL, VOCABULARY = 4, [1, 2, 3], 50
RESERVED = [0, MASK, *SPECIAL]


def mask(token_ids, seed=0, **arguments):
    return mask_tokens(
        token_ids, VOCABULARY, MASK, np.random.default_rng(seed), SPECIAL, **arguments
    )


def original(x, y, sample_weight):
    """Put the labels back where they belong."""
    token_ids = x["token_ids"].copy()
    rows, slots = np.nonzero(sample_weight)
    token_ids[rows, x["mask_positions"][rows, slots]] = y[rows, slots]
    return token_ids


@st.composite
def calls(draw):
    random = np.random.default_rng(draw(st.integers(0, 10**6)))
    shape = draw(st.integers(0, 4)), draw(st.integers(1, 30))
    token_ids = random.integers(0, draw(st.sampled_from([6, 12, VOCABULARY])), shape)
    room = draw(st.sampled_from([None, 1, 3, 40]))
    return token_ids, {
        "seed": draw(st.integers(0, 100)),
        "predictions_per_sequence": room,
        "mask_rate": draw(st.sampled_from([0.0, 0.15, 0.5, 1.0])),
    }


@given(calls())
def test_what_always_holds(call):
    token_ids, arguments = call
    before = token_ids.copy()

    x, y, sample_weight = mask(token_ids, **arguments)

    batch, length = token_ids.shape
    rate = arguments["mask_rate"]
    room = arguments["predictions_per_sequence"] or max(1, round(rate * length))
    assert x["mask_positions"].shape == y.shape == sample_weight.shape == (batch, room)
    np.testing.assert_array_equal(token_ids, before)
    np.testing.assert_array_equal(original(x, y, sample_weight), before)
    for row in range(batch):
        maskable = ~np.isin(token_ids[row], RESERVED)
        number = min(maskable.sum(), max(1, np.rint(rate * maskable.sum())), room)
        filled = np.arange(room) < number
        np.testing.assert_array_equal(sample_weight[row], filled)
        chosen = x["mask_positions"][row][filled]
        assert (np.diff(chosen) > 0).all()
        assert maskable[chosen].all()
        assert not x["mask_positions"][row][~filled].any()
        assert not y[row][~filled].any()
        # What a chosen token becomes is the mask or a token of the text.
        became = x["token_ids"][row][chosen]
        assert (became < VOCABULARY).all()
        assert not np.isin(became, [0, *SPECIAL]).any()


def quantile(n, p, q):
    """Return the smallest `k` with `P(X <= k) >= q` for a binomial `X`, in exact integers."""
    p, q, total = int(p * 10**6), int(q * 10**12), 0
    for k in range(n + 1):
        total += comb(n, k) * p**k * (10**6 - p) ** (n - k)
        if total * 10**12 >= q * 10 ** (6 * n):
            return k
    return n


TEXT = np.random.default_rng(1).integers(5, VOCABULARY, size=(100, 100))


@pytest.mark.parametrize(
    ("what", "probability"),
    [
        (lambda became, y: became == MASK, 0.8),
        # One in `VOCABULARY - len(RESERVED)` tokens that are drawn is the token itself.
        (lambda became, y: (became != MASK) & (became != y), 0.1 * 44 / 45),
        (lambda became, y: became == y, 0.1 + 0.1 / 45),
    ],
    ids=["mask", "random", "same"],
)
def test_what_chosen_tokens_become(what, probability):
    x, y, _ = mask(TEXT, seed=3)
    became = np.take_along_axis(x["token_ids"], x["mask_positions"], axis=1)

    count = what(became, y).sum()

    assert y.size == 15 * 100
    low, high = (quantile(y.size, probability, q) for q in (5e-4, 1 - 5e-4))
    assert low <= count <= high


def test_every_place_is_chosen_as_often_as_another():
    counts = np.zeros(20)
    for seed in range(5):
        x, _, _ = mask(np.full((200, 20), 9), seed=seed)
        counts += np.bincount(x["mask_positions"].ravel(), minlength=20)

    # Of 20 places at once, each a binomial of 3 choices in 20.
    low, high = (quantile(1000, 0.15, q) for q in (2.5e-5, 1 - 2.5e-5))
    assert counts.sum() == 5 * 200 * 3
    assert low <= counts.min() <= counts.max() <= high


def test_random_tokens_come_from_the_whole_text():
    x, _, _ = mask(TEXT, mask_rate=1.0, mask_token_rate=0.0, random_token_rate=1.0)

    assert set(np.unique(x["token_ids"])) == set(range(VOCABULARY)) - set(RESERVED)


def test_generator_decides_everything():
    first, second, third = (mask(TEXT, seed=seed) for seed in (0, 0, 1))

    for a, b in zip(
        (*first[0].values(), *first[1:]), (*second[0].values(), *second[1:]), strict=True
    ):
        np.testing.assert_array_equal(a, b)
    assert (first[0]["token_ids"] != third[0]["token_ids"]).any()
    generator = np.random.default_rng(0)
    epochs = [mask_tokens(TEXT, VOCABULARY, MASK, generator)[0] for _ in range(2)]
    assert (epochs[0]["mask_positions"] != epochs[1]["mask_positions"]).any()


def test_a_hundred_thousand_tokens_take_less_than_a_second():
    token_ids = np.random.default_rng(0).integers(0, VOCABULARY, (800, 128))
    mask(token_ids)
    start = time.process_time()

    mask(token_ids)

    assert time.process_time() - start < token_ids.size / 100_000


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"token_ids": [1, 2]}, r"of shape \(2,\)"),
        ({"token_ids": [[1.0]]}, "an array of float64"),
        ({"token_ids": [[5, 50]]}, "from 5 to 50, vocabulary_size=50"),
        ({"token_ids": [[-1, 7]]}, "from -1 to 7"),
        ({"mask_token_id": 50}, "mask_token_id=50"),
        ({"special_token_ids": [1, -2]}, r"special_token_ids=\[1, -2\]"),
        ({"vocabulary_size": 3, "mask_token_id": 2, "special_token_ids": [1]}, "At least one"),
        ({"predictions_per_sequence": 0}, "predictions_per_sequence=0"),
        ({"mask_rate": 1.5}, "mask_rate=1.5"),
        ({"mask_token_rate": 0.95}, "mask_token_rate=0.95, random_token_rate=0.1"),
        ({"random_token_rate": -0.1}, "random_token_rate=-0.1"),
        ({"generator": 7}, "generator=7"),
    ],
)
def test_errors_say_what_was_received(arguments, message):
    complete = {
        "token_ids": [[1, 2]],
        "vocabulary_size": VOCABULARY,
        "mask_token_id": MASK,
        "generator": np.random.default_rng(0),
    }
    with pytest.raises(ValueError, match=message):
        mask_tokens(**{**complete, **arguments})
