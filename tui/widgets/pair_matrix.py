"""Who beats whom: every pair of models as a sign in a square, then in a line of its own."""

from __future__ import annotations

from collections.abc import Sequence

from rich.style import Style
from rich.text import Text
from textual.reactive import reactive

from experiments.comparison import Comparison
from tui import wording
from tui.formatting import number, probability, signed
from tui.snapshot import Snapshot
from tui.widgets.palette import series_letter
from tui.widgets.row_list import BOLD, MUTED, Row, RowList

SIGNS = {
    "better": ">",
    "worse": "<",
    "equivalent": "=",
    "cannot tell": "?",
    "too few seeds": "!",
}
"""How what can be said of a row beside a column is drawn."""
_COLORS = {"better": 2, "worse": 5, "equivalent": 0}
_WITH_P = 9
_SIGN = 3


class PairMatrix(RowList):
    """A row and a column for each model, in the order of the leaderboard; the pairs beneath."""

    HELP = """
    # Pairs

    What can be said of the model of a row beside that of a column: > better, < worse, =
    equivalent, ? not told apart, ! too few seeds. Beneath, each pair with the mean difference over
    seeds, the number of seeds, and p-values adjusted for all pairs.
    """

    snapshot: reactive[Snapshot | None] = reactive(None)

    def watch_snapshot(self) -> None:
        """Show what changed."""
        self.remake()

    def make_rows(self, width: int) -> tuple[Text | None, Sequence[Row]]:
        """The square, with p-values where there is room, what the signs mean, and the pairs."""
        if self.snapshot is None:
            return None, ()
        board = self.snapshot.board
        if not board.comparisons:
            return None, (Row(Text("There is only one model.", MUTED)),)
        models = [standing.model for standing in board.standings]
        name = max(map(len, models)) + 4
        cell = _WITH_P if name + _WITH_P * len(models) <= width else _SIGN
        if name + cell * len(models) > width:
            name = 4  # the letter alone
        head = " " * name + "".join(self._letter(model).ljust(cell) for model in models)
        rows = [Row(self._row(model, models, name, cell), model) for model in models]
        rows += [Row(line) for line in self._legend(width)]
        rows += [self._pair(pair, width) for pair in board.comparisons]
        return Text(head), rows

    def can_open(self, key: str) -> bool:
        """Models can; pairs have said everything."""
        standings = self.snapshot.board.standings if self.snapshot else ()
        return any(standing.model == key for standing in standings)

    def _letter(self, model: str) -> str:
        return series_letter(self._index(model))

    def _index(self, model: str) -> int:
        assert self.snapshot is not None
        labels = [choice.label for choice in self.snapshot.view.config.models]
        return labels.index(model)

    def _row(self, model: str, models: Sequence[str], name: int, cell: int) -> Text:
        assert self.snapshot is not None
        text = Text(f"{self._letter(model)} {model}"[: name - 1].ljust(name))
        text.stylize(self.color(self._index(model)) + BOLD)
        for other in models:
            found = self.snapshot.board.comparison(model, other)
            if found is None:
                text.append("·".ljust(cell), MUTED)
                continue
            said = wording.against(found)
            text.append(SIGNS[said], self._style(said))
            is_told = cell == _WITH_P and found.p_holm == found.p_holm
            p = probability(found.p_holm) if is_told else ""
            text.append(f" {p}".ljust(cell - 1), MUTED)
        return text

    def _style(self, said: str) -> Style:
        return self.color(_COLORS[said]) + BOLD if said in _COLORS else MUTED

    def _legend(self, width: int) -> list[Text]:
        """What the signs mean that are on the screen, in as many lines as it takes."""
        assert self.snapshot is not None
        pairs = self.snapshot.board.comparisons
        seen = {wording.against(pair) for pair in pairs}
        seen |= {"better", "worse"} if seen & {"better", "worse"} else set()
        lines = [""]
        for part in (f"{SIGNS[said]} {said}" for said in SIGNS if said in seen):
            if len(lines[-1]) + len(part) + 2 > width and lines[-1]:
                lines.append("")
            lines[-1] += f"{'  ' if lines[-1] else ''}{part}"
        return [Text(""), *(Text(line, MUTED) for line in lines), Text("")]

    def _pair(self, pair: Comparison, width: int) -> Row:
        """The advantage of the first in numbers, as far as there is room."""
        assert self.snapshot is not None
        said = wording.against(pair)
        text = Text(f"{self._letter(pair.a)} {SIGNS[said]} {self._letter(pair.b)}  ")
        text.append(signed(wording.advantage(pair, self.snapshot.view)), BOLD)
        details = [f"n {pair.interval.n}"]
        if pair.p_holm == pair.p_holm:
            details.append(f"p Holm {probability(pair.p_holm)}")
        if pair.detectable == pair.detectable:
            details.append(f"detectable {number(pair.detectable)}")
        if pair.p_equivalent == pair.p_equivalent:
            details.append(f"p equivalent {probability(pair.p_equivalent)}")
        for detail in details:
            if text.cell_len + 2 + len(detail) <= width:
                text.append(f"  {detail}", MUTED)
        return Row(text, f"{pair.a} {pair.b}")
