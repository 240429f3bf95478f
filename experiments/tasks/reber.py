"""Reber: follow strings of a grammar, and remember their second symbol until the last but one."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from msgspec import Meta

from experiments.budget import Budget
from experiments.errors import UnknownNameError
from experiments.tasks import baselines
from experiments.tasks.measures import correct, cross_entropy
from experiments.tasks.task import (
    SHARE,
    UNASKED,
    Array,
    Batch,
    Classes,
    Floats,
    Metric,
    Split,
    Task,
    Tokens,
)

SYMBOLS = "BTPSXVE"
"""Classes in order; tokens are one more, because 0 is padding."""
B, T, P, S, X, V, E = range(len(SYMBOLS))

INNER = [
    [(T, 1), (P, 2)],
    [(S, 1), (X, 3)],
    [(T, 2), (V, 4)],
    [(X, 2), (S, 5)],
    [(P, 3), (V, 5)],
    [(E, 6)],
]
"""Of each state of the Reber grammar, behind its B, the symbols that come next and their states."""
SIZE = len(INNER) + 2
"""States between the two outer symbols: before the inner B, inside, before the second outer."""


def embedded() -> list[list[tuple[int, int]]]:
    """The same for the embedded grammar from its first B on; behind the last E nothing comes."""
    end = 2 + 2 * SIZE
    states = [[(B, 1)], [(T, 2), (P, 2 + SIZE)]]
    for outer in (T, P):
        inside = len(states) + 1
        states.append([(B, inside)])
        states += [[(symbol, inside + state) for symbol, state in nexts] for nexts in INNER]
        states.append([(outer, end)])
    return [*states, [(E, end + 1)], []]


STATES = embedded()
END = len(STATES) - 1
LEGAL = np.array([[s in dict(nexts) for s in range(len(SYMBOLS))] for nexts in STATES])
"""Of each state, whether each symbol may come next."""
AFTER = np.array([[dict(nexts).get(s, END) for s in range(-1, len(SYMBOLS))] for nexts in STATES])
"""Of each state, the one after each token."""
TOKENS = np.array([np.resize([1 + s for s, _ in nexts] or [0], 2) for nexts in STATES], np.int32)
"""Of each state, the token on each of two branches: the same where only one may come."""

NUM_STRINGS = 256
"""Strings in validation, and in test, as many as the paper has."""
NUM_PARTS = 6
"""Of six parts of all strings one is test, one validation, four are training."""
BASELINE_SIZE = 1000
"""Strings that the null baselines count in."""


@dataclass(frozen=True)
class Reber(Task):
    """Strings of the embedded Reber grammar; the target of each step is the symbol after it.

    A string is B, then T or P, then a string of the Reber grammar, then the same T or P as
    before, then E. A string of the Reber grammar is B, then what this table gives from state 0
    on, each branch half of the time, then E:

        state 0: T, go to 1 | P, go to 2
        state 1: S, go to 1 | X, go to 3
        state 2: T, go to 2 | V, go to 4
        state 3: X, go to 2 | S, go to 5
        state 4: P, go to 3 | V, go to 5
        state 5: E

    `legal_accuracy` is the share of steps whose prediction is a symbol that may follow, and
    `outer_accuracy` the share of strings where the T or P before the end is predicted, which is
    1/2 without memory of the second symbol. A model that reads ahead would find every answer in
    its input: only causal ones are served.

    Examples, input over target:

        B T B T X S E T         B P B P V V E P
        T B T X S E T E         P B P V V E P E

    >>> example = Reber(max_length=24).spell(["BTBTXSETE"])
    >>> print(*example.inputs[0, :9], "|", *example.targets[0, :9])
    1 2 1 2 5 4 7 2 0 | 1 0 1 4 3 6 1 6 -1

    Every string belongs to training, validation or test by a sum over its symbols. The strings
    of validation and of test are all different; in training the short are frequent. One string
    in a thousand is longer than 30 symbols and left out.

    Source: Reber 1967, "Implicit learning of artificial grammars"; Hochreiter and Schmidhuber
    1997, "Long short-term memory", section 5.1.
    """

    name: ClassVar[str] = "reber"
    is_causal: ClassVar[bool] = True
    metric: ClassVar[Metric] = Metric("outer_accuracy", higher_is_better=True, bounds=SHARE)
    budget: ClassVar[Budget] = Budget(steps=3000, learning_rate=3e-3)
    solved: ClassVar[float | None] = 0.99

    max_length: Annotated[int, Meta(ge=24, le=256)] = 30
    """Symbols of the longest string; there are enough different ones from 24 on."""

    @property
    def input(self) -> Tokens:
        """Padding and the symbols."""
        return Tokens(vocabulary_size=1 + len(SYMBOLS), has_padding=True)

    @property
    def target(self) -> Classes:
        """The next symbol."""
        return Classes(count=len(SYMBOLS), per_step=True)

    @property
    def sequence_length(self) -> int:
        """All symbols but the last."""
        return self.max_length - 1

    def train_batch(self, seed: int, index: int, size: int) -> Batch:
        """Strings as the grammar gives them."""
        generator = self.generator("train", seed, index)
        strings = np.zeros((0, self.max_length), np.int32)
        while len(strings) < size:
            strings = np.concatenate([strings, self._draw(generator, size, "train")])
        return self._asked(strings[:size])

    def evaluation_set(self, split: Split, seed: int) -> Batch:
        """The first different strings that the grammar gives."""
        if split not in self.evaluation_splits:
            raise UnknownNameError("split", split, self.evaluation_splits)
        generator = self.generator(split, seed)
        strings = np.zeros((0, self.max_length), np.int32)
        while len(strings) < NUM_STRINGS:
            strings = np.concatenate([strings, self._draw(generator, NUM_STRINGS, split)])
            _, first = np.unique(strings, axis=0, return_index=True)
            strings = strings[np.sort(first)]
        return self._asked(strings[:NUM_STRINGS])

    def measure(self, predictions: Floats, batch: Batch) -> dict[str, float]:
        """`loss`, `legal_accuracy` over all steps, `outer_accuracy` over all strings."""
        is_right = correct(predictions, batch.targets)
        asked = batch.targets != UNASKED
        outer = asked.sum(axis=1) - 2  # the last step is asked for the last E
        is_legal = np.take_along_axis(
            legal(batch.inputs), predictions.argmax(axis=-1)[..., np.newaxis], axis=-1
        )[..., 0]
        is_number = ~np.isnan(predictions).any(axis=-1)
        return {
            "loss": cross_entropy(predictions, batch.targets),
            "legal_accuracy": float((is_legal & is_number)[asked].mean()),
            "outer_accuracy": float(is_right[np.arange(len(outer)), outer].mean()),
        }

    def baselines(self, seed: int) -> Mapping[str, Floats]:
        """`majority`: the commonest symbol. `bigram`: the commonest after the symbol read."""
        train = self.train_batch(seed, 0, BASELINE_SIZE)
        test = self.evaluation_set("test", seed)
        kinds, count = self.input.vocabulary_size, self.target.count
        return {
            "majority": baselines.majority(train, test, count),
            "bigram": baselines.current_token(train, test, kinds, count),
        }

    def spell(self, strings: list[str]) -> Batch:
        """The task for strings of the grammar."""
        tokens = np.zeros((len(strings), self.max_length), np.int32)
        for row, string in zip(tokens, strings, strict=True):
            row[: len(string)] = [1 + SYMBOLS.index(symbol) for symbol in string]
        return self._asked(tokens)

    def _asked(self, strings: Array) -> Batch:
        inputs, following = strings[:, :-1], strings[:, 1:]
        is_asked = following != 0
        return Batch(np.where(is_asked, inputs, 0), np.where(is_asked, following - 1, UNASKED))

    def _draw(self, generator: np.random.Generator, size: int, split: Split) -> Array:
        """Those of `size` strings that are not too long and belong to `split`, as tokens."""
        strings = draw(generator, size, self.max_length)
        # The powers of 3 modulo 257 are all different for 256 steps: no place weighs as another.
        weights = np.array([pow(3, step, 257) for step in range(self.max_length)])
        part = strings @ weights % 257 % NUM_PARTS
        is_in = {"test": part == 0, "validation": part == 1}.get(split, part > 1)
        kept: Array = strings[is_in]
        return kept


def draw(generator: np.random.Generator, size: int, max_length: int) -> Array:
    """Those of `size` strings of the grammar that are not too long, as padded tokens."""
    tokens, state = [], np.zeros(size, int)
    for branch in generator.integers(2, size=(max_length, size)):
        tokens.append(TOKENS[state, branch])
        state = AFTER[state, tokens[-1]]
    strings: Array = np.stack(tokens, axis=1)[state == END]
    return strings


def legal(inputs: Array) -> Array:
    """Which symbols may follow each step: `(batch, steps)` tokens to `(batch, steps, symbols)`.

    Behind the end of a string there are none.
    """
    state, may_follow = np.zeros(len(inputs), int), []
    for tokens in inputs.T:
        state = AFTER[state, tokens]
        may_follow.append(LEGAL[state])
    symbols: Array = np.stack(may_follow, axis=1)
    return symbols
