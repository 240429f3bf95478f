"""The figure shows every curve, where its numbers say."""

from xml.etree import ElementTree

import pytest

from benchmarks.figure import Line, Panel, draw

SVG = "{http://www.w3.org/2000/svg}"
TICKS = (64, 256, 1024)
LINES = (
    Line("cube < other", 0, [(n, n**3) for n in TICKS]),
    Line("half", 1, [(n, n / 2) for n in TICKS[:2]], is_dashed=True),
    Line("nothing", 2, []),
)
PANELS = (Panel("left", "x", TICKS, LINES), Panel("right", "x", TICKS, LINES[1:]))


@pytest.fixture(scope="module")
def panels() -> list[ElementTree.Element]:
    """The groups of both panels and, last, that of the legend."""
    return ElementTree.fromstring(draw(PANELS)).findall(f"{SVG}g")


def texts(group: ElementTree.Element) -> list[str | None]:
    return [element.text for element in group.iter(f"{SVG}text")]


def corners(group: ElementTree.Element) -> dict[str | None, list[tuple[float, float]]]:
    """The points of every curve, by its label."""
    return {
        line.findtext(f"{SVG}title"): [
            (float(x), float(y)) for x, y in (p.split(",") for p in line.get("points").split())
        ]
        for line in group.iter(f"{SVG}polyline")
    }


@pytest.mark.parametrize("number", [0, 1])
def test_every_line_is_a_polyline_of_its_points(panels, number):
    lengths = {label: len(points) for label, points in corners(panels[number]).items()}
    assert lengths == {line.label: len(line.points) for line in PANELS[number].lines}
    circles = list(panels[number].iter(f"{SVG}circle"))
    assert len(circles) == sum(lengths.values())


def test_the_legend_names_each_line_once(panels):
    assert texts(panels[2]) == [line.label for line in LINES]


def test_axes_have_titles_and_ticks(panels):
    decades = ["10", "100", "1,000", "10,000", "100,000", "1,000,000", "10,000,000", "100,000,000"]
    extremes = ["1,000,000,000", "10,000,000,000"]
    assert texts(panels[0]) == ["64", "256", "1,024", *decades, *extremes, "left", "x"]


def test_small_decades_keep_their_digits():
    line = Line("small", 0, [(1, 0.002), (2, 3.0)])
    group = ElementTree.fromstring(draw([Panel("", "", (1, 2), [line])])).find(f"{SVG}g")
    assert texts(group)[2:7] == ["0.001", "0.01", "0.1", "1", "10"]


def test_a_power_is_a_straight_line_from_edge_to_edge(panels):
    (x0, y0), (x1, y1), (x2, y2) = corners(panels[0])["cube < other"]
    assert x0 == 0
    assert x1 - x0 == pytest.approx(x2 - x1, abs=0.1)
    assert y1 - y0 == pytest.approx(y2 - y1, abs=0.1)
    assert y2 < y1  # upwards


def test_a_point_lies_where_its_ticks_meet():
    line = Line("round", 0, [(64, 10), (256, 1000)])
    group = ElementTree.fromstring(draw([Panel("", "", TICKS, [line])])).find(f"{SVG}g")
    places = {
        element.text: (float(element.get("x")), float(element.get("y")))
        for element in group.iter(f"{SVG}text")
    }
    (x0, y0), (x1, y1) = corners(group)["round"]
    assert (x0, x1) == (places["64"][0], places["256"][0])
    assert (y0 + 4, y1 + 4) == (places["10"][1], places["1,000"][1])  # the height of a digit


def test_peers_are_dashed_in_the_colour_of_their_index(panels):
    drawn = {line.findtext(f"{SVG}title"): line for line in panels[0].iter(f"{SVG}polyline")}
    assert [bool(drawn[line.label].get("stroke-dasharray")) for line in LINES] == [
        False,
        True,
        False,
    ]
    assert len({line.get("stroke") for line in drawn.values()}) == len(LINES)
