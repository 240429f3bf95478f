from __future__ import annotations

import pytest
from rich.console import Console

from tui.fitted_table import Column, fitted_table

COLUMNS = (
    Column("model", ["gru", "bidirectional_lstm"], "left"),
    Column("mean", ["0.5", "0.25"]),
    Column("first to go", ["1", "2"], gives_way=2),
    Column("next", ["3", "4"], gives_way=1),
    Column("remark", ["", "1 of 3 seeds failed: not ranked"], "left", wraps=True),
)


def printed(width: int) -> str:
    console = Console(width=width, color_system=None)
    with console.capture() as capture:
        console.print(fitted_table(console, "title", "caption", COLUMNS, muted=[False, True]))
    return capture.get()


@pytest.mark.parametrize(
    ("width", "left_out"),
    [
        (200, set()),
        # Least widths 18, 4, 11, 4 and 16, three more for each frame, and the last border.
        (69, set()),
        (68, {"first to go"}),
        (55, {"first to go"}),
        (54, {"first to go", "next"}),
    ],
)
def test_columns_give_way_in_order(width: int, left_out: set[str]) -> None:
    text = printed(width)
    for column in COLUMNS:
        assert (column.heading in text) == (column.heading not in left_out)
    assert max(map(len, text.splitlines())) <= width


@pytest.mark.parametrize("width", range(48, 120, 5))
def test_what_is_shown_is_whole(width: int) -> None:
    text = printed(width)
    assert "…" not in text
    assert "bidirectional_lstm" in text
    for word in ["1", "of", "3", "seeds", "failed:", "not", "ranked"]:
        assert word in text


def test_a_narrow_terminal_keeps_what_matters() -> None:
    text = printed(30)
    assert "0.25" in text
    assert "next" not in text
