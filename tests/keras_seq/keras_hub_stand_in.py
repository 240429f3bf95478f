"""Layers of Keras put together with the arguments and the weights of those of keras-hub."""

import keras
from keras import layers

ARGUMENTS = (
    "intermediate_dim",
    "num_heads",
    "dropout",
    "activation",
    "layer_norm_epsilon",
    "kernel_initializer",
    "bias_initializer",
    "normalize_first",
)


class StandIn(keras.layers.Layer):
    """A block whose arguments and attributes have the names that they have in keras-hub."""

    def __init__(
        self,
        intermediate_dim,
        num_heads,
        dropout=0,
        activation="relu",
        layer_norm_epsilon=1e-5,
        normalize_first=False,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.intermediate_dim = intermediate_dim
        self.num_heads = num_heads
        self.dropout = dropout
        self.activation = keras.activations.get(activation)
        self.layer_norm_epsilon = layer_norm_epsilon
        self.normalize_first = normalize_first
        self.supports_masking = True

    def make_attention(self, query_shape, value_shape):
        width = query_shape[-1]
        layer = layers.MultiHeadAttention(self.num_heads, width // self.num_heads)
        layer.build(query_shape, value_shape)
        return layer

    def make_norm(self, shape):
        layer = layers.LayerNormalization(epsilon=self.layer_norm_epsilon)
        layer.build(shape)
        return layer

    def make_dense(self, shape):
        first = layers.Dense(self.intermediate_dim, self.activation)
        last = layers.Dense(shape[-1])
        first.build(shape)
        last.build((*shape[:-1], self.intermediate_dim))
        return first, last

    def add(self, x, part, norm):
        return x + part(norm(x)) if self.normalize_first else norm(x + part(x))

    def feed_forward(self, x):
        return self._feedforward_output_dense(self._feedforward_intermediate_dense(x))

    def get_config(self):
        config = {name: getattr(self, name, "zeros") for name in ARGUMENTS}
        config["activation"] = keras.activations.serialize(self.activation)
        return {**super().get_config(), **config}


class TransformerEncoder(StandIn):
    """Self-attention, and the norm of the feed-forward network before its dense layers."""

    def build(self, inputs_shape):
        self._self_attention_layer = self.make_attention(inputs_shape, inputs_shape)
        self._self_attention_layer_norm = self.make_norm(inputs_shape)
        self._feedforward_layer_norm = self.make_norm(inputs_shape)
        dense = self.make_dense(inputs_shape)
        self._feedforward_intermediate_dense, self._feedforward_output_dense = dense

    def call(self, inputs):
        def attend(x):
            return self._self_attention_layer(x, x)

        x = self.add(inputs, attend, self._self_attention_layer_norm)
        return self.add(x, self.feed_forward, self._feedforward_layer_norm)


class TransformerDecoder(StandIn):
    """Two attentions, and the norm of the feed-forward network behind its dense layers."""

    def build(self, decoder_sequence_shape, encoder_sequence_shape=None):
        shape = decoder_sequence_shape
        self.shapes = shape, encoder_sequence_shape
        self._self_attention_layer = self.make_attention(shape, shape)
        self._self_attention_layer_norm = self.make_norm(shape)
        if encoder_sequence_shape:
            self._cross_attention_layer = self.make_attention(shape, encoder_sequence_shape)
            self._cross_attention_layer_norm = self.make_norm(shape)
        dense = self.make_dense(shape)
        self._feedforward_intermediate_dense, self._feedforward_output_dense = dense
        self._feedforward_layer_norm = self.make_norm(shape)

    def call(self, decoder_sequence, encoder_sequence=None):
        def attend(x):
            return self._self_attention_layer(x, x, use_causal_mask=True)

        def attend_to_memory(x):
            return self._cross_attention_layer(x, encoder_sequence)

        x = self.add(decoder_sequence, attend, self._self_attention_layer_norm)
        if encoder_sequence is not None:
            x = self.add(x, attend_to_memory, self._cross_attention_layer_norm)
        return self.add(x, self.feed_forward, self._feedforward_layer_norm)

    def get_config(self):
        names = ("decoder_sequence_shape", "encoder_sequence_shape")
        return {**super().get_config(), **dict(zip(names, self.shapes, strict=True))}
