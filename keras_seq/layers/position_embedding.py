"""Positions as learned vectors."""

import keras
from keras import initializers, ops

from keras_seq.layers.rematerialization import Rematerialization
from keras_seq.ops.arguments import check_integers, plain
from keras_seq.ops.positions import check_steps
from keras_seq.ops.shapes import can_be_equal


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
        start_index: Integer or integer tensor, the position of the first step. Defaults to 0.

    Returns:
        Tensor of the shape of `inputs`: the inputs plus the vectors of their positions.

    Masks:
        Masked steps count as positions. The mask goes on to the next layer.

    Raises:
        ValueError: When `sequence_length` is not a positive integer, a sequence is longer or begins
            before the first position, or the inputs do not have this shape or the width that the
            layer was built for.

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
        self.position_embeddings = None
        self.supports_masking = True

    def build(self, inputs_shape):
        """Create the vectors."""
        check_steps(inputs_shape)
        self.position_embeddings = self.add_weight(
            name="embeddings",
            shape=(self.sequence_length, inputs_shape[-1]),
            initializer=self.initializer,
        )

    def call(self, inputs, start_index=0):
        """Add the vectors to the inputs. See the class for the arguments."""
        self._check_shape(inputs.shape, start_index)
        vectors = ops.slice(
            ops.convert_to_tensor(self.position_embeddings),
            (start_index, 0),
            ops.shape(inputs)[-2:],
        )
        return ops.cast(inputs, self.compute_dtype) + ops.cast(vectors, self.compute_dtype)

    def compute_output_shape(self, inputs_shape):
        """Return the shape of the output."""
        self._check_shape(inputs_shape)
        return tuple(inputs_shape)

    def get_config(self):
        """Return the arguments of the constructor."""
        return {
            **super().get_config(),
            "sequence_length": self.sequence_length,
            "initializer": initializers.serialize(self.initializer),
        }

    def _check_shape(self, shape, start_index=0):
        vectors = self.position_embeddings
        if vectors is not None and not can_be_equal(shape[-1:], vectors.shape[-1:]):
            raise ValueError(
                f"This layer was built for sequences of {vectors.shape[-1]} features. "
                f"Received: inputs.shape={tuple(shape)}"
            )
        # Inside a loop the index is a tensor, of which the value is not known.
        if not isinstance(start_index, int):
            return
        if start_index < 0:
            raise ValueError(
                "`start_index` is a position, of which the first is 0. "
                f"Received: start_index={start_index}"
            )
        time = shape[-2]
        if isinstance(time, int) and time + start_index > self.sequence_length:
            raise ValueError(
                "The sequence is longer than the positions this layer knows. Build it with a "
                f"larger `sequence_length`. Received: {time} steps from position {start_index}, "
                f"sequence_length={self.sequence_length}"
            )
