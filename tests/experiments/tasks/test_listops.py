"""ListOps against plain Python."""

import statistics

import msgspec
import numpy as np
import pytest

from experiments.tasks import trees
from experiments.tasks.listops import DIALECTS, ListOps
from experiments.tasks.trees import OPERATORS, WORDS


def read(words):
    """The list that an iterator of words begins with, as nested Python lists."""
    word = next(words)
    if not word.startswith("["):
        return word if word == "]" else int(word)
    arguments = []
    while (argument := read(words)) != "]":
        arguments.append(argument)
    return [word, *arguments]


def value(node):
    if isinstance(node, int):
        return node
    operator, *arguments = node
    operate = {
        "[MIN": min,
        "[MAX": max,
        "[MED": lambda numbers: int(statistics.median(numbers)),
        "[SM": lambda numbers: sum(numbers) % 10,
    }[operator]
    return operate([value(argument) for argument in arguments])


def depth(node):
    return 1 if isinstance(node, int) else 1 + max(map(depth, node[1:]))


def operators_of(node):
    """All lists within a list, itself among them."""
    if isinstance(node, int):
        return []
    return [node, *(inner for argument in node[1:] for inner in operators_of(argument))]


def written(inputs):
    return [[WORDS[token - 1] for token in row if token] for row in inputs.tolist()]


@pytest.fixture(scope="module", params=DIALECTS)
def drawn(request):
    """A dialect, some of its sequences read by plain Python, and the targets."""
    size = {"mini": 400, "lra": 40}[request.param]
    batch = ListOps(dialect=request.param).train_batch(0, 0, size)
    words = written(batch.inputs)
    nodes = []
    for sequence in words:
        rest = iter(sequence)
        nodes.append(read(rest))
        assert not list(rest)
    return request.param, words, nodes, batch.targets


def test_answers_are_those_of_python(drawn):
    _, _, nodes, targets = drawn
    assert targets.tolist() == [value(node) for node in nodes]


def test_sequences_keep_to_the_limits_of_their_dialect(drawn):
    dialect, words, nodes, _ = drawn
    limits = {"mini": (6, 8, 64, 256), "lra": (10, 10, 500, 2000)}[dialect]
    max_depth, max_arguments, above, below = limits
    assert all(above < len(sequence) < below for sequence in words)
    assert max(map(depth, nodes)) == max_depth
    counts = [len(inner) - 1 for node in nodes for inner in operators_of(node)]
    assert set(counts) == set(range(2, max_arguments + 1))


def test_roots_digits_and_operators_are_equally_likely(drawn):
    _, _, nodes, _ = drawn
    inner = [inner for node in nodes for inner in operators_of(node)]
    digits = [argument for node in inner for argument in node[1:] if isinstance(argument, int)]
    shares = np.bincount(digits) / len(digits)
    assert shares == pytest.approx(np.full(10, 0.1), abs=0.02)
    names = [node[0] for node in inner]
    for name in WORDS[10:14]:
        assert names.count(name) / len(names) == pytest.approx(0.25, abs=0.05)
        assert any(node[0] == name for node in nodes)


def test_an_argument_is_an_operator_once_in_four():
    # Without limits on the length nothing is left out, and two levels of arguments tell.
    limits = trees.Limits(max_depth=3, max_arguments=5, min_length=1, max_length=10**6)
    forest = trees.grow(np.random.default_rng(0), 4000, limits)
    is_operator = [level.words >= OPERATORS[0] for level in forest]
    assert is_operator[0].all()
    assert is_operator[1].mean() == pytest.approx(0.25, abs=0.02)
    assert not is_operator[2].any()
    counts = np.bincount(forest[1].parents)
    assert np.bincount(counts)[2:] / 4000 == pytest.approx(np.full(4, 0.25), abs=0.03)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("[MED 4 5 3 4 [MAX 4 8 ] ]", 4),
        ("[MED 1 [MIN [MIN 8 7 1 ] 8 7 ] 4 8 ]", 2),
        ("[MED 9 5 4 [SM [MAX 7 1 1 2 ] 1 8 ] ]", 5),
        ("[SM [SM 5 0 ] [MAX 6 [MIN 7 9 2 3 ] ] 5 1 ]", 7),
        ("[MED 0 9 ]", 4),
    ],
)
def test_published_examples(text, answer):
    assert ListOps().answer(text) == answer == value(read(iter(text.split())))
    words = trees.write(trees.parse(text), 40)[0]
    assert " ".join(WORDS[word] for word in words if word >= 0) == text


def test_first_token_baseline_knows_the_root():
    task = ListOps(test_size=4000)
    test = task.evaluation_set("test", 0)
    said = task.baselines(0)["first token"].argmax(axis=-1)
    roots = test.inputs[:, 0] - 1
    assert set(said[roots == WORDS.index("[MIN")]) == {0}
    assert set(said[roots == WORDS.index("[MAX")]) == {9}
    measures = {k: task.measure(v, test)["accuracy"] for k, v in task.baselines(0).items()}
    assert measures["first token"] > measures["majority"] + 0.1


@pytest.mark.parametrize("field", ["validation_size", "test_size"])
def test_settings_below_their_bounds_are_refused_by_name(field):
    with pytest.raises(msgspec.ValidationError, match=rf"\$\.{field}"):
        msgspec.convert({field: 0}, ListOps)


def test_unknown_dialects_are_refused():
    with pytest.raises(msgspec.ValidationError, match=r"\$\.dialect"):
        msgspec.convert({"dialect": "long"}, ListOps)
