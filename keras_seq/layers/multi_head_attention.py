"""Attention in several heads."""

import functools
from operator import attrgetter

import keras
from keras import constraints, initializers, ops, regularizers

from keras_seq.layers.attention_parts import head_norm, head_projection
from keras_seq.layers.initializer import copy_of
from keras_seq.layers.quantized_parts import QuantizedParts
from keras_seq.layers.rematerialization import Rematerialization
from keras_seq.layers.rotary_embedding import RotaryEmbedding
from keras_seq.ops import arguments, dispatch, heads
from keras_seq.ops.key_value_cache import check_cache, read_cache, update_cache
from keras_seq.ops.multi_head_attention import multi_head_attention
from keras_seq.ops.query_value_key import check_shapes, check_widths, shapes_read


@keras.saving.register_keras_serializable(package="keras_seq")
class MultiHeadAttention(QuantizedParts, Rematerialization, keras.layers.Layer):
    """Attend from queries to values in several heads of a smaller width.

    Queries, keys and values are projected for each head, `keras_seq.ops.attention` runs in every
    head, and the joined outputs are projected once more. With the arguments that
    `keras.layers.MultiHeadAttention` has too, the two read each other's weight files.

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
            steps away from it, on both sides; with `use_causal_mask=True` only the `w` keys up to
            its own position. Defaults to `None`.
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
        num_key_value_heads: Positive integer, a divisor of `num_heads`: the number of heads of
            keys and values, each of which serves `num_heads / num_key_value_heads` heads of
            queries next to each other. Defaults to `None`, the same as `num_heads`.
        qk_norm: Boolean, whether to divide queries and keys in each head by their root mean
            square and multiply them by a learned scale of width `key_dim`. Defaults to `False`.
        position: `"rotary"` turns queries and keys as `RotaryEmbedding` does, after `qk_norm`.
            `"alibi"` adds `-slope * |distance|` to the scores, with a slope for each head;
            the causal form of the paper with `use_causal_mask=True`, else symmetric. Defaults to
            `"none"`.
        rope_max_wavelength: Positive float, `max_wavelength` of `RotaryEmbedding`.
            Defaults to 10000.
        rope_scaling_factor: Positive float, `scaling_factor` of `RotaryEmbedding`.
            Defaults to 1.
        implementation: `"reference"` holds all scores at once. `"fast"` goes through them in
            blocks, and its memory grows with `T + S`, not with `T S`. `"auto"` is `"fast"` where
            `T S` is at least 2^20, on JAX and PyTorch 2^18, unless the scores are asked for,
            which `"fast"` refuses. Defaults to `"auto"`.
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
        attention_bias: Float tensor that can be broadcast to `(batch, num_heads, T, S)`, added
            to the scaled scores. Minus infinity hides a key as a mask does.
        cache: Keys and values of earlier steps, as `get_initial_cache` makes them. `S` is then
            the length of the cache, also for masks and bias.
        cache_update_index: Integer or integer tensor: the position of the first query, at which
            the new keys and values are written into the cache. Positions behind the last one
            written are not seen, and what would lie outside of the cache is not written.
            Defaults to `None`: the cache stays, and `key` and `value` are ignored.

    Returns:
        Tensor of shape `(batch, T, width)`, or a tuple of it and what is asked for: with
        `return_attention_scores=True` the attention weights, of shape `(batch, num_heads, T, S)`,
        before dropout: rows have a sum of one, or zero; then, with `cache`, the new cache.

    Masks:
        All masks must allow a query to see a key. A key that may not be seen has a weight of
        exactly zero; where a query sees no key its heads give exactly zero (and the output is the
        bias of the last projection), with zero gradients. The mask of the query goes on.

    Raises:
        ValueError: When an argument or shape does not fit, `flash_attention=True` meets dropout,
            a bias or `return_attention_scores`, or positions or a cache meet several axes.

    Example:

    >>> import numpy as np
    >>> from keras_seq.layers import MultiHeadAttention
    >>> layer = MultiHeadAttention(num_heads=2, key_dim=4)
    >>> output, scores = layer(
    ...     np.ones((3, 5, 8)), np.ones((3, 6, 8)), return_attention_scores=True
    ... )
    >>> tuple(output.shape), tuple(scores.shape)
    ((3, 5, 8), (3, 2, 5, 6))

    References:
        - Vaswani et al., Attention is all you need, arXiv:1706.03762, section 3.2.2.
        - Su et al., RoFormer, arXiv:2104.09864, equation 34 (`position="rotary"`).
        - Press et al., Train short, test long, arXiv:2108.12409, section 3 (`"alibi"`).
        - Beltagy et al., Longformer, arXiv:2004.05150, section 3.1 (`sliding_window`).
        - Ainslie et al., GQA, arXiv:2305.13245 (`num_key_value_heads`).
        - Henry et al., Query-key normalization, arXiv:2010.04245, with the norm of
          arXiv:1910.07467, equation 4 (`qk_norm`).
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
        num_key_value_heads=None,
        qk_norm=False,
        position="none",
        rope_max_wavelength=10000,
        rope_scaling_factor=1.0,
        implementation="auto",
        **kwargs,
    ):
        dispatch.check_implementation(implementation)
        arguments.check_heads(num_heads, num_key_value_heads)
        arguments.check_integers(key_dim=key_dim)
        arguments.check_integers(True, value_dim=value_dim, sliding_window=sliding_window)
        arguments.check_dropout(dropout)
        arguments.check_position(position, key_dim)
        arguments.check_numbers(
            rope_max_wavelength=rope_max_wavelength, rope_scaling_factor=rope_scaling_factor
        )
        arguments.check_flash_attention(flash_attention, dropout, position)
        super().__init__(**kwargs)
        self.num_heads = arguments.plain(num_heads)
        self.key_dim = arguments.plain(key_dim)
        self.value_dim = arguments.plain(key_dim if value_dim is None else value_dim)
        self.dropout = arguments.plain(dropout)
        self.use_bias = use_bias
        # Not `output_shape`: a model's summary would take it for the shape of the output.
        self._output_shape = arguments.as_tuple("output_shape", output_shape)
        self.attention_axes = arguments.as_tuple("attention_axes", attention_axes)
        self.sliding_window = arguments.plain(sliding_window)
        self.flash_attention = flash_attention
        self.use_gate = use_gate
        self.seed = arguments.plain(seed)
        self.seed_generator = keras.random.SeedGenerator(self.seed) if dropout > 0 else None
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        # Not `activity_regularizer`: that would regularize the output of this layer once more.
        self._projection_regularizer = regularizers.get(activity_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.bias_constraint = constraints.get(bias_constraint)
        self.num_key_value_heads = arguments.plain(num_key_value_heads)
        self.qk_norm = qk_norm
        self.position = position
        self.rope_max_wavelength = arguments.plain(rope_max_wavelength)
        self.rope_scaling_factor = arguments.plain(rope_scaling_factor)
        self.implementation = implementation
        self._gate_dense = self._query_norm = self._key_norm = self._rotary_embedding = None
        self._widths = None
        self.supports_masking = True

    def build(self, query_shape, value_shape, key_shape=None):
        """Create the projections."""
        # Without a scope: the projections are not what holds the memory.
        with keras.RematScope(mode=None):
            self._make_parts(query_shape, value_shape, key_shape)

    def _make_parts(self, query_shape, value_shape, key_shape=None):
        key_shape = value_shape if key_shape is None else key_shape
        self.compute_output_shape(query_shape, value_shape, key_shape)
        self._widths = query_shape[-1], value_shape[-1], key_shape[-1]
        axes = heads.attended_axes(self.attention_axes, len(query_shape))
        arguments.check_position_axes(self.position, axes)
        groups = self.num_key_value_heads or self.num_heads
        query_heads, key_heads = (self.num_heads, self.key_dim), (groups, self.key_dim)
        value_heads = (self.num_heads, self.value_dim)
        self._query_dense = self._projection("query", query_shape, query_heads)
        self._key_dense = self._projection("key", key_shape, key_heads)
        if self.use_gate:
            self._gate_dense = self._projection("gate", query_shape, value_heads, "sigmoid")
        self._value_dense = self._projection("value", value_shape, (groups, self.value_dim))
        self._output_dense = self._projection(
            "attention_output",
            (*query_shape[:-1], *value_heads),
            self._output_shape or (query_shape[-1],),
            input_dims=2,
        )
        if self.qk_norm:
            norm = functools.partial(head_norm, trainable=self.trainable, dtype=self.dtype_policy)
            self._query_norm = norm((*query_shape[:-1], *query_heads), name="query_norm")
            self._key_norm = norm((*key_shape[:-1], *key_heads), name="key_norm")
        if self.position == "rotary":
            self._rotary_embedding = RotaryEmbedding(
                self.rope_max_wavelength,
                self.rope_scaling_factor,
                sequence_axis=axes[0],
                dtype=self.dtype_policy,
                name="rotary_embedding",
            )
            self._rotary_embedding.build((*query_shape[:-1], *query_heads))

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
        attention_bias=None,
        cache=None,
        cache_update_index=None,
    ):
        """Attend from the queries to the values. See the class for the arguments."""
        arguments.check_flash_call(self.flash_attention, return_attention_scores, attention_bias)
        ignores_values = cache is not None and cache_update_index is None
        self.compute_output_shape(*shapes_read(query, value, key, ignores_values))
        axes = heads.attended_axes(self.attention_axes, len(query.shape))
        check_cache(cache, cache_update_index, query.shape, value.shape[1], *self._cache_sizes())
        start = 0 if cache_update_index is None else cache_update_index
        # Keras casts no integers.
        query, value = (ops.cast(x, self.compute_dtype) for x in (query, value))
        key = value if key is None else ops.cast(key, self.compute_dtype)
        gate = self._gate_dense(query) if self.use_gate else None
        query = self._placed(self._query_dense(query), self._query_norm, start)
        if not ignores_values:
            key = self._placed(self._key_dense(key), self._key_norm, start)
            value = self._value_dense(value)
        written = None
        if cache is not None:
            if cache_update_index is not None:
                cache, written = update_cache(cache, key, value, start)
            key, value = read_cache(cache, self.key_dim, self.value_dim, query.dtype)

        drops = training and self.dropout > 0
        attend = functools.partial(
            multi_head_attention,
            axes=axes,
            query_mask=query_mask,
            value_mask=value_mask,
            key_mask=key_mask,
            attention_mask=attention_mask,
            use_causal_mask=use_causal_mask,
            sliding_window=self.sliding_window,
            alibi=self.position == "alibi",
            start_index=start,
            written=written,
            use_flash=self.flash_attention,
            dropout=self.dropout if drops else 0.0,
            seed=self.seed_to_recompute(self.seed_generator) if drops else None,
            return_attention_scores=return_attention_scores,
            implementation=self.implementation,
        )
        # Flash attention computes its weights again by itself.
        attend = attend if self.flash_attention else self.recomputed(attend)
        bias = () if attention_bias is None else (ops.convert_to_tensor(attention_bias),)
        output, *scores = attend(query, key, value, *bias)
        output = self._output_dense(output if gate is None else output * gate)
        results = [output, *scores, *([] if cache is None else [cache])]
        return tuple(results) if len(results) > 1 else output

    def get_initial_cache(self, batch_size, length):
        """Return a cache of zeros for a batch and a number of positions.

        Its shape is `(batch_size, 2, length, num_key_value_heads, max(key_dim, value_dim))`:
        keys, then values; the narrower ends with zeros.
        """
        return ops.zeros((batch_size, 2, length, *self._cache_sizes()), self.compute_dtype)

    def compute_output_shape(self, query_shape, value_shape, key_shape=None):
        """Return the shape of the output."""
        shapes = query_shape, value_shape, value_shape if key_shape is None else key_shape
        check_shapes(*shapes)
        check_widths(self._widths, *shapes)
        return (*query_shape[:-1], *(self._output_shape or (query_shape[-1],)))

    def compute_output_spec(
        self, query, value, key=None, return_attention_scores=False, cache=None, **kwargs
    ):
        """Return the shape and dtype of the output, the attention scores and the cache."""
        ignores_values = cache is not None and kwargs.get("cache_update_index") is None
        read = *_, key_shape = shapes_read(query, value, key, ignores_values)
        shapes = [self.compute_output_shape(*read)]
        if return_attention_scores:
            axes = heads.attended_axes(self.attention_axes, len(query.shape))
            key_shape = key_shape if cache is None else (cache.shape[0], *cache.shape[2:4])
            shapes.append(heads.scores_shape(query.shape, key_shape, axes, self.num_heads))
        if cache is not None:
            shapes.append(cache.shape)
        specs = [keras.KerasTensor(shape, dtype=self.compute_dtype) for shape in shapes]
        return tuple(specs) if len(specs) > 1 else specs[0]

    query_dense = property(attrgetter("_query_dense"), doc="The projection of the queries.")
    key_dense = property(attrgetter("_key_dense"), doc="The projection of the keys.")
    value_dense = property(attrgetter("_value_dense"), doc="The projection of the values.")
    output_dense = property(attrgetter("_output_dense"), doc="The projection of the joined heads.")

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
            "num_key_value_heads": self.num_key_value_heads,
            "qk_norm": self.qk_norm,
            "position": self.position,
            "rope_max_wavelength": self.rope_max_wavelength,
            "rope_scaling_factor": self.rope_scaling_factor,
            "implementation": self.implementation,
        }

    def _projection(self, name, input_shape, output_dims, activation=None, input_dims=1):
        return head_projection(
            input_shape,
            output_dims,
            input_dims,
            use_bias=self.use_bias,
            activation=activation,
            kernel_initializer=copy_of(self.kernel_initializer, name),
            bias_initializer=copy_of(self.bias_initializer, name),
            kernel_regularizer=self.kernel_regularizer,
            bias_regularizer=self.bias_regularizer,
            activity_regularizer=self._projection_regularizer,
            kernel_constraint=self.kernel_constraint,
            bias_constraint=self.bias_constraint,
            trainable=self.trainable,
            dtype=self.dtype_policy,
            name=name,
        )

    def _placed(self, x, norm, start):
        """Return projected queries or keys with the norm and the rotation, if there are any."""
        x = x if norm is None else norm(x)
        rotary = self._rotary_embedding
        return x if rotary is None else rotary(x, start_index=start)

    def _cache_sizes(self):
        groups = self.num_key_value_heads or self.num_heads
        return groups, max(self.key_dim, self.value_dim)
