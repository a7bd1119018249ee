"""A link that gets no connection: an error that says why, and no hang."""

from __future__ import annotations

import socket

import pytest

from hosts.fake_switch import FakeSwitch, framed
from support.links import Start

CONNECT = """
try:
    link = _socket_link.connect(HOST, PORT, "ClueCon", timeout=SECONDS)
    say("up")
except _link.LinkError as error:
    say("refused", why=str(error))
"""


def why_not(start: Start, port: int, host: str = "127.0.0.1", *, seconds: float = 4.0) -> str:
    connect = CONNECT.replace("HOST", repr(host)).replace("SECONDS", str(seconds))
    why: str = start(connect, port).wait_for("refused")["why"]
    assert why.startswith(f"FreeSWITCH at {host}:{port}: ")
    return why


def test_a_wrong_password(client: Start) -> None:
    other = FakeSwitch(password="another")
    assert "refused the password (-ERR invalid)" in why_not(client, other.port)
    other.close()


def test_nobody_listens(client: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert "refused" in why_not(client, port)


def test_a_host_that_has_no_address(client: Start) -> None:
    assert "its name was not found" in why_not(client, 8021, "no-such-host.invalid")


@pytest.mark.parametrize(
    ("greeting", "why"),
    [
        (b"", "did not ask for a password or take it within 1 s"),
        (b"Content-Type: auth/req", "and said 'Content-Type: auth/req'"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "and said 'SSH-2.0-OpenSSH_9.2"),
        (b"HTTP/1.1 400 Bad Request\n\n", "not the event socket of a FreeSWITCH: its first message is 'HTTP/1.1 400"),
        (b"x" * 100_000, "not the event socket of a FreeSWITCH"),
        (b"Content-Length: 99999999999999999999\n\n", "says that it is '99999999999999999999' bytes long"),
        (b"Content-Length: -1\n\n", "says that it is '-1' bytes long"),
        (
            framed("text/rude-rejection", "Access Denied, go away.\n"),
            "refused the connection (Access Denied, go away.)",
        ),
        (framed("text/disconnect-notice", "Disconnected.\n"), "it has closed the connection: Disconnected."),
    ],
)
def test_what_is_no_switch_or_does_not_want_us(client: Start, greeting: bytes, why: str) -> None:
    other = FakeSwitch(greeting=greeting)
    # The other says what it has to say in time, however busy the machine is.
    assert why in why_not(client, other.port, seconds=4.0 if greeting else 1.0)
    other.close()


def test_a_port_that_is_none_is_refused_wherever_one_is_taken(client: Start) -> None:
    said = client(
        """
        from freeswitch.apps.connection import Connection, get_connection
        from freeswitch.apps.handlers import get_listener
        from freeswitch.apps.protocol import InboundProtocol
        from freeswitch.apps.sync import sync_caller
        HOST = "127.0.0.1"
        takers = dict(
            client=lambda port: apps.Client(HOST, port),
            own_switch=lambda port: apps.Client(port=port),
            get_client=lambda port: apps.get_client(HOST, port).__enter__(),
            originator=lambda port: apps.get_originator([HOST], port=port),
            contact=lambda port: apps.get_originator([(HOST, port, "x")]),
            service=lambda port: apps.Service([(HOST, port, "x")]),
            services=lambda port: apps.Service([HOST], port=port),
            connection=lambda port: get_connection(HOST, port),
            connect=lambda port: Connection(HOST).connect(port=port),
            listener=lambda port: get_listener(HOST, port),
            protocol=lambda port: InboundProtocol(HOST, port=port),
            caller=lambda port: sync_caller(HOST, port).__enter__(),
            link=lambda port: SocketLink(HOST, port),
        )
        def refused(take, port):
            try: take(port)
            except Exception as error: return f"{type(error).__name__}: {error}"
        for name, take in takers.items():
            say(name, number=[refused(take, port) for port in (99999, -1, 0, 1 << 70)],
                text=[refused(take, port) for port in ("abc", "99999", "\u00b2", "")], other=refused(take, 80.5))
        say("contacts", bad=refused(apps.get_originator, [5]))
        """.replace("\n        ", "\n"),
        1,
    )
    must = "ValueError: argument 'port' must be a number from 1 to 65535, not"
    for taker in (
        "client", "own_switch", "get_client", "originator", "contact", "service", "services", "connection", "connect",
        "listener", "protocol", "caller", "link",
    ):  # fmt: skip
        assert said.wait_for(taker) == {
            "what": taker,
            "number": [f"{must} {number}" for number in (99999, -1, 0, 1 << 70)],
            "text": [f"{must} {text!r}" for text in ("abc", "99999", "\u00b2", "")],
            "other": "TypeError: argument 'port' must be int, not float",
        }
    bad = "TypeError: a contact must be a host, or (host, port, password), not 5"
    assert said.wait_for("contacts")["bad"] == bad


def test_a_port_may_be_given_as_text(client: Start, fake: FakeSwitch) -> None:
    fake.answers["api status"] = "UP"
    said = client(
        """
with apps.get_client("127.0.0.1", str(PORT)) as one: say("seen", status=str(one.api("status")), port=one.port)
""",
        fake,
    ).wait_for("seen")
    assert said == {"what": "seen", "status": "UP", "port": fake.port}


def test_a_password_or_command_with_a_line_break_is_refused(client: Start, fake: FakeSwitch) -> None:
    said = client(
        """
        def wrong(function, *args, **more):
            try: function(*args, **more)
            except ValueError as error: return str(error)
        link = _socket_link.connect("127.0.0.1", PORT)
        say("seen", password=wrong(SocketLink, "127.0.0.1", PORT, "a\\n\\nexit"),
            ask=wrong(link.ask, "status\\n\\nexit"), empty=wrong(link.command, ""),
            name=wrong(link.tap, ["DTMF\\n\\nexit"]))
        """.replace("\n        ", "\n"),
        fake,
    ).wait_for("seen")
    assert "line break" in said["password"] and "line break" in said["ask"]
    assert "there is no event" in said["name"] and "no command" in said["empty"]
    assert "exit" not in fake.all_commands
