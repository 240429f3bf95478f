"""A method of one object replaced for a while."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def replaced(owner: Any, name: str, method: Callable[..., Any]) -> Iterator[None]:
    """Let `method`, which has the signature of the one before, answer for it within the context.

    It is put where no layer keeps track of what is set, so that the layer itself stays as it is.
    """
    attributes = vars(owner)
    before = getattr(owner, name)
    had_own = attributes.get(name)
    attributes[name] = functools.wraps(before)(method)
    try:
        yield
    finally:
        if had_own is None:
            del attributes[name]
        else:
            attributes[name] = had_own
