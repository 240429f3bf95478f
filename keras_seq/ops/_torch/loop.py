"""Loops of PyTorch."""

from keras import ops

# Every operation is a pass over its tensors.
IS_FUSED = False


def repeat(lower, upper, body, carry):
    """Return the carry after `body(number, carry)` for all numbers from `lower` to `upper - 1`."""
    for number in range(lower, upper):
        carry = body(number, carry)
    return carry


def zeros(count, shape, dtype):
    """Return `count` sums, one for each index, all of them zero."""
    return ops.zeros((count, *shape), dtype)


def add_at(sums, index, y):
    """Add `y` to the sum at `index`, in place, and return all sums."""
    sums[index] += y
    return sums


def stacked(sums, count):
    """Return all sums as one tensor, along its first axis."""
    return sums
