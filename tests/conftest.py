"""What every test shares."""

import os
import sys

import pytest
from hypothesis import settings

# Continuous integration machines stall; a slow example is not a wrong one. The same examples each
# time, so that a failure is a change's and not the dice's.
settings.register_profile("tests", deadline=None, derandomize=True)
settings.load_profile("tests")

QUICK = "not slow"
"""The marker expression of `make test`."""
COMPILE_QUICKLY = (
    "--xla_backend_optimization_level=0",
    "--xla_cpu_use_fusion_emitters=false",
    "--xla_cpu_parallel_codegen_split_count=1",
)
THIRD_PARTY_WARNINGS = [
    # Keras, when it makes an array of a variable or of a tensor of TensorFlow or PyTorch.
    "ignore:__array__ implementation doesn't accept a copy keyword",
    # PyTorch, when it compiles.
    "ignore:`torch.jit.script_method` is deprecated",
    "ignore:The .grad attribute of a Tensor that is not a leaf Tensor",
]


def pytest_configure(config):
    backend = os.environ.get("KERAS_BACKEND")
    # Most of the time goes to compiling what then runs once, so that fast code does not pay: with
    # these, compiling takes a half or a third of the time. The slow tests do train for long.
    if backend == "jax" or config.getoption("markexpr") == QUICK:
        os.environ["XLA_FLAGS"] = " ".join((os.environ.get("XLA_FLAGS", ""), *COMPILE_QUICKLY))
    # Asked for by name, because most tests do without a backend and must not wait for one.
    if backend == "jax" and hasattr(config, "cache"):
        import jax

        jax.config.update("jax_disable_most_optimizations", True)
        # Later tests and runs compile the same again.
        # Each worker has a folder of its own: JAX crashes on a file that is only half written.
        worker = os.environ.get("PYTEST_XDIST_WORKER", "alone")
        jax.config.update("jax_compilation_cache_dir", str(config.cache.mkdir(f"jax-{worker}")))
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
        jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
    if backend == "torch":
        import torch

        # The tests compute little, in several processes: more threads would wait for each other.
        torch.set_num_threads(1)


@pytest.fixture(autouse=True, scope="module")
def bounded_memory():
    """What JAX compiled for a module of tests is given back: all together takes gigabytes."""
    yield
    if "jax" in sys.modules and os.environ.get("KERAS_BACKEND") == "jax":
        sys.modules["jax"].clear_caches()


def pytest_itemcollected(item):
    for warning in THIRD_PARTY_WARNINGS:
        item.add_marker(pytest.mark.filterwarnings(warning))
