"""One step of a long short-term memory whose gates see the cell state."""

import keras
from keras import activations, constraints, initializers, regularizers

from keras_seq.layers.lstm_cell import initial_bias
from keras_seq.layers.recurrent_cell import RecurrentCell, taken_by
from keras_seq.ops.lstm import lstm_step
from keras_seq.ops.recurrence import project


@keras.saving.register_keras_serializable(package="keras_seq")
class PeepholeLSTMCell(RecurrentCell):
    """One step of a long short-term memory with peephole connections.

    `PeepholeLSTM` runs it over sequences; so does `keras.layers.RNN`. The equations are those of
    `keras_seq.ops.lstm`. The weights are those of `LSTMCell` and, last, `peephole_kernel` of
    shape `(3, units)` in the order input, forget, output: the input and forget gates see the
    cell state before the step, the output gate the one after it.

    Once built, `enable_lora(rank)` freezes both kernels and trains an update of low rank for each,
    and `quantize("int8")`, of this layer or of its model, stores both as 8-bit integers. Only what
    is stored becomes smaller: the computation is that of floats. Built with such a dtype policy,
    as `"int8_from_float32"`, it starts with kernels of zero, for weights that are loaded.

    Args:
        units: Positive integer, the number of outputs of each step.
        activation: Activation of the cell input, name or function; `None` is linear.
            Defaults to `"tanh"`.
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
        use_peephole: Boolean, whether the gates see the cell state. Without it the layer is an
            LSTM. Defaults to `True`.
        peephole_initializer: Initializer of `peephole_kernel`. Defaults to `"zeros"`: training
            starts from an LSTM.
        peephole_regularizer: Regularizer of `peephole_kernel`. Defaults to `None`.
        peephole_constraint: Constraint of `peephole_kernel`. Defaults to `None`.
        output_activation: Activation of the cell state on its way out. Defaults to `None`, the
            same as `activation`. `"linear"` gives `h = o * c`, as in Gers et al. (2002).
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
    >>> from keras_seq.layers import PeepholeLSTMCell
    >>> cell = PeepholeLSTMCell(4)
    >>> layer = keras.layers.RNN([cell, PeepholeLSTMCell(3)])
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
        use_peephole=True,
        peephole_initializer="zeros",
        peephole_regularizer=None,
        peephole_constraint=None,
        output_activation=None,
        **kwargs,
    ):
        super().__init__(**taken_by(RecurrentCell, locals()), **kwargs)
        self.unit_forget_bias = unit_forget_bias
        self.use_peephole = use_peephole
        self.peephole_initializer = initializers.get(peephole_initializer)
        self.peephole_regularizer = regularizers.get(peephole_regularizer)
        self.peephole_constraint = constraints.get(peephole_constraint)
        self.output_activation = (
            None if output_activation is None else activations.get(output_activation)
        )
        self.peephole_kernel = None
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
            weights.get("peephole_kernel"),
            self.activation,
            self.recurrent_activation,
            self.output_activation or self.activation,
            recurrent_mask,
        )
        return h, [h, c]

    def get_config(self):
        """Return the arguments of the constructor."""
        return {
            **super().get_config(),
            "unit_forget_bias": self.unit_forget_bias,
            "use_peephole": self.use_peephole,
            "peephole_initializer": initializers.serialize(self.peephole_initializer),
            "peephole_regularizer": regularizers.serialize(self.peephole_regularizer),
            "peephole_constraint": constraints.serialize(self.peephole_constraint),
            "output_activation": self.output_activation
            and activations.serialize(self.output_activation),
        }

    def _add_other_weights(self):
        if self.use_peephole:
            self.peephole_kernel = self.add_weight(
                shape=(3, self.units),
                name="peephole_kernel",
                initializer=self.peephole_initializer,
                regularizer=self.peephole_regularizer,
                constraint=self.peephole_constraint,
            )

    def _initial_bias(self, shape, dtype=None):
        return initial_bias(self.bias_initializer, self.unit_forget_bias, shape, dtype)
