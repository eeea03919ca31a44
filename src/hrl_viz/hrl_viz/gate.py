"""Who may open the viewer's page and its WebSocket.

A browser lets any page connect to any WebSocket, and a name of a foreign page may be made to point here (DNS
rebinding). So the ``Host`` must be a loopback name, or, where the viewer is open to other machines, a token must come
with it; and a WebSocket's ``Origin`` must be the page that was served here.
"""

import contextlib
import http
import ipaddress
import secrets
import socket
from collections.abc import Callable, Iterator
from functools import partial
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import SplitResult, parse_qs, urlsplit

import websockets.asyncio.server
from websockets.asyncio.server import ServerConnection
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from hrl_core.errors import HrlError

TOKEN = "token"
_EVERYWHERE = ("0.0.0.0", "::", "")
_PORTS = {"http": 80, "https": 443}
_PROTECTING = {
    # A foreign page that shows this one in a frame could have its buttons clicked.
    "X-Frame-Options": "DENY",
    "Content-Security-Policy": "frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
}
_Handler = Callable[[ServerConnection, Request], Response | None]


def is_loopback(host: str) -> bool:
    """Whether a name or address means this machine only, whoever resolves it."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def require_address(host: str) -> None:
    """Raise ``HrlError`` unless a server can listen at ``host``; viser would wait for ever."""
    try:
        family, kind, protocol, _, place = socket.getaddrinfo(host, 0, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.bind(place)
    except OSError as error:
        raise HrlError(f"the viewer cannot listen at '{host}': {error}; give an address of this machine") from None


class Gate:
    """Looks at every request before the page's server does."""

    def __init__(self, host: str) -> None:
        """Ask for a token unless ``host``, the address listened at, is a loopback one."""
        self._host = host
        self.token = "" if is_loopback(host) else secrets.token_urlsafe(16)
        """What the page's address must carry once; empty: nothing."""

    def address(self, port: int) -> str:
        """Where a browser finds the page."""
        if not self.token:
            return f"http://localhost:{port}"
        name = socket.gethostname() if self._host in _EVERYWHERE else self._host
        return f"http://{f'[{name}]' if ':' in name else name}:{port}/?{TOKEN}={self.token}"

    @contextlib.contextmanager
    def before_the_next_server(self) -> Iterator[None]:
        """Stand before the WebSocket server that is started within; viser offers no place to ask for it.

        Raises:
            HrlError: no server was started, so that nothing would be guarded.
        """
        serve, guarded = websockets.asyncio.server.serve, []

        def guard(*args: Any, process_request: _Handler, **kwargs: Any) -> Any:  # noqa: ANN401 - passed on
            guarded.append(True)
            return serve(*args, process_request=partial(self.process, process_request), **kwargs)

        setattr(websockets.asyncio.server, "serve", guard)  # noqa: B010 - of another type
        try:
            yield
        finally:
            setattr(websockets.asyncio.server, "serve", serve)  # noqa: B010
        if not guarded:
            raise HrlError(
                "the viewer's page cannot be guarded: viser no longer serves it by websockets.asyncio.server"
            )

    def process(self, inner: _Handler, connection: ServerConnection, request: Request) -> Response | None:
        """Refuse, or let ``inner`` answer; None opens the WebSocket."""
        cookie = f"hrl_viewer_{connection.local_address[1]}"
        path, _, query = request.path.partition("?")
        refusal = self._refusal(request, cookie, query)
        if refusal:
            return _response(http.HTTPStatus.FORBIDDEN, f"{refusal}\n")
        upgrade = _is_upgrade(request)
        if not upgrade and self.token and TOKEN in parse_qs(query):
            response = _response(http.HTTPStatus.SEE_OTHER, "")
            response.headers["Location"] = path
            response.headers["Set-Cookie"] = f"{cookie}={self.token}; Path=/; HttpOnly; SameSite=Strict"
            return response
        response = inner(connection, request)
        if upgrade and response is not None:
            return _response(http.HTTPStatus.BAD_REQUEST, "not a WebSocket's request\n")
        if response is not None:
            response.headers.update(_PROTECTING)
        return response

    def _refusal(self, request: Request, cookie: str, query: str) -> str:
        """Why a request is refused; empty where it is not."""
        host = _address(request.headers.get_all("Host"), "http://")
        if host is None:
            return "a request must name one host"
        if not self.token and not is_loopback(host.hostname or ""):
            return f"'{host.netloc}' is not a name of this machine: open the viewer at http://localhost:PORT"
        if self.token and not self._known(request, cookie, query):
            return "open the viewer at the address that it printed, which ends in ?token=..."
        origins = request.headers.get_all("Origin")
        if origins and not _same_origin(_address(origins), host):
            return f"pages of '{', '.join(origins)}' may not steer this viewer"
        return ""

    def _known(self, request: Request, cookie: str, query: str) -> bool:
        given = parse_qs(query).get(TOKEN, [])
        for header in request.headers.get_all("Cookie"):
            with contextlib.suppress(CookieError):
                given += [morsel.value for name, morsel in SimpleCookie(header).items() if name == cookie]
        return any(secrets.compare_digest(word.encode(), self.token.encode()) for word in given)


def _address(values: list[str], scheme: str = "") -> SplitResult | None:
    """The one address that a header gives; None where it gives none or several, or no address."""
    if len(values) != 1:
        return None
    try:
        address = urlsplit(scheme + values[0])
        return address if address.hostname and (address.port or True) else None
    except ValueError:
        return None


def _same_origin(origin: SplitResult | None, host: SplitResult) -> bool:
    """Whether a page's origin is the host asked; names of loopback are one."""
    if origin is None or origin.scheme not in _PORTS:
        return False
    default = _PORTS[origin.scheme]
    if (origin.port or default) != (host.port or default):
        return False
    names = origin.hostname or "", host.hostname or ""
    return names[0] == names[1] or all(map(is_loopback, names))


def _is_upgrade(request: Request) -> bool:
    return any("websocket" in value.lower() for value in request.headers.get_all("Upgrade"))


def _response(status: http.HTTPStatus, text: str) -> Response:
    body = text.encode()
    headers = Headers(_PROTECTING | {"Content-Type": "text/plain; charset=utf-8", "Content-Length": str(len(body))})
    return Response(status.value, status.phrase, headers, body)
