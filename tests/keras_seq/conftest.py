import os

import keras
import numpy as np
import pytest
from keras.src.backend.common import dtypes

THIRD_PARTY_WARNINGS = [
    # Keras, when it makes an array of a variable or of a tensor of TensorFlow or PyTorch.
    "ignore:__array__ implementation doesn't accept a copy keyword",
    # The test harness of Keras, which trains on a generator, also layers without weights.
    "ignore:`shuffle=True` was passed, but will be ignored",
    "ignore:The model does not have any trainable weights",
    # PyTorch, when it compiles.
    "ignore:`torch.jit.script_method` is deprecated",
    "ignore:The .grad attribute of a Tensor that is not a leaf Tensor",
]


def pytest_configure(config):
    if keras.config.backend() == "jax" and hasattr(config, "cache"):
        import jax

        # Most of the time goes to compiling what then runs once, so that fast code does not pay:
        # with these, compiling takes a third of the time.
        jax.config.update("jax_disable_most_optimizations", True)
        flags = "--xla_cpu_use_fusion_emitters=false --xla_cpu_parallel_codegen_split_count=1"
        os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {flags}"
        # Later tests and runs compile the same again.
        # Each worker has a folder of its own: JAX crashes on a file that is only half written.
        worker = os.environ.get("PYTEST_XDIST_WORKER", "alone")
        jax.config.update("jax_compilation_cache_dir", str(config.cache.mkdir(f"jax-{worker}")))
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
        jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
    if keras.config.backend() == "torch":
        import torch

        # The tests compute little, in several processes: more threads would wait for each other.
        torch.set_num_threads(1)


@pytest.fixture(autouse=True, scope="module")
def bounded_memory():
    """What JAX compiled for a module of tests is given back: all together takes gigabytes."""
    yield
    if keras.config.backend() == "jax":
        import jax

        jax.clear_caches()


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
