"""What the end of a call does to the coroutines that work on it, and to what they wait for."""

from __future__ import annotations

import json
from uuid import uuid4

import pytest

from hosts.base import Host
from support.saw import in_coroutine, in_loop

# The far end hangs up, by a coroutine of its own: on a loopback call its media goes a moment before the call does.
FAR = """
async def far(ext, verb):
    async with await freeswitch.originate("loopback/" + ext, timeout=5) as other:
        await under_way(other.variables["other_loopback_leg_uuid"], verb)
        await asyncio.sleep(0.3)
        await other.hangup()
"""
# An application that is over within a frame counts as done: it is to last longer before its call ends.
UNDER_WAY = """
begun = set()
def look_for_applications():
    saw = lambda event: begun.add(event["Unique-ID"])
    return events.on("CHANNEL_EXECUTE", callback=saw, guard={"Application": "sleep"})
async def under_way(uuid, verb):
    if verb.startswith("execute"):
        await until(lambda: uuid in begun)
        await asyncio.sleep(0.1)
"""
VERBS = [
    "get_digits(1)",
    "execute('sleep', '9000')",
    "play('silence_stream://20000')",
    "play_and_get_digits('silence_stream://20000', tries=1)",
    "sleep(9)",
]


@pytest.mark.parametrize("verb", VERBS)
def test_no_verb_returns_on_a_call_that_is_over(host: Host, verb: str) -> None:
    name = host.script(f"""
        import json
        ended = []
        async def handler(session, args):
            await session.answer()
            try: ended.append(repr(await session.{verb}))
            except BaseException as error:
                ended.append(type(error).__name__)
                raise
        def fsapi(session, stream, env, args): stream.write(json.dumps(ended))
    """)
    extension = host.extension(("python", name))
    in_loop(
        host,
        UNDER_WAY
        + FAR
        + f"""
async def body(say):
    applications = look_for_applications()
    await asyncio.gather(*(far("{extension}", {verb!r}) for _ in range(20)))
    applications.cancel()
""",
    )

    def ended() -> list[str]:
        found: list[str] = json.loads(host.api(f"python {name}"))
        return found

    host.wait_for(lambda: len(ended()) == 20 or None, what="the ends of the calls")
    assert ended() == ["CancelledError"] * 20


@pytest.mark.parametrize("verb", VERBS)
def test_media_that_ends_long_before_its_call_breaks_no_verb(host: Host, verb: str) -> None:
    """The far leg of a loopback pair ends the media at once, and the call when its own thread comes to that."""
    name = host.script(f"""
        import json
        began, ended = [], []
        async def handler(session, args):
            await session.answer()
            began.append(session.uuid)
            try: ended.append(repr(await session.{verb}))
            except BaseException as error:
                ended.append(type(error).__name__)
                raise
        def fsapi(session, stream, env, args): stream.write(json.dumps([began, ended]))
    """)
    busy = host.script("""
        import freeswitch
        def hook(session, what): freeswitch.msleep(1500)
        def handler(session, args):
            session.setHangupHook(hook)
            session.setVariable("is_busy", "true")
            session.sleep(60000)
    """)

    def said(which: int) -> list[str]:
        found: list[str] = json.loads(host.api(f"python {name}"))[which]
        return found

    uuid, extension = str(uuid4()), host.extension(("python", name))
    host.api(f"originate {{origination_uuid={uuid}}}loopback/{extension} &python({busy})")
    (near,) = host.wait_for(lambda: said(0) or None, what="the verb")
    if verb.startswith("execute"):
        # An application that is over within a frame counts as done: this one lasts longer.
        host.wait_event("CHANNEL_EXECUTE", {"Unique-ID": near, "Application": "sleep"})
        host.sleep(0.1)
    host.wait_for(lambda: host.api(f"uuid_getvar {uuid} is_busy") == "true" or None, what="the far leg in its script")
    host.api(f"uuid_kill {uuid}")
    host.wait_for(lambda: said(1) or None, what="the end of the verb")
    assert said(1) == ["CancelledError"]


@pytest.mark.parametrize("verb", VERBS)
def test_a_placed_call_that_is_over_is_lost(host: Host, verb: str) -> None:
    callee = host.extension("answer", ("read", "1 1 silence_stream://60000 got 60000 #"))
    said = in_loop(
        host,
        UNDER_WAY
        + f"""
import gc, weakref
from freeswitch import _loop
kept = []
class Big: pass
async def end(uuid, far):
    await under_way(uuid, {verb!r})
    await freeswitch.api("uuid_recv_dtmf", far + " 1")
async def one(say):
    big = Big()
    kept.append(weakref.ref(big))
    other = await freeswitch.originate("loopback/{callee}", timeout=5)
    far = other.variables["other_loopback_leg_uuid"]
    # Its digit waits for the far leg, which then hangs up by itself.
    ending = asyncio.create_task(end(other.uuid, far))
    try: say(repr(await other.{verb}))
    except freeswitch.SessionGone as error: say(type(error).__name__ + " ")
    await ending
async def body(say):
    applications = look_for_applications()
    await asyncio.gather(*(one(say) for _ in range(10)))
    applications.cancel()
    await asyncio.sleep(0)
    gc.collect()
    say(f"{{len(_loop.here.waiting)}} {{sum(ref() is not None for ref in kept)}}")
""",
    )
    assert said == "SessionLost " * 10 + "0 0"


@pytest.mark.parametrize("error", ["asyncio.CancelledError()", "KeyboardInterrupt()", "SystemExit()", "ValueError()"])
def test_a_hook_that_raises_leaves_no_coroutine_behind(host: Host, error: str) -> None:
    saw, _ = in_coroutine(
        host,
        f"""
        async def body(session, saw):
            await session.answer()
            async def hook(of, what):
                saw["hooked"] = what
                raise {error}
            session.set_hangup_hook(hook)
            try: await asyncio.sleep(60)
            except asyncio.CancelledError as error: saw["with"] = str(error)
        """,
        hangup_after=1.5,
    )
    assert saw == {"hooked": "hangup", "with": "hangup"}


def test_waiting_for_an_event_of_a_call_that_is_gone(host: Host) -> None:
    callee = host.extension("answer", ("sleep", "300"))
    said = in_loop(
        host,
        f"""
async def tried(work):
    try: return await work
    except Exception as error: return type(error).__name__
async def all_of(stream): return [event async for event in stream]
async def body(say):
    other = await freeswitch.originate("loopback/{callee}", timeout=5)
    never = asyncio.get_running_loop().create_future()
    said = await asyncio.gather(
        tried(other.once("CHANNEL_UNHOLD")),
        tried(other.once("CHANNEL_UNHOLD", until=never)),
        tried(other.once("CHANNEL_UNHOLD", until=asyncio.sleep(0.05))),
        tried(other.once("CHANNEL_UNHOLD", timeout=0.05)),
        all_of(other.stream("CHANNEL_UNHOLD")),
    )
    said += [await tried(other.once("CHANNEL_UNHOLD")), await all_of(other.stream("CHANNEL_UNHOLD"))]
    say(str(said))
""",
    )
    assert said == "['SessionLost', 'SessionLost', 'Abandoned', 'TimeoutError', [], 'SessionLost', []]"


def test_digits_that_a_cancelled_verb_has_read_are_not_lost(host: Host) -> None:
    saw, _ = in_coroutine(
        host,
        """
        async def body(session, saw):
            await session.answer()
            try: await asyncio.wait_for(session.get_digits(4, timeout=20), 1)
            except asyncio.TimeoutError: saw["late"] = True
            saw["digits"] = await session.get_digits(4, timeout=5)
        """,
        press=[(0.5, "12"), (1.5, "34")],
    )
    assert saw == {"late": True, "digits": "1234"}


def test_a_coroutine_that_swallows_its_end_is_said_to_refuse(host: Host) -> None:
    name = host.script("""
        import asyncio
        ends = asyncio.Event()
        async def handler(session, args):
            await session.answer()
            print("waits")
            while not ends.is_set():
                try: await asyncio.wait_for(ends.wait(), 60)
                except asyncio.CancelledError: pass
        async def fsapi(session, stream, env, args): ends.set()
    """)
    call = host.start_call(host.extension(("python", name)))
    host.wait_log("^waits$")
    (script,) = json.loads(host.api("pyps json"))
    assert "swallows what ends it at" in host.api(f"pykill {script['id']}")
    # Its call ends with its extension.
    host.api(f"python {name}")
    call.wait()
