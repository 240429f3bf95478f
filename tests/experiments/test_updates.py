"""Several updates at a time beside Keras's own, one at a time."""

import numpy as np
import pytest

keras = pytest.importorskip("keras")
updates = pytest.importorskip("experiments.updates")

pytestmark = [pytest.mark.slow, pytest.mark.backends]  # TensorFlow takes seconds to import


def model():
    """All that a step may have beside weights: state, random numbers, a loss of a layer's own."""
    keras.utils.set_random_seed(1)
    layers = keras.layers
    source, target = keras.Input((None, 2)), keras.Input((None, 2))
    x = layers.Dense(3, kernel_regularizer=keras.regularizers.L2(0.1))(source)
    x = layers.BatchNormalization()(layers.Dropout(0.5, seed=2)(x))
    x = layers.GlobalAveragePooling1D()(layers.Concatenate()([x, target]))
    return keras.Model([source, target], layers.Dense(1)(x))


def batches(lengths):
    generator = np.random.default_rng(3)
    return [
        (
            [generator.standard_normal((4, length, 2), np.float32) for _ in range(2)],
            generator.standard_normal((4, 1), np.float32),
        )
        for length in lengths
    ]


@pytest.mark.parametrize(
    "goes",
    [
        [[5], [5, 5, 5], [5, 5]],
        [[5, 5, 3, 3, 5]],  # an array has one length
    ],
)
def test_updates_are_those_of_keras_one_by_one(goes):
    ours, theirs = model(), model()
    ours.compile(optimizer=updates.Adam(0.1, global_clipnorm=0.5), loss="mse")
    theirs.compile(optimizer=keras.optimizers.Adam(0.1, global_clipnorm=0.5), loss="mse")
    update = updates.updater(ours, most=8)
    for lengths in goes:
        data = batches(lengths)
        losses, norms = update(data)
        expected = [theirs.train_on_batch(*batch) for batch in data]
        np.testing.assert_allclose(losses, expected, rtol=1e-5)
        assert norms.shape == (len(data),)
        assert ours.optimizer.iterations == theirs.optimizer.iterations
        for a, b in zip(ours.get_weights(), theirs.get_weights(), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)
