"""Positions as learned vectors."""

import keras
from keras import initializers, ops

from keras_seq.layers.rematerialization import Rematerialization
from keras_seq.ops.arguments import check_integers, plain


@keras.saving.register_keras_serializable(package="keras_seq")
class PositionEmbedding(Rematerialization, keras.layers.Layer):
    """Add a learned vector for the position to the features of every step.

    The weight `position_embeddings` has shape `(sequence_length, width)`.

    Args:
        sequence_length: Positive integer, the length of the longest sequence.
        initializer: Initializer of the vectors. Defaults to `"glorot_uniform"`.
        **kwargs: The arguments of `keras.layers.Layer`: `name`, `dtype`, `trainable`.

    Call arguments:
        inputs: Tensor of shape `(..., time, width)`.
        start_index: Integer, the position of the first step. Defaults to 0.

    Returns:
        Tensor of the shape of `inputs`: the inputs plus the vectors of their positions.

    Masks:
        Masked steps count as positions. The mask goes on to the next layer.

    Raises:
        ValueError: When `sequence_length` is not a positive integer or a sequence is longer.

    Example:

    >>> import numpy as np
    >>> from keras_seq.layers import PositionEmbedding
    >>> layer = PositionEmbedding(sequence_length=10)
    >>> tuple(layer(np.ones((3, 5, 8))).shape)
    (3, 5, 8)

    Reference:
        - Gehring et al., Convolutional sequence to sequence learning, arXiv:1705.03122,
          section 3.1.
    """

    def __init__(self, sequence_length, initializer="glorot_uniform", **kwargs):
        check_integers(sequence_length=sequence_length)
        super().__init__(**kwargs)
        self.sequence_length = plain(sequence_length)
        self.initializer = initializers.get(initializer)
        self.supports_masking = True

    def build(self, inputs_shape):
        """Create the vectors."""
        self.position_embeddings = self.add_weight(
            name="embeddings",
            shape=(self.sequence_length, inputs_shape[-1]),
            initializer=self.initializer,
        )

    def call(self, inputs, start_index=0):
        """Add the vectors to the inputs. See the class for the arguments."""
        self._check_length(inputs.shape[-2], start_index)
        vectors = ops.slice(
            ops.convert_to_tensor(self.position_embeddings),
            (start_index, 0),
            ops.shape(inputs)[-2:],
        )
        return ops.cast(inputs, self.compute_dtype) + ops.cast(vectors, self.compute_dtype)

    def compute_output_shape(self, inputs_shape):
        """Return the shape of the output."""
        self._check_length(inputs_shape[-2], 0)
        return tuple(inputs_shape)

    def get_config(self):
        """Return the arguments of the constructor."""
        return {
            **super().get_config(),
            "sequence_length": self.sequence_length,
            "initializer": initializers.serialize(self.initializer),
        }

    def _check_length(self, time, start_index):
        # Inside a loop the index is a tensor, of which the value is not known.
        known = isinstance(time, int) and isinstance(start_index, int)
        if known and time + start_index > self.sequence_length:
            raise ValueError(
                "The sequence is longer than the positions this layer knows. Build it with a "
                f"larger `sequence_length`. Received: {time} steps from position {start_index}, "
                f"sequence_length={self.sequence_length}"
            )
