import keras
import numpy as np
import pytest
from toy import Sums

from experiments.losses import loss_of
from experiments.tasks.measures import cross_entropy, mean_squared_error
from experiments.tasks.task import UNASKED, Classes, Values

RNG = np.random.default_rng(0)
ASKED = np.array([[True, False, True], [False, False, True]])


def task_with(asked):
    class Asking(Sums):
        target = asked

    return Asking()


def test_classes_that_are_not_asked_count_for_nothing():
    logits = RNG.normal(size=(2, 3, 4)).astype("float32")
    classes = np.where(ASKED, RNG.integers(4, size=(2, 3)), UNASKED)
    loss = loss_of(task_with(Classes(4, per_step=True)))
    assert float(loss(classes, logits)) == pytest.approx(cross_entropy(logits, classes), rel=1e-5)


def test_values_that_are_not_asked_count_for_nothing():
    predictions = RNG.normal(size=(2, 3, 2)).astype("float32")
    values = np.where(ASKED[..., None], RNG.normal(size=(2, 3, 2)), np.nan).astype("float32")
    loss = loss_of(task_with(Values(2, per_step=True)))
    expected = mean_squared_error(predictions, values)
    assert float(loss(values, predictions)) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    ("target", "targets"),
    [
        (Classes(2, per_step=True), np.where(ASKED, 1, UNASKED)),
        (Values(2, per_step=True), np.where(ASKED[..., None], [1.0, 2.0], np.nan)),
    ],
)
def test_training_stays_finite_and_ignores_what_is_not_asked(target, targets):
    targets = targets.astype("int32" if isinstance(target, Classes) else "float32")
    inputs = RNG.normal(size=(2, 3, 5)).astype("float32")
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((None, 5)), keras.layers.Dense(2)])
    model.compile("sgd", loss_of(task_with(target)))
    start = model.get_weights()
    model.train_on_batch(inputs, targets)
    trained = model.get_weights()
    assert all(np.isfinite(weights).all() for weights in trained)
    assert not np.allclose(trained[0], start[0])
    # The inputs of steps that are not asked make no difference.
    model.set_weights(start)
    model.train_on_batch(np.where(ASKED[..., None], inputs, -inputs), targets)
    for a, b in zip(trained, model.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6)


@pytest.mark.parametrize("target", [Classes(3), Values(1)])
def test_one_prediction_per_sequence_is_always_asked(target):
    assert isinstance(loss_of(task_with(target)), keras.losses.Loss)
