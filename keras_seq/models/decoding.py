"""How each kind of layer in a decoder is run: over all steps at once, or step by step.

A kind is a class. It answers for one layer, and it is the only place that knows the arguments of
that layer. The order of `KINDS` is the order in which they are asked.
"""

import inspect
import itertools

import keras
from keras import ops

from keras_seq import layers
from keras_seq.layers.cell_contract import (
    begin_sequence,
    call_cell,
    drawn_masks,
    state_sizes,
    zero_state,
)


class Decoder:
    """The layers of a decoder, one after the other.

    Args:
        layers: List of layers.
    """

    def __init__(self, layers):
        self.kinds = [_kind_of(layer) for layer in layers]
        self.state_sizes = [size for kind in self.kinds for size in kind.state_sizes]
        attending = [kind for kind in self.kinds if kind.attends]
        self.attends = bool(attending)
        # Of the last layer that attends, whose alignments are those of the decoder.
        self.alignment_shape = attending[-1].alignment_shape if attending else None

    def run(self, x, memory, memory_mask, states, mask, training=False):
        """Return the outputs of all steps. See `StepLayer.run`."""
        for kind, own in zip(self.kinds, self._split(states), strict=True):
            kind.input_size = x.shape[-1]
            x = kind.run(x, memory, memory_mask, own, mask, training)
        return x

    def begin(self, memory, memory_mask, states, batch_size, length):
        """Return the constants and the first state, lists with an entry for each layer."""
        started = [
            kind.begin(memory, memory_mask, own, batch_size, length)
            for kind, own in zip(self.kinds, self._split(states), strict=True)
        ]
        return [constants for constants, _ in started], [state for _, state in started]

    def step(self, x, constants, state, index, training=False):
        """Return the output of one step, the new state, and the alignment or `None`."""
        alignment, new_state = None, []
        for kind, *own in zip(self.kinds, constants, state, strict=True):
            x, changed, aligned = kind.step(x, *own, index, training)
            new_state.append(changed)
            alignment = alignment if aligned is None else aligned
        return x, new_state, alignment

    def _split(self, states):
        """Return a list of states for each layer, `None` where there are none."""
        states = None if states is None else iter(states)
        return [
            None if states is None else list(itertools.islice(states, len(kind.state_sizes)))
            for kind in self.kinds
        ]


def _kind_of(layer):
    return next(kind for kind in KINDS if kind.fits(layer))(layer)


class StepLayer:
    """A layer that works on each step alone, such as `Dense` or `LayerNormalization`.

    It is also the base of the other kinds. A decoder asks a kind for two things that must agree.
    `run` is the layer over all steps. `begin` and then `step`, once for each, are the same for
    steps that are not known beforehand; `begin` returns `constants`, tensors that depend on the
    memory and stay, and the `state`, tensors that change. In all of them the first axis is the
    batch.
    """

    # Whether the layer looks at the memory, the outputs of the encoder.
    attends = False
    # The widths of the states it may be given to start from.
    state_sizes = ()
    # The width of its inputs, known since it was run over symbolic ones.
    input_size = None

    def __init__(self, layer):
        if isinstance(layer, _MIXES_STEPS):
            raise ValueError(
                "A decoder writes one step after the other, so its layers must not look at later "
                "steps, and must be able to take one step. Use recurrent layers, `AttentionRNN`, "
                "`TransformerDecoderBlock`, layers of positions, and layers that work on each "
                f"step alone. Received: {layer!r} in `decoder`"
            )
        self.layer = layer
        self.takes = inspect.signature(layer.call).parameters

    @staticmethod
    def fits(layer):
        """Return whether this kind is that of the layer."""
        return True

    def run(self, x, memory, memory_mask, states, mask, training):
        """Return the outputs `(batch, U, width)` for inputs `(batch, U, features)`.

        Args:
            x: Tensor, the inputs of the layer.
            memory: Tensor of shape `(batch, S, memory_width)`, or `None` without an encoder that
                returns sequences.
            memory_mask: Tensor of shape `(batch, S)`, true where a step of the memory is valid.
            states: List of tensors of the widths `state_sizes`, or `None` for the layer's own.
            mask: Tensor of shape `(batch, U)`, true where a step is valid.
            training: Boolean.
        """
        mask = {"mask": mask} if "mask" in self.takes else {}
        return self.layer(x, training=training, **mask)

    def begin(self, memory, memory_mask, states, batch_size, length):
        """Return the constants and the first state, for at most `length` steps."""
        return [], []

    def step(self, x, constants, state, index, training):
        """Return the output, the new state, and the alignment or `None`.

        Args:
            x: Tensor of shape `(batch, 1, features)`.
            constants: List of tensors, as `begin` returns them.
            state: List of tensors.
            index: Integer tensor, the number of the step.
            training: Boolean.
        """
        return self.layer(x, training=training), state, None


class PositionLayer(StepLayer):
    """A layer that is told at which position its inputs begin."""

    @staticmethod
    def fits(layer):
        """Return whether the layer has a `start_index`."""
        return "start_index" in inspect.signature(layer.call).parameters

    def begin(self, memory, memory_mask, states, batch_size, length):
        """Let the layer refuse more steps than it has positions."""
        if isinstance(length, int):
            self.layer.compute_output_shape((None, length, None))
        return [], []

    def step(self, x, constants, state, index, training):
        """Do one step."""
        return self.layer(x, start_index=index, training=training), state, None


class RecurrentLayer(StepLayer):
    """A recurrent layer, which steps by its cell."""

    def __init__(self, layer):
        super().__init__(layer)
        _check_recurrent(layer)
        self.state_sizes = state_sizes(layer.cell)

    @staticmethod
    def fits(layer):
        """Return whether the layer has a cell that it runs over the steps."""
        return isinstance(layer, keras.layers.RNN)

    def run(self, x, memory, memory_mask, states, mask, training):
        """Run the layer over all steps."""
        if states is not None:
            states = _like(self.layer.cell.state_size, iter(states))
        outputs = self.layer(x, initial_state=states, mask=mask, training=training)
        return outputs[0] if self.layer.return_state else outputs

    def begin(self, memory, memory_mask, states, batch_size, length):
        """Return the given states, or zeros."""
        begin_sequence(self.layer.cell)
        if states is None:
            states = zero_state(self.layer.cell, batch_size, self.layer.compute_dtype)
        return [], states

    def step(self, x, constants, state, index, training):
        """Do one step."""
        cell = self.layer.cell
        # In training the dropout of Keras's cells differs from step to step.
        with drawn_masks(cell, ops.shape(x)[0], self.input_size, x.dtype, training):
            output, state = call_cell(cell, x[:, 0], state, training)
        return ops.expand_dims(output, 1), state, None


class AttentionRecurrentLayer(StepLayer):
    """An `AttentionRNN`, which has a step of its own."""

    attends = True
    alignment_shape = ()

    def __init__(self, layer):
        super().__init__(layer)
        _check_recurrent(layer)
        self.state_sizes = state_sizes(layer.cell)

    @staticmethod
    def fits(layer):
        """Return whether the layer is an `AttentionRNN`."""
        return isinstance(layer, layers.AttentionRNN)

    def run(self, x, memory, memory_mask, states, mask, training):
        """Run the layer over all steps."""
        outputs = self.layer(
            x,
            memory,
            initial_state=states,
            sequences_mask=mask,
            memory_mask=memory_mask,
            training=training,
        )
        return outputs[0] if self.layer.return_state else outputs

    def begin(self, memory, memory_mask, states, batch_size, length):
        """Return the projected memory, and the states of the cell and of the attention."""
        begin_sequence(self.layer.cell)
        projected = self.layer.project_memory(memory, memory_mask)
        state = self.layer.get_initial_state(batch_size, ops.shape(memory)[1], states)
        return [memory, memory_mask, projected], state

    def step(self, x, constants, state, index, training):
        """Do one step."""
        memory, memory_mask, projected = constants
        output, alignment, state = self.layer.step(
            x[:, 0], state, memory, projected, memory_mask, training
        )
        return ops.expand_dims(output, 1), state, alignment


class TransformerDecoderLayer(StepLayer):
    """A block of a transformer decoder, whose state is the cache of its self-attention."""

    attends = True

    def __init__(self, layer):
        super().__init__(layer)
        self.alignment_shape = (layer.num_heads,)

    @staticmethod
    def fits(layer):
        """Return whether the layer is such a block."""
        return isinstance(layer, layers.TransformerDecoderBlock)

    def run(self, x, memory, memory_mask, states, mask, training):
        """Run the block over all steps."""
        return self.layer(
            x,
            memory,
            decoder_padding_mask=mask,
            encoder_padding_mask=memory_mask,
            training=training,
        )

    def begin(self, memory, memory_mask, states, batch_size, length):
        """Return the keys and values of the memory, and an empty cache of the steps."""
        empty = self.layer.get_initial_cross_attention_cache(batch_size, ops.shape(memory)[1])
        # The block fills its cache in the course of a step, of which no more is used here.
        *_, cache = self.layer(
            ops.zeros((batch_size, 1, self.input_size), self.layer.compute_dtype),
            memory,
            encoder_padding_mask=memory_mask,
            cross_attention_cache=empty,
            cross_attention_cache_update_index=0,
        )
        return [memory, memory_mask, cache], [self.layer.get_initial_cache(batch_size, length)]

    def step(self, x, constants, state, index, training):
        """Do one step."""
        memory, memory_mask, cross_attention_cache = constants
        x, _, alignment, cache, _ = self.layer(
            x,
            memory,
            encoder_padding_mask=memory_mask,
            self_attention_cache=state[0],
            self_attention_cache_update_index=index,
            cross_attention_cache=cross_attention_cache,
            return_attention_scores=True,
            training=training,
        )
        return x, [cache], alignment[:, :, 0]


# Layers that see several steps and that no kind above can run.
_MIXES_STEPS = (
    layers.Attention,
    layers.Bidirectional,
    layers.MultiHeadAttention,
    layers.MultiHeadSelfAttention,
    layers.TransformerBlock,
    keras.layers.AdditiveAttention,
    keras.layers.Attention,
    keras.layers.Bidirectional,
    keras.layers.Conv1D,
    keras.layers.Conv1DTranspose,
    keras.layers.DepthwiseConv1D,
    keras.layers.GroupQueryAttention,
    keras.layers.MultiHeadAttention,
    keras.layers.SeparableConv1D,
)
KINDS = (
    AttentionRecurrentLayer,
    RecurrentLayer,
    TransformerDecoderLayer,
    PositionLayer,
    StepLayer,
)


def _check_recurrent(layer):
    wanted = {"return_sequences": True, "go_backwards": False, "stateful": False}
    received = {name: getattr(layer, name, value) for name, value in wanted.items()}
    if received != wanted:
        said = ", ".join(f"{name}={value}" for name, value in wanted.items())
        got = ", ".join(f"{name}={value}" for name, value in received.items())
        raise ValueError(f"A recurrent layer in `decoder` must have {said}. Received: {got}")


def _like(sizes, states):
    """Return states in lists that are nested as those of their sizes."""
    if isinstance(sizes, (list, tuple)):
        return [_like(size, states) for size in sizes]
    return next(states)
