"""The tokens that sources and targets are made of."""

from keras_seq.ops.arguments import check_integers
from keras_seq.ops.indices import check_indices

PADDING = 0


def check_tokens(name, tokens, limit_name, limit):
    """Refuse all but integers of two dimensions, from 0 to below a limit."""
    if len(tokens.shape) != 2:
        raise ValueError(
            f"`{name}` must be integers of shape `(batch, steps)`. "
            f"Received: {name}.shape={tuple(tokens.shape)}"
        )
    check_indices(name, tokens, f"`{limit_name}`", limit)


def check_special_tokens(start_token, end_token, vocabulary_size):
    """Refuse tokens that are padding, outside of the vocabulary, or the same."""
    for name, token in (("start_token", start_token), ("end_token", end_token)):
        check_integers(**{name: token})
        if token >= vocabulary_size:
            raise ValueError(
                f"`{name}` must be below `target_vocabulary_size`. Received: {name}={token}, "
                f"target_vocabulary_size={vocabulary_size}"
            )
    if start_token == end_token:
        raise ValueError(
            "`start_token` and `end_token` must differ. "
            f"Received: start_token={start_token}, end_token={end_token}"
        )
