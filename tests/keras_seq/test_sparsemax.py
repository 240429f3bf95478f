"""Sparsemax against a search of all supports, and what its definition promises."""

import itertools

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy
from keras import ops
from test_gradients import check

from keras_seq.ops.sparsemax import sparsemax

to_numpy = keras.ops.convert_to_numpy
# A few shapes only: JAX compiles every operation for each.
LOGITS = st_numpy.arrays(
    "float32",
    st.sampled_from([(1, 1), (3, 2), (2, 6)]),
    elements=st.floats(-3, 3, width=32),
)


def nearest_probabilities(z):
    """Minimize `|p - z|²` over the simplex by trying every set of positive entries."""
    z = np.asarray(z, "float64")
    found = []
    for size in range(1, len(z) + 1):
        for support in map(list, itertools.combinations(range(len(z)), size)):
            p = np.zeros_like(z)
            p[support] = z[support] - (z[support].sum() - 1) / size
            if (p >= 0).all():
                found.append((((p - z) ** 2).sum(), tuple(p)))
    return np.array(min(found)[1])


@given(logits=LOGITS)
def test_equals_the_search_of_all_supports(logits):
    expected = [nearest_probabilities(row) for row in logits]

    np.testing.assert_allclose(to_numpy(sparsemax(logits)), expected, atol=1e-6)


@given(logits=LOGITS, others=st.integers(0, 1000))
def test_no_other_probabilities_are_nearer(logits, others):
    p = to_numpy(sparsemax(logits))
    others = np.random.default_rng(others).dirichlet(np.full(logits.shape[1], 0.3), size=(20, 1))

    distances = ((others - logits) ** 2).sum(-1)

    assert (((p - logits) ** 2).sum(-1) <= distances + 1e-5).all()
    assert (p >= 0).all()
    np.testing.assert_allclose(p.sum(-1), 1.0, atol=1e-6)


@given(logits=LOGITS, seed=st.integers(0, 1000), huge=st.booleans())
def test_masked_entries_are_as_if_they_were_not_there(logits, seed, huge):
    mask = np.random.default_rng(seed).random(logits.shape) > 0.4
    given_logits = np.where(mask, logits, 1e9 if huge else logits).astype("float32")

    p = to_numpy(sparsemax(given_logits, mask))

    for row, logits_row, mask_row in zip(p, logits, mask, strict=True):
        assert (row[~mask_row] == 0).all()
        if mask_row.any():
            expected = nearest_probabilities(logits_row[mask_row])
            np.testing.assert_allclose(row[mask_row], expected, atol=1e-6)


def test_small_logits_get_nothing():
    p = to_numpy(sparsemax(np.array([[3.0, 2.5, 0.0, -4.0], [9.0, 0.0, 0.0, 0.0]], "float32")))

    np.testing.assert_allclose(p, [[0.75, 0.25, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0]], atol=1e-6)
    assert ((p == 0).sum(-1) == [2, 3]).all()


def test_adding_a_constant_changes_nothing_however_large():
    logits = np.array([[0.0, 0.25, -0.5]], "float32")

    found, shifted = (to_numpy(sparsemax(logits + shift)) for shift in (0.0, 1e5))

    np.testing.assert_allclose(found, shifted, atol=1e-2)
    np.testing.assert_allclose(shifted.sum(-1), 1.0, atol=1e-6)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision(dtype):
    logits = ops.cast(np.array([[6e4, 5e4, -6e4, 0.0]], "float32"), dtype)

    p = sparsemax(logits, np.array([True, True, True, False]))

    assert keras.backend.standardize_dtype(p.dtype) == dtype
    np.testing.assert_array_equal(to_numpy(ops.cast(p, "float32")), [[1.0, 0.0, 0.0, 0.0]])


@pytest.mark.parametrize("shape", [(2, 0), (0, 3)])
def test_nothing_to_normalize(shape):
    assert tuple(sparsemax(np.zeros(shape, "float32")).shape) == shape


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("masked", [False, True])
def test_gradients(masked, gradients):
    mask = np.random.default_rng(0).random((4, 5)) > 0.3 if masked else np.ones((4, 5), "bool")
    mask[1] = not masked

    def reference(logits):
        p = np.zeros_like(logits)
        for row in range(4):
            if mask[row].any():
                p[row, mask[row]] = nearest_probabilities(logits[row, mask[row]])
        return p, []

    check(lambda x: (sparsemax(x, mask if masked else None), []), reference, [(4, 5)], gradients)


def test_ties_have_the_gradient_of_their_support(gradients):
    def f(logits):
        return ops.sum(sparsemax(logits) * ops.convert_to_tensor(np.array([[1, 2, 4]], "float32")))

    (gradient,) = gradients(f, [np.array([[1.0, 1.0, -5.0]], "float32")])

    np.testing.assert_allclose(gradient, [[-0.5, 0.5, 0.0]], atol=1e-6)


@pytest.mark.skipif(
    keras.config.backend() != "tensorflow", reason="only TensorFlow has unknown lengths"
)
@pytest.mark.parametrize("jit_compile", [False, True])
def test_unknown_length(jit_compile):
    import tensorflow as tf

    compiled = tf.function(
        sparsemax,
        input_signature=[tf.TensorSpec((None, None)), tf.TensorSpec((None, None), tf.bool)],
        jit_compile=jit_compile,
    )
    for length in (4, 1, 0):
        logits = np.random.default_rng(length).normal(size=(3, length)).astype("float32")
        mask = logits > -0.3
        np.testing.assert_allclose(compiled(logits, mask), sparsemax(logits, mask), atol=1e-6)
