"""Gated recurrent unit."""

import keras

from keras_seq.layers.gru_cell import GRUCell
from keras_seq.layers.recurrent import Recurrent, make_cell, of_cell
from keras_seq.ops.gru import gru


@keras.saving.register_keras_serializable(package="keras_seq")
class GRU(Recurrent):
    """Gated recurrent unit.

    The layer takes the arguments and has the weights of `keras.layers.GRU`: the two read each
    other's weight files. The equations are those of `keras_seq.ops.gru`.

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
        activity_regularizer: Regularizer of the output. Defaults to `None`.
        kernel_constraint: Constraint of `kernel`. Defaults to `None`.
        recurrent_constraint: Constraint of `recurrent_kernel`. Defaults to `None`.
        bias_constraint: Constraint of `bias`. Defaults to `None`.
        dropout: Float between 0 and 1, the fraction of the input features to drop. One mask per
            sequence serves all its steps and gates. Drawn in training only. Defaults to 0.
        recurrent_dropout: Float between 0 and 1, likewise for the recurrent state. Defaults to 0.
        seed: Integer, the seed of dropout. Defaults to `None`.
        return_sequences: Boolean, whether to return the output of every step instead of the
            last. Defaults to `False`.
        return_state: Boolean, whether to return the last state after the output.
            Defaults to `False`.
        go_backwards: Boolean, whether to process the steps from last to first. The outputs are
            in the order of processing. Defaults to `False`.
        stateful: Boolean, whether a batch starts from the last state of the batch before.
            Needs a known batch size. Defaults to `False`.
        unroll: Boolean, whether to repeat the step in the graph instead of looping. Needs a
            known number of steps. Defaults to `False`.
        reset_after: Boolean, whether the reset gate acts after the product with the recurrent
            kernel (as cuDNN does; the bias then has shape `(2, 3 * units)`) or before it.
            Defaults to `True`.
        use_cudnn: `"auto"`, `True` or `False`. There is no cuDNN implementation: `True` raises
            an error when the layer is called. Defaults to `"auto"`.
        implementation: `"reference"`, `"fast"` or `"auto"`, which version of `keras_seq.ops.gru`
            computes; see there. Keras's own numbers 0, 1 and 2 mean `"auto"`.
            Defaults to `"auto"`.
        **kwargs: `zero_output_for_mask` (whether `return_sequences` gives zeros at masked steps,
            defaults to `False`), `lora_rank` and `lora_alpha` (the arguments of `enable_lora`, for
            a layer that has updates as soon as it is built; default to `None`) and the arguments
            of `keras.layers.Layer`: `name`, `dtype`, `trainable`.

    Call arguments:
        sequences: Tensor of shape `(batch, time, features)`. `time` may be zero.
        initial_state: Tensor of shape `(batch, units)`, or a list of it.
            Defaults to zeros.
        mask: Tensor of shape `(batch, time)`, true where a step is valid. Defaults to the mask
            that came with `sequences`.
        training: Boolean, whether to apply dropout.
        sequences_mask: Filled in by Keras; use `mask`.

    Returns:
        Tensor of shape `(batch, units)`, or `(batch, time, units)` with `return_sequences=True`;
        with `return_state=True` a tuple of it and the last `h`.

    Masks:
        A masked step carries the state over and repeats the output before it (the initial `h`
        at the start of a sequence), so that the last output is that of the last valid step.
        With `return_sequences=True` the mask goes on to the next layer.

    Raises:
        ValueError: When `units`, `lora_rank`, a dropout rate or `use_cudnn` is not one of the
            above; when a stateful layer does not know its batch size or meets another one; when
            `unroll=True` meets an unknown number of steps; when `mask` or `initial_state` does
            not fit the sequences.

    Example:

    >>> import numpy as np
    >>> from keras_seq.layers import GRU
    >>> layer = GRU(4, return_sequences=True, return_state=True)
    >>> outputs, h = layer(np.ones((2, 5, 8)))
    >>> tuple(outputs.shape), tuple(h.shape)
    ((2, 5, 4), (2, 4))

    References:
        - Cho et al., Learning phrase representations using RNN encoder-decoder for statistical
          machine translation, arXiv:1406.1078.
    """

    reset_after = of_cell("reset_after")

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
        activity_regularizer=None,
        kernel_constraint=None,
        recurrent_constraint=None,
        bias_constraint=None,
        dropout=0.0,
        recurrent_dropout=0.0,
        seed=None,
        return_sequences=False,
        return_state=False,
        go_backwards=False,
        stateful=False,
        unroll=False,
        reset_after=True,
        use_cudnn="auto",
        implementation="auto",
        **kwargs,
    ):
        cell = make_cell(GRUCell, "gru_cell", locals())
        super().__init__(
            cell,
            return_sequences=return_sequences,
            return_state=return_state,
            go_backwards=go_backwards,
            stateful=stateful,
            unroll=unroll,
            activity_regularizer=activity_regularizer,
            use_cudnn=use_cudnn,
            implementation=implementation,
            **kwargs,
        )

    def run(self, sequences, initial_state, weights, mask, recurrent_mask):
        """Return the outputs and the last states."""
        return gru(
            sequences,
            initial_state,
            **weights,
            mask=mask,
            recurrent_mask=recurrent_mask,
            reset_after=self.reset_after,
            activation=self.activation,
            recurrent_activation=self.recurrent_activation,
            go_backwards=self.go_backwards,
            unroll=self.unroll,
            implementation=self.implementation,
        )
