"""Which inputs a network's predictions depend on: one input step is changed, and all compared.

It is looked at before training, where nothing has been learned yet: what shows is the architecture.
A dependence that is smaller than rounding does not show. A recurrent network forgets within some
dozens of steps as long as it is untrained; so what seems unread in long sequences is looked at
again in short ones, and counts as faint where all steps of those are read.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from experiments.evaluation import EVALUATION_BATCH, network_inputs
from experiments.events import DependenceFound
from experiments.probes.probe import is_step
from experiments.probes.support import ROUNDING
from experiments.tasks.task import Array, Batch, Channels, Sequences, Task, Tokens

if TYPE_CHECKING:
    import keras

MOST_STEPS = 15
"""Steps that are tried, evenly spaced from the first to the last."""
SHORT = 16
"""Steps over which no network forgets what it reads."""

Predict = Callable[[Array], Any]


def dependence(model: keras.Model, task: Task, batch: Batch) -> DependenceFound:
    """What the predictions of `model` for the sequences of `batch` depend on."""
    rows = min(EVALUATION_BATCH, len(batch.inputs))
    batch = Batch(batch.inputs[:rows], batch.targets[:rows])
    if isinstance(task.target, Sequences):
        return _of_decoder(model, task.target, task, batch)
    per_step = task.target.per_step

    def look(inputs: Array) -> _Changes:
        others = _others(task.input, inputs)
        return _Changes(model.predict_on_batch, inputs, others, is_step(task, inputs), per_step)

    changes = look(batch.inputs)
    unread = changes.unread
    faint: tuple[int, ...] = ()
    is_open = not getattr(model, "inputs", None) or model.inputs[0].shape[1] is None
    if unread and is_open and batch.inputs.shape[1] > SHORT:
        faint = () if look(batch.inputs[:, :SHORT]).unread else unread
    return DependenceFound(
        is_causal=changes.is_causal if per_step else None,
        steps=batch.inputs.shape[1],
        tried=changes.tried,
        unread=() if faint else unread,
        faint=faint,
    )


def _of_decoder(model: keras.Model, target: Sequences, task: Task, batch: Batch) -> DependenceFound:
    """The source as for every other network; causal is how the decoder reads its own tokens."""
    source, given = network_inputs(task, batch)
    # All rows have the same other input, so that each is compared with its like.
    read = _Changes(
        lambda inputs: model.predict_on_batch([inputs, np.repeat(given[:1], len(inputs), axis=0)]),
        source,
        _others(task.input, source),
        source != 0,
        per_step=True,
    )
    ordinary = [
        token
        for token in range(1, target.vocabulary_size)
        if token not in (target.start, target.end)
    ]
    written = _Changes(
        lambda inputs: model.predict_on_batch([np.repeat(source[:1], len(inputs), axis=0), inputs]),
        given,
        np.where(given == ordinary[0], ordinary[-1], ordinary[0]).astype(given.dtype),
        given != 0,
        per_step=True,
    )
    return DependenceFound(
        is_causal=written.is_causal, steps=source.shape[1], tried=read.tried, unread=read.unread
    )


class _Changes:
    """Where predictions change when one step of the inputs becomes another."""

    def __init__(
        self,
        predict: Predict,
        inputs: Array,
        others: Array,
        is_step: NDArray[np.bool_],
        per_step: bool,
    ) -> None:
        rows = len(inputs)
        # The longest sequences, because padding is no step.
        order = np.argsort(-is_step.sum(axis=1), kind="stable")
        length = int(is_step.sum(axis=1).max())
        steps = np.unique(np.linspace(0, length - 1, MOST_STEPS).round().astype(int))
        chosen = order[: max(1, rows // (1 + len(steps)))]
        chosen = chosen[is_step[chosen, length - 1]]
        stack = np.repeat(inputs[np.newaxis, chosen], 1 + len(steps), axis=0)
        for number, step in enumerate(steps, 1):
            stack[number, :, step] = others[chosen, step]
        flat = stack.reshape(-1, *inputs.shape[1:])
        # As many as an evaluation has, so that nothing is compiled for this alone.
        filled = np.resize(flat, (max(rows, len(flat)), *inputs.shape[1:]))
        outputs = np.asarray(predict(filled))[: len(flat)]
        outputs = outputs.reshape(*stack.shape[:2], *outputs.shape[1:])
        if not per_step:
            outputs = outputs[:, :, np.newaxis]
        with np.errstate(invalid="ignore"):  # of a network that predicts infinities
            changes = np.abs(outputs[1:] - outputs[:1]).max(axis=(1, -1))[:, :length]
        self._is_changed: NDArray[np.bool_] = changes > ROUNDING * np.abs(outputs).max()
        self.tried = tuple(map(int, steps))

    @property
    def unread(self) -> tuple[int, ...]:
        """The steps tried that change nothing."""
        rows = zip(self.tried, self._is_changed, strict=True)
        return tuple(step for step, changed in rows if not changed.any())

    @property
    def is_causal(self) -> bool:
        """Whether no change comes before the step that was changed."""
        return not any(
            changed[:step].any() for step, changed in zip(self.tried, self._is_changed, strict=True)
        )


def _others(form: Tokens | Channels, inputs: Array) -> Array:
    """Another value for each step: the next token, or a number further by what is usual."""
    if isinstance(form, Tokens):
        first = int(form.has_padding)
        others: Array = first + (inputs - first + 1) % (form.vocabulary_size - first)
        return others
    spread = inputs.std(axis=(0, 1), dtype=np.float64)
    return np.asarray(inputs + np.where(spread > 0, spread, 1), inputs.dtype)


def words(found: DependenceFound, task: Task) -> str:
    """What was found in a few words: `causal`, `looks ahead`, `all steps`."""
    parts = []
    if found.is_causal is not None:
        of = "decoder " if isinstance(task.target, Sequences) else ""
        parts.append(of + ("causal" if found.is_causal else "looks ahead"))
    if found.unread:
        parts.append(f"nothing of {_spans(found.unread, found.tried)}")
    elif found.is_causal is None or isinstance(task.target, Sequences):
        parts.append("all steps")
    if found.faint:
        parts.append(f"{_spans(found.faint, found.tried)} faintly")
    return ", ".join(parts)


def _spans(steps: Sequence[int], tried: Sequence[int]) -> str:
    """Steps counted from 1, neighbours among those tried together: `steps 1-64, 100`."""
    numbers = [tried.index(step) for step in steps]
    spans: list[list[int]] = []
    for number in numbers:
        if spans and spans[-1][-1] == number - 1:
            spans[-1].append(number)
        else:
            spans.append([number])
    shown = [
        f"{tried[span[0]] + 1}-{tried[span[-1]] + 1}" if len(span) > 1 else f"{tried[span[0]] + 1}"
        for span in spans
    ]
    return f"{'step' if shown == [str(steps[0] + 1)] else 'steps'} {', '.join(shown)}"
