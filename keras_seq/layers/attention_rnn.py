"""A recurrent decoder that attends to a memory."""

import copy

import keras
from keras import constraints, initializers, ops, regularizers

from keras_seq.layers import cell_contract
from keras_seq.layers.attention import Attention
from keras_seq.layers.rematerialization import Rematerialization
from keras_seq.ops.arguments import check_integers, plain
from keras_seq.ops.attention_rnn import (
    attention_rnn_step,
    check_placement,
    shown_first,
    shown_last,
)
from keras_seq.ops.memory import check_memory, without_masked_steps
from keras_seq.ops.recurrence import recurrence


@keras.saving.register_keras_serializable(package="keras_seq")
class AttentionRNN(Rematerialization, keras.layers.Layer):
    """A recurrent layer every step of which attends to a memory, as a decoder to its source.

    With `x` the inputs, `m` the memory, `α` the attention weights, `c` the context and `h` the
    output of the cell, `placement="bahdanau"` attends before the cell steps:

        α_t = normalize(score(h_{t-1}, m)),   c_t = Σ α_ts m_s
        h_t = cell([x_t; c_t], states)
        output_t = h_t, or with `attention_units` tanh(W [c_t; h_t])

    and `placement="luong"` attends after it:

        h_t = cell([x_t; output_{t-1}], states), or without input feeding cell(x_t, states)
        α_t = normalize(score(h_t, m)),   c_t = Σ α_ts m_s
        output_t = tanh(W [c_t; h_t])

    The weights are those of the cell, of the attention, and `kernel`, which is `W`, of shape
    `(memory width + cell width, attention_units)`.

    Args:
        cell: A cell: one of this package or of Keras, any layer that keeps their contract, or
            several as `keras.layers.StackedRNNCells`. Its output before the first step is its
            first state (that of the last cell), or zeros where that has another width.
        attention: `Attention`, the score and how it is normalized. With `dropout` it drops
            weights of each step in training.
        placement: `"bahdanau"` or `"luong"`. Defaults to `"bahdanau"`.
        input_feeding: Boolean, whether the cell of `"luong"` also reads the output of the step
            before. Defaults to `None`, which is `True`, as in the best models of the paper.
            The cell of `"bahdanau"` reads the context instead.
        attention_units: Positive integer, the columns of `W`. Defaults to `None`: for `"luong"`
            the width of the output of the cell, for `"bahdanau"` no `W`.
        return_sequences: Boolean, whether to return all outputs, not the last. Defaults to `True`.
        return_state: Boolean, whether to return the last states too. Defaults to `False`.
        kernel_initializer: Initializer of `kernel`. Defaults to `"glorot_uniform"`.
        kernel_regularizer: Regularizer of `kernel`. Defaults to `None`.
        kernel_constraint: Constraint of `kernel`. Defaults to `None`.
        **kwargs: The arguments of `keras.layers.Layer`: `name`, `dtype`, `trainable`.

    Call arguments:
        sequences: Tensor of shape `(batch, T, features)`. `T` may be zero.
        memory: Tensor of shape `(batch, S, memory width)`. `S` may be zero.
        initial_state: List of the states of the cell, such as those of an encoder, or of all
            states that another call returned. Defaults to the first states of the cell.
        sequences_mask: Tensor of shape `(batch, T)`, true (or not zero) where a step is valid.
            Defaults to the mask that came with the sequences.
        memory_mask: Tensor of shape `(batch, S)`, true (or not zero) where a step of the memory
            is valid. Defaults to the mask that came with the memory.
        training: Boolean, whether to apply dropout.
        return_attention_scores: Boolean, whether to return the weights too. Defaults to `False`.

    Returns:
        Tensor of shape `(batch, T, width)`, or `(batch, width)` with `return_sequences=False`. A
        tuple of it, with `return_attention_scores=True` the attention weights before dropout, of
        shape `(batch, T, S)`, and with `return_state=True` the last states: those of the cell,
        its output for `"bahdanau"` with `attention_units`, the output, the attention weights.

    Masks:
        A masked step of the memory has a weight of exactly zero, and what it contains, even NaN,
        has no influence. A memory that is masked as a whole gives a context of zero. A masked
        step of the sequences changes nothing: it carries all states over, and repeats the output
        and the attention weights of the step before; before the first valid step these are the
        initial ones. The mask that came with the sequences goes on with all outputs.

    Raises:
        ValueError: When an argument is not one of the above, when tensors do not fit each other
            or the layer, or when the score cannot compare the cell with the memory.

    Example:

    >>> import numpy as np
    >>> from keras_seq.layers import Attention, AttentionRNN, LSTMCell
    >>> layer = AttentionRNN(LSTMCell(4), Attention("additive"), return_state=True)
    >>> memory = np.ones((2, 5, 6), "float32")
    >>> output, *states = layer(np.ones((2, 3, 8)), memory)
    >>> tuple(output.shape), [tuple(state.shape) for state in states]
    ((2, 3, 4), [(2, 4), (2, 4), (2, 4), (2, 5)])

    A decoder that chooses its next input takes one step at a time:

    >>> projected = layer.project_memory(memory)
    >>> states = layer.get_initial_state(batch_size=2, memory_steps=5)
    >>> output, weights, states = layer.step(np.ones((2, 8)), states, memory, projected)
    >>> tuple(output.shape), tuple(weights.shape)
    ((2, 4), (2, 5))

    References:
        - Bahdanau, Cho, Bengio, Neural machine translation by jointly learning to align and
          translate, arXiv:1409.0473, appendix A.2.2.
        - Luong, Pham, Manning, Effective approaches to attention-based neural machine
          translation, arXiv:1508.04025, equation 5 and section 3.3.
    """

    def __init__(
        self,
        cell,
        attention,
        placement="bahdanau",
        input_feeding=None,
        attention_units=None,
        return_sequences=True,
        return_state=False,
        kernel_initializer="glorot_uniform",
        kernel_regularizer=None,
        kernel_constraint=None,
        **kwargs,
    ):
        cell_contract.check_cell(cell)
        if not isinstance(attention, Attention):
            raise ValueError(
                "`attention` must be a `keras_seq.layers.Attention`, such as "
                f"`Attention('additive')`. Received: attention={attention!r}"
            )
        check_placement(placement, input_feeding)
        check_integers(True, attention_units=attention_units)
        super().__init__(**kwargs)
        self.cell = cell
        self.attention = attention
        self.placement = placement
        self.input_feeding = input_feeding
        self.attention_units = plain(attention_units)
        self.return_sequences = return_sequences
        self.return_state = return_state
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.kernel = self._widths = None
        self._has_kernel = placement == "luong" or attention_units is not None
        # The query of the next step is the output of the cell, not that of the layer.
        self._keeps_query = placement == "bahdanau" and self._has_kernel
        self.supports_masking = True
        if not self.trainable:
            # Keras hands it on only when it changes.
            self.cell.trainable = self.attention.trainable = False

    def build(self, sequences_shape, memory_shape):
        """Create the weights of the cell, of the attention and of the output."""
        check_memory(sequences_shape, memory_shape)
        self._widths = sequences_shape[-1], memory_shape[-1]
        if not getattr(self.cell, "built", True):
            self.cell.build((sequences_shape[0], self._cell_input_width))
        query_width = cell_contract.output_size(self.cell)
        if not self.attention.built:
            self.attention.build([(*sequences_shape[:2], query_width), memory_shape])
        if self._has_kernel:
            self.kernel = self.add_weight(
                name="kernel",
                shape=(memory_shape[-1] + query_width, self._output_width),
                initializer=self.kernel_initializer,
                regularizer=self.kernel_regularizer,
                constraint=self.kernel_constraint,
            )

    def call(
        self,
        sequences,
        memory,
        initial_state=None,
        sequences_mask=None,
        memory_mask=None,
        training=None,
        return_attention_scores=False,
    ):
        """Run the decoder over the sequences. See the class for the arguments."""
        self._check_call(sequences, memory, initial_state, sequences_mask, memory_mask)
        # Keras casts no integers.
        sequences, memory = (ops.cast(x, self.compute_dtype) for x in (sequences, memory))
        batch_size, memory_steps = ops.shape(memory)[:2]
        states = self.get_initial_state(batch_size, memory_steps, initial_state)
        if training:
            cell_contract.begin_sequence(self.cell)
        sequences = self._with_dropout(sequences, memory_steps, training)

        def run(sequences, memory, *states):
            memory = without_masked_steps(memory, memory_mask)
            projected = self.attention.project_memory(memory)

            def step(x, state):
                return self._step(x, state, memory, projected, memory_mask, training)

            with self._drawn_masks(batch_size, training):
                outputs, state = recurrence(
                    lambda xs: xs, step, sequences, shown_first(states), sequences_mask
                )
            return (*outputs, *shown_last(state))

        run = self.recomputed_with(self.variables, run)
        outputs, alignments, *states = run(sequences, memory, *states)
        output = outputs if self.return_sequences else states[-2]
        others = (alignments,) if return_attention_scores else ()
        others += tuple(states) if self.return_state else ()
        return (output, *others) if others else output

    def project_memory(self, memory, memory_mask=None):
        """Return what depends on the memory alone, computed once for all steps.

        Args:
            memory: Tensor of shape `(batch, S, memory width)`.
            memory_mask: Tensor of shape `(batch, S)`, true where it is valid. Defaults to `None`.

        Returns:
            Tensor of shape `(batch, S, width)`, for `step`. The layer must be built.
        """
        memory = ops.convert_to_tensor(memory, self.compute_dtype)
        return self.attention.project_memory(without_masked_steps(memory, memory_mask))

    def get_initial_state(self, batch_size, memory_steps, cell_states=None):
        """Return the states before the first step, for `step`.

        Args:
            batch_size: Integer or integer tensor.
            memory_steps: Integer or integer tensor, the `S` of the memory.
            cell_states: As `initial_state` of a call. Defaults to the first states of the cell.

        Returns:
            List of tensors with the batch first: those that `return_state=True` gives.
        """
        dtype = self.compute_dtype
        if cell_states is None:
            cell_states = cell_contract.zero_state(self.cell, batch_size, dtype)
        states = [ops.convert_to_tensor(x, dtype) for x in keras.tree.flatten(cell_states)]
        if len(states) == len(self._state_sizes(memory_steps)):
            return states
        query = cell_contract.first_output(self.cell, states)
        output = ops.zeros((batch_size, self._output_width), dtype) if self._has_kernel else query
        kept = [query] if self._keeps_query else []
        return [*states, *kept, output, ops.zeros((batch_size, memory_steps), dtype)]

    def step(self, inputs, states, memory, projected, memory_mask=None, training=False):
        """Do one step.

        Step by step gives what a call gives. In training each step draws its own dropout, which
        a loop that is compiled cannot do.

        Args:
            inputs: Tensor of shape `(batch, features)`.
            states: List of tensors, from `get_initial_state` or the step before.
            memory: Tensor of shape `(batch, S, memory width)`.
            projected: Tensor, the `project_memory` of this memory.
            memory_mask: Tensor of shape `(batch, S)`, true where it is valid. Defaults to `None`.
            training: Boolean, whether to apply dropout. Defaults to `False`.

        Returns:
            Tuple of the output `(batch, width)`, the attention weights `(batch, S)` and the list
            of new states.
        """
        inputs, memory = (ops.convert_to_tensor(x, self.compute_dtype) for x in (inputs, memory))
        memory = without_masked_steps(memory, memory_mask)
        x = self._with_dropout(inputs, ops.shape(memory)[1], training)
        with self._drawn_masks(ops.shape(memory)[0], training):
            state = self._step(x, shown_first(states), memory, projected, memory_mask, training)
        states = shown_last(state)
        return states[-2], states[-1], states

    def compute_mask(self, inputs, previous_mask):
        """Return the mask of the sequences for sequences, and `None` for a last output."""
        return previous_mask if self.return_sequences else None

    def compute_output_shape(self, sequences_shape, memory_shape, initial_state_shape=None):
        """Return the shape of the output, or a tuple of it and the shapes of the states."""
        batch_size, *steps = sequences_shape[: 2 if self.return_sequences else 1]
        shape = (batch_size, *steps, self._output_width)
        if not self.return_state:
            return shape
        return (shape, *((batch_size, size) for size in self._state_sizes(memory_shape[1])))

    def compute_output_spec(
        self,
        sequences,
        memory,
        initial_state=None,
        sequences_mask=None,
        memory_mask=None,
        return_attention_scores=False,
        **kwargs,
    ):
        """Return the shapes and dtypes of the output, of the attention weights and the states."""
        self._check_call(sequences, memory, initial_state, sequences_mask, memory_mask)
        shapes = self.compute_output_shape(sequences.shape, memory.shape)
        shapes = list(shapes) if self.return_state else [shapes]
        if return_attention_scores:
            shapes.insert(1, (*sequences.shape[:2], memory.shape[1]))
        specs = tuple(keras.KerasTensor(shape, dtype=self.compute_dtype) for shape in shapes)
        return specs if len(specs) > 1 else specs[0]

    def get_config(self):
        """Return the arguments of the constructor."""
        return {
            **super().get_config(),
            "cell": keras.saving.serialize_keras_object(self.cell),
            "attention": keras.saving.serialize_keras_object(self.attention),
            "placement": self.placement,
            "input_feeding": self.input_feeding,
            "attention_units": self.attention_units,
            "return_sequences": self.return_sequences,
            "return_state": self.return_state,
            "kernel_initializer": initializers.serialize(self.kernel_initializer),
            "kernel_regularizer": regularizers.serialize(self.kernel_regularizer),
            "kernel_constraint": constraints.serialize(self.kernel_constraint),
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        """Build the layer from the arguments of its constructor."""
        config = copy.deepcopy(config)
        for name in ("cell", "attention"):
            config[name] = keras.saving.deserialize_keras_object(
                config[name], custom_objects=custom_objects
            )
        return cls(**config)

    @property
    def _output_width(self):
        return self.attention_units or cell_contract.output_size(self.cell)

    @property
    def _cell_input_width(self):
        features, memory_width = self._widths
        if self.placement == "bahdanau":
            return features + memory_width
        return features + (0 if self.input_feeding is False else self._output_width)

    def _state_sizes(self, memory_steps):
        query = [cell_contract.output_size(self.cell)] if self._keeps_query else []
        own = cell_contract.state_sizes(self.cell)
        return [*own, *query, self._output_width, memory_steps]

    def _step(self, x, state, memory, projected, memory_mask, training):
        """Return the new state of one step."""
        (output, alignment), *others = state
        features = self._widths[0]
        x, scales = x[:, :features], None if x.shape[-1] == features else x[:, features:]
        cell_states = others[: len(cell_contract.state_sizes(self.cell))]

        def cell(x):
            return cell_contract.call_cell(self.cell, x, cell_states, training)

        def attend(query):
            scores = self.attention.score_step(query, projected, alignment)
            weights = ops.cast(self.attention.normalize(scores, memory_mask), x.dtype)
            kept = weights if scales is None else weights * scales
            return weights, ops.squeeze(ops.matmul(ops.expand_dims(kept, 1), memory), 1)

        query, fed = None, None if self.input_feeding is False else output
        if self.placement == "bahdanau":
            query, fed = others[-1] if self._keeps_query else output, None
        kernel = ops.cast(self.kernel, x.dtype) if self._has_kernel else None
        output, hidden, weights, states = attention_rnn_step(x, query, fed, cell, attend, kernel)
        return ((output, weights), *states, *([hidden] if self._keeps_query else []))

    def _with_dropout(self, inputs, memory_steps, training):
        """Return inputs of steps, and beside them what to multiply attention weights by, if any.

        It is drawn here, and not inside of the loop, where a seed cannot move on.
        """
        if not training or self.attention.seed_generator is None:
            return inputs
        attention = self.attention
        ones = ops.ones((*ops.shape(inputs)[:-1], memory_steps), self.compute_dtype)
        scales = keras.random.dropout(ones, attention.dropout, seed=attention.seed_generator)
        return ops.concatenate([inputs, scales], axis=-1)

    def _drawn_masks(self, batch_size, training):
        return cell_contract.drawn_masks(
            self.cell, batch_size, self._cell_input_width, self.compute_dtype, training
        )

    def _check_call(self, sequences, memory, states, sequences_mask, memory_mask):
        """Raise an error when the arguments of a call do not fit the layer or each other."""
        masks = sequences_mask, memory_mask
        check_memory(sequences.shape, memory.shape, self._widths, masks)
        # The attention itself refuses widths and lengths that its score cannot take.
        query_shape = (*sequences.shape[:2], cell_contract.output_size(self.cell))
        self.attention.compute_output_spec(
            [keras.KerasTensor(query_shape), keras.KerasTensor(memory.shape)]
        )
        if states is not None:
            sizes = self._state_sizes(memory.shape[1])
            cell_contract.check_states(self.cell, states, sequences.shape[0], sizes)
