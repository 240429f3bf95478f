"""The part of the x axis in view, which zooming and panning change."""

from __future__ import annotations

from tui.widgets.axis import widened

View = tuple[float, float]

_ZOOM = 0.5
_PAN = 0.25


def zoomed(view: View, whole: View, centre: float, direction: int) -> View | None:
    """The view at half (direction 1) or twice (-1) the width.

    Args:
        view: What is in view now.
        whole: The range of the data.
        centre: The value that keeps its place.
        direction: 1 for in, -1 for out.

    Returns:
        The new view; the same one where there is nothing left to magnify. None where all data
        is in view again.
    """
    factor = _ZOOM if direction > 0 else 1 / _ZOOM
    low, high = (centre + (end - centre) * factor for end in view)
    if direction < 0 and low <= whole[0] and high >= whole[1]:
        return None
    return (low, high) if widened(low, high) == (low, high) else view


def panned(view: View, whole: View, direction: int) -> View:
    """The view moved by a quarter of its width, as far as the data goes.

    Args:
        view: What is in view now.
        whole: The range of the data.
        direction: 1 towards the end, -1 towards the start.
    """
    return moved(view, whole, (view[1] - view[0]) * _PAN * direction)


def moved(view: View, whole: View, distance: float) -> View:
    """The view moved by a distance along the x axis, as far as the data goes.

    Args:
        view: What is in view now.
        whole: The range of the data.
        distance: Positive towards the end.
    """
    low, high = view
    distance = min(max(distance, min(whole[0] - low, 0)), max(whole[1] - high, 0))
    return low + distance, high + distance
