"""The process that measures how long a training step takes: `python -P -m experiments.stopwatch`.

It reads one JSON document, an experiment and the labels of the models whose widths it shall find,
and writes a line for each network it has measured, then one with what it found. Imports Keras.
"""

from __future__ import annotations

import json
import os
import sys
import time
import traceback
from collections.abc import Callable, Collection
from typing import Any

from experiments.backend import check_backend, devices
from experiments.capacity import reference
from experiments.config import ExperimentConfig
from experiments.errors import KerasSeqError, RequestError
from experiments.fit import MOST_UPDATES, next_size
from experiments.models.model import Model
from experiments.pace import AIM, at_pace, is_too_slow
from experiments.process import peak_memory_bytes

FEWEST_ROUNDS, MOST_ROUNDS = 5, 20
"""Measurements of a network, of which the shortest counts: others only make them longer."""
AGREEING = 3
"""So many of the shortest are alike, or the machine is too busy to be believed yet."""


def time_steps(
    config: ExperimentConfig,
    untimed: Collection[str],
    tell: Callable[[str], None],
    stopwatch: Callable[[ExperimentConfig, Model], Stopwatch] | None = None,
) -> dict[str, Any]:
    """The widths of the models called `untimed`, and the seconds of a step of every model."""
    kind = stopwatch or Stopwatch

    def begin(label: str, model: Model) -> Stopwatch:
        try:
            return kind(config, model)
        except KerasSeqError:
            raise
        except Exception as error:
            raise RequestError(
                f"models.{label}: timing its steps failed with {type(error).__name__}: "
                f"{' '.join(str(error).split())}"
            ) from error

    models = [choice.model for choice in config.models]
    standard = reference(models) or models[0]
    label = next(choice.label for choice in config.models if choice.model is standard)
    beside = begin(label, standard)
    (target,) = seconds_of(beside)
    found, widths = {}, {}
    for choice in config.models:
        tried: list[float] = []

        def measure(model: Model, label: str = choice.label, tried: list[float] = tried) -> float:
            # In turns, so that what slows the machine for a while slows both.
            now, seconds = seconds_of(beside, begin(label, model))
            tell(
                f"{label} {_width(model)}: {1000 * seconds:.3g} ms a step, aim {1000 * now:.3g} ms"
            )
            tried.append(seconds * target / now)
            return tried[-1]

        model = choice.model
        if choice.label in untimed:
            model = at_pace(model, target, measure)
            if tried and is_too_slow(min(tried), target):
                tell(
                    f"{choice.label}: no width tried makes its steps as short; narrower than "
                    f"{_width(model)} they are hardly shorter"
                )
            widths[choice.label] = {name: getattr(model, name) for name in model.widths}
        found[choice.label] = model
    # Measured again: what chose a width must not also say how well it was chosen.
    stopwatches = []
    for label, model in found.items():
        if not untimed:  # else that has been said of every width
            tell(f"{label}: compiling and measuring")
        stopwatches.append(beside if model is standard else begin(label, model))
    last = seconds_of(*stopwatches)
    return {
        "widths": widths,
        "seconds": dict(zip(found, last, strict=True)),
        "updates": min(stopwatch.updates for stopwatch in stopwatches),
    }


def seconds_of(*stopwatches: Stopwatch) -> list[float]:
    """Seconds of a step of each, measured in turns, for longer on a busy machine."""
    laps: list[list[float]] = [[] for _ in stopwatches]
    for count in range(1, MOST_ROUNDS + 1):
        for stopwatch, seconds in zip(stopwatches, laps, strict=True):
            seconds.append(stopwatch.lap())
        if count >= FEWEST_ROUNDS and all(map(_agree, laps)):
            break
    return [min(seconds) for seconds in laps]


def _width(model: Model) -> str:
    return "x".join(str(getattr(model, name)) for name in model.widths)


def _agree(laps: list[float]) -> bool:
    shortest = sorted(laps)[:AGREEING]
    return shortest[-1] <= (1 + AIM) * shortest[0]


class Stopwatch:
    """A network in training, with so many updates at a time as a trial makes of it."""

    def __init__(self, config: ExperimentConfig, model: Model) -> None:
        import keras

        from experiments.losses import loss_of  # as Keras 2-3 s
        from experiments.updates import Adam, updater

        self._task, self._budget, self._seed = config.task.task, config.budget, config.seeds[0]
        keras.utils.set_random_seed(self._seed)
        network = model.build(self._task)
        optimizer = Adam(self._budget.learning_rate, global_clipnorm=self._budget.clip_norm)
        network.compile(optimizer=optimizer, loss=loss_of(self._task))
        self._update = updater(network, MOST_UPDATES)
        self._size = 1
        self.updates = 0
        """How many were made."""
        self.lap()  # compiles
        while (size := next_size(self._size, self._size * self.lap())) > self._size:
            self._size = size

    def lap(self) -> float:
        """Seconds of one update, its data included, of several at a time."""
        from experiments.evaluation import network_inputs

        task, size = self._task, self._budget.batch_size
        started = time.perf_counter()
        # The same batches each time, so that every network has sequences of the same lengths.
        batches = [task.train_batch(self._seed, index, size) for index in range(self._size)]
        self._update([(network_inputs(task, batch), batch.targets) for batch in batches])
        self.updates += self._size
        return (time.perf_counter() - started) / self._size


def main() -> int:
    """Answer the question on standard input."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", buffering=1)
    # What models, tasks and backends print is no answer.
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())

    def write(document: dict[str, Any]) -> None:
        print(json.dumps(document), file=answers)

    try:
        backend = check_backend()
        asked = json.load(sys.stdin)
        config = ExperimentConfig.from_document(asked["config"])
        found = time_steps(config, asked["untimed"], lambda text: write({"said": text}))
        write(
            {
                **found,
                "backend": backend,
                "device": ", ".join(devices()),
                "peak_memory_bytes": peak_memory_bytes(),
            }
        )
    except KerasSeqError as error:
        print(error, file=sys.stderr)
        return 2
    except Exception as error:
        # Whatever a model, a task or a backend raises; the last line is what is shown.
        traceback.print_exc()
        print(f"{type(error).__name__}: {' '.join(str(error).split())}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
