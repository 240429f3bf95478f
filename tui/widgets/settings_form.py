"""Fields for the settings of a dataclass, with their defaults and what they mean."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import textwrap
from collections.abc import Mapping
from itertools import pairwise
from typing import Any, Literal, get_args, get_origin, get_type_hints

from textual.app import ComposeResult
from textual.containers import VerticalGroup

from tui.widgets.field import Field


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
    """A field for each setting; those that differ from what stood in them are `assignments`.

    Args:
        section: `task`, `budget`, `protocol` or `models.LABEL`, the first part of every key.
        cls: The dataclass.
        defaults: Values by setting.
        is_open: Whether the fields are empty, and hold the defaults until something is typed:
            then what is typed counts as given, even where it is the default.
    """

    def __init__(
        self, section: str, cls: type, defaults: Mapping[str, Any], *, is_open: bool = False
    ) -> None:
        super().__init__()
        self._section, self._cls = section, cls
        self._defaults = {key: written(value) for key, value in defaults.items()}
        self._is_open = is_open

    def compose(self) -> ComposeResult:
        """A line per setting."""
        docs, kinds = field_docs(self._cls), get_type_hints(self._cls)
        for key, value in self._defaults.items():
            yield Field(
                f"{self._section}.{key}",
                "" if self._is_open else value,
                docs.get(key, ""),
                value if self._is_open else "",
                choices_of(kinds.get(key)),
                id=None if self._is_open else f"{self._section}-{key}",
            )

    @property
    def assignments(self) -> list[str]:
        """`task.length=200` for each setting that is not as it was."""
        return [
            f"{field.key}={field.value}"
            for field in self.query(Field)
            if field.value != field.default
        ]


def written(value: Any) -> str:
    """A value as `--set` reads it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple | list):
        return (
            "["
            + ", ".join(f"{one:g}" if isinstance(one, float) else str(one) for one in value)
            + "]"
        )
    return str(value)


def choices_of(kind: Any) -> tuple[str, ...]:
    """All values of a switch or of a choice of words; none where others are possible."""
    if kind is bool:
        return ("true", "false")
    if get_origin(kind) is Literal:
        return tuple(map(str, get_args(kind)))
    return ()
