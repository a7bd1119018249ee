"""Placing calls from coroutines."""

from __future__ import annotations

from hosts.base import Host
from saw import coroutine, in_coroutine
from test_events import in_loop


def test_a_placed_call_does_as_it_is_told(host: Host) -> None:
    callee = host.extension("answer", ("sleep", "60000"))
    said = in_loop(
        host,
        f"""
async def body(say):
    async with await freeswitch.originate("loopback/{callee}", variables={{"mine": "a, b"}}) as other:
        say(str(other.variables["mine"]) + " ")
        await other.play("silence_stream://200")
        await other.sleep(0.1)
        say(str(other.ready()) + " ")
    await asyncio.sleep(0.5)
    try: await other.play("silence_stream://200")
    except freeswitch.SessionGone: say("gone")
""",
    )
    assert said == "a, b True gone"
    host.wait_for(lambda: host.api("show channels count").strip().startswith("0 ") or None, what="no channels")


def test_why_there_is_no_call(host: Host) -> None:
    busy = host.extension(("hangup", "USER_BUSY"))
    silent = host.extension(("sleep", "60000"))
    said = in_loop(
        host,
        f"""
async def body(say):
    for dest in ("loopback/{busy}", "nothing/at/all"):
        try: await freeswitch.originate(dest)
        except freeswitch.OriginateError as error: say(error.cause + " ")
    try: await freeswitch.originate("loopback/{silent}", timeout=1)
    except freeswitch.OriginateError as error: say(error.cause + " ")
    try: await asyncio.wait_for(freeswitch.originate("loopback/{silent}"), 0.5)
    except asyncio.TimeoutError: say("cancelled")
""",
    )
    assert said == "USER_BUSY CHAN_NOT_IMPLEMENTED NO_ANSWER cancelled"
    host.wait_for(lambda: host.api("show channels count").strip().startswith("0 ") or None, what="no channels")


def test_many_at_once(host: Host) -> None:
    callee = host.extension("answer", ("sleep", "60000"))
    said = in_loop(
        host,
        f"""
async def body(say):
    calls = await asyncio.gather(*(freeswitch.originate("loopback/{callee}") for _ in range(10)))
    await asyncio.gather(*(call.play("silence_stream://100") for call in calls))
    say(str(len({{call.uuid for call in calls}})))
""",
    )
    assert said == "10"
    # They end with the coroutine that has placed them.
    host.wait_for(lambda: host.api("show channels count").strip().startswith("0 ") or None, what="no channels")


def test_an_app_on_a_placed_call(host: Host) -> None:
    callee = host.extension("answer", ("sleep", "2500"))
    said = in_loop(
        host,
        f"""
async def body(say):
    told = asyncio.get_running_loop().create_future()
    async def app(session):
        session.set_hangup_hook(lambda session, what: say(what + " "))
        try: await session.sleep(60)
        except asyncio.CancelledError as error:
            told.set_result(str(error))
            raise
    await freeswitch.originate("loopback/{callee}", app=app)
    say(await told)
""",
    )
    assert said == "hangup hangup"


def test_a_bridge_to_a_placed_call(host: Host) -> None:
    callee = host.extension("answer", ("sleep", "2500"))
    saw, _ = in_coroutine(
        host,
        f"""
        async def body(session, saw):
            await session.answer()
            other = await freeswitch.originate("loopback/{callee}", caller=session)
            saw["caller"] = other.getVariable("origination_caller_id_number")
            await session.bridge(other)
            saw["ready"] = session.ready()
        """,
        variables={"hangup_after_bridge": "false"},
    )
    assert saw == {"ready": True, "caller": "1000"}


def test_the_caller_s_hangup_ends_it(host: Host) -> None:
    silent = host.extension(("sleep", "60000"))
    name = coroutine(
        host,
        f"""
        async def body(session, saw):
            await session.answer()
            async with session.hangup_shield():
                try: await session.originate("loopback/{silent}")
                except freeswitch.OriginateError as error: print("placed nothing", error.cause)
        """,
    )
    host.run("python", name, hangup_after=0.5)
    host.wait_log("^placed nothing ")
    host.wait_for(lambda: host.api("show channels count").strip().startswith("0 ") or None, what="no channels")


def test_a_placed_call_that_ends_at_once(host: Host) -> None:
    callee = host.extension("answer")
    said = in_loop(
        host,
        f"""
from freeswitch import _loop
async def body(say):
    for _ in range(10):
        try:
            other = await freeswitch.originate("loopback/{callee}")
            for _ in range(50): await other.sleep(0.1)
        except (freeswitch.OriginateError, freeswitch.SessionGone): say("over ")
    while _loop.here.placed: await asyncio.sleep(0.05)
""",
    )
    assert said == "over " * 10
