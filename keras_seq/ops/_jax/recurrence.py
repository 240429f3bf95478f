"""What the fast recurrences have in common: what they refuse, and time as the first axis."""

import jax.numpy as jnp
import keras
from keras import ops

from keras_seq.ops.refusal import Refusal


def tensors_of(*arrays):
    """Return arrays, or `None`, as tensors of one dtype of floats; refuse others."""
    if any(isinstance(array, keras.KerasTensor) for array in arrays):
        raise Refusal("a symbolic tensor has no values")
    tensors = [None if array is None else ops.convert_to_tensor(array) for array in arrays]
    dtypes = {str(tensor.dtype) for tensor in tensors if tensor is not None}
    if len(dtypes) > 1 or not jnp.issubdtype(tensors[0].dtype, jnp.floating):
        raise Refusal(f"the tensors are not of one dtype of floats but of {sorted(dtypes)}")
    return tensors


def state_of(array, inputs, units):
    """Return an initial state as a tensor `(batch, units)` of the dtype of the inputs."""
    state = ops.convert_to_tensor(array).astype(inputs.dtype)
    return jnp.broadcast_to(state, (inputs.shape[0], units))


def projected_steps(inputs, mask, go_backwards, kernel, bias):
    """Return the projected inputs and the mask with time first, in the order of processing."""
    if mask is not None:
        mask = ops.cast(mask, "bool")
        mask = mask if mask.ndim == 3 else mask[..., None]
        inputs = jnp.where(mask, inputs, 0)
        mask = jnp.swapaxes(mask, 0, 1)
        mask = mask[::-1] if go_backwards else mask
    steps = jnp.swapaxes(inputs, 0, 1)
    steps = (steps[::-1] if go_backwards else steps) @ kernel
    return steps if bias is None else steps + bias, mask


def weight_gradient(steps, gradient):
    """Return the gradient of a kernel from what it multiplied and the gradient of the product."""
    return jnp.einsum("tbi,tbo->io", steps, gradient)


def before(first, states):
    """Return the states before each step, from the first one and those after each step."""
    return jnp.concatenate([first[None], states[:-1]])


def where_valid(mask, factors, fallback=0):
    """Return the factors, or others at the steps that are masked."""
    return factors if mask is None else jnp.where(mask, factors, fallback)
