"""Decoding step by step with a cache of keys and values."""

import itertools

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import ops

from keras_seq.layers import MultiHeadAttention, MultiHeadSelfAttention

to_numpy = keras.ops.convert_to_numpy
RANDOM = np.random.default_rng(0)
INPUTS = RANDOM.normal(size=(2, 6, 4)).astype("float32")
OPTIONS = {
    "plain": {},
    "rotary": {"position": "rotary"},
    "alibi": {"position": "alibi", "num_key_value_heads": 1},
    "window": {"sliding_window": 3, "value_dim": 3},
    "all": {
        "position": "rotary",
        "sliding_window": 2,
        "num_key_value_heads": 2,
        "qk_norm": True,
        "use_gate": True,
        "value_dim": 6,
    },
}


def built(name, cls=MultiHeadSelfAttention, **kwargs):
    layer = cls(4, 4, kernel_initializer="zeros", **OPTIONS[name], **kwargs)
    layer.build(*[INPUTS.shape] * (1 if cls is MultiHeadSelfAttention else 2))
    random = np.random.default_rng(1)
    layer.set_weights([random.normal(size=w.shape).astype("float32") for w in layer.weights])
    return layer


def decode_in_a_loop(layer, inputs, cache):
    """Run all steps in `while_loop`, with an index that is a tensor."""

    def step(index, cache, outputs):
        x = ops.take(inputs, ops.reshape(index, (1,)), axis=1)
        output, cache = layer(x, cache=cache, cache_update_index=index, use_causal_mask=True)
        here = ops.reshape(ops.arange(inputs.shape[1]) == index, (1, -1, 1))
        return index + 1, cache, ops.where(here, output, outputs)

    start = ops.convert_to_tensor(0, "int32"), cache, ops.zeros_like(inputs)
    return ops.while_loop(lambda index, *_: index < inputs.shape[1], step, start)[1:]


def compiled(f):
    """Compile for the backend that runs."""
    if keras.config.backend() == "tensorflow":
        import tensorflow as tf

        return tf.function(f, jit_compile=True)
    if keras.config.backend() == "jax":
        import jax

        return jax.jit(f)
    return f


def compiled_on_jax(f):
    """JAX would else compile every operation for every shape."""
    return compiled(f) if keras.config.backend() == "jax" else f


@settings(max_examples=6 if keras.config.backend() == "jax" else 20, deadline=None)
@given(data=st.data(), name=st.sampled_from(list(OPTIONS)), spare=st.sampled_from([0, 2]))
def test_pieces_of_any_length_equal_the_causal_parallel_form(data, name, spare):
    layer = built(name)
    mask = np.array(data.draw(st.lists(st.booleans(), min_size=6, max_size=6)))
    mask = np.stack([mask, [True] * 6])
    cache = layer.get_initial_cache(2, 6 + spare)
    wide_mask = np.pad(mask, [(0, 0), (0, spare)])
    expected, weights = layer(INPUTS, mask=mask, use_causal_mask=True, return_attention_scores=True)

    def run(inputs, mask, cache, index):
        return layer(
            inputs,
            mask=mask,
            cache=cache,
            cache_update_index=index,
            use_causal_mask=True,
            return_attention_scores=True,
        )

    run = compiled_on_jax(run)
    outputs, scores = [], []
    cuts = data.draw(st.sampled_from([[], [1, 2, 3, 4, 5], [3, 3], [0, 4, 5]]))
    for position, end in itertools.pairwise([0, *cuts, 6]):
        output, score, cache = run(
            INPUTS[:, position:end], wide_mask, cache, ops.convert_to_tensor(position)
        )
        outputs.append(to_numpy(output))
        scores.append(to_numpy(score))

    outputs, scores = np.concatenate(outputs, 1), np.concatenate(scores, 2)
    np.testing.assert_allclose(outputs, to_numpy(expected), atol=1e-5)
    np.testing.assert_allclose(scores[..., :6], to_numpy(weights), atol=1e-5)
    assert (scores[..., 6:] == 0).all()


@pytest.mark.parametrize("name", OPTIONS)
def test_compiled_loop_equals_the_causal_parallel_form(name):
    layer = built(name)
    run = compiled(lambda x, cache: decode_in_a_loop(layer, x, cache))

    cache, outputs = run(ops.convert_to_tensor(INPUTS), layer.get_initial_cache(2, 6))

    expected = layer(INPUTS, use_causal_mask=True)
    np.testing.assert_allclose(to_numpy(outputs), to_numpy(expected), atol=1e-5)
    _, at_once = layer(INPUTS, cache=layer.get_initial_cache(2, 6), cache_update_index=0)
    np.testing.assert_allclose(to_numpy(cache), to_numpy(at_once), atol=1e-5)


@pytest.mark.parametrize("dtype", ["float16", "mixed_bfloat16"])
def test_loop_in_half_precision(dtype):
    layer = built("all", dtype=dtype)
    inputs = ops.cast(INPUTS, layer.compute_dtype)

    run = compiled_on_jax(lambda x, cache: decode_in_a_loop(layer, x, cache))

    cache, outputs = run(inputs, layer.get_initial_cache(2, 6))

    expected = to_numpy(ops.cast(layer(inputs, use_causal_mask=True), "float32"))
    np.testing.assert_allclose(to_numpy(ops.cast(outputs, "float32")), expected, atol=1, rtol=0.1)
    assert keras.backend.standardize_dtype(cache.dtype) == layer.compute_dtype


def test_steps_not_written_are_not_seen_without_a_causal_mask():
    layer = built("rotary")
    cache = ops.ones_like(layer.get_initial_cache(2, 9))

    output, _ = layer(INPUTS, cache=cache, cache_update_index=0)

    np.testing.assert_allclose(to_numpy(output), to_numpy(layer(INPUTS)), atol=1e-5)


@pytest.mark.parametrize("name", ["plain", "all"])
def test_cache_that_stays_serves_cross_attention(name):
    layer = built(name, MultiHeadAttention)
    memory = RANDOM.normal(size=(2, 5, 4)).astype("float32")
    _, cache = layer(INPUTS, memory, cache=layer.get_initial_cache(2, 5), cache_update_index=0)
    mask = np.array([[True] * 5, [True, True, False, False, True]])

    output, same = layer(INPUTS, memory[:, :1], value_mask=mask, cache=cache)

    expected = layer(INPUTS, memory, value_mask=mask)
    np.testing.assert_allclose(to_numpy(output), to_numpy(expected), atol=1e-5)
    np.testing.assert_array_equal(to_numpy(same), to_numpy(cache))


def test_index_behind_the_end_writes_nothing_and_one_across_it_cuts():
    layer = built("plain")
    cache = ops.ones_like(layer.get_initial_cache(2, 4))
    _, whole = layer(INPUTS[:, :2], cache=cache, cache_update_index=2)

    for index, written in ((4, 0), (3, 1)):
        at = ops.convert_to_tensor(index, "int32")
        _, cut = layer(INPUTS[:, :2], cache=cache, cache_update_index=at)
        found = to_numpy(cut)
        assert (found[:, :, : 4 - written] == 1).all()
        expected = to_numpy(whole)[:, :, 2 : 2 + written]
        np.testing.assert_allclose(found[:, :, 4 - written :], expected, atol=1e-6)


def test_gradient_flows_through_the_cache(gradients):
    layer = built("all")

    def in_pieces(inputs):
        cache, total = layer.get_initial_cache(2, 6), 0.0
        for start in (0, 2, 5):
            piece = inputs[:, start : min(start + 3, 6) if start else 2]
            output, cache = layer(
                piece, cache=cache, cache_update_index=start, use_causal_mask=True
            )
            total = total + ops.sum(output**2)
        return total

    def at_once(inputs):
        return ops.sum(layer(inputs, use_causal_mask=True) ** 2)

    (found,) = gradients(compiled_on_jax(in_pieces), [INPUTS])

    (expected,) = gradients(compiled_on_jax(at_once), [INPUTS])
    np.testing.assert_allclose(found, expected, atol=1e-3, rtol=1e-3)


def test_symbolic_shapes_with_a_cache():
    layer = MultiHeadSelfAttention(4, 2, value_dim=3, num_key_value_heads=2)
    inputs, cache = keras.Input((None, 4)), keras.Input((2, 7, 2, 3))
    symbolic = layer(inputs, cache=cache, cache_update_index=1, return_attention_scores=True)
    model = keras.Model([inputs, cache], symbolic)

    assert [x.shape for x in symbolic] == [
        (None, None, 4),
        (None, 4, None, 7),
        (None, 2, 7, 2, 3),
    ]
    found = model([INPUTS, to_numpy(layer.get_initial_cache(2, 7))])
    assert [tuple(x.shape) for x in found] == [(2, 6, 4), (2, 4, 6, 7), (2, 2, 7, 2, 3)]


@pytest.mark.skipif(
    keras.config.backend() != "tensorflow", reason="only TensorFlow has unknown lengths"
)
@pytest.mark.parametrize("jit_compile", [False, True])
def test_unknown_lengths_of_inputs_and_cache(jit_compile):
    import tensorflow as tf

    layer = built("all")

    def run(inputs, cache, index):
        return layer(inputs, cache=cache, cache_update_index=index, use_causal_mask=True)

    signature = [
        tf.TensorSpec((None, None, 4)),
        tf.TensorSpec((None, 2, None, 2, 6)),
        tf.TensorSpec((), tf.int64),
    ]
    step = tf.function(run, input_signature=signature, jit_compile=jit_compile)

    cache = layer.get_initial_cache(2, 8)
    for steps in (2, 0, 3):
        index = np.int64(1)
        expected = run(INPUTS[:, :steps], cache, index)
        for a, b in zip(step(INPUTS[:, :steps], cache, index), expected, strict=True):
            np.testing.assert_allclose(a, b, atol=1e-5)


def call(shape, cache=None, mask=None, index=0, **kwargs):
    layer = MultiHeadSelfAttention(2, 3, **kwargs)
    cache = None if cache is None else np.zeros(cache)
    mask = None if mask is None else np.ones(mask)
    return layer(np.ones(shape), mask=mask, cache=cache, cache_update_index=index)


@pytest.mark.parametrize(
    ("run", "message"),
    [
        (lambda: call((2, 1, 4)), "so `cache` is needed"),
        (lambda: call((2, 1, 4), (2, 2, 5, 2, 3), index=None), "`cache_update_index` is needed"),
        (lambda: call((2, 1, 4), (2, 2, 5, 2)), r"\(batch, 2, S, 2, 3\).*\(2, 2, 5, 2\)"),
        (lambda: call((2, 1, 4), (2, 2, 5, 2, 4)), r"cache.shape=\(2, 2, 5, 2, 4\)"),
        (lambda: call((2, 1, 4), (2, 2, 5, 2, 3), num_key_value_heads=1), "2, S, 1, 3"),
        (lambda: call((2, 1, 4), (3, 2, 5, 2, 3)), r"cache.shape=\(3, 2, 5, 2, 3\)"),
        (lambda: call((2, 2, 4), (2, 2, 5, 2, 3), index=4), "cache_update_index=4, 2 new steps"),
        (lambda: call((2, 1, 4), (2, 2, 5, 2, 3), index=-1), "cache_update_index=-1"),
        (lambda: call((2, 1, 4), (2, 2, 5, 2, 3), mask=(2, 1)), "all positions of the cache"),
        (lambda: call((2, 1, 3, 4), (2, 2, 5, 2, 3)), "one sequence axis"),
    ],
)
def test_errors(run, message):
    with pytest.raises(ValueError, match=message):
        run()
