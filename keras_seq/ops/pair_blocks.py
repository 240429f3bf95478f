"""Sizes of blocks, and the blocks of masks and biases."""

import math

from keras import ops


class PairBlocks:
    """A mask or a bias of pairs of queries and keys, and its part in a block.

    Args:
        x: Tensor that can be broadcast to `(..., heads, T, S)`. Where it has a size of one it
            keeps that, and takes no more memory.
        blocks: `Blocks` of the call.
    """

    def __init__(self, x, blocks):
        self.blocks, self.full_shape, self.dtype = blocks, ops.shape(x), x.dtype
        sizes = (1,) * (len(blocks.lead) + 3 - len(x.shape)) + tuple(self.full_shape)
        self.lead, sizes = sizes[:-3], sizes[-3:]
        full = (blocks.heads, blocks.steps, blocks.length)
        # A size of one stays one: the same for all heads, queries or keys.
        is_one = [isinstance(size, int) and size == 1 for size in sizes]
        self.heads, self.steps, self.length = (
            1 if one else size for one, size in zip(is_one, full, strict=True)
        )
        self.summed = [axis for axis, one in enumerate(is_one) if one]
        self.count, self.chunk = (1, 1) if is_one[1] else (blocks.count, blocks.chunk)
        self.key_count, self.key_chunk = (
            (1, 1) if is_one[2] else (blocks.key_count, blocks.key_chunk)
        )
        self.rows = math.prod(self.lead)
        x = ops.reshape(x, (self.rows, *sizes))
        # What is not known to be one may be one.
        if not all(isinstance(size, int) for size in sizes):
            x = ops.broadcast_to(x, (self.rows, self.heads, self.steps, self.length))
        x = padded(x, -2, self.count * self.chunk)
        self.x = padded(x, -1, self.key_count * self.key_chunk)

    def block(self, number, j):
        """Return the part in a block, of shape `(heads, chunk, key_chunk)` or with ones."""
        row, i, j = self._place(number, j)
        start = (row, 0, i * self.chunk, j * self.key_chunk)
        return ops.slice(self.x, start, (1, self.heads, self.chunk, self.key_chunk))[0]

    def zeros(self, dtype):
        """Return what `add` adds to."""
        shape = (self.heads, self.chunk, self.key_chunk)
        return self.blocks.loop.zeros(self._total, shape, dtype)

    def add(self, sums, gradient, number, j):
        """Add the gradient of a block."""
        if self.summed:
            gradient = ops.sum(gradient, axis=self.summed, keepdims=True)
        row, i, j = self._place(number, j)
        place = (row * self.count + i) * self.key_count + j
        return self.blocks.loop.add_at(sums, place, gradient)

    def from_blocks(self, sums):
        """Return the gradient of the whole."""
        sizes = (self.rows, self.count, self.key_count, self.heads, self.chunk, self.key_chunk)
        sums = self.blocks.loop.stacked(sums, self._total)
        x = ops.transpose(ops.reshape(sums, sizes), (0, 3, 1, 4, 2, 5))
        sizes = (self.count * self.chunk, self.key_count * self.key_chunk)
        x = ops.reshape(x, (self.rows, self.heads, *sizes))[:, :, : self.steps, : self.length]
        return ops.cast(ops.reshape(x, self.full_shape), self.dtype)

    @property
    def _total(self):
        return self.rows * self.count * self.key_count

    def _place(self, number, j):
        """Return the row, and the numbers of the blocks of queries and of keys."""
        blocks = self.blocks
        n, i = number // blocks.count, number % blocks.count
        row, stride = 0, 1
        for size, own in zip(reversed(blocks.lead), reversed(self.lead), strict=True):
            if not (isinstance(own, int) and own == 1):
                row = row + least(n % size, own - 1) * stride
                stride = stride * own
            n = n // size
        return row, (0 if 1 in self.summed else i), (0 if 2 in self.summed else j)


def equal_chunks(size, chunk):
    """Return how many chunks to make, and their size: as equal as can be, and at least one."""
    size = most(1, size)
    count = -(-size // chunk)
    return count, -(-size // count)


def padded(x, axis, length):
    """Return `x` with zeros at the end of an axis, up to a length."""
    size = ops.shape(x)[axis]
    if isinstance(size, int) and isinstance(length, int) and size == length:
        return x
    widths = [[0, 0] for _ in x.shape]
    widths[axis][1] = length - size
    return ops.pad(x, widths)


def least(a, b):
    """Return the smaller of two sizes, an integer where both are."""
    return min(a, b) if isinstance(a, int) and isinstance(b, int) else ops.minimum(a, b)


def most(a, b):
    """Return the larger of two sizes, an integer where both are."""
    return max(a, b) if isinstance(a, int) and isinstance(b, int) else ops.maximum(a, b)
