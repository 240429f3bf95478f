"""Positions as rotations of pairs of features."""

from numbers import Integral

import keras
from keras import ops

from keras_seq.layers.rematerialization import Rematerialization
from keras_seq.ops.arguments import check_numbers, plain
from keras_seq.ops.positions import rotate
from keras_seq.ops.shapes import can_be_equal


@keras.saving.register_keras_serializable(package="keras_seq")
class RotaryEmbedding(Rematerialization, keras.layers.Layer):
    """Turn pairs of features by angles that grow with the position of the step.

    With `d` the width of the input and `m` the `max_wavelength`, the features `i` and `i + d/2`
    of a step at position `p` are the coordinates of a point that is turned by the angle

        angle(p, i) = p / scaling_factor / m^(2i / d),    i = 0 ... d/2 - 1

    so that the product of a turned query and a turned key depends only on how far apart the two
    are. The paper turns neighbouring features; here, as in most models today, the two halves of
    the features are paired. Angles are computed in float32 whatever the dtype of the layer, which
    has no weights and works for sequences of any length.

    Args:
        max_wavelength: Positive float, `m`, which sets the longest wavelength, `2π m`.
            Defaults to 10000.
        scaling_factor: Positive float, by which positions are divided: at 2, a model sees twice
            the length within the positions it was trained on. Defaults to 1.
        sequence_axis: Integer, the axis of the steps. Defaults to 1.
        feature_axis: Integer, the axis of the features. Defaults to -1.
        **kwargs: The arguments of `keras.layers.Layer`: `name`, `dtype`, `trainable`.

    Call arguments:
        inputs: Tensor of shape `(batch, time, width)` or `(batch, time, heads, width)`, or of any
            shape with these two axes elsewhere. The width must be even.
        start_index: Integer or integer tensor, the position of the first step. Defaults to 0.
        positions: Tensor of shape `(time,)` or `(batch, time)`, the positions of all steps, in
            place of `start_index`. Defaults to `None`.

    Returns:
        Tensor of the shape of `inputs`, turned.

    Masks:
        Masked steps count as positions. The mask goes on to the next layer.

    Raises:
        ValueError: When `max_wavelength` or `scaling_factor` is not positive, the width is odd,
            an axis does not exist, both axes are the same, or `positions` does not fit.

    Example:

    >>> import numpy as np
    >>> from keras_seq.layers import RotaryEmbedding
    >>> turned = RotaryEmbedding()(np.array([[[1.0, 0.0], [1.0, 0.0]]], "float32"))
    >>> [round(float(value), 3) for value in turned[0, 1]]
    [0.54, 0.841]

    Reference:
        - Su et al., RoFormer: enhanced transformer with rotary position embedding,
          arXiv:2104.09864, equation 34.
    """

    def __init__(
        self, max_wavelength=10000, scaling_factor=1.0, sequence_axis=1, feature_axis=-1, **kwargs
    ):
        check_numbers(max_wavelength=max_wavelength, scaling_factor=scaling_factor)
        for name, value in (("sequence_axis", sequence_axis), ("feature_axis", feature_axis)):
            if isinstance(value, bool) or not isinstance(value, Integral):
                raise ValueError(f"`{name}` must be an integer. Received: {name}={value}")
        # Keras would round positions that are floats to the dtype of the layer.
        super().__init__(autocast=False, **kwargs)
        self.max_wavelength = plain(max_wavelength)
        self.scaling_factor = plain(scaling_factor)
        self.sequence_axis = plain(sequence_axis)
        self.feature_axis = plain(feature_axis)
        self.supports_masking = True

    def build(self, inputs_shape):
        """Create nothing: the layer has no weights."""
        self._check_shape(inputs_shape)

    def call(self, inputs, start_index=0, positions=None):
        """Turn the features of the inputs. See the class for the arguments."""
        sequence_axis, feature_axis = self._check_shape(inputs.shape)
        x = ops.cast(inputs, self.compute_dtype)
        x = ops.moveaxis(x, (sequence_axis, feature_axis), (-2, -1))
        if positions is None:
            positions = ops.arange(ops.shape(x)[-2], dtype="int32")
            positions = positions + ops.cast(start_index, "int32")
        else:
            positions = self._aligned(ops.convert_to_tensor(positions), x.shape)
        x = rotate(x, positions, self.max_wavelength, self.scaling_factor)
        return ops.moveaxis(x, (-2, -1), (sequence_axis, feature_axis))

    def compute_output_shape(self, inputs_shape):
        """Return the shape of the output."""
        self._check_shape(inputs_shape)
        return tuple(inputs_shape)

    def get_config(self):
        """Return the arguments of the constructor."""
        return {
            **super().get_config(),
            "max_wavelength": self.max_wavelength,
            "scaling_factor": self.scaling_factor,
            "sequence_axis": self.sequence_axis,
            "feature_axis": self.feature_axis,
        }

    def _check_shape(self, shape):
        """Return both axes counted from the front."""
        rank = len(shape)
        axes = [a + rank if a < 0 else a for a in (self.sequence_axis, self.feature_axis)]
        if axes[0] == axes[1] or not all(0 <= axis < rank for axis in axes):
            raise ValueError(
                "The input must have one axis of steps and another of features. "
                f"Received: inputs.shape={tuple(shape)}, sequence_axis={self.sequence_axis}, "
                f"feature_axis={self.feature_axis}"
            )
        width = shape[axes[1]]
        if width is None or width % 2:
            raise ValueError(
                "Features are turned in pairs, so their number must be known and even. "
                f"Received: inputs.shape={tuple(shape)}, feature_axis={self.feature_axis}"
            )
        return axes

    def _aligned(self, positions, shape):
        """Bring positions to the rank of the input without its features."""
        rank, time = len(positions.shape), shape[-2]
        lead = tuple(shape[:1]) if rank == 2 else ()
        if rank not in (1, 2) or not can_be_equal(
            positions.shape, (*lead, time), may_broadcast=True
        ):
            raise ValueError(
                "`positions` must have shape `(time,)` or `(batch, time)`. "
                f"Received: positions.shape={tuple(positions.shape)}, for {time} steps"
            )
        if rank == 1:
            return positions
        sizes = ops.shape(positions)
        return ops.reshape(positions, (sizes[0], *(1,) * (len(shape) - 3), sizes[1]))
