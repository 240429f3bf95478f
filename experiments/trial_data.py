"""What a trial reads."""

from __future__ import annotations

from collections.abc import Callable

from experiments.config import TrialConfig
from experiments.events import DataRead, Event
from experiments.fingerprint import Fingerprint
from experiments.tasks.task import Batch, Split, Task

# Of so many training batches the data's hash is told.
HASHED_BATCHES = 8


class TrialData:
    """Batches and splits for a trial, whose hashes are recorded."""

    def __init__(self, config: TrialConfig, record: Callable[[Event], None]) -> None:
        self._config = config
        self._task = config.task.task
        self._record = record
        self._train = Fingerprint()

    def train_batches(self, first: int, last: int) -> list[Batch]:
        """Those of the steps `first` to `last`, which follow those asked for before."""
        seed, budget = self._config.seed, self._config.budget
        batches = [
            self._task.train_batch(seed, step - 1, budget.batch_size)
            for step in range(first, last + 1)
        ]
        count = min(HASHED_BATCHES, budget.steps)
        for batch in batches[: max(0, count - first + 1)]:
            self._train.add(batch)
        if first <= count <= last:
            self._tell("train", self._train)
        return batches

    def skip(self, steps: int) -> None:
        """Leave out the batches of so many steps, which an attempt before this one has trained."""
        if steps < min(HASHED_BATCHES, self._config.budget.steps):  # else their hash is told
            self.train_batches(1, steps)

    def evaluation_set(self, split: Split) -> Batch:
        """All of a split."""
        batch = self._task.evaluation_set(split, self._config.seed)
        self._tell(split, Fingerprint().add(batch))
        return batch

    def longer(self, task: Task, count: int) -> Batch:
        """The first `count` sequences of a longer task."""
        batch = task.evaluation_set("extrapolation", self._config.seed)
        batch = Batch(batch.inputs[:count], batch.targets[:count])
        self._tell(f"extrapolation_{task.sequence_length}", Fingerprint().add(batch))
        return batch

    def _tell(self, split: str, data: Fingerprint) -> None:
        self._record(DataRead(split=split, sequences=data.sequences, sha256=data.text))
