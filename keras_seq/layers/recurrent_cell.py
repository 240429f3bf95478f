"""What the cells of the gated recurrent layers have in common."""

import inspect
from numbers import Real

import keras
from keras import activations, constraints, initializers, ops, regularizers

from keras_seq.layers.kernel_adaptation import KernelAdaptation, check_rank
from keras_seq.layers.rematerialization import Rematerialization
from keras_seq.ops.arguments import check_dropout, plain


class SequenceSeed(keras.random.SeedGenerator):
    """A seed that moves on once per sequence, not with every draw.

    The steps of one sequence then draw the same dropout mask wherever they draw it, also inside
    the loop of `keras.layers.RNN`, where a variable cannot be changed.
    """

    def next(self, ordered=True):
        """Return the seed of this sequence."""
        return self.state.value * 1

    def advance(self):
        """Begin the next sequence."""
        super().next()


def taken_by(cls, arguments):
    """Return those of the arguments that the constructor of a class names.

    Args:
        cls: The class.
        arguments: Dictionary of values by their names, the `locals()` of another constructor.
    """
    # `self` is another object there, and `kwargs` is handed on by itself.
    names = inspect.signature(cls.__init__).parameters.keys() - {"self", "kwargs"}
    return {name: value for name, value in arguments.items() if name in names}


class RecurrentCell(KernelAdaptation, Rematerialization, keras.layers.Layer):
    """Abstract cell of a gated recurrent layer: arguments, weights, dropout and configuration.

    A subclass sets `gates`, the number of blocks of width `units` in the kernels, and defines
    `call`.
    """

    gates = None

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
        seed=None,
        lora_rank=None,
        lora_alpha=None,
        **kwargs,
    ):
        if isinstance(units, bool) or not isinstance(units, Real) or units <= 0 or units % 1:
            raise ValueError(
                "`units` is the number of outputs of each step and must be a positive integer. "
                f"Received: units={units}"
            )
        check_dropout(dropout)
        check_dropout(recurrent_dropout, "recurrent_dropout")
        if lora_rank is not None:
            check_rank("lora_rank", lora_rank)
        # Keras chose between two orders of the same operations by this number; here there is one.
        kwargs.pop("implementation", None)
        super().__init__(**kwargs)
        self.units = int(units)
        self.activation = activations.get(activation)
        self.recurrent_activation = activations.get(recurrent_activation)
        self.use_bias = use_bias
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.recurrent_initializer = initializers.get(recurrent_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.recurrent_regularizer = regularizers.get(recurrent_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.recurrent_constraint = constraints.get(recurrent_constraint)
        self.bias_constraint = constraints.get(bias_constraint)
        self.dropout = plain(dropout)
        self.recurrent_dropout = plain(recurrent_dropout)
        self.seed = plain(seed)
        self.seed_generator = SequenceSeed(self.seed) if dropout or recurrent_dropout else None
        self.lora_rank = plain(lora_rank)
        self.lora_alpha = plain(lora_rank if lora_alpha is None else lora_alpha)
        self.output_size = self.units
        self.bias = None

    def build(self, input_shape):
        """Create the kernels, the bias and the weights that a subclass adds."""
        self.add_kernel("kernel", (input_shape[-1], self.gates * self.units))
        self.add_kernel("recurrent_kernel", (self.units, self.gates * self.units))
        if self.use_bias:
            self.bias = self.add_weight(
                shape=self._bias_shape(),
                name="bias",
                initializer=self._initial_bias,
                regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
            )
        self._add_other_weights()
        self.built = True
        if self.lora_rank is not None:
            self.enable_lora(self.lora_rank, self.lora_alpha)

    def get_initial_state(self, batch_size=None):
        """Return a state of zeros and begin a new sequence, which has its own dropout masks."""
        if self.seed_generator is not None:
            self.seed_generator.advance()
        return self.zero_state(batch_size)

    def zero_state(self, batch_size):
        """Return a list of tensors of zeros of shape `(batch_size, units)`."""
        sizes = self.state_size if isinstance(self.state_size, list) else [self.state_size]
        return [ops.zeros((batch_size, size), dtype=self.compute_dtype) for size in sizes]

    def check_states(self, states):
        """Refuse what is not one tensor for each state: a single one would be taken row by row."""
        count = len(self.state_size)
        if not isinstance(states, (list, tuple)) or len(states) != count:
            received = len(states) if isinstance(states, (list, tuple)) else states
            raise ValueError(
                f"`states` must be a list of {count} tensors of shape (batch, {self.units}). "
                f"Received: states={received}"
            )

    def dropout_masks(self, inputs, training):
        """Return what to multiply the inputs and the recurrent state by, or `None` for nothing.

        The masks are the same until the next sequence begins. `inputs` is a tensor of shape
        `(batch, ..., features)`; the masks have shapes `(batch, features)` and `(batch, units)`.
        """
        if not training or self.seed_generator is None:
            return None, None
        features = inputs.shape[-1]
        draws = keras.random.uniform(
            (ops.shape(inputs)[0], features + self.units),
            dtype="float32",
            seed=self.seed_generator,
        )
        return (
            self._dropout_mask(draws[:, :features], self.dropout),
            self._dropout_mask(draws[:, features:], self.recurrent_dropout),
        )

    def get_config(self):
        """Return the arguments of the constructor."""
        lora = {"lora_rank": self.lora_rank, "lora_alpha": self.lora_alpha}
        return {
            **super().get_config(),
            # As in Keras's layers, which know these arguments only where they are given.
            **({} if self.lora_rank is None else lora),
            "units": self.units,
            "activation": activations.serialize(self.activation),
            "recurrent_activation": activations.serialize(self.recurrent_activation),
            "use_bias": self.use_bias,
            "kernel_initializer": initializers.serialize(self.kernel_initializer),
            "recurrent_initializer": initializers.serialize(self.recurrent_initializer),
            "bias_initializer": initializers.serialize(self.bias_initializer),
            "kernel_regularizer": regularizers.serialize(self.kernel_regularizer),
            "recurrent_regularizer": regularizers.serialize(self.recurrent_regularizer),
            "bias_regularizer": regularizers.serialize(self.bias_regularizer),
            "kernel_constraint": constraints.serialize(self.kernel_constraint),
            "recurrent_constraint": constraints.serialize(self.recurrent_constraint),
            "bias_constraint": constraints.serialize(self.bias_constraint),
            "dropout": self.dropout,
            "recurrent_dropout": self.recurrent_dropout,
            "seed": self.seed,
        }

    def _add_other_weights(self):
        """Create the weights that come after the bias. A cell that has some overrides it."""

    def _bias_shape(self):
        return (self.gates * self.units,)

    def _initial_bias(self, shape, dtype=None):
        return self.bias_initializer(shape, dtype=dtype)

    def _dropout_mask(self, draws, rate):
        if not rate:
            return None
        scale = 1 / (1 - rate) if rate < 1 else 0.0
        return ops.cast(draws >= rate, self.compute_dtype) * scale
