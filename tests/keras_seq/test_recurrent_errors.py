"""What the recurrent layers say to the mistakes that users make most."""

import keras
import numpy as np
import pytest

from keras_seq import layers

RECURRENT = {
    "lstm": lambda **kwargs: layers.LSTM(4, **kwargs),
    "peephole": lambda **kwargs: layers.PeepholeLSTM(4, **kwargs),
    "gru": lambda **kwargs: layers.GRU(4, **kwargs),
    "bidirectional": lambda **kwargs: layers.Bidirectional(layers.GRU(4, **kwargs)),
}


def zeros(shape, symbolic):
    if symbolic:
        return keras.Input(batch_shape=shape)
    return np.zeros(shape, "float32")


def states(layer, width, symbolic, count=None):
    inner = getattr(layer, "forward_layer", layer)
    size = inner.state_size if isinstance(inner.state_size, list) else [inner.state_size]
    count = len(size) * (2 if inner is not layer else 1) if count is None else count
    return [zeros((2, width), symbolic) for _ in range(count)]


@pytest.mark.parametrize("symbolic", [False, True], ids=["eager", "symbolic"])
@pytest.mark.parametrize("name", RECURRENT)
class TestCall:
    def test_wrong_rank(self, name, symbolic):
        with pytest.raises(ValueError, match=r"expected ndim=3, found ndim=2.*\(2, 3\)"):
            RECURRENT[name]()(zeros((2, 3), symbolic))

    @pytest.mark.parametrize("shape", [(2, 4), (3, 5), (2,), (2, 5, 3)])
    def test_mask_of_wrong_shape(self, name, symbolic, shape):
        layer = RECURRENT[name]()
        message = (
            r"`mask` must be true where a step is valid and have the shape `\(batch, time\)`\. "
            rf"Received: mask\.shape=\({', '.join(map(str, shape))},?\), "
            r"where \(2, 5\) was expected"
        )
        with pytest.raises(ValueError, match=message):
            layer(zeros((2, 5, 3), symbolic), mask=zeros(shape, symbolic))

    def test_state_of_wrong_width(self, name, symbolic):
        layer = RECURRENT[name]()
        message = r"tensors of shape \(batch, 4\).*Received: \d tensors of the shapes \[\(2, 3\)"
        with pytest.raises(ValueError, match=message):
            layer(zeros((2, 5, 3), symbolic), initial_state=states(layer, 3, symbolic))

    def test_state_of_wrong_batch(self, name, symbolic):
        layer = RECURRENT[name]()
        message = r"a batch of 3 as the sequences have.*of the shapes \[\(2, 4\)"
        with pytest.raises(ValueError, match=message):
            layer(zeros((3, 5, 3), symbolic), initial_state=states(layer, 4, symbolic))

    def test_wrong_number_of_states(self, name, symbolic):
        layer = RECURRENT[name]()
        with pytest.raises(ValueError, match=r"Received: 3 (tensors|states)"):
            layer(zeros((2, 5, 3), symbolic), initial_state=states(layer, 4, symbolic, count=3))

    def test_other_features_than_it_was_built_for(self, name, symbolic):
        layer = RECURRENT[name]()
        layer(zeros((2, 5, 3), symbolic))
        message = r"built for sequences of 3 features. Received: sequences.shape=\(2, 5, 6\)"
        with pytest.raises(ValueError, match=message):
            layer(zeros((2, 5, 6), symbolic))

    def test_other_batch_than_the_state(self, name, symbolic):
        layer = RECURRENT[name](stateful=True)
        layer(zeros((2, 5, 3), symbolic))
        message = r"built for batches of 2 sequences.*Received: a batch of 3 sequences"
        with pytest.raises(ValueError, match=message):
            layer(zeros((3, 5, 3), symbolic))

    def test_unknown_batch_of_a_stateful_layer(self, name, symbolic):
        layer = RECURRENT[name](stateful=True)
        with pytest.raises(ValueError, match=r"the batch size must be known.*\(None, 5, 3\)"):
            layer(keras.Input((5, 3)) if symbolic else layer.build((None, 5, 3)))

    def test_no_cudnn(self, name, symbolic):
        layer = RECURRENT[name](use_cudnn=True)
        with pytest.raises(ValueError, match=r"no cuDNN implementation.*Received: use_cudnn=True"):
            layer(zeros((2, 5, 3), symbolic))


@pytest.mark.parametrize("name", RECURRENT)
def test_unroll_of_unknown_length(name):
    with pytest.raises(ValueError, match=r"known number of steps.*shape=\(None, None, 3\)"):
        RECURRENT[name](unroll=True)(keras.Input((None, 3)))


@pytest.mark.parametrize("name", ["LSTM", "PeepholeLSTM", "GRU", "LSTMCell", "GRUCell"])
@pytest.mark.parametrize("units", [0, -1, 2.5, True, "4", None])
def test_units(name, units):
    with pytest.raises(ValueError, match=rf"must be a positive integer. Received: units={units}"):
        getattr(layers, name)(units)


@pytest.mark.parametrize("rate", ["dropout", "recurrent_dropout"])
@pytest.mark.parametrize("value", [-0.1, 1.5, None, "0.5"])
def test_rates(rate, value):
    with pytest.raises(ValueError, match=rf"between 0 and 1. Received: {rate}={value}"):
        layers.PeepholeLSTM(4, **{rate: value})


@pytest.mark.parametrize("name", ["LSTMCell", "PeepholeLSTMCell"])
def test_states_of_a_cell_are_a_list(name):
    # A batch of two would be taken for the two states.
    inputs = np.zeros((2, 3), "float32")

    for states, received in ((np.zeros((2, 4)), r"states=.*0"), ([np.zeros((2, 4))], "states=1")):
        with pytest.raises(ValueError, match=rf"(?s)a list of 2 tensors .*Received: {received}"):
            getattr(layers, name)(4)(inputs, states)
