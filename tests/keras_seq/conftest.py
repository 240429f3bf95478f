import keras
import numpy as np
import pytest


@pytest.fixture
def float64():
    """Compute in float64, which JAX does only when asked."""
    if keras.config.backend() != "jax":
        yield
        return
    import jax

    jax.config.update("jax_enable_x64", True)
    yield
    jax.config.update("jax_enable_x64", False)


@pytest.fixture
def gradients():
    """Return a function `(f, arrays) -> arrays`: the gradients of the scalar `f(*arrays)`."""
    return _GRADIENTS[keras.config.backend()]


def _tensorflow(f, arrays):
    import tensorflow as tf

    tensors = [tf.constant(array) for array in arrays]
    with tf.GradientTape() as tape:
        for tensor in tensors:
            tape.watch(tensor)
        value = f(*tensors)
    found = tape.gradient(value, tensors, unconnected_gradients="zero")
    return [np.asarray(gradient) for gradient in found]


def _jax(f, arrays):
    import jax

    tensors = [jax.numpy.asarray(array) for array in arrays]
    found = jax.grad(f, argnums=tuple(range(len(tensors))))(*tensors)
    return [np.asarray(gradient) for gradient in found]


def _torch(f, arrays):
    import torch

    tensors = [torch.tensor(array, requires_grad=True) for array in arrays]
    f(*tensors).backward()
    return [
        np.zeros_like(array) if tensor.grad is None else tensor.grad.numpy()
        for tensor, array in zip(tensors, arrays, strict=True)
    ]


_GRADIENTS = {"tensorflow": _tensorflow, "jax": _jax, "torch": _torch}
