"""The block of a transformer encoder."""

import keras
from keras import activations, initializers

from keras_seq.layers.initializer import copy_of
from keras_seq.layers.multi_head_attention import MultiHeadAttention
from keras_seq.layers.rematerialization import Rematerialization
from keras_seq.layers.seed import derived_seed
from keras_seq.ops.arguments import check_dropout, check_integers


@keras.saving.register_keras_serializable(package="keras_seq")
class TransformerBlock(Rematerialization, keras.layers.Layer):
    """Self-attention and a feed-forward network, each with a residual connection and a norm.

    With `normalize_first=False`, as in the paper:

        x = norm(x + dropout(self_attention(x)))
        y = norm(x + dropout(W_2 activation(W_1 x + b_1) + b_2))

    With `normalize_first=True` the norm moves to the input of each part:

        x = x + dropout(self_attention(norm(x)))
        y = x + dropout(W_2 activation(W_1 norm(x) + b_1) + b_2)

    The heads are `width // num_heads` wide.

    Args:
        intermediate_dim: Positive integer, the width of the hidden layer of the feed-forward
            network.
        num_heads: Positive integer, the number of heads; a divisor of the width of the input.
        dropout: Float between 0 and 1, the fraction to drop of the attention weights and of the
            output of both parts, in training. Defaults to 0.
        activation: Activation of the hidden layer, name or function. Defaults to `"relu"`.
        layer_norm_epsilon: Float, the epsilon of the norms. Defaults to 1e-5.
        kernel_initializer: Initializer of all kernels. Defaults to `"glorot_uniform"`.
        bias_initializer: Initializer of all biases. Defaults to `"zeros"`.
        normalize_first: Boolean, see above. Defaults to `False`.
        use_causal_mask: Boolean, whether a step sees no later steps. Defaults to `False`.
        seed: Integer, the seed of dropout. Defaults to `None`.
        **kwargs: The arguments of `keras.layers.Layer`: `name`, `dtype`, `trainable`.

    Call arguments:
        inputs: Tensor of shape `(batch, time, width)`.
        padding_mask: Tensor of shape `(batch, time)`, true where a step is valid. Defaults to
            `mask`.
        attention_mask: Tensor of shape `(batch, time, time)`, true where a step may attend to
            another.
        training: Boolean, whether to apply dropout.
        return_attention_scores: Boolean, whether to return the attention weights too.
            Defaults to `False`.
        mask: The mask that came with `inputs`, filled in by Keras.

    Returns:
        Tensor of shape `(batch, time, width)`; with `return_attention_scores=True` a tuple of it
        and the attention weights, of shape `(batch, num_heads, time, time)`.

    Masks:
        No step attends to a masked one. The mask goes on to the next layer.

    Raises:
        ValueError: When the width of the input is unknown or not a multiple of `num_heads`, or
            an argument is not one of the above.

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
        **kwargs,
    ):
        check_integers(intermediate_dim=intermediate_dim, num_heads=num_heads)
        check_dropout(dropout)
        super().__init__(**kwargs)
        self.intermediate_dim = intermediate_dim
        self.num_heads = num_heads
        self.dropout = dropout
        self.activation = activations.get(activation)
        self.layer_norm_epsilon = layer_norm_epsilon
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.normalize_first = normalize_first
        self.use_causal_mask = use_causal_mask
        self.seed = seed
        self.supports_masking = True

    def build(self, inputs_shape):
        """Create attention, feed-forward network and norms."""
        width = inputs_shape[-1]
        if width is None or width % self.num_heads:
            raise ValueError(
                "The width of the input is shared out among the heads and must be a multiple of "
                f"`num_heads`. Received: inputs_shape={tuple(inputs_shape)}, "
                f"num_heads={self.num_heads}. Change `num_heads`, or bring the input to another "
                "width with a Dense layer"
            )
        # Without a scope: `call` chooses what is computed again.
        with keras.RematScope(mode=None):
            self._make_parts(inputs_shape, width)

    def _make_parts(self, inputs_shape, width):
        self._self_attention_layer = MultiHeadAttention(
            self.num_heads,
            width // self.num_heads,
            dropout=self.dropout,
            seed=self.seed,
            **self._arguments_of("self_attention_layer"),
        )
        self._self_attention_layer.build(inputs_shape, inputs_shape)
        self._self_attention_layer_norm = self._norm("self_attention_layer_norm", inputs_shape)
        self._self_attention_dropout = self._dropout("self_attention_dropout")
        self._feedforward_layer_norm = self._norm("feedforward_layer_norm", inputs_shape)
        self._feedforward_intermediate_dense = keras.layers.Dense(
            self.intermediate_dim,
            activation=self.activation,
            **self._arguments_of("feedforward_intermediate_dense"),
        )
        self._feedforward_intermediate_dense.build(inputs_shape)
        self._feedforward_output_dense = keras.layers.Dense(
            width, **self._arguments_of("feedforward_output_dense")
        )
        self._feedforward_output_dense.build((*inputs_shape[:-1], self.intermediate_dim))
        self._feedforward_dropout = self._dropout("feedforward_dropout")

    def call(
        self,
        inputs,
        padding_mask=None,
        attention_mask=None,
        training=None,
        return_attention_scores=False,
        mask=None,
    ):
        """Run attention and the feed-forward network. See the class for the arguments."""
        padding_mask = mask if padding_mask is None else padding_mask
        self._self_attention_layer.rematerialize_as_part = self.rematerialize

        x = self._self_attention_layer_norm(inputs) if self.normalize_first else inputs
        attended, scores = self._self_attention_layer(
            x,
            x,
            value_mask=padding_mask,
            attention_mask=attention_mask,
            return_attention_scores=True,
            use_causal_mask=self.use_causal_mask,
            training=training,
        )
        x = inputs + self._self_attention_dropout(attended, training=training)
        if not self.normalize_first:
            x = self._self_attention_layer_norm(x)

        hidden = self._feedforward_layer_norm(x) if self.normalize_first else x

        # A new function for each call: JAX keeps what it traced of an equal one, weights included.
        def feed_forward(x):
            return self._feedforward_output_dense(self._feedforward_intermediate_dense(x))

        hidden = self.recomputed(feed_forward)(hidden)
        x = x + self._feedforward_dropout(hidden, training=training)
        if not self.normalize_first:
            x = self._feedforward_layer_norm(x)
        return (x, scores) if return_attention_scores else x

    def compute_output_shape(self, inputs_shape):
        """Return the shape of the output."""
        return tuple(inputs_shape)

    def compute_output_spec(self, inputs, return_attention_scores=False, **kwargs):
        """Return the shape and dtype of the output and of the attention scores."""
        batch, time, _ = inputs.shape
        output = keras.KerasTensor(inputs.shape, dtype=self.compute_dtype)
        if not return_attention_scores:
            return output
        scores_shape = (batch, self.num_heads, time, time)
        return output, keras.KerasTensor(scores_shape, dtype=self.compute_dtype)

    def get_config(self):
        """Return the arguments of the constructor."""
        return {
            **super().get_config(),
            "intermediate_dim": self.intermediate_dim,
            "num_heads": self.num_heads,
            "dropout": self.dropout,
            "activation": activations.serialize(self.activation),
            "layer_norm_epsilon": self.layer_norm_epsilon,
            "kernel_initializer": initializers.serialize(self.kernel_initializer),
            "bias_initializer": initializers.serialize(self.bias_initializer),
            "normalize_first": self.normalize_first,
            "use_causal_mask": self.use_causal_mask,
            "seed": self.seed,
        }

    def _arguments_of(self, part):
        return {
            "kernel_initializer": copy_of(self.kernel_initializer, part),
            "bias_initializer": copy_of(self.bias_initializer, part),
            "trainable": self.trainable,
            "dtype": self.dtype_policy,
            "name": part,
        }

    def _norm(self, name, shape):
        norm = keras.layers.LayerNormalization(
            epsilon=self.layer_norm_epsilon,
            trainable=self.trainable,
            dtype=self.dtype_policy,
            name=name,
        )
        norm.build(shape)
        return norm

    def _dropout(self, name):
        # The three dropouts of the block must not draw the same masks.
        seed = derived_seed(self.seed, name)
        return keras.layers.Dropout(self.dropout, seed=seed, dtype=self.dtype_policy, name=name)
