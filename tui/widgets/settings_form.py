"""Fields for the settings of a dataclass, with their defaults and what they mean."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import textwrap
from itertools import pairwise
from typing import Any

from textual.app import ComposeResult
from textual.containers import Horizontal, VerticalGroup
from textual.widgets import Input, Label


def field_docs(cls: type) -> dict[str, str]:
    """The sentence under each field of a dataclass, inherited ones included."""
    docs: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        if dataclasses.is_dataclass(base):
            docs |= _own_docs(base)
    return docs


def _own_docs(cls: type) -> dict[str, str]:
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(cls)))
    except (OSError, TypeError, SyntaxError):  # a class without a source file has no docs
        return {}
    body = tree.body[0].body if isinstance(tree.body[0], ast.ClassDef) else []
    return {
        field.target.id: doc.value.value
        for field, doc in pairwise(body)
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and isinstance(doc, ast.Expr)
        and isinstance(doc.value, ast.Constant)
        and isinstance(doc.value.value, str)
    }


class SettingsForm(VerticalGroup):
    """One input per field; those that differ from the default are `assignments`.

    Args:
        section: `task` or `budget`, the first part of every key.
        cls: The dataclass.
        defaults: Values by field.
    """

    DEFAULT_CSS = """
    SettingsForm {
        Horizontal { height: auto; }
        Label { width: 18; }
        Input { width: 16; }
        .doc { width: 1fr; height: auto; padding: 0 1; color: $foreground 60%; }
    }
    """

    def __init__(self, section: str, cls: type, defaults: dict[str, Any]) -> None:
        super().__init__()
        self._section = section
        self._docs = field_docs(cls)
        self._defaults = {key: str(value) for key, value in defaults.items()}

    def compose(self) -> ComposeResult:
        """A line per field."""
        for key, value in self._defaults.items():
            with Horizontal():
                yield Label(key)
                yield Input(value, id=f"{self._section}-{key}", compact=True)
                yield Label(self._docs.get(key, ""), classes="doc", markup=False)

    @property
    def assignments(self) -> list[str]:
        """`task.length=200` for each field that is not at its default."""
        found = []
        for key, default in self._defaults.items():
            value = self.query_one(f"#{self._section}-{key}", Input).value.strip()
            if value != default:
                found.append(f"{self._section}.{key}={value}")
        return found
