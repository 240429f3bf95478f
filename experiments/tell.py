"""How whoever waits for something long hears of it."""

from __future__ import annotations

from collections.abc import Callable

Tell = Callable[[str], None]
"""Is told of progress; what it raises ends what it was told of."""
