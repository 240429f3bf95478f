"""Waiting for something that another process does."""

import threading
import time
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")


def until(look: Callable[[], Found], *, seconds: float = 30.0) -> Found:
    """What `look` finds, as soon as it finds something; fails after `seconds`."""
    deadline = time.monotonic() + seconds
    pause = threading.Event()
    while not (found := look()):
        if time.monotonic() > deadline:
            raise AssertionError(f"nothing found within {seconds} s")
        pause.wait(0.01)
    return found
