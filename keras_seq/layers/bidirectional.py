"""Two recurrent layers that read the sequences in opposite directions."""

import copy
import inspect

import keras
from keras import ops

from keras_seq.layers.recurrent import Recurrent, mask_of_call
from keras_seq.layers.rematerialization import Rematerialization
from keras_seq.layers.seed import with_derived_seeds
from keras_seq.ops.padding import check_padding_mask

MERGE_MODES = ("sum", "mul", "ave", "concat", None)


@keras.saving.register_keras_serializable(package="keras_seq")
class Bidirectional(Rematerialization, keras.layers.Layer):
    """Run a recurrent layer over the sequences in both directions and merge the outputs.

    The two directions do not see each other: `h→_t` depends on the steps up to `t`, `h←_t` on
    those from `t`, and `y_t = merge(h→_t, h←_t)`. Without `return_sequences` the outputs merged
    are the last of each direction: that of the backward layer belongs to the first step.

    The layer takes the arguments of `keras.layers.Bidirectional`; the two read each other's
    weight files.

    Args:
        layer: Recurrent layer, of this package or a `keras.layers.RNN`, or any other causal layer
            from `(batch, time, features)` to `(batch, time, width)`, for example a convolution
            with `padding="causal"`. The forward layer is a new layer with its configuration, and
            weights of its own.
        merge_mode: `"concat"`, `"sum"`, `"mul"`, `"ave"` (the mean), a function of the outputs
            of both directions made of `keras.ops`, or `None` for a tuple of these outputs. To
            save the layer, register the function with
            `keras.saving.register_keras_serializable`. Defaults to `"concat"`.
        weights: Optional list of arrays, the initial weights: first those of the forward layer,
            then those of the backward layer. Not part of the configuration.
        backward_layer: Optional layer for the backward direction, with the opposite
            `go_backwards` (if it has one) and the same `stateful`, `return_sequences` and
            `return_state`. Defaults to `None`: a new layer with the configuration of `layer`, but
            with seeds of its own, derived from those of `layer`.
        **kwargs: The arguments of `keras.layers.Layer`: `name`, `dtype`, `trainable`.

    Call arguments:
        sequences: Tensor of shape `(batch, time, features)`.
        initial_state: List of tensors: first the states of the forward layer, then those of the
            backward layer. Defaults to their own.
        mask: Tensor of shape `(batch, time)`, true where a step is valid. Defaults to the mask
            that came with `sequences`.
        training: Boolean, whether to apply dropout.
        sequences_mask: Filled in by Keras; use `mask`.

    Returns:
        Tensor of shape `(batch, time, width)` with `return_sequences=True` in `layer`, else
        `(batch, width)`, where `width` is the sum of both layers' with `"concat"`, else that of
        each; for `merge_mode=None` two such tensors. With `return_state=True` a tuple of it and
        the states of the forward and the backward layer.

    Masks:
        The backward layer starts at the last valid step. With `return_sequences=True` the
        output at masked steps is zero, and the mask goes on to the next layer. A layer without
        `go_backwards` reads masked steps as zeros; where it is a model, the mask goes on inside as
        far as its layers and operations pass it on.

    Raises:
        ValueError: When `layer` or `backward_layer` is not a layer, when they do not fit
            together, when `merge_mode` is not one of the above, or when a call's `mask` or
            `initial_state` does not fit.

    Example:

    >>> import numpy as np
    >>> from keras_seq.layers import LSTM, Bidirectional
    >>> layer = Bidirectional(LSTM(4, return_sequences=True))
    >>> tuple(layer(np.ones((2, 5, 8))).shape)
    (2, 5, 8)

    Reference:
        - Schuster and Paliwal, Bidirectional recurrent neural networks, IEEE Transactions on
          Signal Processing 45(11), 1997.
    """

    def __init__(self, layer, merge_mode="concat", weights=None, backward_layer=None, **kwargs):
        if not isinstance(layer, keras.layers.Layer):
            raise ValueError(
                f"`layer` must be a recurrent layer, for example `LSTM(8)`. Received: layer={layer}"
            )
        if "states" in inspect.signature(layer.call).parameters:
            raise ValueError(
                "`layer` must run over all steps, and a cell does one. Make a layer of it with "
                f"`keras.layers.RNN(cell)`. Received: layer={layer}"
            )
        if backward_layer is not None and not isinstance(backward_layer, keras.layers.Layer):
            raise ValueError(
                "`backward_layer` must be a recurrent layer or `None`. "
                f"Received: backward_layer={backward_layer}"
            )
        if not callable(merge_mode) and merge_mode not in MERGE_MODES:
            raise ValueError(
                f"`merge_mode` must be one of {MERGE_MODES} or a function. "
                f"Received: merge_mode={merge_mode}"
            )
        super().__init__(**kwargs)
        self.merge_mode = merge_mode
        self.forward_layer = _rebuild(layer, "forward")
        self.backward_layer = (
            _rebuild(layer, "backward", backwards=True)
            if backward_layer is None
            else backward_layer
        )
        self._check_layers()
        for directed in (self.forward_layer, self.backward_layer):
            # Keras would warn that a model loses its mask, which goes on inside of it, and after
            # it in this layer.
            directed.supports_masking = True
        if not self.trainable:
            # Keras hands it on only when it changes.
            self.forward_layer.trainable = self.backward_layer.trainable = False
        self._initial_weights = weights
        self.stateful = _option(layer, "stateful")
        self.return_sequences = _option(layer, "return_sequences")
        self.return_state = _option(layer, "return_state")
        self.input_spec = layer.input_spec
        self.supports_masking = True

    def build(self, sequences_shape, initial_state_shape=None):
        """Build both layers."""
        for layer in (self.forward_layer, self.backward_layer):
            if not layer.built:
                layer.build(sequences_shape)
        self.compute_output_shape(sequences_shape)
        if self._initial_weights is not None:
            half = len(self._initial_weights) // 2
            self.forward_layer.set_weights(self._initial_weights[:half])
            self.backward_layer.set_weights(self._initial_weights[half:])

    def call(self, sequences, initial_state=None, mask=None, training=None, sequences_mask=None):
        """Run both layers and merge their outputs. See the class for the arguments."""
        mask = mask_of_call(mask, sequences_mask)
        check_padding_mask("mask", mask, sequences.shape)
        forward_state, backward_state = self._split(initial_state)
        forward = self._run(self.forward_layer, sequences, forward_state, mask, training)
        backward = self._run(
            self.backward_layer, sequences, backward_state, mask, training, backwards=True
        )

        if self.return_state:
            states = (*forward[1:], *backward[1:])
            states = [ops.cast(state, self.compute_dtype) for state in states]
            forward, backward = forward[0], backward[0]
        if self.return_sequences:
            # Outputs come in the order of processing; one of the layers goes backwards.
            if _option(self.forward_layer, "go_backwards"):
                forward = ops.flip(forward, axis=1)
            else:
                backward = ops.flip(backward, axis=1)
            if mask is not None:
                valid = ops.reshape(ops.cast(mask, "bool"), (*ops.shape(forward)[:2], 1))
                forward = ops.where(valid, forward, ops.zeros_like(forward))
                backward = ops.where(valid, backward, ops.zeros_like(backward))
        output = self._merge(forward, backward)
        if not self.return_state:
            return output
        return (*output, *states) if self.merge_mode is None else (output, *states)

    def compute_output_shape(self, sequences_shape, initial_state_shape=None):
        """Return the shape of the output, or a tuple of shapes."""
        forward, backward = (
            layer.compute_output_shape(sequences_shape)
            for layer in (self.forward_layer, self.backward_layer)
        )
        states = ()
        if self.return_state:
            states = (*forward[1:], *backward[1:])
            forward, backward = forward[0], backward[0]
        forward, backward = tuple(forward), tuple(backward)
        if self.merge_mode is None:
            return (forward, backward, *states)
        shape = self._merged(forward, backward)
        return (shape, *states) if self.return_state else shape

    def compute_output_spec(
        self, sequences, initial_state=None, mask=None, training=None, sequences_mask=None
    ):
        """Return the shapes and dtypes of the output and of the states."""
        mask = mask_of_call(mask, sequences_mask)
        check_padding_mask("mask", mask, sequences.shape)
        states = self._split(initial_state)
        for layer, own in zip((self.forward_layer, self.backward_layer), states, strict=True):
            if isinstance(layer, Recurrent):
                layer.check_call(sequences, own, mask)
        return super().compute_output_spec(sequences, initial_state)

    def compute_mask(self, inputs, previous_mask):
        """Return the mask of the sequences for sequences, and `None` for everything else."""
        mask = previous_mask
        mask = mask[0] if isinstance(mask, (list, tuple)) else mask
        mask = mask if self.return_sequences else None
        outputs = [mask, mask] if self.merge_mode is None else [mask]
        if self.return_state:
            outputs += [None] * self._state_count()
        return outputs if len(outputs) > 1 else mask

    @property
    def states(self):
        """The states of the forward and the backward layer, or `None` if not stateful."""
        if not self.stateful or not self.forward_layer.states or not self.backward_layer.states:
            return None
        return (*self.forward_layer.states, *self.backward_layer.states)

    def reset_state(self, states=None):
        """Set the states to zeros, or to the given arrays, those of the forward layer first."""
        if not self.stateful:
            raise AttributeError(
                "Only a layer with `stateful=True` has a state to reset. Received: stateful=False"
            )
        forward, backward = self._split(states)
        for layer, own in ((self.forward_layer, forward), (self.backward_layer, backward)):
            # Keras's own layers take no argument.
            layer.reset_state() if own is None else layer.reset_state(own)

    def reset_states(self, states=None):
        """Do the same as `reset_state`."""
        self.reset_state(states)

    def get_config(self):
        """Return the arguments of the constructor, without `weights`."""
        return {
            **super().get_config(),
            "merge_mode": keras.saving.serialize_keras_object(self.merge_mode)
            if callable(self.merge_mode)
            else self.merge_mode,
            "layer": keras.saving.serialize_keras_object(self.forward_layer),
            "backward_layer": keras.saving.serialize_keras_object(self.backward_layer),
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        """Build the layer from the arguments of its constructor."""
        config = copy.deepcopy(config)
        for name in ("layer", "backward_layer", "merge_mode"):
            if isinstance(config.get(name), dict):
                config[name] = keras.saving.deserialize_keras_object(
                    config[name], custom_objects=custom_objects
                )
        return cls(**config)

    def _run(self, layer, sequences, initial_state, mask, training, backwards=False):
        known = inspect.signature(layer.call).parameters
        if not hasattr(layer, "go_backwards"):
            # It may know nothing of masks; to a causal layer zeros are what was before the start.
            if mask is not None:
                valid = ops.reshape(ops.cast(mask, "bool"), (*ops.shape(sequences)[:2], 1))
                sequences = ops.where(valid, sequences, ops.zeros_like(sequences))
            if backwards:
                sequences = ops.flip(sequences, axis=1)
                mask = None if mask is None else ops.flip(mask, axis=1)
        kwargs = {"initial_state": initial_state, "mask": mask}
        kwargs = {name: value for name, value in kwargs.items() if value is not None}
        kwargs["training"] = training
        return layer(sequences, **{name: kwargs[name] for name in kwargs if name in known})

    def _split(self, states):
        """Return the states of the forward and of the backward layer."""
        if states is None:
            return None, None
        if len(states) != self._state_count():
            raise ValueError(
                f"The two layers have {self._state_count()} states together, those of the forward "
                f"layer first. Received: {len(states)} states"
            )
        half = len(states) // 2
        return states[:half], states[half:]

    def _state_count(self):
        size = self.forward_layer.state_size
        return 2 * (len(size) if isinstance(size, (list, tuple)) else 1)

    def _merge(self, forward, backward):
        forward = ops.cast(forward, self.compute_dtype)
        backward = ops.cast(backward, self.compute_dtype)
        if callable(self.merge_mode):
            return self.merge_mode(forward, backward)
        if self.merge_mode == "concat":
            return ops.concatenate([forward, backward], axis=-1)
        if self.merge_mode == "sum":
            return forward + backward
        if self.merge_mode == "ave":
            return (forward + backward) / 2
        if self.merge_mode == "mul":
            return forward * backward
        return forward, backward

    def _merged(self, forward, backward):
        """Return the shape of the merged outputs, from their shapes."""
        if callable(self.merge_mode):
            outputs = keras.KerasTensor(forward), keras.KerasTensor(backward)
            return tuple(self.merge_mode(*outputs).shape)
        if self.merge_mode == "concat":
            return (*forward[:-1], forward[-1] + backward[-1])
        if forward[-1] != backward[-1]:
            raise ValueError(
                f"`merge_mode={self.merge_mode!r}` needs outputs of the same width in both "
                "directions; `'concat'` and `None` do not. "
                f"Received: width {forward[-1]} forward, width {backward[-1]} backward"
            )
        return forward

    def _check_layers(self):
        directed = [
            layer.go_backwards
            for layer in (self.forward_layer, self.backward_layer)
            if hasattr(layer, "go_backwards")
        ]
        if len(directed) == 2 and directed[0] == directed[1]:
            raise ValueError(
                "The forward and the backward layer must have different `go_backwards`. "
                f"Received: {directed[0]} for both"
            )
        for name in ("stateful", "return_sequences", "return_state"):
            forward = _option(self.forward_layer, name)
            backward = _option(self.backward_layer, name)
            if forward != backward:
                raise ValueError(
                    f"The forward and the backward layer must have the same `{name}`. "
                    f"Received: {forward} in `layer` and {backward} in `backward_layer`"
                )


def _option(layer, name):
    """Return an option of a recurrent layer; other layers return sequences, and no more."""
    return getattr(layer, name, name == "return_sequences")


def _rebuild(layer, direction, backwards=False):
    """Return a new layer with the configuration of `layer` and weights of its own."""
    config = copy.deepcopy(keras.saving.serialize_keras_object(layer))
    name = layer.name.removeprefix(f"{direction}_")
    config["config"]["name"] = f"{direction}_{name}"
    if backwards:
        # The same seed would start both directions with the same weights, and drop the same.
        config = with_derived_seeds(config, direction)
        if hasattr(layer, "go_backwards"):
            config["config"]["go_backwards"] = True
    rebuilt = keras.saving.deserialize_keras_object(config)
    if hasattr(layer, "use_cudnn"):
        # Keras leaves it out of its configurations.
        rebuilt.use_cudnn = layer.use_cudnn
    return rebuilt
