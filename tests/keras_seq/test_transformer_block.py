"""The block of a transformer encoder."""

import keras
import numpy as np
import pytest
import transformer_reference
from keras import ops
from test_multi_head_attention import compiled_on_jax

from keras_seq.layers import TransformerBlock

to_numpy = keras.ops.convert_to_numpy
RANDOM = np.random.default_rng(0)
INPUTS = RANDOM.normal(size=(3, 6, 8)).astype("float32")
# Padding behind, holes, and nothing valid at all.
MASK = np.array([[1, 1, 1, 1, 0, 0], [0, 1, 0, 1, 1, 1], [0, 0, 0, 0, 0, 0]], "bool")
# Of `(batch, time, time)`: one query sees nothing.
PAIRS = RANDOM.random((3, 6, 6)) > 0.3
PAIRS[0, 1] = False
OPTIONS = {
    "plain": {},
    "gelu": {"activation": "gelu", "layer_norm_epsilon": 0.1},
    "rotary": {"position": "rotary", "normalization": "rms", "rope_max_wavelength": 50},
    "alibi": {"position": "alibi", "num_key_value_heads": 1, "use_bias": False},
    "window": {"sliding_window": 2, "activation": "sigmoid", "gated_feedforward": True},
    "everything": {
        "position": "rotary",
        "rope_scaling_factor": 2.0,
        "sliding_window": 3,
        "num_key_value_heads": 2,
        "qk_norm": True,
        "normalization": "rms",
        "gated_feedforward": True,
        "activation": "silu",
        "use_bias": False,
    },
}


def built(name="plain", **kwargs):
    block = TransformerBlock(5, 4, **{**OPTIONS[name], **kwargs})
    block.build(INPUTS.shape)
    return block, transformer_reference.randomized(block)


@pytest.mark.parametrize(
    ("use_causal_mask", "normalize_first"), [(False, False), (True, True)], ids=["post", "pre"]
)
@pytest.mark.parametrize("name", OPTIONS)
def test_equals_the_loop(name, use_causal_mask, normalize_first):
    block, weights = built(name, use_causal_mask=use_causal_mask, normalize_first=normalize_first)

    found = compiled_on_jax(block, return_attention_scores=True)(
        INPUTS, padding_mask=MASK, attention_mask=PAIRS
    )

    seen = PAIRS & MASK[:, :, None] & MASK[:, None, :]
    expected = transformer_reference.block(block, weights, INPUTS, seen, use_causal_mask)
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(to_numpy(a), b, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("normalize_first", [False, True])
@pytest.mark.parametrize("activation", ["relu", "gelu"])
@pytest.mark.parametrize("masked", [False, True])
def test_equals_the_layer_of_pytorch(activation, normalize_first, masked):
    torch = pytest.importorskip("torch")
    theirs = transformer_reference.random_torch(
        torch.nn.TransformerEncoderLayer(
            8, 2, 5, 0.0, activation, batch_first=True, norm_first=normalize_first
        )
    )
    block = TransformerBlock(5, 2, activation=activation, normalize_first=normalize_first)
    block.build(INPUTS.shape)
    others = theirs.norm1, theirs.norm2, theirs.linear1, theirs.linear2
    block.set_weights(
        [
            *transformer_reference.attention_weights_of_torch(theirs.self_attn, 2),
            *(array for part in others for array in transformer_reference.weights_of_torch(part)),
        ]
    )
    # Where no step is valid at all, theirs is NaN.
    inputs, mask = INPUTS[:2], MASK[:2] if masked else np.ones((2, 6), "bool")

    found = to_numpy(block(inputs, padding_mask=mask))

    padding = torch.tensor(~mask) if masked else None
    expected = theirs(torch.tensor(inputs), src_key_padding_mask=padding).detach().numpy()
    np.testing.assert_allclose(found[mask], expected[mask], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("cuts", [[1, 1, 1, 1, 1, 1], [4, 2]], ids=["steps", "pieces"])
@pytest.mark.parametrize("name", OPTIONS)
def test_decoding_with_a_cache_equals_the_whole_sequence(name, cuts):
    block, _ = built(name, use_causal_mask=True, normalize_first=name == "rotary")
    expected, weights = block(INPUTS, padding_mask=MASK, return_attention_scores=True)
    cache, spare = block.get_initial_cache(3, 8), np.ones((3, 2), "bool")
    mask = np.concatenate([MASK, spare], axis=1)
    run = compiled_on_jax(block, return_attention_scores=True)

    outputs, scores, start = [], [], 0
    for steps in cuts:
        output, score, cache = run(
            INPUTS[:, start : start + steps],
            padding_mask=mask,
            self_attention_cache=cache,
            self_attention_cache_update_index=ops.convert_to_tensor(start, "int32"),
        )
        outputs.append(to_numpy(output))
        scores.append(to_numpy(score))
        start += steps

    np.testing.assert_allclose(np.concatenate(outputs, 1), to_numpy(expected), atol=1e-5)
    scores = np.concatenate(scores, 2)
    np.testing.assert_allclose(scores[..., :6], to_numpy(weights), atol=1e-5)
    assert (scores[..., 6:] == 0).all()


@pytest.mark.parametrize("name", OPTIONS)
def test_causal_block_has_no_gradient_to_later_steps(name, gradients):
    block, _ = built(name, use_causal_mask=True)

    (found,) = gradients(lambda x: ops.sum(block(x)[:, 2] ** 2), [INPUTS])

    assert (found[:, 3:] == 0).all()
    assert (np.abs(found[:, 2]) > 0).any()
    assert (np.abs(found[:, 1]) > 0).any()


def test_block_without_a_causal_mask_sees_both_sides(gradients):
    block, _ = built()

    (found,) = gradients(lambda x: ops.sum(block(x)[:, 2] ** 2), [INPUTS])

    assert (np.abs(found).max(axis=(0, 2)) > 0).all()


@pytest.mark.parametrize("name", OPTIONS)
def test_padding_changes_no_valid_step_and_stays_finite(name):
    block, _ = built(name)
    other = np.where(MASK[..., None], INPUTS, 99.0).astype("float32")

    run = compiled_on_jax(block)
    first, second = (to_numpy(run(x, padding_mask=MASK)) for x in (INPUTS, other))

    np.testing.assert_array_equal(first[MASK], second[MASK])
    assert np.isfinite(first).all()


@pytest.mark.parametrize("normalize_first", [False, True])
@pytest.mark.parametrize("pairs", [None, PAIRS], ids=["alone", "with pairs"])
def test_mask_of_keras_does_what_the_argument_does(pairs, normalize_first):
    block, _ = built(normalize_first=normalize_first)
    carrying = keras.layers.Masking()(np.where(MASK[..., None], INPUTS, 0.0))

    found = block(carrying, attention_mask=pairs)

    plain = ops.convert_to_tensor(to_numpy(carrying))
    expected = block(plain, padding_mask=MASK, attention_mask=pairs)
    np.testing.assert_allclose(to_numpy(found), to_numpy(expected), atol=1e-6)
    given = block(carrying, padding_mask=~MASK, attention_mask=pairs)
    expected = block(plain, padding_mask=~MASK, attention_mask=pairs)
    np.testing.assert_allclose(to_numpy(given), to_numpy(expected), atol=1e-6)


@pytest.mark.parametrize(
    "dropped", ["dropout", "attention_dropout", "feedforward_dropout"], ids=lambda name: name
)
def test_each_dropout_drops_its_own_part_in_training(dropped):
    rates = {"dropout": 0.0, "attention_dropout": 0.0, "feedforward_dropout": 0.0, dropped: 1.0}
    block, _ = built(normalize_first=True, **rates)
    x = ops.convert_to_tensor(INPUTS)
    norm = block._self_attention_layer_norm(x)
    attended = block._self_attention_layer(norm, norm)
    if dropped == "dropout":
        attended = ops.zeros_like(attended)
    if dropped == "attention_dropout":
        attended = block._self_attention_layer.output_dense.bias
    x = x + attended
    hidden = block._feedforward_intermediate_dense(block._feedforward_layer_norm(x))
    if dropped != "feedforward_dropout":
        x = x + block._feedforward_output_dense(hidden)

    found = block(INPUTS, training=True)

    np.testing.assert_allclose(to_numpy(found), to_numpy(x), atol=1e-5)
    none = TransformerBlock(5, 4, normalize_first=True)
    none.build(INPUTS.shape)
    none.set_weights(block.get_weights())
    np.testing.assert_allclose(to_numpy(block(INPUTS)), to_numpy(none(INPUTS)), atol=1e-6)


def test_dropout_is_the_default_of_the_other_two():
    def run(**rates):
        block, _ = built(seed=3, **rates)
        return to_numpy(block(INPUTS, training=True))

    expected = run(dropout=0.4, attention_dropout=0.4, feedforward_dropout=0.4)
    np.testing.assert_array_equal(run(dropout=0.4), expected)


def test_dropout_is_that_of_the_seed():
    outputs = [
        to_numpy(built(dropout=0.3, seed=seed)[0](INPUTS, training=True)) for seed in (1, 1, 2)
    ]

    np.testing.assert_array_equal(outputs[0], outputs[1])
    assert np.abs(outputs[0] - outputs[2]).max() > 0.1


def test_dropouts_of_a_block_draw_apart():
    block, _ = built(dropout=0.5, seed=3)

    seeds = {tuple(to_numpy(v)) for v in block.variables if "seed" in v.path}
    assert len(seeds) == 3


def test_without_dropout_there_is_no_state_of_a_seed():
    block, _ = built()

    assert len(block.variables) == len(block.trainable_variables) == 16


@pytest.mark.parametrize(
    ("arguments", "last"),
    [
        ({}, ["feedforward_output_dense/kernel", "feedforward_output_dense/bias"]),
        (
            {"gated_feedforward": True},
            ["feedforward_gate_dense/kernel", "feedforward_gate_dense/bias"],
        ),
    ],
)
def test_new_weights_come_last(arguments, last):
    plain, _ = built()
    block, _ = built(**arguments)

    paths = [weight.path.split("/", 1)[1] for weight in block.weights]
    assert paths[:16] == [weight.path.split("/", 1)[1] for weight in plain.weights]
    assert paths[-2:] == last


def test_regularizers_reach_every_kernel_and_bias():
    block, weights = built(kernel_regularizer="l1", bias_regularizer="l2", gated_feedforward=True)

    arrays = {(p, n): w for p, named in weights.items() for n, w in named.items()}
    kernels = sum(np.abs(w).sum() for (_, name), w in arrays.items() if "kernel" in name)
    biases = sum((w**2).sum() for (_, name), w in arrays.items() if "bias" in name)
    found = to_numpy(sum(block.losses))
    np.testing.assert_allclose(found, 0.01 * (kernels + biases), rtol=1e-5)


@pytest.mark.parametrize("scores", [False, True])
def test_symbolic_shapes_with_a_cache(scores):
    block = TransformerBlock(5, 4, num_key_value_heads=2)
    inputs, cache = keras.Input((None, 8)), keras.Input((2, 9, 2, 2))
    symbolic = block(
        inputs,
        self_attention_cache=cache,
        self_attention_cache_update_index=1,
        return_attention_scores=scores,
    )
    model = keras.Model([inputs, cache], symbolic)

    eager = model([ops.convert_to_tensor(INPUTS), block.get_initial_cache(3, 9)])

    expected = [(3, 6, 8), *([(3, 4, 6, 9)] if scores else []), (3, 2, 9, 2, 2)]
    assert [tuple(x.shape) for x in eager] == expected
    known = [(None, None, 8), *([(None, 4, None, 9)] if scores else []), (None, 2, 9, 2, 2)]
    assert [x.shape for x in symbolic] == known


def call(shape=(3, 6, 8), arguments=None, **kwargs):
    return lambda: TransformerBlock(**{"intermediate_dim": 5, "num_heads": 4, **(arguments or {})})(
        np.ones(shape, "float32"), **kwargs
    )


CACHE = np.ones((3, 2, 9, 4, 2), "float32")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (call((3, 6, 6)), r"multiple of `num_heads`. Received: shape=\(3, 6, 6\), num_heads=4"),
        (call(arguments={"intermediate_dim": 0}), "Received: intermediate_dim=0"),
        (call(arguments={"num_heads": 2.0}), "Received: num_heads=2.0"),
        (call(arguments={"num_key_value_heads": 3}), "Received: num_heads=4, num_key_value_heads"),
        (call(arguments={"normalization": "batch"}), "Received: normalization='batch'"),
        (call(arguments={"layer_norm_epsilon": 0}), "Received: layer_norm_epsilon=0"),
        (call(arguments={"position": "sines"}), "Received: position='sines'"),
        (call((3, 6, 4), {"position": "rotary"}), "Received: key_dim=1, position='rotary'"),
        (call(arguments={"rope_max_wavelength": -1}), "Received: rope_max_wavelength=-1"),
        (call(arguments={"sliding_window": 0}), "Received: sliding_window=0"),
        (call(arguments={"dropout": 2}), "Received: dropout=2"),
        (call(arguments={"dropout": None}), "Received: dropout=None"),
        (call(arguments={"dropout": "0.1"}), "Received: dropout=0.1"),
        (call(arguments={"attention_dropout": -1}), "Received: attention_dropout=-1"),
        (call(arguments={"feedforward_dropout": 3}), "Received: feedforward_dropout=3"),
        (
            call(padding_mask=MASK[:, :5]),
            r"Received: padding_mask.shape=\(3, 5\), where \(3, 6\) was expected",
        ),
        (
            call(
                padding_mask=MASK, self_attention_cache=CACHE, self_attention_cache_update_index=0
            ),
            r"all positions of the cache. Received: padding_mask.shape=\(3, 6\), where \(3, 9\)",
        ),
        (call(attention_mask=PAIRS[:, :5]), r"Received: attention_mask.shape=\(3, 5, 6\)"),
        (
            call(self_attention_cache=CACHE),
            "Received: self_attention_cache_update_index=None",
        ),
        (
            call(self_attention_cache=CACHE[:, :1], self_attention_cache_update_index=0),
            r"Received: cache.shape=\(3, 1, 9, 4, 2\)",
        ),
        (
            call(self_attention_cache=CACHE, self_attention_cache_update_index=4),
            "Received: cache_update_index=4",
        ),
        (lambda: TransformerBlock(5, 4).get_initial_cache(3, 9), "a block without self_attention"),
    ],
)
def test_errors_say_what_was_received(make, message):
    with pytest.raises(ValueError, match=message):
        make()
