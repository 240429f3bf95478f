"""The state of the random generators that a process has: Python's, numpy's and PyTorch's own.

Those of layers are variables of the network; data has generators of its own. But a dropout without
a seed takes PyTorch's.
"""

from __future__ import annotations

import random
from typing import Any

import numpy as np


def random_state() -> dict[str, Any]:
    """All states as plain data."""
    import keras  # imported with the network

    version, internal, gauss = random.getstate()
    name, keys, position, has_gauss, cached = np.random.get_state(legacy=True)
    state = {
        "python": [version, list(internal), gauss],
        "numpy": [name, np.asarray(keys).tolist(), position, has_gauss, cached],
    }
    if keras.config.backend() == "torch":
        import torch

        # Of the processor, then of each GPU.
        states = [torch.get_rng_state(), *torch.cuda.get_rng_state_all()]
        state["torch"] = [each.tolist() for each in states]
    return state


def set_random_state(state: dict[str, Any]) -> None:
    """Go on as from `random_state`."""
    version, internal, gauss = state["python"]
    random.setstate((version, tuple(internal), gauss))
    np.random.set_state(tuple(state["numpy"]))
    if "torch" in state:
        import torch

        first, *others = (torch.tensor(each, dtype=torch.uint8) for each in state["torch"])
        torch.set_rng_state(first)
        torch.cuda.set_rng_state_all(others)
