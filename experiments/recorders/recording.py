"""What was seen at one step of training, as a file: arrays with what their axes are, no pickle."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np

from experiments.errors import StoreError
from experiments.recorders.trace import Trace

SCHEMA = 1
INDEX = "index"
"""The entry that says what the others are."""


@dataclass(frozen=True, eq=False)
class Recording:
    """What was seen after so many updates."""

    step: int
    traces: tuple[Trace, ...]

    def find(self, name: str) -> tuple[Trace, ...]:
        """The traces of a name, of each layer that has one."""
        return tuple(trace for trace in self.traces if trace.name == name)


class _Entry(msgspec.Struct, frozen=True):
    """What the array of the same number is."""

    name: str
    layer: str
    axes: tuple[str, ...]
    labels: dict[str, tuple[str, ...]]
    places: tuple[str, ...]
    """The axes whose places stand in arrays `NUMBER.AXIS`."""


class _Index(msgspec.Struct, frozen=True):
    schema: int
    step: int
    entries: tuple[_Entry, ...]


def encode(step: int, traces: Sequence[Trace]) -> bytes:
    """A `.npz` file: the arrays by number, their places, and an index in JSON."""
    arrays, entries = {}, []
    for number, trace in enumerate(traces):
        arrays[str(number)] = trace.values
        arrays.update({f"{number}.{axis}": places for axis, places in trace.places.items()})
        entries.append(
            _Entry(trace.name, trace.layer, trace.axes, dict(trace.labels), tuple(trace.places))
        )
    index = msgspec.json.encode(_Index(SCHEMA, step, tuple(entries)))
    file = io.BytesIO()
    # Not compressed, which takes longer than all the rest.
    np.savez(file, **{INDEX: np.frombuffer(index, np.uint8)}, **arrays)  # type: ignore[arg-type]
    return file.getvalue()


def read_recording(path: Path) -> Recording:
    """The recording at `path`; raises `StoreError` where there is none that can be read."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            index = msgspec.json.decode(arrays[INDEX].tobytes(), type=_Index)
            if index.schema > SCHEMA:
                raise StoreError(
                    f"{path} was written by a newer keras-seq "
                    f"(schema {index.schema}, this one reads {SCHEMA}). Upgrade keras-seq."
                )
            traces = tuple(
                Trace(
                    entry.name,
                    entry.layer,
                    entry.axes,
                    arrays[str(number)],
                    {axis: arrays[f"{number}.{axis}"] for axis in entry.places},
                    entry.labels,
                )
                for number, entry in enumerate(index.entries)
            )
    except OSError as error:
        raise StoreError(f"Cannot read {path}: {error.strerror or error}.") from error
    except (ValueError, KeyError, EOFError, zipfile.BadZipFile, msgspec.DecodeError) as error:
        raise StoreError(f"{path} is damaged: {error}.") from error
    return Recording(index.step, traces)
