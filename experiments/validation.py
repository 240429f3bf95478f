"""Plain data as typed values: whatever does not fit is refused by its key."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from datetime import date, time
from typing import Any, Literal, get_args, get_origin, get_type_hints

import msgspec

from experiments.errors import RequestError, UnknownNameError


def table(value: Any, where: str) -> Mapping[str, Any]:
    """`value`, which must be a table."""
    if not isinstance(value, Mapping):
        raise RequestError(f"{where}: expected a table. Received: {shown(value)}.")
    return value


def typed(value: Any, kind: Any, where: str) -> Any:
    """`value` as `kind`, or a `RequestError` that begins with the dotted key."""
    if isinstance(value, Mapping) and is_dataclass(kind):
        refuse_unknown(value, [entry.name for entry in fields(kind)], where)
        _refuse_unknown_words(value, kind, where)
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        problem, _, path = str(error).partition(" - at `$")
        inner = path.rstrip("`")
        received: Any = value
        for step in re.findall(r"\w+", inner):
            received = received[int(step) if step.isdigit() else step]
        problem = problem.replace("`", "")
        problem = problem[0].lower() + problem[1:]
        # "expected int, got str" says half of what follows.
        problem = problem.partition(", got ")[0].rstrip(".")
        raise RequestError(f"{where}{inner}: {problem}. Received: {shown(received)}.") from error


def shown(value: Any) -> str:
    """`value` on one line, as a person would write it."""
    return str(value) if isinstance(value, date | time) else repr(value)


def refuse_unknown(document: Mapping[str, Any], known: Iterable[str], where: str) -> None:
    """Raise `UnknownNameError` for a key that is not `known`."""
    known = list(known)
    for key in document:
        if key not in known:
            place = f" in [{where}]" if where else ""
            raise UnknownNameError(f"key{place}", key, known)


def _refuse_unknown_words(document: Mapping[str, Any], kind: Any, where: str) -> None:
    for key, hint in get_type_hints(kind).items():
        if get_origin(hint) is Literal and isinstance(document.get(key), str):
            words = get_args(hint)
            if document[key] not in words:
                raise UnknownNameError(f"value of {where}.{key}", document[key], words)


def refuse_twice(values: Iterable[Any], where: str, way_out: str) -> None:
    """Raise `RequestError` for a value that is there a second time."""
    seen = set()
    for value in values:
        if value in seen:
            raise RequestError(f"{where}: {value!r} is there twice. {way_out}")
        seen.add(value)
