"""Attention block by block, in memory that grows with `T + S` where the scores grow with `T S`.

Every block of queries passes over the blocks of keys that it may see, and carries the largest
score so far, the sum of the exponentials and their product with the values; all three are rescaled
when a larger score comes (arXiv:1805.02867, algorithm 3; arXiv:2205.14135, algorithm 1). The
backward pass computes the scores of a block again. Nothing here is differentiated by a backend.
"""

import dataclasses
import functools
import math

import keras
import numpy as np
from keras import ops

from keras_seq.ops.pair_blocks import PairBlocks, equal_chunks, least, most, padded
from keras_seq.ops.positions import at_least_float32, linear_bias
from keras_seq.ops.refusal import Refusal
from keras_seq.ops.shapes import can_be_equal


@dataclasses.dataclass(frozen=True)
class Rules:
    """What is the same for all blocks, and no tensor."""

    scale: float
    dropout: float = 0.0
    use_causal_mask: bool = False
    sliding_window: int | None = None
    slopes: tuple | None = None
    query_chunk: int = 512
    key_chunk: int = 512


def chunked(attend):
    """Return a fast version of attention from what a backend does with blocks.

    Args:
        attend: Function of `rules` and of the tensors of `Blocks`, which returns the output.
    """

    @functools.wraps(attend)
    def attention(rules, query, key, value, bias, masks, start_index, seed, wants_weights):
        if wants_weights:
            raise Refusal("it never holds the weights, which are asked for")
        if None in (query.shape[-1], value.shape[-1]):
            raise Refusal("the width of a block must be known")
        rank = len(query.shape)
        if rank < 3:
            query, key, value = (ops.expand_dims(x, 0) for x in (query, key, value))
        # Where keys and queries differ there, the first of three axes is that of heads.
        has_heads = rank > 3 or not can_be_equal(key.shape[:-2], query.shape[:-2])
        if not has_heads:
            query, key, value = (ops.expand_dims(x, -3) for x in (query, key, value))
            bias, *masks = (
                ops.expand_dims(x, -3) if x is not None and len(x.shape) > 2 else x
                for x in (bias, *masks)
            )
        if not can_be_equal(key.shape[:-3], query.shape[:-3]):
            raise Refusal("keys are broadcast to several queries")
        seed = keras.random.randint((2,), 0, 2**30, "int32", seed) if rules.dropout else None
        output = attend(rules, query, key, value, bias, tuple(masks), start_index, seed)
        output = output if has_heads else ops.squeeze(output, -3)
        return (output if rank > 2 else ops.squeeze(output, 0)), None

    return attention


class Blocks:
    """The blocks of a call.

    Args:
        loop: Module of a backend, `loop.py` of its package.
        rules: `Rules`.
        query: Tensor of shape `(..., heads, T, d)`.
        key: Tensor of shape `(..., groups, S, d)`.
        value: Tensor of shape `(..., groups, S, e)`.
        bias: Tensor that can be broadcast to `(..., heads, T, S)`, or `None`.
        masks: Tuple of tensors, likewise.
        start_index: Integer or tensor, the position of the first query.
        seed: Tensor of two integers, the seed of all draws of the call, or `None`.
    """

    def __init__(self, loop, rules, query, key, value, bias, masks, start_index, seed):
        self.loop, self.rules, self.seed, self.start = loop, rules, seed, start_index
        shape = ops.shape(query)
        self.lead, (self.heads, self.steps, self.width) = shape[:-3], shape[-3:]
        self.groups, self.length = ops.shape(key)[-3:-1]
        self.rows = math.prod(self.lead)
        self.count, self.chunk = equal_chunks(self.steps, rules.query_chunk)
        self.key_count, self.key_chunk = equal_chunks(self.length, rules.key_chunk)
        is_whole = isinstance(self.length, int) and self.key_count * self.key_chunk == self.length
        self.has_padding = not is_whole
        self.query = self._in_rows(query, self.count * self.chunk)
        self.key, self.value = (
            self._in_rows(x, self.key_count * self.key_chunk) for x in (key, value)
        )
        self.dtype = at_least_float32(ops.zeros((), query.dtype)).dtype
        self.bias = None if bias is None else PairBlocks(bias, self)
        self.masks = [PairBlocks(mask, self) for mask in masks]

    def attend(self):
        """Return the output, and the largest score and the sum of exponentials of each query."""
        width = self.value.shape[-1]
        sizes = (self.heads, self.chunk)
        total = self.rows * self.count
        results = [
            self.loop.zeros(total, (*sizes, width), self.query.dtype),
            self.loop.zeros(total, (*sizes, 1), self.dtype),
            self.loop.zeros(total, (*sizes, 1), self.dtype),
        ]

        def row(number, results):
            query = self._query_block(self.query, number) * ops.cast(
                self.rules.scale, self.query.dtype
            )

            def column(j, carry, at_edge):
                peak, weight, mixed = carry
                key, value = (self._key_block(x, number, j) for x in (self.key, self.value))
                scores = self._scores(query, key, number, j, at_edge)
                higher = ops.maximum(peak, ops.max(scores, axis=-1, keepdims=True))
                shrunk = ops.exp(peak - higher)
                weights = ops.exp(scores - higher)
                weight = weight * shrunk + ops.sum(weights, axis=-1, keepdims=True)
                kept = self._kept(number, j)
                weights = weights if kept is None else weights * kept
                mixed = mixed * shrunk + self._product("gts,gsd->gtd", weights, value)
                return higher, weight, mixed

            start = (
                ops.full((*sizes, 1), -float(np.finfo("float32").max), self.dtype),
                ops.zeros((*sizes, 1), self.dtype),
                ops.zeros((*sizes, width), self.dtype),
            )
            peak, weight, mixed = self._over_columns(number, column, start)
            mixed = mixed / ops.maximum(weight, _tiny(self.dtype))
            found = [ops.cast(mixed, self.query.dtype), peak, weight]
            return [self.loop.add_at(x, number, y) for x, y in zip(results, found, strict=True)]

        results = self.loop.repeat(0, total, row, results)
        output, peaks, weights = (self.loop.stacked(x, total) for x in results)
        return self._from_blocks(output, self.count, self.steps), peaks, weights

    def gradients(self, output, peaks, weights, gradient):
        """Return the gradients of query, key, value and bias, from that of the output."""
        output, gradient = (self._in_rows(x, self.count * self.chunk) for x in (output, gradient))
        total, key_total = self.rows * self.count, self.rows * self.key_count
        key_sizes = (self.groups, self.key_chunk)
        zeros = self.loop.zeros
        sums = [
            zeros(total, (self.heads, self.chunk, self.width), self.query.dtype),
            zeros(key_total, (*key_sizes, self.width), self.dtype),
            zeros(key_total, (*key_sizes, self.value.shape[-1]), self.dtype),
        ]
        if self.bias is not None:
            sums.append(self.bias.zeros(self.dtype))
        # What is subtracted from every product of a query is one more of its features, times one:
        # a pass less over the block. Not where the product would round it, or dropout comes first.
        is_exact = self.query.dtype == self.dtype
        folds = is_exact and self.rules.dropout == 0 and not self.loop.IS_FUSED

        def beside(x, column):
            return ops.concatenate([x, column], axis=-1) if folds else x

        keys, values = (beside(x, ops.ones_like(x[..., :1])) for x in (self.key, self.value))

        def row(number, sums):
            scale = ops.cast(self.rules.scale, self.query.dtype)
            query = self._query_block(self.query, number) * scale
            of_output = self._query_block(gradient, number)
            precise = at_least_float32(of_output)
            mixed = ops.cast(self._query_block(output, number), self.dtype)
            along = ops.sum(precise * mixed, axis=-1, keepdims=True)
            peak, weight = (x[number] for x in (peaks, weights))
            shares = ops.where(weight > 0, 1 / ops.maximum(weight, _tiny(self.dtype)), 0.0)
            of_output, along = precise * shares, along * shares
            less_peak, less_along = beside(query, -peak), beside(of_output, -along)

            def column(j, carry, at_edge):
                of_query, of_keys, of_values, *of_bias = carry
                key, value = (self._key_block(x, number, j) for x in (keys, values))
                scores = self._scores(less_peak, key, number, j, at_edge)
                p = ops.exp(scores if folds else scores - peak)
                kept = self._kept(number, j)
                of_p = self._product("gtd,gsd->gts", less_along, value)
                of_p = ops.reshape(of_p, ops.shape(p))
                dropped = p
                if kept is not None:
                    dropped, of_p = p * kept, of_p * kept
                of_scores = p * (of_p if folds else of_p - along)
                place = self._row(number) * self.key_count + j
                if of_bias:
                    of_bias = [self.bias.add(of_bias[0], of_scores, number, j)]
                of_value = self._product("gts,gtd->gsd", dropped, of_output)
                of_key = self._product("gts,gtd->gsd", of_scores, query)
                return (
                    of_query + self._product("gts,gsd->gtd", of_scores, key),
                    self.loop.add_at(of_keys, place, of_key),
                    self.loop.add_at(of_values, place, of_value),
                    *of_bias,
                )

            start = ops.zeros((self.heads, self.chunk, keys.shape[-1]), self.dtype)
            of_query, *others = self._over_columns(number, column, (start, *sums[1:]))
            of_query = of_query[..., : self.width] * self.rules.scale
            of_query = ops.cast(of_query, self.query.dtype)
            return [self.loop.add_at(sums[0], number, of_query), *others]

        of_query, of_key, of_value, *of_bias = self.loop.repeat(0, total, row, sums)
        of_query = self.loop.stacked(of_query, total)
        of_key, of_value = (self.loop.stacked(x, key_total) for x in (of_key, of_value))
        return (
            self._from_blocks(of_query, self.count, self.steps),
            ops.cast(self._from_blocks(of_key, self.key_count, self.length), self.key.dtype),
            ops.cast(self._from_blocks(of_value, self.key_count, self.length), self.value.dtype),
            self.bias.from_blocks(of_bias[0]) if of_bias else None,
        )

    def _over_columns(self, number, column, carry):
        """Return the carry after all blocks of keys that a block of queries may see.

        `column(j, carry, at_edge)` is told whether positions decide in a block which keys are
        seen. In most they do not, and a pass over the scores is saved.
        """
        first, edge, last = self._seen_columns(number)
        for begin, end, at_edge in ((first, edge, False), (edge, last, True)):
            if not (isinstance(begin, int) and isinstance(end, int) and begin == end):
                step = functools.partial(column, at_edge=at_edge)
                carry = self.loop.repeat(begin, end, step, carry)
        return carry

    def _scores(self, query, key, number, j, at_edge):
        """Return the scores of a block, minus infinity where a query may not see a key."""
        scores = self._product("gtd,gsd->gts", query, key)
        scores = ops.reshape(scores, (self.heads, self.chunk, self.key_chunk))
        i = number % self.count
        queries = ops.arange(self.chunk, dtype="int32") + (self.start + i * self.chunk)
        keys = ops.arange(self.key_chunk, dtype="int32") + j * self.key_chunk
        distance = ops.expand_dims(queries, 1) - ops.expand_dims(keys, 0)
        rules = self.rules
        if rules.slopes is not None:
            scores = scores + ops.cast(linear_bias(distance, rules.slopes), self.dtype)
        if self.bias is not None:
            scores = scores + ops.cast(self.bias.block(number, j), self.dtype)
        seen = [mask.block(number, j) for mask in self.masks]
        if at_edge and rules.use_causal_mask:
            seen.append(distance >= 0)
        if at_edge and rules.sliding_window is not None:
            near = distance if rules.use_causal_mask else ops.abs(distance)
            seen.append(near < rules.sliding_window)
        if at_edge and self.has_padding:
            seen.append(ops.expand_dims(keys < self.length, 0))
        if not seen:
            return scores
        total = seen[0]
        for mask in seen[1:]:
            total = ops.logical_and(total, mask)
        return scores + ops.where(total, 0.0, ops.cast(-math.inf, self.dtype))

    def _product(self, equation, a, b):
        """Multiply two blocks, of which those of queries have heads, and others groups."""

        def grouped(x):
            if x.shape[0] == self.groups:
                return x
            return ops.reshape(x, (self.groups, -1, ops.shape(x)[-1]))

        a, b = (grouped(ops.cast(x, self.query.dtype)) for x in (a, b))
        product = ops.cast(ops.einsum(equation, a, b), self.dtype)
        if equation.endswith("gtd"):
            product = ops.reshape(product, (self.heads, self.chunk, product.shape[-1]))
        return product

    def _kept(self, number, j):
        rate = self.rules.dropout
        if rate == 0:
            return None
        block = number * self.key_count + j
        shape = (self.heads, self.chunk, self.key_chunk)
        drawn = keras.random.uniform(shape, seed=BlockSeed(self.seed, block))
        scale = 1 / (1 - rate) if rate < 1 else 0.0
        return ops.cast(drawn >= rate, self.dtype) * scale

    def _seen_columns(self, number):
        """Return the first block of keys that a block of queries may see, and the one after.

        Between them the first block in which positions decide which keys are seen.
        """
        rules, size = self.rules, self.key_chunk
        begin = self.start + (number % self.count) * self.chunk
        end = begin + self.chunk
        first, last = 0, self.key_count
        if rules.use_causal_mask:
            last = least(last, (end + size - 1) // size)
        elif rules.sliding_window is not None:
            last = least(last, (end + rules.sliding_window + size - 2) // size)
        if rules.sliding_window is not None:
            first = most(0, (begin - rules.sliding_window + 1) // size)
            return first, first, last
        edge = least(last, self.key_count - 1) if self.has_padding else last
        if rules.use_causal_mask:
            edge = least(edge, (begin + 1) // size)
        return first, most(first, edge), last

    def _row(self, number):
        return number // self.count

    def _in_rows(self, x, length):
        x = ops.reshape(x, (-1, *ops.shape(x)[-3:]))
        return padded(x, -2, length)

    def _query_block(self, x, number):
        n, i = number // self.count, number % self.count
        shape = ops.shape(x)
        return ops.slice(x, (n, 0, i * self.chunk, 0), (1, shape[1], self.chunk, shape[3]))[0]

    def _key_block(self, x, number, j):
        n, shape = number // self.count, ops.shape(x)
        size = (1, shape[1], self.key_chunk, shape[3])
        return ops.slice(x, (n, 0, j * self.key_chunk, 0), size)[0]

    def _from_blocks(self, x, count, length):
        """Put blocks of shape `(rows * count, heads, chunk, width)` together."""
        heads, chunk, width = ops.shape(x)[1:]
        x = ops.reshape(x, (self.rows, count, heads, chunk, width))
        x = ops.reshape(ops.swapaxes(x, 1, 2), (self.rows, heads, count * chunk, width))
        return ops.reshape(x[:, :, :length], (*self.lead, heads, length, width))


class BlockSeed(keras.random.SeedGenerator):
    """The seed of a block: the same whenever it is asked for."""

    def __init__(self, seed, block):
        # Not that of the base class, which would make a variable. Keras reads this attribute.
        self._initial_seed = None
        self._seed, self._block = seed, block

    def next(self, ordered=True):
        """Return the seed."""
        seed = ops.stack([self._seed[0], self._seed[1] + self._block])
        return ops.cast(seed, "uint32")


def _tiny(dtype):
    return float(np.finfo(keras.backend.standardize_dtype(dtype)).tiny)
