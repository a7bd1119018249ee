"""`pyremote` where a switch and its workers cannot reach each other, and every connection stays open."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from hosts.base import Host
from support.nats import Nats, needs_nats, state
from support.relay import Relay
from support.workers import BEGINS, Work, Worker, app, begun, nats, on_bus, saw, work

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
