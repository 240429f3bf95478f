"""From how far back a network learns: the gradient of its loss by what it reads at each step."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

import numpy as np

from experiments.recorders.recorder import Recorder, Seen
from experiments.recorders.trace import Trace, blocks, mean_of_blocks

MOST_POINTS = 1024


class GradientNorm(Recorder):
    """The norm of the gradient at each input step, of a token's embedding: `(sample, step)`.

    The loss is that of the few sequences together. In sequences of over 1,024 steps it is the
    mean over blocks of neighbours.
    """

    name: ClassVar[str] = "gradient_norm"

    def traces(self, seen: Seen) -> Iterable[Trace]:
        """One, where the network has an input that a gradient can be told of."""
        if seen.gradients is None:
            return
        norms = np.linalg.norm(seen.gradients.astype(np.float64), axis=-1)
        starts = blocks(norms.shape[1], MOST_POINTS)
        yield Trace(
            name=self.name,
            layer="",
            axes=("sample", "step"),
            values=mean_of_blocks(norms, 1, starts).astype(np.float32),
            places={"step": starts},
        )
