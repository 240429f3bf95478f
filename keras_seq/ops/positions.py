"""Positions in attention: rotations, linear biases, and which positions see which."""

import math

import keras
from keras import ops


def rotate(x, positions, max_wavelength=10000, scaling_factor=1.0):
    """Turn pairs of features by angles that grow with the position.

    With `d` features and `m` the `max_wavelength`, the features `i` and `i + d/2` of a step at
    position `p` are the two coordinates of a point that is turned by

        angle(p, i) = p / scaling_factor / m^(2i / d),    i = 0 ... d/2 - 1

    (arXiv:2104.09864, section 3.2.2, with the two halves of the features as the coordinates). The
    product of a turned query and a turned key depends on the distance of their positions alone.

    Args:
        x: Tensor of shape `(..., time, d)`.
        positions: Tensor that can be broadcast to `(..., time)`.
        max_wavelength: Positive float, `m`.
        scaling_factor: Positive float, by which positions are divided.

    Returns:
        Tensor of the shape and dtype of `x`.
    """
    half = x.shape[-1] // 2
    # In float32 whatever the dtype of `x`: half precision cannot count beyond 2048.
    exponents = ops.arange(half, dtype="float32") * (-math.log(max_wavelength) / max(half, 1))
    angles = ops.expand_dims(ops.cast(positions, "float32") / scaling_factor, -1) * ops.exp(
        exponents
    )
    precise = at_least_float32(x)
    cos, sin = (ops.cast(f(angles), precise.dtype) for f in (ops.cos, ops.sin))
    a, b = precise[..., :half], precise[..., half:]
    return ops.cast(ops.concatenate([a * cos - b * sin, b * cos + a * sin], axis=-1), x.dtype)


def check_steps(shape):
    """Refuse the shape of anything but sequences of features, whose number is known."""
    if len(shape) < 2 or shape[-1] is None:
        raise ValueError(
            "The input must have the shape (..., time, width), with a known width. "
            f"Received: inputs.shape={tuple(shape)}"
        )


def alibi_slopes(num_heads):
    """Return the slopes of the linear biases, one per head.

    For `n` heads, a power of two, they are `2^(-8/n), 2^(-16/n) ... 2^-8`. Otherwise they are
    those for the next smaller power of two, followed by the first, third, fifth ... slope of its
    double (arXiv:2108.12409, section 3 and the authors' code).
    """
    power = 2 ** int(math.log2(num_heads))
    slopes = [2 ** (-8 * i / power) for i in range(1, power + 1)]
    between = [2 ** (-8 * i / (2 * power)) for i in range(1, 2 * power, 2)]
    return slopes + between[: num_heads - power]


def linear_bias(distance, slopes):
    """Return `-slope |t - s|` for every head, of shape `(heads, T, S)`, from all `t - s`."""
    slopes = ops.reshape(ops.convert_to_tensor(slopes, "float32"), (-1, 1, 1))
    return -slopes * ops.cast(ops.abs(distance), "float32")


def visible_pairs(distance, use_causal_mask=False, sliding_window=None):
    """Return where queries may see keys, from all `t - s`; `None` if everywhere."""
    if sliding_window is None:
        return distance >= 0 if use_causal_mask else None
    near = ops.abs(distance) < sliding_window
    return ops.logical_and(near, distance >= 0) if use_causal_mask else near


def at_least_float32(x):
    """Return a tensor in float32 if it is in half precision, else unchanged."""
    half = keras.backend.standardize_dtype(x.dtype) in ("float16", "bfloat16")
    return ops.cast(x, "float32") if half else x
