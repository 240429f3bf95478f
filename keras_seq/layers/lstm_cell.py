"""One step of a long short-term memory."""

import keras
from keras import ops

from keras_seq.layers.recurrent_cell import RecurrentCell, taken_by
from keras_seq.ops.lstm import lstm_step
from keras_seq.ops.recurrence import project


def initial_bias(initializer, unit_forget_bias, shape, dtype=None):
    """Return the bias of all four gates as training starts from it."""
    if not unit_forget_bias:
        return initializer(shape, dtype=dtype)
    units = shape[0] // 4
    return ops.concatenate(
        [
            initializer((units,), dtype=dtype),
            ops.ones((units,), dtype=dtype),
            initializer((2 * units,), dtype=dtype),
        ]
    )


@keras.saving.register_keras_serializable(package="keras_seq")
class LSTMCell(RecurrentCell):
    """One step of a long short-term memory.

    `LSTM` runs it over sequences; so does `keras.layers.RNN`. The equations are those of
    `keras_seq.ops.lstm`. Weights, in order: `kernel` `(features, 4 * units)`, `recurrent_kernel`
    `(units, 4 * units)` and `bias` `(4 * units,)`, with the gates in the order input, forget,
    cell, output, as in `keras.layers.LSTMCell`.

    Once built, `enable_lora(rank)` freezes both kernels and trains an update of low rank for each,
    and `quantize("int8")`, of this layer or of its model, stores both as 8-bit integers. Only what
    is stored becomes smaller: the computation is that of floats. Built with such a dtype policy,
    as `"int8_from_float32"`, it starts with kernels of zero, for weights that are loaded.

    Args:
        units: Positive integer, the number of outputs of each step.
        activation: Activation of the cell input, and of the cell state on its way out, name or
            function; `None` is linear. Defaults to `"tanh"`.
        recurrent_activation: Activation of the gates. Defaults to `"sigmoid"`.
        use_bias: Boolean, whether the gates have a bias. Defaults to `True`.
        kernel_initializer: Initializer of `kernel`. Defaults to `"glorot_uniform"`.
        recurrent_initializer: Initializer of `recurrent_kernel`. Defaults to `"orthogonal"`.
        bias_initializer: Initializer of `bias`. Defaults to `"zeros"`.
        unit_forget_bias: Boolean, whether the bias of the forget gate starts at 1. That of the
            other gates starts as `bias_initializer` says, which need not be zero, either way.
            Defaults to `True`.
        kernel_regularizer: Regularizer of `kernel`. Defaults to `None`.
        recurrent_regularizer: Regularizer of `recurrent_kernel`. Defaults to `None`.
        bias_regularizer: Regularizer of `bias`. Defaults to `None`.
        kernel_constraint: Constraint of `kernel`. Defaults to `None`.
        recurrent_constraint: Constraint of `recurrent_kernel`. Defaults to `None`.
        bias_constraint: Constraint of `bias`. Defaults to `None`.
        dropout: Float between 0 and 1, the fraction of the input features to drop. One mask per
            sequence serves all its steps and gates. Drawn in training only. Defaults to 0.
        recurrent_dropout: Float between 0 and 1, likewise for the recurrent state. Defaults to 0.
        seed: Integer, the seed of dropout. Defaults to `None`.
        **kwargs: `lora_rank` and `lora_alpha` (the arguments of `enable_lora`, for a cell that has
            updates as soon as it is built; default to `None`) and the arguments of
            `keras.layers.Layer`: `name`, `dtype`, `trainable`.

    Call arguments:
        inputs: Tensor of shape `(batch, features)`.
        states: List `[h, c]` of tensors of shape `(batch, units)`.
        training: Boolean, whether to apply dropout. The masks change with
            `get_initial_state`, which begins a new sequence.

    Returns:
        Tuple of the output `(batch, units)` and the list of new states.

    Raises:
        ValueError: When `units` or `lora_rank` is not a positive integer or a dropout rate is not
            between 0 and 1.

    Example:

    >>> import keras, numpy as np
    >>> from keras_seq.layers import LSTMCell
    >>> cell = LSTMCell(4)
    >>> layer = keras.layers.RNN([cell, LSTMCell(3)])
    >>> tuple(layer(np.ones((2, 5, 8))).shape)
    (2, 3)
    """

    gates = 4

    def __init__(
        self,
        units,
        activation="tanh",
        recurrent_activation="sigmoid",
        use_bias=True,
        kernel_initializer="glorot_uniform",
        recurrent_initializer="orthogonal",
        bias_initializer="zeros",
        unit_forget_bias=True,
        kernel_regularizer=None,
        recurrent_regularizer=None,
        bias_regularizer=None,
        kernel_constraint=None,
        recurrent_constraint=None,
        bias_constraint=None,
        dropout=0.0,
        recurrent_dropout=0.0,
        seed=None,
        **kwargs,
    ):
        super().__init__(**taken_by(RecurrentCell, locals()), **kwargs)
        self.unit_forget_bias = unit_forget_bias
        self.state_size = [self.units, self.units]

    def call(self, inputs, states, training=False):
        """Do one step. See the class for the arguments."""
        self.check_states(states)
        input_mask, recurrent_mask = self.dropout_masks(inputs, training)
        inputs = inputs if input_mask is None else inputs * input_mask
        weights = self.tensors()
        h, c = lstm_step(
            project(inputs, weights["kernel"], weights.get("bias")),
            states,
            weights["recurrent_kernel"],
            activation=self.activation,
            recurrent_activation=self.recurrent_activation,
            output_activation=self.activation,
            recurrent_mask=recurrent_mask,
        )
        return h, [h, c]

    def get_config(self):
        """Return the arguments of the constructor."""
        return {**super().get_config(), "unit_forget_bias": self.unit_forget_bias}

    def _initial_bias(self, shape, dtype=None):
        return initial_bias(self.bias_initializer, self.unit_forget_bias, shape, dtype)
