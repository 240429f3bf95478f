"""`keras-seq serve`: the dashboard in a browser, for whoever holds its token.

Whoever reaches the dashboard can start programs on this machine, and any page that a browser shows
can send requests to this machine. So a request is answered only if its `Host` is this machine's,
its `Origin`, where it has one, is this server's, and it carries a cookie that the token was
exchanged for. A WebSocket always needs an `Origin`.

This module alone imports aiohttp and textual-serve, the extra `serve`.
"""

from __future__ import annotations

import hmac
import ipaddress
import os
import re
import secrets
import shlex
import socket
import sys
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp_jinja2
import jinja2
from aiohttp import web
from aiohttp.typedefs import Handler
from textual_serve.server import Server

from experiments.errors import RequestError
from tui import browser_session

TOKEN_VARIABLE = "KERAS_SEQ_TOKEN"
_TOKEN = re.compile(r"[A-Za-z0-9_-]{16,}")
# A tab that is open when the server ends has so long to say goodbye.
SHUTDOWN_SECONDS = 0.5
_HEADERS = {
    # Nothing is loaded from elsewhere, and nobody puts this page into one of their own. The page of
    # textual-serve has its scripts and styles in itself.
    "Content-Security-Policy": (
        "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


# Keys work at once: the page's terminal takes them from the moment that the dashboard is there.
_FOCUS = """<script>
  new MutationObserver((_, observer) => {
    if (document.body.classList.contains("-first-byte")) {
      observer.disconnect();
      document.querySelector(".xterm-helper-textarea").focus();
    }
  }).observe(document.body, {attributes: true});
</script>
</body>"""


class DashboardServer(Server):
    """Serves the dashboard that `command` starts, on `host` and `port`, to holders of `token`."""

    def __init__(self, command: str, *, host: str, port: int, token: str, title: str) -> None:
        super().__init__(command, host=host, port=port, title=title)
        self._token = token
        # The cookie holds something else, which ends with this server. Cookies are shared by all
        # ports of a host; each server needs a name of its own.
        self._session = secrets.token_urlsafe()
        self._cookie = f"keras-seq-{port}"
        self._names = {"localhost", host.lower(), socket.gethostname().lower()}

    async def _make_app(self) -> web.Application:
        # The routes of textual-serve, without its lists of folders.
        app = web.Application(middlewares=[self._guard])
        aiohttp_jinja2.setup(app, loader=jinja2.FileSystemLoader(self.templates_path))
        app.add_routes(
            [
                web.get("/", self.handle_index, name="index"),
                web.get("/ws", self.handle_websocket, name="websocket"),
                web.get("/download/{key}", self.handle_download, name="download"),
                web.static("/static", self.statics_path, name="static"),
            ]
        )
        app.on_response_prepare.append(_add_headers)
        return app

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if not is_own(request.host, self._names):
            raise web.HTTPForbidden(text=f"This server is not {request.host}.\n")
        origin = request.headers.get("Origin")
        if (origin is not None or request.path == "/ws") and not _is_same(origin, request.host):
            raise web.HTTPForbidden(text="Only the dashboard's own page may ask this.\n")
        if request.path == "/" and "token" in request.query:
            if not _equal(request.query["token"], self._token):
                raise _unauthorized()
            found = web.HTTPSeeOther(request.rel_url.without_query_params("token"))
            found.set_cookie(self._cookie, self._session, httponly=True, samesite="Strict")
            raise found
        if not _equal(request.cookies.get(self._cookie, ""), self._session):
            raise _unauthorized()
        return await handler(request)

    async def handle_index(self, request: web.Request) -> web.StreamResponse:
        """The page, which talks to the address that it came from, through an SSH tunnel too."""
        self.public_url = f"{request.scheme}://{request.host}"
        page = await super().handle_index(request)
        if isinstance(page, web.Response) and page.text is not None:
            page.text = page.text.replace("</body>", _FOCUS)
        return page


async def _add_headers(_request: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(_HEADERS)


def _unauthorized() -> web.HTTPUnauthorized:
    return web.HTTPUnauthorized(text="Open the address that keras-seq serve has printed.\n")


def _equal(received: str, expected: str) -> bool:
    return hmac.compare_digest(received.encode(errors="replace"), expected.encode())


def is_own(host: str, names: set[str]) -> bool:
    """Whether a `Host` header names this machine: an address, or one of `names`.

    A page whose own name was made to lead here (DNS rebinding) still sends that name.
    """
    try:
        parts = urlsplit(f"//{host}")
        name, _ = parts.hostname or "", parts.port
    except ValueError:
        return False
    if parts.netloc != host or parts.username is not None:
        return False
    return name in names or _address(name) is not None


def _is_same(origin: str | None, host: str) -> bool:
    return origin is not None and origin.lower() in (f"http://{host}", f"https://{host}".lower())


def _address(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(name)
    except ValueError:
        return None


def checked_token(token: str | None, host: str) -> str:
    """The token to serve with: a random one unless one was given, as off this machine it must be.

    Raises `RequestError`.
    """
    if token is None:
        if not is_loopback(host):
            raise RequestError(
                f"--host: another address than this machine's own, such as 127.0.0.1, needs a "
                f"token that you chose: ${TOKEN_VARIABLE}, or --token. Received: {host!r}."
            )
        return secrets.token_urlsafe()
    if not _TOKEN.fullmatch(token):
        # The token itself is not repeated: messages end up in logs.
        raise RequestError(
            f"${TOKEN_VARIABLE}, --token: expected 16 or more letters, digits, '-' and '_'. "
            f"Received: {len(token)} characters."
        )
    return token


def is_loopback(host: str) -> bool:
    """Whether `host` is reached from this machine alone; raises `RequestError` for no host."""
    found = ipaddress.ip_address(_resolved(host, 0)[1][0])
    return found.is_loopback


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens; raises `RequestError` where there can be none. Port 0: any free."""
    family, address = _resolved(host, port)
    try:
        return socket.create_server(address, family=family)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise RequestError(
            f"Cannot listen on {host}, port {port}: {reason}. Choose another --port, or --host."
        ) from error


def _resolved(host: str, port: int) -> tuple[socket.AddressFamily, tuple[str, int]]:
    try:
        # Without a host Python would take any.
        found = socket.getaddrinfo(host or " ", port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or "not a host name"
        raise RequestError(
            f"--host: expected an address or a name of this machine, such as 127.0.0.1 ({reason}). "
            f"Received: {host!r}."
        ) from error
    family, _, _, _, address = found[0]
    return family, (str(address[0]), int(address[1]))


def serve(
    root: Path, experiment: str | None, *, host: str, port: int, token: str | None, read_only: bool
) -> None:
    """Serve until interrupted; prints one address on stdout, which holds the token."""
    token = checked_token(token, host)
    # Neither the dashboards nor what they start need it.
    os.environ.pop(TOKEN_VARIABLE, None)
    with listen(host, port) as listening:
        port = listening.getsockname()[1]
        command = browser_session.command(root, experiment, read_only=read_only)
        server = DashboardServer(
            # The shell that starts it gives way to it.
            f"exec {shlex.join(command)}",
            host=host,
            port=port,
            token=token,
            title=experiment or "keras-seq",
        )
        print(f"http://{_shown(host)}:{port}/?token={token}", flush=True)
        print("Open it in a browser. Ctrl+C ends the server; training goes on.", file=sys.stderr)
        if not is_loopback(host):
            print(
                "warning: nothing is encrypted on the way. Without --host, reach it from afar by "
                f"ssh -L {port}:127.0.0.1:{port}.",
                file=sys.stderr,
            )
        # No log of requests: the first one of a browser holds the token.
        web.run_app(
            server._make_app(),
            sock=listening,
            access_log=None,
            shutdown_timeout=SHUTDOWN_SECONDS,
            print=lambda *_: None,
        )


def _shown(host: str) -> str:
    address = _address(host)
    if address is None:
        return host
    if address.is_unspecified:
        return socket.gethostname()
    return f"[{address}]" if address.version == 6 else str(address)
