"""The one place that asks which backend runs, and which version of a function."""

import logging
import math

import keras
from keras import ops

from keras_seq.ops.refusal import Refusal

backend = keras.config.backend()
if backend == "tensorflow":
    # `keras.ops.scan` cannot be trained on TensorFlow when the number of steps is unknown until
    # run time, nor when XLA compiles the model; `keras.ops.while_loop` has nothing to collect the
    # outputs in that is also differentiable.
    from keras_seq.ops._tensorflow import CROSSOVERS, FAST_VERSIONS, either, scan
elif backend == "jax":
    from keras_seq.ops._jax import CROSSOVERS, FAST_VERSIONS, scan
elif backend == "torch":
    from keras_seq.ops._torch import CROSSOVERS, FAST_VERSIONS, is_compiling, scan
else:
    from keras.ops import scan

    CROSSOVERS = {}
    FAST_VERSIONS = {}

__all__ = ["IMPLEMENTATIONS", "by_size", "check_implementation", "run", "run_by_size", "scan"]

IMPLEMENTATIONS = ("auto", "reference", "fast")

_log = logging.getLogger("keras_seq")
_said = set()


def run(name, implementation, reference, *args, **kwargs):
    """Call the fast version of a function where there is one that serves the call.

    Args:
        name: String, what the fast versions of the backend call the function.
        implementation: `"auto"` calls the fast version, or the reference where that one refuses,
            and says why in the log, once for each reason. `"reference"` and `"fast"` insist.
        reference: Function, the plain one in `keras.ops`.
        *args: Arguments of both.
        **kwargs: Arguments of both.

    Returns:
        What the function returns.

    Raises:
        ValueError: When `implementation` is not one of the three, or when it is `"fast"` and the
            fast version refuses.
    """
    check_implementation(implementation)
    if implementation == "reference":
        return reference(*args, **kwargs)
    try:
        if name not in FAST_VERSIONS:
            raise Refusal(f"there is none for the backend {backend}")
        return FAST_VERSIONS[name](*args, **kwargs)
    except Refusal as refusal:
        if implementation == "fast":
            raise ValueError(
                f"The fast version of `{name}` cannot do this: {refusal}. Use "
                "`implementation='auto'`, which then takes the plain one. "
                "Received: implementation='fast'"
            ) from refusal
        _say_once(f"{name}: the plain version, as for the fast one: {refusal}")
    return reference(*args, **kwargs)


def by_size(name, implementation, *sizes):
    """Return `"reference"` instead of `"auto"` where the fast version would be the slower one.

    Args:
        name: String, what the fast versions of the backend call the function.
        implementation: `"auto"`, `"reference"` or `"fast"`.
        *sizes: Integers, or `None` where one is not known, whose product the backend compares
            with its entry in `CROSSOVERS`.
    """
    crossover = CROSSOVERS.get(name, 0)
    if implementation != "auto" or None in sizes or math.prod(sizes) >= crossover:
        return implementation
    _say_once(f"{name}: the plain version, which is faster for a size below {crossover}")
    return "reference"


def run_by_size(name, implementation, sizes, reference, *args):
    """Do as `run`, where `"auto"` takes the fast version only if it is not the slower one.

    Args:
        name: String, as in `run`.
        implementation: `"auto"`, `"reference"` or `"fast"`.
        sizes: Tuple of integers, or of scalar tensors where one is not known before it runs.
        reference: Function, as in `run`. It returns a tuple of tensors or `None`.
        *args: Arguments of both versions.
    """
    crossover = CROSSOVERS.get(name, 0)
    # Other backends know all sizes before they run.
    is_known = backend != "tensorflow" or all(isinstance(size, int) for size in sizes)
    if implementation != "auto" or is_known:
        return run(name, by_size(name, implementation, *sizes), reference, *args)
    return either(
        # 65,536 times as many are more than 32 bits of an integer hold.
        math.prod(ops.cast(size, "float32") for size in sizes) >= crossover,
        lambda: run(name, "auto", reference, *args),
        lambda: reference(*args),
    )


def check_implementation(implementation):
    """Raise an error unless it is one of the three."""
    if implementation not in IMPLEMENTATIONS:
        raise ValueError(
            f"`implementation` must be one of {list(IMPLEMENTATIONS)}. "
            f"Received: implementation={implementation!r}"
        )


def _say_once(sentence):
    # PyTorch does not compile what calls the log.
    if sentence not in _said and not (backend == "torch" and is_compiling()):
        _said.add(sentence)
        _log.info(sentence)
