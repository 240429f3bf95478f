"""JAX's attention in linear memory."""

import functools

import jax

from keras_seq.ops._jax import loop
from keras_seq.ops.chunked_attention import Blocks, chunked


@chunked
@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def attention(rules, *tensors):
    """Return the output of attention, block by block. See `Blocks` for the arguments."""
    return Blocks(loop, rules, *tensors).attend()[0]


def _attend(rules, *tensors):
    results = Blocks(loop, rules, *tensors).attend()
    return results[0], (tensors, results)


def _gradients(rules, kept, of_output):
    tensors, results = kept
    found = Blocks(loop, rules, *tensors).gradients(*results, of_output)
    return (*found, None, None, None)


attention.__wrapped__.defvjp(_attend, _gradients)
