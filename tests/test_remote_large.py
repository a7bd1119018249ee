"""What is longer than a message of the bus: answers, calls and events come to a worker in parts."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from hosts.base import Host
from support.nats import node_of
from support.workers import BEGINS, HEAD, Work, app, nats, needs_nats, node, saw, work

__all__ = ["app", "nats", "node", "work"]
pytestmark = needs_nats

# More than two messages of a server that takes 1 MiB.
LONG = 2_500_000


@pytest.fixture
def big(node: Host) -> Iterator[Host]:
    """The switch, with a global variable that is long."""
    put = node.script("""
        import freeswitch
        def fsapi(session, stream, env, args):
            freeswitch.setGlobalVariable("big", "0123456789" * (int(args) // 10) or None)
    """)
    node.api(f"python {put} {LONG}")
    yield node
    node.api(f"python {put} 0")


def test_an_answer_comes_whole(big: Host, work: Work, app: str) -> None:
    work(
        HEAD
        + """
async def handler(session, args):
    found = await freeswitch.api("global_getvar", "big")
    session.setVariable("saw", json.dumps([len(found), found == "0123456789" * (len(found) // 10)]))
"""
    )
    assert saw(big.call(("pyremote", app))) == [LONG, True]


def test_global_variables_are_known_though_one_is_long(big: Host, work: Work, app: str) -> None:
    work(
        HEAD
        + """
async def handler(session, args):
    found = [len(session.getVariable("big")), bool(session.getVariable("hostname"))]
    session.setVariable("saw", json.dumps(found))
"""
    )
    assert saw(big.call(("pyremote", app))) == [LONG, True]


def test_a_call_with_a_long_variable_is_served(node: Host, work: Work, app: str) -> None:
    long = node.script(f"""
        def handler(session, args):
            session.setVariable("long", "x" * {LONG})
    """)
    work(
        HEAD
        + """
async def handler(session, args):
    found = [len(session.getVariable("long"))]
    await session.execute("set", "twice=${long}${long}")
    found.append(len(session.getVariable("twice") or ""))
    session.setVariable("saw", json.dumps(found))
"""
    )
    result = node.call(("python", long), ("pyremote", app))
    assert saw(result) == [LONG, len(result.variables["twice"])]


def test_what_is_said_again_has_what_was_said_with_it(node: Host, work: Work, app: str) -> None:
    """A worker that asks for what it has not heard, while an answer is on its way, misses nothing of the call."""
    part = node.script(f"""
        def handler(session, args):
            session.setVariable("part", "x" * {LONG // 5})
    """)
    work(
        HEAD
        + """
from freeswitch.apps import _worker
_worker.LOOK = 0.01
async def handler(session, args):
    found = []
    for _ in range(5):
        await session.execute("set", "long=${long}${part}")
        found.append(len(session.getVariable("long")))
    session.setVariable("saw", json.dumps(found))
"""
    )
    found = saw(node.call(("set", "long="), ("python", part), ("pyremote", app)))
    assert found == [LONG // 5 * count for count in range(1, 6)]


def test_a_long_event_comes_whole(node: Host, work: Work, app: str) -> None:
    fires = node.script(f"""
        import freeswitch
        def fsapi(session, stream, env, args):
            event = freeswitch.Event("CUSTOM", "long::one")
            event.addBody("0123456789" * {LONG // 10})
            event.fire()
    """)
    work(
        BEGINS
        + f"""
    wanted = freeswitch.events.once("CUSTOM long::one", nodes=["{node_of(node)}"], timeout=30)
    await freeswitch.api("python", "{fires}")
    session.setVariable("saw", json.dumps(len((await wanted).getBody())))
"""
    )
    assert saw(node.call(("pyremote", app))) == LONG


def test_what_no_message_can_carry_is_refused(node: Host, work: Work, app: str) -> None:
    work(
        HEAD
        + """
async def handler(session, args):
    found = []
    try: session.setVariable("long", "x" * 1_100_000)
    except ValueError as error: found.append(str(error))
    try: await session.execute("set", "long=" + "x" * 1_100_000)
    except ValueError as error: found.append(str(error))
    found.append(await freeswitch.api("echo", "x" * 1_100_000))
    await session.execute("set", "short=1")
    found.append([session.getVariable("short"), session.getVariable("long")])
    session.setVariable("saw", json.dumps(found))
"""
    )
    refused = "what is asked of a call by the bus has less than 999000 bytes, as JSON"
    too_long = "-ERR 1100005 bytes are asked, and 1000000 is the most on the bus"
    assert saw(node.call(("pyremote", app))) == [refused, refused, too_long, ["1", None]]
