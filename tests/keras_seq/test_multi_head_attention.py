"""Attention in several heads against loops, and against the layers of Keras."""

import functools

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import ops

from keras_seq.layers import MultiHeadAttention, MultiHeadSelfAttention
from keras_seq.ops.positions import alibi_slopes

to_numpy = keras.ops.convert_to_numpy
RANDOM = np.random.default_rng(0)
QUERY = RANDOM.normal(size=(2, 3, 4)).astype("float32")
VALUE = RANDOM.normal(size=(2, 5, 4)).astype("float32")
EVERYTHING = {
    "num_heads": 4,
    "key_dim": 2,
    "value_dim": 3,
    "num_key_value_heads": 2,
    "qk_norm": True,
    "position": "rotary",
    "rope_max_wavelength": 50,
    "rope_scaling_factor": 2.0,
    "sliding_window": 3,
    "use_gate": True,
    "kernel_initializer": "zeros",
}


def weights_of(layer, seed=1):
    """Give the layer random weights, biases and scales too, and return them by their path."""
    random = np.random.default_rng(seed)
    found = {}
    for weight in layer.trainable_weights:
        value = random.normal(size=weight.shape).astype("float32")
        weight.assign(value)
        found["/".join(weight.path.split("/")[-2:])] = value.astype("float64")
    return found


def compiled_on_jax(f, **flags):
    """Compile a call as a whole: JAX would else compile every operation for every shape."""
    f = functools.partial(f, **flags)
    if keras.config.backend() != "jax":
        return f
    import jax

    return jax.jit(f)


def turned(x, position, layer):
    """Turn one vector, pair by pair."""
    width = len(x)
    output = np.zeros(width)
    for i in range(width // 2):
        wavelength = layer.rope_max_wavelength ** (2 * i / width)
        angle = position / layer.rope_scaling_factor / wavelength
        a, b = x[i], x[i + width // 2]
        output[i] = a * np.cos(angle) - b * np.sin(angle)
        output[i + width // 2] = b * np.cos(angle) + a * np.sin(angle)
    return output


def reference(layer, weights, query, value, mask, bias, use_causal_mask):
    """Attend row by row, head by head, query by query, and key by key."""

    def project(name, x, head):
        bias = weights[f"{name}/bias"][head] if layer.use_bias else 0.0
        return x @ weights[f"{name}/kernel"][:, head] + bias

    def prepare(name, x, head, position):
        x = project(name, x, head)
        if layer.qk_norm:
            x = x / np.sqrt(np.mean(x**2) + 1e-6) * weights[f"{name}_norm/scale"]
        return turned(x, position, layer) if layer.position == "rotary" else x

    heads = layer.num_heads
    groups = layer.num_key_value_heads or heads
    batch, steps, width = query.shape
    length = value.shape[1]
    scores = np.zeros((batch, heads, steps, length))
    output = np.zeros((batch, steps, width))
    for row, head, t in np.ndindex(batch, heads, steps):
        group = head * groups // heads
        q = prepare("query", query[row, t], head, t)
        logits = np.full(length, -np.inf)
        for s in range(length):
            seen = mask[row, t, s] and not (use_causal_mask and s > t)
            if layer.sliding_window is not None:
                seen = seen and abs(t - s) < layer.sliding_window
            if seen:
                k = prepare("key", value[row, s], group, s)
                logits[s] = q @ k / np.sqrt(layer.key_dim) + bias[row, head, t, s]
                if layer.position == "alibi":
                    logits[s] -= alibi_slopes(heads)[head] * abs(t - s)
        if np.isfinite(logits).any():
            exponentials = np.exp(logits - logits.max())
            scores[row, head, t] = exponentials / exponentials.sum()
        attended = sum(
            (scores[row, head, t, s] * project("value", value[row, s], group))
            for s in range(length)
        )
        if layer.use_gate:
            attended = attended / (1 + np.exp(-project("gate", query[row, t], head)))
        output[row, t] += attended @ weights["attention_output/kernel"][head] if length else 0.0
    if layer.use_bias:
        output += weights["attention_output/bias"]
    return output, scores


@settings(max_examples=20 if keras.config.backend() == "jax" else 60, deadline=None)
@given(data=st.data())
def test_equals_the_loop(data):
    groups, repeats = data.draw(st.sampled_from([(1, 1), (3, 1), (1, 3), (2, 2)]))
    layer = MultiHeadAttention(
        groups * repeats,
        data.draw(st.sampled_from([2, 4])),
        value_dim=data.draw(st.sampled_from([2, 3])),
        num_key_value_heads=groups if repeats > 1 else data.draw(st.sampled_from([None, groups])),
        position=data.draw(st.sampled_from(["none", "rotary", "alibi"])),
        rope_max_wavelength=data.draw(st.sampled_from([10, 10000])),
        rope_scaling_factor=data.draw(st.sampled_from([1.0, 2.0])),
        qk_norm=data.draw(st.booleans()),
        sliding_window=data.draw(st.sampled_from([None, 1, 2, 4])),
        use_bias=data.draw(st.booleans()),
        use_gate=data.draw(st.booleans()),
        dropout=data.draw(st.sampled_from([0.0, 0.5])),
        kernel_initializer="zeros",
    )
    sizes = st.sampled_from([(2, 3, 4), (2, 4, 3), (1, 4, 4), (3, 1, 1), (2, 0, 3), (2, 3, 0)])
    batch, steps, length = data.draw(sizes)
    random = np.random.default_rng(data.draw(st.integers(0, 1000)))
    query = random.normal(size=(batch, steps, 3)).astype("float32")
    value = random.normal(size=(batch, length, 3)).astype("float32")
    layer.build(query.shape, value.shape)
    weights = weights_of(layer)
    use_causal_mask = data.draw(st.booleans())
    query_mask = random.random((batch, steps)) < data.draw(st.sampled_from([0.3, 1.0]))
    value_mask = random.random((batch, length)) < data.draw(st.sampled_from([0.3, 1.0]))
    pairs = random.random((batch, steps, length)) < data.draw(st.sampled_from([0.5, 1.0]))
    sizes = (batch, layer.num_heads, steps, length)
    some = [size if data.draw(st.booleans()) else 1 for size in sizes]
    bias = random.normal(size=some[data.draw(st.integers(0, 3)) :]).astype("float32")
    arguments = {"attention_bias": bias} if data.draw(st.booleans()) else {}

    flags = {"use_causal_mask": use_causal_mask, "return_attention_scores": True}
    output, scores = compiled_on_jax(layer, **flags)(
        query,
        value,
        query_mask=query_mask,
        value_mask=value_mask,
        attention_mask=pairs,
        **arguments,
    )

    mask = query_mask[:, :, None] & value_mask[:, None] & pairs
    bias = np.broadcast_to(bias if arguments else 0.0, sizes)
    expected = reference(layer, weights, query, value, mask, bias, use_causal_mask)
    np.testing.assert_allclose(to_numpy(scores), expected[1], atol=2e-4)
    np.testing.assert_allclose(to_numpy(output), expected[0], atol=2e-4, rtol=1e-3)
    assert (to_numpy(scores)[expected[1] == 0] == 0).all()


@pytest.mark.parametrize("groups", [1, 2, 4])
@pytest.mark.parametrize("options", [{}, {"sliding_window": 2}, {"use_gate": True}], ids=str)
def test_grouped_heads_equal_those_of_keras(groups, options):
    theirs = keras.layers.GroupQueryAttention(3, 4, groups, **options)
    ours = MultiHeadAttention(4, 3, num_key_value_heads=groups, **options)
    for layer in (ours, theirs):
        layer.build(QUERY.shape, VALUE.shape)
    weights_of(ours)
    assert [w.shape for w in ours.weights] == [w.shape for w in theirs.weights]
    theirs.set_weights(ours.get_weights())
    mask = RANDOM.random((2, 3, 5)) > 0.3
    mask[..., 0] = True
    flags = {"use_causal_mask": True, "return_attention_scores": True}
    # The causal window hides the first key from the last query.
    mask[..., 1:] |= "sliding_window" in options

    pair = [
        compiled_on_jax(layer, **flags)(QUERY, VALUE, attention_mask=mask)
        for layer in (ours, theirs)
    ]
    for a, b in zip(*pair, strict=True):
        np.testing.assert_allclose(to_numpy(a), to_numpy(b), atol=1e-5)


def test_extensions_that_are_off_change_no_weights():
    plain, theirs = MultiHeadAttention(2, 4), keras.layers.MultiHeadAttention(2, 4)
    every = MultiHeadAttention(2, 4, num_key_value_heads=2, qk_norm=True, position="rotary")
    for layer in (plain, theirs, every):
        layer.build(QUERY.shape, VALUE.shape)

    shapes = [[(w.name, w.shape) for w in layer.weights] for layer in (plain, theirs, every)]

    assert shapes[0] == shapes[1]
    assert shapes[2] == [*shapes[0], ("scale", (4,)), ("scale", (4,))]


def test_slopes_of_the_paper():
    assert alibi_slopes(8) == [2.0**-i for i in range(1, 9)]
    assert alibi_slopes(1) == [2.0**-8]
    np.testing.assert_allclose(alibi_slopes(16), [2 ** (-i / 2) for i in range(1, 17)])
    # No power of two: those of 8, and every other one of 16.
    np.testing.assert_allclose(alibi_slopes(12), alibi_slopes(8) + alibi_slopes(16)[:8:2])
    np.testing.assert_allclose(alibi_slopes(3), [2**-4, 2**-8, 2**-2])


def test_causal_linear_bias_is_that_of_the_paper():
    """The bias of the paper, `slope * s`, differs by a constant per query, which softmax drops."""
    layer = MultiHeadSelfAttention(3, 2, position="alibi")
    plain = MultiHeadSelfAttention(3, 2)
    for each in (layer, plain):
        each.build(VALUE.shape)
        weights_of(each)
    bias = np.array(alibi_slopes(3))[:, None, None] * np.arange(5.0)

    output = layer(VALUE, use_causal_mask=True)

    expected = plain(VALUE, use_causal_mask=True, attention_bias=bias)
    np.testing.assert_allclose(to_numpy(output), to_numpy(expected), atol=1e-5)


@pytest.mark.parametrize("window", [1, 2, 3, 9])
@pytest.mark.parametrize("use_causal_mask", [False, True])
def test_window_is_a_band(window, use_causal_mask):
    layer = MultiHeadSelfAttention(2, 3, sliding_window=window)
    x = RANDOM.normal(size=(1, 6, 4)).astype("float32")

    _, scores = layer(x, use_causal_mask=use_causal_mask, return_attention_scores=True)

    for t, s in np.ndindex(6, 6):
        seen = abs(t - s) < window and (s <= t or not use_causal_mask)
        assert (to_numpy(scores)[0, :, t, s] > 0).all() == seen


def test_rotary_scores_depend_on_the_distance_alone():
    layer = MultiHeadSelfAttention(2, 4, position="rotary", qk_norm=True)
    x = np.tile(RANDOM.normal(size=(1, 1, 4)), (1, 9, 1)).astype("float32")

    _, scores = layer(x, return_attention_scores=True)

    logits = np.log(to_numpy(scores)[0])
    logits -= np.diagonal(logits, axis1=1, axis2=2)[:, :, None]
    for offset in range(-8, 9):
        along = np.diagonal(logits, offset, axis1=1, axis2=2)
        np.testing.assert_allclose(along, along[:, :1].repeat(9 - abs(offset), 1), atol=1e-4)


@pytest.mark.parametrize("axes", [1, 2])
def test_positions_along_one_of_two_axes(axes):
    x = RANDOM.normal(size=(2, 3, 5, 4)).astype("float32")
    layer = MultiHeadAttention(2, 4, attention_axes=axes, position="rotary")
    layer.build(x.shape, x.shape)
    flat = MultiHeadSelfAttention(2, 4, position="rotary")
    flat.build((None, None, 4))
    flat.set_weights(layer.get_weights())

    output = to_numpy(layer(x, x, use_causal_mask=True))

    rows = np.moveaxis(x, axes, 2)
    expected = to_numpy(flat(rows.reshape(-1, *rows.shape[2:]), use_causal_mask=True))
    expected = np.moveaxis(expected.reshape(rows.shape), 2, axes)
    np.testing.assert_allclose(output, expected, atol=1e-5)


@pytest.mark.parametrize("rank", [2, 3, 4])
def test_bias_over_two_axes_at_once(rank):
    x = RANDOM.normal(size=(2, 3, 2, 4)).astype("float32")
    layer = MultiHeadAttention(2, 3)
    bias = RANDOM.normal(size=(2, 2, 3, 2, 3, 2)).astype("float32")[(0,) * (6 - rank)]
    layer.build(x.shape, x.shape)

    output = to_numpy(layer(x, x, attention_bias=bias)).reshape(2, 6, 4)

    flat = MultiHeadAttention(2, 3)
    flat.build((2, 6, 4), (2, 6, 4))
    flat.set_weights(layer.get_weights())
    lead = (1,) * max(0, 4 - rank)
    joined = np.broadcast_to(bias.reshape(*lead, *bias.shape), (*bias.shape[:-4], 3, 2, 3, 2))
    joined = joined.reshape(*joined.shape[:-4], 6, 6)
    x = x.reshape(2, 6, 4)
    np.testing.assert_allclose(output, to_numpy(flat(x, x, attention_bias=joined)), atol=1e-5)


@pytest.mark.parametrize("dropout", [0.0, 0.5])
@pytest.mark.parametrize("scores", [False, True])
@pytest.mark.parametrize("hide", ["mask", "bias"])
def test_query_without_keys_gives_zeros_and_finite_gradients(dropout, scores, hide, gradients):
    arguments = {**EVERYTHING, "position": "alibi", "use_bias": False, "dropout": dropout}
    layer = MultiHeadAttention(**arguments)
    layer.build(QUERY.shape, VALUE.shape)
    weights_of(layer)
    seen = np.ones((2, 1, 3, 5), "bool")
    seen[0, :, 1] = False
    bias = np.where(seen, 0.0, -np.inf).astype("float32")
    hidden = {"attention_mask": seen} if hide == "mask" else {"attention_bias": bias}

    def run(query, value):
        found = layer(query, value, return_attention_scores=scores, training=True, **hidden)
        return found[0] if scores else found

    # A compiled function of JAX cannot keep the state of dropout.
    run = run if dropout else compiled_on_jax(run)
    output = to_numpy(run(QUERY, VALUE))
    zero = (output == 0).all(-1)
    assert zero[0, 1]
    assert dropout or zero.sum() == 1  # dropout may leave a query without keys, too
    of_query, of_value = gradients(lambda *x: ops.sum(run(*x) ** 2), [QUERY, VALUE])
    assert np.isfinite(of_query).all()
    assert np.isfinite(of_value).all()
    assert (of_query[0, 1] == 0).all()


def test_gradients_of_a_call_equal_differences_of_the_output(gradients):
    exact = keras.config.backend() == "tensorflow"
    dtype = "float64" if exact else "float32"
    for position in ("rotary", "alibi"):
        layer = MultiHeadAttention(**{**EVERYTHING, "position": position}, dtype=dtype)
        layer.build(QUERY.shape, VALUE.shape)
        weights_of(layer)
        weighting = RANDOM.normal(size=(2, 3, 4))
        bias = RANDOM.normal(size=(4, 3, 5))
        mask = np.array([[True] * 5, [False] * 5])
        arrays = [x.astype(dtype) for x in (QUERY, VALUE, bias)]

        def f(query, value, bias, layer=layer, mask=mask, weighting=weighting):
            output = layer(query, value, value_mask=mask, attention_bias=bias)
            return ops.sum(output * ops.convert_to_tensor(weighting.astype(dtype)))

        f = compiled_on_jax(f)
        found = gradients(f, arrays)

        step = 1e-5 if exact else 1e-2
        for index, array in enumerate(arrays):
            for place in list(np.ndindex(array.shape))[::7]:
                values = []
                for sign in (1, -1):
                    changed = [entry.copy() for entry in arrays]
                    changed[index][place] += sign * step
                    values.append(float(to_numpy(f(*changed))))
                expected = (values[0] - values[1]) / (2 * step)
                tolerance = 1e-7 if exact else 2e-2
                np.testing.assert_allclose(
                    found[index][place], expected, atol=tolerance, rtol=tolerance
                )
