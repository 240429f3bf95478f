from textual.app import App
from textual.containers import Container

from tui.widgets.titled import entitle


class Panes(App):
    def compose(self):
        yield Container()


async def test_a_title_that_stays_paints_nothing(monkeypatch):
    painted = []
    monkeypatch.setattr(Container, "refresh", lambda self, *_, **__: painted.append(self) or self)
    async with Panes().run_test() as pilot:
        pane = pilot.app.query_one(Container)
        for title, subtitle in (("a", ""), ("a, b (c) 5 %", "d"), ("a, b (c) 5 %", "")):
            painted.clear()
            entitle(pane, title, subtitle)
            assert painted
            assert (pane.border_title, pane.border_subtitle or "") == (title, subtitle)
            painted.clear()
            entitle(pane, title, subtitle)
            assert not painted
