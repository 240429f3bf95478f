"""The theme that a person chose, kept for the next session."""

from __future__ import annotations

import os
from pathlib import Path

from experiments.store import replace


def theme_path() -> Path:
    """`$XDG_STATE_HOME/keras-seq/theme`; without the variable, under `~/.local/state`."""
    state = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
    return Path(state).expanduser() / "keras-seq" / "theme"


def read_theme(path: Path) -> str | None:
    """Its name, if one was kept that can be read."""
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, ValueError):
        return None  # the look of the last session is not worth a refusal to start


def keep_theme(path: Path, name: str) -> None:
    """Keep it; raises `StoreError`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    replace(path, f"{name}\n".encode())
