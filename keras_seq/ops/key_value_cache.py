"""Keys and values of earlier steps, kept for decoding step by step.

A cache is one tensor of shape `(batch, 2, S, heads, width)`: the keys and the values of `S`
positions. `width` is the wider of the two; the narrower is filled up with zeros.
"""

from keras import ops

from keras_seq.ops.shapes import can_be_equal


def update_cache(cache, key, value, index):
    """Write keys and values of shape `(batch, T, heads, ...)` at positions from `index` on.

    Returns:
        Tuple of the cache, and the position behind the last one written.
    """
    width = cache.shape[-1]
    new = ops.stack([_fill_up(key, width), _fill_up(value, width)], axis=1)
    # Every position takes what is new for it, or keeps what it has: unlike `slice_update` this
    # has a gradient on every backend, and positions behind the end are never moved to the front.
    places = ops.arange(cache.shape[2] or ops.shape(cache)[2], dtype="int32")
    index, steps = ops.cast(index, "int32"), ops.shape(key)[1]
    places = places - index
    is_new = ops.logical_and(places >= 0, places < steps)
    # One spare step, so that there is something to take when no step is new.
    new = ops.pad(new, [[0, 0], [0, 0], [0, 1], [0, 0], [0, 0]])
    new = ops.take(new, ops.where(is_new, places, ops.ones_like(places) * steps), axis=2)
    is_new = ops.reshape(is_new, (1, 1, -1, 1, 1))
    return ops.where(is_new, ops.cast(new, cache.dtype), cache), index + steps


def read_cache(cache, key_dim, value_dim, dtype):
    """Return the keys and the values, each of shape `(batch, S, heads, ...)`."""
    cache = ops.cast(cache, dtype)
    return cache[:, 0, ..., :key_dim], cache[:, 1, ..., :value_dim]


def check_cache(cache, index, query_shape, steps, heads, width):
    """Refuse a cache that does not fit the layer, or an index outside of it."""
    if cache is None:
        if index is not None:
            raise ValueError(
                "`cache_update_index` says where to write into a cache, so `cache` is needed. "
                f"Received: cache=None, cache_update_index={index}"
            )
        return
    if len(query_shape) != 3:
        raise ValueError(
            "A cache holds one sequence axis: the query must have shape `(batch, T, width)`. "
            f"Received: query.shape={tuple(query_shape)}"
        )
    shape = tuple(cache.shape)
    expected = (query_shape[0], 2, None, heads, width)
    if not can_be_equal(shape, expected):
        raise ValueError(
            f"`cache` must have shape (batch, 2, S, {heads}, {width}), as "
            "`get_initial_cache(batch_size, length)` makes it. "
            f"Received: cache.shape={shape}, query.shape={tuple(query_shape)}"
        )
    length = shape[2]
    if isinstance(index, int) and (
        index < 0 or (None not in (length, steps) and index + steps > length)
    ):
        raise ValueError(
            "The new keys and values do not fit into the cache. Make it longer, or lower "
            f"`cache_update_index`. Received: cache_update_index={index}, {steps} new steps, "
            f"cache.shape={shape}"
        )


def _fill_up(x, width):
    missing = width - x.shape[-1]
    return ops.pad(x, [[0, 0], [0, 0], [0, 0], [0, missing]]) if missing else x
