"""The connection to the bus: settings, what goes wrong with it, and that nobody waits for it."""

from __future__ import annotations

import json
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hosts.base import Host
from hosts.ports import free_port
from support.configuration import settings
from support.nats import Nats, Raw, connected, needs_nats, node_of, state
from support.saw import in_loop

pytestmark = needs_nats

GET = """
from freeswitch import kv
async def body(say): say(json.dumps(await kv.get("there")))
"""
# Another asks at the same time, and before: what ends this wait is its own time, and nothing that ends the other's.
GET_IN_VAIN = """
from freeswitch import kv
async def body(say):
    other = asyncio.ensure_future(kv.get("there", timeout=60))
    await asyncio.sleep(0)
    begun = time.perf_counter()
    try: said = f"a value: {await kv.get('there', timeout=0.7)}"
    except kv.BusError as error: said = str(error)
    say(json.dumps([said, time.perf_counter() - begun, other.done()]))
    other.cancel()
"""


def get(host: Host) -> object:
    """Look a key up: its value."""
    return json.loads(in_loop(host, GET))


def get_in_vain(host: Host) -> str:
    """Look a key up for 0.7 seconds: what went wrong then, and not before."""
    said, took, other_is_done = json.loads(in_loop(host, GET_IN_VAIN))
    assert took > 0.6
    assert not other_is_done
    assert isinstance(said, str)
    return said


@pytest.fixture
def nats(tmp_path: Path) -> Iterator[Nats]:
    server = Nats(tmp_path / "nats")
    yield server
    server.stop()


def test_it_connects_and_says_so_once(host: Host, nats: Nats) -> None:
    host.config(settings(("bus-url", nats.url), ("bus-node", node_of(host))))
    connected(host)
    host.wait_log(f"^the bus is connected: {nats.url}, as {node_of(host)}$")
    assert get(host) is None
    assert state(host, "bus_requests") >= 1
    assert json.loads(
        in_loop(
            host,
            """
from freeswitch import bus
async def body(say): say(json.dumps(vars(bus.state())))
""",
        )
    ) == {"configured": True, "connected": True, "why": "", "node": node_of(host)}
    host.no_log("MR0023")


def test_without_a_setting_there_is_no_bus(host: Host) -> None:
    assert state(host, "bus_connected") == 0
    said = in_loop(
        host,
        """
from freeswitch import bus
async def body(say): say(f"{bus.state().configured} {bus.state().connected}")
""",
    )
    assert said == "False False"


def lines_of(host: Host) -> int:
    """How often it was said that there is no server: twice where that was before the module is loaded again, too."""
    return sum("MR0023" in line.text for line in host.log())


def test_a_server_that_is_not_there_is_one_line_and_no_wait(host: Host) -> None:
    port = free_port()
    host.config(settings(("bus-url", f"nats://127.0.0.1:{port}")))
    line = host.wait_log("MR0023")
    assert f"the bus is not connected: nats://127.0.0.1:{port}: " in line.text
    assert "refused" in line.text and "it is tried again" in line.text
    said = get_in_vain(host)
    assert "the bus is not connected" in said and "refused" in said
    # It is tried again meanwhile, and that is no news.
    told = lines_of(host)
    get_in_vain(host)
    assert lines_of(host) == told
    assert state(host, "failed_bus_requests") >= 1


def test_a_server_that_comes_later_is_found(host: Host, nats: Nats) -> None:
    nats.stop()
    host.config(settings(("bus-url", nats.url)))
    host.wait_log("MR0023 the bus is not connected")
    nats.start()
    connected(host)
    assert get(host) is None


@pytest.mark.parametrize("how", ["password", "url", "token"])
def test_a_wrong_password_is_one_line_without_the_password(host: Host, tmp_path: Path, how: str) -> None:
    auth = '{ token: "right" }' if how == "token" else '{ user: joe, password: "right" }'
    nats = Nats(tmp_path / "nats", f"authorization {auth}")
    try:
        wrong = {
            "password": (("bus-url", nats.url), ("bus-user", "joe"), ("bus-password", "wr0ng-Secret")),
            "url": (("bus-url", nats.url.replace("//", "//joe:wr0ng-Secret@")),),
            "token": (("bus-url", nats.url), ("bus-token", "wr0ng-Secret")),
        }[how]
        host.config(settings(*wrong))
        line = host.wait_log("MR0023")
        assert line.text == (
            f"MR0023 the bus is not connected: {nats.url}: it refuses the user, password, token or credentials; "
            "it is tried again"
        )
        assert "refuses" in get_in_vain(host)
        host.no_log("wr0ng-Secret")
        told = lines_of(host)
        get_in_vain(host)
        assert lines_of(host) == told
        right = [(name, value.replace("wr0ng-Secret", "right")) for name, value in wrong]
        host.config(settings(*right))
        connected(host)
        assert get(host) is None
    finally:
        nats.stop()


def test_a_server_that_forgets_a_password_and_gets_it_back(host: Host, nats: Nats) -> None:
    host.config(settings(("bus-url", nats.url)))
    connected(host)
    nats.stop()
    host.wait_log("MR0023 .*the connection was lost")
    nats.start('authorization { user: joe, password: "other" }')
    host.wait_log("MR0023 .*it refuses the user, password")
    nats.stop()
    nats.start()
    connected(host)
    assert get(host) is None


def test_a_server_that_accepts_and_says_nothing(host: Host) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        port = mute.getsockname()[1]
        host.config(settings(("bus-url", f"nats://127.0.0.1:{port}")))
        assert "the bus is not connected" in get_in_vain(host)
        host.wait_log("MR0023 .*it does not answer within 5 s")
        # The module ends all the same.
        assert host.config(None).startswith("+OK")


def test_a_server_that_hangs_makes_nobody_wait_but_who_asks(host: Host, nats: Nats) -> None:
    host.config(settings(("bus-url", nats.url)))
    connected(host)
    assert get(host) is None
    with nats.hung():
        assert get_in_vain(host) == f"{nats.url} has not answered within 0.7 s"
        fine = host.script("def fsapi(session, stream, env, args): stream.write('here')")
        assert host.api(f"python {fine}") == "here"
    assert get(host) is None


def test_it_is_back_after_a_restart_of_the_server(host: Host, nats: Nats) -> None:
    host.config(settings(("bus-url", nats.url)))
    connected(host)
    assert in_loop(host, "from freeswitch import kv\nasync def body(say): say(str(await kv.put('there', 7)))") == "1"
    before = state(host, "bus_connections")
    nats.stop()
    host.wait_log("MR0023 .*the connection was lost; it is tried again")
    nats.start()
    host.wait_for(lambda: state(host, "bus_connections") > before or None, what="the bus again")
    assert get(host) == 7
    assert len([line for line in host.log() if "MR0023" in line.text]) == 1


def test_requests_beyond_the_queue_are_refused_and_counted(host: Host) -> None:
    # Nobody is there: what is under way stays so until its deadline, and the rest waits.
    host.config(settings(("bus-url", f"nats://127.0.0.1:{free_port()}")))
    said = json.loads(
        in_loop(
            host,
            """
from freeswitch import kv
async def body(say):
    begun = time.perf_counter()
    asked = [asyncio.ensure_future(kv.get("there", timeout=3)) for _ in range(6000)]
    ended = await asyncio.gather(*asked, return_exceptions=True)
    full = sum("requests in its queue already" in str(error) for error in ended)
    late = sum("the bus is not connected" in str(error) for error in ended)
    say(json.dumps([full, late, time.perf_counter() - begun]))
""",
        )
    )
    full, late, took = said
    assert full + late == 6000
    # One after the other they would wait for hours.
    assert took < 300
    # 4,096 wait, and 256 are under way, and one in between.
    assert 6000 - 4096 - 257 <= full <= 6000 - 4096
    assert state(host, "queued_bus_requests") == 0


def test_a_forked_child_has_no_bus(host: Host, nats: Nats) -> None:
    host.config(settings(("bus-url", nats.url)))
    connected(host)
    said = in_loop(
        host,
        """
from freeswitch import kv
async def body(say):
    reads, writes = os.pipe()
    child = os.fork()
    if not child:
        try: await kv.get("there")
        except kv.BusError as error: os.write(writes, str(error).encode())
        finally: os._exit(0)
    os.close(writes)
    os.waitpid(child, 0)
    told = os.read(reads, 1000).decode()
    os.close(reads)
    say(json.dumps([told, await kv.get("there")]))
""",
    )
    assert json.loads(said) == ["this is a child that a script has forked: the bus is its parent's", None]


def test_the_switch_ends_while_connected_and_while_not(fresh: Callable[..., Host], nats: Nats) -> None:
    for url in (nats.url, f"nats://127.0.0.1:{free_port()}"):
        host = fresh(config=settings(("bus-url", url)))
        if url == nats.url:
            connected(host)
        in_loop(
            host,
            "from freeswitch import kv\nasync def body(say):\n"
            "    asyncio.ensure_future(kv.get('there', timeout=3600))\n    await asyncio.sleep(0)",
        )
        begun = time.monotonic()
        assert host.stop() == 0
        # It has not waited for who asks.
        assert time.monotonic() - begun < 1800


def test_the_module_is_reloaded_while_connected(host: Host, nats: Nats) -> None:
    for _ in range(3):
        host.config(settings(("bus-url", nats.url)))
        connected(host)
        assert get(host) is None
    host.config(None)
    assert state(host, "bus_connected") == 0


def test_what_is_wrong_in_the_settings_is_said_without_what_is_secret(host: Host) -> None:
    host.config(settings(
        ("bus-url", "http://joe:s3cr3t@127.0.0.1"), ("bus-pasword", "s3cr3t"), ("bus-node", "a.b"),
        ("bus-replicas", "9"), ("bus-ca", "relative"),
    ))  # fmt: skip
    for text in (
        r"bus-url 'http://127\.0\.0\.1': must be nats://HOST:PORT",
        r"bus-pasword '\.\.\.': there is no such parameter",
        r"bus-node 'a\.b': must be letters",
        "bus-replicas '9': must be 1 to 5",
        "bus-ca 'relative': must be a full path",
    ):
        host.wait_log(f"^MR0010 python.conf: {text}")
    host.no_log("s3cr3t")


@pytest.mark.parametrize("url", ["", "nats://127.0.0.1:99999", "nats://127.0.0.1:port", "nats://[::1", "tls://"])
def test_what_can_be_no_server_is_not_tried(host: Host, url: str) -> None:
    host.config(settings(("bus-url", url)))
    host.wait_log(rf"^MR0010 python.conf: bus-url '{re.escape(url)}': must be nats://HOST:PORT or tls://HOST:PORT$")
    assert not json.loads(in_loop(host, """
from freeswitch import bus
async def body(say): say(json.dumps(bus.state().configured))
"""))  # fmt: skip
    host.no_log("MR0023")


def test_headers_of_records_that_nobody_asks_for_leave_the_bus(host: Host, nats: Nats) -> None:
    host.config(settings(("bus-url", nats.url), ("bus-call-record-headers", "Caller-RDNIS")))
    host.wait_log(r"^MR0010 python.conf: bus-call-record-headers '\.\.\.': needs bus-call-records$")
    connected(host)


def test_credentials_that_are_not_there_are_named(host: Host, nats: Nats, tmp_path: Path) -> None:
    file = tmp_path / "joe.creds"
    host.config(settings(("bus-url", nats.url), ("bus-credentials", str(file))))
    line = host.wait_log("MR0023")
    assert f"bus-credentials {file}: No such file" in line.text


def test_messages_that_are_none_of_ours_are_counted(host: Host, nats: Nats) -> None:
    host.config(settings(("bus-url", nats.url)))
    connected(host)
    before = state(host, "strange_bus_messages")
    raw = Raw(nats.port)
    strange = [b"", b"\xff\x00", b"[]", b'{"id": 7}', b'{"id": "x", "nodes": ["*"], "asks": [{"events": 1}]}']

    def send() -> bool | None:
        # The switch may not have subscribed yet.
        for data in strange:
            raw.publish("fs.want", data)
        return state(host, "strange_bus_messages") >= before + len(strange) or None

    host.wait_for(send, what="the count")
    host.wait_log("MR0023 an unknown message to fs.want is ignored")
    assert get(host) is None
    raw.close()


def test_it_says_every_second_that_it_is_there(host: Host, nats: Nats) -> None:
    raw = Raw(nats.port)
    raw.subscribe("fs.beat.*")
    heard: list[tuple[str, bytes]] = []

    def listen() -> None:
        for _ in range(3):
            subject, _, data = raw.next()
            heard.append((subject, data))

    listening = threading.Thread(target=listen)
    listening.start()
    host.config(settings(("bus-url", nats.url), ("bus-node", "sw-1")))
    connected(host)
    host.wait_for(lambda: not listening.is_alive() or None, what="three heartbeats")
    listening.join()
    assert {subject for subject, _ in heard} == {"fs.beat.sw-1"}
    said = json.loads(heard[0][1])
    assert said["node"] == "sw-1" and said["kind"] == "switch" and said["running"] == 0 and said["version"]
    raw.close()


def test_another_switch_of_its_name_is_said(host: Host, nats: Nats) -> None:
    name = node_of(host)
    host.config(settings(("bus-url", nats.url), ("bus-node", name)))
    connected(host)
    raw = Raw(nats.port)
    since = host.mark()
    # What a module that was loaded again has said last is no other switch.
    raw.publish(
        f"fs.beat.{name}", json.dumps({"node": name, "kind": "switch", "pid": 41, "instance": "before"}).encode()
    )
    twin = json.dumps({"node": name, "kind": "switch", "pid": 42, "instance": "twin"}).encode()
    raw.publish(f"fs.beat.{name}", twin)
    raw.publish(f"fs.beat.{name}", twin)
    line = rf"MR0023 another switch on the bus is called {name}, too \(its process is 42\): .* a bus-node of its own"
    host.wait_log(line, since=since)
    host.no_log("its process is 41")
    raw.close()


def test_a_watch_goes_on_after_a_restart_of_the_server(host: Host, nats: Nats) -> None:
    host.config(settings(("bus-url", nats.url)))
    connected(host)
    name = host.script("""
        import asyncio, freeswitch
        from freeswitch import kv
        async def runtime(args):
            watch = kv.watch("seen.*")
            await kv.put("seen.first", 1)
            async for entry in watch:
                freeswitch.consoleLog("info", f"seen {entry.key} {entry.value}\\n")
                if entry.value == 2: watch.close()
    """)
    host.api(f"pyrun {name}")
    host.wait_log("^seen seen.first 1$")
    before = state(host, "bus_connections")
    nats.stop()
    host.wait_log("MR0023 .*the connection was lost")
    nats.start()
    host.wait_for(lambda: state(host, "bus_connections") > before or None, what="the bus again")
    in_loop(host, "from freeswitch import kv\nasync def body(say): await kv.put('seen.second', 2)")
    host.wait_log("^seen seen.second 2$", timeout=60)
