"""Programs that wait for events, of their call and of others."""

from __future__ import annotations

from support.programs.case import HANG_UP, Case

CASES: dict[str, Case] = {
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
    "events_of_others": Case(
        """
        from freeswitch import events
        await session.answer()
        to_far = lambda event: event.get("Caller-Destination-Number") == args
        answered = events.once("CHANNEL_ANSWER", guard=to_far, timeout=10)
        seen, was_seen = [], asyncio.Event()
        def sees(event):
            seen.append(event["Unique-ID"])
            was_seen.set()
        watch = events.on("CHANNEL_CREATE", callback=sees, guard={"Caller-Destination-Number": args})
        async with await freeswitch.originate(f"loopback/{args}/default", timeout=10) as other:
            saw["answered"] = (await answered)["Event-Name"]
            await asyncio.wait_for(was_seen.wait(), 20)
            saw["seen"] = bool(seen)
        watch.cancel()
        saw["over"] = other.lost
        """,
        far=(("answer", ""), ("sleep", "20000")),
        saw={"answered": "CHANNEL_ANSWER", "seen": True},
    ),
    "once_after_once": Case(
        """
        first = session.once("DTMF", timeout=20)
        await session.answer()
        got = [(await first)["DTMF-Digit"]]
        for _ in range(3):
            await asyncio.sleep(0)
            got.append((await session.once("DTMF", timeout=20))["DTMF-Digit"])
        saw["got"] = got
        """,
        hears=(("CHANNEL_ANSWER", "1234"),),
        saw={"got": ["1", "2", "3", "4"]},
    ),
    "guarded": Case(
        """
        odd = session.stream("DTMF", guard=lambda event: int(event["DTMF-Digit"]) % 2)
        nine = session.once("DTMF", guard={"DTMF-Digit": "9"}, timeout=20)
        await session.answer()
        saw["nine"] = (await nine)["DTMF-Digit"]
        got = saw["odd"] = []
        async for event in odd:
            got.append(event["DTMF-Digit"])
            if got[-1] == "9": break
        """,
        hears=(("CHANNEL_ANSWER", "12345689"),),
        saw={"nine": "9", "odd": ["1", "3", "5", "9"]},
    ),
    "until": Case(
        """
        from freeswitch import events
        await session.answer()
        over = asyncio.get_running_loop().create_future()
        waiting = asyncio.create_task(session.once("DTMF", until=over, timeout=20))
        await session.execute("set", "a=1")
        over.set_result(None)
        try:
            await waiting
        except events.Abandoned:
            saw["abandoned"] = True
        """,
        saw={"abandoned": True},
    ),
    "stream_ends_with_the_call": Case(
        """
        digits = saw["digits"] = []
        stream = session.stream("DTMF")
        await session.answer()
        async with session.hangup_shield():
            async for event in stream:
                digits.append(event["DTMF-Digit"])
                if digits == ["1", "2"]: asyncio.create_task(cue())
            saw["ended"] = session.lost
            try:
                await session.once("DTMF", timeout=20)
            except freeswitch.SessionLost:
                saw["lost"] = True
            await told()
        """,
        hears=(("CHANNEL_ANSWER", "12"), ("set cue=1", HANG_UP)),
        saw={"digits": ["1", "2"], "ended": "hangup", "lost": True},
        outlives=True,
    ),
    "fired": Case(
        """
        from freeswitch import events
        mine = {"About": session.uuid}
        first = events.once("CUSTOM place::fired", guard=mine, timeout=20)
        both = events.stream("place::fired", guard=mine)
        for number in (1, 2):
            await session.execute("event", "Event-Name=CUSTOM,Event-Subclass=place::fired,"
                                           f"About={session.uuid},Number={number}")
        saw["first"] = (await first)["Number"]
        got = saw["both"] = []
        async for event in both:
            got.append(event["Number"])
            if len(got) == 2: break
        """,
        saw={"first": "1", "both": ["1", "2"]},
    ),
    "own_events": Case(
        """
        names = saw["names"] = []
        watch = session.on("CHANNEL_ANSWER", "PLAYBACK_START", "PLAYBACK_STOP", "CHANNEL_EXECUTE_COMPLETE",
                           callback=lambda event: names.append(event["Event-Name"]))
        done = session.once("CHANNEL_EXECUTE_COMPLETE", guard={"Application": "set"}, timeout=20)
        await session.answer()
        await session.play("tone_stream://%(40,0,440)")
        await cue()
        await done
        while len(names) < 4:
            await asyncio.sleep(0.01)
        watch.cancel()
        await session.execute("set", "more=1")
        """,
        saw={"names": ["CHANNEL_ANSWER", "PLAYBACK_START", "PLAYBACK_STOP", "CHANNEL_EXECUTE_COMPLETE"]},
    ),
}
