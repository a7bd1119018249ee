"""`pyremote` where a switch and its workers cannot reach each other, and every connection stays open."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path

import pytest

from hosts.base import Host
from support.nats import Nats, Raw, needs_nats, state
from support.relay import Relay
from support.workers import BEGINS, Work, Worker, app, begun, keeps, known, nats, on_bus, saw, variable, work

__all__ = ["app", "nats", "work"]
pytestmark = needs_nats

# A switch takes a worker for dead that has said nothing for so long, in seconds.
BUS_PATIENCE = 1.25

ASKS = (
    BEGINS
    + """
    await session.checkpoint("asked")
    digits = await session.get_digits(1, timeout=60)
    session.setVariable("saw", json.dumps([digits, session.resumed]))
"""
)


@pytest.fixture
def way(nats: Nats) -> Iterator[Relay]:
    """The switch's way to the server."""
    relay = Relay(nats.port)
    yield relay
    relay.close()


@pytest.fixture
def slow(nats: Nats, request: pytest.FixtureRequest) -> Iterator[Relay]:
    """A way to the server that takes so many seconds there, and so many back."""
    relay = Relay(nats.port, *request.param)
    yield relay
    relay.close()


@pytest.fixture
def node(served: Host, nats: Nats, way: Relay) -> Host:
    """The switch under test, on the bus by a way that can be held; its workers have ways of their own."""
    on_bus(served, nats, url=f"nats://127.0.0.1:{way.port}")
    return served


def test_a_switch_that_is_cut_off_takes_no_worker_for_dead(node: Host, work: Work, app: str, way: Relay) -> None:
    work(ASKS)
    call, _ = begun(node, app)
    orphaned = state(node, "remote_orphaned_calls")
    with way.held():
        node.wait_log("MR0023 the bus does not answer: ")
        node.sleep(3 * BUS_PATIENCE)
    node.wait_log("the bus answers again: ")
    call.press("5")
    assert saw(call.wait(60)) == ["5", False]
    assert state(node, "remote_orphaned_calls") == orphaned


def test_a_call_whose_worker_gave_its_switch_up_is_offered_again(node: Host, work: Work, app: str, way: Relay) -> None:
    worker: Worker = work(ASKS)
    call, _ = begun(node, app)
    accepts = state(node, "remote_accepts")
    with way.held():
        worker.says(r"is not there any more")
    # Mostly the switch still waits for the bus, and hears next that its worker is there.
    node.wait_log("(it took this switch for dead|has said nothing for .* s); the call is offered to another")
    node.wait_for(lambda: state(node, "remote_accepts") == accepts + 1 or None, 30)
    call.press("5")
    assert saw(call.wait(60)) == ["5", True]


def says(at: int) -> str:
    """A program that says a number."""
    return f"async def handler(session, args): session.setVariable('saw', '{at}')"


@pytest.mark.parametrize("slow", [(0.0, 0.1)], indirect=True)
def test_a_worker_gets_calls_from_when_it_says_so_where_a_switch_hears_late(
    served: Host, nats: Nats, work: Work, app: str, slow: Relay
) -> None:
    on_bus(served, nats, url=f"nats://127.0.0.1:{slow.port}")
    known(served, app)
    for at in range(3):
        work(says(at), name=f"{app}_{at}")
        assert saw(served.call(("pyremote", f"{app}_{at}"))) == at


@pytest.mark.parametrize("slow", [(0.15, 0.0)], indirect=True)
def test_a_worker_gets_calls_from_when_it_says_so_where_it_is_heard_late(
    node: Host, work: Work, app: str, slow: Relay
) -> None:
    known(node, app)
    for at in range(3):
        work(says(at), name=f"{app}_{at}", url=f"nats://127.0.0.1:{slow.port}")
        assert saw(node.call(("pyremote", f"{app}_{at}"))) == at


def test_a_worker_gets_calls_that_has_come_while_the_switch_was_away(
    node: Host, work: Work, app: str, way: Relay
) -> None:
    def connections(least: int) -> int | None:
        found = sum("the bus is connected" in line.text for line in node.all_log())
        return found if found >= least else None

    known(node, app)
    for at in range(3):
        before = node.wait_for(lambda: connections(1))
        with way.away():
            node.wait_log("MR0023 the bus is not connected")
            work(says(at), name=f"{app}_{at}")
        node.wait_for(functools.partial(connections, before + 1))
        assert saw(node.call(("pyremote", f"{app}_{at}"))) == at


def test_a_worker_that_does_not_hear_itself_says_so(served: Host, tmp_path: Path, app: str) -> None:
    deaf = '{user: deaf, password: x, permissions: {subscribe: {deny: "fs.beat.>"}}}'
    server = Nats(tmp_path / "server", f"authorization {{ users: [{deaf}] }}")
    program = tmp_path / f"{app}.py"
    program.write_text(says(1))
    worker = Worker(served, f"nats://deaf:x@127.0.0.1:{server.port}", program, options=("--beat", "0.2"))
    try:
        worker.up()
        assert any("MR0023 the bus does not answer: what worker" in line and "in 5.2 s" in line for line in worker.said)
    finally:
        worker.end()
        server.stop()


def kept(nats: Nats, key: str) -> bytes:
    """What is under a key; nothing where it was deleted."""
    client = Raw(nats.port)
    try:
        client.subscribe("test.kept")
        client.request(f"$JS.API.DIRECT.GET.KV_freeswitch.$KV.freeswitch.{key}", b"", "test.kept")
        return client.next()[2]
    finally:
        client.close()


def test_what_a_call_has_kept_goes_once_the_bus_is_back_but_for_a_later_calls(
    node: Host, nats: Nats, work: Work, app: str, way: Relay
) -> None:
    work(keeps("earlier"))
    calls = [begun(node, app)[0] for _ in range(2)]
    keys = [f"calls.{call.uuid}.{app}" for call in calls]
    for call, key in zip(calls, keys, strict=True):
        variable(node, call.uuid, "is_kept")
        assert b"earlier" in kept(nats, key)
    later = b'{"state":"later","epoch":7,"call_id":null}'
    with way.held():
        for call in calls:
            call.hangup()
            call.wait(30)
        client = Raw(nats.port)
        client.publish(f"$KV.freeswitch.{keys[0]}", later)
        client.close()
        node.wait_for(lambda: kept(nats, keys[0]) == later or None)
    node.wait_for(lambda: not kept(nats, keys[1]) or None, 30)
    assert kept(nats, keys[0]) == later
