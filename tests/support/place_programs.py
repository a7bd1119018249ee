"""Call programs that must do the same wherever they run: each a body, and what the far end does meanwhile."""

from __future__ import annotations

from dataclasses import dataclass

HANG_UP = "hang up"


@dataclass(frozen=True)
class Case:
    """A program, what it is called with, and what the far end does."""

    body: str
    # What the far end does, each when it hears of an event of its call: it presses digits, or hangs up.
    hears: tuple[tuple[str, str], ...] = ()
    # It is called with the number of this extension.
    far: tuple[tuple[str, str], ...] = ()
    # It goes on when the call is over: what it saw is in the global variable saw_<uuid>.
    outlives: bool = False
    # What it must have seen at least, so that two places cannot be wrong in the same way.
    saw: dict[str, object] | None = None


CASES: dict[str, Case] = {
    "verbs": Case(
        """
        await session.answer()
        await session.play("tone_stream://%(200,0,440)")
        await session.sleep(0.1)
        await session.execute("set", "did=it")
        saw["did"] = session.variables["did"]
        """,
        saw={"did": "it"},
    ),
    "arguments": Case(
        "saw['args'] = bool(args), args == args.strip()", far=(("answer", ""),), saw={"args": [True, True]}
    ),
    "type_ahead": Case(
        """
        await session.answer()
        await asyncio.sleep(1)
        saw["ahead"] = await session.get_digits(3, timeout=20)
        await session.execute("set", "cue=1")
        saw["rest"] = await session.get_digits(4, terminators="#", timeout=20)
        """,
        hears=(("CHANNEL_ANSWER", "12345"), ("set cue=1", "6#")),
        saw={"ahead": "123", "rest": "456"},
    ),
    "digits_end_what_plays": Case(
        """
        await session.answer()
        saw["by"] = await session.play("silence_stream://20000", terminators="*#")
        saw["kept"] = await session.get_digits(1, timeout=1)
        """,
        hears=(("PLAYBACK_START silence_stream://20000", "7*"),),
        saw={"by": "*", "kept": "7"},
    ),
    "no_digits": Case(
        """
        await session.answer()
        saw["none"] = await session.get_digits(2, timeout=0.3)
        """,
        saw={"none": ""},
    ),
    "asked_again": Case(
        """
        await session.answer()
        saw["pin"] = await session.play_and_get_digits(
            "silence_stream://20000", max_digits=2, regex="4.", tries=2, timeout=2, variable="pin",
            invalid_file="silence_stream://100")
        saw["variable"] = session.getVariable("pin")
        """,
        hears=(("PLAYBACK_START silence_stream://20000", "12"), ("PLAYBACK_START silence_stream://20000", "42")),
        saw={"pin": "42", "variable": "42"},
    ),
    "cancelled": Case(
        """
        await session.answer()
        playing = asyncio.create_task(session.play("silence_stream://60000"))
        await asyncio.sleep(0.5)
        playing.cancel()
        saw["cancelled"] = (await asyncio.gather(playing, return_exceptions=True))[0].__class__.__name__
        await session.execute("set", "cue=1")
        saw["after"] = await session.get_digits(1, timeout=20)
        """,
        hears=(("set cue=1", "5"),),
        saw={"cancelled": "CancelledError", "after": "5"},
    ),
    "in_order": Case(
        """
        await session.answer()
        said = []
        async def one(number, verb):
            await verb
            said.append(number)
        await asyncio.gather(one(1, session.sleep(0.3)), one(2, session.execute("set", "a=1")),
                             one(3, session.play("tone_stream://%(50,0,440)")))
        saw["said"] = said
        """,
        saw={"said": [1, 2, 3]},
    ),
    "hangup_hook": Case(
        """
        async def hook(session, what):
            await asyncio.sleep(0.1)
            saw["hook"] = what, session.hangupCause(), session.ready()
        session.set_hangup_hook(hook)
        await session.answer()
        try:
            await session.play("silence_stream://60000")
        except asyncio.CancelledError as error:
            saw["cancelled"] = str(error)
            raise
        """,
        hears=(("PLAYBACK_START silence_stream://60000", HANG_UP),),
        saw={"hook": ["hangup", "NORMAL_CLEARING", False], "cancelled": "hangup"},
    ),
    "shield": Case(
        """
        await session.answer()
        session.variables["kept"] = "yes"
        async with session.hangup_shield():
            try:
                await session.execute("set", "cue=1")
            except freeswitch.SessionLost:
                # The far end is quick.
                pass
            while session.lost is None:
                await asyncio.sleep(0.05)
            saw["lost"] = session.lost, session.variables["kept"], session.ready()
            try:
                await session.play("silence_stream://100")
            except freeswitch.SessionLost as error:
                saw["verb"] = str(error)
            await freeswitch.api("global_setvar", f"saw_{session.uuid}={json.dumps(saw)}")
        saw["never"] = True
        """,
        hears=(("set cue=1", HANG_UP),),
        saw={"lost": ["hangup", "yes", False], "verb": "the call is over (hangup)"},
        outlives=True,
    ),
    "once": Case(
        """
        wanted = session.once("DTMF", guard={"DTMF-Digit": "9"}, timeout=20)
        await session.answer()
        event = await wanted
        saw["digit"] = event["DTMF-Digit"]
        try:
            await session.once("DTMF", timeout=0.3)
        except TimeoutError as error:
            saw["late"] = str(error)
        """,
        hears=(("CHANNEL_ANSWER", "89"),),
        saw={"digit": "9"},
    ),
    "stream": Case(
        """
        digits = saw["digits"] = []
        stream = session.stream("DTMF")
        await session.answer()
        async for event in stream:
            digits.append(event["DTMF-Digit"])
            if len(digits) == 3: break
        """,
        hears=(("CHANNEL_ANSWER", "123"),),
        saw={"digits": ["1", "2", "3"]},
    ),
    "watch": Case(
        """
        await session.answer()
        digits = saw["digits"] = []
        watch = session.on("DTMF", callback=lambda event: digits.append(event["DTMF-Digit"]))
        await session.execute("set", "cue=1")
        while len(digits) < 2:
            await asyncio.sleep(0.05)
        watch.cancel()
        """,
        hears=(("set cue=1", "45"),),
        saw={"digits": ["4", "5"]},
    ),
    "placed": Case(
        """
        await session.answer()
        other = await session.originate(f"loopback/{args}/default", timeout=10)
        saw["is"] = isinstance(other, freeswitch.AsyncSession), other.lost
        await other.play("tone_stream://%(50,0,440)")
        await session.bridge(other)
        saw["after"] = session.ready(), other.lost is not None
        """,
        far=(("answer", ""), ("sleep", "1500")),
        saw={"is": [True, None], "after": [True, True]},
    ),
    "busy": Case(
        """
        await session.answer()
        try:
            await session.originate("error/USER_BUSY", timeout=5)
        except freeswitch.OriginateError as error:
            saw["cause"] = error.cause
        """,
        saw={"cause": "USER_BUSY"},
    ),
    "app_on_a_placed_call": Case(
        """
        await session.answer()
        done = asyncio.Event()
        async def app(other):
            await other.sleep(0.2)
            other.variables["mine"] = "1"
            saw["app"] = other.variables["mine"]
            done.set()
        await freeswitch.originate(f"loopback/{args}/default", timeout=10, app=app)
        await asyncio.wait_for(done.wait(), 10)
        """,
        far=(("answer", ""), ("sleep", "20000")),
        saw={"app": "1"},
    ),
    "transferred": Case(
        """
        await session.answer()
        await session.transfer(args, "XML", "default")
        try:
            await asyncio.sleep(10)
        except asyncio.CancelledError as error:
            saw["cancelled"] = str(error), session.lost
            raise
        """,
        far=(("set", "went=on"), ("sleep", "300")),
        saw={"cancelled": ["transfer", "transfer"]},
    ),
    "hung_up": Case(
        """
        await session.answer()
        await session.hangup("USER_BUSY")
        saw["lost"] = session.lost
        await session.play("silence_stream://60000")
        saw["never"] = True
        """,
        saw={"lost": "hangup"},
    ),
    "refused": Case(
        """
        await session.answer()
        async def tries(name, verb):
            try:
                await verb()
            except (freeswitch.VerbError, ValueError, TypeError) as error:
                saw[name] = f"{type(error).__name__}: {error}"
        await tries("file", lambda: session.play("/nowhere/at/all.wav"))
        await tries("nul", lambda: session.play("a\\0b"))
        await tries("type", lambda: session.play(5))
        await tries("time", lambda: session.sleep(-1))
        await tries("large", lambda: session.sleep(1e12))
        await tries("app", lambda: session.execute(""))
        await tries("digits", lambda: session.get_digits(2**40))
        await tries("variable", lambda: session.execute("set", "a\\0b"))
        for name, value in (("", "x"), ("a", 5), ("a\\0", "x")):
            try:
                session.setVariable(name, value)
            except (ValueError, TypeError) as error:
                saw[repr((name, value))] = f"{type(error).__name__}: {error}"
        """,
    ),
    "fails": Case("await session.answer()\nraise ValueError('boom\\nand more')"),
    "exits": Case("await session.answer()\nsys.exit(3)"),
    "variables": Case(
        """
        session.variables["one"] = "1"
        session.variables["bytes"] = "\\udcffé"
        session.setVariable("gone", "soon")
        del session.variables["gone"]
        saw["one"] = session.getVariable("ONE"), "one" in session.variables, "one" in list(session.variables)
        saw["gone"] = session.getVariable("gone"), "gone" in session.variables
        await session.execute("set", "from_app=${one}")
        saw["app"] = session.variables["from_app"]
        saw["bytes"] = session.variables["bytes"].encode("utf-8", "surrogateescape").hex()
        saw["profile"] = session.variables["context"], session.variables["caller_id_number"]
        saw["global"] = bool(session.getVariable("hostname")), session.getVariable("no_such")
        """,
        saw={"one": ["1", True, True], "gone": [None, False], "app": "1", "bytes": "ffc3a9"},
    ),
    "states": Case(
        """
        saw["before"] = session.ready(), session.answered(), session.state, session.hangupCause(), session.cause
        await session.answer()
        saw["after"] = session.ready(), session.answered(), session.mediaReady(), session.bridged()
        """,
        saw={"before": [True, False, "CS_EXECUTE", "NONE", None], "after": [True, True, True, False]},
    ),
    "flushed": Case(
        """
        seen = 0
        digits = session.stream("DTMF")
        await session.answer()
        async for _ in digits:
            seen += 1
            if seen == 2: break
        # Its thread has taken the digits when it takes the next verb.
        await session.execute("set", "cue=1")
        session.flush_digits()
        saw["none"] = await session.get_digits(1, timeout=0.3)
        """,
        hears=(("CHANNEL_ANSWER", "12"),),
        saw={"none": ""},
    ),
    "api": Case(
        """
        saw["echo"] = await freeswitch.api("echo", "hello there")
        saw["unknown"] = await freeswitch.api("no_such_command")
        """,
        saw={"echo": "hello there", "unknown": "INVALID COMMAND!\n"},
    ),
    "events_of_others": Case(
        """
        from freeswitch import events
        await session.answer()
        to_far = lambda event: event.get("Caller-Destination-Number") == args
        answered = events.once("CHANNEL_ANSWER", guard=to_far, timeout=10)
        seen = []
        watch = events.on("CHANNEL_CREATE", callback=lambda event: seen.append(event["Unique-ID"]))
        async with await freeswitch.originate(f"loopback/{args}/default", timeout=10) as other:
            saw["answered"] = (await answered)["Event-Name"]
            saw["seen"] = other.uuid in seen
        watch.cancel()
        saw["over"] = other.lost
        """,
        far=(("answer", ""), ("sleep", "20000")),
        saw={"answered": "CHANNEL_ANSWER", "seen": True},
    ),
    "dialled_in_vain": Case(
        """
        await session.answer()
        for dest, timeout in (("", 1), ("loopback/1", -1), (5, 1)):
            try:
                await freeswitch.originate(dest, timeout=timeout)
            except (TypeError, ValueError) as error:
                saw[repr(dest)] = type(error).__name__
        trying = asyncio.create_task(freeswitch.originate(f"loopback/{args}/default", timeout=30))
        await asyncio.sleep(0.5)
        trying.cancel()
        saw["cancelled"] = (await asyncio.gather(trying, return_exceptions=True))[0].__class__.__name__
        """,
        far=(("sleep", "20000"),),
        saw={"''": "ValueError", "'loopback/1'": "ValueError", "5": "TypeError", "cancelled": "CancelledError"},
    ),
    "privates": Case(
        "session.setPrivate('a', [1])\nsaw['a'] = session.getPrivate('a'), session.getPrivate('b')",
        saw={"a": [[1], None]},
    ),
}
