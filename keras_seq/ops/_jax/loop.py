"""Loops of JAX."""

from jax import lax


def repeat(lower, upper, body, carry):
    """Return the carry after `body(number, carry)` for all numbers from `lower` to `upper - 1`."""
    return lax.fori_loop(
        lower, upper, lambda number, carry: type(carry)(body(number, carry)), carry
    )


def add_at(x, index, y):
    """Return `x` with `y` added to the entry at `index` of its first axis."""
    return x.at[index].add(y)
