"""Tokens behind a mask, for an encoder to predict."""

from numbers import Real

import numpy as np

from keras_seq.ops.arguments import check_integers


def mask_tokens(
    token_ids,
    vocabulary_size,
    mask_token_id,
    generator,
    special_token_ids=(),
    predictions_per_sequence=None,
    mask_rate=0.15,
    mask_token_rate=0.8,
    random_token_rate=0.1,
):
    """Hide some tokens of each sequence and return what a model is to predict.

    Of the `n` tokens of a sequence that may be chosen, `mask_rate * n` are, rounded, but at least
    one and at most `predictions_per_sequence`. Any set of them is equally likely. Each becomes
    the mask token, or a token drawn from all that may be chosen, or stays as it is. Special
    tokens, the mask token and 0, which is padding, are never chosen and never drawn.

    Args:
        token_ids: Integer array of shape `(batch, time)`.
        vocabulary_size: Positive integer, the number of tokens.
        mask_token_id: Integer, the token that stands for a hidden one.
        generator: A `numpy.random.Generator`, from which everything is drawn.
        special_token_ids: List of integers, the tokens that are no text, such as those that begin
            and separate sentences. Defaults to none.
        predictions_per_sequence: Positive integer, the number of predictions that each sequence
            has room for. Defaults to what the longest sequence needs, `mask_rate * time` rounded.
        mask_rate: Float between 0 and 1, the fraction of tokens to choose. Defaults to 0.15.
        mask_token_rate: Float between 0 and 1, the probability of a chosen token to become the
            mask token. Defaults to 0.8.
        random_token_rate: Float between 0 and 1, the probability to become a drawn token.
            Defaults to 0.1.

    Returns:
        Tuple `(x, y, sample_weight)`, as `keras.Model.fit` and the generators it reads have it:

        - `x`: Dictionary of `token_ids`, the masked tokens, of shape `(batch, time)`, and
          `mask_positions`, the steps of the chosen ones in order, of shape
          `(batch, predictions_per_sequence)`.
        - `y`: The original tokens at these positions, of the same shape.
        - `sample_weight`: 1.0 for each of them, of the same shape. A row with fewer is filled up
          with the position 0, the token 0 and the weight 0.0.

    Raises:
        ValueError: When `token_ids` are not integers of this shape below `vocabulary_size`, when
            the mask token or a special token is not one of them, when no token may be chosen, or
            when an argument is not one of the above.

    Example:

    >>> import numpy as np
    >>> from keras_seq.models import mask_tokens
    >>> x, y, sample_weight = mask_tokens(
    ...     np.array([[1, 5, 6, 7, 8, 9, 2], [1, 5, 6, 2, 0, 0, 0]]),
    ...     vocabulary_size=10,
    ...     mask_token_id=3,
    ...     generator=np.random.default_rng(0),
    ...     special_token_ids=[1, 2],
    ...     predictions_per_sequence=2,
    ...     mask_rate=0.4,
    ... )
    >>> sample_weight
    array([[1., 1.],
           [1., 0.]], dtype=float32)
    >>> bool((y[0] == np.array([1, 5, 6, 7, 8, 9, 2])[x["mask_positions"][0]]).all())
    True

    Reference:
        - Devlin et al., BERT, arXiv:1810.04805, section 3.1 and appendix A.1.
    """
    token_ids = np.asarray(token_ids)
    _check_generator(generator)
    _check_rates(mask_rate, mask_token_rate, random_token_rate)
    _check_tokens(token_ids, vocabulary_size, mask_token_id, special_token_ids)
    reserved = [0, mask_token_id, *special_token_ids]
    candidates = np.setdiff1d(np.arange(vocabulary_size), reserved)
    if not candidates.size:
        raise ValueError(
            "At least one token must be neither 0, nor the mask token, nor special. Received: "
            f"vocabulary_size={vocabulary_size}, mask_token_id={mask_token_id}, "
            f"special_token_ids={special_token_ids}"
        )
    batch, time = token_ids.shape
    check_integers(True, predictions_per_sequence=predictions_per_sequence)
    if predictions_per_sequence is None:
        predictions_per_sequence = max(1, round(mask_rate * time))
    size = min(predictions_per_sequence, time)

    # Each sequence in an order by chance, with what may not be chosen behind the rest.
    may_be_chosen = ~np.isin(token_ids, reserved)
    order = np.argsort(np.where(may_be_chosen, generator.random((batch, time)), 1.0), axis=1)
    count = may_be_chosen.sum(axis=1)
    count = np.minimum(count, np.maximum(1, np.rint(mask_rate * count).astype(int)))
    is_chosen = np.arange(size) < count[:, None]
    positions = np.sort(np.where(is_chosen, order[:, :size], time), axis=1)
    positions = np.where(is_chosen, positions, 0)
    labels = np.where(is_chosen, np.take_along_axis(token_ids, positions, axis=1), 0)

    draw = generator.random(positions.shape)
    other = generator.choice(candidates, positions.shape)
    hidden = np.where(draw < mask_token_rate + random_token_rate, other, labels)
    hidden = np.where(draw < mask_token_rate, mask_token_id, hidden)
    rows = np.nonzero(is_chosen)[0]
    masked = token_ids.copy()
    masked[rows, positions[is_chosen]] = hidden[is_chosen]

    fill = ((0, 0), (0, predictions_per_sequence - size))
    x = {"token_ids": masked, "mask_positions": np.pad(positions, fill)}
    return x, np.pad(labels, fill), np.pad(is_chosen, fill).astype("float32")


def _check_generator(generator):
    if not isinstance(generator, np.random.Generator):
        raise ValueError(
            "`generator` must be a `numpy.random.Generator`, such as `numpy.random.default_rng(1)` "
            f"returns. Received: generator={generator}"
        )


def _check_rates(mask_rate, mask_token_rate, random_token_rate):
    rates = mask_rate, mask_token_rate, random_token_rate
    if not all(isinstance(rate, Real) for rate in rates):
        raise ValueError(
            "`mask_rate`, `mask_token_rate` and `random_token_rate` must be numbers. "
            f"Received: {rates}"
        )
    if not 0 <= mask_rate <= 1:
        raise ValueError(
            "`mask_rate` is the fraction of tokens to choose and must lie between 0 and 1. "
            f"Received: mask_rate={mask_rate}"
        )
    rates = mask_token_rate, random_token_rate
    if min(rates) < 0 or sum(rates) > 1:
        raise ValueError(
            "`mask_token_rate` and `random_token_rate` are the probabilities of two of three "
            "outcomes: neither may be negative, nor their sum above 1. Received: "
            f"mask_token_rate={mask_token_rate}, random_token_rate={random_token_rate}"
        )


def _check_tokens(token_ids, vocabulary_size, mask_token_id, special_token_ids):
    if token_ids.ndim != 2 or not np.issubdtype(token_ids.dtype, np.integer):
        raise ValueError(
            "`token_ids` must be an array of integers, of shape (batch, time). Received: an array "
            f"of {token_ids.dtype}, of shape {token_ids.shape}"
        )
    if token_ids.size and not 0 <= token_ids.min() <= token_ids.max() < vocabulary_size:
        raise ValueError(
            f"`token_ids` must lie from 0 to {vocabulary_size - 1}, below `vocabulary_size`. "
            f"Received: token_ids from {token_ids.min()} to {token_ids.max()}, "
            f"vocabulary_size={vocabulary_size}"
        )
    if not all(0 <= token < vocabulary_size for token in (mask_token_id, *special_token_ids)):
        raise ValueError(
            "`mask_token_id` and all `special_token_ids` must be tokens, from 0 to "
            f"{vocabulary_size - 1}. Received: mask_token_id={mask_token_id}, "
            f"special_token_ids={special_token_ids}, vocabulary_size={vocabulary_size}"
        )
