"""Every form of task a model may meet, with noise in place of a question."""

from dataclasses import dataclass, replace

import numpy as np

from experiments.budget import Budget
from experiments.tasks.task import Batch, Channels, Classes, Metric, Task, Tokens, Values

INPUTS = {"tokens": Tokens(7), "channels": Channels(3)}
TARGETS = {
    "classes": Classes(4),
    "classes_per_step": Classes(4, per_step=True),
    "values": Values(2),
    "values_per_step": Values(2, per_step=True),
}


@dataclass(frozen=True)
class Toy(Task):
    """Noise in, noise out."""

    name = "toy"
    metric = Metric("loss", higher_is_better=False)
    budget = Budget()

    input: Tokens | Channels = INPUTS["channels"]
    target: Classes | Values = TARGETS["classes"]
    sequence_length: int = 6

    def train_batch(self, seed, index, size):
        rng = self.generator("train", seed, index)
        shape = (size, self.sequence_length)
        if isinstance(self.input, Tokens):
            inputs = rng.integers(self.input.vocabulary_size, size=shape)
        else:
            inputs = rng.random((*shape, self.input.width), np.float32)
        shape = shape if self.target.per_step else shape[:1]
        if isinstance(self.target, Classes):
            return Batch(inputs, rng.integers(self.target.count, size=shape))
        return Batch(inputs, rng.random((*shape, self.target.width), np.float32))

    def evaluation_set(self, split, seed):
        return self.train_batch(seed, 0, 4)

    def measure(self, predictions, batch):
        return {"loss": 0.0}

    def baselines(self, seed):
        return {}

    def lengthened(self, factor):
        return replace(self, sequence_length=round(factor * self.sequence_length))
