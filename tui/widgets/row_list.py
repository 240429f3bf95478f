"""Lines of text of which some can be chosen; only lines that differ are drawn again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from rich.style import Style
from rich.text import Text
from textual import events
from textual.binding import Binding, BindingType
from textual.color import Color
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from tui.widgets.palette import series_color

MUTED = Style(dim=True)
BOLD = Style(bold=True)


class Row:
    """A line; one without a key cannot be chosen.

    Args:
        text: What it says, or what makes it: of many lines only those on the screen are made.
        key: Its name, or None.
    """

    def __init__(self, text: Text | Callable[[], Text], key: str | None = None) -> None:
        self._source = text
        self.key = key

    @cached_property
    def text(self) -> Text:
        """What it says."""
        return self._source if isinstance(self._source, Text) else self._source()


class RowList(ScrollView, can_focus=True):
    """A list that subclasses fill by overriding `make_rows`."""

    ALLOW_SELECT = False

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Up", show=False, id="list.up", tooltip="One line up"),
        Binding("down,j", "move(1)", "Down", show=False, id="list.down", tooltip="One line down"),
        Binding("home", "move(-100000)", "First", show=False, id="list.first", tooltip="First"),
        Binding("end", "move(100000)", "Last", show=False, id="list.last", tooltip="Last line"),
        Binding("pageup", "page(-1)", "Page up", show=False, id="list.page_up", tooltip="Page up"),
        Binding(
            "pagedown", "page(1)", "Page down", show=False, id="list.page_down", tooltip="Page down"
        ),
        Binding("enter", "open", "Open", id="list.open", tooltip="Open the chosen line"),
    ]

    COMPONENT_CLASSES: ClassVar[set[str]] = {"row-list--cursor", "row-list--heading"}

    DEFAULT_CSS = """
    RowList {
        height: 1fr;
        scrollbar-size: 1 1;
        .row-list--heading { text-style: bold; color: $foreground 70%; }
        .row-list--cursor { background: $foreground 12%; }
        &:focus .row-list--cursor { background: $block-cursor-background 35%; }
    }
    """

    @dataclass
    class Highlighted(Message):
        """Another line is under the cursor."""

        list: RowList
        key: str | None

        @property
        def control(self) -> RowList:
            """The list, for `@on` selectors."""
            return self.list

    @dataclass
    class Opened(Message):
        """The line under the cursor was opened by key or by a second click."""

        list: RowList
        key: str

        @property
        def control(self) -> RowList:
            """The list, for `@on` selectors."""
            return self.list

    def __init__(self, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._heading: Text | None = None
        self.rows: Sequence[Row] = ()
        """What was last made."""
        self._made_for: tuple[int, bool] | None = None
        self.key: str | None = None
        """The key of the line under the cursor."""

    def make_rows(self, width: int) -> tuple[Text | None, Sequence[Row]]:
        """The heading and the lines for a width."""
        raise NotImplementedError

    def color(self, index: int | None) -> Style:
        """The style of a palette index; muted without one."""
        if index is None:
            return MUTED
        red, green, blue = series_color(index, self.app.current_theme.dark)
        return Style(color=Color(red, green, blue).rich_color)

    def remake(self) -> None:
        """Make the lines again and draw those that differ."""
        # Without the scrollbar's column, which the content has whether one is shown or not.
        width = self.content_size.width - self.styles.scrollbar_size_vertical
        if width <= 0:
            return
        heading, rows = self.make_rows(width)
        before, self.rows = self.rows, rows
        made_for = (width, self.app.current_theme.dark)
        top = 0 if heading is None else 1
        if made_for != self._made_for or heading != self._heading or len(before) != len(rows):
            self._heading, self._made_for = heading, made_for
            self.virtual_size = Size(width, len(rows) + top)
            self.refresh()
        else:
            # Those out of sight are drawn when they come into it.
            first, last = self.scroll_offset.y, self.scroll_offset.y + self.size.height
            for y, (old, new) in enumerate(zip(before[first:last], rows[first:last], strict=True)):
                if old is new:
                    continue
                if old.text != new.text or old.text.spans != new.text.spans:
                    self._refresh_row(first + y)
        keys = [row.key for row in rows if row.key is not None]
        if self.key not in keys:
            self.choose(self.first_choice(keys) if keys else None)

    def first_choice(self, keys: Sequence[str]) -> str:
        """Where the cursor begins, of the lines that can be chosen."""
        return keys[0]

    def choose(self, key: str | None) -> None:
        """Put the cursor on the line called `key`."""
        if key == self.key:
            return
        for y, row in enumerate(self.rows):
            if row.key is not None and row.key in (key, self.key):
                self._refresh_row(y)
                if row.key == key:
                    self._show_row(y)
        could_open = self.check_action("open", ())
        self.key = key
        self.post_message(self.Highlighted(self, key))
        if self.check_action("open", ()) is not could_open:
            self.refresh_bindings()

    def _refresh_row(self, y: int) -> None:
        line = y + self._top - self.scroll_offset.y
        self.refresh(Region(0, line, self.size.width, 1))

    def _show_row(self, y: int) -> None:
        room = max(self.content_size.height - self._top, 1)
        if y < self.scroll_offset.y:
            # Lines above that cannot be chosen, such as a group's name, come into view too.
            above = y
            while above and self.rows[above - 1].key is None:
                above -= 1
            self.scroll_to(y=above, animate=False)
        elif y >= self.scroll_offset.y + room:
            self.scroll_to(y=y - room + 1, animate=False)

    @property
    def _top(self) -> int:
        return 0 if self._heading is None else 1

    def render_line(self, y: int) -> Strip:
        """The heading, or a line under it."""
        width = self.size.width
        base = self.rich_style
        if y < self._top and self._heading is not None:
            text, style = self._heading, self.get_component_rich_style("row-list--heading")
        else:
            index = y - self._top + self.scroll_offset.y
            if index >= len(self.rows):
                return Strip.blank(width, base)
            row = self.rows[index]
            text, style = row.text, base
            if row.key is not None and row.key == self.key:
                cursor = self.get_component_styles("row-list--cursor")
                background = self.background_colors[1] + cursor.background
                style = base + Style(bgcolor=background.rich_color)
        if text.cell_len > width:
            text = text.copy()
            text.truncate(width, overflow="ellipsis")
        segments = [segment for segment in text.render(self.app.console) if segment.text != "\n"]
        strip = Strip(segments).adjust_cell_length(width)
        return strip.apply_style(style).crop(0, width)

    def on_resize(self) -> None:
        """Lines are made for a width."""
        self.remake()

    def notify_style_update(self) -> None:
        """Colours may have changed."""
        super().notify_style_update()
        if self.is_mounted:
            self.remake()

    def on_click(self, event: events.Click) -> None:
        """Choose the line under the mouse; open it when clicked again."""
        offset = event.get_content_offset(self)
        if offset is None:
            return
        if offset.y < self._top:
            self.heading_clicked(offset.x)
            return
        index = offset.y - self._top + self.scroll_offset.y
        if index < len(self.rows) and (key := self.rows[index].key) is not None:
            if key == self.key:
                self.action_open()
            else:
                self.choose(key)

    def heading_clicked(self, x: int) -> None:
        """The heading was clicked at column `x`. Nothing happens unless subclasses say so."""

    def action_move(self, lines: int) -> None:
        """Move the cursor over lines that can be chosen."""
        keys = [row.key for row in self.rows if row.key is not None]
        if keys:
            at = keys.index(self.key) if self.key in keys else 0
            self.choose(keys[min(max(at + lines, 0), len(keys) - 1)])

    def action_page(self, pages: int) -> None:
        """Move the cursor by what fits on the screen."""
        self.action_move(pages * max(self.content_size.height - self._top - 1, 1))

    def can_open(self, key: str) -> bool:
        """Whether there is something to open on the line called `key`."""
        return True

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Enter works only on a line that can be opened."""
        return action != "open" or (self.key is not None and self.can_open(self.key))

    def action_open(self) -> None:
        """Open the line under the cursor."""
        if self.key is not None and self.can_open(self.key):
            self.post_message(self.Opened(self, self.key))
