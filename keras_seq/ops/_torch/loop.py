"""Loops of PyTorch."""


def repeat(lower, upper, body, carry):
    """Return the carry after `body(number, carry)` for all numbers from `lower` to `upper - 1`."""
    for number in range(lower, upper):
        carry = body(number, carry)
    return carry


def add_at(x, index, y):
    """Add `y` to the entry at `index` of the first axis of `x`, in place, and return `x`."""
    x[index] += y
    return x
