"""Beam search beside an enumeration of all sequences, and greedy decoding."""

import copy
import functools
import itertools

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import ops

from keras_seq.ops import beam_search

PAD, START, END, VOCABULARY, LENGTH, UNITS = 0, 1, 2, 4, 4, 3
TOKENS = [START, END, 3]
# The sequences that end within `LENGTH` tokens, and those that have not ended by then.
NUMBER_OF_HYPOTHESES = sum(2**n for n in range(LENGTH)) + 2**LENGTH

properties = settings(max_examples=15, deadline=None)
seeds = st.integers(0, 2**32 - 1)
# Few, because each is compiled.
widths = st.sampled_from([1, 3])


class Searching(keras.Model):
    """A search as a function that Keras compiles, of the numbers that make up a language."""

    def __init__(self, **arguments):
        super().__init__()
        self.arguments = arguments

    def build(self, numbers_shape):
        pass

    def call(self, numbers):
        embedding, kernel, by_index, start = numbers

        def step(tokens, state, index):
            # The state also counts the steps, and keeps their inputs.
            x, count, history = state
            x = ops.tanh(0.5 * x + ops.take(embedding, tokens, axis=0))
            logits = ops.matmul(x, kernel) + ops.take(by_index, index, axis=0)
            is_now = ops.arange(LENGTH) == index
            history = ops.where(is_now, ops.expand_dims(tokens, 1), history)
            return logits, [x, count + 1, history]

        rows = ops.shape(start)[0]
        state = [start, ops.zeros((rows, 1)), ops.full((rows, LENGTH), -1, "int32")]
        tokens, scores, state = beam_search(
            step, state, rows, start_token=START, end_token=END, max_length=LENGTH, **self.arguments
        )
        return tokens, scores, *state


@functools.cache
def searching(**arguments):
    return Searching(**arguments)


class Language:
    """Random chances of the next token, by the step, the last token and a state of the past."""

    def __init__(self, seed, rows=1):
        random = np.random.default_rng(seed)
        self.embedding = random.normal(size=(VOCABULARY, UNITS))
        self.kernel = random.normal(size=(UNITS, VOCABULARY)) * 2
        self.by_index = random.normal(size=(LENGTH, VOCABULARY))
        self.start = random.normal(size=(rows, UNITS))

    @property
    def numbers(self):
        numbers = (self.embedding, self.kernel, self.by_index, self.start)
        return [array.astype("float32") for array in numbers]

    def search(self, **arguments):
        """Return the tokens, the scores, and the state: its numbers, its count, its history."""
        return searching(**arguments).predict_on_batch(self.numbers)

    def row(self, row):
        """Return the language of one row."""
        alone = copy.copy(self)
        alone.start = self.start[[row]]
        return alone

    def chances(self, row, prefix):
        """Return the log-probabilities of all tokens after a prefix, in float64."""
        x = self.start[row]
        for token in (START, *prefix):
            x = np.tanh(0.5 * x + self.embedding[token])
        logits = x @ self.kernel + self.by_index[len(prefix)]
        return logits - np.log(np.exp(logits - logits.max()).sum()) - logits.max()

    def score(self, row, tokens):
        """Return the sum of the log-probabilities of tokens up to the end."""
        tokens = [int(token) for token in tokens if token != PAD]
        return sum(self.chances(row, tokens[:i])[token] for i, token in enumerate(tokens))


def padded(tokens):
    return (*tokens, *[PAD] * (LENGTH - len(tokens)))


def all_hypotheses():
    for length in range(1, LENGTH + 1):
        for tokens in itertools.product(TOKENS, repeat=length):
            has_end = END in tokens
            if END not in tokens[:-1] and (has_end or length == LENGTH):
                yield tokens


@properties
@given(seed=seeds, length_penalty=st.sampled_from([0.0, 0.6, 2.0]))
def test_a_beam_that_holds_all_hypotheses_finds_them_in_order(seed, length_penalty):
    language = Language(seed)
    scores = {padded(tokens): language.score(0, tokens) for tokens in all_hypotheses()}
    lengths = {padded(tokens): len(tokens) for tokens in all_hypotheses()}
    assert len(scores) == NUMBER_OF_HYPOTHESES

    def rank(tokens):
        return scores[tokens] / ((5 + lengths[tokens]) / 6) ** length_penalty

    width = NUMBER_OF_HYPOTHESES + 3
    tokens, found, *_ = language.search(beam_width=width, length_penalty=length_penalty)

    tokens = [tuple(hypothesis) for hypothesis in tokens[0].tolist()]
    hypotheses, missing = tokens[:NUMBER_OF_HYPOTHESES], tokens[NUMBER_OF_HYPOTHESES:]
    assert set(hypotheses) == set(scores)
    np.testing.assert_allclose(
        found[0, :NUMBER_OF_HYPOTHESES], [scores[h] for h in hypotheses], rtol=1e-4, atol=1e-5
    )
    ranks = [rank(hypothesis) for hypothesis in hypotheses]
    np.testing.assert_allclose(ranks, sorted(ranks, reverse=True), rtol=1e-4, atol=1e-5)
    assert set(missing) == {padded([])}
    assert (found[0, NUMBER_OF_HYPOTHESES:] == -np.inf).all()


@properties
@given(seed=seeds)
def test_width_one_is_greedy(seed):
    language = Language(seed, rows=2)

    tokens, *_ = language.search(beam_width=1)

    for row in range(2):
        expected = []
        while len(expected) < LENGTH and END not in expected:
            chances = language.chances(row, expected)
            expected.append(max(TOKENS, key=lambda token: chances[token]))
        assert tuple(tokens[row, 0]) == padded(expected)


@properties
@given(seed=seeds, beam_width=widths, length_penalty=st.sampled_from([0.0, 0.7]))
def test_scores_are_those_of_the_tokens(seed, beam_width, length_penalty):
    language = Language(seed, rows=2)

    tokens, scores, *_ = language.search(beam_width=beam_width, length_penalty=length_penalty)

    for row in range(2):
        expected = [language.score(row, hypothesis) for hypothesis in tokens[row]]
        np.testing.assert_allclose(scores[row], expected, rtol=1e-4, atol=1e-5)
        assert len({tuple(hypothesis) for hypothesis in tokens[row]}) == beam_width
        lengths = (tokens[row] != PAD).sum(axis=1)
        ranks = scores[row] / ((5 + lengths) / 6) ** length_penalty
        assert (np.diff(ranks) <= 1e-6).all()
        for hypothesis in tokens[row].tolist():
            length = hypothesis.index(END) + 1 if END in hypothesis else LENGTH
            assert PAD not in hypothesis[:length]
            assert set(hypothesis[length:]) <= {PAD}


@properties
@given(seed=seeds, beam_width=widths)
def test_rows_are_independent(seed, beam_width):
    language = Language(seed, rows=2)

    tokens, scores, *_ = language.search(beam_width=beam_width)

    for row in range(2):
        alone = language.row(row).search(beam_width=beam_width)
        np.testing.assert_array_equal(tokens[[row]], alone[0])
        np.testing.assert_allclose(scores[[row]], alone[1], rtol=1e-5)


@properties
@given(seed=seeds, beam_width=widths)
def test_a_history_in_the_state_follows_its_hypothesis(seed, beam_width):
    language = Language(seed, rows=2)

    tokens, _, _, _, history = language.search(beam_width=beam_width)

    history = history.reshape(2, beam_width, LENGTH)
    assert (history[..., 0] == START).all()
    taken = history[..., 1:] != -1
    np.testing.assert_array_equal(history[..., 1:][taken], tokens[..., :-1][taken])
    # What is not in the history came after the last step.
    assert np.isin(tokens[..., :-1][~taken], [END, PAD]).all()


@pytest.mark.parametrize("beam_width", [1, 2])
def test_stops_when_every_row_has_ended(beam_width):
    language = Language(0, rows=2)
    language.by_index[1:, END] = 1e4
    if beam_width == 1:
        language.by_index[0, END] = 1e4

    tokens, _, _, steps, _ = language.search(beam_width=beam_width)

    assert (steps == beam_width).all()
    assert (tokens[:, 0, beam_width:] == PAD).all()
    assert (tokens == END).any(axis=-1).all()


def test_ends_at_max_length_without_an_end():
    language = Language(0)
    language.by_index[:, END] = -1e4

    tokens, _, _, steps, _ = language.search(beam_width=3)

    assert (steps == LENGTH).all()
    assert not np.isin(tokens, [PAD, END]).any()


def test_padding_is_never_chosen_however_probable():
    language = Language(0)
    language.by_index[:, PAD] = 1e4

    tokens, scores, *_ = language.search(beam_width=2)

    for hypothesis in tokens[0].tolist():
        length = hypothesis.index(END) + 1 if END in hypothesis else LENGTH
        assert PAD not in hypothesis[:length]
    # What the model says of padding counts: the others are as improbable as it says.
    assert (scores < -1e3).all()


def test_other_padding_token():
    language = Language(0)
    language.by_index[:, END] = 1e4

    tokens, *_ = language.search(pad_token=3)

    assert tokens[0, 0].tolist() == [END, 3, 3, 3]


def test_a_larger_penalty_prefers_longer_sequences():
    # An end at once with p = 0.4; or token 3 with p = 0.6, and then the end with p = 0.6.
    chances = np.log([[1e-9, 1e-9, 0.4, 0.6], [1e-9, 1e-9, 0.6, 0.4]]).astype("float32")

    def step(tokens, state, index):
        return ops.take(chances, ops.cast(tokens == 3, "int32"), axis=0), state

    def best(length_penalty):
        arguments = {"start_token": START, "end_token": END, "max_length": 2, "beam_width": 2}
        tokens, _, _ = beam_search(step, (), 1, length_penalty=length_penalty, **arguments)
        return ops.convert_to_numpy(tokens)[0, 0].tolist()

    assert best(0.0) == [END, PAD]
    assert best(1.0) == [3, END]


def test_compiled_by_xla():
    language = Language(3, rows=2)
    arguments = {"beam_width": 3, "length_penalty": 1.0}
    model = Searching(**arguments)
    model.compile(jit_compile=keras.config.backend() != "torch")

    tokens, scores, *_ = model.predict_on_batch(language.numbers)

    expected = Searching(**arguments)([*map(ops.convert_to_tensor, language.numbers)])
    np.testing.assert_array_equal(tokens, ops.convert_to_numpy(expected[0]))
    np.testing.assert_allclose(scores, ops.convert_to_numpy(expected[1]), rtol=1e-5)


def test_batches_of_unknown_size():
    model = searching(beam_width=2)
    # TensorFlow takes the number of rows for unknown as soon as it has seen two of them.
    for rows in (2, 3, 5):
        language = Language(3, rows)

        tokens, _, *_ = model.predict_on_batch(language.numbers)

        for row in range(rows):
            np.testing.assert_array_equal(tokens[[row]], language.row(row).search(beam_width=2)[0])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"beam_width": 0}, "`beam_width` must be a positive integer. Received: beam_width=0"),
        ({"beam_width": 1.5}, "Received: beam_width=1.5"),
        ({"max_length": 0}, "`max_length` must be a positive integer. Received: max_length=0"),
        ({"length_penalty": "long"}, "Received: length_penalty=long"),
        ({"pad_token": END}, "Received: pad_token=2, end_token=2"),
    ],
)
def test_errors_say_what_was_received(arguments, message):
    required = {"start_token": START, "end_token": END, "max_length": LENGTH}
    with pytest.raises(ValueError, match=message):
        beam_search(None, (), 1, **{**required, **arguments})
