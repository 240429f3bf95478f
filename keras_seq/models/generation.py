"""The decoding loop of a model that writes sequences."""

import keras
from keras import ops

from keras_seq.models.tokens import PADDING
from keras_seq.ops.beam_search import beam_search


class Generator(keras.Model):
    """Write the best sequence for each source, as one function that Keras compiles.

    Args:
        model: A built `Seq2Seq`.
        max_length: Positive integer, the largest number of tokens.
        beam_width: Positive integer.
        length_penalty: Float.
        return_attention_scores: Boolean, whether to return the alignments too.

    Returns:
        Tuple of the tokens, int32 of shape `(batch, max_length)`; their scores, of shape
        `(batch,)`; and the alignments, `(batch, max_length, S)` or
        `(batch, heads, max_length, S)`, if asked for.
    """

    def __init__(self, model, max_length, beam_width, length_penalty, return_attention_scores):
        super().__init__(dtype=model.dtype_policy)
        self.model = model
        self.max_length = max_length
        self.beam_width = beam_width
        self.length_penalty = length_penalty
        self.return_attention_scores = return_attention_scores

    def build(self, source_shape):
        """Create nothing: the weights are the model's."""

    def call(self, source):
        """Decode. See the class for the arguments."""
        batch_size = ops.shape(source)[0]
        constants, state = self.model.begin_decoding(source, self.max_length)
        # A step sees all hypotheses of a row side by side.
        constants = keras.tree.map_structure(
            lambda x: ops.repeat(x, self.beam_width, axis=0), constants
        )
        positions = ops.arange(self.max_length, dtype="int32")

        def step(tokens, state, index):
            layer_states, *history = state
            logits, layer_states, alignment = self.model.decode_step(
                tokens, constants, layer_states, index
            )
            if history:
                is_now = ops.reshape(positions == index, (-1, *[1] * (len(alignment.shape) - 1)))
                history = [ops.where(is_now, ops.expand_dims(alignment, 1), history[0])]
            return logits, [layer_states, *history]

        history = []
        if self.return_attention_scores:
            shape = (*self.model.decoding.alignment_shape, ops.shape(source)[1])
            history = [ops.zeros((batch_size, self.max_length, *shape), self.compute_dtype)]
        tokens, scores, (_, *history) = beam_search(
            step,
            [state, *history],
            batch_size,
            self.model.start_token,
            self.model.end_token,
            max_length=self.max_length,
            beam_width=self.beam_width,
            length_penalty=self.length_penalty,
        )
        tokens, scores = tokens[:, 0], scores[:, 0]
        return tokens, scores, *(self._best(alignments, tokens) for alignments in history)

    def _best(self, alignments, tokens):
        """Return the alignments of the tokens, zero behind their end."""
        alignments = alignments[:: self.beam_width]
        is_token = ops.reshape(
            tokens != PADDING, (-1, self.max_length, *[1] * len(alignments.shape[2:]))
        )
        alignments = ops.where(is_token, alignments, ops.zeros_like(alignments))
        # The heads, if there are any, come before the steps.
        return ops.moveaxis(alignments, 1, -2)


class Generators:
    """The generators of a model, in an object of their own: the model does not save them."""

    def __init__(self):
        self._made = {}
        self._weights = []

    def of(self, model, *arguments):
        """Return the generator with these arguments, made when first asked for."""
        # Compiled code reads the weights that it met: not those that quantization puts in their
        # place, nor those that low-rank updates add.
        weights = [id(weight) for weight in model.weights]
        if weights != self._weights:
            self._made, self._weights = {}, weights
        if arguments not in self._made:
            self._made[arguments] = Generator(model, *arguments)
        return self._made[arguments]
