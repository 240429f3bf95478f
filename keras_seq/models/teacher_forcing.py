"""What a decoder reads while it is trained."""

import numpy as np


def shift_right(targets, start_token):
    """Return what a decoder has written before each step, if it has made no mistake.

    That is the start token, followed by all targets but the last.

    Args:
        targets: Array of integers of shape `(batch, U)`.
        start_token: Integer.

    Returns:
        Array of the shape and dtype of `targets`.

    Raises:
        ValueError: When `targets` does not have two dimensions.

    Example:

    >>> import numpy as np
    >>> from keras_seq.models import shift_right
    >>> shift_right(np.array([[5, 3, 2], [4, 2, 0]]), start_token=1)
    array([[1, 5, 3],
           [1, 4, 2]])

    Reference:
        - Williams and Zipser, A learning algorithm for continually running fully recurrent
          neural networks, Neural Computation 1(2), 1989 (teacher forcing).
    """
    targets = np.asarray(targets)
    if targets.ndim != 2:
        raise ValueError(
            "`targets` must be integers of shape `(batch, U)`. "
            f"Received: targets.shape={targets.shape}"
        )
    inputs = np.roll(targets, 1, axis=1)
    inputs[:, :1] = start_token
    return inputs
