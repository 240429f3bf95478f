"""What the gated recurrent layers have in common."""

import keras
import numpy as np
from keras import ops, regularizers

from keras_seq.layers.recurrent_cell import taken_by
from keras_seq.layers.rematerialization import Rematerialization
from keras_seq.ops.dispatch import check_implementation
from keras_seq.ops.padding import check_padding_mask
from keras_seq.ops.shapes import can_be_equal


def of_cell(name):
    """Return a property of a layer that reads an attribute of its cell."""
    return property(lambda self: getattr(self.cell, name), doc=f"`{name}` of the cell.")


def make_cell(cls, name, arguments):
    """Return the cell of a layer, made from the arguments that both have.

    Args:
        cls: Class of the cell.
        name: String, the name of the cell, which is part of the paths of its weights.
        arguments: Dictionary of the arguments of the layer, the `locals()` of its constructor.
            What is the cell's alone is removed from its `kwargs`.
    """
    kwargs = arguments["kwargs"]
    return cls(
        **taken_by(cls, arguments),
        lora_rank=kwargs.pop("lora_rank", None),
        lora_alpha=kwargs.pop("lora_alpha", None),
        dtype=kwargs.get("dtype"),
        trainable=kwargs.get("trainable", True),
        name=name,
    )


class Recurrent(Rematerialization, keras.layers.RNN):
    """Abstract recurrent layer: sequences, state and masks.

    It is a `keras.layers.RNN`, so that wrappers and users find what they expect, with a loop of
    its own: one rule for masks on every path, and a state that lives in tracked variables.

    A subclass defines `run`, which calls the function of `keras_seq.ops` that holds the
    equations, and `get_config`.
    """

    units = of_cell("units")
    activation = of_cell("activation")
    recurrent_activation = of_cell("recurrent_activation")
    use_bias = of_cell("use_bias")
    kernel_initializer = of_cell("kernel_initializer")
    recurrent_initializer = of_cell("recurrent_initializer")
    bias_initializer = of_cell("bias_initializer")
    kernel_regularizer = of_cell("kernel_regularizer")
    recurrent_regularizer = of_cell("recurrent_regularizer")
    bias_regularizer = of_cell("bias_regularizer")
    kernel_constraint = of_cell("kernel_constraint")
    recurrent_constraint = of_cell("recurrent_constraint")
    bias_constraint = of_cell("bias_constraint")
    dropout = of_cell("dropout")
    recurrent_dropout = of_cell("recurrent_dropout")
    seed = of_cell("seed")
    lora_rank = of_cell("lora_rank")
    lora_alpha = of_cell("lora_alpha")
    lora_enabled = of_cell("lora_enabled")
    # Quantization changes the policy of the cell.
    compute_dtype = of_cell("compute_dtype")
    variable_dtype = of_cell("variable_dtype")
    quantization_mode = of_cell("quantization_mode")

    def __init__(self, cell, use_cudnn="auto", implementation="auto", **kwargs):
        if use_cudnn not in ("auto", True, False):
            raise ValueError(
                f'`use_cudnn` must be "auto", `True` or `False`. Received: use_cudnn={use_cudnn}'
            )
        # Keras chose between two orders of the same operations by a number.
        implementation = "auto" if implementation in (0, 1, 2) else implementation
        check_implementation(implementation)
        super().__init__(cell, **kwargs)
        self.use_cudnn = use_cudnn
        self.implementation = implementation
        self.input_spec = keras.layers.InputSpec(ndim=3)

    def build(self, sequences_shape, initial_state_shape=None):
        """Create the weights and, if stateful, the variables of the state."""
        if not self.cell.built:
            self.cell.build((sequences_shape[0], sequences_shape[-1]))
        if self.stateful and self.states is None:
            batch_size = sequences_shape[0]
            if batch_size is None:
                raise ValueError(
                    "A layer with `stateful=True` keeps one state per sequence of the batch, so "
                    "the batch size must be known. Give it with `keras.Input(batch_shape=...)` "
                    f"or `batch_size=...`. Received: sequences_shape={tuple(sequences_shape)}"
                )
            self.states = [
                self.add_weight(
                    shape=(batch_size, size),
                    initializer="zeros",
                    trainable=False,
                    autocast=False,
                    name="state",
                )
                for size in self.state_size
            ]

    def call(self, sequences, initial_state=None, mask=None, training=False, sequences_mask=None):
        """Run the cell over the sequences. See the class for the arguments."""
        mask = mask_of_call(mask, sequences_mask)
        self.check_call(sequences, initial_state, mask)
        if initial_state is None:
            initial_state = self._start(ops.shape(sequences)[0])
        initial_state = [
            ops.convert_to_tensor(state, dtype=self.compute_dtype)
            for state in _as_list(initial_state)
        ]
        # Keras has cast floats already, and leaves integers as they are.
        sequences = ops.cast(sequences, self.compute_dtype)
        last_output, outputs, states = self.inner_loop(sequences, initial_state, mask, training)
        if self.stateful:
            for variable, state in zip(self.states, states, strict=True):
                variable.assign(ops.cast(state, variable.dtype))
        output = outputs if self.return_sequences else last_output
        output = ops.cast(output, self.compute_dtype)
        return (output, *states) if self.return_state else output

    def compute_output_spec(
        self, sequences, initial_state=None, mask=None, training=False, sequences_mask=None
    ):
        """Return the shapes and dtypes of the output and of the states."""
        self.check_call(sequences, initial_state, mask_of_call(mask, sequences_mask))
        return super().compute_output_spec(sequences, initial_state)

    def inner_loop(self, sequences, initial_state, mask, training=False):
        """Return the last output, all outputs and the last states."""
        input_mask, recurrent_mask = self.cell.dropout_masks(sequences, training)
        if training and self.cell.seed_generator is not None:
            self.cell.seed_generator.advance()
        if input_mask is not None:
            sequences = sequences * ops.expand_dims(input_mask, 1)

        weights = self.cell.tensors()

        # The loop is what holds the memory.
        def run(sequences, *others):
            states, own = others[: len(initial_state)], others[len(initial_state) :]
            own = dict(zip(weights, own, strict=True))
            outputs, states = self.run(sequences, states, own, mask, recurrent_mask)
            return (outputs, *states)

        tensors = (*initial_state, *weights.values())
        outputs, *states = self.recomputed(run)(sequences, *tensors)
        last_output = states[0]
        if mask is not None and self.zero_output_for_mask:
            valid = ops.cast(mask, outputs.dtype)
            valid = ops.reshape(valid, (*ops.shape(outputs)[:2], 1))
            outputs = outputs * (ops.flip(valid, axis=1) if self.go_backwards else valid)
        return last_output, outputs, states

    def check_call(self, sequences, initial_state=None, mask=None):
        """Raise an error when the arguments of a call do not fit the layer or each other."""
        if self.use_cudnn is True:
            raise ValueError(
                "This layer has no cuDNN implementation. Pass `use_cudnn='auto'` or "
                "`use_cudnn=False`. Received: use_cudnn=True"
            )
        if self.unroll and sequences.shape[1] is None:
            raise ValueError(
                "`unroll=True` needs a known number of steps. Give it in the shape of the input, "
                f"or use `unroll=False`. Received: sequences.shape={tuple(sequences.shape)}"
            )
        if self.states is not None and sequences.shape[0] not in (None, self.states[0].shape[0]):
            raise ValueError(
                "This layer with `stateful=True` was built for batches of "
                f"{self.states[0].shape[0]} sequences; every batch must have as many. "
                f"Received: a batch of {sequences.shape[0]} sequences"
            )
        features = self.cell.kernel.shape[0] if self.cell.built else None
        if not can_be_equal(sequences.shape, (None, None, features)):
            raise ValueError(
                f"This layer was built for sequences of {features} features. "
                f"Received: sequences.shape={tuple(sequences.shape)}"
            )
        check_padding_mask("mask", mask, sequences.shape)
        if initial_state is not None:
            self._check_state(sequences, _as_list(initial_state))

    def run(self, sequences, initial_state, weights, mask, recurrent_mask):
        """Return the outputs `(batch, time, units)` and the tuple of last states.

        `weights` holds tensors of the weights of the cell by their names.
        """
        raise NotImplementedError

    def enable_lora(self, rank, lora_alpha=None, a_initializer="he_uniform", b_initializer="zeros"):
        """Freeze both kernels of the cell and train an update of low rank instead of each.

        See `enable_lora` of the cell for the arguments.
        """
        self.cell.enable_lora(rank, lora_alpha, a_initializer, b_initializer)

    def quantize(self, mode=None, type_check=True, config=None):
        """Store both kernels of the cell as 8-bit integers. See `quantize` of the cell."""
        self.cell.quantize(mode, type_check=type_check, config=config)

    def quantized_call(self, *args, **kwargs):
        """Do what `call` does: the cell knows how its kernels are stored."""
        return self.call(*args, **kwargs)

    @property
    def dtype_policy(self):
        """The dtype policy of the cell, which holds the weights."""
        return self.cell.dtype_policy

    @dtype_policy.setter
    def dtype_policy(self, policy):
        self.cell.dtype_policy = policy

    def get_initial_state(self, batch_size):
        """Return a list of tensors of zeros, one per state."""
        return self.cell.zero_state(batch_size)

    def reset_state(self, states=None):
        """Set the state of a stateful layer to zeros, or to the given arrays."""
        if self.states is None:
            return
        shapes = [tuple(variable.shape) for variable in self.states]
        states = [ops.zeros(shape) for shape in shapes] if states is None else _as_list(states)
        received = [tuple(np.shape(state)) for state in states]
        if received != shapes:
            raise ValueError(
                f"`states` must hold one array per state, of the shapes {shapes}. "
                f"Received: {len(received)} arrays of the shapes {received}"
            )
        for variable, state in zip(self.states, states, strict=True):
            variable.assign(state)

    def reset_states(self, states=None):
        """Do the same as `reset_state`."""
        self.reset_state(states)

    @property
    def weights(self):
        """All weights. The state of a stateful layer is a variable, but not a weight."""
        return self.cell.weights

    def save_own_variables(self, store):
        """Save nothing: the weights are the cell's, and the state belongs to one batch."""

    def load_own_variables(self, store):
        """Load nothing. See `save_own_variables`."""

    def get_config(self):
        """Return the arguments of the constructor."""
        config = super().get_config()
        del config["cell"]
        return {
            **self.cell.get_config(),
            **config,
            "activity_regularizer": regularizers.serialize(self.activity_regularizer),
            "use_cudnn": self.use_cudnn,
            "implementation": self.implementation,
        }

    @classmethod
    def from_config(cls, config):
        """Build the layer from the arguments of its constructor."""
        return cls(**config)

    def _start(self, batch_size):
        if not self.stateful:
            return self.get_initial_state(batch_size)
        # A copy, because the variable changes before the gradient of this call is computed.
        return [ops.copy(ops.stop_gradient(state)) for state in self.states]

    def _check_state(self, sequences, initial_state):
        shapes = [(sequences.shape[0], size) for size in self.state_size]
        received = [tuple(state.shape) for state in initial_state]
        if len(received) != len(shapes) or not all(map(can_be_equal, received, shapes)):
            raise ValueError(
                f"`initial_state` must hold {len(shapes)} tensors of shape (batch, {self.units}), "
                f"with a batch of {sequences.shape[0]} as the sequences have. "
                f"Received: {len(received)} tensors of the shapes {received}"
            )


def mask_of_call(mask, sequences_mask):
    """Return the mask of the sequences from the arguments of a call, which may be lists."""
    # Keras fills in `mask` where the sequences are the only tensor of the call, and
    # `sequences_mask` where an initial state comes with them.
    mask = sequences_mask if mask is None else mask
    mask = mask[0] if isinstance(mask, (list, tuple)) else mask
    # Keras's layers take a column of entries for each sequence too.
    is_column = mask is not None and tuple(mask.shape[2:]) == (1,)
    return mask[..., 0] if is_column else mask


def _as_list(states):
    return list(states) if isinstance(states, (list, tuple)) else [states]
