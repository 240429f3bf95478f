"""The layers that attention in several heads is made of."""

import string

import keras


def head_projection(input_shape, output_dims, input_dims=1, *, use_bias=True, **kwargs):
    """Return a built layer that maps the last dimensions of its input to others.

        y[..., o] = Σ x[..., i] W[i, o] + b[o],    with `i` and `o` one or several dimensions

    Args:
        input_shape: Tuple, the shape of the input.
        output_dims: Tuple, the dimensions to map to, as `(heads, width of a head)`.
        input_dims: Integer, the number of dimensions to map, 2 for heads. Defaults to 1.
        use_bias: Boolean, whether to add `b`. Defaults to `True`.
        **kwargs: The other arguments of `keras.layers.EinsumDense`.
    """
    letters = iter(string.ascii_lowercase)
    kept = "".join(next(letters) for _ in input_shape[:-input_dims])
    mapped = "".join(next(letters) for _ in range(input_dims))
    new = "".join(next(letters) for _ in output_dims)
    dense = keras.layers.EinsumDense(
        f"{kept}{mapped},{mapped}{new}->{kept}{new}",
        output_shape=[None] * (len(kept) - 1) + list(output_dims),
        bias_axes=new if use_bias else None,
        **kwargs,
    )
    return _built(dense, input_shape)


def head_norm(input_shape, **kwargs):
    """Return a built layer that divides each head by its root mean square and scales it.

    Args:
        input_shape: Tuple, the shape of the input, which ends with the width of a head.
        **kwargs: The arguments of `keras.layers.RMSNormalization`.
    """
    return _built(keras.layers.RMSNormalization(**kwargs), input_shape)


def _built(layer, input_shape):
    # Keras would warn that the mask of the input is lost; attention itself uses it.
    layer.supports_masking = True
    layer.build(tuple(input_shape))
    return layer
