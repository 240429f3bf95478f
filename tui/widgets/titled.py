"""Titles in the borders of panes."""

from __future__ import annotations

from textual.widget import Widget


def entitle(pane: Widget, title: str, subtitle: str = "") -> None:
    """Set the titles of `pane`.

    Textual draws a pane with all its rows for a title that is set, also for the same one.
    """
    if pane.border_title != title:
        pane.border_title = title
    if (pane.border_subtitle or "") != subtitle:
        pane.border_subtitle = subtitle
