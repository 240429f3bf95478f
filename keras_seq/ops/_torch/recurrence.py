"""What the fast recurrences have in common: what they refuse, and time as the first axis."""

import keras
import torch
from keras import ops

from keras_seq.ops.refusal import Refusal


def tensors_of(*arrays):
    """Return arrays, or `None`, as tensors of one dtype of floats; refuse others.

    Refused is also what cannot see through a gradient of our own: a compiler, which would repeat
    all steps besides, and the transformations of `torch.func`.
    """
    if torch.compiler.is_compiling() or torch.jit.is_tracing():
        raise Refusal("PyTorch is compiling or tracing, which would repeat every step")
    # PyTorch has no public name for it.
    if torch._C._are_functorch_transforms_active():
        raise Refusal("`torch.func` is transforming the call")
    if any(isinstance(array, keras.KerasTensor) for array in arrays):
        raise Refusal("a symbolic tensor has no values")
    tensors = [None if array is None else ops.convert_to_tensor(array) for array in arrays]
    dtypes = {tensor.dtype for tensor in tensors if tensor is not None}
    if len(dtypes) > 1 or not tensors[0].is_floating_point():
        raise Refusal(
            f"the tensors are not of one dtype of floats but of {sorted(map(str, dtypes))}"
        )
    return tensors


def state_of(array, inputs, units):
    """Return an initial state as a tensor `(batch, units)` of the dtype of the inputs."""
    return ops.convert_to_tensor(array).to(inputs.dtype).expand(len(inputs), units)


def mask_of(mask):
    """Return a mask as booleans `(batch, time, 1)`, or `None`."""
    if mask is None:
        return None
    mask = ops.cast(mask, "bool")
    return mask if mask.ndim == 3 else mask.unsqueeze(-1)


def time_first(sequences, go_backwards):
    """Return sequences as `(time, batch, ...)` in the order of processing, and the other way."""
    sequences = sequences.transpose(0, 1)
    return sequences.flip(0) if go_backwards else sequences


def batch_first(steps, go_backwards):
    """Undo `time_first`."""
    return (steps.flip(0) if go_backwards else steps).transpose(0, 1)


def valid_inputs(inputs, mask, go_backwards):
    """Return inputs and mask with time first, the masked inputs as zeros."""
    if mask is None:
        return time_first(inputs, go_backwards), None
    inputs = inputs.masked_fill(~mask, 0)
    return time_first(inputs, go_backwards), time_first(mask, go_backwards)


def project(steps, kernel, bias):
    """Return `steps @ kernel + bias` in memory of its own, which the loop may overwrite."""
    time, batch, features = steps.shape
    steps = steps.reshape(time * batch, features)
    outputs = steps @ kernel if bias is None else torch.addmm(bias, steps, kernel)
    return outputs.view(time, batch, kernel.shape[-1])


def weight_gradient(steps, gradient):
    """Return the gradient of a kernel from what it multiplied and the gradient of the product."""
    return steps.reshape(-1, steps.shape[-1]).T @ gradient.reshape(-1, gradient.shape[-1])


def gradients_of_reference(reference, tensors, gradients, needed):
    """Return the gradients of the plain function, with a graph that can be differentiated again.

    Args:
        reference: Function of the tensors; returns a tuple of tensors.
        tensors: The arguments, tensors or `None`.
        gradients: The gradients of what it returns.
        needed: Booleans, whether the gradient of each argument is wanted.
    """
    with torch.enable_grad():
        results = reference(*tensors)
    wanted = [tensor for tensor, is_needed in zip(tensors, needed, strict=True) if is_needed]
    found = iter(
        torch.autograd.grad(
            results, wanted, gradients, create_graph=True, allow_unused=True, materialize_grads=True
        )
    )
    return [next(found) if is_needed else None for is_needed in needed]
