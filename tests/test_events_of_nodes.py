"""`freeswitch.events` over the switches of a bus, `nodes=`."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from hosts.base import Host
from support.configuration import settings
from support.nats import SERVER, Nats, Raw, connected, needs_nats, node_of, state
from support.saw import FIRE, in_loop


@pytest.fixture
def nats(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nats]:
    assert SERVER is not None
    server = Nats(tmp_path_factory.mktemp("nats"))
    yield server
    server.stop()


@pytest.fixture
def node(host: Host, nats: Nats) -> Host:
    """The switch under test, on the bus."""
    host.config(settings(("bus-url", nats.url), ("bus-node", node_of(host))))
    connected(host)
    return host


def listening(host: Host, source: str) -> None:
    """Begin a script that listens in the background, whose `await found(text)` logs what it has."""
    name = host.script(
        "import asyncio, freeswitch, json\nfrom freeswitch import events, kv\n"
        "def found(what): freeswitch.consoleLog('info', 'found ' + json.dumps(what) + '\\n')\n"
        + source + "\nasync def runtime(args): await main()\n"
    )  # fmt: skip
    host.api(f"pyrun {name}")
    host.wait_log('^found "ready"$')


@needs_nats
def test_events_of_another_node_come(node: Host, nats: Nats) -> None:
    listening(
        node,
        """
async def main():
    wait = events.once("CUSTOM test::events", guard={"Number": "7"}, timeout=60, nodes=["two", "three"])
    found("ready")
    event = await wait
    found([event["Bus-Node"], event["Number"], event["Event-Subclass"], event.getBody(), event.getHeader("List")])
""",
    )
    text = (
        "Bus-Node: two\nEvent-Name: CUSTOM\nEvent-Subclass: test%3A%3Aevents\nNumber: {}\nList: ARRAY::a|:b%25\n"
        "Content-Length: 4\n\nübe"
    )
    raw = Raw(nats.port)

    def told() -> object:
        for name, number in (("four", 7), ("two", 8), ("two", 7)):
            raw.publish(f"fs.{name}.ev.CUSTOM.-", text.format(number).replace("two", name).encode())
        return next((line.text for line in node.log() if line.text.startswith("found [")), None)

    said = json.loads(str(node.wait_for(told, what="the event")).removeprefix("found "))
    assert said == ["two", "7", "test::events", "übe", "ARRAY::a|:b%"]
    raw.close()


@needs_nats
def test_a_switch_sends_what_somebody_asks_for_and_nothing_else(node: Host, nats: Nats) -> None:
    raw = Raw(nats.port)
    raw.subscribe(f"fs.{node_of(node)}.ev.>")
    wish = {"id": "me", "nodes": ["*"], "asks": [{"events": ["CUSTOM test::events"], "headers": [["Who", "a b"]]}]}
    fire = node.script(
        "import freeswitch\nfrom freeswitch import events\n"
        + FIRE
        + """
async def fsapi(session, stream, env, args):
    last = events.once("CUSTOM test::events", guard={"Number": "3"}, timeout=20)
    fire(1, Who="a b")
    fire(2, Who="other")
    freeswitch.Event("CUSTOM", "test::other").fire()
    fire(3, Who="a b", Text="ü 100%")
    await last
"""
    )
    # Nobody has asked yet.
    before = state(node, "bus_events_sent")
    node.api(f"python {fire}")
    assert state(node, "bus_events_sent") == before
    other = {**wish, "id": "of another", "nodes": ["two"], "asks": [{"events": ["ALL"], "headers": []}]}

    def asked() -> bool | None:
        raw.publish("fs.want", json.dumps(other).encode())
        raw.publish("fs.want", json.dumps(wish).encode())
        node.api(f"python {fire}")
        return state(node, "bus_events_sent") > before or None

    node.wait_for(asked, what="the first event")
    subject, _, data = raw.next()
    assert subject == f"fs.{node_of(node)}.ev.CUSTOM.-"
    head = data.decode().partition("\n\n")[0].splitlines()
    assert head[0] == f"Bus-Node: {node_of(node)}"
    assert "Who: a%20b" in head and "Event-Subclass: test%3A%3Aevents" in head
    # Once asked for, each run fires two that are wanted.
    node.wait_for(lambda: (state(node, "queued_bus_events") == 0) or None, what="an empty queue")
    sent = state(node, "bus_events_sent")
    node.api(f"python {fire}")
    node.wait_for(lambda: state(node, "bus_events_sent") >= sent + 2 or None, what="two more")
    assert state(node, "bus_events_sent") == sent + 2
    raw.publish("fs.unwant", b"me")

    def quiet() -> bool | None:
        sent = state(node, "bus_events_sent")
        node.api(f"python {fire}")
        node.sleep(0.05)
        return state(node, "bus_events_sent") == sent or None

    node.wait_for(quiet, what="the end of the wish")
    raw.close()


@needs_nats
def test_the_own_events_of_a_node_come_too(node: Host) -> None:
    said = in_loop(
        node,
        FIRE
        + """
async def body(say):
    stream = events.stream("CUSTOM test::events", nodes="*")
    async with asyncio.timeout(60):
        first = asyncio.ensure_future(anext(stream))
        number = 0
        while not first.done():
            number += 1
            fire(number)
            await asyncio.sleep(0.05)
        event = await first
    say(json.dumps([event["Bus-Node"], event["Event-Subclass"]]))
""",
    )
    assert json.loads(said) == [node_of(node), "test::events"]


@needs_nats
def test_a_wait_for_another_node_is_as_long_in_real_time(node: Host) -> None:
    """What others send comes in no other: a timeout that pocket's clock jumps to is over before anything can come."""
    said = in_loop(
        node,
        """
async def lasts(wait):
    begun = time.perf_counter()
    try: await wait
    except TimeoutError: return time.perf_counter() - begun
async def body(say):
    names = "CUSTOM test::events"
    stream = events.stream(names, nodes=["two"])
    say(json.dumps([
        await lasts(events.once(names, timeout=2, nodes="two")),
        await lasts(asyncio.wait_for(anext(stream), 2)),
    ]))
""",
    )
    assert min(json.loads(said)) >= 1


@needs_nats
def test_a_call_is_followed_over_the_bus(node: Host) -> None:
    listening(
        node,
        """
async def main():
    stream = events.stream("CHANNEL_ANSWER", "CHANNEL_HANGUP_COMPLETE", nodes="@NODE@")
    found("ready")
    kinds = []
    async for event in stream:
        kinds.append(event["Event-Name"])
        if kinds[-1] == "CHANNEL_HANGUP_COMPLETE": break
    found([kinds, event["Bus-Node"], event["Hangup-Cause"]])
""".replace("@NODE@", node_of(node)),
    )
    node.wait_for(
        lambda: (
            node.call(("answer", ""), ("hangup", "USER_BUSY"))
            and next((True for line in node.log() if line.text.startswith("found [")), None)
        ),
        what="a call that was followed",
    )
    line = next(line.text for line in node.log() if line.text.startswith("found ["))
    kinds, name, cause = json.loads(line.removeprefix("found "))
    # The first call may have begun before the switch knew.
    assert kinds[-1] == "CHANNEL_HANGUP_COMPLETE" and set(kinds[:-1]) <= {"CHANNEL_ANSWER"}
    assert (name, cause) == (node_of(node), "USER_BUSY")


@needs_nats
def test_waits_end_when_the_bus_is_lost(node: Host, nats: Nats) -> None:
    listening(
        node,
        """
async def main():
    wait = events.once("CHANNEL_ANSWER", timeout=60, nodes="two")
    found("ready")
    try: await wait
    except ConnectionError as error: found([str(error)])
""",
    )
    nats.stop()
    line = node.wait_log(r"^found \[")
    assert "the connection to the switch was lost: the connection was lost" in line.text


@needs_nats
def test_wishes_hold_over_a_restart_of_the_server(node: Host, nats: Nats) -> None:
    listening(
        node,
        FIRE
        + """
async def main():
    watch = events.on("CUSTOM test::events", callback=lambda event: found([event["Number"]]), nodes="*")
    found("ready")
    number = 0
    while True:
        number += 1
        fire(number)
        await asyncio.sleep(0.05)
""",
    )
    node.wait_log(r"^found \[")
    before = state(node, "bus_connections")
    nats.stop()
    node.wait_log("MR0023")
    nats.start()
    node.wait_for(lambda: state(node, "bus_connections") > before or None, what="the bus again")
    node.wait_log(r"^found \[", since=node.mark())


@needs_nats
def test_a_server_that_takes_nothing_does_not_slow_the_switch(node: Host, nats: Nats) -> None:
    """A subscriber that is stuck, and a server that is, cost dropped events: who fires does not wait for them."""
    raw = Raw(nats.port)
    wish = {"id": "me", "nodes": [node_of(node)], "asks": [{"events": ["CUSTOM test::events"], "headers": []}]}
    fire = node.script(
        "import freeswitch\n"
        + FIRE
        + """
def fsapi(session, stream, env, args):
    for number in range(int(args)): fire(number, Text="x" * 1000)
    stream.write("fired")
"""
    )

    def asked() -> bool | None:
        raw.publish("fs.want", json.dumps(wish).encode())
        node.api(f"python {fire} 1")
        return state(node, "bus_events_sent") > 0 or None

    node.wait_for(asked, what="the first event")
    with nats.hung():
        # Many times what the queues and the socket hold: who fires is done, and the server still hangs.
        assert [node.api(f"python {fire} 10000") for _ in range(4)] == ["fired"] * 4
        node.wait_for(lambda: state(node, "dropped_bus_events") > 0 or None, what="dropped events")
        node.wait_log("MR0012 the bus cannot keep up: [0-9]+ events were not sent")
        assert state(node, "queued_bus_events") <= 8193
    raw.close()


def test_without_a_bus_all_nodes_are_this_switch(host: Host) -> None:
    said = in_loop(
        host,
        FIRE
        + """
async def body(say):
    wait = events.once("CUSTOM test::events", timeout=20, nodes="*")
    fire(7)
    event = await wait
    try: events.on("CUSTOM test::events", callback=print, nodes="two")
    except ValueError as error: told = str(error)
    say(json.dumps([event["Number"], told]))
""",
    )
    assert json.loads(said) == [
        "7", "node 'two' cannot be reached, for no bus is configured: set bus-url in python.conf"
    ]  # fmt: skip


def test_bad_nodes_are_named(host: Host) -> None:
    said = in_loop(
        host,
        """
async def body(say):
    told = []
    for how in ({"nodes": ""}, {"nodes": []}, {"nodes": [7]}, {"nodes": "*", "switch": object()}):
        try: events.once("DTMF", **how)
        except ValueError as error: told.append(str(error))
    say(json.dumps(told))
""",
    )
    wrong = "argument 'nodes' must be \"*\", a node's name, or a list of names"
    assert json.loads(said) == [wrong] * 3 + ["a switch and nodes were named: the events are of either"]
