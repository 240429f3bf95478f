"""One step of a recurrent decoder that attends to a memory."""

from keras import ops

PLACEMENTS = ("bahdanau", "luong")


def check_placement(placement, input_feeding):
    """Refuse unknown names, and the feeding of a cell that reads the context."""
    if placement not in PLACEMENTS:
        raise ValueError(
            f"`placement` must be one of {list(PLACEMENTS)}. Received: placement={placement!r}"
        )
    if input_feeding and placement == "bahdanau":
        raise ValueError(
            "`input_feeding` is for `placement='luong'`: the cell of the other placement reads "
            "the context itself. Leave it `None`. "
            f"Received: input_feeding={input_feeding}, placement='bahdanau'"
        )


def attention_rnn_step(x, query, fed, cell, attend, kernel=None):
    """Attend before or after a cell steps.

        before:  α, c = attend(query)    h = cell([x; c])
        after:   h = cell([x; fed])      α, c = attend(h)
        output = h, or with a kernel tanh(W [c; h])

    Args:
        x: Tensor of shape `(batch, features)`.
        query: Tensor of shape `(batch, cell width)`, the output of the cell at the step before.
            `None` attends after the cell.
        fed: Tensor of shape `(batch, width)`, the output of the step before, or `None`.
        cell: Function of the inputs of the cell that returns its output and its new states.
        attend: Function of a query that returns attention weights and their context.
        kernel: Optional tensor of shape `(context width + cell width, width)`.

    Returns:
        Tuple `(output, h, α, states)`.

    Reference:
        - Bahdanau, Cho, Bengio, arXiv:1409.0473, appendix A.2.2: before the cell.
        - Luong, Pham, Manning, arXiv:1508.04025, equation 5 and section 3.3: after the cell.
    """
    if query is not None:
        weights, context = attend(query)
        hidden, states = cell(ops.concatenate([x, context], axis=-1))
    else:
        hidden, states = cell(x if fed is None else ops.concatenate([x, fed], axis=-1))
        weights, context = attend(hidden)
    if kernel is None:
        return hidden, hidden, weights, states
    output = ops.tanh(ops.matmul(ops.concatenate([context, hidden], axis=-1), kernel))
    return output, hidden, weights, states


def shown_first(states):
    """Return a list of states as the loop has it: what leaves it at every step comes first."""
    *others, output, weights = states
    return ((output, weights), *others)


def shown_last(state):
    """Return the list of states that `shown_first` was made of."""
    shown, *others = state
    return [*others, *shown]
