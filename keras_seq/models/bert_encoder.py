"""The encoder of BERT."""

import keras
from keras import initializers, ops

from keras_seq.layers.position_embedding import PositionEmbedding
from keras_seq.layers.quantized_parts import QuantizedParts
from keras_seq.layers.rematerialization import Rematerialization
from keras_seq.layers.seed import derived_seed
from keras_seq.layers.shared_layer import serialize_shared
from keras_seq.layers.transformer_block import TransformerBlock
from keras_seq.ops.arguments import check_dropout, check_integers, check_numbers, plain
from keras_seq.ops.indices import check_indices
from keras_seq.ops.shapes import can_be_equal

INPUTS = ("token_ids", "segment_ids", "padding_mask")
EPSILON = 1e-12  # of every norm, as in the authors' code


@keras.saving.register_keras_serializable(package="keras_seq")
class BertEncoder(QuantizedParts, Rematerialization, keras.Model):
    """Encode tokens so that the vector of each depends on all tokens, on its left and its right.

        x = dropout(norm(tokens + segments + positions))
        x = TransformerBlock(x), `num_layers` times, with the norms behind and an exact GELU
        pooled = tanh(W x[first token] + b)

    The default of every argument is that of BERT. All kernels and embeddings start from a normal
    distribution without its tails, of standard deviation `initializer_stddev`.

    Args:
        vocabulary_size: Positive integer, the number of tokens.
        num_layers: Positive integer, the number of blocks.
        num_heads: Positive integer, the number of heads of attention; a divisor of `hidden_dim`.
        hidden_dim: Positive integer, the width of the embeddings and of the outputs.
        intermediate_dim: Positive integer, the width of the hidden layer of the feed-forward
            networks.
        dropout: Float between 0 and 1, the fraction to drop of the embeddings and inside the
            blocks, in training. Defaults to 0.1.
        max_sequence_length: Positive integer, the length of the longest sequence.
            Defaults to 512.
        num_segments: Positive integer, the number of kinds of segments. Defaults to 2.
        use_pooler: Boolean, whether there is a `pooled_output`. Defaults to `True`. Masked tokens
            teach its weights nothing: without the task of the next sentence, leave it out.
        initializer_stddev: Positive float, see above. Defaults to 0.02.
        token_embedding: A `keras.layers.ReversibleEmbedding` of `vocabulary_size` tokens and
            width `hidden_dim`, to be shared with another model. Defaults to `None`: a new one.
        seed: Integer, the seed of dropout. Defaults to `None`.
        **kwargs: The arguments of `keras.Model`: `name`, `dtype`, `trainable`.

    Call arguments:
        inputs: The `token_ids`, or a dictionary of them and what else there is:

            - `token_ids`: Integer tensor of shape `(batch, time)`.
            - `segment_ids`: Integer tensor of shape `(batch, time)`, the segment of each token.
              Defaults to zeros.
            - `padding_mask`: Tensor of shape `(batch, time)`, true (or not zero) where a token is
              valid. Defaults to `token_ids != 0`.
        training: Boolean, whether to apply dropout.

    Returns:
        Dictionary of `sequence_output`, a tensor of shape `(batch, time, hidden_dim)`, and, with
        `use_pooler=True`, `pooled_output`, a tensor of shape `(batch, hidden_dim)`.

    Attributes:
        token_embedding: The `keras.layers.ReversibleEmbedding` of the tokens, to share with a
            `keras_seq.layers.MaskedLMHead`.

    Masks:
        A token of padding changes no output but its own. The mask goes on with
        `sequence_output`.

    Raises:
        ValueError: When an argument is not one of the above, when the inputs do not have these
            names and shapes, when a sequence is longer than `max_sequence_length`, or when a
            token or a segment is not one of those the encoder has; the last in eager code only,
            since compiled code (`fit` and `predict` on TensorFlow and JAX) does not know the
            values.

    Example:

    >>> import keras, numpy as np
    >>> from keras_seq.layers import MaskedLMHead
    >>> from keras_seq.models import BertEncoder, mask_tokens
    >>> encoder = BertEncoder(
    ...     vocabulary_size=50, num_layers=2, num_heads=2, hidden_dim=8, intermediate_dim=16
    ... )
    >>> outputs = encoder(np.array([[2, 7, 9, 3], [2, 8, 3, 0]]))
    >>> {name: tuple(output.shape) for name, output in sorted(outputs.items())}
    {'pooled_output': (2, 8), 'sequence_output': (2, 4, 8)}

    Pretraining on masked tokens joins it with a head, which shares its token embedding:

    >>> encoder = BertEncoder(50, 2, 2, hidden_dim=8, intermediate_dim=16, use_pooler=False)
    >>> inputs = {
    ...     name: keras.Input((None,), dtype="int32", name=name)
    ...     for name in ("token_ids", "mask_positions")
    ... }
    >>> hidden = encoder(inputs["token_ids"])["sequence_output"]
    >>> head = MaskedLMHead(token_embedding=encoder.token_embedding)
    >>> model = keras.Model(inputs, head(hidden, inputs["mask_positions"]))
    >>> model.compile(
    ...     "adam",
    ...     keras.losses.SparseCategoricalCrossentropy(
    ...         from_logits=True, reduction="mean_with_sample_weight"
    ...     ),
    ... )
    >>> random = np.random.default_rng(0)
    >>> token_ids = random.integers(5, 50, size=(16, 12))
    >>> x, y, sample_weight = mask_tokens(
    ...     token_ids, vocabulary_size=50, mask_token_id=4, generator=random
    ... )
    >>> history = model.fit(x, y, sample_weight=sample_weight, verbose=0)

    Fine-tuning puts something else on top of the same encoder, here on its first step:

    >>> first = encoder(inputs["token_ids"])["sequence_output"][:, 0]
    >>> label = keras.layers.Dense(2, activation="softmax")(first)
    >>> classifier = keras.Model(inputs["token_ids"], label)
    >>> classifier.compile("adam", "sparse_categorical_crossentropy")

    Reference:
        - Devlin et al., BERT, arXiv:1810.04805, section 3 and appendix A.
    """

    def __init__(
        self,
        vocabulary_size,
        num_layers,
        num_heads,
        hidden_dim,
        intermediate_dim,
        dropout=0.1,
        max_sequence_length=512,
        num_segments=2,
        use_pooler=True,
        initializer_stddev=0.02,
        token_embedding=None,
        seed=None,
        **kwargs,
    ):
        check_integers(
            vocabulary_size=vocabulary_size,
            num_layers=num_layers,
            num_heads=num_heads,
            hidden_dim=hidden_dim,
            intermediate_dim=intermediate_dim,
            max_sequence_length=max_sequence_length,
            num_segments=num_segments,
        )
        check_dropout(dropout)
        check_numbers(initializer_stddev=initializer_stddev)
        if hidden_dim % num_heads:
            raise ValueError(
                "The features are shared out among the heads, so `hidden_dim` must be a multiple "
                f"of `num_heads`. Received: hidden_dim={hidden_dim}, num_heads={num_heads}"
            )
        if token_embedding is not None:
            _check_token_embedding(token_embedding, vocabulary_size, hidden_dim)
        super().__init__(**kwargs)
        self.vocabulary_size = plain(vocabulary_size)
        self.num_layers = plain(num_layers)
        self.num_heads = plain(num_heads)
        self.hidden_dim = plain(hidden_dim)
        self.intermediate_dim = plain(intermediate_dim)
        self.dropout = plain(dropout)
        self.max_sequence_length = plain(max_sequence_length)
        self.num_segments = plain(num_segments)
        self.use_pooler = use_pooler
        self.initializer_stddev = plain(initializer_stddev)
        self.token_embedding = token_embedding
        self.seed = plain(seed)
        self._make_embeddings()
        self._make_blocks()
        self._pooled_dense = self._make_pooler() if use_pooler else None

    @property
    def input_dtype(self):
        """The dtype that inputs of floats are cast to: half precision would round tokens."""
        return "int32"

    def build(self, inputs_shape):
        """Create the weights, whose shapes do not depend on that of the inputs."""
        shape = (None, None, self.hidden_dim)
        if not self.token_embedding.built:
            self.token_embedding.build((None, None))
        self._segment_embedding.build((None, None))
        self._position_embedding.build(shape)
        self._embeddings_layer_norm.build(shape)
        for block in self._blocks:
            block.build(shape)
        if self.use_pooler:
            self._pooled_dense.build((None, self.hidden_dim))

    def call(self, inputs, training=None):
        """Encode the tokens. See the class for the arguments."""
        inputs = _by_name(inputs)
        self._check_shapes({name: x.shape for name, x in inputs.items()})
        token_ids = inputs["token_ids"]
        check_indices("token_ids", token_ids, "vocabulary_size", self.vocabulary_size)
        x = self.token_embedding(token_ids)
        segment_ids = inputs.get("segment_ids")
        if segment_ids is None:
            segment_ids = ops.zeros_like(token_ids)
        check_indices("segment_ids", segment_ids, "num_segments", self.num_segments)
        x = self._position_embedding(x + self._segment_embedding(segment_ids))
        x = self._embeddings_dropout(self._embeddings_layer_norm(x), training=training)
        padding_mask = _padding_mask(inputs)
        for block in self._blocks:
            x = block(x, padding_mask=padding_mask, training=training)
        outputs = {"sequence_output": x}
        if self.use_pooler:
            outputs["pooled_output"] = self._pooled_dense(x[:, 0])
        return outputs

    def compute_mask(self, inputs, mask=None):
        """Return the mask of each output."""
        masks = {"sequence_output": _padding_mask(_by_name(inputs))}
        return {**masks, "pooled_output": None} if self.use_pooler else masks

    def compute_output_shape(self, inputs_shape):
        """Return the shape of each output."""
        shapes = _by_name(inputs_shape)
        self._check_shapes(shapes)
        batch, time = shapes["token_ids"]
        output_shapes = {"sequence_output": (batch, time, self.hidden_dim)}
        if self.use_pooler:
            output_shapes["pooled_output"] = (batch, self.hidden_dim)
        return output_shapes

    def get_config(self):
        """Return the arguments of the constructor."""
        return {
            **super().get_config(),
            "vocabulary_size": self.vocabulary_size,
            "num_layers": self.num_layers,
            "num_heads": self.num_heads,
            "hidden_dim": self.hidden_dim,
            "intermediate_dim": self.intermediate_dim,
            "dropout": self.dropout,
            "max_sequence_length": self.max_sequence_length,
            "num_segments": self.num_segments,
            "use_pooler": self.use_pooler,
            "initializer_stddev": self.initializer_stddev,
            # Also where it is our own: only so can a file say that a head shares it.
            "token_embedding": serialize_shared(self.token_embedding),
            "seed": self.seed,
        }

    @classmethod
    def from_config(cls, config):
        """Return the encoder of a configuration."""
        token_embedding = keras.saving.deserialize_keras_object(config["token_embedding"])
        return cls(**{**config, "token_embedding": token_embedding})

    def _make_embeddings(self):
        # Without a scope, here and for the pooler: only the blocks hold much memory.
        with keras.RematScope(mode=None):
            if self.token_embedding is None:
                self.token_embedding = keras.layers.ReversibleEmbedding(
                    self.vocabulary_size,
                    self.hidden_dim,
                    embeddings_initializer=self._initializer(),
                    dtype=self.dtype_policy,
                    name="token_embedding",
                )
            self._segment_embedding = keras.layers.Embedding(
                self.num_segments,
                self.hidden_dim,
                embeddings_initializer=self._initializer(),
                dtype=self.dtype_policy,
                name="segment_embedding",
            )
            self._position_embedding = PositionEmbedding(
                self.max_sequence_length,
                self._initializer(),
                dtype=self.dtype_policy,
                name="position_embedding",
            )
            self._embeddings_layer_norm = keras.layers.LayerNormalization(
                epsilon=EPSILON, dtype=self.dtype_policy, name="embeddings_layer_norm"
            )
            self._embeddings_dropout = keras.layers.Dropout(
                self.dropout,
                seed=derived_seed(self.seed, "embeddings"),
                dtype=self.dtype_policy,
                name="embeddings_dropout",
            )

    def _make_blocks(self):
        self._blocks = [
            TransformerBlock(
                self.intermediate_dim,
                self.num_heads,
                dropout=self.dropout,
                activation="gelu",
                layer_norm_epsilon=EPSILON,
                kernel_initializer=self._initializer(),
                seed=derived_seed(self.seed, f"block_{i}"),
                dtype=self.dtype_policy,
                name=f"block_{i}",
            )
            for i in range(self.num_layers)
        ]

    def _make_pooler(self):
        with keras.RematScope(mode=None):
            return keras.layers.Dense(
                self.hidden_dim,
                activation="tanh",
                kernel_initializer=self._initializer(),
                dtype=self.dtype_policy,
                name="pooled_dense",
            )

    def _initializer(self):
        return initializers.TruncatedNormal(stddev=self.initializer_stddev)

    def _check_shapes(self, shapes):
        expected = tuple(shapes["token_ids"])
        if len(expected) != 2 or not all(can_be_equal(s, expected) for s in shapes.values()):
            raise ValueError(
                "All inputs must have the same shape (batch, time). Received: "
                + ", ".join(f"{name} of shape {tuple(shape)}" for name, shape in shapes.items())
            )
        if isinstance(expected[1], int) and expected[1] > self.max_sequence_length:
            raise ValueError(
                "The sequence is longer than the positions this encoder knows. Build it with a "
                f"larger `max_sequence_length`. Received: {expected[1]} tokens, "
                f"max_sequence_length={self.max_sequence_length}"
            )


def _by_name(inputs):
    """Return the inputs as a dictionary, without those that are `None`."""
    is_list = isinstance(inputs, list)
    named = inputs if isinstance(inputs, dict) else {"token_ids": inputs}
    named = {name: x for name, x in named.items() if x is not None}
    if is_list or "token_ids" not in named or not set(named) <= set(INPUTS):
        raise ValueError(
            "`inputs` must be the `token_ids`, or a dictionary of `token_ids` and, where they are "
            "needed, `segment_ids` and `padding_mask`. Received: "
            + (f"a list of {len(inputs)}" if is_list else f"a dictionary of {sorted(named)}")
        )
    return named


def _padding_mask(inputs):
    padding_mask = inputs.get("padding_mask")
    if padding_mask is None:
        return ops.not_equal(inputs["token_ids"], 0)
    return ops.cast(padding_mask, "bool")


def _check_token_embedding(token_embedding, vocabulary_size, hidden_dim):
    if not isinstance(token_embedding, keras.layers.ReversibleEmbedding):
        raise ValueError(
            "`token_embedding` must be a `keras.layers.ReversibleEmbedding`. "
            f"Received: token_embedding={token_embedding}"
        )
    sizes = token_embedding.input_dim, token_embedding.output_dim
    if sizes != (vocabulary_size, hidden_dim):
        raise ValueError(
            "`token_embedding` must embed `vocabulary_size` tokens in vectors of width "
            f"`hidden_dim`. Received: token_embedding of {sizes[0]} tokens and width {sizes[1]}, "
            f"vocabulary_size={vocabulary_size}, hidden_dim={hidden_dim}"
        )
