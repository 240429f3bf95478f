"""SCAN against the grammar, read from the command to the actions, and the published counts."""

from collections import Counter

import msgspec
import numpy as np
import pytest

from experiments.tasks.decoding import FIRST_WORD
from experiments.tasks.scan import ACTIONS, COMMAND_WORDS, Scan, interpret

SPLITS = ["simple", "length", "addjump"]
NUM_COMMANDS = 20_910


def said(tokens, words):
    return " ".join(words[token - FIRST_WORD] for token in tokens if token >= FIRST_WORD)


def commands(batch):
    return [said(tokens, COMMAND_WORDS) for tokens in batch.inputs]


def answers(batch):
    return [said(tokens, ACTIONS) for tokens in batch.targets]


def training_commands(task, seed=0):
    """One epoch, and a little more."""
    return commands(task.train_batch(seed, 0, NUM_COMMANDS))


@pytest.fixture(scope="module")
def everything():
    """Every command, by what the task holds back and what it does not."""
    task = Scan("length")
    held_out = [commands(task.evaluation_set(part, 0)) for part in ("validation", "test")]
    return [*dict.fromkeys(training_commands(task)), *held_out[0], *held_out[1]]


def carry_out(command):
    """What the command means, by the rules of the paper's appendix."""
    if " and " in command:
        first, second = command.split(" and ")
        return carry_out(first) + carry_out(second)
    if " after " in command:
        first, second = command.split(" after ")
        return carry_out(second) + carry_out(first)
    if command.endswith(" twice"):
        return 2 * carry_out(command.removesuffix(" twice"))
    if command.endswith(" thrice"):
        return 3 * carry_out(command.removesuffix(" thrice"))
    verb, *manner = command.split()
    action = [] if verb == "turn" else [f"I_{verb.upper()}"]
    match manner:
        case []:
            return action
        case ["opposite", side]:
            return [f"I_TURN_{side.upper()}"] * 2 + action
        case ["around", side]:
            return 4 * [f"I_TURN_{side.upper()}", *action]
        case [side]:
            return [f"I_TURN_{side.upper()}", *action]


def test_there_are_as_many_commands_as_published_and_each_once(everything):
    assert len(everything) == len(set(everything)) == NUM_COMMANDS


def test_every_command_is_carried_out_by_the_rules(everything):
    wrong = [c for c in everything if interpret(c).split() != carry_out(c)]
    assert wrong == []


@pytest.mark.parametrize(
    ("command", "actions"),
    # Examples of the paper's figure 1.
    [
        ("jump", "I_JUMP"),
        ("jump left", "I_TURN_LEFT I_JUMP"),
        (
            "jump around right",
            "I_TURN_RIGHT I_JUMP I_TURN_RIGHT I_JUMP I_TURN_RIGHT I_JUMP I_TURN_RIGHT I_JUMP",
        ),
        ("turn left twice", "I_TURN_LEFT I_TURN_LEFT"),
        ("jump thrice", "I_JUMP I_JUMP I_JUMP"),
        (
            "jump opposite left and walk thrice",
            "I_TURN_LEFT I_TURN_LEFT I_JUMP I_WALK I_WALK I_WALK",
        ),
        (
            "jump opposite left after walk around left",
            "I_TURN_LEFT I_WALK I_TURN_LEFT I_WALK I_TURN_LEFT I_WALK I_TURN_LEFT I_WALK "
            "I_TURN_LEFT I_TURN_LEFT I_JUMP",
        ),
    ],
)
def test_published_examples(command, actions):
    assert interpret(command) == actions


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("part", ["train", "validation", "test"])
def test_targets_are_the_actions(split, part):
    task = Scan(split)
    batch = task.train_batch(0, 0, 2000) if part == "train" else task.evaluation_set(part, 0)
    assert [interpret(command) for command in commands(batch)] == answers(batch)


@pytest.mark.parametrize(
    ("split", "num_training", "num_test"),
    # Commands as published; of training, without repetitions of `jump`.
    [("simple", 16_728, 4_182), ("length", 16_990, 3_920), ("addjump", 13_204, 7_706)],
)
def test_splits_have_the_published_sizes_and_share_nothing(split, num_training, num_test):
    task = Scan(split, validation_size=700)
    parts = [set(training_commands(task))]
    parts += [set(commands(task.evaluation_set(part, 0))) for part in ("validation", "test")]
    assert len(task.evaluation_set("validation", 0).inputs) == len(parts[1]) == 700
    assert len(task.evaluation_set("test", 0).inputs) == len(parts[2]) == num_test
    assert len(parts[0] | parts[1]) == len(parts[0]) + 700 == num_training
    assert parts[2].isdisjoint(parts[0] | parts[1])


def test_length_split_tests_longer_answers_only():
    task = Scan("length")
    longest = max(len(interpret(command).split()) for command in training_commands(task))
    lengths = [len(answer.split()) for answer in answers(task.evaluation_set("test", 0))]
    assert (longest, min(lengths), max(lengths)) == (22, 24, 48)


def test_jump_comes_alone_as_every_tenth_training_command():
    task = Scan("addjump", validation_size=300)
    others = 13_203 - 300
    epoch = round(others / 0.9)
    counts = Counter(commands(task.train_batch(0, 0, epoch)))
    assert {command for command in counts if "jump" in command} == {"jump"}
    assert counts.pop("jump") == epoch - others
    assert set(counts.values()) == {1}
    assert not any("jump" in c for c in commands(task.evaluation_set("validation", 0)))
    assert all("jump " in c + " " and c != "jump" for c in commands(task.evaluation_set("test", 0)))


@pytest.mark.parametrize("part", ["validation", "test"])
def test_all_seeds_share_the_splits(part):
    first, other = (Scan().evaluation_set(part, seed).inputs for seed in (0, 7))
    assert np.array_equal(first, other)
    assert training_commands(Scan(), seed=0) != training_commands(Scan(), seed=7)


def test_nearest_neighbour_answers_as_a_command_with_the_most_words_in_common():
    task = Scan(validation_size=5000)
    train, test = task.train_batch(0, 0, 11_728).inputs, task.evaluation_set("test", 0)
    predictions = task.baselines(0)["1-NN"]
    for row in range(0, len(test.inputs), 500):
        common = (train == test.inputs[row]).sum(axis=1)
        nearest = train[common == common.max()]
        meant = {interpret(said(tokens, COMMAND_WORDS)) for tokens in nearest}
        assert said(predictions.tokens[row], ACTIONS) in meant
    assert np.exp(predictions.logits).sum(axis=-1) == pytest.approx(1)


@pytest.mark.parametrize(
    ("field", "value"), [("split", "mcd"), ("validation_size", 0), ("validation_size", 5001)]
)
def test_settings_out_of_range_are_refused_by_name(field, value):
    with pytest.raises(msgspec.ValidationError, match=rf"\$\.{field}"):
        msgspec.convert({field: value}, Scan)
