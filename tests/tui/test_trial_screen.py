from __future__ import annotations

import pytest
from staged import (
    ROOT,
    SIZES,
    STARTED,
    Stage,
    check_snapshot,
    config,
    screen_text,
    staged,
    training,
    until,
)

from experiments.control import Request, asked
from experiments.events import LoadSampled, Measured, Pretrained, StatusChanged
from experiments.status import Status
from experiments.trial_fold import fold_trial
from experiments.trial_view import TrialView
from tui.app import KerasSeqApp
from tui.screens.dashboard import DashboardScreen
from tui.screens.trial import TrialScreen
from tui.widgets.configuration import configuration
from tui.widgets.console_log import TAIL_BYTES, ConsoleLog, console_lines, read_tail
from tui.widgets.line_plot import LinePlot
from tui.widgets.row_list import MUTED
from tui.widgets.trial_list import TrialList

pytestmark = pytest.mark.usefixtures("frozen")


@pytest.fixture
def half_way() -> Stage:
    stage = staged()
    stage.half_way()
    stage.folder.trial("gru-s2").console.write_text("loading\n\x1b[31mready\x1b[0m\n")
    return stage


async def open_trial(app: KerasSeqApp, pilot, name: str) -> None:
    await until(pilot, lambda: app.snapshot and app.pulse)
    app.screen.query_one(TrialList).choose(name)
    app.screen.query_one(TrialList).focus()
    await pilot.press("enter")
    await until(pilot, lambda: isinstance(app.screen, TrialScreen))
    await until(pilot, lambda: app.screen.query_one(ConsoleLog).lines_read)


@pytest.mark.parametrize("size", [*SIZES, (240, 70)])
async def test_running(half_way: Stage, size: tuple[int, int]) -> None:
    app = KerasSeqApp(ROOT, "staged")
    async with app.run_test(size=size) as pilot:
        await pilot.press("1")
        await open_trial(app, pilot, "gru-s2")
        await check_snapshot(pilot, "trial-running")


@pytest.mark.parametrize("pane", ["2", "3"])
async def test_narrow_panes(half_way: Stage, pane: str) -> None:
    app = KerasSeqApp(ROOT, "staged")
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("1")
        await open_trial(app, pilot, "gru-s2")
        await pilot.press(pane)
        await pilot.pause()
        await check_snapshot(pilot, f"trial-pane-{pane}")


async def test_a_failure_shows_its_reason_and_nan(half_way: Stage) -> None:
    half_way.folder.trial("simple_rnn-s0").console.write_text("step 31\n")
    app = KerasSeqApp(ROOT, "staged")
    async with app.run_test(size=(160, 50)) as pilot:
        await open_trial(app, pilot, "simple_rnn-s0")
        text = screen_text(app)
        assert "✗ failed: the loss became nan at step 31" in text
        assert "×" in text  # noqa: RUF001 - the plot's mark of a NaN
        assert app.screen.check_action("stop_trial", ()) is False


async def test_the_console_is_followed(half_way: Stage) -> None:
    app = KerasSeqApp(ROOT, "staged")
    async with app.run_test(size=(120, 40)) as pilot:
        await open_trial(app, pilot, "gru-s2")
        assert app.screen.query_one(ConsoleLog).lines_read == ("loading", "ready")
        with half_way.folder.trial("gru-s2").console.open("a") as console:
            console.write("step 63\n")
        await until(pilot, lambda: "step 63" in screen_text(app))


async def test_neighbours_and_the_way_back(half_way: Stage) -> None:
    app = KerasSeqApp(ROOT, "staged")
    async with app.run_test(size=(120, 40)) as pilot:
        await open_trial(app, pilot, "gru-s2")
        await pilot.press("less_than_sign")
        await until(pilot, lambda: app.screen.trial.name == "gru-s1")
        assert app.screen.query_one("#metric", LinePlot).curves[0].finished
        await pilot.press("greater_than_sign", "greater_than_sign")
        await until(pilot, lambda: app.screen.trial.name == "simple_rnn-s0")
        plot = app.screen.query_one("#metric", LinePlot)
        plot.focus()
        await pilot.press("right")
        assert plot.cursor_x is not None
        # Escape hides the cursor where there is one, and only then leaves the screen.
        await pilot.press("escape")
        assert plot.cursor_x is None
        assert app.screen is plot.screen
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, DashboardScreen))


async def test_what_cannot_be_seen_is_not_drawn(half_way: Stage) -> None:
    """The clock of the dashboard beneath would have all of this screen drawn every second."""
    app = KerasSeqApp(ROOT, "staged")
    async with app.run_test(size=(120, 40)) as pilot:
        dashboard = app.screen
        assert dashboard.is_current
        await open_trial(app, pilot, "gru-s2")
        trial = app.screen
        assert trial.is_current
        assert not dashboard.is_current
        # A question lets through what lies beneath.
        await pilot.press("question_mark")
        await until(pilot, lambda: app.screen is not trial)
        assert trial.is_current
        assert not dashboard.is_current
        await pilot.press("escape")
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is dashboard)
        assert dashboard.is_current


async def test_pretraining_has_steps_of_its_own() -> None:
    model = {"name": "bert", "pretraining_steps": 2000}
    stage = staged(task={"name": "topics"}, models=[model], seeds=[0])
    stage.begin()
    before = Pretrained(time=STARTED + 5, step=500, values={"loss": 4.5})
    stage.write("bert-s0", [*training("bert", 0, 0), before])
    stage.folder.trial("bert-s0").console.write_text("loading\n")
    app = KerasSeqApp(ROOT, "staged")
    async with app.run_test(size=(120, 40)) as pilot:
        await open_trial(app, pilot, "bert-s0")
        assert "pretraining, step 500 of 2000" in screen_text(app)
        stage.write("bert-s0", [Measured(time=STARTED + 9, step=1, values={"train_loss": 2.0})])
        await until(pilot, lambda: "step 1 of 100" in screen_text(app))


async def test_stop(half_way: Stage) -> None:
    app = KerasSeqApp(ROOT, "staged")
    async with app.run_test(size=(120, 40)) as pilot:
        await open_trial(app, pilot, "gru-s2")
        await pilot.press("s")
        folder = half_way.folder.trial("gru-s2")
        await until(pilot, lambda: asked(folder).request is Request.STOP)


async def test_what_its_process_takes_is_followed(half_way: Stage) -> None:
    app = KerasSeqApp(ROOT, "staged")
    async with app.run_test(size=(120, 40)) as pilot:
        await open_trial(app, pilot, "gru-s2")
        assert "process 1.0 cores  0.6 GiB" in screen_text(app)
        hung = LoadSampled(time=STARTED + 99, trial="gru-s2", cores=0.0, memory_bytes=1 << 31)
        half_way.supervise(hung)
        await until(pilot, lambda: "process 0.0 cores  2.0 GiB" in screen_text(app))
        half_way.kill("gru-s2")
        await until(pilot, lambda: "✗ failed" in screen_text(app))
        assert "cores" not in screen_text(app)


def test_the_peak_of_memory_is_shown_once_it_is_known() -> None:
    view = TrialView(config().trials()[0])
    assert "peak memory" not in configuration(view, 80).plain
    told = fold_trial(view, [Measured(step=1, values={"peak_memory_bytes": float(3 << 29)})])
    assert "peak memory 1.5 GiB" in configuration(told, 80).plain


@pytest.mark.parametrize("width", [20, 36, 80])
def test_what_is_long_goes_on_beneath_where_it_began(width: int) -> None:
    reason = "its learning rate was " + "much " * 30 + "too high" + "!" * 90
    view = fold_trial(
        TrialView(config().trials()[0]),
        [
            Measured(step=1, values={"test_accuracy": 0.5}),
            StatusChanged(time=9.0, status=Status.FAILED, reason=reason),
        ],
    )
    lines = configuration(view, width).plain.splitlines()
    assert max(map(len, lines)) <= width
    told = lines[1 : lines.index("Outcome")]
    assert "".join(told).replace(" ", "") == f"✗ failed {reason}".replace(" ", "")
    indent = len("  ✗ failed ") if width > 20 else 4
    assert len(told) > 2
    assert {len(line) - len(line.lstrip()) for line in told[1:]} == {indent}


@pytest.mark.parametrize("width", [20, 36, 80])
def test_names_of_facts_stand_back_however_they_are_broken(width: int) -> None:
    key = "test_accuracy_of_a_sequence_6_to_8"
    view = fold_trial(TrialView(config().trials()[0]), [Measured(step=1, values={key: 0.5})])
    text = configuration(view, width)
    muted = {
        "".join(text.plain[span.start : span.end].split())
        for span in text.spans
        if span.style == MUTED
    }
    assert "testaccuracyofasequence6to8" in muted
    assert {"learning_rate", "batch_size", "seed"} <= muted
    assert not any("0.5" in name for name in muted)


def test_only_the_end_of_a_long_log_is_read(tmp_path) -> None:
    path = tmp_path / "console.log"
    path.write_bytes(b"".join(b"line %d\n" % number for number in range(20_000)))
    content = read_tail(path)
    assert len(content) <= TAIL_BYTES
    assert content.startswith(b"line ")
    assert content.endswith(b"line 19999\n")
    assert read_tail(tmp_path / "none") == b""


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        (b"", ()),
        (b"a\nb", ("a", "b")),
        (b"1/3\r2/3\r3/3\nend\r\n", ("3/3", "end")),
        (b"\x1b[1;32mgreen\x1b[0m \x1b]0;title\x07x\tz", ("green x z",)),
        (b"\xff\x00ok", ("\ufffdok",)),
    ],
)
def test_lines_are_as_a_terminal_leaves_them(content: bytes, lines: tuple[str, ...]) -> None:
    assert console_lines(content) == lines
