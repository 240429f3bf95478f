"""Encoders and decoders of every kind: all steps at once, step by step, and in writing."""

import keras
import numpy as np
import pytest
from keras import ops
from seq2seq_cases import (
    ATTENDING,
    END,
    INPUTS,
    KINDS,
    LENGTH,
    SOURCE,
    START,
    TARGETS,
    VALID,
    VOCABULARY,
    log_softmax,
    logits_of,
    make,
    shared,
)

from keras_seq import layers
from keras_seq.models import Seq2Seq, shift_right

to_numpy = ops.convert_to_numpy


def score_of(model, tokens):
    """Return the sum of the log-probabilities of tokens, all steps at once."""
    chances = log_softmax(logits_of(model, SOURCE, shift_right(tokens, START)))
    chances = np.take_along_axis(chances, tokens[..., None], axis=-1)[..., 0]
    return (chances * (tokens != 0)).sum(axis=1)


@pytest.mark.parametrize("kind", KINDS)
def test_step_by_step_gives_the_same_logits(kind):
    model = shared(kind)
    expected = logits_of(model, SOURCE, INPUTS)

    constants, state = model.begin_decoding(ops.convert_to_tensor(SOURCE), LENGTH)
    for step in range(LENGTH):
        tokens = ops.convert_to_tensor(INPUTS[:, step])
        logits, state, _ = model.decode_step(tokens, constants, state, step)

        valid = VALID[:, step]
        np.testing.assert_allclose(
            to_numpy(logits)[valid], expected[valid, step], rtol=1e-5, atol=1e-5
        )


@pytest.mark.parametrize("kind", KINDS)
def test_greedy_decoding_is_a_loop_over_growing_prefixes(kind):
    model = shared(kind)

    tokens = model.generate(SOURCE, LENGTH)

    assert tokens.dtype == np.int32
    assert tokens.shape == (3, LENGTH)
    expected = np.zeros((3, LENGTH), int)
    for step in range(LENGTH):
        logits = logits_of(model, SOURCE, shift_right(expected, START))[:, step]
        has_ended = (expected == END).any(axis=1)
        expected[:, step] = np.where(has_ended, 0, 1 + logits[:, 1:].argmax(axis=-1))
    np.testing.assert_array_equal(tokens, expected)


@pytest.mark.parametrize("kind", KINDS)
def test_scores_of_a_beam_are_those_of_its_tokens(kind):
    model = shared(kind)

    tokens, scores = model.generate(SOURCE, LENGTH, beam_width=3, return_scores=True)

    np.testing.assert_allclose(scores, score_of(model, tokens), rtol=1e-4)
    greedy = model.generate(SOURCE, LENGTH, return_scores=True)
    assert (tokens != greedy[0]).any() or np.allclose(scores, greedy[1])


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_padding_of_the_source_has_no_influence(kind):
    model = make(kind)
    longer = np.pad(SOURCE, [(0, 0), (0, 3)])
    model.source_embedding.embeddings.assign(
        np.where(np.arange(7)[:, None] == 0, 9.0, to_numpy(model.source_embedding.embeddings))
    )

    logits = logits_of(model, SOURCE, INPUTS)
    padded = logits_of(model, longer, INPUTS)
    np.testing.assert_allclose(padded[VALID], logits[VALID], rtol=1e-4, atol=1e-5)
    alone = logits_of(model, SOURCE[[1], :2], INPUTS[[1]])[0]
    np.testing.assert_allclose(logits[1][VALID[1]], alone[VALID[1]], rtol=1e-4, atol=1e-5)
    expected = model.generate(SOURCE, LENGTH, beam_width=2, return_scores=True)
    found = model.generate(longer, LENGTH, beam_width=2, return_scores=True)
    np.testing.assert_array_equal(found[0], expected[0])
    np.testing.assert_allclose(found[1], expected[1], rtol=1e-4)


@pytest.mark.parametrize("kind", ATTENDING)
def test_alignments_belong_to_the_tokens(kind):
    model = shared(kind)

    tokens, alignments = model.generate(SOURCE, LENGTH, beam_width=3, return_attention_scores=True)

    heads = (2,) if kind == "transformer" else ()
    assert alignments.shape == (3, *heads, LENGTH, SOURCE.shape[1])
    constants, state = model.begin_decoding(ops.convert_to_tensor(SOURCE), LENGTH)
    inputs = shift_right(tokens, START)
    for step in range(LENGTH):
        _, state, expected = model.decode_step(
            ops.convert_to_tensor(inputs[:, step]), constants, state, step
        )
        is_token = (tokens[:, step] != 0).reshape(-1, *[1] * len(heads), 1)
        np.testing.assert_allclose(
            alignments[..., step, :], to_numpy(expected) * is_token, rtol=1e-4, atol=1e-5
        )
        seen = alignments[..., step, :] != 0
        assert not (seen & (SOURCE == 0).reshape(3, *[1] * len(heads), -1)).any()


def test_loss_is_a_mean_over_valid_tokens():
    model = make("gru")
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(loss=loss, metrics=["accuracy"])
    chances = log_softmax(logits_of(model, SOURCE, INPUTS))
    losses = -np.take_along_axis(chances, TARGETS[..., None], axis=-1)[..., 0]
    hits = chances.argmax(axis=-1) == TARGETS

    found = model.evaluate([SOURCE, INPUTS], TARGETS, verbose=0)

    np.testing.assert_allclose(found, [losses[VALID].mean(), hits[VALID].mean()], rtol=1e-5)
    # Tokens of weight zero count, but add nothing.
    weights = np.array([[1.0], [0.0], [2.0]]) * np.ones(TARGETS.shape)
    weighted = (losses * VALID * weights).sum() / VALID.sum()
    found, _ = model.evaluate([SOURCE, INPUTS], TARGETS, sample_weight=weights, verbose=0)
    np.testing.assert_allclose(found, weighted, rtol=1e-5)


@pytest.mark.parametrize("rate", [0.0, 0.5])
@pytest.mark.parametrize("place", ["encoder", "decoder"])
def test_dropout_in_training(place, rate):
    parts = {"encoder": [layers.GRU(3, return_sequences=True)], "decoder": []}
    parts[place].append(keras.layers.Dropout(0.9, seed=1))
    attention = layers.AttentionRNN(layers.GRUCell(3), layers.Attention("dot"))
    model = Seq2Seq(
        parts["encoder"], [*parts["decoder"], attention], **VOCABULARY, scheduled_sampling=rate
    )
    model.build([(None, None), (None, None)])
    if rate:
        model.scheduled_sampling = 0.0
    variables = [
        [ops.convert_to_tensor(variable) for variable in variables]
        for variables in (model.trainable_variables, model.non_trainable_variables)
    ]
    inputs = [ops.convert_to_tensor(SOURCE), ops.convert_to_tensor(INPUTS)]

    # As `fit` calls a model on JAX: not by `__call__`, which would tell its layers of training.
    trained, _ = model.stateless_call(*variables, inputs, training=True)
    expected, _ = model.stateless_call(*variables, inputs, training=False)

    assert (abs(to_numpy(trained) - to_numpy(expected)) > 1e-5).any()


@pytest.mark.slow
def test_learns_to_copy():
    keras.utils.set_random_seed(3)
    source = np.array([[3, 4, 5], [5, 3, 0], [4, 5, 3], [4, 0, 0]])
    targets = np.array([[3, 4, 5, 2], [5, 3, 2, 0], [4, 5, 3, 2], [4, 2, 0, 0]])
    model = Seq2Seq(
        layers.GRU(16, return_sequences=True, return_state=True),
        layers.AttentionRNN(layers.GRUCell(16), layers.Attention("additive")),
        source_vocabulary_size=6,
        target_vocabulary_size=6,
        embedding_dim=8,
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.03), loss)

    model.fit([source, shift_right(targets, START)], targets, epochs=50, verbose=0)

    np.testing.assert_array_equal(model.generate(source, 4), targets)
    np.testing.assert_array_equal(model.generate(source, 4, beam_width=3), targets)


class TestFirstState:
    def test_states_that_fit_are_passed_as_they_are(self):
        model = make("gru")
        _, expected = model.encoder(model.source_embedding(SOURCE), mask=SOURCE != 0)

        _, [[state]] = model.begin_decoding(ops.convert_to_tensor(SOURCE), LENGTH)

        assert not model.bridges
        np.testing.assert_array_equal(to_numpy(state), to_numpy(expected))

    def test_others_cross_a_bridge(self):
        model = make("bridged lstm")
        _, *states = model.encoder(model.source_embedding(SOURCE), mask=SOURCE != 0)
        joined = np.concatenate([to_numpy(state) for state in states], axis=-1)

        _, [found, _] = model.begin_decoding(ops.convert_to_tensor(SOURCE), LENGTH)

        assert len(found) == 2
        for state, bridge in zip(found, model.bridges, strict=True):
            (kernel,) = bridge.get_weights()
            np.testing.assert_allclose(to_numpy(state), np.tanh(joined @ kernel), atol=1e-6)

    def test_without_states_of_the_encoder_it_is_zero(self):
        model = make("luong")

        _, state = model.begin_decoding(ops.convert_to_tensor(SOURCE), LENGTH)

        assert not any(to_numpy(tensor).any() for tensor in state[0])


@pytest.mark.parametrize("kind", KINDS)
def test_saved_model_gives_the_same(kind, tmp_path):
    model = make(kind, scheduled_sampling=0.5, seed=3, start_token=3, end_token=1)
    model.scheduled_sampling = 0.25
    model.save(tmp_path / "model.keras")

    loaded = keras.saving.load_model(tmp_path / "model.keras")

    assert loaded.start_token == 3
    assert loaded.end_token == 1
    assert loaded.scheduled_sampling == 0.25
    np.testing.assert_array_equal(
        logits_of(loaded, SOURCE, INPUTS), logits_of(model, SOURCE, INPUTS)
    )
    for found, expected in zip(
        loaded.generate(SOURCE, LENGTH, beam_width=2, return_scores=True),
        model.generate(SOURCE, LENGTH, beam_width=2, return_scores=True),
        strict=True,
    ):
        np.testing.assert_array_equal(found, expected)


def test_sources_in_parts_and_as_tensors():
    model = make("gru")
    expected = model.generate(SOURCE, LENGTH, return_scores=True)

    for source in (SOURCE.tolist(), ops.convert_to_tensor(SOURCE)):
        found = model.generate(source, LENGTH, return_scores=True, batch_size=2)

        np.testing.assert_array_equal(found[0], expected[0])
        np.testing.assert_allclose(found[1], expected[1], rtol=1e-5)


def test_no_sources():
    tokens, scores = shared("gru").generate(SOURCE[:0], LENGTH, return_scores=True)

    assert tokens.shape == (0, LENGTH)
    assert scores.shape == (0,)


@pytest.mark.slow
def test_writes_with_the_weights_it_has():
    model = make("gru")
    before = model.generate(SOURCE, LENGTH, return_scores=True)
    model.decoder.enable_lora(2)
    unchanged = model.generate(SOURCE, LENGTH, return_scores=True)
    for weight in model.trainable_weights:
        if "lora" in weight.name:
            weight.assign(np.full(weight.shape, 3.0))

    changed = model.generate(SOURCE, LENGTH, return_scores=True)

    np.testing.assert_allclose(unchanged[1], before[1], rtol=1e-5)
    assert not np.allclose(changed[1], before[1])
    # Keras says so of every layer that has no kernel.
    with pytest.warns(UserWarning, match="TargetMask does not have a `quantize` method"):
        model.quantize("int8")
    tokens, scores = model.generate(SOURCE, LENGTH, return_scores=True)
    np.testing.assert_allclose(scores, score_of(model, tokens), rtol=1e-4)


@pytest.mark.parametrize("kind", ["bahdanau", "transformer"])
@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_half_precision(kind, policy):
    keras.config.set_dtype_policy(policy)
    try:
        model = make(kind, scheduled_sampling=0.5)
    finally:
        keras.config.set_dtype_policy("float32")

    logits = model([SOURCE, INPUTS], training=True)
    _, scores = model.generate(SOURCE, LENGTH, beam_width=2, return_scores=True)

    assert keras.backend.standardize_dtype(logits.dtype) == model.compute_dtype
    assert scores.dtype == np.float32
    assert np.isfinite(scores).all()


def test_shift_right():
    np.testing.assert_array_equal(INPUTS[0], [1, 5, 4, 3, 5])
    assert INPUTS.dtype == TARGETS.dtype
    with pytest.raises(ValueError, match=r"Received: targets.shape=\(3,\)"):
        shift_right([1, 2, 3], START)


def build(encoder=None, decoder=None, **arguments):
    encoder = layers.GRU(3, return_state=True) if encoder is None else encoder
    decoder = layers.GRU(3, return_sequences=True) if decoder is None else decoder
    model = Seq2Seq(encoder, decoder, **{**VOCABULARY, **arguments})
    model.build([(None, 4), (None, LENGTH)])
    return model


@pytest.mark.parametrize(
    ("mistake", "message"),
    [
        (lambda: build().generate(SOURCE, LENGTH, beam_width=0), "Received: beam_width=0"),
        (lambda: build().generate(SOURCE, 0), "Received: max_length=0"),
        (lambda: build().generate(SOURCE, LENGTH, batch_size=0), "Received: batch_size=0"),
        (lambda: build().generate(SOURCE[0], LENGTH), r"Received: source.shape=\(4,\)"),
        (lambda: build().generate(SOURCE + 1, LENGTH), "source from 1 to 7"),
        (lambda: build().generate(SOURCE + 0.5, LENGTH), "Received: .*source.dtype=float"),
        (lambda: build()([SOURCE, INPUTS - 1]), "target_inputs from -1 to 4"),
        (lambda: build()([SOURCE, INPUTS[0]]), r"Received: target_inputs.shape=\(5,\)"),
        (lambda: build()(SOURCE), r"called on a list of two"),
        (
            lambda: Seq2Seq(layers.GRU(3), layers.GRU(3, return_sequences=True), 9, 9, 4)(SOURCE),
            r"called on a list of two.*Received: one tensor of shape",
        ),
        (lambda: build()([SOURCE, INPUTS[:1]]), r"same batch size.*target_inputs.shape=\(1, 5\)"),
        (
            lambda: build().generate(SOURCE, LENGTH, length_penalty="long"),
            "Received: length_penalty=long",
        ),
        (lambda: build(scheduled_sampling="0.5"), "Received: scheduled_sampling=0.5"),
        (
            lambda: build().generate(SOURCE, LENGTH, return_attention_scores=True),
            "No layer in `decoder` attends",
        ),
        (lambda: build(encoder=[]), r"`encoder` must be a layer.*Received: encoder=\[\]"),
        (lambda: build(decoder=[]), r"`decoder` must be a layer.*Received: decoder=\[\]"),
        (lambda: build(decoder=["gru"]), r"Received: decoder=\['gru'\]"),
        (lambda: build(decoder=layers.GRU(3)), "Received: return_sequences=False"),
        (
            lambda: build(decoder=layers.TransformerBlock(3, 2)),
            "must not look at later steps.*Received: <TransformerBlock",
        ),
        (lambda: build(encoder=layers.GRU(3)), "knows nothing of the source"),
        (
            lambda: build(decoder=layers.TransformerDecoderBlock(3, 2)),
            r"must return sequences.*output of shape \(None, 3\)",
        ),
        (lambda: build(source_vocabulary_size=0), "Received: source_vocabulary_size=0"),
        (lambda: build(embedding_dim=2.5), "Received: embedding_dim=2.5"),
        (lambda: build(start_token=2), "Received: start_token=2, end_token=2"),
        (lambda: build(end_token=6), "Received: end_token=6, target_vocabulary_size=6"),
        (lambda: build(start_token=0), "Received: start_token=0"),
        (lambda: build(scheduled_sampling=1.5), "Received: scheduled_sampling=1.5"),
        (
            lambda: make("transformer").generate(SOURCE, LENGTH + 1),
            "Received: 6 steps from position 0, sequence_length=5",
        ),
        (
            lambda: build([layers.PositionEmbedding(3), layers.GRU(3, return_state=True)]),
            "Received: 4 steps from position 0, sequence_length=3",
        ),
    ],
)
def test_errors_say_what_was_received(mistake, message):
    with pytest.raises(ValueError, match=message):
        mistake()
