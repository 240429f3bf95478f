"""What this machine has: `keras-seq doctor`."""

from __future__ import annotations

from tui.doctor import diagnose
from tui.options import ROOT, Json, Root


def doctor(as_json: Json = False, root: Root = ROOT) -> int:
    """Say what this machine has: backend, devices, versions, terminal, root."""
    return diagnose(root, as_json=as_json)
