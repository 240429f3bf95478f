"""Attention of a sequence to itself."""

import keras

from keras_seq.layers.multi_head_attention import MultiHeadAttention


@keras.saving.register_keras_serializable(package="keras_seq")
class MultiHeadSelfAttention(keras.layers.Layer):
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

    Returns:
        Tensor of shape `(batch, time, width)`; with `return_attention_scores=True` a tuple of it
        and the attention weights, of shape `(batch, num_heads, time, time)`.

    Masks:
        Masked steps are neither seen nor see: their heads give exactly zero. The mask goes on to
        the next layer.

    Raises:
        ValueError: As `MultiHeadAttention`.

    Example:

    >>> import numpy as np
    >>> from keras_seq.layers import MultiHeadSelfAttention
    >>> layer = MultiHeadSelfAttention(num_heads=2, key_dim=4)
    >>> tuple(layer(np.ones((3, 5, 8))).shape)
    (3, 5, 8)

    Reference:
        - Vaswani et al., Attention is all you need, arXiv:1706.03762, section 3.2.3.
    """

    def __init__(self, num_heads, key_dim, **kwargs):
        base = {key: kwargs.pop(key) for key in ("name", "trainable") if key in kwargs}
        dtype = kwargs.pop("dtype", None)
        super().__init__(**base, dtype=dtype)
        self.attention = MultiHeadAttention(
            num_heads, key_dim, **kwargs, dtype=dtype, name="attention"
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
    ):
        """Attend from the inputs to the inputs. See the class for the arguments."""
        mask = mask[0] if isinstance(mask, (list, tuple)) else mask
        return self.attention(
            inputs,
            inputs,
            query_mask=mask,
            value_mask=mask,
            attention_mask=attention_mask,
            return_attention_scores=return_attention_scores,
            training=training,
            use_causal_mask=use_causal_mask,
        )

    def compute_output_shape(self, input_shape):
        """Return the shape of the output."""
        return self.attention.compute_output_shape(input_shape, input_shape)

    def compute_output_spec(self, inputs, mask=None, return_attention_scores=False, **kwargs):
        """Return the shape and dtype of the output and of the attention scores."""
        return self.attention.compute_output_spec(
            inputs, inputs, return_attention_scores=return_attention_scores
        )

    def get_config(self):
        """Return the arguments of the constructor."""
        return {**self.attention.get_config(), **super().get_config()}
