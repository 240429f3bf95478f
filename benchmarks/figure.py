"""Curves on two logarithmic axes as an SVG: the same text for the same numbers."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from xml.etree import ElementTree

from tui.widgets.palette import series_color

# Of one panel, in pixels.
WIDTH, HEIGHT = 350, 330
LEFT, RIGHT, TOP, BOTTOM = 60, 10, 30, 45
LEGEND_WIDTH, LEGEND_LINE = 250, 19
GRID, INK = "#d0d7de", "#1f2328"


@dataclass(frozen=True)
class Line:
    """A curve in the colour of a palette index; points that are not positive are an error."""

    label: str
    color: int
    points: Sequence[tuple[float, float]]
    is_dashed: bool = False

    @property
    def stroke(self) -> dict[str, str]:
        """How it is drawn."""
        red, green, blue = series_color(self.color, dark=False)
        stroke = {"stroke": f"#{red:02x}{green:02x}{blue:02x}", "stroke-width": "1.8"}
        return stroke | ({"stroke-dasharray": "5 4"} if self.is_dashed else {})


@dataclass(frozen=True)
class Panel:
    """A plot with curves."""

    title: str
    x_label: str
    x_ticks: Sequence[int]
    lines: Sequence[Line]


def draw(panels: Sequence[Panel]) -> str:
    """Return panels side by side, with one legend of all their curves at the right."""
    legend = {line.label: line for panel in panels for line in panel.lines}
    step = LEFT + WIDTH + RIGHT
    size = step * len(panels) + LEGEND_WIDTH, TOP + HEIGHT + BOTTOM
    root = ElementTree.Element(
        "svg",
        {
            "xmlns": "http://www.w3.org/2000/svg",
            "viewBox": f"0 0 {size[0]} {size[1]}",
            "width": str(size[0]),
            "height": str(size[1]),
            "font-family": "sans-serif",
            "font-size": "12",
            "fill": INK,
        },
    )
    # A page may be dark; the colours are those of a light background.
    _add(root, "rect", width="100%", height="100%", fill="white")
    for number, panel in enumerate(panels):
        place = f"translate({step * number + LEFT} {TOP})"
        _draw_panel(_add(root, "g", transform=place), panel)
    group = _add(root, "g", {"class": "legend"}, transform=f"translate({step * len(panels)} {TOP})")
    for number, line in enumerate(legend.values()):
        y = LEGEND_LINE * (number + 0.5)
        _add(group, "line", line.stroke, x1="0", x2="26", y1=_text(y), y2=_text(y))
        _label(group, line.label, 32, y + 4, "start")
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode") + "\n"


def _draw_panel(group: ElementTree.Element, panel: Panel) -> None:
    columns = _Axis(min(panel.x_ticks), max(panel.x_ticks), 0, WIDTH)
    values = [y for line in panel.lines for _, y in line.points] or [1]
    decades = range(math.floor(math.log10(min(values))), math.ceil(math.log10(max(values))) + 1)
    rows = _Axis(10.0 ** decades[0], 10.0 ** max(decades[-1], decades[0] + 1), HEIGHT, 0)
    for tick in panel.x_ticks:
        x = columns.at(tick)
        _add(group, "line", x1=x, x2=x, y1="0", y2=str(HEIGHT), stroke=GRID)
        _label(group, f"{tick:,}", float(x), HEIGHT + 17, "middle")
    for exponent in decades:
        y = rows.at(10.0**exponent)
        _add(group, "line", x1="0", x2=str(WIDTH), y1=y, y2=y, stroke=GRID)
        label = f"{10**exponent:,}" if exponent >= 0 else f"{10.0**exponent:g}"
        _label(group, label, -6, float(y) + 4, "end")
    _label(group, panel.title, WIDTH / 2, -11, "middle", {"font-weight": "bold"})
    _label(group, panel.x_label, WIDTH / 2, HEIGHT + 36, "middle")
    for line in panel.lines:
        places = [(columns.at(x), rows.at(y)) for x, y in line.points]
        corners = " ".join(f"{x},{y}" for x, y in places)
        drawn = _add(group, "polyline", line.stroke, points=corners, fill="none")
        _add(drawn, "title").text = line.label
        for x, y in places:
            _add(group, "circle", cx=x, cy=y, r="2.4", fill=line.stroke["stroke"])


@dataclass(frozen=True)
class _Axis:
    """A logarithmic scale from one pixel to another."""

    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> str:
        """Return the pixel of a value."""
        span = math.log(self.high / self.low)
        share = math.log(value / self.low) / span if span else 0.5
        return _text(self.start + share * (self.end - self.start))


def _add(
    parent: ElementTree.Element,
    tag: str,
    attributes: Iterable[tuple[str, str]] | dict[str, str] = (),
    **more: str,
) -> ElementTree.Element:
    return ElementTree.SubElement(parent, tag, dict(attributes) | more)


def _label(
    parent: ElementTree.Element,
    text: str,
    x: float,
    y: float,
    anchor: str,
    attributes: Iterable[tuple[str, str]] | dict[str, str] = (),
) -> None:
    place = {"x": _text(x), "y": _text(y), "text-anchor": anchor}
    _add(parent, "text", dict(attributes) | place).text = text


def _text(pixel: float) -> str:
    return f"{pixel:.1f}"
