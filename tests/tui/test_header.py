from rich.text import Text
from textual.app import App
from textual.reactive import reactive

from tui.pulse import Pulse
from tui.widgets.header import Header


class Clock(Header):
    """Says the minute, and counts how often it is painted."""

    place: reactive[str] = reactive("", repaint=False)
    watch_place = Header.renew
    painted = 0

    def said(self, width):
        minute = f"{self.pulse.time // 60:.0f}" if self.pulse else "unknown"
        return Text(f"{self.place} {minute}".ljust(width))

    def render(self):
        self.painted += 1
        return super().render()


class Clocks(App):
    def compose(self):
        yield Clock()


def pulse(time):
    return Pulse(time, 0.0, 0, 0)


async def test_a_header_is_painted_when_it_reads_otherwise():
    async with Clocks().run_test(size=(40, 5)) as pilot:
        clock = pilot.app.query_one(Clock)

        async def painted(**fields):
            before = clock.painted
            for name, value in fields.items():
                setattr(clock, name, value)
            await pilot.pause()
            return clock.painted - before

        assert await painted(pulse=pulse(60.0)) == 1
        assert await painted(pulse=pulse(61.0)) == 0
        assert await painted(pulse=pulse(120.0)) == 1
        assert await painted(place="here", pulse=pulse(180.0)) == 1
        shown = pilot.app.screen._compositor.render_strips()[0].text
        assert shown.split() == ["here", "3"]
        await pilot.resize_terminal(20, 5)
        await pilot.pause()
        assert pilot.app.screen._compositor.render_strips()[0].text.split() == ["here", "3"]
