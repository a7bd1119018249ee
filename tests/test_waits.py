"""Waits one after the other: armed by the call, and nothing lost between two."""

from __future__ import annotations

import pytest

from hosts.base import Host
from support.apps import Loaded
from support.saw import FIRE, in_coroutine, in_loop

DIGITS = "12345678901234567890"

# Fires the digits of a call as fast as it can, from a thread of its own.
PRESS = """
def press(uuid, digits):
    for digit in digits:
        event = freeswitch.Event("DTMF")
        event["Unique-ID"], event["DTMF-Digit"] = uuid, digit
        event.fire()
"""


@pytest.mark.parametrize(
    "wait",
    [
        'events.once("DTMF", guard={"Unique-ID": "one-call"}, timeout=20)',
        'asyncio.wait_for(events.once("DTMF", guard={"Unique-ID": "one-call"}), 20)',
        'asyncio.wait_for(one_more(), 20)',
        'events.once("DTMF", guard=({"Unique-ID": "one-call"}, lambda e: True), timeout=20)',
        'events.once("DTMF", guard={"Source": "here"}, timeout=20)',
    ],
)  # fmt: skip
def test_once_in_a_loop_sees_all_that_come_at_once(host: Host, wait: str) -> None:
    said = in_loop(
        host,
        f"""
async def one_more(): return await events.once("DTMF", guard={{"Unique-ID": "one-call"}})
async def body(say):
    def press():
        for digit in "{DIGITS}":
            event = freeswitch.Event("DTMF")
            event["Unique-ID"], event["DTMF-Digit"], event["Source"] = "one-call", digit, "here"
            event.fire()
    for _ in range(5):
        wait = asyncio.ensure_future({wait})
        await turns()
        press()
        digits = [(await wait)["DTMF-Digit"]]
        while len(digits) < {len(DIGITS)}: digits.append((await {wait})["DTMF-Digit"])
        say("".join(digits) + " ")
""",
    )
    assert said == f"{DIGITS} " * 5


def test_events_of_several_kinds_at_once_on_a_call(host: Host) -> None:
    said = in_loop(
        host,
        """
async def body(say):
    kinds = ("CHANNEL_ANSWER", "CHANNEL_BRIDGE", "CUSTOM test::waits", "CHANNEL_UNBRIDGE")
    guard = {"Unique-ID": "call-of-kinds"}
    def fire():
        for kind in kinds:
            event = freeswitch.Event(*kind.split())
            event["Unique-ID"] = "call-of-kinds"
            event.fire()
    first = events.once(kinds[0], guard=guard, timeout=20)
    fire()
    say((await first).getType())
    for kind in kinds[1:]: say(" " + (await events.once(kind, guard=guard, timeout=20)).getType())
    # The second round of the same kinds has not come.
    try: await events.once(kinds[0], guard=guard, timeout=0.2)
    except TimeoutError: say(" none")
""",
    )
    assert said == "CHANNEL_ANSWER CHANNEL_BRIDGE CUSTOM CHANNEL_UNBRIDGE none"


def test_waits_that_are_begun_together_begin_at_one_place(host: Host) -> None:
    """Whichever of the events comes first, and though both have come already."""
    said = in_loop(
        host,
        """
async def body(say):
    guard = {"Unique-ID": "one-call-of-two"}
    def fire(*kinds):
        for kind in kinds:
            event = freeswitch.Event(kind)
            event["Unique-ID"] = "one-call-of-two"
            event.fire()
    parks = []
    watch = events.on("CHANNEL_PARK", guard=guard, callback=parks.append)
    first = events.once("CHANNEL_CREATE", guard=guard, timeout=20)
    fire("CHANNEL_CREATE", "CHANNEL_EXECUTE", "CHANNEL_PARK", "CHANNEL_HOLD", "CHANNEL_PARK")
    await first
    await until(lambda: len(parks) == 2)
    watch.cancel()
    both = asyncio.gather(*(events.once(kind, guard=guard, timeout=2) for kind in ("CHANNEL_PARK", "CHANNEL_EXECUTE")))
    say(" ".join([event.getType() for event in await both]))
    # And the next begins after the one that was named first.
    for kind in ("CHANNEL_HOLD", "CHANNEL_PARK"): say(" " + (await events.once(kind, guard=guard, timeout=2)).getType())
""",
    )
    assert said == "CHANNEL_PARK CHANNEL_EXECUTE CHANNEL_HOLD CHANNEL_PARK"


@pytest.mark.parametrize("ends", ["timeout", "cancel"])
def test_what_comes_after_a_wait_in_vain_is_found_by_the_next(host: Host, ends: str) -> None:
    saw, _ = in_coroutine(
        host,
        PRESS
        + f"""
import freeswitch
from freeswitch import events
async def body(session, saw):
    await session.answer()
    pressed = []
    def note(event): pressed.append(event["DTMF-Digit"])
    watch = events.on("DTMF", guard={{"Unique-ID": session.uuid}}, callback=note)
    for digit in "12":
        wait = asyncio.ensure_future(session.once("DTMF", timeout={0.1 if ends == "timeout" else 20}))
        if {ends == "timeout"}: await asyncio.wait([wait])
        await turns()
        wait.cancel()
        await asyncio.wait([wait])
        await asyncio.to_thread(press, session.uuid, digit)
        await until(lambda: digit in pressed)
        saw[digit] = (await session.once("DTMF", timeout=5))["DTMF-Digit"]
""",
    )
    assert saw == {"1": "1", "2": "2"}


def test_digits_of_a_call_of_an_async_session(host: Host) -> None:
    saw, _ = in_coroutine(
        host,
        PRESS
        + f"""
import freeswitch, threading
async def body(session, saw):
    await session.answer()
    first = session.once("DTMF", timeout=20)
    await asyncio.to_thread(press, session.uuid, "{DIGITS}")
    saw["digits"] = (await first)["DTMF-Digit"]
    while len(saw["digits"]) < {len(DIGITS)}: saw["digits"] += (await session.once("DTMF", timeout=20))["DTMF-Digit"]
""",
    )
    assert saw == {"digits": DIGITS}


def test_a_wait_is_armed_by_the_call(host: Host) -> None:
    saw, _ = in_coroutine(
        host,
        """
import freeswitch
from freeswitch import events
async def body(session, saw):
    of_call = {"Unique-ID": session.uuid}
    waits = [
        asyncio.create_task(events.once("CHANNEL_ANSWER", guard=of_call, timeout=5)),
        asyncio.create_task(events.once("CHANNEL_ANSWER", guard=lambda e: e["Unique-ID"] == session.uuid, timeout=5)),
        asyncio.create_task(session.once("CHANNEL_ANSWER", timeout=5)),
        session.once("CHANNEL_ANSWER"),
    ]
    freeswitch.API().execute("uuid_answer", session.uuid)
    await asyncio.wait(waits[:3])
    saw["came"] = [event.getType() for event in await asyncio.wait_for(asyncio.gather(*waits), 5)]
""",
    )
    assert saw == {"came": ["CHANNEL_ANSWER"] * 4}


def test_one_that_is_never_awaited_disarms_itself(host: Host) -> None:
    said = in_loop(
        host,
        """
import gc, warnings
from freeswitch import _loop
async def body(say):
    before = len(_loop.here.taps)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for guard in (None, {"Unique-ID": "a-call-of-nobody"}):
            wait = events.once("CUSTOM nobody::fires", guard=guard)
            say(str(len(_loop.here.taps) - before))
            del wait
            gc.collect()
            for _ in range(20): await asyncio.sleep(0)
            say(f"{len(_loop.here.taps) - before} ")
    # Nor does one leave anything behind that has ended.
    for _ in range(3):
        try: await events.once("CUSTOM nobody::fires", guard={"Unique-ID": "a-call-of-nobody"}, timeout=0.01)
        except TimeoutError: pass
    for _ in range(20): await asyncio.sleep(0)
    say(str(len(_loop.here.taps) - before))
""",
    )
    assert said == "10 10 0"


def test_what_waits_of_calls_read_from_is_closed_with_the_call(host: Host) -> None:
    said = in_loop(
        host,
        """
from freeswitch import _loop
async def body(say):
    before = len(_loop.here.taps)
    for number in range(20):
        guard = {"Unique-ID": f"call-{number}"}
        wait = events.once("CHANNEL_ANSWER", guard=guard, timeout=20)
        for kind in ("CHANNEL_ANSWER", "CHANNEL_DESTROY"):
            event = freeswitch.Event(kind)
            event["Unique-ID"] = f"call-{number}"
            event.fire()
        await wait
        await events.once("CHANNEL_DESTROY", guard=guard, timeout=20)
    for _ in range(20): await asyncio.sleep(0)
    say(str(len(_loop.here.taps) - before))
""",
    )
    assert said == "0"


def test_a_coroutine_as_until_can_be_used_again(host: Host) -> None:
    said = in_loop(
        host,
        FIRE
        + """
async def body(say):
    end = events.once("CUSTOM test::events", guard={"Color": "last"})
    for n in range(3):
        wait = events.once("CUSTOM test::events", guard={"Color": "red"}, until=end, timeout=20)
        fire(n, Color="red")
        say((await wait)["Number"])
    fire(9, Color="last")
    for _ in range(2):
        try: await events.once("CUSTOM test::events", guard={"Color": "red"}, until=end, timeout=20)
        except events.Abandoned: say(" abandoned")
    async def raises(): raise ValueError("in until")
    try: await events.once("CUSTOM test::events", until=raises(), timeout=20)
    except events.Abandoned as error: say(f" {error.__cause__}")
    # One that nobody has any more has ended.
    ended = []
    async def never():
        try: await asyncio.Event().wait()
        finally: ended.append(True)
    try: await events.once("CUSTOM test::events", until=never(), timeout=0.05)
    except TimeoutError: pass
    say(f" {ended}")
""",
    )
    assert said == "012 abandoned abandoned in until [True]"


def test_a_kind_and_all_kinds_give_an_event_once_each(host: Host) -> None:
    said = in_loop(
        host,
        FIRE
        + """
async def body(say):
    streams = [events.stream("CUSTOM test::events"), events.stream("ALL", guard={"Event-Subclass": "test::events"}),
               events.stream("CUSTOM test::events", "ALL", guard={"Event-Subclass": "test::events"})]
    for n in range(5): fire(n)
    for stream in streams:
        say("".join([(await asyncio.wait_for(anext(stream), 20))["Number"] for _ in range(5)]))
        stream.close()
        say(f"{[event['Number'] async for event in stream]} ")
""",
    )
    assert said == "01234[] 01234[] 01234[] "


# Fires events of one call as fast as it can, each a kind or a digit.
ONE_CALL = """
import contextvars
async def body(say):
    guard = {"Unique-ID": "one-call-of-a-stream"}
    def fire(*kinds):
        for kind in kinds:
            event = freeswitch.Event("DTMF" if kind.isdigit() else kind)
            event["Unique-ID"], event["DTMF-Digit"] = "one-call-of-a-stream", kind
            event.fire()
    async def wait(kind): say(" " + (await events.once(kind, guard=guard, timeout=2)).getType())
    async def read(stream, count=1):
        say("".join([(await asyncio.wait_for(anext(stream), 20))["DTMF-Digit"] for _ in range(count)]))
    async def last():
        wait = events.once("CUSTOM test::last", timeout=20)
        freeswitch.Event("CUSTOM", "test::last").fire()
        await wait
    async def all_came():
        # By a task that knows nothing of this one: nobody here has waited meanwhile.
        await asyncio.create_task(last(), context=contextvars.Context())
        for _ in range(10): await turns()
"""


def test_nothing_is_lost_between_a_stream_and_a_wait_of_one_call(host: Host) -> None:
    said = in_loop(
        host,
        ONE_CALL
        + """
    stream = events.stream("DTMF", guard=guard)
    fire("CHANNEL_HOLD", "1", "CHANNEL_ANSWER", "2", "CHANNEL_BRIDGE", "CHANNEL_HOLD")
    await read(stream)
    await all_came()
    await wait("CHANNEL_ANSWER")
    await read(stream)
    for kind in ("CHANNEL_BRIDGE", "CHANNEL_HOLD"): await wait(kind)
    # The first was before what the stream has given, and is not found behind it.
    try: await events.once("CHANNEL_HOLD", guard=guard, timeout=0.2)
    except TimeoutError: say(" none")
""",
    )
    assert said == "1 CHANNEL_ANSWER2 CHANNEL_BRIDGE CHANNEL_HOLD none"


def test_nothing_is_lost_between_a_wait_and_a_stream_of_one_call(host: Host) -> None:
    said = in_loop(
        host,
        ONE_CALL
        + """
    first = events.once("CHANNEL_ANSWER", guard=guard, timeout=20)
    fire("1", "CHANNEL_ANSWER", "2", "3", "CHANNEL_BRIDGE", "4")
    await first
    await all_came()
    stream = events.stream("DTMF", guard=guard)
    fire("5")
    await read(stream, 4)
    stream.close()
    say(f" {[event async for event in stream]}")
""",
    )
    assert said == "2345 []"


def test_a_task_that_reads_a_stream_loses_nothing_after_it(host: Host) -> None:
    said = in_loop(
        host,
        ONE_CALL
        + """
    stream = events.stream("DTMF", guard=guard)
    fire("1", "CHANNEL_ANSWER", "2", "CHANNEL_BRIDGE")
    await all_came()
    async def reads(kind):
        async with asyncio.timeout(20): say((await anext(stream))["DTMF-Digit"])
        await wait(kind)
    # In tasks of its own, one of which knows nothing of who has made the stream.
    await asyncio.create_task(reads("CHANNEL_ANSWER"))
    await asyncio.create_task(reads("CHANNEL_BRIDGE"), context=contextvars.Context())
""",
    )
    assert said == "1 CHANNEL_ANSWER2 CHANNEL_BRIDGE"


def test_a_stream_of_a_burst_gives_all_and_what_comes_behind_it_is_found(host: Host) -> None:
    said = in_loop(
        host,
        ONE_CALL
        + f"""
    for _ in range(5):
        stream = events.stream("DTMF", guard=guard)
        fire(*"{DIGITS}", "CHANNEL_ANSWER")
        await read(stream, {len(DIGITS)})
        await wait("CHANNEL_ANSWER")
        del stream
""",
    )
    assert said == f"{DIGITS} CHANNEL_ANSWER" * 5


def test_a_stream_of_a_call_keeps_its_bounds(host: Host) -> None:
    said = in_loop(
        host,
        ONE_CALL
        + """
    stream = events.stream("DTMF", guard=(guard, lambda event: event["DTMF-Digit"] != "3"), queue=2)
    newest = events.stream("DTMF", guard=guard, queue=2, drop="newest")
    fire(*"12345")
    while newest.dropped < 3: await asyncio.sleep(0.05)
    await read(stream, 2)
    await read(newest, 2)
    say(f" {stream.dropped} {newest.dropped}")
""",
    )
    assert said == "4512 2 3"


def test_a_stream_of_a_call_that_nobody_has_any_more_keeps_nothing(host: Host) -> None:
    said = in_loop(
        host,
        ONE_CALL
        + """
    from freeswitch import _loop
    stream = events.stream("DTMF", guard=guard)
    fire("1")
    await read(stream)
    source = _loop.here.sources[guard["Unique-ID"]]
    say(f" {len(source.past.feeds)}")
    del stream
    say(f" {len(source.past.feeds)}")
    # Let go of in a thread.
    stream = [events.stream("DTMF", guard=guard)]
    await asyncio.to_thread(stream.clear)
    async with asyncio.timeout(20):
        while source.past.feeds: await asyncio.sleep(0.01)
""",
    )
    assert said == "1 1 0"
    kept = """
async def body(say):
    from freeswitch import _loop
    say(str("one-call-of-a-stream" in _loop.here.sources))
"""
    host.wait_for(lambda: in_loop(host, kept) == "False" or None)


def test_answer_then_bridge_then_its_end(host: Host, parked: str) -> None:
    callee = host.extension("answer", ("sleep", "60000"))
    app = Loaded(
        host,
        """
class App:
    @apps.coroutine("CHANNEL_CREATE")
    async def on_create(self, session):
        if session.is_outbound(): return
        await session.recv("CHANNEL_PARK")
        session.bridge("loopback/CALLEE")
        seen = [await session.recv(name) for name in ("CHANNEL_ANSWER", "CHANNEL_BRIDGE")]
        await freeswitch.api("uuid_kill", seen[-1].getHeader("Other-Leg-Unique-ID"))
        seen.append(await session.recv("CHANNEL_UNBRIDGE"))
        session.hangup()
        seen.append(await session.recv("CHANNEL_HANGUP"))
        said.append([event.getType() for event in seen])
def load(): return apps.load(App, app_id="sequence")
""".replace("CALLEE", callee),
    )
    kinds = ["CHANNEL_ANSWER", "CHANNEL_BRIDGE", "CHANNEL_UNBRIDGE", "CHANNEL_HANGUP"]
    for number in range(1, 11):
        host.call(extension=parked, variables={"freeswitch_app": "sequence"})
        app.wait_said(*[kinds] * number)
    app.unload()


def test_a_task_that_a_callback_makes_sees_what_comes_after_it(host: Host, parked: str) -> None:
    app = Loaded(
        host,
        PRESS
        + f"""
class App:
    @apps.callback("CHANNEL_PARK", subscribe=["DTMF"])
    def on_park(self, session):
        if session.is_outbound(): return
        press(session.uuid, "{DIGITS}")
        tasks.append(asyncio.ensure_future(self.flow(session)))
    async def flow(self, session):
        digits = ""
        while len(digits) < {len(DIGITS)}:
            digits += (await asyncio.wait_for(session.recv("DTMF"), 20))["DTMF-Digit"]
        said.append(digits)
        session.hangup()
tasks = []
def load(): return apps.load(App, app_id="callback")
""",
    )
    host.call(extension=parked, variables={"freeswitch_app": "callback"})
    app.wait_said(DIGITS)
    app.unload()


def test_more_than_is_kept_is_counted(host: Host, parked: str) -> None:
    app = Loaded(
        host,
        PRESS
        + """
class App:
    @apps.coroutine("CHANNEL_PARK")
    async def on_park(self, session):
        if session.is_outbound(): return
        press(session.uuid, "1")
        await session.recv("DTMF")
        press(session.uuid, "2" * 1000)
        # Not by a wait: as long as another coroutine reads.
        stream = 0
        while session._past.number < 1000: await asyncio.sleep(0.01)
        said.append((await session.recv("DTMF"))["DTMF-Digit"])
        session.hangup()
def load(): return apps.load(App, app_id="late")
""",
    )
    host.call(extension=parked, variables={"freeswitch_app": "late"})
    app.wait_said("2")
    host.wait_log("^MR0012 the call .* events came since a coroutine's last wait that are kept no longer")
    app.unload()
