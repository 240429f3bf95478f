"""Words and tokens, splits without a passage in common, and what pretraining is worth."""

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import masked_language_model as example
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

SCRIPT = Path(example.__file__)
PERCENT = r" +([\d.]+)%"
RESULTS = (
    "most frequent word",
    "pretrained encoder",
    "most frequent topic",
    "fresh weights",
    "pretrained weights",
)


@pytest.fixture(scope="module")
def blocks():
    return example.cut_blocks(example.read_topics())


@pytest.fixture(scope="module", params=[0, 1])
def splits(request, blocks):
    return example.split_blocks(blocks, np.random.default_rng(request.param))


@given(st.lists(st.sampled_from(["a", "b", "c", "d", "(", "12"]), min_size=1))
def test_decoded_words_are_those_encoded(words):
    tokenizer = example.Tokenizer(words, size=len(example.SPECIAL) + 3)
    known = set(tokenizer.vocabulary)
    tokens = tokenizer.encode(words)
    assert tokenizer.decode(tokens) == [word if word in known else "[UNK]" for word in words]
    assert min(words.count(word) for word in known - set(example.SPECIAL)) >= max(
        [words.count(word) for word in set(words) - known], default=0
    )


def test_every_token_has_a_word_of_its_own():
    tokenizer = example.Tokenizer(example.split_words("to be, or not to be"), size=9)
    tokens = list(range(9))
    assert tokenizer.encode(tokenizer.decode(tokens)) == tokens
    special = [example.PAD, example.UNK, example.CLS, example.SEP, example.MASK]
    assert tokenizer.decode(special) == example.SPECIAL


@given(st.text())
def test_words_are_all_there_is_but_blanks(text):
    text = text.lower()
    assert "".join(example.split_words(text)) == re.sub(r"\s", "", text)


def test_words_and_signs():
    expected = ["__", "add", "__", "(", "x1".rstrip("1"), "1", ")", "======", ">>>", "¬"]
    assert example.split_words("__add__(x1)\n ====== >>> ¬") == expected


def test_no_paragraph_is_there_twice():
    topics = {"one": "A b.\n\nC d.", "two": "C  D.\n\nE f.\n \na\nb."}
    blocks = example.cut_blocks(topics)
    assert blocks == [("one", ["a", "b", ".", "c", "d", "."]), ("two", ["e", "f", "."])]


def test_every_block_is_in_one_split(blocks, splits):
    together = [block for split in splits.values() for block in split]
    assert sorted(together) == sorted(blocks)
    words = {name: sum(len(words) for _, words in split) for name, split in splits.items()}
    for name, share in example.SHARES.items():
        assert words[name] / sum(words.values()) == pytest.approx(share, abs=0.05)


@pytest.mark.parametrize("held_out", example.SHARES)
def test_held_out_passages_are_never_seen(splits, held_out):
    others = [block for name, split in splits.items() if name != held_out for block in split]
    passages = example.cut_passages(splits[held_out], unlike=others)
    seen = {
        tuple(words[i : i + example.RUN])
        for _, words in others
        for i in range(len(words) - example.RUN + 1)
    }
    found = {
        tuple(words[i : i + example.RUN])
        for _, words in passages
        for i in range(example.PASSAGE - example.RUN + 1)
    }
    assert {len(words) for _, words in passages} == {example.PASSAGE}
    assert len(passages) > 100
    assert not seen & found
    # The rule is of use: without it some would have been seen.
    assert len(example.cut_passages(splits[held_out])) > len(passages)


def test_splits_come_from_the_generator(blocks):
    first, same, other = (
        example.split_blocks(blocks, np.random.default_rng(seed)) for seed in (1, 1, 2)
    )
    assert first == same
    assert first != other


def test_labelled_passages_are_few_of_each_topic():
    labels = np.arange(100) % example.TOPICS
    rows, few = example.draw_few(np.arange(100), labels, 3, np.random.default_rng(0))
    np.testing.assert_array_equal(np.bincount(few), np.full(example.TOPICS, 3))
    np.testing.assert_array_equal(labels[rows], few)
    assert len(set(rows)) == len(rows)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--seed", "-1"], "argument --seed: expected an integer from 0 to 2**32 - 1, got '-1'"),
        (["--seed", "4294967296"], "got '4294967296'"),
        (["--on", "train"], "invalid choice: 'train'"),
        (["--slow"], "unrecognized arguments: --slow"),
    ],
)
def test_bad_input_is_one_line(capsys, arguments, message):
    with pytest.raises(SystemExit) as caught:
        example.read_arguments(arguments)
    error = capsys.readouterr().err
    assert caught.value.code == 2
    assert message in error
    assert error.count("\n") == 1


def test_python_without_the_text_is_one_line(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "pydoc_data.topics", None)
    with pytest.raises(SystemExit) as caught:
        example.read_topics()
    assert caught.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1


def accuracies(output):
    """Return the accuracies that the example printed."""
    found = {name: re.findall(name + PERCENT, output) for name in RESULTS}
    assert {name: len(values) for name, values in found.items()} == dict.fromkeys(RESULTS, 1)
    return {name: float(value) for name, (value,) in found.items()}


@pytest.mark.slow
def test_quick_run_prints_every_accuracy_and_repeats_it(monkeypatch, capsys):
    command = [str(SCRIPT), "--quick", "--seed", "3"]
    monkeypatch.setattr(sys, "argv", command)
    example.main()
    here = capsys.readouterr().out
    assert re.search(r"SHA-256 [0-9a-f]{64}\n", here)

    done = subprocess.run(
        [sys.executable, *command], capture_output=True, text=True, timeout=600, check=False
    )

    assert done.returncode == 0, done.stderr
    assert accuracies(done.stdout) == accuracies(here)


@pytest.mark.slow
@pytest.mark.timeout(600)  # half a minute where nothing else runs
def test_pretraining_pays(monkeypatch, capsys):
    # Two thirds of the steps, and two of the three seeds, are enough to tell.
    shorter = replace(example.Settings(), pretraining_steps=1200, seeds=2)
    monkeypatch.setattr(example, "Settings", lambda: shorter)
    monkeypatch.setattr(sys, "argv", [str(SCRIPT)])
    example.main()
    accuracy = accuracies(capsys.readouterr().out)
    assert accuracy["pretrained encoder"] > 2 * accuracy["most frequent word"]
    assert accuracy["pretrained weights"] > accuracy["fresh weights"]
    assert accuracy["pretrained weights"] > accuracy["most frequent topic"]
