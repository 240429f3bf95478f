"""The block of a transformer decoder."""

import functools

import keras
import numpy as np
import pytest
import transformer_reference
from keras import ops
from test_multi_head_attention import compiled_on_jax
from test_multi_head_attention_cache import compiled
from test_transformer_block import INPUTS, MASK, OPTIONS, PAIRS

from keras_seq.layers import TransformerDecoderBlock

to_numpy = keras.ops.convert_to_numpy
RANDOM = np.random.default_rng(1)
# Of another length and width than the inputs.
MEMORY = RANDOM.normal(size=(3, 5, 3)).astype("float32")
MEMORY_MASK = np.array([[1, 1, 1, 0, 0], [0, 0, 0, 0, 0], [1, 0, 1, 1, 1]], "bool")
MEMORY_PAIRS = RANDOM.random((3, 6, 5)) > 0.3
MASKS = {
    "decoder_padding_mask": MASK,
    "decoder_attention_mask": PAIRS,
    "encoder_padding_mask": MEMORY_MASK,
    "encoder_attention_mask": MEMORY_PAIRS,
}


def built(name="plain", memory=True, **kwargs):
    block = TransformerDecoderBlock(5, 4, **{**OPTIONS[name], **kwargs})
    block.build(INPUTS.shape, MEMORY.shape if memory else None)
    return block, transformer_reference.randomized(block)


@pytest.mark.parametrize(
    ("use_causal_mask", "normalize_first"), [(True, False), (False, True)], ids=["post", "pre"]
)
@pytest.mark.parametrize("name", OPTIONS)
def test_equals_the_loop(name, use_causal_mask, normalize_first):
    block, weights = built(name, normalize_first=normalize_first)

    found = compiled_on_jax(block, use_causal_mask=use_causal_mask, return_attention_scores=True)(
        INPUTS, MEMORY, **MASKS
    )

    seen = PAIRS & MASK[:, :, None] & MASK[:, None, :]
    memory_seen = MEMORY_PAIRS & MASK[:, :, None] & MEMORY_MASK[:, None, :]
    expected = transformer_reference.block(
        block, weights, INPUTS, seen, use_causal_mask, MEMORY, memory_seen
    )
    assert len(found) == len(expected) == 3
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(to_numpy(a), b, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("name", ["plain", "everything"])
def test_without_a_memory_equals_the_loop(name):
    block, weights = built(name, memory=False)
    masks = {key: mask for key, mask in MASKS.items() if key.startswith("decoder")}

    found = compiled_on_jax(block, return_attention_scores=True)(INPUTS, **masks)

    seen = PAIRS & MASK[:, :, None] & MASK[:, None, :]
    expected = transformer_reference.block(block, weights, INPUTS, seen, True)
    assert len(found) == len(expected) == 2
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(to_numpy(a), b, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("normalize_first", [False, True])
@pytest.mark.parametrize("activation", ["relu", "gelu"])
@pytest.mark.parametrize("masked", [False, True])
def test_equals_the_layer_of_pytorch(activation, normalize_first, masked):
    torch = pytest.importorskip("torch")
    theirs = transformer_reference.random_torch(
        torch.nn.TransformerDecoderLayer(
            8, 2, 5, 0.0, activation, batch_first=True, norm_first=normalize_first
        )
    )
    block = TransformerDecoderBlock(5, 2, activation=activation, normalize_first=normalize_first)
    memory = RANDOM.normal(size=(2, 5, 8)).astype("float32")
    block.build(INPUTS[:2].shape, memory.shape)
    attention_weights = functools.partial(
        transformer_reference.attention_weights_of_torch, num_heads=2
    )
    weights_of = transformer_reference.weights_of_torch
    block.set_weights(
        [
            *attention_weights(theirs.self_attn),
            *weights_of(theirs.norm1),
            *attention_weights(theirs.multihead_attn),
            *weights_of(theirs.norm2),
            *weights_of(theirs.linear1),
            *weights_of(theirs.linear2),
            *weights_of(theirs.norm3),
        ]
    )
    # Where a step sees nothing at all, theirs is NaN.
    inputs, mask, memory_mask = INPUTS[:2], MASK[:2].copy(), MEMORY_MASK[::2]
    mask[:, 0] = True
    if not masked:
        mask, memory_mask = np.ones_like(mask), np.ones_like(memory_mask)

    found = to_numpy(
        block(inputs, memory, decoder_padding_mask=mask, encoder_padding_mask=memory_mask)
    )

    expected = theirs(
        torch.tensor(inputs),
        torch.tensor(memory),
        tgt_mask=torch.ones(6, 6, dtype=torch.bool).triu(1),
        tgt_key_padding_mask=torch.tensor(~mask),
        memory_key_padding_mask=torch.tensor(~memory_mask),
    )
    np.testing.assert_allclose(found[mask], expected.detach().numpy()[mask], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(
    ("cuts", "memory_cached"),
    [([1, 1, 1, 1, 1, 1], True), ([4, 2], True), ([2, 4], False)],
    ids=["steps", "pieces", "memory anew"],
)
@pytest.mark.parametrize("name", OPTIONS)
def test_decoding_with_caches_equals_the_whole_sequence(name, cuts, memory_cached):
    block, _ = built(name, normalize_first=name == "rotary")
    expected = block(
        INPUTS,
        MEMORY,
        decoder_padding_mask=MASK,
        encoder_padding_mask=MEMORY_MASK,
        return_attention_scores=True,
    )
    caches = [block.get_initial_cache(3, 8), block.get_initial_cross_attention_cache(3, 5)]
    mask = np.concatenate([MASK, np.ones((3, 2), "bool")], axis=1)
    run = compiled_on_jax(block, return_attention_scores=True)

    found, start = [], 0
    for steps in cuts:
        cross = {}
        if memory_cached:
            cross["cross_attention_cache"] = caches[1]
            # Afterwards the values of the memory are not read any more.
            memory = np.full_like(MEMORY, np.nan) if start else MEMORY
            if not start:
                cross["cross_attention_cache_update_index"] = ops.convert_to_tensor(0, "int32")
        output, scores, cross_scores, *caches = run(
            INPUTS[:, start : start + steps],
            memory if memory_cached else MEMORY,
            decoder_padding_mask=mask,
            encoder_padding_mask=MEMORY_MASK,
            self_attention_cache=caches[0],
            self_attention_cache_update_index=ops.convert_to_tensor(start, "int32"),
            **cross,
        )
        found.append([to_numpy(output), to_numpy(scores), to_numpy(cross_scores)])
        assert len(caches) == 1 + memory_cached
        start += steps

    output, scores, cross_scores = (
        np.concatenate(parts, axis)
        for parts, axis in zip(zip(*found, strict=True), (1, 2, 2), strict=True)
    )
    np.testing.assert_allclose(output, to_numpy(expected[0]), atol=1e-5)
    np.testing.assert_allclose(scores[..., :6], to_numpy(expected[1]), atol=1e-5)
    np.testing.assert_allclose(cross_scores, to_numpy(expected[2]), atol=1e-5)


@pytest.mark.parametrize("name", ["plain", "everything"])
def test_decoding_without_a_memory_equals_the_whole_sequence_in_a_compiled_loop(name):
    block, _ = built(name, memory=False)

    def decode(inputs, cache):
        def step(index, cache, outputs):
            x = ops.take(inputs, ops.reshape(index, (1,)), axis=1)
            output, cache = block(
                x, self_attention_cache=cache, self_attention_cache_update_index=index
            )
            here = ops.reshape(ops.arange(6) == index, (1, -1, 1))
            return index + 1, cache, ops.where(here, output, outputs)

        start = ops.convert_to_tensor(0, "int32"), cache, ops.zeros_like(inputs)
        return ops.while_loop(lambda index, *_: index < 6, step, start)[2]

    found = compiled(decode)(ops.convert_to_tensor(INPUTS), block.get_initial_cache(3, 6))

    np.testing.assert_allclose(to_numpy(found), to_numpy(block(INPUTS)), atol=1e-5)


@pytest.mark.parametrize(
    ("name", "use_causal_mask"), [("plain", False), *((name, True) for name in OPTIONS)]
)
def test_gradient_to_later_steps(name, use_causal_mask, gradients):
    block, _ = built(name)

    found, to_memory = gradients(
        lambda x, memory: ops.sum(block(x, memory, use_causal_mask=use_causal_mask)[:, 2] ** 2),
        [INPUTS, MEMORY],
    )

    size = np.abs(found).max(axis=(0, 2))
    assert (size[1:3] > 0).all()
    assert (size[3:] == 0).all() if use_causal_mask else size[3] > 0
    assert (np.abs(to_memory).max(axis=(0, 2)) > 0).all()


@pytest.mark.parametrize("name", OPTIONS)
def test_padding_of_both_sequences_changes_no_valid_step_and_stays_finite(name):
    block, _ = built(name)
    masks = {"decoder_padding_mask": MASK, "encoder_padding_mask": MEMORY_MASK}
    other = np.where(MASK[..., None], INPUTS, 99.0).astype("float32")
    other_memory = np.where(MEMORY_MASK[..., None], MEMORY, -99.0).astype("float32")

    run = compiled_on_jax(block)
    first = to_numpy(run(INPUTS, MEMORY, **masks))
    second = to_numpy(run(other, other_memory, **masks))

    np.testing.assert_array_equal(first[MASK], second[MASK])
    assert np.isfinite(first).all()


@pytest.mark.parametrize("memory", [False, True], ids=["alone", "with memory"])
def test_masks_of_keras_do_what_the_arguments_do(memory):
    block, _ = built(memory=memory)
    arrays = [(INPUTS, MASK), (MEMORY, MEMORY_MASK)][: 1 + memory]
    carrying = [keras.layers.Masking()(np.where(m[..., None], x, 0.0)) for x, m in arrays]

    found = block(*carrying)

    masks = {"decoder_padding_mask": MASK}
    masks |= {"encoder_padding_mask": MEMORY_MASK} if memory else {}
    plain = [ops.convert_to_tensor(to_numpy(x)) for x in carrying]
    np.testing.assert_allclose(to_numpy(found), to_numpy(block(*plain, **masks)), atol=1e-6)
    masks = {key: ~mask for key, mask in masks.items()}
    given = block(*carrying, **masks)
    np.testing.assert_allclose(to_numpy(given), to_numpy(block(*plain, **masks)), atol=1e-6)


def test_positions_belong_to_self_attention_alone():
    plain, _ = built()
    for position in ("rotary", "alibi"):
        block, _ = built(position=position, sliding_window=2)
        # Positions turn no query towards a single step, which sees itself alone.
        run, run_plain = compiled_on_jax(block), compiled_on_jax(plain)
        found, expected = (to_numpy(f(INPUTS[:, :1], MEMORY)) for f in (run, run_plain))
        np.testing.assert_allclose(found, expected, atol=1e-6)
        found, expected = (to_numpy(f(INPUTS, MEMORY)) for f in (run, run_plain))
        assert np.abs(found - expected).max() > 1e-2


def test_dropouts_act_in_training_and_draw_apart():
    block, _ = built(dropout=0.5, seed=3)
    none, _ = built()

    assert len({tuple(to_numpy(v)) for v in block.variables if "seed" in v.path}) == 5
    inference = to_numpy(block(INPUTS, MEMORY))
    np.testing.assert_allclose(inference, to_numpy(none(INPUTS, MEMORY)), atol=1e-6)
    training = to_numpy(block(INPUTS, MEMORY, training=True))
    assert np.abs(training - inference).max() > 0.1
    again, _ = built(dropout=0.5, seed=3)
    np.testing.assert_array_equal(to_numpy(again(INPUTS, MEMORY, training=True)), training)


def test_dropout_of_cross_attention():
    block, weights = built(
        dropout=0.0, attention_dropout=1.0, normalize_first=True, feedforward_dropout=1.0
    )

    # Both attentions give the bias of their last projection, and the rest nothing.
    found = to_numpy(block(INPUTS, MEMORY, training=True))

    parts = "self_attention_layer", "cross_attention_layer"
    biases = sum(weights[part]["attention_output/bias"] for part in parts)
    np.testing.assert_allclose(found, INPUTS + biases, atol=1e-5)


@pytest.mark.parametrize("memory", [False, True], ids=["alone", "with memory"])
def test_saved_model_gives_the_same_output(memory, tmp_path):
    block = TransformerDecoderBlock(
        5, 4, normalization="rms", gated_feedforward=True, position="rotary"
    )
    inputs = [keras.Input((None, 8)), keras.Input((None, 3))][: 1 + memory]
    model = keras.Model(inputs, block(*inputs, return_attention_scores=True))
    transformer_reference.randomized(block)
    model.save(tmp_path / "model.keras")

    loaded = keras.saving.load_model(tmp_path / "model.keras")

    arrays = [INPUTS, MEMORY][: 1 + memory]
    for a, b in zip(model(arrays), loaded(arrays), strict=True):
        np.testing.assert_array_equal(to_numpy(a), to_numpy(b))
    assert loaded.layers[-1].get_config() == block.get_config()


@pytest.mark.parametrize("scores", [False, True])
def test_symbolic_shapes_with_caches(scores):
    block = TransformerDecoderBlock(5, 4, num_key_value_heads=2)
    inputs, memory = keras.Input((None, 8)), keras.Input((None, 3))
    caches = [keras.Input((2, 9, 2, 2)), keras.Input((2, 5, 2, 2))]
    symbolic = block(
        inputs,
        memory,
        self_attention_cache=caches[0],
        self_attention_cache_update_index=1,
        cross_attention_cache=caches[1],
        return_attention_scores=scores,
    )
    model = keras.Model([inputs, memory, *caches], symbolic)
    empty = block.get_initial_cache(3, 9), block.get_initial_cross_attention_cache(3, 5)

    eager = model([ops.convert_to_tensor(INPUTS), ops.convert_to_tensor(MEMORY), *empty])

    weights = [(3, 4, 6, 9), (3, 4, 6, 5)] if scores else []
    expected = [(3, 6, 8), *weights, (3, 2, 9, 2, 2), (3, 2, 5, 2, 2)]
    assert [tuple(x.shape) for x in eager] == expected
    weights = [(None, 4, None, 9), (None, 4, None, 5)] if scores else []
    known = [(None, None, 8), *weights, (None, 2, 9, 2, 2), (None, 2, 5, 2, 2)]
    assert [x.shape for x in symbolic] == known


def call(*shapes, memory=True, **kwargs):
    def run():
        block, _ = built(memory=memory)
        return block(*(np.ones(shape, "float32") for shape in shapes), **kwargs)

    return run


X, M = INPUTS.shape, MEMORY.shape
CACHE = np.ones((3, 2, 9, 4, 2), "float32")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (call(X), "built with cross-attention, so it must be called with `encoder_sequence`"),
        (call(X, M, memory=False), "must be called without `encoder_sequence`"),
        (call(X, cross_attention_cache=CACHE, memory=False), "the block was built without"),
        (call(X, (2, 5, 3)), r"Received: encoder_sequence.shape=\(2, 5, 3\)"),
        (call(X, (3, 5)), r"Received: encoder_sequence.shape=\(3, 5\)"),
        (
            call(X, M, encoder_padding_mask=MASK),
            r"Received: encoder_padding_mask.shape=\(3, 6\), where \(3, 5\) was expected",
        ),
        (
            call(X, M, decoder_padding_mask=MEMORY_MASK),
            r"Received: decoder_padding_mask.shape=\(3, 5\), where \(3, 6\) was expected",
        ),
        (
            call(X, M, encoder_attention_mask=PAIRS),
            r"Received: attention_mask.shape=\(3, 6, 6\)",
        ),
        (
            call(X, M, cross_attention_cache=CACHE, encoder_padding_mask=MEMORY_MASK),
            r"all positions of the cache. Received: encoder_padding_mask.shape=\(3, 5\)",
        ),
        (
            call(X, M, self_attention_cache=CACHE),
            "Received: self_attention_cache_update_index=None",
        ),
        (
            call(X, M, cross_attention_cache_update_index=0),
            "Received: cache=None, cache_update_index=0",
        ),
        (
            lambda: built(memory=False)[0].get_initial_cross_attention_cache(3, 5),
            "Received: a block without cross_attention",
        ),
        (
            lambda: TransformerDecoderBlock(5, 4).get_initial_cross_attention_cache(3, 5),
            "Received: a block without cross_attention",
        ),
        (lambda: TransformerDecoderBlock(5, 3)(INPUTS), "multiple of `num_heads`"),
    ],
)
def test_errors_say_what_was_received(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_symbolic_call_refuses_what_a_call_refuses():
    block, _ = built(memory=False)

    with pytest.raises(ValueError, match="must be called without `encoder_sequence`"):
        block(keras.Input((6, 8)), keras.Input((5, 3)))
