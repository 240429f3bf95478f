"""What a network costs, in closed form: its parts, which the models add up.

All is counted from settings and the task's form, without Keras, so that widths can be solved
before any network is built.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from experiments.tasks.task import Classes, Sequences, Task, Tokens

TRAINING_FLOPS = 6
"""Of a multiply-add: two operations, forward and for the gradients of both of its factors."""


@dataclass(frozen=True)
class Cost:
    """What a network costs, or a part of it; the costs of parts are added.

    `flops` follows a convention: matrix products only, those of attention among them, two
    operations for a multiply-add, and three times the forward pass for a training step, because
    the gradients of a product are two more. What is done number by number (gates, norms, softmax),
    the lookup of embeddings and the optimizer are left out. The first layer counts like the
    others, though inputs that are numbers need no gradient.
    """

    num_parameters: int = 0
    """Numbers that are trained."""
    state_size: int = 0
    """Numbers kept to read one more step, or to write one more token, at the task's length.

    Those of a cell: `h`, and `c` of an LSTM. Those of both cells of a bidirectional layer, which
    needs the whole sequence besides, because its backward half begins at the end. Of attention
    the keys and values of all steps.
    """
    flops: int = 0
    """Floating-point operations of one training step, for each sequence of the batch."""

    def __add__(self, other: Cost) -> Cost:
        """Both parts."""
        return Cost(
            self.num_parameters + other.num_parameters,
            self.state_size + other.state_size,
            self.flops + other.flops,
        )

    def __mul__(self, times: int) -> Cost:
        """So many of this part."""
        return Cost(self.num_parameters * times, self.state_size * times, self.flops * times)


def product(multiply_adds: int) -> Cost:
    """A matrix product."""
    return Cost(flops=TRAINING_FLOPS * multiply_adds)


def dense(inputs: int, outputs: int, steps: int = 1, *, bias: bool = True) -> Cost:
    """A dense layer at each of `steps`."""
    return Cost(num_parameters=(inputs + bias) * outputs) + product(steps * inputs * outputs)


def normalization(width: int) -> Cost:
    """A layer normalization: a scale and an offset for each feature."""
    return Cost(num_parameters=2 * width)


def table(rows: int, width: int) -> Cost:
    """Learned vectors that are looked up: an embedding of tokens or of positions."""
    return Cost(num_parameters=rows * width)


def cell(
    inputs: int,
    units: int,
    steps: int,
    *,
    gates: int = 1,
    states: int = 1,
    biases: int = 1,
    peepholes: int = 0,
) -> Cost:
    """A recurrent layer: `gates` products of its inputs and its output, the candidate's included.

    A GRU with `reset_after` has two biases; each of the three peepholes of an LSTM has a weight
    for each unit.
    """
    per_gate = dense(inputs + units, units, steps, bias=False)
    others = gates * biases + peepholes
    return per_gate * gates + Cost(num_parameters=others * units, state_size=states * units)


def stacked(first: Cost, other: Cost, count: int) -> Cost:
    """A stack of `count` layers, of which the first has other inputs than the rest."""
    return first + other * (count - 1)


def attention(width: int, queries: int, keys: int, all_heads: int | None = None) -> Cost:
    """Multi-head attention of `queries` steps to `keys` steps.

    Steps have `width` features, and all heads together `all_heads`, which defaults to the same.
    """
    inside = all_heads or width
    query, output = dense(width, inside, queries), dense(inside, width, queries)
    keys_and_values = dense(width, inside, keys) * 2
    scores, sums = product(queries * keys * inside), product(queries * keys * inside)
    kept = Cost(state_size=2 * keys * inside)
    return query + output + keys_and_values + scores + sums + kept


def feed_forward(width: int, intermediate: int, steps: int) -> Cost:
    """The two dense layers of a Transformer's block."""
    return dense(width, intermediate, steps) + dense(intermediate, width, steps)


def steps_as_features(task: Task, width: int) -> Cost:
    """What makes vectors of `width` of the steps: an embedding of tokens, or a projection."""
    if isinstance(task.input, Tokens):
        return table(task.input.vocabulary_size, width)
    return dense(task.input.width, width, task.sequence_length)


def predictions(task: Task, width: int) -> Cost:
    """The dense layer behind the features, at every step where the task asks for that."""
    target = task.target
    if isinstance(target, Sequences):
        return dense(width, target.vocabulary_size, target_steps(task))
    outputs = target.count if isinstance(target, Classes) else target.width
    return dense(width, outputs, task.sequence_length if target.per_step else 1)


@cache
def target_steps(task: Task) -> int:
    """Steps of the sequences that are written, as a batch of training pads them."""
    return int(task.train_batch(seed=0, index=0, size=1).targets.shape[1])
