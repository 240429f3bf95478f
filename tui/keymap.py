"""A person's own keys: what each binding is called, and the file that gives it other keys."""

from __future__ import annotations

import importlib
import inspect
import os
import pkgutil
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from textual.app import App
from textual.binding import Binding
from textual.dom import DOMNode
from textual.keys import Keys, _character_to_key
from textual.screen import ModalScreen, Screen

from experiments.errors import RequestError, UnknownNameError

_NAMES = frozenset(key.value for key in Keys) | set(
    map(_character_to_key, map(chr, range(33, 127)))
)
_MODIFIERS = frozenset(("alt", "ctrl", "meta", "shift", "super"))


@dataclass(frozen=True)
class Bound:
    """What one name in a keymap stands for."""

    id: str
    keys: tuple[str, ...]
    tooltip: str


def keymap_path() -> Path:
    """`$XDG_CONFIG_HOME/keras-seq/keymap.toml`; without the variable, under `~/.config`."""
    config = os.environ.get("XDG_CONFIG_HOME") or "~/.config"
    return Path(config).expanduser() / "keras-seq" / "keymap.toml"


def nodes() -> set[type[DOMNode]]:
    """Our app, and every screen and widget; imports them all."""
    from tui import screens, widgets

    names = ["tui.app"]
    for package in (screens, widgets):
        found_here = pkgutil.iter_modules(package.__path__, f"{package.__name__}.")
        names += [module.name for module in found_here]
    return {
        kind
        for name in names
        for _, kind in inspect.getmembers(importlib.import_module(name), inspect.isclass)
        if issubclass(kind, DOMNode) and kind.__module__.startswith("tui.")
    }


def _bindings(kind: type[DOMNode]) -> Iterator[Binding]:
    """Those of ours that a class has, inherited ones included."""
    for base in inspect.getmro(kind):
        for binding in vars(base).get("BINDINGS", ()):
            if isinstance(binding, Binding) and binding.id and base.__module__.startswith("tui."):
                yield binding


def all_bound() -> dict[str, Bound]:
    """Everything that can have another key, by name."""
    found: dict[str, Bound] = {}
    for kind in sorted(nodes(), key=lambda kind: (kind.__module__, kind.__qualname__)):
        for binding in _bindings(kind):
            keys = tuple(key.strip() for key in binding.key.split(","))
            new = Bound(binding.id or "", keys, binding.tooltip)
            before = found.setdefault(new.id, new)
            if not set(keys) <= set(before.keys):
                found[new.id] = replace(before, keys=tuple(dict.fromkeys(before.keys + keys)))
    return dict(sorted(found.items()))


def read_keymap(path: Path) -> dict[str, str]:
    """The keys of each binding that `path` gives others, as Textual wants them.

    Nothing where there is no such file. Raises `RequestError`.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise RequestError(f"Cannot read the keymap {path}: {error}.") from error
    bound = all_bound()
    found = {}
    for name, keys in _flat(document):
        if name not in bound:
            raise UnknownNameError(f"binding in {path}", name, bound)
        found[name] = ",".join(_checked(path, name, keys))
    _check_clashes(path, found)
    return found


def own_keymap(named: Path | None = None) -> dict[str, str]:
    """That of the file that a person has named, or else the one at `keymap_path`, if any.

    Raises `RequestError`.
    """
    if named is not None and not named.exists():
        raise RequestError(
            "--keymap: expected a file, such as keras-seq keys --toml prints. "
            f"Received: {named}, which does not exist."
        )
    return read_keymap(named or keymap_path())


def _flat(document: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    """`plot.log = "y"` is a table in a table to TOML."""
    for key, value in document.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{before}{key}.")
        else:
            yield before + key, value


def _checked(path: Path, name: str, keys: Any) -> list[str]:
    keys = [keys] if isinstance(keys, str) else keys
    if not isinstance(keys, list) or not keys or not all(map(_is_key, keys)):
        raise RequestError(
            f"{path}: expected a key or a list of keys, such as 'y' or ['f5', 'ctrl+r']. "
            f"Received: {name} = {keys!r}."
        )
    return [_long(key) for key in keys]


def _is_key(key: Any) -> bool:
    if not isinstance(key, str) or "," in key:
        return False
    *modifiers, last = key.split("+") if len(key) > 1 else (key,)
    return (len(last) == 1 or last in _NAMES) and set(modifiers) <= _MODIFIERS


def _long(key: str) -> str:
    (name,) = App._normalize_keymap({"": key}).values()
    return str(name)


def _check_clashes(path: Path, keymap: Mapping[str, str]) -> None:
    """No key may do two things on one screen, or on one widget."""
    from tui.app import KerasSeqApp

    for kind in sorted(nodes(), key=lambda kind: kind.__qualname__):
        # A question takes all keys for itself.
        is_alone = not issubclass(kind, Screen) or issubclass(kind, ModalScreen)
        around = () if is_alone else _bindings(KerasSeqApp)
        owners: dict[str, str] = {}
        for binding in (*_bindings(kind), *around):
            name = binding.id or ""
            for key in keymap.get(name, binding.key).split(","):
                other = owners.setdefault(key, name)
                if other != name and (name in keymap or other in keymap):
                    changed, kept = (name, other) if name in keymap else (other, name)
                    raise RequestError(
                        f"{path}: {kept} has the key {key}, too; give it another one. "
                        f"Received: {changed} = {keymap[changed]!r}."
                    )


def as_toml(bound: Mapping[str, Bound]) -> str:
    """A keymap that changes nothing, to begin with."""
    lines = []
    for one in bound.values():
        quoted = [f'"{key}"' for key in one.keys]
        keys = quoted[0] if len(quoted) == 1 else f"[{', '.join(quoted)}]"
        lines.append(f"{one.id} = {keys}  # {one.tooltip}")
    return "\n".join(lines)
