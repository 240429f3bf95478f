"""PyTorch's attention in linear memory."""

import functools

import torch
from torch.autograd.function import once_differentiable
from torch.nn.functional import scaled_dot_product_attention

from keras_seq.ops._torch import loop
from keras_seq.ops.chunked_attention import Blocks, chunked


@chunked
def attention(rules, query, key, value, bias, masks, start_index, seed):
    """Return the output of attention from PyTorch's kernel if it serves, else block by block.

    See `Blocks` for the arguments.
    """
    start_index = int(start_index)
    of_queries = [mask for mask in masks if mask.shape[-1] == 1]
    of_keys = [mask for mask in masks if mask.shape[-1] > 1]
    if _kernel_serves(rules, query, key, value, bias, of_keys, start_index):
        return _kernel(rules, query, key, value, of_queries, of_keys)
    return _Attention.apply(rules, query, key, value, bias, masks, start_index, seed)


def _kernel_serves(rules, query, key, value, bias, of_keys, start_index):
    """Return whether PyTorch has a kernel for this that does not hold all scores."""
    hides_by_position = rules.use_causal_mask and (start_index != 0 or bool(of_keys))
    # Joined to one, masks must not grow to `(T, S)`.
    are_of_keys = all(len(mask.shape) < 2 or mask.shape[-2] == 1 for mask in of_keys)
    return (
        query.ndim == 4
        and query.shape[-3] == key.shape[-3]
        and query.shape[-1] == value.shape[-1]
        and 0 not in query.shape
        and 0 not in key.shape
        and rules.dropout == 0
        and rules.sliding_window is None
        and rules.slopes is None
        and bias is None
        and not hides_by_position
        and (are_of_keys or len(of_keys) == 1)
    )


def _kernel(rules, query, key, value, of_queries, of_keys):
    mask = functools.reduce(torch.logical_and, of_keys) if of_keys else None
    if mask is not None:
        mask = mask.reshape((1,) * (4 - mask.ndim) + mask.shape)
        # Kernels disagree about a query that sees no key: here it sees all, and none is counted.
        sees_some = mask.any(-1, keepdim=True)
        mask, of_queries = mask | ~sees_some, [*of_queries, sees_some]
    output = scaled_dot_product_attention(
        query, key, value, mask, is_causal=rules.use_causal_mask, scale=rules.scale
    )
    for seen in of_queries:
        output = torch.where(seen, output, torch.zeros_like(output))
    return output


class _Attention(torch.autograd.Function):
    @staticmethod
    def forward(ctx, rules, query, key, value, bias, masks, start_index, seed):
        blocks = Blocks(loop, rules, query, key, value, bias, masks, start_index, seed)
        results = blocks.attend()
        ctx.rules, ctx.start_index = rules, start_index
        ctx.save_for_backward(query, key, value, bias, seed, *results, *masks)
        return results[0]

    @staticmethod
    @once_differentiable
    def backward(ctx, of_output):
        query, key, value, bias, seed, *others = ctx.saved_tensors
        results, masks = others[:3], others[3:]
        blocks = Blocks(loop, ctx.rules, query, key, value, bias, masks, ctx.start_index, seed)
        return None, *blocks.gradients(*results, of_output), None, None, None
