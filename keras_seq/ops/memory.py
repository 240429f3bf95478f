"""The memory that a decoder attends to, beside the sequences that it reads."""

from keras import ops

from keras_seq.ops.padding import check_padding_mask
from keras_seq.ops.shapes import can_be_equal


def check_memory(sequences_shape, memory_shape, widths=None, masks=(None, None)):
    """Refuse what is not one sequence of vectors, and one memory of vectors for each.

    Args:
        sequences_shape: Tuple, which must be `(batch, T, features)`.
        memory_shape: Tuple, which must be `(batch, S, memory width)`.
        widths: Tuple of the `features` and the memory width that a layer was built for.
            Defaults to `None`, for any.
        masks: Tuple of the masks of both, each `None` or a tensor `(batch, steps)`.
    """
    received = (
        f"Received: sequences.shape={tuple(sequences_shape)}, memory.shape={tuple(memory_shape)}"
    )
    for name, shape in (("sequences", sequences_shape), ("memory", memory_shape)):
        if len(shape) != 3:
            raise ValueError(f"`{name}` must have the shape (batch, steps, width). {received}")
    if not can_be_equal(sequences_shape[:1], memory_shape[:1]):
        raise ValueError(f"`sequences` and `memory` must have the same batch size. {received}")
    if widths is not None and (sequences_shape[-1], memory_shape[-1]) != tuple(widths):
        raise ValueError(
            f"This layer was built for sequences of {widths[0]} features and a memory of "
            f"{widths[1]}. {received}"
        )
    check_padding_mask("sequences_mask", masks[0], sequences_shape)
    check_padding_mask("memory_mask", masks[1], memory_shape)


def without_masked_steps(memory, mask):
    """Return the memory with zeros where it is masked: a weight of zero does not remove a NaN."""
    if mask is None:
        return memory
    is_valid = ops.expand_dims(ops.cast(mask, "bool"), -1)
    return ops.where(is_valid, memory, ops.zeros_like(memory))
