"""What the blocks of a Transformer share."""

import keras
from keras import activations, initializers, ops, regularizers

from keras_seq.layers.initializer import copy_of
from keras_seq.layers.multi_head_attention import MultiHeadAttention
from keras_seq.layers.quantized_parts import QuantizedParts
from keras_seq.layers.rematerialization import Rematerialization
from keras_seq.layers.seed import derived_seed
from keras_seq.ops import arguments, dispatch
from keras_seq.ops.padding import check_padding_mask, padding_of_steps

NORMALIZATIONS = {
    "layer": keras.layers.LayerNormalization,
    "rms": keras.layers.RMSNormalization,
}


class ResidualBlock(QuantizedParts, Rematerialization, keras.layers.Layer):
    """Parts in a row, each with a residual connection and a norm; the last is feed-forward.

    The base of the blocks of a Transformer: it keeps their arguments, makes their parts, and is
    no layer by itself. `TransformerBlock` says what the arguments mean.
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
        dispatch.check_implementation(implementation)
        arguments.check_integers(intermediate_dim=intermediate_dim)
        arguments.check_integers(True, sliding_window=sliding_window)
        arguments.check_heads(num_heads, num_key_value_heads)
        arguments.check_numbers(
            layer_norm_epsilon=layer_norm_epsilon,
            rope_max_wavelength=rope_max_wavelength,
            rope_scaling_factor=rope_scaling_factor,
        )
        # The width of a head, 0 here, is known and checked when the block is built.
        arguments.check_position(position, 0)
        arguments.check_dropout(dropout)
        arguments.check_dropout(attention_dropout, "attention_dropout", optional=True)
        arguments.check_dropout(feedforward_dropout, "feedforward_dropout", optional=True)
        if normalization not in NORMALIZATIONS:
            raise ValueError(
                f"`normalization` must be one of {list(NORMALIZATIONS)}. "
                f"Received: normalization={normalization!r}"
            )
        super().__init__(**kwargs)
        self.intermediate_dim = arguments.plain(intermediate_dim)
        self.num_heads = arguments.plain(num_heads)
        self.dropout = arguments.plain(dropout)
        self.activation = activations.get(activation)
        self.layer_norm_epsilon = arguments.plain(layer_norm_epsilon)
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.normalize_first = normalize_first
        self.seed = arguments.plain(seed)
        self.normalization = normalization
        self.gated_feedforward = gated_feedforward
        self.attention_dropout = arguments.plain(attention_dropout)
        self.feedforward_dropout = arguments.plain(feedforward_dropout)
        self.num_key_value_heads = arguments.plain(num_key_value_heads)
        self.qk_norm = qk_norm
        self.position = position
        self.rope_max_wavelength = arguments.plain(rope_max_wavelength)
        self.rope_scaling_factor = arguments.plain(rope_scaling_factor)
        self.sliding_window = arguments.plain(sliding_window)
        self.use_bias = use_bias
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.implementation = implementation
        self._feedforward_gate_dense = None
        self.supports_masking = True

    @classmethod
    def from_keras_hub(cls, layer):
        """Return a built block with the arguments and the weights of a layer of keras-hub.

        Args:
            layer: A built `TransformerEncoder` of keras-hub for `TransformerBlock`, or a
                `TransformerDecoder` for `TransformerDecoderBlock`.
        """
        if not layer.built:
            raise ValueError(
                "Only a layer that is built has weights to take over. Call it once, or call its "
                f"`build`. Received: layer={layer}"
            )
        config = layer.get_config()
        shapes = ("decoder_sequence_shape", "encoder_sequence_shape")
        block = cls.from_config({key: config[key] for key in config if key not in shapes})
        block.build_from_config(layer.get_build_config())
        block.set_weights(layer.get_weights())
        return block

    def get_initial_cache(self, batch_size, length):
        """Return an empty `self_attention_cache` for a batch and a number of positions.

        The block must be built. The shape is that of `MultiHeadAttention.get_initial_cache`:
        `(batch_size, 2, length, num_key_value_heads, width // num_heads)`.
        """
        return self._empty_cache("self_attention", batch_size, length)

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
            "seed": self.seed,
            "normalization": self.normalization,
            "gated_feedforward": self.gated_feedforward,
            "attention_dropout": self.attention_dropout,
            "feedforward_dropout": self.feedforward_dropout,
            "num_key_value_heads": self.num_key_value_heads,
            "qk_norm": self.qk_norm,
            "position": self.position,
            "rope_max_wavelength": self.rope_max_wavelength,
            "rope_scaling_factor": self.rope_scaling_factor,
            "sliding_window": self.sliding_window,
            "use_bias": self.use_bias,
            "kernel_regularizer": regularizers.serialize(self.kernel_regularizer),
            "bias_regularizer": regularizers.serialize(self.bias_regularizer),
            "implementation": self.implementation,
        }

    def _attention(self, name, query_shape, value_shape, **kwargs):
        width = query_shape[-1]
        if width is None or width % self.num_heads:
            raise ValueError(
                "The width of the input is shared out among the heads and must be a multiple of "
                f"`num_heads`. Received: shape={tuple(query_shape)}, "
                f"num_heads={self.num_heads}. Change `num_heads`, or bring the input to another "
                "width with a Dense layer"
            )
        drops = self.dropout if self.attention_dropout is None else self.attention_dropout
        attention = MultiHeadAttention(
            self.num_heads,
            width // self.num_heads,
            dropout=drops,
            seed=derived_seed(self.seed, name),
            num_key_value_heads=self.num_key_value_heads,
            qk_norm=self.qk_norm,
            implementation=self.implementation,
            **self._projection_arguments(name),
            **kwargs,
        )
        attention.build(query_shape, value_shape)
        return attention

    def _make_self_attention(self, shape):
        self._self_attention_layer = self._attention(
            "self_attention_layer",
            shape,
            shape,
            position=self.position,
            rope_max_wavelength=self.rope_max_wavelength,
            rope_scaling_factor=self.rope_scaling_factor,
            sliding_window=self.sliding_window,
        )
        self._self_attention_layer_norm = self._norm("self_attention_layer_norm", shape)
        self._self_attention_dropout = self._dropout("self_attention_dropout")

    def _norm(self, name, shape):
        norm = NORMALIZATIONS[self.normalization](
            epsilon=self.layer_norm_epsilon,
            trainable=self.trainable,
            dtype=self.dtype_policy,
            name=name,
        )
        # Keras would warn that the mask of the input is lost; the block itself passes it on.
        norm.supports_masking = True
        norm.build(shape)
        return norm

    def _dropout(self, name, rate=None):
        return keras.layers.Dropout(
            self.dropout if rate is None else rate,
            seed=derived_seed(self.seed, name),
            dtype=self.dtype_policy,
            name=name,
        )

    def _make_feed_forward(self, shape):
        width, hidden_shape = shape[-1], (*shape[:-1], self.intermediate_dim)
        self._feedforward_intermediate_dense = self._dense(
            "feedforward_intermediate_dense", shape, self.intermediate_dim, self.activation
        )
        self._feedforward_output_dense = self._dense(
            "feedforward_output_dense", hidden_shape, width
        )
        if self.gated_feedforward:
            self._feedforward_gate_dense = self._dense(
                "feedforward_gate_dense", shape, self.intermediate_dim
            )
        self._feedforward_dropout = self._dropout("feedforward_dropout", self.feedforward_dropout)

    def _dense(self, name, shape, units, activation=None):
        dense = keras.layers.Dense(units, activation=activation, **self._projection_arguments(name))
        dense.build(shape)
        return dense

    def _self_attend(self, x, name, mask, cache, index, **kwargs):
        """Return `x` with self-attention added, the mask of `x`, any weights and any cache.

        `name` is that of `mask` in errors; `kwargs` are for the layer.
        """
        if cache is not None and index is None:
            raise ValueError(
                "The keys and values of the steps are written into `self_attention_cache`, so "
                "`self_attention_cache_update_index` is needed. "
                "Received: self_attention_cache_update_index=None"
            )
        check_padding_mask(name, mask, x.shape, cache)
        # Keras casts no integers.
        x = ops.cast(x, self.compute_dtype)
        steps_mask = mask if cache is None else padding_of_steps(mask, index, x)
        x, *others = self._attend(
            self._self_attention_layer,
            self._self_attention_layer_norm,
            self._self_attention_dropout,
            x,
            query_mask=steps_mask,
            value_mask=mask,
            cache=cache,
            cache_update_index=index,
            **kwargs,
        )
        return x, steps_mask, *others

    def _attend(self, layer, norm, dropout, x, memory=None, training=None, **kwargs):
        """Return `x` with what it attends to added, any weights and any cache."""
        layer.rematerialize_as_part = self.rematerialize

        def part(x):
            value = x if memory is None else memory
            results = layer(x, value, training=training, **kwargs)
            return results if isinstance(results, tuple) else (results,)

        return self._residual(x, part, norm, dropout, training)

    def _residual(self, x, part, norm, dropout, training):
        """Return the sum of `x` and the first result of `part`, and the other results."""
        y, *others = part(norm(x) if self.normalize_first else x)
        x = x + dropout(y, training=training)
        return (x if self.normalize_first else norm(x)), *others

    def _feed_forward(self, x, training):
        gate = self._feedforward_gate_dense

        def feed_forward(x):
            hidden = self._feedforward_intermediate_dense(x)
            return self._feedforward_output_dense(hidden if gate is None else hidden * gate(x))

        parts = [self._feedforward_intermediate_dense, self._feedforward_output_dense, gate]
        variables = [v for dense in parts if dense is not None for v in dense.variables]

        def part(x):
            return (self.recomputed_with(variables, feed_forward)(x),)

        norm, dropout = self._feedforward_layer_norm, self._feedforward_dropout
        return self._residual(x, part, norm, dropout, training)[0]

    def _projection_arguments(self, name):
        return {
            "use_bias": self.use_bias,
            "kernel_initializer": copy_of(self.kernel_initializer, name),
            "bias_initializer": copy_of(self.bias_initializer, name),
            "kernel_regularizer": self.kernel_regularizer,
            "bias_regularizer": self.bias_regularizer,
            "trainable": self.trainable,
            "dtype": self.dtype_policy,
            "name": name,
        }

    def _specified(self, name):
        """Return the attention of this name or, before there is any, one of the same shapes."""
        attention = getattr(self, f"_{name}_layer", None)
        return attention or MultiHeadAttention(self.num_heads, key_dim=1, dtype=self.dtype_policy)

    def _empty_cache(self, name, batch_size, length):
        attention = getattr(self, f"_{name}_layer", None)
        if attention is None:
            raise ValueError(
                "A cache belongs to a part of a built block. Call the block once, or its `build`, "
                f"with all its inputs. Received: a block without {name}"
            )
        return attention.get_initial_cache(batch_size, length)


def first_given(*values):
    """Return the first value that is not `None`, or `None`."""
    return next((value for value in values if value is not None), None)
