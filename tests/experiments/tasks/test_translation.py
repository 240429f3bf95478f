"""Translation against a translator that reads text word by word."""

import re

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments.tasks.decoding import PADDING
from experiments.tasks.task import Decoded
from experiments.tasks.translation import (
    ADJECTIVES,
    DETERMINERS,
    FEMININE,
    MASCULINE,
    SOURCE_WORDS,
    TARGET_WORDS,
    VERBS,
    Translation,
    in_words,
)

SPLITS = ["train", *Translation.evaluation_splits]


def drawn(task, split, seed=0, size=50):
    if split == "train":
        return task.train_batch(seed, 0, size)
    return task.evaluation_set(split, seed)


def texts(batch):
    """Pairs of a sentence and its translation, which must end with the end."""
    for source, target in zip(*batch, strict=True):
        answer, end = in_words(target, TARGET_WORDS).rsplit(maxsplit=1)
        assert end == "[END]"
        yield in_words(source, SOURCE_WORDS), answer


def translate(sentence):
    return " e ".join(translate_clause(clause.split()) for clause in sentence.split(" and "))


def translate_clause(words):
    verb = next(place for place, word in enumerate(words) if word in VERBS)
    subject, is_plural = translate_phrase(words[:verb])
    other, _ = translate_phrase(words[verb + 1 :])
    return " ".join([*subject, *other, VERBS[words[verb]] + ("ent" if is_plural else "et")])


def translate_phrase(words):
    determiner, *adjectives, noun = words
    is_plural = noun.endswith("s")
    singular = noun.removesuffix("s")
    is_feminine = singular in FEMININE
    assert is_feminine != (singular in MASCULINE)
    ending = ("a" if is_feminine else "o") + ("s" if is_plural else "")
    stem = FEMININE[singular] if is_feminine else MASCULINE[singular]
    described = [ADJECTIVES[word] + ending for word in adjectives]
    first = DETERMINERS[determiner] + ending
    return [first, stem + ("s" if is_plural else ""), *described], is_plural


@settings(max_examples=60, deadline=None)
@given(
    max_clauses=st.integers(1, 5),
    max_adjectives=st.integers(0, 4),
    seed=st.integers(0, 2**40),
    split=st.sampled_from(SPLITS),
)
def test_targets_are_the_translations_and_the_end(max_clauses, max_adjectives, seed, split):
    task = Translation(max_clauses, max_adjectives, validation_size=20, test_size=20)
    low, high = 1, max_clauses
    if split == "extrapolation":
        low, high = high + 1, 2 * high
    batch = drawn(task, split, seed)
    longest = " and ".join(high * [" ".join((5 + 2 * max_adjectives) * ["word"])]).split()
    assert batch.inputs.shape[1] == batch.targets.shape[1] - 1 == len(longest)
    for sentence, answer in texts(batch):
        clauses = sentence.split(" and ")
        assert low <= len(clauses) <= high
        for clause in clauses:
            verb = [word in VERBS for word in clause.split()].index(True)
            assert 2 <= verb <= 2 + max_adjectives
            assert 3 <= len(clause.split()) - verb <= 3 + max_adjectives
        assert answer == translate(sentence)


@pytest.mark.parametrize(
    ("sentence", "answer"),
    [
        ("the old cat saw my dogs", "la gat veta mios kans videt"),
        (
            "no bees heard some big horse and my king loved the queen",
            "nulas abels kelko kaval grando audent e mio rey la reyn amet",
        ),
    ],
)
def test_examples_of_the_docstring_as_text(sentence, answer):
    assert translate(sentence) == answer
    for text in (sentence, answer):
        assert text in " ".join(Translation.__doc__.split("\n"))


@pytest.mark.parametrize("words", [SOURCE_WORDS, TARGET_WORDS])
def test_every_word_has_one_token_and_every_token_is_drawn(words):
    assert len(set(words)) == len(words)
    batch = Translation().train_batch(0, 0, 500)
    tokens = batch.inputs if words is SOURCE_WORDS else batch.targets
    unused = {"[PAD]", "[START]"} | ({"[END]"} if words is SOURCE_WORDS else set())
    assert {words[token] for token in np.unique(tokens[tokens != PADDING])} == {*words} - unused


def test_numbers_of_clauses_and_of_adjectives_are_equally_likely():
    task = Translation(max_clauses=3, max_adjectives=2)
    sentences = [sentence for sentence, _ in texts(task.train_batch(0, 0, 3000))]
    clauses = np.bincount([sentence.count(" and ") + 1 for sentence in sentences])
    assert clauses[1:] == pytest.approx([1000] * 3, abs=4 * 26)  # four standard deviations
    # Verbs and conjunctions stand between the phrases of a sentence.
    between = re.compile(rf" (?:and|{'|'.join(VERBS)}) ")
    lengths = [len(part.split()) for sentence in sentences for part in between.split(sentence)]
    adjectives = np.bincount(lengths)[2:] / len(lengths)
    assert adjectives == pytest.approx([1 / 3] * 3, abs=0.02)


def test_no_sentence_is_in_two_splits_where_there_are_few():
    task = Translation(max_clauses=1, max_adjectives=0, validation_size=20_000, test_size=20_000)
    splits = [
        {sentence for sentence, _ in texts(drawn(task, split, size=20_000))}
        for split in ("train", "validation", "test")
    ]
    # 73,728 sentences: about 9,000 can be in validation, so chance alone would repeat thousands.
    assert len(splits[1]) > 5_000
    assert len(set.union(*splits)) == sum(map(len, splits))


def test_verbs_of_every_split_are_equally_likely():
    test = Translation(max_clauses=2, test_size=4000).evaluation_set("test", 0)
    words = [word for sentence, _ in texts(test) for word in sentence.split() if word in VERBS]
    counts = np.array([words.count(verb) for verb in VERBS]) / len(words)
    assert counts == pytest.approx([1 / len(VERBS)] * len(VERBS), abs=0.02)


def test_bins_count_clauses():
    task = Translation(test_size=200)
    keys = {}
    for split in ("test", "extrapolation"):
        batch = task.evaluation_set(split, 0)
        logits = 20 * np.eye(len(TARGET_WORDS))[batch.targets]
        # Whoever leaves out the last word of long sentences fails in those alone.
        is_long = (batch.inputs == SOURCE_WORDS.index("and")).sum(axis=1) + 1 >= 5
        last = (batch.targets != PADDING).sum(axis=1) - 2
        tokens = batch.targets.copy()
        tokens[is_long, last[is_long]] = TARGET_WORDS.index("e")
        keys[split] = task.measure(Decoded(logits, tokens), batch)
    in_range = {"exact_match_1_2": 1, "exact_match_3_4": 1, "exact_match_5_6": 0}
    longer = dict.fromkeys(["exact_match_7_8", "exact_match_9_10", "exact_match_11_12"], 0)
    for split, expected in (("test", in_range), ("extrapolation", longer)):
        found = {key: value for key, value in keys[split].items() if key.startswith("exact_match_")}
        assert found == expected


def test_step_by_step_baseline_says_the_commonest_word_at_the_same_step():
    task = Translation(max_clauses=2, test_size=300)
    train, test = task.train_batch(0, 0, 1000), task.evaluation_set("test", 0)
    said = task.baselines(0)["step_by_step"]
    for source in (3, 10, 30, 40):  # a determiner, an adjective, a noun, a verb
        answers = train.targets[:, :-1][train.inputs == source].tolist()
        counts = np.array([answers.count(token) for token in range(len(TARGET_WORDS))])
        rows, steps = np.nonzero(test.inputs == source)
        assert rows.size
        assert (said.tokens[rows, steps] == counts.argmax()).all()
        smoothed = (counts + 0.5) / (counts + 0.5).sum()
        assert np.exp(said.logits[rows[0], steps[0]]) == pytest.approx(smoothed)
    measures = task.measure(said, test)
    # It knows where sentences end, and never their whole order.
    assert 0.1 < measures["token_accuracy"] < 0.3
    assert measures["exact_match"] < 0.01


@pytest.mark.parametrize(
    ("field", "value"),
    [("max_clauses", 0), ("max_adjectives", -1), ("validation_size", 0), ("test_size", 0)],
)
def test_settings_below_their_bounds_are_refused_by_name(field, value):
    with pytest.raises(msgspec.ValidationError, match=rf"\$\.{field}"):
        msgspec.convert({field: value}, Translation)
