"""Programs of verbs, one after the other."""

from __future__ import annotations

from support.programs.case import Case

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
    "early_media": Case(
        """
        await session.execute("ring_ready")
        saw["before"] = session.answered(), session.mediaReady()
        await session.pre_answer()
        await session.wait_for_answer()
        saw["early"] = session.answered(), session.mediaReady()
        await session.play("tone_stream://%(50,0,440)")
        await session.answer()
        await session.answer()
        saw["after"] = session.answered()
        """,
        saw={"before": [False, False], "early": [False, True], "after": True},
    ),
    "recorded": Case(
        """
        import tempfile
        path = os.path.join(tempfile.gettempdir(), f"{session.uuid}.wav")
        await session.answer()
        saw["by"] = await session.record(path, limit=1, terminators="#")
        saw["kept"] = os.path.exists(path)
        saw["whole"] = await session.play(path)
        saw["from"] = await session.play(path, offset=400)
        os.unlink(path)
        """,
        saw={"by": None, "kept": True, "whole": None, "from": None},
    ),
    "recording_ended_by_a_digit": Case(
        """
        await session.answer()
        saw["by"] = await session.record(f"/tmp/{session.uuid}.wav", limit=20, terminators="#")
        saw["kept"] = await session.get_digits(1, timeout=20)
        """,
        hears=(("RECORD_START", "1#"),),
        saw={"by": "#", "kept": "1"},
    ),
    "looped": Case(
        """
        await session.answer()
        for pitch in (400, 500, 600):
            await session.play(f"tone_stream://%(40,0,{pitch})")
            await session.execute("set", f"last={pitch}")
        saw["last"] = session.variables["last"]
        """,
        saw={"last": "600"},
    ),
    "applications": Case(
        """
        await session.execute("answer")
        await session.execute("multiset", "one=1 two=2")
        await session.execute("playback", "tone_stream://%(40,0,440)")
        await session.execute("sleep", "50")
        await session.execute("unset", "one")
        await session.execute("eval", "${two}")
        saw["has"] = session.variables.get("one"), session.variables["two"]
        """,
        saw={"has": [None, "2"]},
    ),
    "menu": Case(
        """
        async def menu(prompt, **entries):
            choice = await session.play_and_get_digits(prompt, max_digits=1, timeout=20, regex="[1-3]")
            saw["way"].append(choice)
            await entries["on" + choice]()
        async def again():
            await menu("silence_stream://20001", on2=leave)
        async def leave():
            await session.play("tone_stream://%(40,0,440)")
            await session.execute("set", "left=yes")
        saw["way"] = []
        await session.answer()
        await menu("silence_stream://20000", on1=again)
        """,
        hears=(("PLAYBACK_START silence_stream://20000", "1"), ("PLAYBACK_START silence_stream://20001", "2")),
        saw={"way": ["1", "2"]},
    ),
}
