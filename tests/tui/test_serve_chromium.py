"""`keras-seq serve` as a browser sees it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from chromium import Json, Page, opened, program
from staged import STARTED, Stage, staged

from experiments.events import StatusChanged
from experiments.status import Status

# The browser may have to be installed first.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def browser() -> str:
    """A Chromium."""
    return program()


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """An experiment half way."""
    monkeypatch.chdir(tmp_path)
    found = staged()
    found.half_way()
    return found


@pytest.fixture
def url(stage: Stage) -> Iterator[str]:
    """The address that the command prints."""
    root = stage.folder.path.parent.absolute()
    words = ("serve", "staged", "--root", str(root), "--port", "0", "--read-only")
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "tui.cli", *words], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    yield process.stdout.readline().strip()
    process.terminate()
    process.communicate()


@pytest.fixture
async def page(browser: str, tmp_path: Path) -> AsyncIterator[Page]:
    """An empty tab."""
    folder = tmp_path / "browser"
    folder.mkdir()
    async with opened(browser, folder) as found:
        yield found


def answer_of(address: str) -> Callable[[Json], bool]:
    """Whether an event is the answer of an address."""

    def is_answer(event: Json) -> bool:
        return (
            event["method"] == "Network.responseReceived"
            and event["params"]["response"]["url"] == address
        )

    return is_answer


async def test_with_the_token_the_live_dashboard_is_there(
    page: Page, url: str, stage: Stage
) -> None:
    address = url.partition("?")[0]
    blank = await page.picture()
    await page.visit(url)
    shown = await page.shows("staged", "adding", "gru", "lstm", "read-only", "Leaderboard")
    assert "ran out of luck" not in shown
    # The picture is drawn, not only known.
    assert len(await page.picture()) > 5 * len(blank)
    # Neither the address nor a script has what lets one in, and nothing came from elsewhere.
    assert await page.evaluate("location.href") == address
    assert await page.evaluate("document.cookie") == ""
    came = [e["params"] for e in page.events if e["method"] == "Network.responseReceived"]
    assert came
    assert all(answer["response"]["url"].startswith((address, "data:")) for answer in came)
    # What happens now is shown now.
    failed = StatusChanged(time=STARTED + 70, status=Status.FAILED, reason="ran out of luck")
    stage.write("gru-s2", [failed])
    await page.shows("ran out of luck")
    # Keys arrive without a click.
    await page.press("?")
    await page.shows("Help (esc closes)")
    # Once let in, always let in, until the server ends.
    await page.visit(address)
    await page.shows("staged", "ran out of luck")


async def test_with_a_wrong_token_there_is_nothing(page: Page, url: str) -> None:
    wrong = url[:-1] + ("x" if url[-1] != "x" else "y")
    await page.visit(wrong)
    answer = await page.happened(answer_of(wrong))
    assert answer["params"]["response"]["status"] == 401
    assert "Open the address" in await page.evaluate("document.body.innerText")


async def test_a_foreign_page_cannot_use_the_dashboard_of_who_visits_it(
    page: Page, url: str
) -> None:
    """Another port of this machine is the same site: the browser sends the cookie along."""
    address = url.partition("?")[0]
    await page.visit(url)
    await page.shows("staged")

    async def bait(_request: web.Request) -> web.Response:
        script = (
            f"fetch({address!r}, {{mode: 'no-cors', credentials: 'include'}});"
            f"new WebSocket({address.replace('http', 'ws')!r} + 'ws')"
        )
        return web.Response(text=f"<script>{script}</script>", content_type="text/html")

    trap = web.Application()
    trap.add_routes([web.get("/", bait)])
    page.events.clear()
    async with TestServer(trap) as server:
        await page.visit(str(server.make_url("/")))
        failed = await page.happened(lambda e: e["method"] == "Network.webSocketFrameError")
        # Of the page it sees nothing, but that it is answered shows that the cookie came along.
        answer = await page.happened(answer_of(address))
    assert "Unexpected response code: 403" in failed["params"]["errorMessage"]
    assert answer["params"]["response"]["status"] == 200
