"""Who is let in by `keras-seq serve`, and who is not."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psutil
import pytest
from aiohttp import ClientResponse, ClientSession, CookieJar, WSMsgType, WSServerHandshakeError
from aiohttp.test_utils import TestClient, TestServer
from staged import staged

from experiments.errors import RequestError
from tui import browser_session
from tui.app import KerasSeqApp
from tui.command_line import run_command
from tui.kept_theme import keep_theme, theme_path
from tui.keymap import keymap_path
from tui.serve import TOKEN_VARIABLE, DashboardServer, checked_token, is_own, listen

TOKEN = "a-token-for-the-tests-0123456789"
NOTHING = "true"
"""A command that shows no dashboard and ends at once."""

Client = TestClient


def served(command: str = NOTHING) -> DashboardServer:
    return DashboardServer(command, host="127.0.0.1", port=8000, token=TOKEN, title="staged")


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    """A browser that has not been here yet."""
    async with TestClient(TestServer(await served()._make_app())) as found:
        yield found


async def let_in(client: Client) -> ClientResponse:
    return await client.get("/", params={"token": TOKEN}, allow_redirects=False)


def origin(client: Client) -> str:
    return str(client.make_url("/").origin())


async def test_the_token_becomes_a_cookie_and_leaves_the_address(client: Client) -> None:
    answer = await client.get("/", params={"token": TOKEN, "fontsize": 12}, allow_redirects=False)
    assert answer.status == 303
    assert answer.headers["Location"] == "/?fontsize=12"
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert TOKEN not in cookie
    page = await client.get("/")
    assert page.status == 200
    assert 'data-font-size="16"' in await page.text()


@pytest.mark.parametrize("path", ["/", "/ws", "/static/js/textual.js", "/download/x", "/nothing"])
@pytest.mark.parametrize("token", [None, "", "wrong", TOKEN[:-1], TOKEN + "x", "ü", "\udc80"])
async def test_without_the_token_there_is_nothing(
    client: Client, path: str, token: str | None
) -> None:
    params = {} if token is None else {"token": token.encode(errors="replace").decode()}
    answer = await client.get(path, params=params, headers={"Origin": origin(client)})
    assert answer.status == 401
    assert "Set-Cookie" not in answer.headers
    assert TOKEN not in await answer.text()


async def test_a_wrong_cookie_is_no_cookie(client: Client) -> None:
    for value in ("", TOKEN, "x" * 43):
        headers = {"Cookie": f"keras-seq-8000={value}"}
        assert (await client.get("/", headers=headers)).status == 401


async def test_the_cookie_of_another_server_is_no_cookie(client: Client) -> None:
    await let_in(client)
    cookie = "; ".join(f"{c.key}={c.value}" for c in client.session.cookie_jar)
    async with TestClient(TestServer(await served()._make_app())) as other:
        assert (await other.get("/", headers={"Cookie": cookie})).status == 401


@pytest.mark.parametrize(
    "foreign",
    ["http://evil.example", "null", "", "file://", "http://127.0.0.1:1", "http://127.0.0.1.evil"],
)
@pytest.mark.parametrize("path", ["/", "/ws", "/static/js/textual.js"])
async def test_a_foreign_origin_is_refused_whatever_it_brings(
    client: Client, path: str, foreign: str
) -> None:
    await let_in(client)
    answer = await client.get(path, headers={"Origin": foreign})
    assert answer.status == 403


async def test_a_websocket_needs_an_origin(client: Client) -> None:
    await let_in(client)
    with pytest.raises(WSServerHandshakeError) as refused:
        await client.ws_connect("/ws")
    assert refused.value.status == 403


async def test_a_foreign_host_is_refused_whatever_it_brings(client: Client) -> None:
    await let_in(client)
    answer = await client.get("/", headers={"Host": "evil.example:8000"})
    assert answer.status == 403


async def test_the_page_talks_to_the_address_it_came_from(client: Client) -> None:
    """Through an SSH tunnel that is another port than the one that is listened on."""
    await let_in(client)
    port = client.port
    cookie = "; ".join(f"{c.key}={c.value}" for c in client.session.cookie_jar)
    page = await client.get("/", headers={"Host": "localhost:9999", "Cookie": cookie})
    text = await page.text()
    assert 'data-session-websocket-url="ws://localhost:9999/ws"' in text
    assert str(port) not in text


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1:8000", True),
        ("127.0.0.1", True),
        ("localhost:9000", True),
        ("LOCALHOST:9000", True),
        ("[::1]:8000", True),
        ("192.168.1.5:8000", True),
        ("mine:8000", True),
        ("evil.example", False),
        ("localhost.evil.example", False),
        ("127.0.0.1.evil.example", False),
        ("evil@127.0.0.1", False),
        ("127.0.0.1/x", False),
        ("127.0.0.1:x", False),
        ("127.0.0.1:99999", False),
        ("[::1", False),
        ("", False),
    ],
)
def test_hosts(host: str, expected: bool) -> None:
    assert is_own(host, {"localhost", "mine"}) is expected


async def test_folders_are_not_listed(client: Client) -> None:
    await let_in(client)
    for path in ("/static/", "/static/js", "/static/js/"):
        answer = await client.get(path)
        assert answer.status in (403, 404)
        assert "textual.js" not in await answer.text()
    assert (await client.get("/static/js/textual.js")).status == 200
    assert (await client.get("/static/../server.py")).status == 404


async def test_every_answer_forbids_strange_company(client: Client) -> None:
    refused, page = await client.get("/"), await let_in(client)
    for answer in (refused, page, await client.get("/static/js/textual.js")):
        assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
        assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
        assert answer.headers["Referrer-Policy"] == "no-referrer"


@pytest.mark.parametrize("token", ["short", "", "with space in it, and long", "ä" * 20])
def test_a_poor_token_is_refused_and_not_repeated(token: str) -> None:
    with pytest.raises(RequestError, match="expected 16 or more letters") as refused:
        checked_token(token, "127.0.0.1")
    assert not token or token not in str(refused.value)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1"])
def test_another_address_needs_a_token_that_somebody_chose(host: str) -> None:
    with pytest.raises(RequestError, match="needs a token that you chose"):
        checked_token(None, host)
    assert checked_token(TOKEN, host) == TOKEN


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.8.9.1"])
def test_on_this_machine_a_token_is_made(host: str) -> None:
    first, second = checked_token(None, host), checked_token(None, host)
    assert first != second
    assert checked_token(first, host) == first
    assert len(first) >= 32


def test_a_port_in_use_is_one_line() -> None:
    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(RequestError, match=f"port {port}: Address already in use") as refused:
            listen("127.0.0.1", port)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("host", ["no such host", "", "." * 300])
def test_a_bad_host_is_one_line(host: str) -> None:
    with pytest.raises(RequestError, match="--host: expected an address or a name"):
        listen(host, 0)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    staged().half_way()
    return tmp_path / "runs"


def refusal(*words: str, **environment: str) -> str:
    """Why a command line of `serve` is refused."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        with pytest.raises(RequestError) as refused:
            run_command(["serve", *words])
    assert "\n" not in str(refused.value)
    return str(refused.value)


def test_the_command_refuses_in_one_line(root: Path) -> None:
    at_root = ("--root", str(root))
    assert "Did you mean 'staged'?" in refusal("stagged", *at_root)
    assert "needs a token" in refusal("--host", "0.0.0.0", *at_root)
    assert "16 or more" in refusal("--token", "x", *at_root)
    assert "16 or more" in refusal(*at_root, **{TOKEN_VARIABLE: "x"})
    assert "65535" in refusal("--port", "99999", *at_root)


def test_without_the_extra_the_command_names_it(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "tui.serve", raising=False)
    monkeypatch.setitem(sys.modules, "textual_serve", None)
    monkeypatch.setitem(sys.modules, "textual_serve.server", None)
    assert 'pip install "keras-seq[serve]"' in refusal("--root", str(root))


@pytest.fixture
def server(root: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The command itself, with the address that it printed."""
    words = ("serve", "staged", "--root", str(root), "--port", "0", "--read-only")
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "tui.cli", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, TOKEN_VARIABLE: TOKEN},
    )
    try:
        assert process.stdout is not None
        yield process, process.stdout.readline().strip()
    finally:
        process.kill()
        process.communicate()


def sessions(server: subprocess.Popen[str]) -> list[psutil.Process]:
    found: list[psutil.Process] = psutil.Process(server.pid).children(recursive=True)
    return found


async def test_the_command_shows_the_dashboard(
    server: tuple[subprocess.Popen[str], str],
) -> None:
    process, url = server
    address, _, token = url.partition("/?token=")
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+", address)
    assert token == TOKEN
    async with ClientSession(cookie_jar=CookieJar(unsafe=True)) as browser:
        assert (await browser.get(url)).url.query == {}
        shown = ""
        size = "/ws?width=160&height=50"
        async with browser.ws_connect(address + size, headers={"Origin": address}) as websocket:
            while not all(word in shown for word in ("staged", "read-only", "lstm", "gru")):
                message = await websocket.receive(timeout=60)
                assert message.type is WSMsgType.BINARY, message
                shown += message.data.decode(errors="replace")
            (session,) = sessions(process)
            assert TOKEN not in session.environ().values()
        # The tab is closed: its process goes, the server stays.
        while sessions(process):
            await asyncio.sleep(0.05)
        assert (await browser.get(address)).status == 200
        async with browser.ws_connect(address + size, headers={"Origin": address}) as websocket:
            await websocket.receive(timeout=60)
            left = sessions(process)
            process.send_signal(signal.SIGINT)
            said, problems = await asyncio.to_thread(process.communicate, timeout=30)
    assert process.returncode == 0
    assert TOKEN not in said + problems
    assert "Traceback" not in problems
    assert left
    psutil.wait_procs(left, timeout=60)
    assert not [session for session in left if session.is_running()]


def test_sessions_are_told_what_to_show() -> None:
    root = Path("runs")
    words = browser_session.command(root, None, read_only=False)
    assert words[-1] == str(root.absolute())
    words = browser_session.command(root, "an experiment", read_only=True)
    assert words[-4:] == [str(root.absolute()), "--experiment", "an experiment", "--read-only"]


def test_a_tab_has_its_person_s_keys_and_theme(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("TERM", "of the terminal")  # which a session replaces
    keep_theme(theme_path(), "nord")
    keymap_path().parent.mkdir(parents=True)
    keymap_path().write_text('plot.log = "y"')
    opened: list[KerasSeqApp] = []
    monkeypatch.setattr(KerasSeqApp, "run", lambda app: opened.append(app))
    monkeypatch.setattr(
        sys, "argv", ["tui.browser_session", "--server", str(os.getppid()), str(tmp_path)]
    )
    assert browser_session.main() == 0
    (app,) = opened
    assert app.theme == "nord"
    assert app._keymap == {"plot.log": "y"}


def test_a_tab_ends_with_its_server(root: Path) -> None:
    """Even one whose server had no time to say so, and whose terminal nobody reads any more."""
    words = browser_session.command(root, "staged", read_only=True)
    words[words.index("--server") + 1] = "1000000000"  # no process has it
    variables = {**os.environ, "TEXTUAL_DRIVER": "textual.drivers.web_driver:WebDriver"}
    with subprocess.Popen(
        words,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=variables,
    ) as tab:
        try:
            tab.wait(timeout=60)
        finally:
            tab.kill()


def test_any_free_port_will_do() -> None:
    with listen("localhost", 0) as first, listen("localhost", 0) as second:
        assert first.getsockname()[1] != second.getsockname()[1]
        with socket.create_connection(first.getsockname()[:2]):
            pass
