"""Placing calls from coroutines."""

from __future__ import annotations

import json

from hosts.base import Host
from support.saw import coroutine, in_coroutine, in_loop


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
    await until(lambda: not other.ready())
    try: await other.play("silence_stream://200")
    except freeswitch.SessionGone: say("gone")
""",
    )
    assert said == "a, b True gone"
    host.wait_no_calls()


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
    host.wait_no_calls()


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
    host.wait_no_calls()


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


def test_a_bridge_that_is_given_up_as_it_begins_leaves_the_call_up(host: Host) -> None:
    # On a busy machine one in a hundred leaves the bridge before the other leg's thread has looked for it. The core
    # waits ten seconds then, and hangs the call up.
    far = host.extension("answer", ("sleep", "20000"))
    saw, call = in_coroutine(
        host,
        f"""
        async def body(session, saw):
            await session.answer()
            for saw["given_up"] in range(1, 41):
                begun = session.once("CHANNEL_BRIDGE", timeout=20)
                bridging = asyncio.create_task(session.bridge("loopback/{far}/default"))
                await begun
                bridging.cancel()
                await asyncio.gather(bridging, return_exceptions=True)
                async with asyncio.timeout(8):
                    await session.play("tone_stream://%(20,0,440)")
        """,
        variables={"hangup_after_bridge": "true"},
        timeout=100,
    )
    assert (saw["given_up"], call.cause) == (40, "NORMAL_CLEARING")


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
    host.run("python", name, hangup_after=1.5)
    host.wait_log("^placed nothing ")
    host.wait_no_calls()


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
    await until(lambda: not _loop.here.placed)
""",
    )
    assert said == "over " * 10


def test_a_call_that_is_answered_as_its_await_is_cancelled(host: Host) -> None:
    callee = host.extension(("sleep", "300"), "answer", ("sleep", "60000"))
    said = in_loop(
        host,
        f"""
async def body(say):
    loop = asyncio.get_running_loop()
    for _ in range(3):
        # The loop is held up until both have come.
        loop.call_later(0.2, time.sleep, 0.8)
        try:
            async with asyncio.timeout(0.6): await freeswitch.originate("loopback/{callee}", timeout=5)
        except TimeoutError: say("late ")
""",
    )
    # On pocket the answer comes at once, and nothing is late.
    assert host.is_pocket or said == "late " * 3
    host.wait_no_calls()


VALUES = [
    "Bob {x}",
    "a,b;c~d|e!f#g%h@i",
    "O'Brien, D'Arcy",
    "back\\\\slash",
    "^^:[x]",
    " spaces ",
    "'quoted'",
]


def test_variables_are_what_they_are(host: Host) -> None:
    callee = host.extension("answer", ("sleep", "60000"))
    said = in_loop(
        host,
        f"""
async def body(say):
    values = {VALUES!r}
    given = {{f"v{{n}}": value for n, value in enumerate(values)}}
    given["origination_caller_id_name"] = "Bob 'The' {{Builder}}, Esq."
    async with await freeswitch.originate("{{mine=yes}}loopback/{callee}", variables=given) as other:
        wrong = {{name: other.getVariable(name) for name, value in given.items() if other.getVariable(name) != value}}
        say(f"{{wrong}} {{other.getVariable('mine')}}")
""",
    )
    assert said == "{} yes"


def test_arguments_that_are_wrong(host: Host) -> None:
    said = in_loop(
        host,
        """
async def body(say):
    for wrong in ({"dest": ""}, {"dest": 5}, {"timeout": -1}, {"timeout": float("nan")}, {"timeout": None},
                  {"caller": 5}, {"app": "park"}, {"variables": {"x": 5}}, {"variables": {"": "x"}}):
        try: await freeswitch.originate(**{"dest": "loopback/nobody", **wrong})
        except (TypeError, ValueError) as error: say("-" if next(iter(wrong)) in str(error) else f"{wrong} {error}")
""",
    )
    assert said == "-" * 9


def test_an_app_on_a_placed_call_is_a_script_like_others(host: Host) -> None:
    callee = host.extension("answer", ("sleep", "60000"))
    name = host.script(f"""
        import asyncio, freeswitch
        async def works(session):
            await session.sleep(60)
        async def raises(session):
            raise ValueError("in the app")
        async def fsapi(session, stream, env, args):
            await freeswitch.originate("loopback/{callee}", app=globals()[args])
    """)
    host.api(f"python {name} raises")
    host.wait_log("MR0004 app raises failed")
    host.api(f"python {name} works")
    (script,) = json.loads(host.api("pyps json"))
    assert (script["way"], script["function"]) == ("app", "works")
    assert host.api(f"pykill {script['id']}").startswith("+OK")
    host.wait_no_calls()
