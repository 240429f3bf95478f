"""What `--set` says: one setting of an experiment's document, changed."""

from __future__ import annotations

import tomllib
from typing import Any

from experiments.config import label_of, model_entries
from experiments.errors import RequestError, UnknownNameError
from experiments.validation import table


def set_value(document: dict[str, Any], assignment: str) -> None:
    """Carry out one `--set KEY=VALUE`, such as `task.length=200` or `models.lstm.units=32`.

    The value is read as TOML where it is TOML and as text otherwise.
    """
    key, equals, text = assignment.partition("=")
    path = key.strip().split(".")
    if not equals or len(path) < 2:
        raise RequestError(
            f"--set: expected SECTION.KEY=VALUE, such as task.length=200. Received: {assignment!r}."
        )
    sections = ("task", "budget", "protocol", "alerts", "models")
    if path[0] not in sections:
        raise UnknownNameError("--set section", path[0], sections)
    if path[0] == "models":
        document["models"] = model_entries(document)
        entries = {str(label_of(entry)): entry for entry in document["models"]}
        # A label may hold dots (`module:attribute` does); the field is what follows the last one.
        label = ".".join(path[1:-1])
        if len(path) < 3 or label not in entries:
            raise UnknownNameError("model of this experiment", label or path[1], entries)
        target = entries[label]
    else:
        if len(path) != 2:
            raise RequestError(f"--set: expected {path[0]}.KEY=VALUE. Received: {assignment!r}.")
        target = document.setdefault(path[0], {})
        table(target, path[0])
    target[path[-1]] = _value(text.strip())


def _value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
