"""Attention with a choice of scores."""

import keras
from keras import constraints, initializers, ops, regularizers

from keras_seq.layers.initializer import copy_of
from keras_seq.layers.rematerialization import Rematerialization
from keras_seq.ops.alignment import align_in_order, check_alignment
from keras_seq.ops.arguments import check_dropout, check_integers, plain
from keras_seq.ops.attention import masked_softmax
from keras_seq.ops.product_attention import goes_in_blocks, product_attention
from keras_seq.ops.query_value_key import (
    apply_masks,
    check_shapes,
    check_widths,
    unpack_inputs,
    unpack_masks,
)
from keras_seq.ops.scores import (
    SAME_WIDTH,
    check_score_shapes,
    choose_score,
    pair_scores,
    project_key,
    project_query,
    weight_shapes,
)
from keras_seq.ops.shapes import can_be_equal
from keras_seq.ops.sparsemax import sparsemax

NORMALIZERS = {"softmax": masked_softmax, "sparsemax": sparsemax}


@keras.saving.register_keras_serializable(package="keras_seq")
class Attention(Rematerialization, keras.layers.Layer):
    """Attend from queries to values, with a choice of how a query `q` is scored against a key `k`.

        weights = softmax(score(q, k)) over all keys,    output = weights value

    - `dot`: `qᵀ k`. No weights.
    - `scaled_dot`: `qᵀ k / √d`. No weights.
    - `general`: `qᵀ W k`. Weights `W (query width, key width)`.
    - `concat`: `vᵀ tanh(W [q; k])`. Weights `W (query width + key width, units)`, `v (units)`.
    - `additive`: `vᵀ tanh(W q + U k)`. Weights `W (query width, units)`, `U (key width, units)`,
      `v (units)`.
    - `location`: `W q`, whatever the keys are. Weights `W (query width, max_source_length)`.
    - `location_aware`: `vᵀ tanh(W q + U k + V f + b)`. Weights `W (query width, units)`,
      `U (key width, units)`, `F (kernel_size, 1, filters)`, `V (filters, units)`, `v (units)`,
      `b (units)`.

    In `location_aware`, `f = F * α` is a convolution over the weights `α` of the query before:
    queries are processed in order. `dot` and `scaled_dot` need queries and keys of the same
    width, the others join any widths. A bias is the last weight. Inputs, masks and call arguments
    are those of `keras.layers.Attention`, and `from_config` reads its configuration.

    Args:
        score: String, a name of the table. Defaults to `"scaled_dot"`.
        units: Positive integer, the width of the projections of `additive`, `concat` and
            `location_aware`. Defaults to `None`, the width of the query.
        use_bias: Boolean, whether to add a bias inside the tanh, or to the scores of `location`.
            Defaults to `None`: as in the sources, only `location_aware` has one.
        normalizer: `"softmax"`, or `"sparsemax"`, which sets small weights to exactly zero.
            Defaults to `"softmax"`.
        dropout: Float between 0 and 1, the fraction of weights to drop in training.
            Defaults to 0.
        seed: Integer, the seed of dropout. Defaults to `None`.
        max_source_length: Positive integer, the largest number of keys, for `location` only.
        filters: Positive integer, the filters of `location_aware`. Defaults to 32.
        kernel_size: Positive integer, the width of those filters. Defaults to 31.
        kernel_initializer: Initializer of the kernels. Defaults to `"glorot_uniform"`.
        bias_initializer: Initializer of the bias. Defaults to `"zeros"`.
        kernel_regularizer: Regularizer of the kernels. Defaults to `None`.
        bias_regularizer: Regularizer of the bias. Defaults to `None`.
        kernel_constraint: Constraint of the kernels. Defaults to `None`.
        bias_constraint: Constraint of the bias. Defaults to `None`.
        use_scale: Boolean, whether to multiply the scores by a learned number. It is the first
            weight. Defaults to `False`.
        score_mode: `"dot"` or `"concat"`, in place of `score`: the scores of
            `keras.layers.Attention`, with its weights. Its `"concat"` is `g Σ tanh(s (q + k))`
            with learned numbers `g` and, for `use_scale=True`, `s`. Defaults to `None`.
        implementation: `"reference"` holds all weights at once. `"fast"` goes through them in
            blocks, and its memory grows with `T + S`, not with `T S`; it is for the softmax of
            `dot`, `scaled_dot` and `general`, and refuses to return the weights. `"auto"` is
            `"fast"` for long sequences where that serves the call, as in `keras_seq.ops.attention`.
            `additive` and `concat` always hold `T S units` numbers. Defaults to `"auto"`.
        **kwargs: The arguments of `keras.layers.Layer`: `name`, `dtype`, `trainable`.

    Call arguments:
        inputs: List `[query, value]` or `[query, value, key]` of tensors of shape
            `(batch, T, query width)`, `(batch, S, value width)` and `(batch, S, key width)`;
            more dimensions may follow the batch, except for `location_aware`. The key defaults
            to the value.
        mask: List `[query_mask, value_mask]` or `[query_mask, value_mask, key_mask]` of tensors
            of shape `(batch, T)` and `(batch, S)`, true (or not zero) where a step is valid; each
            may be `None`. Defaults to the masks that came with the inputs.
        training: Boolean, whether to apply dropout.
        return_attention_scores: Boolean, whether to return the weights too. Defaults to `False`.
        use_causal_mask: Boolean, whether a query sees no later keys. Defaults to `False`.
        previous_alignments: Tensor of shape `(batch, S)`, the weights of the query before the
            first, for `location_aware`; other scores have no use for it. Defaults to zeros.
        inputs_mask: The masks that came with the inputs, which Keras fills in.

    Returns:
        Tensor of shape `(batch, T, value width)`; with `return_attention_scores=True` a tuple of
        it and the weights after dropout, of shape `(batch, T, S)`, the last of which are the
        `previous_alignments` of a call that goes on.

    Masks:
        A masked key or value has a weight of exactly zero, and what it contains, even NaN, has
        no influence. A query that sees no key gets weights and an output of exactly zero, with
        zero gradients. The output of a masked query is zero, and in `location_aware` it repeats
        the weights of the query before. The mask of the query goes on to the next layer.

    Raises:
        ValueError: When an argument is not one of the above, when queries and keys do not fit
            the score, when there are more keys than `max_source_length`, or when a mask does
            not have the shape of its tensor.

    Example:

    >>> import numpy as np
    >>> from keras_seq.layers import Attention
    >>> layer = Attention(score="additive", units=8)
    >>> output, weights = layer(
    ...     [np.ones((2, 3, 4)), np.ones((2, 5, 6))], return_attention_scores=True
    ... )
    >>> tuple(output.shape), tuple(weights.shape)
    ((2, 3, 6), (2, 3, 5))

    A recurrent layer projects its memory once and scores one query a step:

    >>> memory = np.ones((2, 5, 6), "float32")
    >>> projected = layer.project_memory(memory)
    >>> scores = layer.score_step(np.ones((2, 4), "float32"), projected)
    >>> tuple(layer.normalize(scores).shape)
    (2, 5)

    Reference:
        - Luong, Pham, Manning, Effective approaches to attention-based neural machine
          translation, arXiv:1508.04025, equations 7 and 8: `dot`, `general`, `concat`, `location`.
        - Bahdanau, Cho, Bengio, Neural machine translation by jointly learning to align and
          translate, arXiv:1409.0473, appendix A.1.2: `additive`.
        - Vaswani et al., Attention is all you need, arXiv:1706.03762, equation 1: `scaled_dot`.
        - Chorowski et al., Attention-based models for speech recognition, arXiv:1506.07503,
          equations 8 and 9: `location_aware`.
        - Martins & Astudillo, From softmax to sparsemax, arXiv:1602.02068: `sparsemax`.
    """

    def __init__(
        self,
        score="scaled_dot",
        units=None,
        use_bias=None,
        normalizer="softmax",
        dropout=0.0,
        seed=None,
        max_source_length=None,
        filters=32,
        kernel_size=31,
        kernel_initializer="glorot_uniform",
        bias_initializer="zeros",
        kernel_regularizer=None,
        bias_regularizer=None,
        kernel_constraint=None,
        bias_constraint=None,
        use_scale=False,
        score_mode=None,
        implementation="auto",
        **kwargs,
    ):
        chosen_score = choose_score(score, score_mode)
        if normalizer not in NORMALIZERS:
            raise ValueError(
                f"`normalizer` must be one of {list(NORMALIZERS)}. "
                f"Received: normalizer={normalizer!r}"
            )
        check_dropout(dropout)
        check_integers(True, units=units)
        check_integers(score != "location", max_source_length=max_source_length)
        check_integers(filters=filters, kernel_size=kernel_size)
        super().__init__(**kwargs)
        self.score = score
        self.units = plain(units)
        self.use_bias = use_bias
        self.normalizer = normalizer
        self.dropout = plain(dropout)
        self.seed = plain(seed)
        self.seed_generator = keras.random.SeedGenerator(self.seed) if dropout > 0 else None
        self.max_source_length = plain(max_source_length)
        self.filters = plain(filters)
        self.kernel_size = plain(kernel_size)
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.bias_constraint = constraints.get(bias_constraint)
        self.use_scale = use_scale
        self.score_mode = score_mode
        self.implementation = implementation
        self._score = chosen_score
        self._goes_in_blocks = goes_in_blocks(implementation, chosen_score, normalizer)
        self._widths = None
        self.supports_masking = True

    def build(self, input_shape):
        """Create the weights of the score."""
        query_shape, _, key_shape = self._check_shapes(input_shape)
        widths = query_shape[-1], key_shape[-1]
        self._widths = None if self._score in SAME_WIDTH else (widths[0], None, widths[1])
        shapes = {"scale": ()} if self.use_scale else {}
        shapes |= weight_shapes(
            self._score,
            *widths,
            units=self.units or query_shape[-1],
            max_source_length=self.max_source_length,
            filters=self.filters,
            kernel_size=self.kernel_size,
            use_bias=self.use_bias,
        )
        for name, shape in shapes.items():
            setattr(self, name, self._add_weight(name, shape))

    def call(
        self,
        inputs,
        mask=None,
        training=None,
        return_attention_scores=False,
        use_causal_mask=False,
        previous_alignments=None,
        inputs_mask=None,
    ):
        """Attend from the queries to the values. See the class for the arguments."""
        mask = inputs_mask if mask is None else mask
        query, value, key = unpack_inputs(inputs)
        self._check_shapes([query.shape, value.shape, key.shape])
        # Keras casts no integers.
        query, value, key = (ops.cast(x, self.compute_dtype) for x in (query, value, key))
        is_product = self._goes_in_blocks and can_be_equal(query.shape[:-2], key.shape[:-2])
        # What is returned are the weights after dropout, of which blocks know nothing.
        is_product &= not return_attention_scores or self.implementation == "fast"
        makes_mask = use_causal_mask and not is_product
        query_mask, mask, value, key = apply_masks(mask, query, value, key, makes_mask)
        drops = training and self.dropout > 0
        seed = self.seed_to_recompute(self.seed_generator) if drops else None
        options = {
            "dropout": self.dropout if drops else 0.0,
            "seed": seed,
            "use_causal_mask": use_causal_mask,
            "return_attention_scores": return_attention_scores,
            "implementation": self.implementation,
        }
        kernels = self._score_weights()
        previous = () if previous_alignments is None else (previous_alignments,)
        previous = [ops.convert_to_tensor(x, self.compute_dtype) for x in previous]

        def attend(query, value, key, *others):
            own, previous = others[: len(kernels)], others[len(kernels) :]
            own = dict(zip(kernels, own, strict=True))
            if is_product:
                return product_attention(self._score, own, query, key, value, mask, **options)
            weights = self._align(query, key, own, mask, query_mask, *previous)
            if drops:
                weights = keras.random.dropout(weights, self.dropout, seed=seed)
            return ops.matmul(weights, value), weights

        output, *weights = self.recomputed(attend)(query, value, key, *kernels.values(), *previous)
        if query_mask is not None:
            is_valid = ops.expand_dims(query_mask, -1)
            output = ops.where(is_valid, output, ops.zeros_like(output))
        return (output, *weights) if return_attention_scores else output

    def project_memory(self, memory):
        """Return the part of the score that depends on the keys alone.

        Args:
            memory: Tensor of shape `(batch, S, key width)`.

        Returns:
            Tensor of shape `(batch, S, width)`, for `score_step`. The layer must be built.
        """
        return project_key(self._score, ops.convert_to_tensor(memory), self._score_weights())

    def score_step(self, query, projected, previous_alignment=None):
        """Return the scores of one query a row.

        Args:
            query: Tensor of shape `(batch, query width)`.
            projected: Tensor of shape `(batch, S, width)`, from `project_memory`.
            previous_alignment: Tensor of shape `(batch, S)`, the weights of the step before, for
                `location_aware`. Defaults to zeros.

        Returns:
            Tensor of shape `(batch, S)`; `normalize` makes it weights.
        """
        weights = self._score_weights()
        # Projected without the axis of queries, with a gradient that XLA compiles inside of a loop.
        query = project_query(self._score, ops.convert_to_tensor(query), weights)
        query = ops.expand_dims(query, -2)
        if previous_alignment is not None:
            previous_alignment = ops.cast(previous_alignment, projected.dtype)
        scores = pair_scores(self._score, query, projected, weights, previous_alignment)
        return ops.squeeze(scores, -2)

    def normalize(self, scores, mask=None):
        """Return the weights: scores of shape `(..., S)` normalized where `mask` is true."""
        return NORMALIZERS[self.normalizer](scores, mask)

    def compute_mask(self, inputs, mask=None):
        """Return the mask of the query."""
        unpack_inputs(inputs)
        query_mask, _, _ = unpack_masks(mask)
        return None if query_mask is None else ops.convert_to_tensor(query_mask)

    def compute_output_shape(self, input_shape):
        """Return the shape of the output."""
        query_shape, value_shape, _ = unpack_inputs(input_shape)
        return (*query_shape[:-1], value_shape[-1])

    def compute_output_spec(self, inputs, mask=None, return_attention_scores=False, **kwargs):
        """Return the shape and dtype of the output and of the weights."""
        shapes = self._check_shapes([x.shape for x in unpack_inputs(inputs)])
        output = keras.KerasTensor(self.compute_output_shape(shapes), dtype=self.compute_dtype)
        if not return_attention_scores:
            return output
        scores_shape = (*shapes[0][:-1], shapes[2][-2])
        return output, keras.KerasTensor(scores_shape, dtype=self.compute_dtype)

    def get_config(self):
        """Return the arguments of the constructor."""
        return {
            **super().get_config(),
            "score": self.score,
            "units": self.units,
            "use_bias": self.use_bias,
            "normalizer": self.normalizer,
            "dropout": self.dropout,
            "seed": self.seed,
            "max_source_length": self.max_source_length,
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "kernel_initializer": initializers.serialize(self.kernel_initializer),
            "bias_initializer": initializers.serialize(self.bias_initializer),
            "kernel_regularizer": regularizers.serialize(self.kernel_regularizer),
            "bias_regularizer": regularizers.serialize(self.bias_regularizer),
            "kernel_constraint": constraints.serialize(self.kernel_constraint),
            "bias_constraint": constraints.serialize(self.bias_constraint),
            "use_scale": self.use_scale,
            "score_mode": self.score_mode,
            "implementation": self.implementation,
        }

    def _add_weight(self, name, shape):
        if shape == ():
            return self.add_weight(name=name, shape=shape, initializer="ones")
        kind = "bias" if name == "bias" else "kernel"
        return self.add_weight(
            name=name,
            shape=shape,
            initializer=copy_of(getattr(self, f"{kind}_initializer"), name),
            regularizer=getattr(self, f"{kind}_regularizer"),
            constraint=getattr(self, f"{kind}_constraint"),
        )

    def _check_shapes(self, shapes):
        """Return the shapes of query, value and key if they fit each other and the score."""
        query_shape, _, key_shape = shapes = unpack_inputs(shapes)
        check_shapes(*shapes)
        name = "score" if self.score_mode is None else "score_mode"
        check_score_shapes(
            self._score,
            f"{name}={getattr(self, name)!r}",
            query_shape,
            key_shape,
            self.max_source_length,
        )
        check_widths(self._widths, *shapes)
        return shapes

    def _score_weights(self):
        return {weight.name: ops.convert_to_tensor(weight) for weight in self.weights}

    def _align(self, query, key, weights, mask, query_mask, alignment=None):
        """Return the weights of the queries, masked and normalized."""
        query = project_query(self._score, query, weights)
        key = project_key(self._score, key, weights)
        if self._score != "location_aware":
            return self.normalize(pair_scores(self._score, query, key, weights), mask)

        def step(query, alignment, mask):
            query = ops.expand_dims(query, -2)
            scores = pair_scores(self._score, query, key, weights, alignment)
            return self.normalize(ops.squeeze(scores, -2), mask)

        alignment = ops.zeros_like(key[..., 0]) if alignment is None else alignment
        check_alignment(alignment.shape, key.shape)
        return align_in_order(step, query, ops.cast(alignment, key.dtype), mask, query_mask)
