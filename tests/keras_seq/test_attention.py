"""Attention: numbers, masks and the layers built on it."""

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import ops

from keras_seq.layers import MultiHeadAttention, MultiHeadSelfAttention
from keras_seq.ops import attention

to_numpy = keras.ops.convert_to_numpy
RANDOM = np.random.default_rng(0)
QUERY = RANDOM.normal(size=(2, 3, 4)).astype("float32")
VALUE = RANDOM.normal(size=(2, 5, 4)).astype("float32")


def test_numbers_of_keras():
    query = np.array([[[1.0, 0.0], [0.0, 1.0]]], "float32")
    key = np.array([[[0.0, 1.0], [1.0, 0.0]]], "float32")
    value = np.array([[[1.0, 2.0], [3.0, 4.0]]], "float32")

    output, weights = attention(query, key, value, scale=1.0)

    np.testing.assert_allclose(to_numpy(output)[0], [[2.462, 3.462], [1.538, 2.538]], atol=1e-3)
    np.testing.assert_allclose(to_numpy(weights)[0], [[0.269, 0.731], [0.731, 0.269]], atol=1e-3)


def both_layers(**kwargs):
    ours = MultiHeadAttention(2, 3, **kwargs)
    theirs = keras.layers.MultiHeadAttention(2, 3, **kwargs)
    ours.build(QUERY.shape, VALUE.shape)
    theirs.build(QUERY.shape, VALUE.shape)
    theirs.set_weights(ours.get_weights())
    return ours, theirs


@pytest.mark.parametrize(
    "kwargs",
    [{}, {"use_bias": False}, {"output_shape": 6}, {"sliding_window": 2}, {"use_gate": True}],
    ids=str,
)
@pytest.mark.parametrize("use_causal_mask", [False, True])
def test_equals_the_layer_of_keras(kwargs, use_causal_mask):
    ours, theirs = both_layers(**kwargs)
    mask = np.ones((2, 3, 5), "bool")
    mask[0, :, 3:] = False
    call = {"attention_mask": mask, "use_causal_mask": use_causal_mask}

    expected, expected_scores = theirs(QUERY, VALUE, return_attention_scores=True, **call)
    output, scores = ours(QUERY, VALUE, return_attention_scores=True, **call)

    np.testing.assert_allclose(to_numpy(output), to_numpy(expected), atol=1e-5)
    np.testing.assert_allclose(to_numpy(scores), to_numpy(expected_scores), atol=1e-5)


@pytest.mark.parametrize("axes", [None, 1, 2, (1, 2), (-3,)], ids=str)
def test_any_axes_equal_those_of_keras(axes):
    query = RANDOM.normal(size=(2, 3, 4, 5)).astype("float32")
    ours = MultiHeadAttention(2, 3, attention_axes=axes)
    theirs = keras.layers.MultiHeadAttention(2, 3, attention_axes=axes)
    ours.build(query.shape, query.shape)
    theirs.build(query.shape, query.shape)
    theirs.set_weights(ours.get_weights())

    expected = theirs(query, query, return_attention_scores=True)
    found = ours(query, query, return_attention_scores=True)

    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(to_numpy(a), to_numpy(b), atol=1e-5)


@pytest.mark.parametrize("scores", [False, True])
@pytest.mark.parametrize("dropout", [0.0, 0.5])
def test_query_without_keys_gives_exactly_zero(scores, dropout):
    layer = MultiHeadAttention(2, 3, dropout=dropout)
    key_mask = np.array([[False] * 5, [True] * 5])

    output = layer(QUERY, VALUE, value_mask=key_mask, return_attention_scores=scores)

    output = to_numpy(output[0] if scores else output)
    assert (output[0] == 0).all()
    assert (output[1] != 0).any()
    layer.dropout = 0.0
    np.testing.assert_array_equal(output, to_numpy(layer(QUERY, VALUE, value_mask=key_mask)))


@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_masked_keys_have_no_influence(data):
    mask = np.array(
        data.draw(st.lists(st.lists(st.booleans(), min_size=5, max_size=5), min_size=2, max_size=2))
    )
    other = np.where(mask[..., None], VALUE, 100.0).astype("float32")

    outputs = [attention(QUERY, x, x, mask=mask[:, None].astype("int32")) for x in (VALUE, other)]

    for a, b in zip(*outputs, strict=True):
        np.testing.assert_array_equal(to_numpy(a), to_numpy(b))
    sums = to_numpy(outputs[0][1]).sum(-1)
    np.testing.assert_allclose(sums, np.repeat(mask.any(1)[:, None], 3, 1), atol=1e-6)


@settings(max_examples=6, deadline=None)
@given(cut=st.integers(1, 4))
def test_causal_attention_does_not_see_the_future(cut):
    layer = MultiHeadSelfAttention(2, 3, seed=0)
    changed = VALUE.copy()
    changed[:, cut:] = 7.0

    before, after = (to_numpy(layer(x, use_causal_mask=True)) for x in (VALUE, changed))

    np.testing.assert_allclose(before[:, :cut], after[:, :cut], atol=1e-6)


def test_explicit_query_mask_counts():
    layer = MultiHeadAttention(2, 3)
    mask = np.array([[True, False, True], [True, True, False]])

    output = to_numpy(layer(QUERY, VALUE, query_mask=mask))

    assert ((output == 0).all(-1) == ~mask).all()


def test_gradients_are_finite_in_half_precision(gradients):
    layer = MultiHeadSelfAttention(2, 3, dtype="float16")
    layer.build((2, 3, 4))
    mask = np.zeros((2, 3), "bool")
    mask[0, 0] = True

    def f(x):
        return ops.sum(ops.cast(layer(x, mask=mask), "float32"))

    (gradient,) = gradients(f, [(30 * QUERY).astype("float16")])
    assert np.isfinite(gradient).all()


def test_large_scores_do_not_overflow_in_half_precision():
    x = np.full((1, 4, 64), 60.0, "float16")

    output, weights = attention(x, x, x)

    assert np.isfinite(to_numpy(output)).all()
    np.testing.assert_allclose(to_numpy(weights), 0.25, atol=1e-3)


def test_symbolic_scores_have_the_shape_of_the_scores():
    layer = MultiHeadAttention(2, 3, value_dim=5)
    symbolic = layer(keras.Input((3, 4)), keras.Input((None, 4)), return_attention_scores=True)
    eager = layer(QUERY, VALUE, return_attention_scores=True)

    assert [x.shape for x in symbolic] == [(None, 3, 4), (None, 2, 3, None)]
    assert [tuple(x.shape) for x in eager] == [(2, 3, 4), (2, 2, 3, 5)]


def test_output_shape_of_several_dimensions():
    layer = MultiHeadAttention(2, 3, output_shape=(2, 4))

    assert tuple(layer(QUERY, VALUE).shape) == (2, 3, 2, 4)
    assert layer.compute_output_shape(QUERY.shape, VALUE.shape) == (2, 3, 2, 4)
