"""An experiment that grows as if it were trained, without any training."""

from __future__ import annotations

import math
import os
import random
import time
from contextlib import closing
from pathlib import Path

from experiments.config import ExperimentConfig
from experiments.events import Built, Process, Started, SupervisorStarted
from experiments.journal import JournalWriter
from experiments.store import ExperimentFolder

# Whether a process on another host lives cannot be asked, so it counts as alive.
_ELSEWHERE = Process(pid=7, created=0.0, host="elsewhere")


class Growing:
    """Models and seeds on `adding` whose journals get records whenever `grow` is called.

    Args:
        root: Where the experiment goes.
        name: Its name.
        models: How many architectures.
        seeds: How many seeds of each.
        steps: The budget of each trial.
        every: Steps from one validation to the next.
        tune: Whether each model tries four learning rates before.
        sparse: Whether a record holds the training loss alone.
    """

    def __init__(
        self,
        root: Path,
        name: str,
        *,
        models: int,
        seeds: int,
        steps: int,
        every: int = 40,
        tune: bool = False,
        sparse: bool = False,
    ) -> None:
        config = ExperimentConfig.from_document(
            {
                "name": name,
                "task": {"name": "adding", "length": 20},
                "models": [{"name": "lstm", "label": f"model-{i}"} for i in range(models)],
                "seeds": list(range(seeds)),
                "budget": {"steps": steps, "evaluations": max(1, steps // every)},
                "protocol": {"tune": tune},
            }
        )
        self.folder = ExperimentFolder.create(root, config, {})
        self._every, self._sparse = every, sparse
        self._began = time.time()
        with closing(JournalWriter(self.folder.journal)) as journal:
            journal.append(SupervisorStarted(process=_ELSEWHERE, jobs=models * seeds, threads=1))
        self._steps: dict[str, int] = {}
        self._journals: dict[str, int] = {}
        for trial in config.trials():
            path = self.folder.trial(trial.name).journal
            with closing(JournalWriter(path)) as journal:
                journal.append(Started(time=self._began, process=_ELSEWHERE))
                journal.append(
                    Built(num_parameters=1, backend="", device="", threads=1, time=self._began)
                )
            self._journals[trial.name] = os.open(path, os.O_WRONLY | os.O_APPEND)
            self._steps[trial.name] = 0

    def grow(self, records: int) -> None:
        """Append so many training records to every journal, and the validations between them."""
        for name, journal in self._journals.items():
            first = self._steps[name] + 1
            self._steps[name] += records
            lines = (self._lines(name, step) for step in range(first, first + records))
            os.write(journal, "".join(lines).encode())

    def _lines(self, name: str, step: int) -> str:
        moment = self._began + step / 100
        loss = math.exp(-step / 800) + random.random() / 10
        values = f'"train_loss":{loss}'
        if not self._sparse:
            values += (
                f',"learning_rate":0.001,"gradient_norm":{1 + random.random()}'
                f',"step_seconds":{0.01 + random.random() / 1000},"memory_bytes":{5e8 + step}'
            )
        text = _record(moment, step, values)
        if step % self._every == 0:
            text += _record(moment, step, f'"validation_mse":{loss},"validation_loss":{loss}')
        return text

    def close(self) -> None:
        """Let go of the journals."""
        for journal in self._journals.values():
            os.close(journal)


def _record(moment: float, step: int, values: str) -> str:
    return f'{{"event":"measured","time":{moment},"step":{step},"values":{{{values}}}}}\n'
