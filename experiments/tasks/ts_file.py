"""Reads `.ts` files: time series with classes, as the UCR and UEA archives have them."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from experiments.errors import RequestError


class LabelledSeries(NamedTuple):
    """What a `.ts` file holds, axis 0 in step."""

    values: NDArray[np.float64]
    """`(series, steps, channels)`."""
    classes: NDArray[np.int32]
    """Numbers of the names."""
    names: tuple[str, ...]
    """Of the classes, in the order the file declares them."""


def read_ts(path: Path) -> LabelledSeries:
    """The series in the file at `path`; raises `RequestError` saying what cannot be read.

    A file is lines: comments after `#`; declarations after `@`, of which `@classLabel true NAMES`
    is needed; `@data`; and then a series a line, its channels and its class separated by colons,
    the values of a channel by commas. Series of several lengths, missing values and time stamps
    are refused.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise RequestError(f"Cannot read {path}: {reason}.") from error
    names: tuple[str, ...] = ()
    has_begun = False
    series: list[list[list[float]]] = []
    classes: list[int] = []
    for number, line in enumerate(map(str.strip, lines), start=1):
        try:
            if not line or line.startswith("#"):
                continue
            if has_begun:
                *channels, name = line.split(":")
                series.append([[float(value) for value in part.split(",")] for part in channels])
                _check_form(series)
                if name not in names:
                    raise ValueError(f"expected a class among {', '.join(names)}. Received: {name}")
                classes.append(names.index(name))
                continue
            key, *words = line.split()
            match key.lower(), words:
                case "@data", _:
                    has_begun = True
                case "@classlabel", ["true", *declared]:
                    names = tuple(declared)
                case "@timestamps", ["true"]:
                    raise ValueError("time stamps are not read")
        except ValueError as error:
            raise RequestError(f"{path}, line {number}: {error}.") from error
    if not series:
        raise RequestError(f"{path}: expected series after a line @data. Received: none.")
    values = np.array(series).transpose(0, 2, 1)
    return LabelledSeries(values, np.array(classes, np.int32), names)


def _check_form(series: list[list[list[float]]]) -> None:
    """Whether the last of the series is as wide and as long as the first."""
    expected, found = ([len(channel) for channel in each] for each in (series[0], series[-1]))
    if found != expected or len(set(found)) != 1:
        raise ValueError(f"expected channels of {expected} values. Received: {found}")
