"""`freeswitch.events` of a switch that is elsewhere, by its event socket."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from hosts.base import Host
from hosts.fake_switch import FakeSwitch, event, leg
from support.links import Start, with_password

PRELUDE = """
from freeswitch import events
PASSWORD = sys.stdin.readline().strip()
client = apps.Client("127.0.0.1", PORT, PASSWORD)
client.connect()
def work(coroutine):
    # On the module's own loop.
    started = threading.Event()
    async def run():
        try: say("done", value=await coroutine())
        except Exception as error: say("failed", why=f"{type(error).__name__}: {error}")
    _loop.call(lambda: _loop.spawn(run()))
"""


@pytest.fixture
def client() -> Iterator[Start]:
    """Start a program; its first line of input is the password."""
    yield from with_password(PRELUDE)


def test_events_of_a_call_come_by_the_socket(served: Host, client: Start) -> None:
    port, password = served.event_socket()
    started = client(
        """
seen = []
watch = events.on("CHANNEL_ANSWER", callback=lambda event: seen.append(event["Unique-ID"]), switch=client)
async def follow():
    parked = events.once("CHANNEL_PARK", switch=client)
    # Answered behind the subscription: the switch sends it from here on.
    await client.listener.link.api("status")
    say("ready")
    uuid = (await parked)["Unique-ID"]
    stream = events.stream("CHANNEL_EXECUTE", guard={"Unique-ID": uuid}, switch=client)
    guard = {"Unique-ID": uuid}
    answer = events.once("CHANNEL_ANSWER", guard=guard, timeout=20, switch=client)
    await client.listener.link.api(f"uuid_answer {uuid}")
    answered = await answer
    client.listener.link.execute(uuid, "set", "a=b", 1, None, lambda why: None)
    executed = await anext(stream)
    hangup = events.once("CHANNEL_HANGUP", guard=guard, timeout=20, switch=client)
    client.listener.link.give(f"uuid_kill {uuid} USER_BUSY")
    over = await hangup
    return [answered["Unique-ID"] == uuid, executed["Application"], over["Hangup-Cause"], uuid in seen]
work(follow)
sys.stdin.read()
""",
        port,
        password,
    )
    started.wait_for("ready")
    call = served.start_call(served.extension(("park", "")))
    assert started.wait_for("done")["value"] == [True, "set", "USER_BUSY", True]
    assert call.wait().cause == "USER_BUSY"


def test_nothing_is_lost_between_two_waits(client: Start) -> None:
    fake = FakeSwitch()
    started = client(
        """
async def follow():
    guard, found = {"Unique-ID": "u"}, []
    for number in range(20):
        wait = events.once("DTMF", guard=guard, switch=client)
        if not number: say("ready")
        found.append((await wait)["DTMF-Digit"])
    return "".join(found)
work(follow)
sys.stdin.read()
""",
        fake.port,
    )
    started.wait_for("ready")
    fake.wait_for("event plain")
    fake.send(b"".join(leg("DTMF", "u", DTMF_Digit=str(number % 10)) for number in range(20)))
    assert started.wait_for("done")["value"] == "01234567890123456789"
    fake.close()


def test_who_wants_all_events_takes_none_from_others(client: Start) -> None:
    fake = FakeSwitch()
    started = client(
        """
watch = events.on("DTMF", callback=lambda event: say("digit"), switch=client)
every = events.on("ALL", callback=lambda event: None, switch=client)
say("all", sent=client.cmd("echo a"))
sys.stdin.readline()
every.cancel()
say("less", sent=client.cmd("echo b"))
sys.stdin.read()
""",
        fake.port,
    )
    started.wait_for("all")
    assert not any(command.startswith("nixevent") for command in fake.all_commands)
    assert started.process.stdin
    started.process.stdin.write("\n")
    started.process.stdin.flush()
    # Others are taken away by name, and never all of them at once.
    started.wait_for("less")
    fake.wait_for("nixevent")
    taken = next(command for command in fake.all_commands if command.startswith("nixevent")).split()
    assert "DTMF" not in taken and "ALL" not in taken and "CHANNEL_PARK" not in taken
    assert {"HEARTBEAT", "CHANNEL_BRIDGE"} < set(taken) and taken[-1] == "CUSTOM"
    fake.close()


@pytest.mark.parametrize("guard", [{}, {"Unique-ID": "u"}])
def test_a_wait_ends_when_the_connection_is_lost(client: Start, guard: dict[str, str]) -> None:
    fake = FakeSwitch()
    started = client(
        f"""
async def follow():
    wait = events.once("DTMF", guard={guard!r}, switch=client)
    say("ready")
    await wait
work(follow)
sys.stdin.read()
""",
        fake.port,
    )
    started.wait_for("ready")
    fake.wait_for("event plain")
    fake.close()
    assert started.wait_for("failed")["why"].startswith("ConnectionError: the connection to the switch was lost")


def test_a_stream_goes_on_when_the_switch_is_back(client: Start) -> None:
    fake = FakeSwitch()
    started = client(
        """
async def two():
    stream = events.stream("CUSTOM my::event", switch=client)
    say("ready")
    first = await anext(stream)
    say("first", x=first["X"])
    return (await anext(stream))["X"]
work(two)
sys.stdin.read()
""",
        fake.port,
    )
    started.wait_for("ready")
    fake.wait_for("event plain")
    fake.send(event("CUSTOM", Event_Subclass="my::event", X="1"))
    assert started.wait_for("first")["x"] == "1"
    port = fake.port
    fake.close()
    again = FakeSwitch(port=port)
    assert "my::event" in again.wait_for("event plain")
    again.send(event("CUSTOM", Event_Subclass="my::event", X="2"))
    assert started.wait_for("done")["value"] == "2"
    again.close()


def test_what_is_no_switch_is_refused(client: Start) -> None:
    fake = FakeSwitch()
    started = client(
        """
try: events.on("DTMF", callback=print, switch="127.0.0.1")
except TypeError as error: say("refused", why=str(error))
""",
        fake.port,
    )
    assert "must be a Client, a Connection or a session's con, not str" in started.wait_for("refused")["why"]
    fake.close()
