"""Pretraining on masked tokens, and what is done with the encoder afterwards."""

import contextlib
import math

import keras
import numpy as np
import pytest

from keras_seq.layers import MaskedLMHead
from keras_seq.models import BertEncoder, mask_tokens

BEGIN, END, MASK = SPECIAL = [1, 2, 3]
FIRST, WORDS = 4, 8
to_numpy = keras.ops.convert_to_numpy


def sentences(number, random):
    """Return sentences of 8 words, which follow each other in a circle from any one of them.

    Every word is as frequent as any other, and every word is known from its neighbors.
    """
    words = (random.integers(WORDS, size=(number, 1)) + np.arange(8)) % WORDS
    return np.pad(words + FIRST, ((0, 0), (1, 1)), constant_values=(BEGIN, END))


def masked_sentences(number, seed):
    random = np.random.default_rng(seed)
    return mask_tokens(sentences(number, random), FIRST + WORDS, MASK, random, SPECIAL)


def make_encoder(**arguments):
    return BertEncoder(
        FIRST + WORDS,
        num_heads=2,
        hidden_dim=32,
        intermediate_dim=64,
        max_sequence_length=10,
        use_pooler=False,
        **{"num_layers": 2, "dropout": 0.0, **arguments},
    )


def pretrain(encoder, batches, epochs):
    names = ("token_ids", "mask_positions")
    inputs = {name: keras.Input((None,), dtype="int32", name=name) for name in names}
    head = MaskedLMHead(token_embedding=encoder.token_embedding, intermediate_activation="gelu")
    hidden = encoder(inputs["token_ids"])["sequence_output"]
    model = keras.Model(inputs, head(hidden, inputs["mask_positions"]))
    loss = keras.losses.SparseCategoricalCrossentropy(
        from_logits=True, reduction="mean_with_sample_weight"
    )
    model.compile(keras.optimizers.Adam(0.003), loss)
    x, y, sample_weight = masked_sentences(64 * batches, seed=0)
    model.fit(x, y, sample_weight=sample_weight, batch_size=64, epochs=epochs, verbose=0)
    return model


@pytest.fixture(scope="module")
def pretrained():
    keras.utils.set_random_seed(0)
    encoder = make_encoder()
    return encoder, pretrain(encoder, batches=32, epochs=6)


def test_pretraining_learns_more_than_how_frequent_words_are(pretrained):
    _, model = pretrained
    x, y, sample_weight = masked_sentences(256, seed=1)

    loss = model.evaluate(x, y, sample_weight=sample_weight, batch_size=64, verbose=0)

    entropy = math.log(WORDS)
    assert loss < 0.6 * entropy


@pytest.mark.parametrize("name", ["encoder.weights.h5", "encoder.keras", "model.keras"])
def test_fine_tuning_starts_where_pretraining_ended(pretrained, name, tmp_path):
    old, model = pretrained
    random = np.random.default_rng(2)
    tokens = sentences(512, random)
    if name == "encoder.weights.h5":
        old.save_weights(tmp_path / name)
        encoder = make_encoder()
        encoder.build((None, None))
        encoder.load_weights(tmp_path / name)
    else:
        (old if name == "encoder.keras" else model).save(tmp_path / name)
        loaded = keras.saving.load_model(tmp_path / name)
        encoder = loaded if name == "encoder.keras" else loaded.get_layer(old.name)
    start = [to_numpy(x(tokens[:8])["sequence_output"]) for x in (old, encoder)]
    inputs = keras.Input((None,), dtype="int32")
    hidden = encoder(inputs)["sequence_output"]
    classifier = keras.Model(inputs, keras.layers.Dense(1, activation="sigmoid")(hidden[:, 0]))
    classifier.compile(keras.optimizers.Adam(0.003), "binary_crossentropy")
    before = [to_numpy(weight) for weight in old.trainable_weights]

    history = classifier.fit(
        tokens, tokens[:, 1] < FIRST + WORDS // 2, batch_size=64, epochs=4, verbose=0
    )

    np.testing.assert_array_equal(*start)
    # A coin has log(2).
    assert history.history["loss"][-1] < 0.5 * math.log(2)
    after = [to_numpy(weight) for weight in encoder.trainable_weights]
    assert all((a != b).any() for a, b in zip(before, after, strict=True))


def test_trains_the_same_when_it_is_computed_again():
    weights = []
    for scope in (contextlib.nullcontext(), keras.RematScope(mode="full")):
        keras.utils.set_random_seed(3)
        with scope:
            encoder = make_encoder(num_layers=1, dropout=0.2, seed=5)
        model = pretrain(encoder, batches=1, epochs=3)
        weights.append([to_numpy(weight) for weight in model.trainable_weights])

    for plain, again in zip(*weights, strict=True):
        np.testing.assert_allclose(plain, again, atol=1e-4)
