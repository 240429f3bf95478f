"""Predictions of the tokens behind a mask."""

import keras
from keras import activations, initializers, ops

from keras_seq.layers.initializer import copy_of
from keras_seq.layers.quantized_parts import QuantizedParts
from keras_seq.layers.rematerialization import Rematerialization
from keras_seq.layers.shared_layer import serialize_shared
from keras_seq.ops.arguments import check_integers, check_numbers, plain
from keras_seq.ops.indices import check_indices
from keras_seq.ops.shapes import can_be_equal


@keras.saving.register_keras_serializable(package="keras_seq")
class MaskedLMHead(QuantizedParts, Rematerialization, keras.layers.Layer):
    """Predict the tokens at some positions from the vectors that an encoder gives there.

    With `x` the vector at a position and `E (vocabulary_size, width)` the token embeddings:

        h = norm(intermediate_activation(W x + b))
        y = activation(E h + c)

    `E` is the one weight of `token_embedding`, which is trained from both of its ends. Without
    a `token_embedding` it is a weight of this layer.

    Args:
        vocabulary_size: Positive integer, the number of tokens. Defaults to that of
            `token_embedding`; one of the two is needed.
        token_embedding: A `keras.layers.ReversibleEmbedding`, such as the `token_embedding` of a
            `keras_seq.models.BertEncoder`. Defaults to `None`.
        intermediate_activation: Activation of the hidden layer, name or function. Defaults to
            `"relu"`; BERT has `"gelu"`.
        activation: Activation of the predictions, name or function. Defaults to `None`: they are
            logits.
        layer_norm_epsilon: Positive float, the epsilon of the norm. Defaults to 1e-5; BERT has
            1e-12.
        kernel_initializer: Initializer of the kernels. Defaults to `"glorot_uniform"`.
        bias_initializer: Initializer of the biases. Defaults to `"zeros"`.
        **kwargs: The arguments of `keras.layers.Layer`: `name`, `dtype`, `trainable`.

    Call arguments:
        inputs: Tensor of shape `(batch, time, features)`.
        mask_positions: Integer tensor of shape `(batch, predictions)`, the steps to predict.

    Returns:
        Tensor of shape `(batch, predictions, vocabulary_size)`.

    Masks:
        The mask of the inputs ends here. Positions that only fill up a row get a prediction like
        any other: give them a `sample_weight` of zero, as `keras_seq.models.mask_tokens` does.

    Raises:
        ValueError: When `token_embedding` does not fit `vocabulary_size` or both are missing, when
            `layer_norm_epsilon` is not positive, when the inputs do not have the shapes above, or
            when a position is not a step of its sequence; the last in eager code only, since
            compiled code does not know the values.

    Example:

    >>> import keras, numpy as np
    >>> from keras_seq.layers import MaskedLMHead
    >>> token_embedding = keras.layers.ReversibleEmbedding(100, 8)
    >>> hidden = token_embedding(np.ones((2, 5), "int32"))
    >>> head = MaskedLMHead(token_embedding=token_embedding)
    >>> tuple(head(hidden, np.array([[1, 3], [0, 4]])).shape)
    (2, 2, 100)

    The weight stays one in a saved model. `keras.models.clone_model`, which copies one layer after
    the other, makes two of it, as of every weight that two layers share.

    References:
        - Devlin et al., BERT, arXiv:1810.04805, section 3.1.
        - Press & Wolf, Using the output embedding to improve language models, arXiv:1608.05859
          (`token_embedding`).
    """

    def __init__(
        self,
        vocabulary_size=None,
        token_embedding=None,
        intermediate_activation="relu",
        activation=None,
        layer_norm_epsilon=1e-5,
        kernel_initializer="glorot_uniform",
        bias_initializer="zeros",
        **kwargs,
    ):
        _check_vocabulary(vocabulary_size, token_embedding)
        check_numbers(layer_norm_epsilon=layer_norm_epsilon)
        super().__init__(**kwargs)
        self.vocabulary_size = plain(vocabulary_size)
        self.token_embedding = token_embedding
        self.intermediate_activation = activations.get(intermediate_activation)
        self.activation = activations.get(activation)
        self.layer_norm_epsilon = plain(layer_norm_epsilon)
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.supports_masking = True

    def build(self, inputs_shape, mask_positions_shape):
        """Create the hidden layer, its norm and the weights of the predictions."""
        tied = self.token_embedding is not None
        width = self.token_embedding.output_dim if tied else inputs_shape[-1]
        # Without a scope: the hidden layer is small, and Keras cannot compute it again anywhere.
        with keras.RematScope(mode=None):
            self._intermediate_dense = keras.layers.Dense(
                width,
                activation=self.intermediate_activation,
                kernel_initializer=copy_of(self.kernel_initializer, "intermediate_dense"),
                bias_initializer=copy_of(self.bias_initializer, "intermediate_dense"),
                trainable=self.trainable,
                dtype=self.dtype_policy,
                name="intermediate_dense",
            )
            self._intermediate_layer_norm = keras.layers.LayerNormalization(
                epsilon=self.layer_norm_epsilon,
                trainable=self.trainable,
                dtype=self.dtype_policy,
                name="intermediate_layer_norm",
            )
        self._intermediate_dense.build((*mask_positions_shape, inputs_shape[-1]))
        self._intermediate_layer_norm.build((*mask_positions_shape, width))
        if not tied:
            self._output_kernel = self.add_weight(
                name="output_kernel",
                shape=(width, self._number_of_tokens()),
                initializer=copy_of(self.kernel_initializer, "output_kernel"),
            )
        elif not self.token_embedding.built:
            self.token_embedding.build((None, None))
        self._output_bias = self.add_weight(
            name="output_bias",
            shape=(self._number_of_tokens(),),
            initializer=copy_of(self.bias_initializer, "output_bias"),
        )

    def call(self, inputs, mask_positions):
        """Predict the tokens at the positions. See the class for the arguments."""
        _check_shapes(inputs.shape, mask_positions.shape)
        check_indices("mask_positions", mask_positions, "time", inputs.shape[1])
        indices = ops.expand_dims(ops.cast(mask_positions, "int32"), -1)
        x = ops.take_along_axis(inputs, indices, axis=1)
        x = self._intermediate_layer_norm(self._intermediate_dense(x))
        if self.token_embedding is None:
            outputs = ops.matmul(x, self._output_kernel)
        else:
            outputs = self.token_embedding(x, reverse=True)
        # An embedding does not cast its weight, so that its output can be wider than ours.
        outputs = ops.cast(outputs, self.compute_dtype) + self._output_bias
        return self.activation(outputs)

    def compute_mask(self, inputs, mask=None):
        """Return `None`: there are no steps any more."""
        return

    def compute_output_shape(self, inputs_shape, mask_positions_shape):
        """Return the shape of the predictions."""
        _check_shapes(inputs_shape, mask_positions_shape)
        return (*mask_positions_shape, self._number_of_tokens())

    def get_config(self):
        """Return the arguments of the constructor."""
        return {
            **super().get_config(),
            "vocabulary_size": self.vocabulary_size,
            "token_embedding": serialize_shared(self.token_embedding),
            "intermediate_activation": activations.serialize(self.intermediate_activation),
            "activation": activations.serialize(self.activation),
            "layer_norm_epsilon": self.layer_norm_epsilon,
            "kernel_initializer": initializers.serialize(self.kernel_initializer),
            "bias_initializer": initializers.serialize(self.bias_initializer),
        }

    @classmethod
    def from_config(cls, config):
        """Return the layer of a configuration."""
        token_embedding = keras.saving.deserialize_keras_object(config["token_embedding"])
        return cls(**{**config, "token_embedding": token_embedding})

    def _number_of_tokens(self):
        tied = self.token_embedding is not None
        return self.token_embedding.input_dim if tied else self.vocabulary_size


def _check_vocabulary(vocabulary_size, token_embedding):
    check_integers(True, vocabulary_size=vocabulary_size)
    if token_embedding is None:
        if vocabulary_size is None:
            raise ValueError(
                "The number of tokens is not known. Pass `vocabulary_size`, or a `token_embedding` "
                "to share. Received: vocabulary_size=None, token_embedding=None"
            )
        return
    if not isinstance(token_embedding, keras.layers.ReversibleEmbedding):
        raise ValueError(
            "`token_embedding` must be a `keras.layers.ReversibleEmbedding`. "
            f"Received: token_embedding={token_embedding}"
        )
    if vocabulary_size not in (None, token_embedding.input_dim):
        raise ValueError(
            "`vocabulary_size` must be the `input_dim` of `token_embedding`; it can be left out. "
            f"Received: vocabulary_size={vocabulary_size}, "
            f"token_embedding.input_dim={token_embedding.input_dim}"
        )


def _check_shapes(inputs_shape, positions_shape):
    has_ranks = len(inputs_shape) == 3 and len(positions_shape) == 2
    if not has_ranks or not can_be_equal(positions_shape[:1], inputs_shape[:1]):
        raise ValueError(
            "`inputs` must have the shape (batch, time, features) and `mask_positions` the shape "
            f"(batch, predictions). Received: inputs of shape {tuple(inputs_shape)}, "
            f"mask_positions of shape {tuple(positions_shape)}"
        )
