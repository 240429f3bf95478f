"""The block of a transformer decoder."""

import keras

from keras_seq.layers.residual_block import ResidualBlock, first_given
from keras_seq.ops.padding import check_padding_mask
from keras_seq.ops.shapes import can_be_equal


@keras.saving.register_keras_serializable(package="keras_seq")
class TransformerDecoderBlock(ResidualBlock):
    """Causal self-attention, attention to a memory and a feed-forward network.

    Each part has a residual connection and a norm. With `normalize_first=False`, as in the paper:

        x = norm(x + dropout(self_attention(x)))
        x = norm(x + dropout(cross_attention(x, memory)))
        y = norm(x + dropout(feed_forward(x)))

    With `normalize_first=True` the norm moves to the input of each part:

        x = x + dropout(self_attention(norm(x)))
        x = x + dropout(cross_attention(norm(x), memory))
        y = x + dropout(feed_forward(norm(x)))

    The block is built with the middle part when its first call has an `encoder_sequence`, the
    memory, and without it otherwise; later calls must do as the first.

    Args:
        intermediate_dim: Positive integer, the width of the hidden layer of the feed-forward
            network.
        num_heads: Positive integer, the number of heads; a divisor of the width of the input.
        dropout: Float between 0 and 1, the fraction of the output of each part to drop in
            training. Defaults to 0.
        activation: Activation of the hidden layer, name or function. Defaults to `"relu"`.
        layer_norm_epsilon: Positive float, the epsilon of the norms. Defaults to 1e-5.
        kernel_initializer: Initializer of all kernels. Defaults to `"glorot_uniform"`.
        bias_initializer: Initializer of all biases. Defaults to `"zeros"`.
        normalize_first: Boolean, see above. Defaults to `False`.
        seed: Integer, the seed of dropout. Defaults to `None`.
        normalization: `"layer"` or `"rms"`. Defaults to `"layer"`.
        gated_feedforward: Boolean, whether the hidden layer is multiplied by a second projection
            of its input. Defaults to `False`.
        attention_dropout: Float between 0 and 1, the fraction of the weights of both attentions
            to drop in training. Defaults to `None`, the same as `dropout`.
        feedforward_dropout: Float between 0 and 1, takes the place of `dropout` for the output of
            the feed-forward network. Defaults to `None`, the same as `dropout`.
        num_key_value_heads: Positive integer, a divisor of `num_heads`: the number of heads of
            keys and values in both attentions. Defaults to `None`, the same as `num_heads`.
        qk_norm: Boolean, whether queries and keys are normalized in each head of both
            attentions. Defaults to `False`.
        position: `"none"`, `"rotary"` or `"alibi"`, what self-attention knows of positions; in
            cross-attention queries and keys have positions of different sequences, and none is
            used. Defaults to `"none"`.
        rope_max_wavelength: Positive float, for `position="rotary"`. Defaults to 10000.
        rope_scaling_factor: Positive float, for `position="rotary"`. Defaults to 1.
        sliding_window: Positive integer, how many steps near a step its self-attention may see.
            Defaults to `None`, all.
        use_bias: Boolean, whether the projections have a bias. Defaults to `True`.
        kernel_regularizer: Regularizer of all kernels. Defaults to `None`.
        bias_regularizer: Regularizer of all biases. Defaults to `None`.
        implementation: `"auto"`, `"reference"` or `"fast"`, for both attentions. Defaults to
            `"auto"`.
        **kwargs: The arguments of `keras.layers.Layer`: `name`, `dtype`, `trainable`.

    `TransformerBlock` says more about them.

    Call arguments:
        decoder_sequence: Tensor of shape `(batch, T, width)`.
        encoder_sequence: Tensor of shape `(batch, S, any width)`, the memory. Defaults to `None`,
            for a block without cross-attention.
        decoder_padding_mask: Tensor of shape `(batch, T)`, true where a step is valid; with a
            cache of shape `(batch, length)`, for all its positions. Defaults to the mask that
            came with `decoder_sequence`.
        decoder_attention_mask: Tensor of shape `(batch, T, T)`, true where a step may attend to
            another; with a cache of shape `(batch, T, length)`.
        encoder_padding_mask: Tensor of shape `(batch, S)`, true where a step of the memory is
            valid. Defaults to the mask that came with `encoder_sequence`.
        encoder_attention_mask: Tensor of shape `(batch, T, S)`, true where a step may attend to a
            step of the memory.
        self_attention_cache: Keys and values of earlier steps; at first what
            `get_initial_cache(batch_size, length)` of the built block returns.
        self_attention_cache_update_index: Integer or integer tensor, needed with this cache: the
            position of the first of the steps, which are written into the cache from there on.
        cross_attention_cache: Keys and values of the memory; at first what
            `get_initial_cross_attention_cache(batch_size, S)` of the built block returns.
        cross_attention_cache_update_index: Integer or integer tensor: `0` writes all of
            `encoder_sequence` into this cache. Defaults to `None`: the cache is used as it is and
            the values of `encoder_sequence` are not.
        use_causal_mask: Boolean, whether a step sees no later steps. Defaults to `True`.
        training: Boolean, whether to apply dropout.
        return_attention_scores: Boolean, whether to return the attention weights too.
            Defaults to `False`.
        mask: Filled in by Keras, as `decoder_sequence_mask` and `encoder_sequence_mask` are: the
            masks that came with the sequences.

    Returns:
        Tensor of shape `(batch, T, width)`, or a tuple of it and what is asked for, in this order:
        with `return_attention_scores=True` the weights of self-attention, of shape
        `(batch, num_heads, T, T)`, and of cross-attention, of shape `(batch, num_heads, T, S)`;
        the new `self_attention_cache`; the new `cross_attention_cache`. What belongs to
        cross-attention is left out where there is none. The length of a cache replaces the last
        size of its weights.

    Masks:
        A masked step of either sequence is not seen by any step, and the attentions of a masked
        step of `decoder_sequence` see nothing. The mask of `decoder_sequence` goes on.

    Raises:
        ValueError: When the width of the input is unknown or not a multiple of `num_heads`,
            `encoder_sequence` is given to a block that was built without or missing from one
            built with it, a mask or a cache does not fit its sequence, or an argument is not one
            of the above.

    Example:

    >>> import numpy as np
    >>> from keras_seq.layers import TransformerDecoderBlock
    >>> layer = TransformerDecoderBlock(intermediate_dim=16, num_heads=2)
    >>> memory = np.ones((3, 7, 6))
    >>> tuple(layer(np.ones((3, 5, 8)), memory).shape)
    (3, 5, 8)

    Decoding step by step gives the same:

    >>> caches = layer.get_initial_cache(3, 5), layer.get_initial_cross_attention_cache(3, 7)
    >>> for step in range(5):
    ...     output, *caches = layer(
    ...         np.ones((3, 1, 8)),
    ...         memory,
    ...         self_attention_cache=caches[0],
    ...         self_attention_cache_update_index=step,
    ...         cross_attention_cache=caches[1],
    ...         cross_attention_cache_update_index=0 if step == 0 else None,
    ...     )
    >>> tuple(output.shape)
    (3, 1, 8)

    References:
        - Vaswani et al., Attention is all you need, arXiv:1706.03762, section 3.1.
        - Those of `TransformerBlock`.
    """

    def build(self, decoder_sequence_shape, encoder_sequence_shape=None):
        """Create attentions, feed-forward network and norms."""
        self._cross_attention_layer = None
        # Without a scope: `call` chooses what is computed again.
        with keras.RematScope(mode=None):
            self._make_self_attention(decoder_sequence_shape)
            if encoder_sequence_shape is not None:
                self._make_cross_attention(decoder_sequence_shape, encoder_sequence_shape)
            self._make_feed_forward(decoder_sequence_shape)
            self._feedforward_layer_norm = self._norm(
                "feedforward_layer_norm", decoder_sequence_shape
            )

    def _make_cross_attention(self, query_shape, value_shape):
        self._cross_attention_layer = self._attention(
            "cross_attention_layer", query_shape, value_shape
        )
        self._cross_attention_layer_norm = self._norm("cross_attention_layer_norm", query_shape)
        self._cross_attention_dropout = self._dropout("cross_attention_dropout")

    def call(
        self,
        decoder_sequence,
        encoder_sequence=None,
        decoder_padding_mask=None,
        decoder_attention_mask=None,
        encoder_padding_mask=None,
        encoder_attention_mask=None,
        self_attention_cache=None,
        self_attention_cache_update_index=None,
        cross_attention_cache=None,
        cross_attention_cache_update_index=None,
        use_causal_mask=True,
        training=None,
        return_attention_scores=False,
        mask=None,
        decoder_sequence_mask=None,
        encoder_sequence_mask=None,
    ):
        """Run the parts. See the class for the arguments."""
        self._check_encoder(decoder_sequence, encoder_sequence, cross_attention_cache)
        x, mask, *results = self._self_attend(
            decoder_sequence,
            "decoder_padding_mask",
            first_given(decoder_padding_mask, mask, decoder_sequence_mask),
            self_attention_cache,
            self_attention_cache_update_index,
            attention_mask=decoder_attention_mask,
            use_causal_mask=use_causal_mask,
            return_attention_scores=return_attention_scores,
            training=training,
        )
        count = int(return_attention_scores)
        scores, caches = results[:count], results[count:]
        if encoder_sequence is not None:
            x, *results = self._cross_attend(
                x,
                mask,
                encoder_sequence,
                first_given(encoder_padding_mask, encoder_sequence_mask),
                cross_attention_cache,
                cross_attention_cache_update_index,
                attention_mask=encoder_attention_mask,
                return_attention_scores=return_attention_scores,
                training=training,
            )
            scores, caches = [*scores, *results[:count]], [*caches, *results[count:]]
        x = self._feed_forward(x, training)
        results = [x, *scores, *caches]
        return tuple(results) if len(results) > 1 else x

    def get_initial_cross_attention_cache(self, batch_size, length):
        """Return an empty `cross_attention_cache` for a batch and a length of the memory.

        The block must be built with an `encoder_sequence`.
        """
        return self._empty_cache("cross_attention", batch_size, length)

    def compute_output_shape(self, decoder_sequence_shape, encoder_sequence_shape=None):
        """Return the shape of the output."""
        return tuple(decoder_sequence_shape)

    def compute_output_spec(
        self,
        decoder_sequence,
        encoder_sequence=None,
        self_attention_cache=None,
        cross_attention_cache=None,
        return_attention_scores=False,
        **kwargs,
    ):
        """Return the shape and dtype of the output, the attention scores and the caches."""
        self._check_encoder(decoder_sequence, encoder_sequence, cross_attention_cache)
        parts = [("self_attention", decoder_sequence, self_attention_cache)]
        if encoder_sequence is not None:
            parts.append(("cross_attention", encoder_sequence, cross_attention_cache))
        specs = [
            self._specified(name).compute_output_spec(
                decoder_sequence, value, return_attention_scores=True, cache=cache
            )
            for name, value, cache in parts
        ]
        output = specs[0][0]
        scores = [spec[1] for spec in specs] if return_attention_scores else []
        caches = [cache for spec in specs for cache in spec[2:]]
        results = [output, *scores, *caches]
        return tuple(results) if len(results) > 1 else output

    def _check_encoder(self, decoder_sequence, encoder_sequence, cache):
        """Refuse a call that differs from the one that the block was built with."""
        given = encoder_sequence is not None
        built_with = self._cross_attention_layer is not None if self.built else given
        if built_with != given:
            with_or_without = "with" if built_with else "without"
            raise ValueError(
                f"The block was built {with_or_without} cross-attention, so it must be called "
                f"{with_or_without} `encoder_sequence`. Make another block for the other way. "
                f"Received: encoder_sequence{' of shape ' if given else '='}"
                f"{tuple(encoder_sequence.shape) if given else None}"
            )
        if cache is not None and not built_with:
            raise ValueError(
                "`cross_attention_cache` belongs to cross-attention, and the block was built "
                f"without. Received: cross_attention_cache.shape={tuple(cache.shape)}"
            )
        if built_with and not can_be_equal(
            encoder_sequence.shape, (decoder_sequence.shape[0], None, None)
        ):
            raise ValueError(
                "`encoder_sequence` must have the shape `(batch, S, width)` and the batch size of "
                "`decoder_sequence`. "
                f"Received: encoder_sequence.shape={tuple(encoder_sequence.shape)}, "
                f"decoder_sequence.shape={tuple(decoder_sequence.shape)}"
            )

    def _cross_attend(self, x, mask, memory, memory_mask, cache, index, **kwargs):
        """Return `x` with attention to the memory added, any weights and any cache."""
        check_padding_mask("encoder_padding_mask", memory_mask, memory.shape, cache)
        return self._attend(
            self._cross_attention_layer,
            self._cross_attention_layer_norm,
            self._cross_attention_dropout,
            x,
            memory,
            query_mask=mask,
            value_mask=memory_mask,
            cache=cache,
            cache_update_index=index,
            **kwargs,
        )
