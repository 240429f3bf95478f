"""A headless Chromium, driven over its DevTools protocol, and how it comes onto the machine."""

from __future__ import annotations

import asyncio
import base64
import os
import shutil
import signal
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, ClientWebSocketResponse

Json = dict[str, Any]
# xterm.js draws on a canvas and the page keeps its terminal to itself, so that it is looked for
# among all objects.
READ_TERMINAL = """function () {
  for (const found of this) {
    try {
      const lines = found.buffer.active;
      return Array.from({length: found.rows}, (_, y) => lines.getLine(y).translateToString(true))
        .join("\\n");
    } catch {}
  }
  return "";
}"""


def program() -> str:
    """The browser's path; installs Debian's where it is missing, skips the test where it cannot."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if found := shutil.which(name):
            return found
    if shutil.which("apt-get") is None:
        pytest.skip("there is no Chromium, and no apt-get to install it with")
    if os.geteuid() != 0:
        pytest.skip("there is no Chromium, and only root can install it")
    for words in (["update"], ["install", "--yes", "--no-install-recommends", "chromium"]):
        command = ["apt-get", "-qq", "-o", "DPkg::Lock::Timeout=300", *words]
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    found = shutil.which("chromium")
    if found is None:
        pytest.skip(f"there is no Chromium, and apt-get cannot install it: {done.stderr[-300:]}")
    return found


class Page:
    """A tab: commands go out, and all that happens is kept in `events`."""

    def __init__(self, socket: ClientWebSocketResponse) -> None:
        self._socket = socket
        self._asked = 0
        self._answers: dict[int, asyncio.Future[Json]] = {}
        self.events: list[Json] = []

    async def listen(self) -> None:
        """Take in what the browser says until the tab is gone."""
        async for message in self._socket:
            said = message.json()
            if "id" in said:
                self._answers.pop(said["id"]).set_result(said)
            else:
                self.events.append(said)

    async def call(self, method: str, **params: Any) -> Json:
        """Carry out a command; its result."""
        self._asked += 1
        number = self._asked
        self._answers[number] = asyncio.get_running_loop().create_future()
        waiting = self._answers[number]
        await self._socket.send_json({"id": number, "method": method, "params": params})
        answer = await waiting
        assert "error" not in answer, answer
        result: Json = answer["result"]
        return result

    async def visit(self, address: str) -> None:
        """Go to an address and wait until its page is loaded."""
        before = len(self.events)
        await self.call("Page.navigate", url=address)
        while not any(e["method"] == "Page.loadEventFired" for e in self.events[before:]):
            await asyncio.sleep(0.02)

    async def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression."""
        found = await self.call(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    async def terminal(self) -> str:
        """What xterm.js has on its screen; nothing before there is one."""
        prototype = await self.call("Runtime.evaluate", expression="Object.prototype")
        objects = await self.call(
            "Runtime.queryObjects", prototypeObjectId=prototype["result"]["objectId"]
        )
        found = await self.call(
            "Runtime.callFunctionOn",
            functionDeclaration=READ_TERMINAL,
            objectId=objects["objects"]["objectId"],
            returnByValue=True,
        )
        await self.call("Runtime.releaseObject", objectId=objects["objects"]["objectId"])
        text: str = found["result"]["value"]
        return text

    async def shows(self, *words: str) -> str:
        """The terminal's text once it holds all of `words`; the test's time limit ends the wait."""
        while True:
            text = await self.terminal()
            if all(word in text for word in words):
                return text
            await asyncio.sleep(0.5)  # each look takes a walk over the heap

    async def happened(self, condition: Callable[[Json], bool]) -> Json:
        """The first event for which `condition` holds, come or yet to come."""
        while True:
            for event in self.events:
                if condition(event):
                    return event
            await asyncio.sleep(0.02)

    async def press(self, text: str) -> None:
        """Type one character."""
        await self.call("Input.dispatchKeyEvent", type="keyDown", text=text, key=text)
        await self.call("Input.dispatchKeyEvent", type="keyUp", key=text)

    async def picture(self) -> bytes:
        """The page as a PNG."""
        return base64.b64decode((await self.call("Page.captureScreenshot"))["data"])


@asynccontextmanager
async def opened(browser: str, folder: Path) -> AsyncIterator[Page]:
    """An empty tab of a browser that knows nothing of any other and ends with the test."""
    command = [
        browser,
        "--headless=new",
        "--no-sandbox",  # as root there is none
        "--no-first-run",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--disable-background-networking",
        "--remote-debugging-port=0",
        "--window-size=1600,1000",
        f"--user-data-dir={folder}",
        "about:blank",
    ]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
    try:
        port = folder / "DevToolsActivePort"
        while not (port.exists() and port.read_text().count("\n")):
            assert process.poll() is None, (folder / "log").read_text()
            await asyncio.sleep(0.05)
        address = f"http://127.0.0.1:{port.read_text().split()[0]}"
        async with ClientSession() as session:
            tab = ""
            while not tab:
                for found in await (await session.get(f"{address}/json/list")).json():
                    if found["type"] == "page" and found["url"] == "about:blank":
                        tab = found["webSocketDebuggerUrl"]
                await asyncio.sleep(0.05)
            async with session.ws_connect(tab, max_msg_size=0) as socket:
                page = Page(socket)
                listening = asyncio.create_task(page.listen())
                for domain in ("Page", "Network", "Runtime"):
                    await page.call(f"{domain}.enable")
                # As if its window were in front.
                await page.call("Emulation.setFocusEmulationEnabled", enabled=True)
                yield page
                listening.cancel()
                with suppress(asyncio.CancelledError):
                    await listening
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
