"""A network as a chain of layers, read in parts with its states in hand. Imports Keras."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import keras
from keras import ops

if TYPE_CHECKING:
    from experiments.tasks.task import Array

STATES = ("h", "c")
"""The states of a recurrent layer in their order: the output, and in an LSTM the cell state."""

Change = Callable[[str, Any], Any]
"""What becomes of a state, by its name."""


class Chain:
    """Layers that follow one another, recurrent ones among them.

    Predictions are those of the network, but a recurrent layer reads its sequence in parts: it
    gives its states after each and starts the next one from them. A step that pads the end of a
    sequence is masked, and carries the states over.
    """

    def __init__(self, layers: list[keras.Layer]) -> None:
        self._layers = [
            _Recurrent(layer) if isinstance(layer, keras.layers.RNN) else layer for layer in layers
        ]

    @classmethod
    def of(cls, model: keras.Model) -> Chain | None:
        """The chain that `model` is, or `None` where it branches or has no recurrent layer."""
        inputs = getattr(model, "inputs", None)
        if not inputs:
            return None  # no graph of layers
        layers = [x for x in model.layers if not isinstance(x, keras.layers.InputLayer)]
        before = [inputs[0], *(layer.output for layer in layers[:-1])]
        follows = all(_reads(layer) is tensor for layer, tensor in zip(layers, before, strict=True))
        is_recurrent = any(isinstance(layer, keras.layers.RNN) for layer in layers)
        return cls(layers) if follows and is_recurrent else None

    def state_names(self) -> tuple[str, ...]:
        """The names of the states that a layer of it has."""
        return max((x.names for x in self._layers if isinstance(x, _Recurrent)), key=len)

    def predict(self, inputs: Array, cut: int, change: Change) -> Array:
        """Predictions when every state after the first `cut` steps is changed."""
        features, mask = ops.convert_to_tensor(inputs), None
        for layer in self._layers:
            if not isinstance(layer, _Recurrent):
                mask = layer.compute_mask(features, mask)
                features = layer(features)
                continue
            outputs, states = layer.read(features, mask, slice(0, cut))
            states = [change(*pair) for pair in zip(layer.names, states, strict=True)]
            rest, _ = layer.read(features, mask, slice(cut, None), states)
            features = ops.concatenate([outputs, rest], axis=1)
            if not layer.gives_sequences:
                features, mask = features[:, -1], None
        predictions: Array = ops.convert_to_numpy(features)
        return predictions

    def steps(self, inputs: Array) -> Iterator[dict[str, Array]]:
        """The states of the first recurrent layer after each step, `(batch, units)` by name."""
        features, mask = ops.convert_to_tensor(inputs), None
        for layer in self._layers:
            if isinstance(layer, _Recurrent):
                break
            mask = layer.compute_mask(features, mask)
            features = layer(features)
        states = None
        for step in range(features.shape[1]):
            _, states = layer.read(features, mask, slice(step, step + 1), states)
            yield dict(zip(layer.names, map(ops.convert_to_numpy, states), strict=True))


class _Recurrent:
    """A copy of a recurrent layer that gives every output, and its states behind them."""

    def __init__(self, layer: keras.layers.RNN) -> None:
        self.gives_sequences: bool = layer.return_sequences
        self._layer = type(layer).from_config(
            {**layer.get_config(), "return_sequences": True, "return_state": True}
        )
        self._layer.build(_reads(layer).shape)
        self._layer.set_weights(layer.get_weights())
        size = self._layer.state_size
        self.names = STATES[: len(size) if isinstance(size, list | tuple) else 1]

    def read(self, features: Any, mask: Any, part: slice, states: Any = None) -> tuple[Any, Any]:
        """The outputs and the last states over `part` of the steps, from `states` on."""
        outputs, *states = self._layer(
            features[:, part],
            initial_state=states,
            mask=None if mask is None else mask[:, part],
        )
        return outputs, states


def _reads(layer: keras.Layer) -> Any:
    """The one tensor that a layer reads besides masks; nothing where it reads several."""
    tensors = keras.tree.flatten(layer.input)
    read = [tensor for tensor in tensors if tensor.dtype != "bool"]
    return read[0] if len(read) == 1 else None
