"""In what the models differ: one line for each setting, one column for each model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.text import Text
from textual.reactive import reactive

from experiments.distinctions import Distinction, Distinctions
from tui.formatting import UNKNOWN
from tui.widgets.palette import series_letter
from tui.widgets.row_list import BOLD, MUTED, Row, RowList

_GAP = 2


class DistinctionList(RowList):
    """A table where it fits, else each setting with its values beneath."""

    HELP = """
    # Differs

    The settings in which the models differ, a line for each; those that all have alike are left
    out.
    """

    distinctions: reactive[Distinctions | None] = reactive(None)

    def watch_distinctions(self) -> None:
        """Show what changed."""
        self.remake()

    def make_rows(self, width: int) -> tuple[Text | None, Sequence[Row]]:
        """The settings that differ, those of the model first."""
        found = self.distinctions
        if found is None:
            return None, ()
        if not found.differing:
            return None, (Row(Text("Nothing.", MUTED)),)
        keys = max(len(row.key) for row in found.differing)
        columns = [[_said(row, model) for row in found.differing] for model in found.models]
        heads = [f"{series_letter(i)} {model}" for i, model in enumerate(found.models)]
        for shown in (heads, [head[0] for head in heads]):
            widths = [max(len(head), *map(len, c)) for head, c in zip(shown, columns, strict=True)]
            if keys + sum(widths) + _GAP * len(widths) <= width:
                return self._table(found, keys, shown, widths, columns)
        return None, self._paragraphs(found, width)

    def can_open(self, key: str) -> bool:
        """All there is stands in the line."""
        return False

    def _table(
        self,
        found: Distinctions,
        keys: int,
        heads: Sequence[str],
        widths: Sequence[int],
        columns: Sequence[Sequence[str]],
    ) -> tuple[Text, list[Row]]:
        gap = " " * _GAP
        head = Text(" " * keys)
        for i, (title, width) in enumerate(zip(heads, widths, strict=True)):
            head.append(gap)
            head.append(title.ljust(width), self.color(i))
        rows = []
        for line, row in enumerate(found.differing):
            text = Text(row.key.ljust(keys), MUTED)
            for column, width in zip(columns, widths, strict=True):
                text.append(gap + column[line].ljust(width), BOLD)
            rows.append(Row(text, row.key))
        return head, rows

    def _paragraphs(self, found: Distinctions, width: int) -> list[Row]:
        rows = []
        for row in found.differing:
            rows.append(Row(Text(row.key, BOLD), row.key))
            line = Text(" ")
            for i, model in enumerate(found.models):
                part = Text.assemble((f" {series_letter(i)} ", self.color(i)), (_said(row, model)))
                if line.cell_len + part.cell_len > width:
                    rows.append(Row(line))
                    line = Text(" ")
                line.append_text(part)
            rows.append(Row(line))
        return rows


def _said(row: Distinction, model: str) -> str:
    value: Any = row.values.get(model, UNKNOWN)
    return f"{value:g}" if isinstance(value, float) else str(value)
