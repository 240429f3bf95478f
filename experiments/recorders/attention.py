"""Where a network looks: its attention weights."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from experiments.recorders.recorder import Keep, Recorder, Seen
from experiments.recorders.replaced import replaced
from experiments.recorders.trace import Trace, blocks, mean_of_blocks, sum_of_blocks

if TYPE_CHECKING:
    import keras

ARGUMENT = "return_attention_scores"
MOST_STEPS = 1024
"""Longer sequences are not looked at: their weights would take hundreds of megabytes."""
KINDS = ("", "cross")
"""A decoder's block gives two: of its own steps, then of the encoder's."""


class AttentionWeights(Recorder):
    """The weights of every layer that gives them: `(sample, head, query, key)`, rows of sum 1.

    Long sequences are cut into blocks of neighbours: a row is then the mean over a block of
    queries, an entry the weight of a block of keys together. None of more than 1,024 steps.
    """

    name: ClassVar[str] = "attention"

    def watch(self, layer: keras.Layer, keep: Keep) -> AbstractContextManager[None] | None:
        """Ask for the weights besides the outputs."""
        import keras  # imported with the layer

        # Flash attention never computes its weights.
        if ARGUMENT not in inspect.signature(layer.call).parameters or _is_flash(layer):
            return None

        def call(*args: Any, **kwargs: Any) -> Any:
            if keras.tree.flatten(args)[0].shape[1] > MOST_STEPS:
                return before(*args, **kwargs)
            is_asked = kwargs.pop(ARGUMENT, False)
            outputs = before(*args, **kwargs, **{ARGUMENT: True})
            output, *scores = outputs
            keep(scores)
            return outputs if is_asked else output

        before = layer.call
        return replaced(layer, "call", call)

    def traces(self, seen: Seen) -> Iterable[Trace]:
        """One of each layer, two of a decoder's block."""
        for path, scores in seen.kept.items():
            for kind, weights in zip(KINDS, scores, strict=False):
                # Of a layer with one head there is no axis for it.
                weights = weights if weights.ndim == 4 else weights[:, np.newaxis]
                starts = [blocks(size, seen.resolution) for size in weights.shape[2:]]
                weights = mean_of_blocks(weights.astype(np.float32), 2, starts[0])
                weights = sum_of_blocks(weights, 3, starts[1])
                yield Trace(
                    name=self.name,
                    layer=f"{path}/{kind}".rstrip("/"),
                    axes=("sample", "head", "query", "key"),
                    values=weights.astype(np.float16),
                    places=dict(zip(("query", "key"), starts, strict=True)),
                )


def _is_flash(layer: keras.Layer) -> bool:
    return any(getattr(layer, name, False) for name in ("flash_attention", "_flash_attention"))
