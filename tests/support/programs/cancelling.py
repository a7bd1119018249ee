"""Programs that give a verb up in the middle, or after a time."""

from __future__ import annotations

from support.programs.case import Case

CASES: dict[str, Case] = {
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
    "times_out": Case(
        """
        await session.answer()
        for _ in range(2):
            try:
                await asyncio.wait_for(session.play("silence_stream://20000"), 1)
            except TimeoutError:
                saw["ended"] = saw.get("ended", 0) + 1
        try:
            async with asyncio.timeout(0.1):
                await session.get_digits(1)
        except TimeoutError:
            saw["digits"] = "late"
        await session.play("tone_stream://%(40,0,440)")
        saw["lost"] = session.lost
        """,
        saw={"ended": 2, "digits": "late", "lost": None},
    ),
    **{
        f"cancelled_{name}": Case(
            f"""
            await session.answer()
            begun = session.once({begins}, timeout=20)
            doing = asyncio.create_task({verb})
            await begun
            doing.cancel()
            saw["is"] = (await asyncio.gather(doing, return_exceptions=True))[0].__class__.__name__
            await session.play("tone_stream://%(40,0,440)")
            saw["lost"] = session.lost, session.ready()
            """,
            far=(("answer", ""), ("sleep", "20000")) if name == "bridge" else (),
            saw={"is": "CancelledError", "lost": [None, True]},
        )
        for name, verb, begins in (
            ("record", "session.record(f'/tmp/{session.uuid}.wav')", "'RECORD_START'"),
            ("asking", "session.play_and_get_digits('silence_stream://20000', max_digits=2)", "'PLAYBACK_START'"),
            ("application", "session.execute('sleep', '20000')", "'CHANNEL_EXECUTE', guard={'Application': 'sleep'}"),
            ("playback", "session.execute('playback', 'silence_stream://20000')", "'PLAYBACK_START'"),
            ("bridge", "session.bridge(f'loopback/{args}/default')", "'CHANNEL_BRIDGE'"),
        )
    },
    "cancelled_before_it_begins": Case(
        """
        await session.answer()
        first = asyncio.create_task(session.play("tone_stream://%(1000,0,440)"))
        second = asyncio.create_task(session.play("tone_stream://%(100,0,550)"))
        third = asyncio.create_task(session.execute("set", "third=yes"))
        await asyncio.sleep(0)
        second.cancel()
        saw["are"] = [type(one).__name__ for one in await asyncio.gather(first, second, third, return_exceptions=True)]
        saw["third"] = session.variables["third"]
        """,
        saw={"are": ["NoneType", "CancelledError", "NoneType"], "third": "yes"},
    ),
    "cancelled_placing": Case(
        """
        from freeswitch import events
        await session.answer()
        to_far = {"Caller-Destination-Number": args}
        begun, ended = (events.once(f"CHANNEL_{name}", guard=to_far, timeout=20) for name in ("CREATE", "DESTROY"))
        trying = asyncio.create_task(session.originate(f"loopback/{args}/default", timeout=30))
        await begun
        trying.cancel()
        saw["is"] = (await asyncio.gather(trying, return_exceptions=True))[0].__class__.__name__
        saw["ended"] = (await ended)["Event-Name"]
        """,
        far=(("sleep", "20000"),),
        saw={"is": "CancelledError", "ended": "CHANNEL_DESTROY"},
    ),
}
