"""Waiting for events in coroutines: once, stream, on."""

from __future__ import annotations

import pytest

from hosts.base import Host
from support.saw import FIRE, coroutine, in_coroutine, in_loop


def test_once(host: Host) -> None:
    said = in_loop(
        host,
        FIRE
        + """
async def body(say):
    wait = asyncio.ensure_future(events.once("CUSTOM test::events", guard={"Color": "red"}, timeout=10))
    await turns()
    fire(1, Color="green"), fire(2, Color="red"), fire(3, Color="red")
    event = await wait
    say(event["Number"] + event["Event-Subclass"])
""",
    )
    assert said == "2test::events"


def test_a_guard_is_a_function(host: Host) -> None:
    said = in_loop(
        host,
        FIRE
        + """
async def body(say):
    wait = asyncio.ensure_future(events.once("CUSTOM test::events", guard=lambda e: int(e["Number"]) > 2))
    raises = asyncio.ensure_future(events.once("CUSTOM test::events", guard=lambda e: e["No-Such-Header"] == "x"))
    await turns()
    for n in range(5): fire(n)
    say((await wait)["Number"])
    try: await raises
    except KeyError as error: say(" KeyError")
""",
    )
    assert said == "3 KeyError"


def test_a_wait_ends(host: Host) -> None:
    said = in_loop(
        host,
        """
async def body(say):
    try: await events.once("CUSTOM nobody::fires", timeout=0.2)
    except TimeoutError: say("timeout ")
    try: await events.once("CUSTOM nobody::fires", until=asyncio.sleep(0.2), timeout=30)
    except events.Abandoned: say("abandoned ")
    for name in ("NO_SUCH_EVENT", "CHANNEL_ANSWER with::subclass", ""):
        try: await events.once(name)
        except ValueError: say("unknown ")
""",
    )
    assert said == "timeout abandoned unknown unknown unknown "


def test_a_stream_gives_all_in_order(host: Host) -> None:
    said = in_loop(
        host,
        FIRE
        + """
async def body(say):
    async def read():
        seen = []
        async for event in events.stream("CUSTOM test::events"):
            seen.append(int(event["Number"]))
            if len(seen) == 1000: return seen
    reading = asyncio.ensure_future(read())
    await turns()
    await asyncio.to_thread(lambda: [fire(n) for n in range(1000)])
    say(str(await reading == list(range(1000))))
""",
    )
    assert said == "True"


def test_a_stream_begins_when_it_is_made_and_ends_when_nobody_has_it(host: Host) -> None:
    said = in_loop(
        host,
        FIRE
        + """
from freeswitch import _loop
async def body(say):
    before = len(_loop.here.taps)
    stream = events.stream("CUSTOM test::events")
    here = asyncio.Event()
    watch = events.on("CUSTOM test::events", callback=lambda event: here.set())
    fire(1)
    await asyncio.wait_for(here.wait(), 20)
    watch.cancel()
    say((await anext(stream))["Number"])
    del stream
    say(f" {len(_loop.here.taps) - before}")
""",
    )
    assert said == "1 0"


def test_a_callback_until_it_is_cancelled(host: Host) -> None:
    said = in_loop(
        host,
        FIRE
        + """
async def body(say):
    seen = []
    def callback(event):
        seen.append(event["Number"])
        if event["Number"] == "1": raise ValueError("in the callback")
    watch = events.on("CUSTOM test::events", callback=callback)
    for n in range(3): fire(n)
    await until(lambda: len(seen) == 3)
    watch.cancel()
    last = events.once("CUSTOM test::events", guard={"Number": "3"}, timeout=20)
    fire(3)
    await last
    await turns()
    say(",".join(seen))
""",
    )
    assert said == "0,1,2"
    host.wait_log("in the callback")


def test_a_callback_that_leaves_takes_no_event_from_others(host: Host) -> None:
    said = in_loop(
        host,
        FIRE
        + """
async def body(say):
    got, all_there = [], asyncio.Event()
    def leaves(event):
        got.append(int(event["Number"]))
        if len(got) == 300: all_there.set()
        raise [SystemExit("at once"), KeyboardInterrupt(), asyncio.CancelledError(), ValueError()][len(got) % 4]
    watch = events.on("CUSTOM test::events", callback=leaves)
    for n in range(300): fire(n)
    await asyncio.wait_for(all_there.wait(), 10)
    watch.cancel()
    say(str(got == list(range(300))))
""",
    )
    assert said == "True"


def test_what_nobody_takes_is_dropped_and_counted(host: Host) -> None:
    said = in_loop(
        host,
        FIRE
        + """
async def body(say):
    seen = {"oldest": [], "newest": []}
    watches = {drop: events.on("CUSTOM test::events", queue=10, drop=drop,
                               callback=lambda e, drop=drop: seen[drop].append(int(e["Number"]))) for drop in seen}
    done = threading.Event()
    def flood():
        for n in range(100): fire(n)
        done.set()
    threading.Thread(target=flood).start()
    # The loop is blocked: nothing is taken, and the queue stays as long as it is.
    done.wait(10)
    while any(w.dropped < 90 for w in watches.values()): time.sleep(0.01)
    await until(lambda: all(w.dropped + len(seen[d]) == 100 for d, w in watches.items()))
    say(f"{len(seen['oldest'])} {max(seen['oldest'])} {len(seen['newest'])} {seen['newest'][0]}")
    for watch in watches.values(): watch.cancel()
""",
    )
    assert said == "10 99 10 0"
    host.wait_log("^MR0012 coroutines cannot keep up")


def test_events_of_one_call(host: Host) -> None:
    saw, _ = in_coroutine(
        host,
        """
        from freeswitch import events
        async def body(session, saw):
            answered = asyncio.ensure_future(session.once("CHANNEL_ANSWER", timeout=5))
            other = asyncio.ensure_future(events.once("CHANNEL_ANSWER", guard={"Unique-ID": "another"}, timeout=1))
            await turns()
            await session.answer()
            saw["mine"] = (await answered)["Unique-ID"] == session.uuid
            saw["digits"] = []
            async for event in session.stream("DTMF"):
                saw["digits"].append(event["DTMF-Digit"])
                if len(saw["digits"]) == 3: break
            try: await other
            except TimeoutError: saw["other"] = "none"
        """,
        press=[(0.5, "159")],
    )
    assert saw == {"mine": True, "digits": ["1", "5", "9"], "other": "none"}


def test_a_call_that_goes_while_it_is_waited_for(host: Host) -> None:
    name = coroutine(
        host,
        """
        async def body(session, saw):
            await session.answer()
            print("waits")
            await session.once("CHANNEL_UNHOLD")
        """,
    )
    call = host.start_call(host.extension(("python", name)))
    host.wait_log("^waits$")
    call.hangup()
    assert "python_error" not in call.wait().variables
    assert "0 running" in host.api("pyps")


def test_what_blocks_the_loop_is_named(host: Host) -> None:
    said = in_loop(
        host,
        """
def compute_too_long():
    end = time.monotonic() + 2
    while time.monotonic() < end: pass
async def body(say):
    await asyncio.sleep(0.5)
    compute_too_long()
    say("done")
""",
    )
    assert said == "done"
    host.wait_log("^MR0014 .* in compute_too_long, from .* in body")


@pytest.mark.pocket_only  # takes as long as it says
def test_a_timeout_of_an_hour(host: Host) -> None:
    said = in_loop(
        host,
        """
async def body(say):
    before, loop = time.perf_counter(), asyncio.get_running_loop()
    begun = loop.time()
    try: await asyncio.wait_for(events.once("CUSTOM nobody::fires"), 3600)
    except TimeoutError: say(f"{round(loop.time() - begun)} {time.perf_counter() - before < 600}")
""",
    )
    assert said == "3600 True"


@pytest.mark.parametrize("error", ["SystemExit", "KeyboardInterrupt", "asyncio.CancelledError", "StopIteration"])
def test_a_guard_that_raises_ends_the_wait(host: Host, error: str) -> None:
    said = in_loop(
        host,
        FIRE
        + f"""
async def body(say):
    def guard(event): raise {error}
    wait = asyncio.ensure_future(events.once("CUSTOM test::events", guard=guard))
    await turns()
    fire(1)
    await asyncio.wait({{wait}}, timeout=5)
    # Asked, or the loop's log would say later that nobody has.
    say(str(wait.done() and (wait.cancelled() or wait.exception() is not None)))
""",
    )
    assert said == "True"


def test_a_subclass_alone_is_a_name_and_other_arguments_are_looked_at(host: Host) -> None:
    said = in_loop(
        host,
        FIRE
        + """
async def body(say):
    stream = events.stream("test::events", queue=2, drop="newest")
    for n in range(5): fire(n)
    await until(lambda: stream.dropped == 3)
    say((await anext(stream))["Number"])
    say(f" {stream.dropped} ")
    stream.close()
    say(f"{[event['Number'] async for event in stream]} ")
    async def waits(event): pass
    for wrong in ({"callback": None}, {"callback": waits}, {"queue": 0}, {"drop": "all"}):
        try: events.on("test::events", **{"callback": print, **wrong})
        except (TypeError, ValueError) as error: say("-" if next(iter(wrong)) in str(error) else str(error))
""",
    )
    assert said == "0 3 ['1'] ----"


def test_what_is_for_the_loop_is_refused_elsewhere(host: Host) -> None:
    name = host.script("""
        import asyncio, freeswitch
        from freeswitch import events
        def fsapi(session, stream, env, args):
            for work in (events.once("CUSTOM no::one", timeout=5), freeswitch.originate("loopback/nobody")):
                try: asyncio.run(work)
                except RuntimeError as error: stream.write("-" if "async" in str(error) else str(error))
    """)
    assert host.api(f"python {name}") == "--"
    assert host.has_no_calls()
