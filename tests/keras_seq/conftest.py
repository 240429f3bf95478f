import keras
import numpy as np
import pytest

THIRD_PARTY_WARNINGS = [
    # Keras, when it makes an array of a variable or of a tensor of TensorFlow or PyTorch.
    "ignore:__array__ implementation doesn't accept a copy keyword",
    # The test harness of Keras, which trains on a generator, also layers without weights.
    "ignore:`shuffle=True` was passed, but will be ignored",
    "ignore:The model does not have any trainable weights",
    # PyTorch, when it compiles.
    "ignore:`torch.jit.script_method` is deprecated",
]


def pytest_itemcollected(item):
    for warning in THIRD_PARTY_WARNINGS:
        item.add_marker(pytest.mark.filterwarnings(warning))


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
