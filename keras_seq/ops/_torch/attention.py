"""PyTorch's attention in linear memory."""

import torch
from torch.autograd.function import once_differentiable

from keras_seq.ops._torch import loop
from keras_seq.ops.chunked_attention import Blocks, chunked


@chunked
def attention(rules, query, key, value, bias, masks, start_index, seed):
    """Return the output of attention, block by block. See `Blocks` for the arguments."""
    return _Attention.apply(rules, query, key, value, bias, masks, int(start_index), seed)


class _Attention(torch.autograd.Function):
    @staticmethod
    def forward(ctx, rules, query, key, value, bias, masks, start_index, seed):
        results = Blocks(loop, rules, query, key, value, bias, masks, start_index, seed).attend()
        ctx.rules, ctx.start_index = rules, start_index
        ctx.save_for_backward(query, key, value, bias, seed, *results, *masks)
        return results[0]

    @staticmethod
    @once_differentiable
    def backward(ctx, of_output):
        query, key, value, bias, seed, output, peaks, weights, *masks = ctx.saved_tensors
        blocks = Blocks(loop, ctx.rules, query, key, value, bias, masks, ctx.start_index, seed)
        found = blocks.gradients(output, peaks, weights, of_output)
        return None, *found, None, None, None
