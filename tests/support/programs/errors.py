"""Programs that do what cannot be done, or fail."""

from __future__ import annotations

from support.programs.case import Case

CASES: dict[str, Case] = {
    "refused": Case(
        """
        await session.answer()
        async def tries(name, verb):
            try:
                await verb()
            except (freeswitch.VerbError, ValueError, TypeError, OverflowError) as error:
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
        saw={
            "file": "VerbError: the core answered with status 14",
            "nul": "ValueError: argument 'file' has a NUL at position 1",
            "type": "TypeError: argument 'file' must be str, not int",
            "digits": "OverflowError: out of range integral type conversion attempted",
        },
    ),
    "fails": Case("await session.answer()\nraise ValueError('boom\\nand more')", error="ValueError: boom"),
    "exits": Case("await session.answer()\nsys.exit(3)", tells=("CHANNEL_ANSWER", "CHANNEL_EXECUTE set")),
    "cannot_say_or_speak": Case(
        """
        await session.answer()
        async def tries(name, verb):
            try:
                await verb
            except freeswitch.VerbError as error:
                saw[name] = str(error)
        await tries("speak", session.speak("hello", engine="no_such_engine"))
        await tries("say", session.say("12", module="no_such_module"))
        await tries("record", session.record("/nowhere/at/all.wav", limit=1))
        await tries("digits", session.send_dtmf("not digits"))
        await session.play("tone_stream://%(40,0,440)")
        """,
        saw={
            "speak": "the core answered with status 9",
            "say": "the core answered with status 1",
            "record": "file '/nowhere/at/all.wav' cannot be written: No such file or directory (os error 2)",
        },
        tells=("PLAYBACK_STOP tone_stream://%(40,0,440)",),
    ),
    "cannot_record_in_a_format_that_there_is_not": Case(
        """
        await session.answer()
        try:
            await session.record("/tmp/never.no_such_format", limit=1)
        except freeswitch.VerbError as error:
            saw["record"] = str(error), session.cause
        await session.sleep(20)
        saw["never"] = True
        """,
        saw={"record": ["the core answered with status 9", "DESTINATION_OUT_OF_ORDER"], "never": None},
    ),
    "no_such_application": Case(
        """
        await session.answer()
        try:
            await session.execute("no_such_application", "a")
        except asyncio.CancelledError:
            saw["cause"] = session.cause
            raise
        """,
        saw={"cause": "DESTINATION_OUT_OF_ORDER"},
    ),
    "names_that_wait": Case(
        """
        await session.answer()
        for name, arguments in (("streamFile", ("a.wav",)), ("getDigits", (1, "#", 100)),
                                ("recordFile", ("a.wav", 1))):
            try:
                getattr(session, name)(*arguments)
            except RuntimeError as error:
                saw[name] = type(error).__name__
        """,
        saw=dict.fromkeys(("streamFile", "getDigits", "recordFile"), "RuntimeError"),
    ),
    "fails_with_unicode": Case("await session.answer()\nraise RuntimeError('späť ☎')", error="RuntimeError: späť ☎"),
    "fails_by_a_class_of_its_own": Case(
        """
        class Mine(Exception): pass
        try:
            1 / 0
        except ZeroDivisionError as error:
            raise Mine() from error
        """,
        error="handler.<locals>.body.<locals>.Mine",
    ),
    "fails_by_cancelling_itself": Case(
        "await session.answer()\nraise asyncio.CancelledError('enough')", error="CancelledError: enough"
    ),
    "fails_in_a_verb": Case(
        "await session.answer()\nawait session.play('/nowhere/at/all.wav')",
        error="VerbError: the core answered with status 14",
    ),
    "returns": Case("await session.answer()\nreturn", tells=("CHANNEL_ANSWER", "CHANNEL_EXECUTE set")),
    "exits_well": Case("await session.answer()\nsys.exit()", tells=("CHANNEL_ANSWER", "CHANNEL_EXECUTE set")),
}
