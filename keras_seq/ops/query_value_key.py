"""The list `[query, value, key]`, its shapes and its masks."""

from keras import ops

from keras_seq.ops.shapes import can_be_equal


def unpack_inputs(inputs):
    """Return query, value and key of a list in which the key may be missing.

    The entries may be tensors, or their shapes.
    """
    is_shape = isinstance(inputs, (list, tuple)) and all(
        entry is None or isinstance(entry, int) for entry in inputs
    )
    if is_shape or not isinstance(inputs, (list, tuple)):
        raise ValueError(
            "Attention layer must be called on a list of inputs, namely [query, value] or "
            f"[query, value, key]. Received: inputs={inputs}"
        )
    if len(inputs) not in (2, 3):
        raise ValueError(
            "Attention layer accepts inputs list of length 2 or 3, namely [query, value] or "
            f"[query, value, key]. Received length: {len(inputs)}"
        )
    return (*inputs, inputs[1]) if len(inputs) == 2 else tuple(inputs)


def unpack_masks(mask):
    """Return the masks of query, value and key of a list; each may be `None`."""
    if mask is None:
        return None, None, None
    if not isinstance(mask, (list, tuple)):
        raise ValueError(
            "Attention layer mask must be a list, namely [query_mask, value_mask] or "
            f"[query_mask, value_mask, key_mask]. Received: mask={mask}"
        )
    if len(mask) not in (2, 3):
        raise ValueError(
            "Attention layer accepts mask list of length 2 or 3, namely [query_mask, value_mask] "
            f"or [query_mask, value_mask, key_mask]. Received: mask={mask}"
        )
    return (*mask, None) if len(mask) == 2 else tuple(mask)


def check_shapes(query_shape, value_shape, key_shape):
    """Raise an error where the three cannot attend to each other, whatever the score."""
    received = (
        f"Received: query_shape={tuple(query_shape)}, value_shape={tuple(value_shape)}, "
        f"key_shape={tuple(key_shape)}"
    )
    if len(query_shape) < 3 or not len(query_shape) == len(value_shape) == len(key_shape):
        raise ValueError(
            "Query, value and key must be equal in rank, at least 3: (batch, steps, width). "
            + received
        )
    batches = query_shape[:1], value_shape[:1]
    if not any(can_be_equal(*each, may_broadcast=True) for each in (batches, batches[::-1])):
        raise ValueError("Query and value must have the same batch size. " + received)
    if not can_be_equal(value_shape[:-1], key_shape[:-1]):
        raise ValueError(
            "All dimensions of `value` and `key` but the last must be equal. " + received
        )


def shapes_read(query, value, key, ignores_values=False):
    """Return the shapes of query, value and key, of any width where values are not read.

    Args:
        query: Tensor of shape `(..., T, query width)`.
        value: Tensor of shape `(..., S, value width)`.
        key: Tensor of shape `(..., S, key width)`, or `None` for the value.
        ignores_values: Boolean, whether neither value nor key is read. Defaults to `False`.
    """
    shapes = value.shape, value.shape if key is None else key.shape
    if ignores_values:
        shapes = [(*shape[:-1], None) for shape in shapes]
    return query.shape, *shapes


def check_widths(widths, query_shape, value_shape, key_shape):
    """Refuse other widths than those of the shapes that the weights of a layer were made for.

    Args:
        widths: Tuple of the widths of query, value and key, of which those that may be any are
            `None`; or `None`, for a layer that has no weights yet.
        query_shape: Tuple `(..., T, query width)`.
        value_shape: Tuple `(..., S, value width)`.
        key_shape: Tuple `(..., S, key width)`.
    """
    received = tuple(shape[-1] for shape in (query_shape, value_shape, key_shape))
    if widths is not None and not can_be_equal(received, widths):
        names = ("query", "value", "key")
        wanted, got = (
            ", ".join(f"{name} width {n}" for name, n in zip(names, each, strict=True) if n)
            for each in (widths, received)
        )
        raise ValueError(f"The weights were made for the {wanted}. Received: {got}")


def apply_masks(mask, query, value, key, use_causal_mask=False):
    """Empty the masked steps of value and key, and say which keys a query may see.

    Args:
        mask: `None`, or list of the masks of query, value and, if given, key.
        query: Tensor of shape `(..., T, query width)`.
        value: Tensor of shape `(..., S, value width)`.
        key: Tensor of shape `(..., S, key width)`.
        use_causal_mask: Whether a query sees no later keys.

    Returns:
        Tuple of the mask of the query of shape `(..., T)`, the mask of pairs that can be
        broadcast to `(..., T, S)`, value and key. A mask that masks nothing is `None`.
    """
    masks = unpack_masks(mask)
    names = ("query_mask", "value_mask", "key_mask")
    query_mask, value_mask, key_mask = (
        _as_boolean(*arguments) for arguments in zip(names, masks, (query, value, key), strict=True)
    )
    if value_mask is not None and key_mask is not None:
        value_mask = ops.logical_and(value_mask, key_mask)
    elif value_mask is None:
        value_mask = key_mask
    pairs = None
    if value_mask is not None:
        # A weight of zero does not remove a NaN, nor does it keep one out of the gradients.
        is_valid = ops.expand_dims(value_mask, -1)
        value = ops.where(is_valid, value, ops.zeros_like(value))
        key = ops.where(is_valid, key, ops.zeros_like(key))
        pairs = ops.expand_dims(value_mask, -2)
    if use_causal_mask:
        steps = ops.expand_dims(ops.arange(ops.shape(query)[-2]), 1)
        is_past = steps >= ops.arange(ops.shape(key)[-2])
        pairs = is_past if pairs is None else ops.logical_and(pairs, is_past)
    return query_mask, pairs, value, key


def _as_boolean(name, mask, x):
    if mask is None:
        return None
    if not can_be_equal(mask.shape, x.shape[:-1], may_broadcast=True):
        raise ValueError(
            f"`{name}` must have the shape of its tensor without the last dimension. "
            f"Received: {name}.shape={tuple(mask.shape)} for a tensor of shape {tuple(x.shape)}"
        )
    return ops.cast(mask, "bool")
