"""Topics against plain Python: nothing that is judged has been read; labels are few and even."""

import hashlib
import math
import sys
from collections import Counter

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.errors import RequestError
from experiments.request import experiment_request
from experiments.tasks.help_topics import RUN, help_topics, passages, split_blocks
from experiments.tasks.task import UNASKED
from experiments.tasks.topics import NUM_CLASSES, MaskedTopics, Topics
from experiments.tasks.vocabulary import UNKNOWN

EVALUATED = ("validation", "test")


def words(start, count):
    """So many words that are nowhere else."""
    return " ".join(f"w{'abcdefghij'[i % 10]}{i}" for i in range(start, start + count))


@st.composite
def texts(draw):
    """Topics of paragraphs, some of which are in several places."""
    paragraph = st.tuples(st.integers(0, 30), st.integers(1, 150)).map(
        lambda drawn: words(1000 * drawn[0], drawn[1])
    )
    return draw(st.lists(st.lists(paragraph, max_size=12).map("\n\n".join), max_size=6))


@given(texts=texts(), count=st.integers(0, 4))
def test_blocks_are_all_distinct_paragraphs_and_whole_blocks_are_held_out(texts, count):
    splits = split_blocks(texts, count)
    blocks = [block for split in splits.values() for block in split]
    # A number and the letters before it are two words: no word of a paragraph is in another.
    expected = Counter()
    for paragraph in {part for text in texts for part in text.split("\n\n") if part}:
        expected.update(len(paragraph.split()) * ["w"])
    pairs = sum(len(block.words) for block in blocks)
    assert pairs == 2 * expected["w"]
    for topic in {block.topic for block in blocks}:
        of_topic = {split: [b for b in each if b.topic == topic] for split, each in splits.items()}
        count_of = {split: len(each) for split, each in of_topic.items()}
        total = sum(count_of.values())
        if topic < count:
            assert count_of["validation"] == (total + 2) // 5
            assert count_of["test"] == total // 5
        else:
            assert count_of["train"] == total
        short = [b for each in of_topic.values() for b in each if len(b.words) < 200]
        assert len(short) <= 1
    sizes = Counter()
    for block in blocks:
        sizes[block.topic] += len(block.words)
    by_place = [sizes[place] for place in sorted(sizes)]
    assert by_place == sorted(by_place, reverse=True)


def test_a_passage_that_another_split_has_in_part_is_not_judged():
    shared = words(50_000, RUN // 2)  # as many words and numbers
    long = [words(1000 * i, 100) for i in range(7)]
    long[2] = f"{words(2000, 20)} {shared} {words(2500, 76)}"  # the third block is for validation
    long[3] = f"{shared} {words(3000, 96)}"  # the fourth is for training
    blocks = split_blocks(["\n\n".join(long)], 1)
    assert [len(blocks[split]) for split in EVALUATED] == [1, 1]
    (block,) = blocks["validation"]
    judged = passages(blocks, "validation", 1, 24)
    # Letters come again, numbers do not.
    starts = [block.words.index(passage.words[1]) - 1 for passage in judged]
    everywhere = list(range(0, len(block.words) - 23, 24))
    assert starts == [start for start in everywhere if start != 24]  # 40 to 48 are shared
    assert all(block.words[s : s + 24] == p.words for s, p in zip(starts, judged, strict=True))


@pytest.mark.parametrize("length", [8, 32, 100])
def test_no_eight_words_in_a_row_of_what_is_judged_are_in_another_split(length):
    blocks = split_blocks(help_topics("test", "").values(), NUM_CLASSES)

    def runs(parts):
        return {p.words[i : i + 8] for p in parts for i in range(len(p.words) - 7)}

    for split in EVALUATED:
        judged = passages(blocks, split, NUM_CLASSES, length)
        others = [block for other in blocks if other != split for block in blocks[other]]
        assert {passage.topic for passage in judged} == set(range(NUM_CLASSES))
        assert runs(judged).isdisjoint(runs(others))


@pytest.mark.parametrize("split", EVALUATED)
def test_every_split_has_about_the_same_share_of_each_topic(split):
    task = Topics()
    train, judged = (
        np.bincount(batch.targets, minlength=NUM_CLASSES) / len(batch.targets)
        for batch in (task._passages("train"), task.evaluation_set(split, 0))
    )
    np.testing.assert_allclose(judged, train, atol=0.08)


@given(seed=st.integers(0, 2**32 - 1), labelled=st.integers(1, 20))
def test_the_labels_are_as_many_of_each_topic_and_come_round_in_epochs(seed, labelled):
    task = Topics(labelled=labelled)
    epochs = [task.train_batch(seed, index, labelled * NUM_CLASSES) for index in range(2)]
    few = [{(row.tobytes(), label) for row, label in zip(*epoch, strict=True)} for epoch in epochs]
    assert few[0] == few[1]
    assert len(few[0]) == labelled * NUM_CLASSES
    assert not np.array_equal(epochs[0].inputs, epochs[1].inputs)  # in another order
    for epoch in epochs:
        assert (np.bincount(epoch.targets) == labelled).all()


def test_labelled_passages_are_training_text_and_other_ones_for_another_seed():
    task = Topics()
    text = task.pretraining().text().parts["train"]
    windows = {text[i : i + 32].tobytes() for i in range(len(text) - 31)}
    few, other = (task.train_batch(seed, 0, 64).inputs for seed in (0, 1))
    assert windows.issuperset(row.tobytes() for row in few)
    common = {row.tobytes() for row in few} & {row.tobytes() for row in other}
    assert len(common) < 32


def test_the_vocabulary_is_of_the_training_text_and_the_digest_of_the_whole():
    text = MaskedTopics(vocabulary_size=300).text()
    whole = "\n\n".join(help_topics("test", "").values())
    assert text.digest == hashlib.sha256(whole.encode()).hexdigest()
    assert len(text.vocabulary.words) == 300
    counts = np.bincount(text.parts["train"], minlength=300)
    # Known words in the order of how often training has them.
    assert (np.diff(counts[2:]) <= 0).all()
    assert counts[2:].min() > 0
    assert counts[UNKNOWN] > 0


def test_pretraining_asks_for_words_of_the_training_text_alone():
    before = Topics(length=20).pretraining()
    part = before.text().parts["train"]
    windows = {part[i : i + 20].tobytes() for i in range(len(part) - 19)}
    inputs, targets = before.train_batch(0, 0, 200)
    hidden = np.where(targets == UNASKED, inputs, targets)
    assert windows.issuperset(row.tobytes() for row in hidden)


def test_the_bag_of_words_is_naive_bayes_on_the_labelled_passages():
    task = Topics(labelled=4)
    few, test = task.train_batch(5, 0, 4 * NUM_CLASSES), task.evaluation_set("test", 5)
    counts = [Counter(few.inputs[few.targets == k].ravel().tolist()) for k in range(NUM_CLASSES)]
    for topic in counts:
        del topic[UNKNOWN]

    def said(row):
        scores = []
        for topic in counts:
            total = topic.total() + task.vocabulary_size / 2
            known = [word for word in row if word != UNKNOWN]
            scores.append(sum(math.log((topic[word] + 0.5) / total) for word in known))
        return scores

    bag = task.baselines(5)["bag of words"]
    for row, found in zip(test.inputs.tolist()[:20], bag, strict=False):
        scores = said(row)
        assert found - found[0] == pytest.approx(np.array(scores) - scores[0], rel=1e-6)


def test_few_words_tell_more_than_the_largest_topic_and_more_labels_more():
    def accuracy(labelled, name):
        task = Topics(labelled=labelled)
        test = task.evaluation_set("test", 0)
        return task.measure(task.baselines(0)[name], test)["accuracy"]

    assert 1 / NUM_CLASSES < accuracy(8, "majority") < accuracy(8, "bag of words")
    assert accuracy(8, "bag of words") < accuracy(30, "bag of words") < 1


def test_more_labels_than_there_are_passages_are_refused_before_anything_runs():
    with pytest.raises(
        RequestError, match=r"^topics: expected labelled <= \d+, .* 32 words .*=999"
    ):
        experiment_request("topics", models="bert", assignments=["task.labelled=999"])


def test_a_python_without_the_topics_is_refused_with_a_way_out(monkeypatch):
    monkeypatch.setitem(sys.modules, "pydoc_data.topics", None)
    with pytest.raises(RequestError, match=r"^me: this Python comes without .*help\(\)\. Do so\.$"):
        help_topics("me", "Do so.")


@pytest.mark.parametrize(
    ("field", "value"),
    [("labelled", 0), ("vocabulary_size", 2), ("length", 7), ("length", 101)],
)
def test_settings_out_of_range_are_refused_by_name(field, value):
    with pytest.raises(msgspec.ValidationError, match=rf"\$\.{field}"):
        msgspec.convert({field: value}, Topics)
