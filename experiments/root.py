"""Where experiments live."""

from __future__ import annotations

import os
from pathlib import Path

ROOT_VARIABLE = "KERAS_SEQ_ROOT"


def default_root() -> Path:
    """Where experiments live unless `--root` says otherwise."""
    return Path(os.environ.get(ROOT_VARIABLE) or "runs")
