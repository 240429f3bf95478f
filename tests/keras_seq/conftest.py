import keras
import numpy as np
import pytest
from keras.src.backend.common import dtypes

THIRD_PARTY_WARNINGS = [
    # The test harness of Keras, which trains on a generator, also layers without weights.
    "ignore:`shuffle=True` was passed, but will be ignored",
    "ignore:The model does not have any trainable weights",
]


def pytest_itemcollected(item):
    for warning in THIRD_PARTY_WARNINGS:
        item.add_marker(pytest.mark.filterwarnings(warning))


@pytest.fixture
def float64(monkeypatch):
    """Let every backend compute in float64."""
    # Outside of TensorFlow Keras rounds some results, such as products of matrices, to float32.
    monkeypatch.setitem(dtypes.BIT64_TO_BIT32_DTYPE, "float64", "float64")
    if keras.config.backend() != "jax":
        yield
        return
    import jax

    jax.config.update("jax_enable_x64", True)
    yield
    jax.config.update("jax_enable_x64", False)


@pytest.fixture(scope="session")
def differentiate():
    """Return a function `f -> g`: `g(*arrays)` is the scalar `f(*arrays)`, and its gradients."""
    return _DIFFERENTIATE[keras.config.backend()]


@pytest.fixture
def gradients(differentiate):
    """Return a function `(f, arrays) -> arrays`: the gradients of the scalar `f(*arrays)`."""
    return lambda f, arrays: differentiate(f)(*arrays)[1]


def _tensorflow(f):
    import tensorflow as tf

    def value_and_gradients(*arrays):
        tensors = [tf.constant(array) for array in arrays]
        with tf.GradientTape() as tape:
            for tensor in tensors:
                tape.watch(tensor)
            value = f(*tensors)
        found = tape.gradient(value, tensors, unconnected_gradients="zero")
        # The gradient of a table is one of the rows that were read, which is no array yet.
        return np.asarray(value), [np.asarray(tf.convert_to_tensor(each)) for each in found]

    return value_and_gradients


def _jax(f):
    import jax

    # Compiled once, where else each operation would be compiled alone.
    compiled = jax.jit(jax.value_and_grad(lambda arrays: f(*arrays)))

    def value_and_gradients(*arrays):
        value, found = compiled(list(arrays))
        return np.asarray(value), [np.asarray(gradient) for gradient in found]

    return value_and_gradients


def _torch(f):
    import torch

    def value_and_gradients(*arrays):
        tensors = [torch.tensor(array, requires_grad=True) for array in arrays]
        value = f(*tensors)
        found = torch.autograd.grad(value, tensors, allow_unused=True, materialize_grads=True)
        return value.detach().numpy(), [gradient.numpy() for gradient in found]

    return value_and_gradients


_DIFFERENTIATE = {"tensorflow": _tensorflow, "jax": _jax, "torch": _torch}
