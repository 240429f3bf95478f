"""Loops of JAX."""

import jax.numpy as jnp
from jax import lax

# XLA makes one pass of neighbouring operations.
IS_FUSED = True


def repeat(lower, upper, body, carry):
    """Return the carry after `body(number, carry)` for all numbers from `lower` to `upper - 1`."""
    return lax.fori_loop(
        lower, upper, lambda number, carry: type(carry)(body(number, carry)), carry
    )


def zeros(count, shape, dtype):
    """Return `count` sums, one for each index, all of them zero."""
    return jnp.zeros((count, *shape), dtype)


def add_at(sums, index, y):
    """Return the sums with `y` added to the one at `index`."""
    return sums.at[index].add(y)


def stacked(sums, count):
    """Return all sums as one tensor, along its first axis."""
    return sums
