"""The tokens that sources and targets are made of."""

import keras
from keras import ops

from keras_seq.ops.arguments import check_integers
from keras_seq.ops.indices import check_indices
from keras_seq.ops.shapes import can_be_equal

PADDING = 0


class TargetMask(keras.layers.Layer):
    """Give logits the mask of the targets, which ends with the end token.

    It is a layer, because the mask that a model computes is not set where JAX trains it.

    Args:
        end_token: Integer.
    """

    def __init__(self, end_token, **kwargs):
        super().__init__(**kwargs)
        self.end_token = end_token
        self.supports_masking = True

    def build(self, inputs_shape):
        """Create nothing: the layer has no weights."""

    def call(self, inputs):
        """Return the logits of the list of logits and target inputs."""
        return inputs[0]

    def compute_mask(self, inputs, previous_mask=None):
        """Return where the target that follows an input is no padding."""
        target_inputs = inputs[1]
        return ops.logical_and(target_inputs != PADDING, target_inputs != self.end_token)


def check_tokens(name, tokens, limit_name, limit):
    """Refuse all but integers of two dimensions, from 0 to below a limit."""
    dtype = keras.backend.standardize_dtype(tokens.dtype)
    if len(tokens.shape) != 2 or "int" not in dtype:
        raise ValueError(
            f"`{name}` must be integers of shape `(batch, steps)`. "
            f"Received: {name}.shape={tuple(tokens.shape)}, {name}.dtype={dtype}"
        )
    check_indices(name, tokens, f"`{limit_name}`", limit)


def check_pair(inputs):
    """Refuse all but two tensors, or their shapes."""
    is_list = isinstance(inputs, (list, tuple))
    is_shape = is_list and all(size is None or isinstance(size, int) for size in inputs)
    if not is_list or is_shape or len(inputs) != 2:
        raise ValueError(
            "This model is called on a list of two, `[source, target_inputs]`. Received: "
            f"{'one tensor of shape' if is_shape else 'inputs'} {inputs}"
        )


def check_same_batch(source_shape, target_inputs_shape):
    """Refuse sources and target inputs that do not belong together one by one."""
    if not can_be_equal(source_shape[:1], target_inputs_shape[:1]):
        raise ValueError(
            "`source` and `target_inputs` must have the same batch size. Received: "
            f"source.shape={tuple(source_shape)}, "
            f"target_inputs.shape={tuple(target_inputs_shape)}"
        )


def check_special_tokens(start_token, end_token, vocabulary_size):
    """Refuse tokens that are padding, outside of the vocabulary, or the same."""
    for name, token in (("start_token", start_token), ("end_token", end_token)):
        check_integers(**{name: token})
        if token >= vocabulary_size:
            raise ValueError(
                f"`{name}` must be below `target_vocabulary_size`. Received: {name}={token}, "
                f"target_vocabulary_size={vocabulary_size}"
            )
    if start_token == end_token:
        raise ValueError(
            "`start_token` and `end_token` must differ. "
            f"Received: start_token={start_token}, end_token={end_token}"
        )
