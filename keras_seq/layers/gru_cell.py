"""One step of a gated recurrent unit."""

import keras

from keras_seq.layers.recurrent_cell import RecurrentCell, taken_by
from keras_seq.ops.gru import gru_step, split_bias
from keras_seq.ops.recurrence import project


@keras.saving.register_keras_serializable(package="keras_seq")
class GRUCell(RecurrentCell):
    """One step of a gated recurrent unit.

    `GRU` runs it over sequences; so does `keras.layers.RNN`. The equations are those of
    `keras_seq.ops.gru`. Weights, in order: `kernel` `(features, 3 * units)`, `recurrent_kernel`
    `(units, 3 * units)` and `bias`, of shape `(2, 3 * units)`, or `(3 * units,)` with
    `reset_after=False`; in the order update, reset, candidate, as in `keras.layers.GRUCell`.

    Once built, `enable_lora(rank)` freezes both kernels and trains an update of low rank for each,
    and `quantize("int8")`, of this layer or of its model, stores both as 8-bit integers. Only what
    is stored becomes smaller: the computation is that of floats. Built with such a dtype policy,
    as `"int8_from_float32"`, it starts with kernels of zero, for weights that are loaded.

    Args:
        units: Positive integer, the number of outputs of each step.
        activation: Activation of the candidate, name or function; `None` is linear.
            Defaults to `"tanh"`.
        recurrent_activation: Activation of the gates. Defaults to `"sigmoid"`.
        use_bias: Boolean, whether the gates have a bias. Defaults to `True`.
        kernel_initializer: Initializer of `kernel`. Defaults to `"glorot_uniform"`.
        recurrent_initializer: Initializer of `recurrent_kernel`. Defaults to `"orthogonal"`.
        bias_initializer: Initializer of `bias`. Defaults to `"zeros"`.
        kernel_regularizer: Regularizer of `kernel`. Defaults to `None`.
        recurrent_regularizer: Regularizer of `recurrent_kernel`. Defaults to `None`.
        bias_regularizer: Regularizer of `bias`. Defaults to `None`.
        kernel_constraint: Constraint of `kernel`. Defaults to `None`.
        recurrent_constraint: Constraint of `recurrent_kernel`. Defaults to `None`.
        bias_constraint: Constraint of `bias`. Defaults to `None`.
        dropout: Float between 0 and 1, the fraction of the input features to drop. One mask per
            sequence serves all its steps and gates. Drawn in training only. Defaults to 0.
        recurrent_dropout: Float between 0 and 1, likewise for the recurrent state. Defaults to 0.
        reset_after: Boolean, whether the reset gate acts after the product with the recurrent
            kernel (as cuDNN does; the bias then has shape `(2, 3 * units)`) or before it.
            Defaults to `True`.
        seed: Integer, the seed of dropout. Defaults to `None`.
        **kwargs: `lora_rank` and `lora_alpha` (the arguments of `enable_lora`, for a cell that has
            updates as soon as it is built; default to `None`) and the arguments of
            `keras.layers.Layer`: `name`, `dtype`, `trainable`.

    Call arguments:
        inputs: Tensor of shape `(batch, features)`.
        states: List of the tensor `h` of shape `(batch, units)`, or that tensor.
        training: Boolean, whether to apply dropout. The masks change with
            `get_initial_state`, which begins a new sequence.

    Returns:
        Tuple of the output `(batch, units)` and the list of new states.

    Raises:
        ValueError: When `units` or `lora_rank` is not a positive integer or a dropout rate is not
            between 0 and 1.

    Example:

    >>> import keras, numpy as np
    >>> from keras_seq.layers import GRUCell
    >>> cell = GRUCell(4)
    >>> layer = keras.layers.RNN([cell, GRUCell(3)])
    >>> tuple(layer(np.ones((2, 5, 8))).shape)
    (2, 3)
    """

    gates = 3

    def __init__(
        self,
        units,
        activation="tanh",
        recurrent_activation="sigmoid",
        use_bias=True,
        kernel_initializer="glorot_uniform",
        recurrent_initializer="orthogonal",
        bias_initializer="zeros",
        kernel_regularizer=None,
        recurrent_regularizer=None,
        bias_regularizer=None,
        kernel_constraint=None,
        recurrent_constraint=None,
        bias_constraint=None,
        dropout=0.0,
        recurrent_dropout=0.0,
        reset_after=True,
        seed=None,
        **kwargs,
    ):
        super().__init__(**taken_by(RecurrentCell, locals()), **kwargs)
        self.reset_after = reset_after
        self.state_size = self.units

    def call(self, inputs, states, training=False):
        """Do one step. See the class for the arguments."""
        is_list = isinstance(states, (list, tuple))
        input_mask, recurrent_mask = self.dropout_masks(inputs, training)
        inputs = inputs if input_mask is None else inputs * input_mask
        weights = self.tensors()
        input_bias, recurrent_bias = split_bias(weights.get("bias"), self.reset_after)
        (h,) = gru_step(
            project(inputs, weights["kernel"], input_bias),
            (states[0] if is_list else states,),
            weights["recurrent_kernel"],
            recurrent_bias,
            self.reset_after,
            self.activation,
            self.recurrent_activation,
            recurrent_mask,
        )
        return h, [h] if is_list else h

    def get_config(self):
        """Return the arguments of the constructor."""
        return {**super().get_config(), "reset_after": self.reset_after}

    def _bias_shape(self):
        return (2, 3 * self.units) if self.reset_after else (3 * self.units,)
