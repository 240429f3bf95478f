"""Shapes of which some sizes are not known before the call."""


def can_be_equal(shape, expected, may_broadcast=False):
    """Return whether two shapes are equal wherever both sizes are known.

    Args:
        shape: Tuple of sizes; those that are no integers, as `None` or a tensor, are not known.
        expected: Tuple of sizes, likewise.
        may_broadcast: Boolean, whether a size of one in `shape` agrees with any.
            Defaults to `False`.
    """
    return len(shape) == len(expected) and all(
        not (isinstance(size, int) and isinstance(wanted, int))
        or size == wanted
        or (may_broadcast and size == 1)
        for size, wanted in zip(shape, expected, strict=True)
    )
