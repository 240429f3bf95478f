"""Training of a decoder on tokens of its own."""

import keras
import numpy as np
import pytest
from keras import ops
from seq2seq_cases import (
    INPUTS,
    KINDS,
    LENGTH,
    SOURCE,
    START,
    TARGETS,
    VALID,
    VOCABULARY,
    both_directions,
    log_softmax,
    logits_of,
    make,
)

from keras_seq import layers
from keras_seq.models import Seq2Seq

to_numpy = ops.convert_to_numpy


class TestScheduledSampling:
    def peaked(self, kind, token=4, **arguments):
        """Return a model that always predicts the same token."""
        model = make(kind, **arguments)
        model.output_layer.bias.assign(1e3 * (np.arange(6) == token))
        # Padding is never drawn, whatever its chances.
        model.output_layer.bias.assign(model.output_layer.bias + 2e3 * (np.arange(6) == 0))
        inputs = np.where(np.arange(LENGTH) == 0, START, token) * np.ones((3, 1), int)
        return model, inputs

    @pytest.mark.parametrize("kind", KINDS)
    def test_feeds_what_was_predicted(self, kind):
        model, own_inputs = self.peaked(kind, scheduled_sampling=1.0)
        for layer in model.decoder if isinstance(model.decoder, list) else []:
            if isinstance(layer, keras.layers.Dropout):
                layer.rate = 0.0

        found = to_numpy(model([SOURCE, INPUTS], training=True))

        np.testing.assert_allclose(
            found, logits_of(model, SOURCE, own_inputs), rtol=1e-5, atol=1e-3
        )
        # In inference, and at a rate of zero, only the target inputs are fed.
        expected = logits_of(model, SOURCE, INPUTS)
        assert (abs(expected - found) > 1e-2).any()
        model.scheduled_sampling = 0.0
        found = to_numpy(model([SOURCE, INPUTS], training=True))
        np.testing.assert_allclose(found[VALID], expected[VALID], rtol=1e-5, atol=1e-3)

    def test_rate(self):
        model, own_inputs = self.peaked("gru", scheduled_sampling=0.3, seed=5)
        source, inputs = (np.repeat(array[:1], 400, axis=0) for array in (SOURCE, INPUTS))

        found = to_numpy(model([source, inputs], training=True))[:, 1]

        own, target = (
            logits_of(model, SOURCE[:1], array[:1])[:, 1] for array in (own_inputs, INPUTS)
        )
        is_own = np.isclose(found, own, atol=1e-3).all(axis=1)
        assert (is_own != np.isclose(found, target, atol=1e-3).all(axis=1)).all()
        # Four standard deviations of a mean of 400 draws.
        assert abs(is_own.mean() - 0.3) < 4 * (0.3 * 0.7 / 400) ** 0.5

    def test_draws_from_what_was_predicted(self):
        model = make("gru", scheduled_sampling=1.0, seed=5)
        source, inputs = (np.repeat(array[:1], 1000, axis=0) for array in (SOURCE, INPUTS))

        found = to_numpy(model([source, inputs], training=True))[:, 1]

        first = np.exp(log_softmax(logits_of(model, SOURCE[:1], INPUTS[:1]))[0, 0, 1:])
        for token, chance in enumerate(first / first.sum(), start=1):
            (logits,) = logits_of(model, SOURCE[:1], [[START, token]])[:, 1]
            frequency = np.isclose(found, logits, atol=1e-4).all(axis=1).mean()
            assert abs(frequency - chance) <= 4 * (chance * (1 - chance) / 1000) ** 0.5 + 1e-9

    def test_the_same_seed_draws_the_same(self):
        draws = [
            to_numpy(
                make("gru", scheduled_sampling=0.5, seed=seed)([SOURCE, INPUTS], training=True)
            )
            for seed in (5, 5, 6)
        ]

        np.testing.assert_array_equal(draws[0], draws[1])
        assert (draws[0] != draws[2]).any()

    def test_gradients_are_those_of_the_tokens_that_were_fed(self, gradients):
        model, own_inputs = self.peaked("bahdanau", scheduled_sampling=1.0)
        constants = [ops.convert_to_tensor(v) for v in model.non_trainable_variables]
        weights = [to_numpy(variable) for variable in model.trainable_variables]

        def loss(inputs, training):
            def f(*weights):
                logits, _ = model.stateless_call(
                    weights,
                    constants,
                    [ops.convert_to_tensor(SOURCE), ops.convert_to_tensor(inputs)],
                    training=training,
                )
                return ops.sum(logits[..., 3] * ops.cast(VALID, logits.dtype))

            return f

        found = gradients(loss(INPUTS, training=True), weights)
        expected = gradients(loss(own_inputs, training=False), weights)

        for gradient, expected_gradient in zip(found, expected, strict=True):
            np.testing.assert_allclose(gradient, expected_gradient, rtol=1e-4, atol=1e-4)

    def test_trains_with_dropout_and_a_rate_that_changes(self):
        cell = layers.LSTMCell(4, dropout=0.2, recurrent_dropout=0.2)
        model = Seq2Seq(
            both_directions(),
            [
                keras.layers.LSTM(4, dropout=0.2, return_sequences=True),
                layers.AttentionRNN(cell, layers.Attention("general", dropout=0.2)),
                keras.layers.Dropout(0.2),
            ],
            **VOCABULARY,
            scheduled_sampling=0.5,
        )
        rates = []

        class Curriculum(keras.callbacks.Callback):
            def on_epoch_begin(self, epoch, logs=None):
                self.model.scheduled_sampling = 0.25 * epoch
                rates.append(self.model.scheduled_sampling)

        model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        history = model.fit(
            [SOURCE, INPUTS], TARGETS, epochs=3, verbose=0, callbacks=[Curriculum()]
        )

        assert np.isfinite(history.history["loss"]).all()
        assert rates == [0.0, 0.25, 0.5]

    @pytest.mark.skipif(keras.config.backend() == "torch", reason="XLA compiles for the others")
    def test_trains_under_xla(self):
        model = make("bahdanau", scheduled_sampling=0.5)
        model.scheduled_sampling = 0.0
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile("sgd", loss, jit_compile=True)
        expected = model.evaluate([SOURCE, INPUTS], TARGETS, verbose=0)

        losses = [float(model.train_on_batch([SOURCE, INPUTS], TARGETS)) for _ in range(2)]

        np.testing.assert_allclose(losses[0], expected, rtol=1e-5)
        assert losses[1] < losses[0]

    def test_a_model_without_cannot_be_given_a_rate(self):
        with pytest.raises(ValueError, match=r"positive `scheduled_sampling`.*Received: .*=0\.5"):
            make("gru").scheduled_sampling = 0.5
