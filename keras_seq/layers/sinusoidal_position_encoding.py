"""Positions as sines and cosines."""

import math

import keras
from keras import ops

from keras_seq.layers.rematerialization import Rematerialization
from keras_seq.ops.arguments import check_numbers, plain
from keras_seq.ops.positions import check_steps


@keras.saving.register_keras_serializable(package="keras_seq")
class SinusoidalPositionEncoding(Rematerialization, keras.layers.Layer):
    """Add sines and cosines of the position to the features of every step.

    With `d` the width of the input and `m` the `max_wavelength`, a step at position `p` gets

        PE(p, 2i)   = sin(p / m^(2i / d))
        PE(p, 2i+1) = cos(p / m^(2i / d))

    so that a step knows its place, and a fixed distance is a fixed rotation. The layer has no
    weights and works for sequences of any length.

    Args:
        max_wavelength: Positive float, `m`, which sets the longest wavelength, `2π m`.
            Defaults to 10000.
        **kwargs: The arguments of `keras.layers.Layer`: `name`, `dtype`, `trainable`.

    Call arguments:
        inputs: Tensor of shape `(..., time, width)`.
        start_index: Integer or integer tensor, the position of the first step. Defaults to 0.

    Returns:
        Tensor of the shape of `inputs`: the inputs plus their encoding.

    Masks:
        Masked steps count as positions. The mask goes on to the next layer.

    Raises:
        ValueError: When `max_wavelength` is not positive, or the inputs do not have this shape,
            with a known width.

    Example:

    >>> import numpy as np
    >>> from keras_seq.layers import SinusoidalPositionEncoding
    >>> encoded = SinusoidalPositionEncoding()(np.zeros((1, 2, 4), "float32"))
    >>> [round(float(value), 3) for value in encoded[0, 1]]
    [0.841, 0.54, 0.01, 1.0]

    Reference:
        - Vaswani et al., Attention is all you need, arXiv:1706.03762, section 3.5.
    """

    def __init__(self, max_wavelength=10000, **kwargs):
        check_numbers(max_wavelength=max_wavelength)
        super().__init__(**kwargs)
        self.max_wavelength = plain(max_wavelength)
        self.supports_masking = True

    def build(self, input_shape):
        """Create nothing: the layer has no weights."""
        check_steps(input_shape)

    def call(self, inputs, start_index=0):
        """Add the encoding to the inputs. See the class for the arguments."""
        time, width = ops.shape(inputs)[-2], inputs.shape[-1]
        # In float32 whatever the layer computes in: half precision cannot count beyond 2048.
        positions = ops.cast(ops.arange(time) + start_index, "float32")
        exponents = ops.arange(0, width, 2, dtype="float32") * (-math.log(self.max_wavelength))
        angles = ops.expand_dims(positions, -1) * ops.exp(exponents / width)
        # Sine and cosine of an angle side by side; the last cosine is left out of odd widths.
        encoding = ops.stack([ops.sin(angles), ops.cos(angles)], axis=-1)
        encoding = ops.reshape(encoding, (-1, 2 * angles.shape[-1]))[:, :width]
        return ops.cast(inputs, self.compute_dtype) + ops.cast(encoding, self.compute_dtype)

    def compute_output_shape(self, input_shape):
        """Return the shape of the output."""
        return tuple(input_shape)

    def get_config(self):
        """Return the arguments of the constructor."""
        return {**super().get_config(), "max_wavelength": self.max_wavelength}
