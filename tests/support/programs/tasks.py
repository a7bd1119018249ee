"""Programs of several tasks, generators and contexts, as Python has them."""

from __future__ import annotations

from support.programs.case import Case

CASES: dict[str, Case] = {
    "left_behind": Case(
        """
        begun = session.once("PLAYBACK_START", timeout=20)
        await session.answer()
        async def plays():
            try:
                await session.play("tone_stream://%(300,0,440)")
            finally:
                saw["too late to be said"] = True
        left = asyncio.create_task(plays())
        await begun
        """,
        tells=("PLAYBACK_STOP tone_stream://%(300,0,440)",),
    ),
    "group": Case(
        """
        await session.answer()
        async def fails():
            await session.execute("set", "a=1")
            raise ValueError("one of two")
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(fails())
                group.create_task(asyncio.sleep(60))
        except* ValueError as errors:
            saw["errors"] = [str(error) for error in errors.exceptions]
        await session.play("tone_stream://%(40,0,440)")
        """,
        saw={"errors": ["one of two"]},
    ),
    "gathered": Case(
        """
        await session.answer()
        got = await asyncio.gather(
            session.play("/nowhere/at/all.wav"), session.execute("set", "a=1"), freeswitch.api("echo", "b"),
            session.play("tone_stream://%(40,0,440)"), asyncio.to_thread(lambda: "thread"), return_exceptions=True)
        saw["got"] = [type(one).__name__ if isinstance(one, Exception) else one for one in got]
        """,
        saw={"got": ["VerbError", None, "b", None, "thread"]},
    ),
    "generator": Case(
        """
        import contextlib
        async def digits():
            stream = session.stream("DTMF")
            await session.answer()
            async for event in stream:
                yield event["DTMF-Digit"]
        @contextlib.asynccontextmanager
        async def music():
            begun = session.once("PLAYBACK_START", timeout=20)
            playing = asyncio.create_task(session.play("silence_stream://60000"))
            await begun
            try:
                yield playing
            finally:
                playing.cancel()
                await asyncio.gather(playing, return_exceptions=True)
        got = saw["got"] = []
        async with contextlib.aclosing(digits()) as pressed:
            async for digit in pressed:
                async with music():
                    got.append(digit)
                if digit == "#": break
                await cue()
        """,
        hears=(("CHANNEL_ANSWER", "1"), ("set cue=1", "#")),
        saw={"got": ["1", "#"]},
    ),
    "queue_between_tasks": Case(
        """
        import contextvars
        mine = contextvars.ContextVar("mine", default="none")
        mine.set("set")
        queue, lock = asyncio.Queue(), asyncio.Lock()
        watch = session.on("DTMF", callback=lambda event: queue.put_nowait((event["DTMF-Digit"], mine.get())))
        await session.answer()
        async def takes():
            async with lock:
                return await queue.get()
        saw["got"] = await asyncio.gather(takes(), takes(), takes())
        watch.cancel()
        """,
        hears=(("CHANNEL_ANSWER", "123"),),
        saw={"got": [["1", "set"], ["2", "set"], ["3", "set"]]},
    ),
    "music_while_it_asks": Case(
        """
        begun = session.once("PLAYBACK_START", timeout=20)
        await session.answer()
        music = asyncio.create_task(session.play("silence_stream://60000"))
        await begun
        async def asks():
            await asyncio.sleep(0.05)
            return "user/1"
        saw["asked"] = await asks()
        music.cancel()
        saw["digit"] = await session.play_and_get_digits("silence_stream://20000", timeout=20)
        """,
        hears=(("PLAYBACK_START silence_stream://20000", "3"),),
        saw={"asked": "user/1", "digit": "3"},
    ),
}
