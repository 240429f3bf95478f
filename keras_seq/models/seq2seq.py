"""An encoder and a decoder of sequences of tokens."""

from numbers import Real

import keras
import numpy as np
from keras import ops

from keras_seq.layers.quantized_parts import QuantizedParts
from keras_seq.models.decoding import Decoder
from keras_seq.models.encoding import Encoder, as_layers
from keras_seq.models.generation import Generators
from keras_seq.models.scheduled_sampling import sample_while_decoding
from keras_seq.models.tokens import (
    PADDING,
    TargetMask,
    check_pair,
    check_same_batch,
    check_special_tokens,
    check_tokens,
)
from keras_seq.ops.arguments import check_integers, plain


@keras.saving.register_keras_serializable(package="keras_seq")
class Seq2Seq(QuantizedParts, keras.Model):
    """Read a sequence of tokens, then write another, one token after the other.

        memory, states = encoder(embedding(source))
        logits_t = W decoder(embedding(target_inputs_t), memory, states_t) + b

    Token 0 is padding, in sources and in targets. A source of `S` tokens and its copy with padding
    behind it have the same outputs.

    The first states of the recurrent layers in the decoder are the last states of the encoder:
    those of all its layers with `return_state=True`. Where they have the same number and widths
    they are passed on as they are. Otherwise, as from a bidirectional encoder, or from a GRU to an
    LSTM, each state of the decoder is

        s_0 = tanh(W_s [all states of the encoder])

    and without states of the encoder it is zero. Layers that attend read the outputs of the
    encoder, the memory, so that its last recurrent layer needs `return_sequences=True`.

    Args:
        encoder: Layer or list of layers from `(batch, S, embedding_dim)`, each of which keeps the
            number of steps, such as recurrent layers, `Bidirectional`, `TransformerBlock` and
            layers of positions.
        decoder: Layer or list of layers from `(batch, U, embedding_dim)`: recurrent layers with
            `return_sequences=True`, `AttentionRNN`, `TransformerDecoderBlock`, layers of
            positions, and layers that work on each step alone, such as `LayerNormalization`.
        source_vocabulary_size: Integer, the number of tokens of sources, with padding.
        target_vocabulary_size: Integer, the number of tokens of targets, with padding, start and
            end.
        embedding_dim: Positive integer, the width of the embeddings of both.
        start_token: Integer, the first of the target inputs. Defaults to 1.
        end_token: Integer, the last token of every target. Defaults to 2.
        scheduled_sampling: Float between 0 and 1, the probability with which, in training, the
            decoder is fed a token drawn from its own prediction instead of that of the target.
            With 0 all steps of a recurrent layer without attention, or of a transformer, are
            computed at once; otherwise one after the other. It can be changed in the course of
            training, in a callback for one, by `model.scheduled_sampling = rate`, if it was
            positive at first. Defaults to 0.
        seed: Integer, the seed of these draws. Defaults to `None`.
        **kwargs: The arguments of `keras.Model`: `name`, `dtype`, `trainable`.

    Call arguments:
        inputs: List of the source, integers of shape `(batch, S)`, and the target inputs, integers
            of shape `(batch, U)`: the targets, shifted by one step behind `start_token`, as
            `shift_right` gives them. Padding comes behind the targets.
        training: Boolean, whether to apply dropout and scheduled sampling.

    Returns:
        Tensor of logits, of shape `(batch, U, target_vocabulary_size)`.

    Masks:
        Steps of the source with padding have no influence on any output. The logits carry the mask
        of the targets, which is false behind the end token, so that losses and metrics of `fit`
        and `evaluate` are means over valid tokens. Sample weights go with the tokens, in the shape
        `(batch, U)`.

    Raises:
        ValueError: When an argument is not one of the above; when the decoder needs a memory that
            the encoder does not return, or knows nothing of the source at all; when inputs are
            not integers of two dimensions, or lie outside of their vocabulary (the last in eager
            code only).

    Example:

    >>> import keras, numpy as np
    >>> from keras_seq.layers import GRU, Attention, AttentionRNN, Bidirectional, GRUCell
    >>> from keras_seq.models import Seq2Seq, shift_right
    >>> model = Seq2Seq(
    ...     encoder=Bidirectional(GRU(8, return_sequences=True, return_state=True)),
    ...     decoder=AttentionRNN(GRUCell(8), Attention("additive"), return_sequences=True),
    ...     source_vocabulary_size=10,
    ...     target_vocabulary_size=10,
    ...     embedding_dim=4,
    ... )
    >>> source = np.array([[3, 4, 5, 6], [7, 8, 0, 0]])
    >>> targets = np.array([[6, 5, 4, 3, 2], [8, 7, 2, 0, 0]])
    >>> model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    >>> history = model.fit([source, shift_right(targets, start_token=1)], targets, verbose=0)
    >>> model.generate(source, max_length=5).shape
    (2, 5)

    References:
        - Sutskever et al., Sequence to sequence learning with neural networks, arXiv:1409.3215.
        - Bahdanau et al., Neural machine translation by jointly learning to align and translate,
          arXiv:1409.0473, appendix A.2.2 (the first state of the decoder).
        - Bengio et al., Scheduled sampling for sequence prediction with recurrent neural
          networks, arXiv:1506.03099, section 2.4.
    """

    def __init__(
        self,
        encoder,
        decoder,
        source_vocabulary_size,
        target_vocabulary_size,
        embedding_dim,
        start_token=1,
        end_token=2,
        scheduled_sampling=0.0,
        seed=None,
        **kwargs,
    ):
        check_integers(
            source_vocabulary_size=source_vocabulary_size,
            target_vocabulary_size=target_vocabulary_size,
            embedding_dim=embedding_dim,
        )
        check_special_tokens(start_token, end_token, target_vocabulary_size)
        _check_rate(scheduled_sampling)
        super().__init__(**kwargs)
        self.encoder = encoder
        self.decoder = decoder
        self.source_vocabulary_size = plain(source_vocabulary_size)
        self.target_vocabulary_size = plain(target_vocabulary_size)
        self.embedding_dim = plain(embedding_dim)
        self.start_token = plain(start_token)
        self.end_token = plain(end_token)
        self.seed = plain(seed)
        self.supports_masking = True
        self.encoding = Encoder(as_layers("encoder", encoder))
        self.decoding = Decoder(as_layers("decoder", decoder))
        self.source_embedding = self._embedding("source_embedding", self.source_vocabulary_size)
        self.target_embedding = self._embedding("target_embedding", self.target_vocabulary_size)
        tokens = self.target_vocabulary_size
        self.output_layer = keras.layers.Dense(tokens, dtype=self.dtype_policy, name="output_layer")
        self.target_mask = TargetMask(self.end_token, dtype=self.dtype_policy, name="target_mask")
        self.bridges = []
        self._first_rate = plain(scheduled_sampling)
        self._rate = self.seed_generator = None
        if scheduled_sampling:
            # A variable, so that compiled code sees changes.
            self._rate = self.add_weight(
                name="scheduled_sampling",
                initializer=keras.initializers.Constant(scheduled_sampling),
                trainable=False,
                autocast=False,
            )
            self.seed_generator = keras.random.SeedGenerator(self.seed)
        self._generators = Generators()

    @property
    def input_dtype(self):
        """The dtype that inputs of floats are cast to: half precision would round tokens."""
        return "int32"

    @property
    def scheduled_sampling(self):
        """The probability, in training, of a token of the decoder's own."""
        return 0.0 if self._rate is None else float(ops.convert_to_numpy(self._rate))

    @scheduled_sampling.setter
    def scheduled_sampling(self, rate):
        _check_rate(rate)
        if self._rate is None:
            raise ValueError(
                "This model was made without scheduled sampling. To change the probability, make "
                "it with a positive `scheduled_sampling`; it may be set to 0 before training. "
                f"Received: scheduled_sampling={rate}"
            )
        self._rate.assign(rate)

    def build(self, inputs_shape):
        """Create the weights of all layers."""
        check_pair(inputs_shape)
        source, target_inputs = (
            keras.Input(batch_shape=shape, dtype="int32") for shape in inputs_shape
        )
        mask = source != PADDING
        memory, states = self.encoding.run(self.source_embedding(source), mask)
        sizes = self.decoding.state_sizes
        self._check_encoder(memory, states)
        if states and [state.shape[-1] for state in states] != sizes:
            self.bridges = [
                keras.layers.Dense(
                    size,
                    activation="tanh",
                    use_bias=False,
                    dtype=self.dtype_policy,
                    name=f"bridge_{i}",
                )
                for i, size in enumerate(sizes)
            ]
        x = self.decoding.run(
            self.target_embedding(target_inputs),
            memory,
            mask,
            self._bridged(states),
            target_inputs != PADDING,
        )
        self.target_mask([self.output_layer(x), target_inputs])

    def call(self, inputs, training=None):
        """Return the logits of every step. See the class for the arguments."""
        source, target_inputs = self._checked(inputs)
        memory, memory_mask, states = self._read(source, training)
        if training and self._rate is not None:
            batch_size, length = ops.shape(target_inputs)
            constants, state = self.decoding.begin(memory, memory_mask, states, batch_size, length)
            logits = sample_while_decoding(
                self, constants, state, target_inputs, self._rate, self.seed_generator
            )
        else:
            x = self.target_embedding(target_inputs)
            mask = target_inputs != PADDING
            x = self.decoding.run(x, memory, memory_mask, states, mask, training)
            # A copy has no mask yet: that of the inputs must not become that of the logits.
            logits = self.output_layer(ops.copy(x))
        return self.target_mask([logits, target_inputs])

    def begin_decoding(self, source, length):
        """Return what `decode_step` needs to write up to `length` tokens for a source.

        That are the constants, which depend on the source alone, and the state before the first
        step: nested lists of tensors with the batch first.
        """
        return self.decoding.begin(*self._read(source), ops.shape(source)[0], length)

    def decode_step(self, tokens, constants, state, index, training=False):
        """Take one step.

        Args:
            tokens: Integer tensor of shape `(batch,)`, the tokens before.
            constants: What `begin_decoding` returns.
            state: What `begin_decoding` or the step before returns.
            index: Integer or integer tensor, the number of the step.
            training: Boolean. Defaults to `False`.

        Returns:
            Tuple of the logits `(batch, target_vocabulary_size)`, the new state and the alignment
            of the last layer that attends: `(batch, S)`, or `(batch, heads, S)` for a
            transformer. It is `None` if there is none.
        """
        x = self.target_embedding(ops.expand_dims(tokens, 1))
        x, state, alignment = self.decoding.step(x, constants, state, index, training)
        return self.output_layer(x)[:, 0], state, alignment

    def generate(
        self,
        source,
        max_length,
        beam_width=1,
        length_penalty=0.0,
        return_scores=False,
        return_attention_scores=False,
        batch_size=None,
    ):
        """Write a sequence for each source.

        The search is that of `keras_seq.ops.beam_search`, compiled once for each combination of
        the arguments and each shape of the sources.

        Args:
            source: Array or tensor of integers of shape `(batch, S)`.
            max_length: Positive integer, the largest number of tokens, with the end token.
            beam_width: Positive integer, the number of hypotheses. Defaults to 1, which is greedy
                decoding.
            length_penalty: Float; the larger, the longer are the sequences that win with a
                `beam_width` above 1. Defaults to 0.
            return_scores: Boolean, whether to return the log-probabilities of the sequences too.
                Defaults to `False`.
            return_attention_scores: Boolean, whether to return the attention weights of the last
                layer in the decoder that attends to the source. Defaults to `False`.
            batch_size: Positive integer, the number of sources decoded at once. Defaults to
                `None`, all.

        Returns:
            NumPy array of tokens, int32 of shape `(batch, max_length)`, with padding behind the
            end token; or a tuple of it, the scores, of shape `(batch,)`, and the attention
            weights, of shape `(batch, max_length, S)`, or `(batch, heads, max_length, S)` for a
            `TransformerDecoderBlock`, which are zero behind the end.
        """
        check_integers(max_length=max_length, beam_width=beam_width)
        check_integers(True, batch_size=batch_size)
        source = np.asarray(ops.convert_to_numpy(source))
        check_tokens("source", source, "source_vocabulary_size", self.source_vocabulary_size)
        if return_attention_scores and not self.decoding.attends:
            raise ValueError(
                "No layer in `decoder` attends to the source; use `AttentionRNN` or "
                "`TransformerDecoderBlock`. Received: return_attention_scores=True"
            )
        if not self.built:
            self.build([(None, None), (None, None)])
        generator = self._generators.of(
            self, max_length, beam_width, length_penalty, return_attention_scores
        )
        size = batch_size or max(len(source), 1)
        parts = [
            generator.predict_on_batch(source[start : start + size].astype("int32"))
            for start in range(0, max(len(source), 1), size)
        ]
        tokens, scores, *alignments = (np.concatenate(part) for part in zip(*parts, strict=True))
        results = [tokens, *([scores] if return_scores else []), *alignments]
        return tuple(results) if len(results) > 1 else tokens

    def compute_mask(self, inputs, mask=None):
        """Return the mask of the targets: true up to the end token."""
        return self.target_mask.compute_mask(inputs)

    def compute_output_shape(self, inputs_shape):
        """Return the shape of the logits."""
        return (*inputs_shape[1], self.target_vocabulary_size)

    def get_config(self):
        """Return the arguments of the constructor."""
        return {
            **super().get_config(),
            "encoder": keras.saving.serialize_keras_object(self.encoder),
            "decoder": keras.saving.serialize_keras_object(self.decoder),
            "source_vocabulary_size": self.source_vocabulary_size,
            "target_vocabulary_size": self.target_vocabulary_size,
            "embedding_dim": self.embedding_dim,
            "start_token": self.start_token,
            "end_token": self.end_token,
            "scheduled_sampling": self._first_rate,
            "seed": self.seed,
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        """Build the model from the arguments of its constructor."""
        revived = {
            name: keras.saving.deserialize_keras_object(config[name], custom_objects=custom_objects)
            for name in ("encoder", "decoder")
        }
        return cls(**{**config, **revived})

    def _embedding(self, name, size):
        # Masks are passed on by hand: a mask that comes with the embeddings would be lost in the
        # first layer that knows nothing of it.
        return keras.layers.Embedding(size, self.embedding_dim, dtype=self.dtype_policy, name=name)

    def _read(self, source, training=False):
        """Return the memory, its mask and the first states of the decoder."""
        mask = source != PADDING
        memory, states = self.encoding.run(self.source_embedding(source), mask, training)
        return memory, mask, self._bridged(states)

    def _bridged(self, states):
        if not states or not self.bridges:
            return states or None
        joined = ops.concatenate(states, axis=-1)
        return [bridge(joined) for bridge in self.bridges]

    def _check_encoder(self, memory, states):
        if self.decoding.attends and len(memory.shape) != 3:
            raise ValueError(
                "The decoder attends to all outputs of the encoder, so the last layer of `encoder` "
                "must return sequences; use `return_sequences=True`. "
                f"Received: an encoder with an output of shape {tuple(memory.shape)}"
            )
        if not self.decoding.attends and not (states and self.decoding.state_sizes):
            raise ValueError(
                "The decoder knows nothing of the source. Use recurrent layers with "
                "`return_state=True` in `encoder` and recurrent layers in `decoder`, or a layer in "
                "`decoder` that attends, such as `AttentionRNN` or `TransformerDecoderBlock`. "
                f"Received: encoder={self.encoder}, decoder={self.decoder}"
            )

    def _checked(self, inputs):
        check_pair(inputs)
        source, target_inputs = inputs
        check_tokens("source", source, "source_vocabulary_size", self.source_vocabulary_size)
        check_tokens(
            "target_inputs", target_inputs, "target_vocabulary_size", self.target_vocabulary_size
        )
        check_same_batch(source.shape, target_inputs.shape)
        return inputs


def _check_rate(rate):
    if isinstance(rate, bool) or not isinstance(rate, Real) or not 0 <= rate <= 1:
        raise ValueError(
            "`scheduled_sampling` is a probability and must lie between 0 and 1. "
            f"Received: scheduled_sampling={rate}"
        )
