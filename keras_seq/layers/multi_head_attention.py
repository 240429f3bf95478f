"""Attention in several heads."""

import math

import keras
from keras import constraints, initializers, ops, regularizers

from keras_seq.ops.attention import attention
from keras_seq.ops.heads import heads_first, heads_last, pair_mask, position_mask


@keras.saving.register_keras_serializable(package="keras_seq")
class MultiHeadAttention(keras.layers.Layer):
    """Attend from queries to values in several heads of a smaller width.

    Queries, keys and values are projected for each head, `keras_seq.ops.attention` runs in every
    head, and the joined outputs are projected once more. The layer takes the arguments and has
    the weights of `keras.layers.MultiHeadAttention`: the two read each other's weight files.

    Args:
        num_heads: Positive integer, the number of heads.
        key_dim: Positive integer, the width of a head for queries and keys.
        value_dim: Positive integer, the width of a head for values. Defaults to `None`, the
            same as `key_dim`.
        dropout: Float between 0 and 1, the fraction of attention weights to drop in training.
            Defaults to 0.
        use_bias: Boolean, whether the projections have a bias. Defaults to `True`.
        output_shape: Integer or tuple, the last dimensions of the output. Defaults to `None`,
            the last dimension of the query.
        attention_axes: Integer or tuple, the axes to attend over. Defaults to `None`, all but
            the first and the last.
        sliding_window: Optional positive integer `w`: a query sees only the keys less than `w`
            steps away from it. Defaults to `None`.
        flash_attention: `True` insists on the flash attention of the backend, which raises an
            error where there is none. `None` and `False` use `keras_seq.ops.attention`.
            Defaults to `None`.
        kernel_initializer: Initializer of the kernels. Defaults to `"glorot_uniform"`.
        bias_initializer: Initializer of the biases. Defaults to `"zeros"`.
        kernel_regularizer: Regularizer of the kernels. Defaults to `None`.
        bias_regularizer: Regularizer of the biases. Defaults to `None`.
        activity_regularizer: Regularizer of the outputs of the projections. Defaults to `None`.
        kernel_constraint: Constraint of the kernels. Defaults to `None`.
        bias_constraint: Constraint of the biases. Defaults to `None`.
        use_gate: Boolean, whether to multiply the output of the heads by a gate, a projection
            of the query through a sigmoid (arXiv:2505.06708). Defaults to `False`.
        seed: Integer, the seed of dropout. Defaults to `None`.
        **kwargs: The arguments of `keras.layers.Layer`: `name`, `dtype`, `trainable`.

    Call arguments:
        query: Tensor of shape `(batch, T, width)`, or with more dimensions to attend over.
        value: Tensor of shape `(batch, S, width)`.
        key: Optional tensor of shape `(batch, S, width)`. Defaults to `value`.
        query_mask: Tensor of shape `(batch, T)`, true where a query is valid. Defaults to the
            mask that came with `query`; the masks below likewise.
        value_mask: Tensor of shape `(batch, S)`, true where a value is valid.
        key_mask: Tensor of shape `(batch, S)`, true where a key is valid.
        attention_mask: Tensor of shape `(batch, T, S)`, true where a query may attend to a key;
            the batch dimension may be missing, and a dimension for heads may follow it.
        return_attention_scores: Boolean, whether to return the attention weights too.
            Defaults to `False`.
        training: Boolean, whether to apply dropout.
        use_causal_mask: Boolean, whether a query sees no later keys. Defaults to `False`.

    Returns:
        Tensor of shape `(batch, T, width)`; with `return_attention_scores=True` a tuple of it
        and the attention weights before dropout, of shape `(batch, num_heads, T, S)`.

    Masks:
        All masks must allow a query to see a key. A key that may not be seen has a weight of
        exactly zero; where a query sees no key its heads give exactly zero (and the output is
        the bias of the last projection), with zero gradients. The mask of the query goes on to
        the next layer.

    Raises:
        ValueError: When an argument is not one of the above, when the shapes of keys and values
            differ before the last dimension, or when `flash_attention=True` is combined with
            dropout or with `return_attention_scores`.

    Example:

    >>> import numpy as np
    >>> from keras_seq.layers import MultiHeadAttention
    >>> layer = MultiHeadAttention(num_heads=2, key_dim=4)
    >>> output, scores = layer(
    ...     np.ones((3, 5, 8)), np.ones((3, 6, 8)), return_attention_scores=True
    ... )
    >>> tuple(output.shape), tuple(scores.shape)
    ((3, 5, 8), (3, 2, 5, 6))

    Reference:
        - Vaswani et al., Attention is all you need, arXiv:1706.03762, section 3.2.2.
    """

    def __init__(
        self,
        num_heads,
        key_dim,
        value_dim=None,
        dropout=0.0,
        use_bias=True,
        output_shape=None,
        attention_axes=None,
        sliding_window=None,
        flash_attention=None,
        kernel_initializer="glorot_uniform",
        bias_initializer="zeros",
        kernel_regularizer=None,
        bias_regularizer=None,
        activity_regularizer=None,
        kernel_constraint=None,
        bias_constraint=None,
        use_gate=False,
        seed=None,
        **kwargs,
    ):
        _check_positive("num_heads", num_heads)
        _check_positive("key_dim", key_dim)
        _check_positive("value_dim", value_dim, optional=True)
        _check_positive("sliding_window", sliding_window, optional=True)
        if not 0 <= dropout <= 1:
            raise ValueError(
                "`dropout` is the fraction of attention weights to drop and must lie between 0 "
                f"and 1. Received: dropout={dropout}"
            )
        if flash_attention and dropout > 0:
            raise ValueError(
                "Dropout is not supported when flash attention is enabled. Pass `dropout=0.0` or "
                f"`flash_attention=None`. Received: dropout={dropout}, flash_attention=True"
            )
        super().__init__(**kwargs)
        self.num_heads = num_heads
        self.key_dim = key_dim
        self.value_dim = key_dim if value_dim is None else value_dim
        self.dropout = dropout
        self.use_bias = use_bias
        # Not `output_shape`: a model's summary would take it for the shape of the output.
        self._output_shape = _as_tuple("output_shape", output_shape)
        self.attention_axes = _as_tuple("attention_axes", attention_axes)
        self.sliding_window = sliding_window
        self.flash_attention = flash_attention
        self.use_gate = use_gate
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed) if dropout > 0 else None
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        # Not `activity_regularizer`: that would regularize the output of this layer once more.
        self._projection_regularizer = regularizers.get(activity_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.bias_constraint = constraints.get(bias_constraint)
        self._gate_dense = None
        self.supports_masking = True

    def build(self, query_shape, value_shape, key_shape=None):
        """Create the projections."""
        key_shape = value_shape if key_shape is None else key_shape
        _check_key_shape(value_shape, key_shape)
        heads = (self.num_heads, self.key_dim)
        value_heads = (self.num_heads, self.value_dim)
        self._query_dense = self._projection("query", query_shape, heads)
        self._key_dense = self._projection("key", key_shape, heads)
        if self.use_gate:
            self._gate_dense = self._projection("gate", query_shape, value_heads, "sigmoid")
        self._value_dense = self._projection("value", value_shape, value_heads)
        self._output_dense = self._projection(
            "attention_output",
            (*query_shape[:-1], *value_heads),
            self._output_shape or (query_shape[-1],),
            input_dims=2,
        )

    def call(
        self,
        query,
        value,
        key=None,
        query_mask=None,
        value_mask=None,
        key_mask=None,
        attention_mask=None,
        return_attention_scores=False,
        training=None,
        use_causal_mask=False,
    ):
        """Attend from the queries to the values. See the class for the arguments."""
        if self.flash_attention and return_attention_scores:
            raise ValueError(
                "Flash attention never holds the attention scores. Pass "
                "`return_attention_scores=False` or `flash_attention=None`. Received: "
                "return_attention_scores=True, flash_attention=True"
            )
        axes = self._axes(len(query.shape))
        gate = None if self._gate_dense is None else self._gate_dense(query)
        key = self._key_dense(value if key is None else key)
        query = self._query_dense(query)
        value = self._value_dense(value)
        sizes = [ops.shape(query)[axis] for axis in axes]
        key_sizes = [ops.shape(key)[axis] for axis in axes]

        query, key, value = (heads_first(x, axes) for x in (query, key, value))
        mask = self._mask(
            (ops.shape(query)[-2], ops.shape(key)[-2]),
            query_mask=position_mask(query_mask, axes, "query_mask", -1),
            value_mask=position_mask(value_mask, axes, "value_mask", -2),
            key_mask=position_mask(key_mask, axes, "key_mask", -2),
            attention_mask=pair_mask(attention_mask, sizes, key_sizes, len(query.shape)),
            use_causal_mask=use_causal_mask,
        )
        if self.flash_attention:
            output, scores = self._flash_attention(query, key, value, mask), None
        else:
            output, scores = attention(
                query,
                key,
                value,
                mask,
                dropout=self.dropout if training else 0.0,
                seed=self.seed_generator,
            )
        output = heads_last(output, axes, sizes)
        output = self._output_dense(output if gate is None else output * gate)
        if not return_attention_scores:
            return output
        if len(axes) > 1:
            scores = ops.reshape(scores, (*ops.shape(scores)[:-2], *sizes, *key_sizes))
        return output, scores

    def compute_output_shape(self, query_shape, value_shape, key_shape=None):
        """Return the shape of the output."""
        _check_key_shape(value_shape, value_shape if key_shape is None else key_shape)
        return (*query_shape[:-1], *(self._output_shape or (query_shape[-1],)))

    def compute_output_spec(self, query, value, key=None, return_attention_scores=False, **kwargs):
        """Return the shape and dtype of the output and of the attention scores."""
        key_shape = value.shape if key is None else key.shape
        shape = self.compute_output_shape(query.shape, value.shape, key_shape)
        output = keras.KerasTensor(shape, dtype=self.compute_dtype)
        if not return_attention_scores:
            return output
        axes = self._axes(len(query.shape))
        others = [axis for axis in range(1, len(query.shape) - 1) if axis not in axes]
        scores_shape = (
            query.shape[0],
            *(query.shape[axis] for axis in others),
            self.num_heads,
            *(query.shape[axis] for axis in axes),
            *(key_shape[axis] for axis in axes),
        )
        return output, keras.KerasTensor(scores_shape, dtype=self.compute_dtype)

    @property
    def query_dense(self):
        """The projection of the queries."""
        return self._query_dense

    @property
    def key_dense(self):
        """The projection of the keys."""
        return self._key_dense

    @property
    def value_dense(self):
        """The projection of the values."""
        return self._value_dense

    @property
    def output_dense(self):
        """The projection of the joined heads."""
        return self._output_dense

    def get_config(self):
        """Return the arguments of the constructor."""
        return {
            **super().get_config(),
            "num_heads": self.num_heads,
            "key_dim": self.key_dim,
            "value_dim": self.value_dim,
            "dropout": self.dropout,
            "use_bias": self.use_bias,
            "output_shape": self._output_shape,
            "attention_axes": self.attention_axes,
            "sliding_window": self.sliding_window,
            "flash_attention": self.flash_attention,
            "kernel_initializer": initializers.serialize(self.kernel_initializer),
            "bias_initializer": initializers.serialize(self.bias_initializer),
            "kernel_regularizer": regularizers.serialize(self.kernel_regularizer),
            "bias_regularizer": regularizers.serialize(self.bias_regularizer),
            "activity_regularizer": regularizers.serialize(self._projection_regularizer),
            "kernel_constraint": constraints.serialize(self.kernel_constraint),
            "bias_constraint": constraints.serialize(self.bias_constraint),
            "use_gate": self.use_gate,
            "seed": self.seed,
        }

    def _projection(self, name, input_shape, output_dims, activation=None, input_dims=1):
        letters = iter("abcdefghijklmnopqrstuvwxyz")
        free = "".join(next(letters) for _ in input_shape[:-input_dims])
        bound = "".join(next(letters) for _ in range(input_dims))
        new = "".join(next(letters) for _ in output_dims)
        dense = keras.layers.EinsumDense(
            f"{free}{bound},{bound}{new}->{free}{new}",
            output_shape=[None] * (len(free) - 1) + list(output_dims),
            activation=activation,
            bias_axes=new if self.use_bias else None,
            # A copy each: one initializer gives the same values whenever it is called.
            kernel_initializer=_clone(self.kernel_initializer),
            bias_initializer=_clone(self.bias_initializer),
            kernel_regularizer=self.kernel_regularizer,
            bias_regularizer=self.bias_regularizer,
            activity_regularizer=self._projection_regularizer,
            kernel_constraint=self.kernel_constraint,
            bias_constraint=self.bias_constraint,
            dtype=self.dtype_policy,
            name=name,
        )
        # Keras would warn that the mask of the input is lost; it is used here.
        dense.supports_masking = True
        dense.build(tuple(input_shape))
        return dense

    def _axes(self, rank):
        """Return the axes to attend over, from 1 to `rank - 2`."""
        if self.attention_axes is None:
            return tuple(range(1, rank - 1))
        return tuple(axis if axis >= 0 else rank + axis for axis in self.attention_axes)

    def _mask(self, sizes, query_mask, value_mask, key_mask, attention_mask, use_causal_mask):
        """Return the mask that all masks together make, or `None`."""
        masks = [query_mask, value_mask, key_mask, attention_mask]
        masks = [ops.cast(mask, "bool") for mask in masks if mask is not None]
        if use_causal_mask or self.sliding_window is not None:
            distance = ops.expand_dims(ops.arange(sizes[0]), 1) - ops.arange(sizes[1])
            if use_causal_mask:
                masks.append(distance >= 0)
            if self.sliding_window is not None:
                masks.append(ops.abs(distance) < self.sliding_window)
        if not masks:
            return None
        total = masks[0]
        for mask in masks[1:]:
            total = ops.logical_and(total, mask)
        return total

    def _flash_attention(self, query, key, value, mask):
        """Return the output of the flash attention of the backend."""
        query, key, value = (ops.swapaxes(x, -2, -3) for x in (query, key, value))
        output = ops.dot_product_attention(
            query,
            key,
            value,
            mask=mask,
            scale=1.0 / math.sqrt(self.key_dim),
            flash_attention=True,
        )
        output = ops.swapaxes(output, -2, -3)
        if mask is None:
            return output
        # The kernels disagree about a query that sees no key.
        return ops.where(ops.any(mask, axis=-1, keepdims=True), output, ops.zeros_like(output))


def _clone(initializer):
    return initializer.__class__.from_config(initializer.get_config())


def _check_key_shape(value_shape, key_shape):
    if tuple(value_shape[1:-1]) != tuple(key_shape[1:-1]):
        raise ValueError(
            "All dimensions of `value` and `key` but the last must be equal. "
            f"Received: value_shape={tuple(value_shape)}, key_shape={tuple(key_shape)}"
        )


def _check_positive(name, value, optional=False):
    if value is None and optional:
        return
    if isinstance(value, bool) or not isinstance(value, int) or value <= 0:
        raise ValueError(
            f"The argument `{name}` must be a positive integer{' or `None`' if optional else ''}. "
            f"Received: {name}={value}"
        )


def _as_tuple(name, value):
    if value is None:
        return None
    if isinstance(value, int):
        return (value,)
    if not isinstance(value, (list, tuple)):
        raise ValueError(
            f"Invalid `{name}`: it must be an integer, a tuple or `None`. Received: {name}={value}"
        )
    return tuple(value)
