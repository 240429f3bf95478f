"""Attention in blocks against the plain attention: values, gradients, lengths and memory."""

import dataclasses
import importlib
import os
import subprocess
import sys

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import ops

from keras_seq.layers import MultiHeadAttention, MultiHeadSelfAttention, TransformerBlock
from keras_seq.ops import attention
from keras_seq.ops.chunked_attention import Rules
from keras_seq.ops.dispatch import CROSSOVERS, FAST_VERSIONS

to_numpy = keras.ops.convert_to_numpy
BACKEND = keras.config.backend()
RANDOM = np.random.default_rng(0)
EXAMPLES = 12 if BACKEND == "jax" else 30


def normal(*shape):
    return RANDOM.normal(size=shape).astype("float32")


@pytest.fixture
def chunks(monkeypatch):
    """Return a function that sets the sizes of the blocks of queries and of keys."""
    module = importlib.import_module("keras_seq.ops.attention")

    def set_chunks(queries, keys):
        def rules(**arguments):
            made = Rules(**arguments)
            return dataclasses.replace(made, query_chunk=queries, key_chunk=keys)

        monkeypatch.setattr(module, "Rules", rules)

    return set_chunks


def both(arrays, differentiate, **arguments):
    """Return output and gradients of both versions, for queries, keys, values and any bias."""
    weighting = normal(*arrays[0].shape[:-1], arrays[2].shape[-1])
    found = []
    for implementation in ("reference", "fast"):

        def run(query, key, value, *bias, implementation=implementation):
            return attention(
                query,
                key,
                value,
                **({"bias": bias[0]} if bias else {}),
                **arguments,
                return_attention_scores=False,
                implementation=implementation,
            )[0]

        def loss(*tensors, run=run):
            output = run(*tensors)
            return ops.sum(output * ops.convert_to_tensor(weighting.astype(arrays[0].dtype)))

        _, gradients = differentiate(loss)(*arrays)
        found.append([to_numpy(run(*arrays)), *gradients])
    return found


def assert_close(found, expected, tolerance=1e-5):
    for a, b in zip(found, expected, strict=True):
        # What is added up rounds by its largest entries.
        scale = max(1.0, np.abs(b).max(initial=0))
        np.testing.assert_allclose(a, b, atol=tolerance * scale, rtol=tolerance)


@settings(max_examples=EXAMPLES, deadline=None)
@given(data=st.data())
def test_equals_the_plain_version(differentiate, data):
    groups, repeats = data.draw(st.sampled_from([(1, 1), (3, 1), (1, 3), (2, 2)]))
    lead = data.draw(st.sampled_from([(), (2,), (2, 3)]))
    steps, length = data.draw(st.sampled_from([(10, 7), (7, 10), (8, 8), (1, 5), (9, 1)]))
    width = data.draw(st.sampled_from([4, 5]))
    heads, random = groups * repeats, np.random.default_rng(data.draw(st.integers(0, 999)))
    shape = (*lead, heads, steps, length)

    def partly(probability):
        sizes = [size if data.draw(st.booleans()) else 1 for size in shape]
        return random.random(sizes[data.draw(st.integers(0, len(lead) + 1)) :]) < probability

    masks = tuple(
        partly(data.draw(st.sampled_from([0.3, 0.8]))) for _ in range(data.draw(st.integers(0, 2)))
    )
    arrays = [
        random.normal(size=size).astype("float32")
        for size in (
            (*lead, heads, steps, 4),
            (*lead, groups, length, 4),
            (*lead, groups, length, width),
        )
    ]
    if data.draw(st.booleans()):
        bias = random.normal(size=partly(0.5).shape).astype("float32")
        arrays.append(np.where(random.random(bias.shape) < 0.2, -np.inf, bias).astype("float32"))
    with pytest.MonkeyPatch.context() as patch:
        module = importlib.import_module("keras_seq.ops.attention")
        sizes = {
            "query_chunk": data.draw(st.sampled_from([3, 4, 64])),
            "key_chunk": data.draw(st.sampled_from([2, 5, 64])),
        }
        patch.setattr(module, "Rules", lambda **each: Rules(**each, **sizes))
        expected, found = both(
            arrays,
            differentiate,
            mask=masks,
            scale=data.draw(st.sampled_from([None, 0.7])),
            use_causal_mask=data.draw(st.booleans()),
            sliding_window=data.draw(st.sampled_from([None, 1, 3, 20])),
            slopes=data.draw(st.sampled_from([None, np.linspace(0.1, 0.9, heads).tolist()])),
            start_index=data.draw(st.sampled_from([0, 2])),
        )
    assert_close(found, expected)


@pytest.mark.parametrize("hide", ["mask", "bias", "window"])
@pytest.mark.parametrize("width", [4, 3])
def test_query_without_keys_gives_exact_zeros(hide, width, chunks, differentiate):
    chunks(4, 3)
    arrays = [normal(2, 2, 9, 4), normal(2, 2, 7, 4), normal(2, 2, 7, width)]
    seen = RANDOM.random((2, 1, 9, 7)) < 0.7
    seen[0, :, 5] = False
    arguments = {"mask": seen} if hide == "mask" else {}
    if hide == "bias":
        arguments = {"bias": np.where(seen, 0.0, -np.inf).astype("float32")}
    if hide == "window":
        # The last query is nearer to no key than three steps.
        arguments = {"sliding_window": 2, "start_index": 0}
    expected, found = both(arrays, differentiate, **arguments)

    assert_close(found, expected)
    place = np.s_[:, :, 8] if hide == "window" else np.s_[0, :, 5]
    assert (found[0][place] == 0).all()
    assert (found[1][place] == 0).all()
    assert (found[0] != 0).any()


def test_rows_of_very_low_scores_have_the_gradients_of_the_plain_version(chunks, differentiate):
    """A bias such as -1e9 hides nothing where all keys have it."""
    chunks(4, 3)
    bias = np.zeros((1, 1, 5, 8), "float32")
    bias[..., 2, :] = -1e9
    expected, found = both(
        [normal(1, 2, 5, 4), normal(1, 2, 8, 4), normal(1, 2, 8, 4)], differentiate, bias=bias
    )
    assert_close(found, expected)


@pytest.mark.parametrize("arguments", [{}, {"use_causal_mask": True}, {"sliding_window": 5}])
def test_sizes_of_blocks_agree(arguments, chunks):
    query, key = normal(2, 3, 23, 4), normal(2, 3, 23, 4)
    outputs = []
    for sizes in ((1, 1), (23, 23), (5, 7), (512, 4)):
        chunks(*sizes)
        arguments = {**arguments, "return_attention_scores": False, "implementation": "fast"}
        # Values of another width, which PyTorch's own kernel does not take.
        outputs.append(to_numpy(attention(query, key, key[..., :3], **arguments)[0]))
    for output in outputs[1:]:
        np.testing.assert_allclose(output, outputs[0], atol=1e-6)


@pytest.mark.parametrize("arguments", [{}, {"use_causal_mask": True}, {"sliding_window": 3}])
def test_half_precision(arguments, chunks):
    chunks(4, 3)
    arrays = [normal(2, 2, 9, 4) for _ in range(3)]
    layers = {}
    for dtype, implementation in (("float32", "reference"), ("bfloat16", "fast")):
        tensors = [ops.convert_to_tensor(x, dtype) for x in arrays]
        output, _ = attention(
            *tensors, **arguments, return_attention_scores=False, implementation=implementation
        )
        assert keras.backend.standardize_dtype(output.dtype) == dtype
        layers[dtype] = to_numpy(ops.cast(output, "float32"))
    np.testing.assert_allclose(layers["bfloat16"], layers["float32"], atol=2e-2, rtol=2e-2)


@pytest.mark.usefixtures("float64")
def test_double_precision(chunks, differentiate):
    chunks(4, 3)
    arrays = [normal(2, 9, 4), normal(2, 7, 4), normal(2, 7, 3), normal(9, 7)]
    expected, found = both(
        [x.astype("float64") for x in arrays], differentiate, use_causal_mask=True
    )
    assert_close(found, expected, 1e-12)


def dropped(query, seed, value=None, **arguments):
    arguments = {"dropout": 0.4, "seed": seed, "return_attention_scores": False, **arguments}
    return attention(query, query, query if value is None else value, **arguments)[0]


def test_dropout_drops_its_share_and_rescales(chunks):
    chunks(30, 50)
    # Equal scores, and values that tell the keys apart: the output is the weights.
    query, value = np.zeros((1, 1, 200, 4), "float32"), np.eye(200, dtype="float32")[None, None]

    weights = to_numpy(dropped(query, 3, value, implementation="fast")) * 200

    kept = weights > 0
    np.testing.assert_allclose(weights[kept], 1 / 0.6, rtol=1e-5)
    # Five standard deviations of 40,000 draws.
    assert abs(kept.mean() - 0.6) < 5 * np.sqrt(0.24 / kept.size)
    # No block repeats another.
    blocks = kept[0, 0, :180].reshape(6, 30, 4, 50).swapaxes(1, 2).reshape(24, -1)
    agreement = (blocks[:, None] == blocks[None]).mean(-1) - np.eye(24)
    assert agreement.max() < 0.65


def test_dropout_is_the_same_for_a_seed_and_another_by_call(chunks):
    chunks(4, 3)
    query = normal(2, 2, 9, 4)
    first, again = (to_numpy(dropped(query, 3, implementation="fast")) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    generator = keras.random.SeedGenerator(3)
    calls = [to_numpy(dropped(query, generator, implementation="fast")) for _ in range(2)]
    assert np.abs(calls[0] - calls[1]).max() > 1e-2


def test_the_gradient_drops_what_the_output_drops(chunks, differentiate):
    """Linear in the values, the output is its own gradient along the values."""
    chunks(4, 3)
    arrays = [normal(2, 2, 9, 4), normal(2, 2, 9, 4)]

    def loss(query, value):
        output = dropped(query, 5, value, implementation="fast")
        return ops.sum(output * ops.convert_to_tensor(arrays[0]))

    value, (of_query, of_value) = differentiate(loss)(*arrays)

    np.testing.assert_allclose((of_value * arrays[1]).sum(), value, rtol=1e-4)
    step = 1e-2 * np.sign(of_query)
    ends = [float(differentiate(loss)(arrays[0] + s * step, arrays[1])[0]) for s in (1, -1)]
    np.testing.assert_allclose((ends[0] - ends[1]) / 2, (of_query * step).sum(), rtol=2e-2)


@pytest.mark.skipif(BACKEND != "tensorflow", reason="other backends know all lengths")
@pytest.mark.parametrize("jit_compile", [False, True])
@pytest.mark.parametrize("implementation", ["auto", "fast"])
def test_unknown_lengths(implementation, jit_compile, differentiate, monkeypatch):
    import tensorflow as tf

    # So that "auto" takes both versions.
    monkeypatch.setitem(CROSSOVERS, "attention", 2000)
    signature = [tf.TensorSpec((None, 2, None, 4)), tf.TensorSpec((None, 2, None, 4))]
    signature.append(tf.TensorSpec((None, 1, None, None)))

    @tf.function(input_signature=signature, jit_compile=jit_compile)
    def fast(query, key, bias):
        with tf.GradientTape() as tape:
            tape.watch([query, key, bias])
            output, weights = attention(
                query,
                key,
                key,
                bias=bias,
                mask=(tf.ones(tf.shape(key)[-2:-1], "bool"),),
                use_causal_mask=True,
                return_attention_scores=False,
                implementation=implementation,
            )
            loss = tf.reduce_sum(output**2)
        assert weights is None
        return output, *tape.gradient(loss, [query, key, bias])

    def plain(query, key, bias):
        output, _ = attention(
            query, key, key, bias=bias, use_causal_mask=True, implementation="reference"
        )
        return ops.sum(output**2)

    for batch, steps, length in ((2, 5, 700), (1, 600, 3), (2, 0, 3), (2, 3, 0)):
        arrays = [normal(batch, 2, steps, 4), normal(batch, 2, length, 4)]
        arrays.append(normal(batch, 1, steps, length))
        found = fast(*arrays)
        assert_close(found[1:], differentiate(plain)(*arrays)[1])
        assert found[0].shape == (batch, 2, steps, 4)


@pytest.mark.skipif(BACKEND != "tensorflow", reason="other backends know all lengths")
@pytest.mark.parametrize("jit_compile", [False, True])
def test_unknown_lengths_choose_the_version_at_run_time(jit_compile, monkeypatch):
    import tensorflow as tf

    monkeypatch.setitem(CROSSOVERS, "attention", 100)
    monkeypatch.setitem(FAST_VERSIONS, "attention", lambda rules, query, *_: (0 * query, None))

    @tf.function(input_signature=[tf.TensorSpec((1, None, 4))], jit_compile=jit_compile)
    def largest(x):
        output, _ = attention(x, x, x, return_attention_scores=False)
        return tf.reduce_max(tf.abs(output))

    assert largest(normal(1, 10, 4)) == 0
    # XLA compiles one version, that which serves every length.
    assert (largest(normal(1, 9, 4)) == 0) == jit_compile


@pytest.mark.skipif(BACKEND != "tensorflow", reason="other backends know all lengths")
@pytest.mark.parametrize("steps", [9, 40])
def test_unknown_lengths_drop_by_seed(steps, monkeypatch):
    import tensorflow as tf

    monkeypatch.setitem(CROSSOVERS, "attention", 1000)
    generator = keras.random.SeedGenerator(1)
    x, identity = np.zeros((1, steps, 4), "float32"), np.eye(steps, 40, dtype="float32")[None]

    @tf.function(input_signature=[tf.TensorSpec((1, None, 4)), tf.TensorSpec((1, None, 40))])
    def weights(x, identity):
        arguments = {"dropout": 0.5, "return_attention_scores": False}
        return [attention(x, x, identity, **arguments, seed=s)[0] for s in (3, generator)]

    (fixed, drawn), (fixed_again, drawn_again) = (weights(x, identity) for _ in range(2))

    for each in (fixed, drawn):
        each = to_numpy(each)[..., :steps]
        kept = each != 0
        np.testing.assert_allclose(each[kept], 2 / steps, rtol=1e-5)
        assert 0.3 < kept.mean() < 0.7
    np.testing.assert_array_equal(to_numpy(fixed), to_numpy(fixed_again))
    assert (to_numpy(drawn) != to_numpy(drawn_again)).any()


# How to make a layer, and how to call it with a sequence and a mask.
LAYERS = {
    "heads": (
        lambda **kwargs: MultiHeadAttention(2, 4, position="alibi", **kwargs),
        lambda layer, x, mask: layer(x, x, value_mask=mask, use_causal_mask=True),
    ),
    "self_attention": (
        lambda **kwargs: MultiHeadSelfAttention(2, 4, sliding_window=3, **kwargs),
        lambda layer, x, mask: layer(x, mask=mask),
    ),
    "block": (
        lambda **kwargs: TransformerBlock(8, 2, use_causal_mask=True, **kwargs),
        lambda layer, x, mask: layer(x, padding_mask=mask),
    ),
}


@pytest.mark.parametrize(
    ("name", "scope", "jit_compile"),
    [("heads", None, True), ("self_attention", "full", False), ("block", "full", True)],
)
def test_layers_train_alike(name, scope, jit_compile, chunks):
    chunks(4, 3)
    make, call = LAYERS[name]
    x, mask = normal(2, 9, 8), RANDOM.random((2, 9)) < 0.8
    weights = []
    for implementation in ("reference", "fast"):
        keras.utils.set_random_seed(1)
        inputs, masks = keras.Input((9, 8)), keras.Input((9,), dtype="bool")
        with keras.RematScope(mode=scope):
            layer = make(implementation=implementation, num_key_value_heads=1)
        model = keras.Model([inputs, masks], call(layer, inputs, masks))
        # PyTorch compiles for minutes.
        model.compile("sgd", "mse", jit_compile=jit_compile and BACKEND != "torch")
        model.fit([x, mask], x[::-1], epochs=2, verbose=0)
        weights.append(model.get_weights())
    assert_close(weights[1], weights[0])


@pytest.mark.parametrize("dtype", ["mixed_bfloat16", "float32"])
def test_layer_of_mixed_precision_with_dropout(dtype, chunks):
    chunks(4, 3)
    layer = MultiHeadSelfAttention(2, 4, dropout=0.5, seed=1, dtype=dtype, implementation="fast")
    x = normal(2, 9, 8)

    calls = [to_numpy(ops.cast(layer(x, training=True), "float32")) for _ in range(2)]

    assert np.isfinite(calls).all()
    assert np.abs(calls[0] - calls[1]).max() > 1e-2


@pytest.mark.parametrize("layer", [MultiHeadAttention, MultiHeadSelfAttention, TransformerBlock])
def test_implementation_is_an_argument(layer):
    made = layer(4, 2, implementation="reference")
    assert layer.from_config(made.get_config()).get_config()["implementation"] == "reference"
    with pytest.raises(ValueError, match=r"`implementation` must be one of .*'quick'"):
        layer(4, 2, implementation="quick")


def test_scores_are_refused():
    with pytest.raises(ValueError, match=r"never holds the weights.*implementation='auto'"):
        MultiHeadAttention(2, 2, implementation="fast")(
            normal(1, 3, 4), normal(1, 3, 4), return_attention_scores=True
        )


def test_auto_is_the_plain_version_for_few_scores_or_when_they_are_asked_for(monkeypatch):
    fast, calls = FAST_VERSIONS["attention"], []

    def noted(*arguments):
        calls.append(arguments[1].shape)
        return fast(*arguments)

    monkeypatch.setitem(FAST_VERSIONS, "attention", noted)
    monkeypatch.setitem(CROSSOVERS, "attention", 100)
    x = normal(1, 2, 10, 4)
    attention(x[..., :9, :], x, x, return_attention_scores=False)
    _, weights = attention(x, x, x)
    assert not calls
    assert tuple(weights.shape) == (1, 2, 10, 10)
    _, weights = attention(x, x, x, return_attention_scores=False)
    assert len(calls) == 1
    assert weights is None


def test_everything_dropped_is_zero(chunks, differentiate):
    chunks(4, 3)
    query = normal(2, 2, 9, 4)

    def loss(query):
        return ops.sum(dropped(query, 5, dropout=1.0, implementation="fast") ** 2)

    value, (gradient,) = differentiate(loss)(query)
    assert float(value) == 0
    np.testing.assert_array_equal(gradient, np.zeros_like(query))


@pytest.mark.skipif(BACKEND != "jax", reason="the other backends refuse them, as tested below")
def test_second_order_gradients_on_jax():
    import jax

    x = normal(1, 1, 4, 3)

    def curvature(**arguments):
        def loss(x):
            output, _ = attention(x, x, x[..., :2], return_attention_scores=False, **arguments)
            return ops.sum(output**2)

        return jax.grad(lambda x: ops.sum(jax.grad(loss)(x) ** 2))(x)

    expected = curvature(implementation="reference")
    assert_close([curvature(implementation="fast")], [expected])
    # Which blocks are left out is known in the running loop only, and JAX says so.
    with pytest.raises(ValueError, match="Reverse-mode differentiation does not work"):
        curvature(implementation="fast", use_causal_mask=True)


@pytest.mark.skipif(BACKEND == "jax", reason="JAX differentiates the blocks once more, see above")
def test_second_order_gradients_are_refused():
    x = normal(1, 1, 4, 3)
    arguments = {"return_attention_scores": False, "implementation": "fast"}
    if BACKEND == "tensorflow":
        import tensorflow as tf

        x = tf.constant(x)
        with tf.GradientTape() as outer:
            outer.watch(x)
            with tf.GradientTape() as tape:
                tape.watch(x)
                loss = tf.reduce_sum(attention(x, x, x, **arguments)[0] ** 2)
            gradient = tape.gradient(loss, x)
        with pytest.raises(NotImplementedError, match="second-order"):
            outer.gradient(gradient, x)
        return
    import torch

    x = torch.tensor(x, requires_grad=True)
    loss = (attention(x, x, x[..., :2], **arguments)[0] ** 2).sum()
    (gradient,) = torch.autograd.grad(loss, x, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        gradient.sum().backward()


MEMORY = """
import resource
import keras
import numpy as np
from keras_seq.layers import Attention, MultiHeadSelfAttention

x = np.zeros((1, {steps}, 16), "float32")
inputs = keras.Input(({steps}, 16))
model = keras.Model(inputs, {attended})
model.compile("sgd", "mse", jit_compile=False)
model.train_on_batch(x, x)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""
ATTENDED = ["MultiHeadSelfAttention(4, 4)(inputs)", "Attention('general')([inputs, inputs])"]


@pytest.mark.slow
@pytest.mark.parametrize("attended", ATTENDED)
def test_memory_does_not_grow_with_the_square(attended):
    def peak(steps):
        done = subprocess.run(
            [sys.executable, "-c", MEMORY.format(steps=steps, attended=attended)],
            env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
            check=True,
            capture_output=True,
            text=True,
        )
        return int(done.stdout.split()[-1])

    # One array of all scores alone would take 1024 MB, of one head 256 MB and its gradient as much.
    assert peak(8192) - peak(64) < 400
