"""Attention of a sequence to itself."""

import keras

from keras_seq.layers.multi_head_attention import MultiHeadAttention
from keras_seq.layers.quantized_parts import QuantizedParts
from keras_seq.layers.rematerialization import Rematerialization
from keras_seq.ops.padding import padding_of_steps


@keras.saving.register_keras_serializable(package="keras_seq")
class MultiHeadSelfAttention(QuantizedParts, Rematerialization, keras.layers.Layer):
    """Attend from every step of a sequence to all its steps, in several heads.

    `MultiHeadAttention` with the same tensor for query, key and value, as a layer of one input.

    Args:
        num_heads: Positive integer, the number of heads.
        key_dim: Positive integer, the width of a head.
        **kwargs: The other arguments of `MultiHeadAttention`, and of `keras.layers.Layer`:
            `name`, `dtype`, `trainable`.

    Call arguments:
        inputs: Tensor of shape `(batch, time, width)`.
        mask: Tensor of shape `(batch, time)`, true where a step is valid. Defaults to the mask
            that came with `inputs`.
        attention_mask: Tensor of shape `(batch, time, time)`, true where a step may attend to
            another.
        return_attention_scores: Boolean, whether to return the attention weights too.
            Defaults to `False`.
        training: Boolean, whether to apply dropout.
        use_causal_mask: Boolean, whether a step sees no later steps. Defaults to `False`.
        attention_bias: Float tensor that can be broadcast to `(batch, num_heads, time, time)`,
            added to the scaled scores.
        cache: Keys and values of earlier steps, as `get_initial_cache` makes them.
        cache_update_index: Integer or integer tensor, the position of the first step, needed
            with `cache`: the keys and values of all steps are written there.

    Returns:
        Tensor of shape `(batch, time, width)`, or a tuple of it and what is asked for: with
        `return_attention_scores=True` the attention weights before dropout, of shape
        `(batch, num_heads, time, time)`; then, with `cache`, the new cache, whose length replaces
        the last `time`.

    Masks:
        Masked steps are neither seen nor see: their heads give exactly zero. With a cache the
        mask covers all its positions and has shape `(batch, length)`. The mask goes on to the
        next layer.

    Raises:
        ValueError: As `MultiHeadAttention`, or when only one of `cache` and `cache_update_index`
            is given.

    Example:

    >>> import numpy as np
    >>> from keras_seq.layers import MultiHeadSelfAttention
    >>> layer = MultiHeadSelfAttention(num_heads=2, key_dim=4)
    >>> tuple(layer(np.ones((3, 5, 8))).shape)
    (3, 5, 8)

    Decoding step by step gives the same as attention with a causal mask:

    >>> cache = layer.get_initial_cache(batch_size=3, length=5)
    >>> for step in range(5):
    ...     output, cache = layer(np.ones((3, 1, 8)), cache=cache, cache_update_index=step)
    >>> tuple(output.shape), tuple(cache.shape)
    ((3, 1, 8), (3, 2, 5, 2, 4))

    Reference:
        - Vaswani et al., Attention is all you need, arXiv:1706.03762, section 3.2.3.
    """

    def __init__(self, num_heads, key_dim, **kwargs):
        base = {key: kwargs.pop(key) for key in ("name", "trainable") if key in kwargs}
        dtype = kwargs.pop("dtype", None)
        super().__init__(**base, dtype=dtype)
        with keras.RematScope(mode=None):
            self.attention = MultiHeadAttention(
                num_heads,
                key_dim,
                **kwargs,
                trainable=self.trainable,
                dtype=dtype,
                name="attention",
            )
        self.supports_masking = True

    def build(self, input_shape):
        """Create the projections."""
        self.attention.build(input_shape, input_shape)

    def call(
        self,
        inputs,
        mask=None,
        attention_mask=None,
        return_attention_scores=False,
        training=None,
        use_causal_mask=False,
        attention_bias=None,
        cache=None,
        cache_update_index=None,
    ):
        """Attend from the inputs to the inputs. See the class for the arguments."""
        if cache is not None and cache_update_index is None:
            raise ValueError(
                "The keys and values of the inputs are written into `cache`, so "
                "`cache_update_index` is needed. Received: cache_update_index=None"
            )
        mask = mask[0] if isinstance(mask, (list, tuple)) else mask
        steps_mask = mask if cache is None else padding_of_steps(mask, cache_update_index, inputs)
        self.attention.rematerialize_as_part = self.rematerialize
        return self.attention(
            inputs,
            inputs,
            query_mask=steps_mask,
            value_mask=mask,
            attention_mask=attention_mask,
            return_attention_scores=return_attention_scores,
            training=training,
            use_causal_mask=use_causal_mask,
            attention_bias=attention_bias,
            cache=cache,
            cache_update_index=cache_update_index,
        )

    def get_initial_cache(self, batch_size, length):
        """Return a cache of zeros, as that of `MultiHeadAttention`."""
        return self.attention.get_initial_cache(batch_size, length)

    def compute_output_shape(self, input_shape):
        """Return the shape of the output."""
        return self.attention.compute_output_shape(input_shape, input_shape)

    def compute_output_spec(
        self, inputs, mask=None, return_attention_scores=False, cache=None, **kwargs
    ):
        """Return the shape and dtype of the output, the attention scores and the cache."""
        return self.attention.compute_output_spec(
            inputs, inputs, return_attention_scores=return_attention_scores, cache=cache
        )

    def get_config(self):
        """Return the arguments of the constructor."""
        return {**self.attention.get_config(), **super().get_config()}
