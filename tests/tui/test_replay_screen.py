from __future__ import annotations

import pytest
from staged import ROOT, check_snapshot, screen_text, staged, until
from textual.pilot import Pilot

from experiments.control import asked
from experiments.replay import Replay
from experiments.status import Status
from experiments.steering import Action
from tui import replayer
from tui.app import KerasSeqApp
from tui.messages import SteeringAsked
from tui.playback import SPEEDS, Playback
from tui.screens.dashboard import DashboardScreen
from tui.screens.experiments import ExperimentsScreen
from tui.screens.trial import TrialScreen
from tui.widgets.time_line import TimeLine

pytestmark = pytest.mark.usefixtures("frozen")


async def replaying(app: KerasSeqApp, pilot: Pilot[None]) -> None:
    """A finished experiment on its dashboard, then as it was at its end."""
    await until(pilot, lambda: app.snapshot and app.snapshot.view.is_finished)
    await pilot.press("t")
    await until(pilot, lambda: app.playback and isinstance(app.focused, TimeLine))


def steps(app: KerasSeqApp) -> list[int]:
    return [trial.step for trial in app.snapshot.view.trials] if app.snapshot else []


@pytest.mark.parametrize("size", [(80, 24), (160, 50), (240, 70)])
async def test_half_of_it(size: tuple[int, int]) -> None:
    staged().finish()
    app = KerasSeqApp(ROOT, "staged")
    async with app.run_test(size=size) as pilot:
        await replaying(app, pilot)
        await pilot.press("home", *["shift+right"] * 5)
        await until(pilot, lambda: 0 < max(steps(app)) < 100)
        await check_snapshot(pilot, "replay")


async def test_every_time_shows_what_had_happened_by_then() -> None:
    stage = staged()
    stage.finish()
    replay = Replay(stage.folder)
    app = KerasSeqApp(ROOT, "staged")
    async with app.run_test(size=(120, 40)) as pilot:
        await replaying(app, pilot)
        for key in ("home", "shift+right", "right", "shift+right", "left", "shift+left", "end"):
            await pilot.press(key)
            assert app.playback
            view = replay.at(app.playback.time)
            wanted = [(trial.status, trial.step) for trial in view.trials]
            await until(
                pilot,
                lambda wanted=wanted: (
                    [(t.status, t.step) for t in app.snapshot.view.trials] == wanted
                ),
            )


async def test_it_plays_to_the_end_and_begins_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replayer, "TICK_SECONDS", 0.02)
    staged().finish()
    app = KerasSeqApp(ROOT, "staged")
    async with app.run_test(size=(120, 40)) as pilot:
        await replaying(app, pilot)
        await pilot.press(*["plus"] * len(SPEEDS))
        assert app.playback
        assert app.playback.speed == len(SPEEDS) - 1
        await pilot.press("space")
        assert app.playback.is_playing
        assert app.playback.part < 1
        await until(pilot, lambda: app.playback.part > 0.02)
        assert "▶ " in str(app.screen.query_one(TimeLine).render())
        await pilot.press("space", "end", "space", "space")
        assert not app.playback.is_playing
        await pilot.press("end", "left", "space")
        await until(pilot, lambda: app.playback.part == 1 and not app.playback.is_playing)


async def test_a_click_goes_to_a_time() -> None:
    staged().finish()
    app = KerasSeqApp(ROOT, "staged")
    async with app.run_test(size=(120, 40)) as pilot:
        await replaying(app, pilot)
        await pilot.click(TimeLine, offset=(4, 0))
        await until(pilot, lambda: app.playback.part < 0.1)


async def test_a_trial_is_replayed_too_and_t_ends_it() -> None:
    staged().finish()
    app = KerasSeqApp(ROOT, "staged")
    async with app.run_test(size=(160, 50)) as pilot:
        await replaying(app, pilot)
        await pilot.press("home", "shift+right", "shift+right", "1", "enter")
        await until(pilot, lambda: isinstance(app.screen, TrialScreen))
        screen = app.screen
        assert isinstance(screen, TrialScreen)
        await until(pilot, lambda: screen.trial and 0 < screen.trial.step < 100)
        assert screen.query_one(TimeLine).display
        await pilot.press("t")
        await until(pilot, lambda: screen.trial.step == 100 and app.playback is None)
        assert not screen.query_one(TimeLine).display


async def test_nothing_can_be_changed_in_the_past() -> None:
    stage = staged()
    stage.finish()
    app = KerasSeqApp(ROOT, "staged")
    async with app.run_test(size=(160, 50)) as pilot:
        await replaying(app, pilot)
        await pilot.press("home", "shift+right")
        view = lambda: app.snapshot.view  # noqa: E731
        await until(pilot, lambda: Status.RUNNING in {t.status for t in view().trials})
        assert "Stop" not in screen_text(app).splitlines()[-1]
        await pilot.press("s", "S", "p", "K", "L", "C")
        names = tuple(trial.name for trial in view().trials)
        app.post_message(SteeringAsked(Action.STOP, names))
        await pilot.pause()
        assert isinstance(app.screen, DashboardScreen)
        assert all(not asked(stage.folder.trial(t.name)).request.is_end for t in view().trials)
        await pilot.press("escape")
        await until(pilot, lambda: app.playback is None and view().is_finished)


async def test_what_still_runs_is_not_replayed() -> None:
    staged().half_way()
    app = KerasSeqApp(ROOT, "staged")
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: app.snapshot)
        assert app.screen.check_action("replay", ()) is False


async def test_from_the_list_and_back_to_what_is() -> None:
    staged().finish()
    app = KerasSeqApp(ROOT)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: app.screen.check_action("replay", ()))
        await pilot.press("t")
        await until(pilot, lambda: app.playback and isinstance(app.screen, DashboardScreen))
        await pilot.press("home")
        await until(pilot, lambda: steps(app) and max(steps(app)) == 0)
        await pilot.press("e")
        await until(pilot, lambda: isinstance(app.screen, ExperimentsScreen))
        await until(pilot, lambda: app.screen.check_action("rerun", ()))
        await pilot.press("enter")
        await until(pilot, lambda: steps(app) and min(steps(app)) == 100)
        assert app.playback is None


def test_time_stays_within_the_experiment() -> None:
    half = Playback(100.0, 160.0, 130.0)
    assert (half.part, half.length) == (0.5, 60.0)
    assert half.moved(-1).time == 100.0
    assert half.moved(0.75).time == 160.0
    assert half.to(0.1).time == pytest.approx(106.0)
    assert half.advanced(5) is half
    playing = half.toggled()
    assert playing.advanced(3).time == pytest.approx(130.0 + 3 * 60 / SPEEDS[half.speed])
    over = playing.advanced(1e6)
    assert (over.time, over.is_playing) == (160.0, False)
    assert over.toggled().time == 100.0
    assert half.faster(-9).speed == 0
    assert half.faster(9).pace > half.pace


def test_an_experiment_of_one_moment() -> None:
    assert Playback(5.0, 5.0, 5.0).moved(-0.5).part == 1.0
