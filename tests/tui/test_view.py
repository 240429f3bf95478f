import pytest

from tui.widgets.view import panned, zoomed

WHOLE = (0.0, 100.0)


@pytest.mark.parametrize("view", [(0.0, 100.0), (20.0, 30.0), (-50.0, 150.0)])
@pytest.mark.parametrize("place", [0.0, 0.3, 1.0])
def test_zooming_keeps_the_centre_in_its_place(view, place):
    low, high = view
    centre = low + place * (high - low)

    near = zoomed(view, WHOLE, centre, 1)

    assert near[1] - near[0] == pytest.approx((high - low) / 2)
    assert (centre - near[0]) / (near[1] - near[0]) == pytest.approx(place)


def test_zooming_out_undoes_zooming_in():
    near = zoomed((20.0, 60.0), WHOLE, 30.0, 1)

    assert zoomed(near, WHOLE, 30.0, -1) == pytest.approx((20.0, 60.0))


def test_zooming_out_to_all_data_follows_it_again():
    assert zoomed((20.0, 80.0), WHOLE, 50.0, -1) is None


def test_the_smallest_view_stays():
    view = (1.0, 1.0 + 1e-11)

    assert zoomed(view, WHOLE, 1.0, 1) == view


@pytest.mark.parametrize(
    ("view", "direction", "expected"),
    [
        ((20.0, 60.0), 1, (30.0, 70.0)),
        ((20.0, 60.0), -1, (10.0, 50.0)),
        # As far as the data goes, and a view beyond it does not jump back.
        ((55.0, 95.0), 1, (60.0, 100.0)),
        ((5.0, 45.0), -1, (0.0, 40.0)),
        ((90.0, 130.0), 1, (90.0, 130.0)),
        ((-30.0, 10.0), -1, (-30.0, 10.0)),
    ],
)
def test_panning(view, direction, expected):
    assert panned(view, WHOLE, direction) == expected
