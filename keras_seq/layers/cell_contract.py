"""What a loop over steps asks of any cell, ours, Keras's or yours."""

import contextlib
import inspect

import keras
from keras import ops

from keras_seq.ops.shapes import can_be_equal


def check_cell(cell):
    """Refuse what is no cell."""
    is_cell = callable(cell) and hasattr(cell, "call") and hasattr(cell, "state_size")
    # A layer that runs a cell has its `state_size` too.
    if not is_cell or isinstance(cell, keras.layers.RNN):
        raise ValueError(
            "`cell` must be a cell: a layer that is called with inputs and states, and that has a "
            "`state_size`, such as `LSTMCell`. Join several with `keras.layers.StackedRNNCells`. "
            f"Received: cell={cell!r}"
        )


def state_sizes(cell):
    """Return the widths of the states in one list, also those of stacked cells."""
    return [int(size) for size in keras.tree.flatten(cell.state_size)]


def output_size(cell):
    """Return the width of the output: that of the first state, where the cell says no other."""
    size = getattr(cell, "output_size", None)
    return int(state_sizes(cell)[0] if size is None else size)


def check_states(cell, states, batch_size, every_size):
    """Refuse an `initial_state` that holds neither the states of the cell nor all of its layer.

    Args:
        cell: The cell.
        states: Tensor or nested list of tensors.
        batch_size: Integer, or `None` where it is not known.
        every_size: List of the widths of all states, of which the first are those of the cell.
    """
    every = [(batch_size, size) for size in every_size]
    own = every[: len(state_sizes(cell))]
    received = [tuple(state.shape) for state in keras.tree.flatten(states)]
    for shapes in (own, every):
        if len(received) == len(shapes) and all(map(can_be_equal, received, shapes)):
            return
    raise ValueError(
        f"`initial_state` must hold the states of the cell, of the shapes {own}, or all states "
        f"that the layer returns with `return_state=True`, of the shapes {every}. "
        f"Received: initial_state of the shapes {received}"
    )


def first_output(cell, states):
    """Return what stands for the output before the first step.

    It is the state that the output is: the first of the cell, or of the last of stacked cells.
    A cell whose output has another width than that state starts from zeros.

    Args:
        cell: The cell.
        states: List of tensors of shape `(batch, size)`.
    """
    last = _single_cells(cell)[-1]
    state = states[-len(state_sizes(last))]
    if state.shape[-1] == output_size(last):
        return state
    return ops.zeros((ops.shape(state)[0], output_size(last)), state.dtype)


def zero_state(cell, batch_size, dtype):
    """Return the list of first states of a cell."""
    states = []
    for single in _single_cells(cell):
        # Those of our cells draw nothing; `get_initial_state` would.
        start = getattr(single, "zero_state", None) or getattr(single, "get_initial_state", None)
        if start is None:
            states += [ops.zeros((batch_size, size)) for size in state_sizes(single)]
        else:
            states += keras.tree.flatten(start(batch_size))
    return [ops.cast(state, dtype) for state in states]


def call_cell(cell, inputs, states, training):
    """Do one step and return the output and the list of new states, in the dtype of the inputs."""
    nested = keras.tree.is_nested(cell.state_size)
    packed = keras.tree.pack_sequence_as(cell.state_size, list(states)) if nested else list(states)
    takes_training = "training" in inspect.signature(cell.call).parameters
    output, states = cell(inputs, packed, **({"training": training} if takes_training else {}))
    return ops.cast(output, inputs.dtype), [
        ops.cast(state, inputs.dtype) for state in keras.tree.flatten(states)
    ]


def begin_sequence(cell):
    """Let the cells draw other dropout masks than for the sequence before."""
    for single in _single_cells(cell):
        generator = getattr(single, "seed_generator", None)
        if generator is not None:
            getattr(generator, "advance", generator.next)()


@contextlib.contextmanager
def drawn_masks(cell, batch_size, input_size, dtype, training=True):
    """Hold the dropout masks of Keras's cells, which must not be drawn inside a loop.

    Without `training` none are drawn, also by a cell that would, to no use.
    """
    singles = _single_cells(cell)
    sizes = [input_size, *map(output_size, singles[:-1])]
    drawing = [
        (single, size, (single.dropout, single.recurrent_dropout))
        for single, size in zip(singles, sizes, strict=True)
        if hasattr(single, "get_dropout_mask")
    ]
    try:
        for single, size, _ in drawing:
            if not training:
                single.dropout = single.recurrent_dropout = 0.0
                continue
            single.get_dropout_mask(ops.ones((batch_size, size), dtype))
            state = ops.ones((batch_size, state_sizes(single)[0]), dtype)
            single.get_recurrent_dropout_mask(state)
        yield
    finally:
        for single, _, (single.dropout, single.recurrent_dropout) in drawing:
            single.reset_dropout_mask()
            single.reset_recurrent_dropout_mask()


def _single_cells(cell):
    """Return the cells of stacked cells, or the cell itself, in a list."""
    if not hasattr(cell, "cells"):
        return [cell]
    return [single for inner in cell.cells for single in _single_cells(inner)]
