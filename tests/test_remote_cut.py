"""`pyremote` where a switch and its workers cannot reach each other, and every connection stays open."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from hosts.base import Host
from support.nats import Nats, Raw, needs_nats, state
from support.relay import Relay
from support.workers import BEGINS, Work, Worker, app, begun, keeps, nats, on_bus, saw, variable, work

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
    relay.cut()


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


def test_a_worker_gets_calls_from_when_it_says_so_also_where_the_bus_is_slow(
    served: Host, nats: Nats, work: Work, app: str
) -> None:
    way = Relay(nats.port, lag=0.1)
    on_bus(served, nats, url=f"nats://127.0.0.1:{way.port}")
    # Workers have had the time to be known: from now on nobody is waited for.
    nobody = f"no worker serves '{app}'"
    served.wait_for(lambda: served.call(("pyremote", app)).variables["python_error"] == nobody or None)
    for at in range(3):
        work(f"async def handler(session, args): session.setVariable('saw', '{at}')", name=f"{app}_{at}")
        assert saw(served.call(("pyremote", f"{app}_{at}"))) == at
    way.cut()


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
