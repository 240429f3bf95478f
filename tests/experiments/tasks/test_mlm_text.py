"""Masked text against plain Python, and the rule of masking against that of the layers."""

import hashlib
import math
import re
from collections import Counter
from itertools import pairwise
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.errors import RequestError
from experiments.request import experiment_request
from experiments.tasks.masked_words import masked
from experiments.tasks.mlm_text import MlmText
from experiments.tasks.task import UNASKED
from experiments.tasks.vocabulary import FIRST_WORD, MASK, UNKNOWN

SPLITS = ("train", "validation", "test")


@pytest.fixture
def write(tmp_path):
    def write(text):
        path = tmp_path / "text.txt"
        path.write_text(text, encoding="utf-8")
        return str(path)

    return write


@given(
    words=st.integers(1, 30).flatmap(
        lambda length: st.lists(
            st.lists(st.integers(0, 19), min_size=length, max_size=length), min_size=1, max_size=8
        )
    ),
    seed=st.integers(0, 2**40),
)
def test_fifteen_percent_of_the_known_words_are_asked_for(words, seed):
    batch = masked(np.array(words), 20, np.random.default_rng(seed))
    for row, inputs, targets in zip(words, *batch, strict=True):
        known = sum(word >= FIRST_WORD for word in row)
        asked = [step for step, target in enumerate(targets) if target != UNASKED]
        assert len(asked) == min(known, max(1, round(0.15 * known)))
        for step, word in enumerate(row):
            if step in asked:
                assert targets[step] == word >= FIRST_WORD
                assert inputs[step] != UNKNOWN
            else:
                assert inputs[step] == word


def test_of_the_words_asked_for_most_are_hidden_some_replaced_and_some_stay():
    words = np.full((4000, 20), 7)
    inputs, targets = masked(words, 102, np.random.default_rng(0))
    shown = inputs[targets != UNASKED]
    assert shown.size == 12_000
    counts = Counter(shown.tolist())
    deviations = 4 * math.sqrt(12_000 * 0.1 * 0.9)
    assert counts.pop(MASK) == pytest.approx(9600, abs=math.sqrt(2) * deviations)
    # One word in a hundred that replace it is the word itself.
    assert counts.pop(7) == pytest.approx(1212, abs=deviations)
    assert set(counts) == set(range(FIRST_WORD, 102)) - {7}
    assert max(counts.values()) < 40  # 12 in the mean


def test_steps_are_equally_likely_to_be_asked_for():
    _, targets = masked(np.full((4000, 10), 7), 20, np.random.default_rng(0))
    share = (targets != UNASKED).mean(axis=0)
    assert share == pytest.approx([0.2] * 10, abs=0.03)  # two of ten, since 1.5 is rounded


def test_the_rule_is_that_of_mask_tokens():
    from keras_seq.models import mask_tokens

    words = np.random.default_rng(0).integers(0, 12, (3000, 20))
    inputs, targets = masked(words, 12, np.random.default_rng(1))
    theirs, answers, weights = mask_tokens(words, 12, MASK, np.random.default_rng(2))
    assert ((targets != UNASKED).sum(axis=1) == weights.sum(axis=1)).all()
    shown = np.take_along_axis(theirs["token_ids"], theirs["mask_positions"], axis=1)
    for of_shown in (lambda shown, _: shown == MASK, np.equal):
        ours = of_shown(inputs, targets)[targets != UNASKED].mean()
        assert ours == pytest.approx(of_shown(shown, answers)[weights > 0].mean(), abs=0.02)


def test_parts_are_the_text_in_order_in_words_of_the_vocabulary(write):
    sentence = "The cat saw 12 dogs... and__it ran! "
    path = write(f"{sentence * 20}\n\n{sentence * 20}\n\n{'A dog? ' * 30}\n")
    text = MlmText(path, vocabulary_size=8).text()
    # A paragraph that comes twice is there once; the last tenth and the one before it are held out.
    found = re.findall(r"the|cat|saw|12|dogs?|\.\.\.|and|__|it|ran|!|a|\?", sentence.lower() * 20)
    words = [*found, *(["a", "dog", "?"] * 30)]
    tenth = len(words) // 10
    parts = [words[: -2 * tenth], words[-2 * tenth : -tenth], words[-tenth:]]
    counts = Counter(parts[0])
    frequent = sorted(counts, key=lambda word: (-counts[word], word))[:6]
    assert text.vocabulary.words == ("[UNK]", "[MASK]", *frequent)
    for split, part in zip(SPLITS, parts, strict=True):
        expected = [word if word in frequent else "[UNK]" for word in part]
        assert [text.vocabulary.words[token] for token in text.parts[split]] == expected
    assert text.digest == hashlib.sha256(Path(path).read_bytes()).hexdigest()


def test_training_sequences_come_from_anywhere_in_the_training_part(write):
    path = write(" ".join(f"{'abcdefghij'[i % 10] * (i // 10 + 1)}" for i in range(100)))
    task = MlmText(path, vocabulary_size=200, length=4)
    part = task.text().parts["train"].tolist()
    assert len(part) == len(set(part)) == 80
    starts = set()
    batch = task.train_batch(0, 0, 2000)
    for inputs, targets in zip(*batch, strict=True):
        words = np.where(targets == UNASKED, inputs, targets).tolist()
        start = part.index(words[0])
        assert words == part[start : start + 4]
        starts.add(start)
    assert starts == set(range(77))


@pytest.mark.parametrize("split", ["validation", "test"])
def test_evaluation_goes_through_its_part_once_and_masks_by_the_seed(split):
    task = MlmText(length=20)
    part = task.text().parts[split]
    batches = [task.evaluation_set(split, seed) for seed in (0, 1)]
    for inputs, targets in batches:
        words = np.where(targets == UNASKED, inputs, targets).reshape(-1)
        assert words.tolist() == part[: len(words)].tolist()
        assert len(part) - len(words) < 20
    assert not np.array_equal(*(batch.targets for batch in batches))


def test_baselines_agree_with_plain_python():
    task = MlmText(vocabulary_size=50, length=12)
    words = task.text().parts["train"].tolist()
    test = task.evaluation_set("test", 0)
    said = {name: np.exp(logits) for name, logits in task.baselines(0).items()}
    known = Counter(word for word in words if word >= FIRST_WORD)
    pairs = Counter(pairwise(words))
    unigram = {word: count / known.total() for word, count in known.items()}

    def bigram(before, word):
        after = {b: count for (a, b), count in pairs.items() if a == before and b >= FIRST_WORD}
        left = max(1, len(after))
        return (after.get(word, 0) + left * unigram[word]) / (sum(after.values()) + left)

    def revealed(chances, shown):
        """Of all ways that the step can look so, the share of each word."""
        ways = {}
        for word, chance in chances.items():
            if shown == MASK:
                ways[word] = chance * 0.8
            else:
                ways[word] = chance * (0.1 / 48 + (0.1 if word == shown else 0))
        return {word: way / sum(ways.values()) for word, way in ways.items()}

    steps = np.argwhere(test.targets != UNASKED)
    assert {0} < set(steps[:40, 1].tolist())
    for row, step in steps[:40].tolist():
        shown = int(test.inputs[row, step])
        before = int(test.inputs[row, step - 1]) if step else MASK
        expected = {
            "unigram": revealed(unigram, shown),
            "bigram": revealed({word: bigram(before, word) for word in unigram}, shown),
        }
        for name, chances in expected.items():
            found = said[name][row, step] / said[name][row, step].sum()
            assert found[list(chances)] == pytest.approx(list(chances.values()), rel=1e-4)


def test_the_bigram_knows_more_than_the_unigram():
    task = MlmText()
    test = task.evaluation_set("test", 0)
    measures = {name: task.measure(said, test) for name, said in task.baselines(0).items()}
    assert measures["bigram"]["loss"] < measures["unigram"]["loss"] < math.log(1000)
    assert measures["bigram"]["accuracy"] > measures["unigram"]["accuracy"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, r"cannot read path=.*: No such file"),
        (b"\xff\xfe", r"cannot read path=.*utf-8"),
        (b"a few words", r"320 words at least. Received: a text of 3 words, length=32"),
        (b"", r"320 words at least. Received: a text of 0 words"),
    ],
)
def test_a_text_that_cannot_be_used_is_refused_before_anything_runs(tmp_path, content, reason):
    path = tmp_path / "text.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(RequestError, match=reason):
        experiment_request("mlm_text", models="lstm", assignments=[f'task.path="{path}"'])


@pytest.mark.parametrize(
    ("field", "value"), [("vocabulary_size", 2), ("vocabulary_size", 5001), ("length", 1)]
)
def test_settings_out_of_range_are_refused_by_name(field, value):
    with pytest.raises(msgspec.ValidationError, match=rf"\$\.{field}"):
        msgspec.convert({field: value}, MlmText)
