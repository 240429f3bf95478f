"""The embedded Reber grammar against a regular expression and plain Python."""

import math
import re

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.tasks.reber import SYMBOLS, Reber, draw, legal

# The two ways through the grammar meet in a loop: X or P V leads on, S or V out.
INNER = "B(TS*X(XT*VP)*(S|XT*VV)|PT*V(PXT*V)*(V|PS))E"
STRING = re.compile(f"BT{INNER}TE|BP{INNER}PE")
BRANCHES = (
    {"T": 1, "P": 2},
    {"S": 1, "X": 3},
    {"T": 2, "V": 4},
    {"X": 2, "S": 5},
    {"P": 3, "V": 5},
)


def followers(beginning):
    """The symbols that may come after the beginning of a string."""
    if len(beginning) < 3:
        return {0: "B", 1: "TP", 2: "B"}[len(beginning)]
    state, rest = 0, beginning[3:]
    while rest and state != 5:
        state, rest = BRANCHES[state][rest[0]], rest[1:]
    if state != 5:
        return "".join(BRANCHES[state])
    return {"": "E", "E": beginning[1]}.get(rest, "E")


def written(task, batch):
    """Strings without their padding, the last symbol read off the targets."""
    strings = []
    for tokens, targets in zip(batch.inputs.tolist(), batch.targets.tolist(), strict=True):
        length = sum(target != -1 for target in targets)
        string = "".join(SYMBOLS[token - 1] for token in tokens[:length])
        assert not any(tokens[length:])
        assert set(targets[length:]) <= {-1}
        assert string[1:] == "".join(SYMBOLS[target] for target in targets[: length - 1])
        strings.append(string + SYMBOLS[targets[length - 1]])
    return strings


@given(seed=st.integers(0, 2**40), max_length=st.integers(24, 40))
def test_training_has_strings_of_the_grammar(seed, max_length):
    task = Reber(max_length=max_length)
    for string in written(task, task.train_batch(seed, 0, 20)):
        assert STRING.fullmatch(string)
        assert len(string) <= max_length


@pytest.mark.parametrize("split", ["validation", "test"])
def test_splits_have_256_different_strings_of_the_grammar(split):
    task = Reber()
    strings = written(task, task.evaluation_set(split, 0))
    assert len(set(strings)) == len(strings) == 256
    assert all(map(STRING.fullmatch, strings))


@pytest.mark.parametrize(
    "inner",
    ["BTSSXXTVVE", "BPVVE", "BTXXVPSE", "BPVPXVPXVPXVVE", "BTSXXVPSE"],
)
def test_known_strings_are_legal_throughout(inner):
    strings = [f"B{outer}{inner}{outer}E" for outer in "TP"]
    batch = Reber().spell(strings)
    assert written(Reber(), batch) == strings
    asked = batch.targets != -1
    follows = np.take_along_axis(legal(batch.inputs), batch.targets[..., np.newaxis], axis=-1)
    assert follows[..., 0][asked].all()


def test_legal_symbols_are_those_of_the_table():
    task = Reber()
    batch = task.evaluation_set("test", 0)
    for string, rows in zip(written(task, batch), legal(batch.inputs), strict=True):
        for end in range(1, len(string)):
            symbols = "".join(SYMBOLS[i] for i in np.flatnonzero(rows[end - 1]))
            assert sorted(symbols) == sorted(followers(string[:end]))
        assert not rows[len(string) - 1 :].any()


def test_branches_are_taken_half_of_the_time():
    strings = draw(np.random.default_rng(0), 40000, 40)
    shares = np.bincount((strings != 0).sum(axis=1))[:13] / 40000
    # The shortest have three branches: TXS and PVV. With one more there are TSXS, PTVV and PVPS.
    assert shares[:11] == pytest.approx([0] * 9 + [1 / 4, 3 / 16], abs=0.01)
    assert (strings[:, 1] == 2).mean() == pytest.approx(1 / 2, abs=0.01)
    assert len(strings) > 0.999 * 40000


def test_measures_agree_with_plain_python():
    task = Reber()
    test = task.evaluation_set("test", 0)
    logits = np.random.default_rng(0).normal(size=(*test.targets.shape, 7))
    logits += 3 * np.eye(7)[test.targets]
    measures = task.measure(logits, test)
    legal_hits, outer_hits, nats = [], [], []
    for string, steps in zip(written(task, test), logits.tolist(), strict=True):
        said = [SYMBOLS[np.argmax(step)] for step in steps]
        outer_hits.append(said[len(string) - 3] == string[1])
        for end in range(1, len(string)):
            legal_hits.append(said[end - 1] in followers(string[:end]))
            step = steps[end - 1]
            truth = step[SYMBOLS.index(string[end])]
            nats.append(math.log(sum(map(math.exp, step))) - truth)
    assert measures["legal_accuracy"] == pytest.approx(np.mean(legal_hits))
    assert measures["outer_accuracy"] == pytest.approx(np.mean(outer_hits))
    assert measures["loss"] == pytest.approx(np.mean(nats))


def test_any_legal_symbol_is_right_but_the_outer_must_be_remembered():
    task = Reber()
    test = task.evaluation_set("test", 0)
    # Of the legal symbols always the last, as if the branches were known to be taken so.
    said = len(SYMBOLS) - 1 - legal(test.inputs)[..., ::-1].argmax(axis=-1)
    measures = task.measure(np.eye(7)[said], test)
    assert measures["legal_accuracy"] == measures["outer_accuracy"] == 1
    outer = (test.targets != -1).sum(axis=1) - 2
    other = {1: 2, 2: 1}
    rows = np.arange(len(outer))
    said[rows, outer] = [other[symbol] for symbol in said[rows, outer]]
    measures = task.measure(np.eye(7)[said], test)
    assert measures["outer_accuracy"] == 0
    assert measures["legal_accuracy"] == pytest.approx(1 - 256 / (test.targets != -1).sum())


def test_without_memory_the_outer_symbol_is_a_coin():
    task = Reber()
    test = task.evaluation_set("test", 0)
    measures = task.measure(task.baselines(0)["bigram"], test)
    assert measures["outer_accuracy"] == pytest.approx(0.5, abs=4 * 0.5 / 16)


@pytest.mark.parametrize("max_length", [23, 257])
def test_settings_out_of_their_bounds_are_refused_by_name(max_length):
    with pytest.raises(msgspec.ValidationError, match=r"\$\.max_length"):
        msgspec.convert({"max_length": max_length}, Reber)
