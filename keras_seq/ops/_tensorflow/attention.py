"""TensorFlow's attention in linear memory."""

import tensorflow as tf

from keras_seq.ops._tensorflow import loop
from keras_seq.ops.chunked_attention import Blocks, chunked


@chunked
def attention(rules, query, key, value, bias, masks, start_index, seed):
    """Return the output of attention, block by block. See `Blocks` for the arguments."""
    inputs = [query, key, value] if bias is None else [query, key, value, bias]

    def blocks(query, key, value, bias=None):
        return Blocks(loop, rules, query, key, value, bias, masks, start_index, seed)

    @tf.custom_gradient
    def attend(*inputs):
        # Without a gradient of their own: an eager tape would keep what the blocks compute.
        inputs = [tf.stop_gradient(x) for x in inputs]
        results = blocks(*inputs).attend()
        return results[0], lambda of_output: gradients(of_output, *inputs, *results)

    @tf.custom_gradient
    def gradients(of_output, *tensors):
        tensors = [tf.stop_gradient(x) for x in (*tensors, of_output)]
        found = blocks(*tensors[:-4]).gradients(*tensors[-4:])
        return found[: len(inputs)], _refuse_second_order

    return attend(*inputs)


def _refuse_second_order(*gradients):
    raise NotImplementedError(
        "The fast version of attention has no second-order gradients. Pass "
        "`implementation='reference'`."
    )
