"""SCAN: carry out commands of a small language, some made of parts that were never together."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Annotated, ClassVar, Literal

import numpy as np
from msgspec import Meta

from experiments.budget import Budget
from experiments.errors import UnknownNameError
from experiments.tasks.decoding import (
    END,
    FIRST_WORD,
    PADDING,
    START,
    always_the_commonest,
    ended,
    length_bins,
    measure_decoded,
    said_as_often_right,
)
from experiments.tasks.epochs import epoch_rows
from experiments.tasks.measures import matches
from experiments.tasks.task import (
    SHARE,
    Array,
    Batch,
    Decoded,
    Metric,
    Predictions,
    Sequences,
    Split,
    Task,
    Tokens,
)

PRIMITIVES = ("walk", "look", "run", "jump")
SIDES = ("left", "right")
COMMAND_WORDS = (
    *(*PRIMITIVES, "turn", *SIDES, "opposite", "around"),
    *("twice", "thrice", "and", "after"),
)
ACTIONS = (*(f"I_{verb.upper()}" for verb in PRIMITIVES), "I_TURN_LEFT", "I_TURN_RIGHT")

TEST_SHARE = 0.2
"""Of all commands, in the split `simple`."""
LONGEST_IN_TRAINING = 22
"""Actions, in the split `length`; no command has 23."""
JUMP_SHARE = 0.1
"""Of the training commands in the split `addjump`: that is how often `jump` comes, alone."""


@dataclass(frozen=True)
class Scan(Task):
    """All 20,910 commands of the SCAN grammar; the target is the sequence of actions.

    A command is one phrase or two, joined by `and`, or by `after`, which has the second carried
    out first. A phrase may be said to be done `twice` or `thrice`. It is `walk`, `look`, `run` or
    `jump`, alone or with a side to turn to before: once, twice (`opposite`), or four times, each
    time followed by the action (`around`); `turn` itself is turning without an action.

    What is in the `test` split, by `split`:

    - `simple`: a fifth of all commands (4,182), by chance;
    - `length`: the 3,920 commands of 24 to 48 actions; the others have 22 at most;
    - `addjump`: the 7,706 commands that have `jump` in them and more. In training `jump` comes
      alone, as every tenth command.

    The validation split is taken out of the others by chance, `jump` excepted. All seeds share
    these splits; the seed decides the order of training. Examples:

    >>> interpret("look opposite right twice")
    'I_TURN_RIGHT I_TURN_RIGHT I_LOOK I_TURN_RIGHT I_TURN_RIGHT I_LOOK'
    >>> interpret("jump thrice after turn left")
    'I_TURN_LEFT I_JUMP I_JUMP I_JUMP'

    The answer is decoded greedily and measured as in `reverse`: `exact_match` and
    `token_accuracy`, over all and in bins of numbers of actions (`exact_match_1_16`).

    Source: Lake and Baroni 2018, "Generalization without systematicity: on the compositional
    skills of sequence-to-sequence recurrent networks", experiments 1 to 3.
    """

    name: ClassVar[str] = "scan"
    metric: ClassVar[Metric] = Metric("exact_match", higher_is_better=True, bounds=SHARE)
    budget: ClassVar[Budget] = Budget(steps=4000, batch_size=64, learning_rate=3e-3)
    solved: ClassVar[float | None] = 0.99

    split: Literal["simple", "length", "addjump"] = "simple"
    """Which commands are never seen in training."""
    validation_size: Annotated[int, Meta(ge=1, le=5000)] = 500
    """Commands in the validation split."""

    @property
    def input(self) -> Tokens:
        """Words of a command."""
        return Tokens(vocabulary_size=FIRST_WORD + len(COMMAND_WORDS))

    @property
    def target(self) -> Sequences:
        """Actions."""
        return Sequences(vocabulary_size=FIRST_WORD + len(ACTIONS), start=START, end=END)

    @property
    def sequence_length(self) -> int:
        """Words of the longest command."""
        return len(_collection().inputs[0])

    @property
    def epoch_sequences(self) -> int:
        """The commands of an epoch."""
        return len(_members(self)["train"])

    def train_batch(self, seed: int, index: int, size: int) -> Batch:
        """The next `size` commands in an endless row of shuffled epochs."""
        train = _members(self)["train"]
        shuffler = partial(self.generator, "train", seed)
        return _chosen(train[epoch_rows(shuffler, len(train), index, size)])

    def evaluation_set(self, split: Split, seed: int) -> Batch:
        """The same commands for every seed; there is no `extrapolation` split."""
        members = _members(self)
        if split not in members:
            raise UnknownNameError("split", split, members)
        return _chosen(members[split])

    def measure(self, predictions: Decoded, batch: Batch) -> dict[str, float]:
        """`loss`, and `exact_match` and `token_accuracy` over all and by number of actions."""
        num_actions = (batch.targets != PADDING).sum(axis=1) - 1  # the end is not an action
        longest = _collection().targets.shape[1] - 1
        bins = length_bins(range(1, longest + 1))
        return measure_decoded(predictions, batch, num_actions, bins)

    def baselines(self, seed: int) -> Mapping[str, Predictions]:
        """`unigram`: how often each action occurs in training. `1-NN`: what the training command
        does that has the most words at the same places.
        """
        train = _chosen(_members(self)["train"])
        validation, test = (self.evaluation_set(split, seed) for split in ("validation", "test"))
        asked = validation.targets != PADDING
        hits = matches(_nearest_answers(train, validation.inputs), validation.targets)[asked]
        share = (hits.sum() + 0.5) / (hits.size + 1)  # neither 0 nor 1
        answers = _nearest_answers(train, test.inputs)
        size = self.target.vocabulary_size
        return {
            "unigram": always_the_commonest(train.targets, test.targets, size),
            "1-NN": Decoded(said_as_often_right(answers, share, size), answers),
        }


def interpret(command: str) -> str:
    """The actions that a command of the grammar asks for."""
    return " ".join(_interpretations()[command])


@lru_cache(maxsize=1)
def _interpretations() -> dict[str, list[str]]:
    """Every command with its actions."""
    phrases = {verb: [action] for verb, action in zip(PRIMITIVES, ACTIONS, strict=False)}
    for verb, action in [("turn", []), *phrases.items()]:
        for side in SIDES:
            turn = [f"I_TURN_{side.upper()}"]
            phrases[f"{verb} {side}"] = turn + action
            phrases[f"{verb} opposite {side}"] = 2 * turn + action
            phrases[f"{verb} around {side}"] = 4 * (turn + action)
    times = {"": 1, " twice": 2, " thrice": 3}
    parts = {
        phrase + word: count * actions
        for phrase, actions in phrases.items()
        for word, count in times.items()
    }
    pairs = [(x, y) for x in parts for y in parts]
    return {
        **parts,
        **{f"{x} and {y}": parts[x] + parts[y] for x, y in pairs},
        **{f"{x} after {y}": parts[y] + parts[x] for x, y in pairs},
    }


@lru_cache(maxsize=1)
def _collection() -> Batch:
    """All commands and answers as tokens."""
    interpretations = _interpretations()
    commands = _tokens([command.split() for command in interpretations], COMMAND_WORDS)
    return Batch(commands, ended(_tokens([*interpretations.values()], ACTIONS)))


def _tokens(rows: list[list[str]], words: tuple[str, ...]) -> Array:
    numbers = {word: token for token, word in enumerate(words, start=FIRST_WORD)}
    tokens = np.full((len(rows), max(map(len, rows))), PADDING, np.int32)
    for row, said in zip(tokens, rows, strict=True):
        row[: len(said)] = [numbers[word] for word in said]
    return tokens


def _chosen(members: Array) -> Batch:
    return Batch(*(array[members] for array in _collection()))


@lru_cache(maxsize=4)
def _members(task: Scan) -> Mapping[Split, Array]:
    """Numbers of the commands in each split; `jump` many times where it comes alone."""
    commands, answers = _collection()
    jump = FIRST_WORD + COMMAND_WORDS.index("jump")
    has_jump = (commands == jump).any(axis=1)
    is_jump = has_jump & ((commands != PADDING).sum(axis=1) == 1)
    if task.split == "simple":
        order = task.generator("test", seed=0).permutation(len(commands))
        is_test = order < TEST_SHARE * len(commands)
    elif task.split == "length":
        is_test = (answers != PADDING).sum(axis=1) - 1 > LONGEST_IN_TRAINING
    else:
        is_test = has_jump & ~is_jump
    is_alone = is_jump & (task.split == "addjump")
    others = np.flatnonzero(~is_test & ~is_alone)
    shuffled = task.generator("validation", seed=0).permutation(others)
    validation, train = np.split(shuffled, [task.validation_size])
    times = round(JUMP_SHARE / (1 - JUMP_SHARE) * len(train))
    return {
        "train": np.concatenate([np.sort(train), np.repeat(np.flatnonzero(is_alone), times)]),
        "validation": np.sort(validation),
        "test": np.flatnonzero(is_test),
    }


def _nearest_answers(train: Batch, commands: Array) -> Array:
    """The answers to the training commands that have the most words at the same places."""
    known = _one_hot(train.inputs)
    # One matrix product for a few commands at a time keeps all pairs out of memory.
    nearest = [
        (_one_hot(part) @ known.T).argmax(axis=1)
        for part in np.array_split(commands, len(commands) // 256 + 1)
    ]
    answers: Array = train.targets[np.concatenate(nearest)]
    return answers


def _one_hot(commands: Array) -> Array:
    words = np.eye(FIRST_WORD + len(COMMAND_WORDS), dtype=np.float32)
    rows: Array = words[commands].reshape(len(commands), -1)
    return rows
