"""The block of a transformer encoder."""

import keras

from keras_seq.layers.residual_block import ResidualBlock, first_given


@keras.saving.register_keras_serializable(package="keras_seq")
class TransformerBlock(ResidualBlock):
    """Self-attention and a feed-forward network, each with a residual connection and a norm.

    With `normalize_first=False`, as in the paper:

        x = norm(x + dropout(self_attention(x)))
        y = norm(x + dropout(feed_forward(x)))

    With `normalize_first=True` the norm moves to the input of each part:

        x = x + dropout(self_attention(norm(x)))
        y = x + dropout(feed_forward(norm(x)))

    The heads are `width // num_heads` wide, and the feed-forward network is

        feed_forward(x) = W_2 activation(W_1 x + b_1) + b_2
        feed_forward(x) = W_2 (activation(W_1 x + b_1) * (V x + c)) + b_2    if it is gated

    Args:
        intermediate_dim: Positive integer, the width of the hidden layer of the feed-forward
            network.
        num_heads: Positive integer, the number of heads; a divisor of the width of the input.
        dropout: Float between 0 and 1, the fraction of the output of each part to drop in
            training. Defaults to 0.
        activation: Activation of the hidden layer, name or function. Defaults to `"relu"`.
        layer_norm_epsilon: Positive float, the epsilon of the norms, whichever they are. Defaults
            to 1e-5.
        kernel_initializer: Initializer of all kernels. Defaults to `"glorot_uniform"`.
        bias_initializer: Initializer of all biases. Defaults to `"zeros"`.
        normalize_first: Boolean, see above. Defaults to `False`.
        use_causal_mask: Boolean, whether a step sees no later steps. Defaults to `False`.
        seed: Integer, the seed of dropout. Defaults to `None`.
        normalization: `"layer"` for layer normalization, `"rms"` for division by the root mean
            square and a learned scale, without a bias. Defaults to `"layer"`.
        gated_feedforward: Boolean, whether the hidden layer is multiplied by a second projection
            of its input: GLU with `activation="sigmoid"`, ReGLU with `"relu"`, GEGLU with
            `"gelu"`, SwiGLU with `"silu"`. Its weights come last. Defaults to `False`.
        attention_dropout: Float between 0 and 1, the fraction of the attention weights to drop in
            training. Defaults to `None`, the same as `dropout`.
        feedforward_dropout: Float between 0 and 1, takes the place of `dropout` for the output of
            the feed-forward network, whose hidden layer is never dropped. Defaults to `None`, the
            same as `dropout`.
        num_key_value_heads: Positive integer, a divisor of `num_heads`: the number of heads of
            keys and values. Defaults to `None`, the same as `num_heads`.
        qk_norm: Boolean, whether queries and keys are normalized in each head. Defaults to
            `False`.
        position: `"none"`, `"rotary"` or `"alibi"`, what attention knows of positions. Defaults
            to `"none"`.
        rope_max_wavelength: Positive float, for `position="rotary"`. Defaults to 10000.
        rope_scaling_factor: Positive float, for `position="rotary"`. Defaults to 1.
        sliding_window: Positive integer, how many steps near a step it may see. Defaults to
            `None`, all. `MultiHeadAttention` says more about this and the five arguments above.
        use_bias: Boolean, whether the projections of attention and of the feed-forward network
            have a bias. Defaults to `True`.
        kernel_regularizer: Regularizer of all kernels. Defaults to `None`.
        bias_regularizer: Regularizer of all biases. Defaults to `None`.
        implementation: `"auto"`, `"reference"` or `"fast"`, that of `MultiHeadAttention`, which
            says when `"auto"` is fast. Defaults to `"auto"`.
        **kwargs: The arguments of `keras.layers.Layer`: `name`, `dtype`, `trainable`.

    Call arguments:
        inputs: Tensor of shape `(batch, time, width)`.
        padding_mask: Tensor of shape `(batch, time)`, true where a step is valid; with a cache of
            shape `(batch, length)`, for all its positions. Defaults to `mask`.
        attention_mask: Tensor of shape `(batch, time, time)`, true where a step may attend to
            another; with a cache of shape `(batch, time, length)`.
        training: Boolean, whether to apply dropout.
        return_attention_scores: Boolean, whether to return the attention weights too.
            Defaults to `False`.
        self_attention_cache: Keys and values of earlier steps, for decoding with
            `use_causal_mask=True`; at first what `get_initial_cache(batch_size, length)` of the
            built block returns.
        self_attention_cache_update_index: Integer or integer tensor, needed with a cache: the
            position of the first of the steps, which are written into the cache from there on.
        mask: The mask that came with `inputs`, filled in by Keras; `inputs_mask` likewise.

    Returns:
        Tensor of shape `(batch, time, width)`, or a tuple of it and what is asked for: with
        `return_attention_scores=True` the attention weights, of shape
        `(batch, num_heads, time, time)`, before dropout; then, with `self_attention_cache`, the
        new cache, whose length replaces the last `time`.

    Masks:
        A masked step is not seen by any step, and its own attention sees nothing. The mask goes
        on to the next layer.

    Raises:
        ValueError: When the width of the input is unknown or not a multiple of `num_heads`, a mask
            or a cache does not fit the input, or an argument is not one of the above.

    Example:

    >>> import numpy as np
    >>> from keras_seq.layers import TransformerBlock
    >>> layer = TransformerBlock(intermediate_dim=16, num_heads=2)
    >>> tuple(layer(np.ones((3, 5, 8))).shape)
    (3, 5, 8)

    References:
        - Vaswani et al., Attention is all you need, arXiv:1706.03762, section 3.1.
        - Xiong et al., On layer normalization in the transformer architecture,
          arXiv:2002.04745 (`normalize_first=True`).
        - Zhang and Sennrich, Root mean square layer normalization, arXiv:1910.07467, equation 4
          (`normalization="rms"`).
        - Shazeer, GLU variants improve transformer, arXiv:2002.05202, equations 5 and 6
          (`gated_feedforward`).
    """

    def __init__(
        self,
        intermediate_dim,
        num_heads,
        dropout=0.0,
        activation="relu",
        layer_norm_epsilon=1e-5,
        kernel_initializer="glorot_uniform",
        bias_initializer="zeros",
        normalize_first=False,
        use_causal_mask=False,
        seed=None,
        normalization="layer",
        gated_feedforward=False,
        attention_dropout=None,
        feedforward_dropout=None,
        num_key_value_heads=None,
        qk_norm=False,
        position="none",
        rope_max_wavelength=10000,
        rope_scaling_factor=1.0,
        sliding_window=None,
        use_bias=True,
        kernel_regularizer=None,
        bias_regularizer=None,
        implementation="auto",
        **kwargs,
    ):
        super().__init__(
            intermediate_dim,
            num_heads,
            dropout=dropout,
            activation=activation,
            layer_norm_epsilon=layer_norm_epsilon,
            kernel_initializer=kernel_initializer,
            bias_initializer=bias_initializer,
            normalize_first=normalize_first,
            seed=seed,
            normalization=normalization,
            gated_feedforward=gated_feedforward,
            attention_dropout=attention_dropout,
            feedforward_dropout=feedforward_dropout,
            num_key_value_heads=num_key_value_heads,
            qk_norm=qk_norm,
            position=position,
            rope_max_wavelength=rope_max_wavelength,
            rope_scaling_factor=rope_scaling_factor,
            sliding_window=sliding_window,
            use_bias=use_bias,
            kernel_regularizer=kernel_regularizer,
            bias_regularizer=bias_regularizer,
            implementation=implementation,
            **kwargs,
        )
        self.use_causal_mask = use_causal_mask

    def build(self, inputs_shape):
        """Create attention, feed-forward network and norms."""
        # Without a scope: `call` chooses what is computed again.
        with keras.RematScope(mode=None):
            self._make_self_attention(inputs_shape)
            self._feedforward_layer_norm = self._norm("feedforward_layer_norm", inputs_shape)
            self._make_feed_forward(inputs_shape)

    def call(
        self,
        inputs,
        padding_mask=None,
        attention_mask=None,
        training=None,
        return_attention_scores=False,
        self_attention_cache=None,
        self_attention_cache_update_index=None,
        mask=None,
        inputs_mask=None,
    ):
        """Run attention and the feed-forward network. See the class for the arguments."""
        padding_mask = first_given(padding_mask, mask, inputs_mask)
        x, _, *others = self._self_attend(
            inputs,
            "padding_mask",
            padding_mask,
            self_attention_cache,
            self_attention_cache_update_index,
            attention_mask=attention_mask,
            use_causal_mask=self.use_causal_mask,
            return_attention_scores=return_attention_scores,
            training=training,
        )
        x = self._feed_forward(x, training)
        return (x, *others) if others else x

    def compute_output_shape(self, inputs_shape):
        """Return the shape of the output."""
        return tuple(inputs_shape)

    def compute_output_spec(
        self, inputs, return_attention_scores=False, self_attention_cache=None, **kwargs
    ):
        """Return the shape and dtype of the output, the attention scores and the cache."""
        return self._specified("self_attention").compute_output_spec(
            inputs,
            inputs,
            return_attention_scores=return_attention_scores,
            cache=self_attention_cache,
        )

    def get_config(self):
        """Return the arguments of the constructor."""
        return {**super().get_config(), "use_causal_mask": self.use_causal_mask}
