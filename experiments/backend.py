"""Which Keras backend a worker will use, found out without importing it.

`python -P -m experiments.backend` imports it and prints its devices as JSON.
"""

from __future__ import annotations

import importlib.util
import json
import os
from pathlib import Path

from experiments.errors import RequestError, UnknownNameError

BACKENDS = ("tensorflow", "jax", "torch")
VARIABLE = "KERAS_BACKEND"
"""Says which one Keras shall use."""


def configured_backend() -> str:
    """The backend Keras would choose: `$KERAS_BACKEND`, else its `keras.json`, else TensorFlow."""
    chosen = os.environ.get(VARIABLE)
    if chosen:
        return chosen
    home = Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras")
    try:
        settings = json.loads((home / "keras.json").read_text())
    except (OSError, ValueError):
        return BACKENDS[0]
    return str(settings.get("backend", BACKENDS[0])) if isinstance(settings, dict) else BACKENDS[0]


def check_backend(begun_on: str = "") -> str:
    """The name of the backend: the one that is configured, or that an experiment has begun on.

    Raises `RequestError` when it is unknown or not installed.
    """
    backend = begun_on or configured_backend()
    if backend not in BACKENDS:
        raise UnknownNameError(VARIABLE, backend, BACKENDS)
    if importlib.util.find_spec(backend) is None:
        remedy = f"choose another with {VARIABLE}"
        if begun_on:
            remedy = "begin a new experiment: this one has begun on it, and goes on with no other"
        raise RequestError(
            f"The Keras backend {backend} is not installed. "
            f'Install it: pip install "keras-seq[app,{backend}]", or {remedy}.'
        )
    return backend


def devices() -> list[str]:
    """The devices of the running backend, such as `cpu:0`. Imports Keras."""
    import keras

    try:
        return list(keras.distribution.list_devices())
    except AttributeError:
        # Keras has no distribution on PyTorch, and says so in this way; a tensor knows.
        return [str(keras.ops.zeros(()).device)]


def main() -> None:
    """Print the backend's name and devices."""
    import keras

    document = {"backend": keras.config.backend(), "devices": devices()}
    print(json.dumps(document))


if __name__ == "__main__":
    main()
