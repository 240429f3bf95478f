"""Search for the most probable sequences, one token after the other."""

from numbers import Real

from keras import ops, tree

from keras_seq.ops.arguments import check_integers


def beam_search(
    step,
    state,
    batch_size,
    start_token,
    end_token,
    pad_token=0,
    *,
    max_length,
    beam_width=1,
    length_penalty=0.0,
):
    """Find the most probable sequences under a step function.

    A hypothesis is a sequence of at most `max_length` tokens. It is finished with its first end
    token, and is not extended any further. Its score is the sum of the log-probabilities of its
    tokens, the end token among them, with `log p = log_softmax(logits)` in float32. In every step
    the hypotheses of a row and all their extensions by one token compete, finished ones as they
    are, and the `beam_width` best go on. They are ranked by

        score / ((5 + length) / 6)^length_penalty

    where `length` counts the tokens with the end token. With `beam_width=1` this is greedy
    decoding. The loop ends when every hypothesis of every row is finished.

    It compiles with any backend, also for batches of unknown size.

    Args:
        step: Function `(tokens, state, index) -> (logits, state)` of one step. `tokens` are the
            last tokens, int32 of shape `(batch * beam_width,)`, those of one row side by side;
            `index` is an int32 scalar, the number of tokens before them. `logits` has shape
            `(batch * beam_width, vocabulary)`; the new state has the shapes and dtypes of the
            old.
        state: Nested structure of tensors of shape `(batch, ...)`, the first state. Each row is
            repeated `beam_width` times. It may be empty.
        batch_size: Integer or integer tensor, the number of rows.
        start_token: Integer, the token of the first call of `step`. It is not part of the
            hypotheses.
        end_token: Integer, the token that finishes a hypothesis.
        pad_token: Integer, the token that fills the places behind the end. It is never chosen,
            however probable. Defaults to 0.
        max_length: Positive integer, the largest number of tokens of a hypothesis.
        beam_width: Positive integer, the number of hypotheses per row. Defaults to 1.
        length_penalty: Float, the exponent above. With 0, the default, the ranking is by score;
            the larger it is, the longer are the sequences that win.

    Returns:
        Tuple of three, the best hypothesis of each row first: the tokens, int32 of shape
        `(batch, beam_width, max_length)`; their scores, float32 of shape `(batch, beam_width)`,
        without the penalty; and the last state, `(batch * beam_width, ...)`, in the same order.
        A history that the step function keeps in the state thus belongs to its hypothesis. Where
        there are fewer hypotheses than `beam_width`, the missing ones have the score minus
        infinity and hold pad tokens.

    Raises:
        ValueError: When `max_length` or `beam_width` is not a positive integer, `length_penalty` is
            no number, or `pad_token` is `end_token`.

    Example:

    >>> import numpy as np
    >>> from keras import ops
    >>> from keras_seq.ops import beam_search
    >>> # After token 3 the end, token 2, has probability 0.9, else 0.4. Token 0 is padding.
    >>> table = np.log([[1e-9, 1e-9, 0.4, 0.6], [1e-9, 1e-9, 0.9, 0.1]])
    >>> def step(tokens, state, index):
    ...     return ops.take(table, ops.cast(tokens == 3, "int32"), axis=0), state
    >>> tokens, scores, _ = beam_search(
    ...     step, (), batch_size=1, start_token=1, end_token=2, max_length=3, beam_width=2
    ... )
    >>> ops.convert_to_numpy(tokens).tolist()
    [[[3, 2, 0], [2, 0, 0]]]
    >>> [round(float(p), 3) for p in ops.exp(scores)[0]]
    [0.54, 0.4]

    References:
        - Sutskever et al., Sequence to sequence learning with neural networks, arXiv:1409.3215,
          section 3.2.
        - Wu et al., Google's neural machine translation system, arXiv:1609.08144, equation 14,
          without the coverage penalty.
    """
    check_integers(max_length=max_length, beam_width=beam_width)
    if isinstance(length_penalty, bool) or not isinstance(length_penalty, Real):
        raise ValueError(
            f"`length_penalty` must be a number. Received: length_penalty={length_penalty}"
        )
    if pad_token == end_token:
        raise ValueError(
            "`pad_token` fills the places behind `end_token` and must differ from it. "
            f"Received: pad_token={pad_token}, end_token={end_token}"
        )
    shape = (batch_size, beam_width)
    # Known sizes stay known: a loop may not change what TensorFlow knows of a shape.
    rows = batch_size * beam_width if isinstance(batch_size, int) else -1
    positions = ops.arange(max_length, dtype="int32")

    def arrange(x, order):
        return ops.reshape(ops.take(x, order, axis=0), (rows, *ops.shape(x)[1:]))

    def rank(scores, lengths):
        if not length_penalty:
            return scores
        return scores / ((5 + ops.cast(lengths, "float32")) / 6) ** length_penalty

    def is_open(finished, scores):
        return ops.logical_and(ops.logical_not(finished), scores > float("-inf"))

    def unfinished(index, tokens, last, scores, lengths, finished, state):
        return ops.logical_and(index < max_length, ops.any(is_open(finished, scores)))

    def extend(index, tokens, last, scores, lengths, finished, state):
        logits, state = step(ops.reshape(last, (rows,)), state, index)
        vocabulary = logits.shape[-1]
        chances = ops.log_softmax(ops.cast(logits, "float32"), axis=-1)
        chances = ops.reshape(chances, (*shape, vocabulary))
        # A finished hypothesis has one extension, by a pad token that costs nothing.
        is_pad = ops.arange(vocabulary) == pad_token
        closed = ops.expand_dims(finished, -1)
        chances = ops.where(closed, ops.zeros_like(chances), chances)
        chances = ops.where(ops.equal(closed, is_pad), chances, float("-inf"))

        lengths = lengths + ops.cast(ops.logical_not(finished), "int32")
        candidates = ops.expand_dims(scores, -1) + chances
        in_one_row = (batch_size, beam_width * vocabulary)
        ranks = ops.reshape(rank(candidates, ops.expand_dims(lengths, -1)), in_one_row)
        _, best = ops.top_k(ranks, beam_width)
        best = ops.cast(best, "int32")
        scores = ops.take_along_axis(ops.reshape(candidates, in_one_row), best, axis=1)
        parents, last = best // vocabulary, best % vocabulary

        lengths = ops.take_along_axis(lengths, parents, axis=1)
        finished = ops.logical_or(
            ops.take_along_axis(finished, parents, axis=1), ops.equal(last, end_token)
        )
        offsets = ops.expand_dims(ops.arange(batch_size, dtype="int32") * beam_width, 1)
        order = ops.reshape(parents + offsets, (rows,))
        tokens = ops.reshape(tokens, (rows, max_length))
        tokens = ops.reshape(arrange(tokens, order), (*shape, max_length))
        tokens = ops.where(ops.equal(positions, index), ops.expand_dims(last, -1), tokens)
        state = tree.map_structure(lambda x: arrange(x, order), state)
        return index + 1, tokens, last, scores, lengths, finished, state

    # At first all hypotheses of a row are the same, so that only one of them may be extended.
    first = ops.broadcast_to(ops.equal(ops.arange(beam_width), 0), shape)
    scores = ops.where(first, 0.0, float("-inf"))
    start = (
        ops.zeros((), "int32"),
        ops.full((*shape, max_length), pad_token, "int32"),
        ops.full(shape, start_token, "int32"),
        ops.cast(scores, "float32"),
        ops.zeros(shape, "int32"),
        ops.zeros(shape, "bool"),
        tree.map_structure(lambda x: ops.repeat(x, beam_width, axis=0), state),
    )
    _, tokens, _, scores, _, _, state = ops.while_loop(unfinished, extend, start)
    exists = ops.expand_dims(scores > float("-inf"), -1)
    return ops.where(exists, tokens, pad_token), scores, state
