"""Programs of digits: typed ahead, read, asked for."""

from __future__ import annotations

from support.programs.case import Case

CASES: dict[str, Case] = {
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
    "between_digits": Case(
        """
        await session.answer()
        saw["some"] = await session.get_digits(5, timeout=20, between=0.3)
        saw["total"] = await session.get_digits(5, total=0.3)
        """,
        hears=(("CHANNEL_ANSWER", "12"),),
        saw={"some": "12", "total": ""},
    ),
    "never_valid": Case(
        """
        await session.answer()
        saw["none"] = await session.play_and_get_digits(
            "silence_stream://100", max_digits=2, tries=2, timeout=0.2, variable="pin",
            invalid_file="tone_stream://%(40,0,300)")
        saw["variable"] = session.variables.get("pin")
        """,
        saw={"none": ""},
    ),
    "kept_while_it_sleeps": Case(
        """
        seen = session.stream("DTMF", guard={"DTMF-Digit": "*"})
        await session.answer()
        sleeping = asyncio.create_task(session.sleep(20))
        async for _ in seen: break
        sleeping.cancel()
        await asyncio.gather(sleeping, return_exceptions=True)
        saw["kept"] = await session.get_digits(5, terminators="*", timeout=20)
        """,
        hears=(("CHANNEL_ANSWER", "AB9*"),),
        saw={"kept": "AB9"},
    ),
    "terminated_at_once": Case(
        """
        await session.answer()
        saw["empty"] = await session.get_digits(4, terminators="#*", timeout=20)
        await cue()
        saw["asked"] = await session.play_and_get_digits(
            None, min_digits=2, max_digits=4, tries=1, timeout=20, terminators="#")
        """,
        hears=(("CHANNEL_ANSWER", "*"), ("set cue=1", "123#")),
        saw={"empty": "", "asked": "123"},
    ),
    "digits_by_an_application": Case(
        """
        await session.answer()
        await session.execute("read", "2 2 silence_stream://20000 got 20000 #")
        saw["got"] = session.variables["got"]
        await session.execute("play_and_get_digits", "1 1 1 20000 # silence_stream://20001 silence_stream://10 one 5")
        saw["one"] = session.variables["one"]
        """,
        hears=(("PLAYBACK_START silence_stream://20000", "42"), ("PLAYBACK_START silence_stream://20001", "5")),
        saw={"got": "42", "one": "5"},
    ),
}
