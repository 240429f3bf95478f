"""Integers that point into a table or a sequence."""

import keras
import numpy as np


def check_indices(name, indices, limit_name, limit):
    """Refuse integers outside of `range(limit)`, where their values are known.

    In compiled code they are not: there the backend does with them what it always does, which
    differs from an error to rows of NaN or zeros.

    Args:
        name: String, what the user calls the integers.
        indices: Tensor of integers, of any shape.
        limit_name: String, what the user calls the limit.
        limit: Integer, or `None` where it is not known.
    """
    values = None if limit is None else _known_values(indices)
    if values is None or not values.size:
        return
    lowest, highest = int(values.min()), int(values.max())
    if lowest < 0 or highest >= limit:
        raise ValueError(
            f"`{name}` must be integers from 0 to {limit - 1}. "
            f"Received: {name} from {lowest} to {highest}, {limit_name}={limit}"
        )


def _known_values(x):
    """Return the values of a tensor in main memory as an array, or `None` for any other.

    Those of code that is being traced have none yet, and those on another device would have to
    be waited for.
    """
    if isinstance(x, keras.KerasTensor):
        return None
    try:
        return np.asarray(x)
    except (TypeError, NotImplementedError):  # what the tensors of the backends raise
        return None
