"""How the layers of an encoder are run."""

import inspect

import keras
from keras import ops


class Encoder:
    """The layers of an encoder, one after the other.

    Args:
        layers: List of layers.
    """

    def __init__(self, layers):
        self.layers = layers

    def run(self, x, mask, training=False):
        """Run the layers over sequences so that masked steps have no influence.

        Args:
            x: Tensor of shape `(batch, S, width)`.
            mask: Tensor of shape `(batch, S)`, true where a step is valid.
            training: Boolean. Defaults to `False`.

        Returns:
            Tuple of the output of the last layer, and the list of the states of all layers with
            `return_state=True`.
        """
        states = []
        for layer in self.layers:
            if "mask" in inspect.signature(layer.call).parameters:
                x = layer(x, mask=mask, training=training)
            else:
                # It may look at other steps all the same, as a convolution does.
                x = ops.where(ops.expand_dims(mask, -1), x, ops.zeros_like(x))
                x = layer(x, training=training)
            if getattr(layer, "return_state", False):
                x, *own = keras.tree.flatten(x)
                states += own
        return x, states


def as_layers(name, layers):
    """Return a layer, or a list of them, as a list."""
    layers = list(layers) if isinstance(layers, (list, tuple)) else [layers]
    if not layers or not all(isinstance(layer, keras.layers.Layer) for layer in layers):
        raise ValueError(
            f"`{name}` must be a layer or a list of layers, at least one. Received: {name}={layers}"
        )
    return layers
