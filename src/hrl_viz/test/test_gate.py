"""Whose browser may steer a run through the viewer: real handshakes against the real server."""

import http.client
import io
import socket
from contextlib import contextmanager, redirect_stdout

import pytest
import viser
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin, Subprotocol

from hrl_core.errors import HrlError
from hrl_viz.gate import Gate, is_loopback, require_address

PROTOCOL = Subprotocol(f"viser-v{viser.__version__}")


@contextmanager
def served(host):
    """A guarded server; its gate and port."""
    gate = Gate(host)
    with redirect_stdout(io.StringIO()), gate.before_the_next_server():
        server = viser.ViserServer(host, 0, verbose=False)
    try:
        yield gate, server.get_port()
    finally:
        with redirect_stdout(io.StringIO()):
            server.stop()


@pytest.fixture(scope="module")
def local():
    with served("127.0.0.1") as (_, port):
        yield port


@pytest.fixture(scope="module")
def open_to_others():
    with served("0.0.0.0") as (gate, port):
        yield gate, port


def opens(port, host="localhost", origin=None, cookie="", query=""):
    """Whether a WebSocket opens and speaks, as a browser at ``origin`` that takes ``host`` for our address asks."""
    headers = {"Cookie": cookie} if cookie else {}
    at = f"[{host}]" if ":" in host else host
    wanted = None if origin is None else Origin(origin.format(port=port))
    try:
        with connect(
            f"ws://{at}:{port}/{query}",
            sock=socket.create_connection(("127.0.0.1", port)),
            origin=wanted,
            subprotocols=[PROTOCOL],
            additional_headers=headers,
        ) as connection:
            connection.recv(timeout=10)
            return True
    except InvalidStatus as refused:
        assert refused.response.status_code == 403
        return False


def got(port, path="/", host=None, **headers):
    """Status, headers and text of a page."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", path, headers={"Host": host or f"localhost:{port}", **headers})
    response = connection.getresponse()
    return response.status, response.headers, response.read()


OWN = ["http://localhost:{port}", "http://127.0.0.1:{port}", "http://LOCALHOST:{port}", "http://[::1]:{port}"]
FOREIGN = [
    "http://evil.example",
    "https://evil.example:{port}",
    "http://evil.example:{port}",
    "http://localhost.evil.example:{port}",
    "http://localhost:{port}.evil.example",
    "http://localhost",
    "http://localhost:3000",
    "https://localhost",
    "http://127.0.0.1:1",
    "http://0.0.0.0:{port}",
    "http://192.168.0.7:{port}",
    "file://",
    "null",
    "",
    "chrome-extension://abcdef",
    "http://localhost:{port}:1",
]


@pytest.mark.parametrize("origin", [*OWN, None])
@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "::1"])
def test_the_page_itself_and_programs_of_this_machine_may_connect(local, host, origin):
    assert opens(local, host, origin)


@pytest.mark.parametrize("origin", FOREIGN)
def test_no_foreign_page_may_connect(local, origin):
    assert not opens(local, origin=origin)


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "0.0.0.0", "192.168.0.7", "127.0.0.1.nip.io"]
)
def test_a_foreign_name_that_points_here_is_refused(local, host):
    """DNS rebinding: the page's origin is the host that it asks."""
    assert not opens(local, host, f"http://{host}:{{port}}")
    assert not opens(local, host)
    status, _, text = got(local, host=f"{host}:{local}")
    assert status == 403
    assert b"open the viewer at http://localhost" in text


def test_the_page_is_served_and_may_not_be_framed(local):
    status, headers, text = got(local)
    assert status == 200
    assert b"<html" in text
    assert headers["X-Frame-Options"] == "DENY"
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]


def test_open_to_others_nothing_is_given_without_the_token(open_to_others):
    gate, port = open_to_others
    for host in ("localhost", "robot", "evil.example", "192.168.0.7"):
        assert got(port, host=f"{host}:{port}")[0] == 403
        assert not opens(port, host, f"http://{host}:{{port}}")
        assert not opens(port, host)
        assert not opens(port, host, cookie=f"hrl_viewer_{port}=wrong")
        assert not opens(port, host, cookie="hrl_viewer_1=" + gate.token)
        assert not opens(port, host, query="?token=")
    assert got(port, "/?token=wrong")[0] == 403


def test_the_printed_address_opens_the_page_and_its_socket_under_any_name(open_to_others):
    gate, port = open_to_others
    path = gate.address(port).partition(str(port))[2]
    status, headers, _ = got(port, path, host=f"robot:{port}")
    assert (status, headers["Location"]) == (303, "/")
    assert "HttpOnly" in headers["Set-Cookie"]
    assert "SameSite=Strict" in headers["Set-Cookie"]
    cookie = headers["Set-Cookie"].partition(";")[0]
    assert got(port, host=f"robot:{port}", Cookie=f"other=1; {cookie}")[0] == 200
    assert opens(port, "robot", "http://robot:{port}", cookie)
    assert opens(port, "robot", None, query=f"?token={gate.token}")
    assert not opens(port, "robot", "http://evil.example:{port}", cookie), "a cookie is no page of ours"


def test_every_start_has_another_token():
    assert len({Gate("0.0.0.0").token for _ in range(10)}) == 10
    assert Gate("127.0.0.1").token == Gate("localhost").token == Gate("::1").token == ""


def test_names_of_this_machine():
    assert all(map(is_loopback, ("localhost", "127.0.0.1", "127.9.9.9", "::1", "[::1]")))
    assert not any(
        map(is_loopback, ("", "0.0.0.0", "::", "robot", "localhost.example", "127.0.0.1.example", "10.0.0.1"))
    )


@pytest.mark.parametrize("host", ["192.0.2.1", "no.such.host.invalid"])
def test_an_address_of_another_machine_is_refused_in_words(host):
    with pytest.raises(HrlError, match="the viewer cannot listen at"):
        require_address(host)


def test_a_server_that_is_not_guarded_is_an_error():
    with pytest.raises(HrlError, match="cannot be guarded"), Gate("127.0.0.1").before_the_next_server():
        pass
