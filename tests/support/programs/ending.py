"""Programs whose call ends, or goes elsewhere, in the middle of something."""

from __future__ import annotations

from support.programs.case import HANG_UP, Case

CASES: dict[str, Case] = {
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
    **{
        f"hung_up_in_{name}": Case(
            f"""
            session.set_hangup_hook(lambda session, what: saw.update(hook=what))
            await session.answer()
            await cue()
            try:
                await {verb}
            except asyncio.CancelledError as error:
                saw["cancelled"] = str(error), session.lost, session.cause
                raise
            saw["never"] = True
            """,
            hears=((hears, HANG_UP),),
            far=(("answer", ""), ("sleep", "20000")) if name == "bridge" else (),
            saw={"cancelled": ["hangup", "hangup", "NORMAL_CLEARING"], "hook": "hangup", "never": None},
        )
        for name, verb, hears in (
            ("digits", "session.get_digits(1)", "set cue=1"),
            ("asking", "session.play_and_get_digits('silence_stream://20000')", "PLAYBACK_START"),
            ("record", "session.record(f'/tmp/{session.uuid}.wav')", "RECORD_START"),
            ("sleep", "session.sleep(60)", "set cue=1"),
            ("application", "session.execute('sleep', '60000')", "CHANNEL_EXECUTE sleep"),
            ("bridge", "session.bridge(f'loopback/{args}/default')", "CHANNEL_BRIDGE"),
            ("python", "asyncio.sleep(60)", "set cue=1"),
            ("gather", "asyncio.gather(asyncio.sleep(60), session.play('silence_stream://60000'))", "PLAYBACK_START"),
        )
    },
    "hung_up_while_placing": Case(
        """
        from freeswitch import events
        await session.answer()
        begun = events.once("CHANNEL_CREATE", guard={"Caller-Destination-Number": args}, timeout=20)
        async def cues():
            await begun
            await cue()
        cueing = asyncio.create_task(cues())
        try:
            await session.originate(f"loopback/{args}/default", timeout=30)
        except asyncio.CancelledError as error:
            saw["cancelled"] = str(error), session.lost
            raise
        """,
        hears=(("set cue=1", HANG_UP),),
        far=(("sleep", "20000"),),
        saw={"cancelled": ["hangup", "hangup"]},
    ),
    "swallowed": Case(
        """
        await session.answer()
        try:
            await session.play("silence_stream://60000")
        except asyncio.CancelledError:
            saw["swallowed"] = True
        for name, verb in (("play", session.play("silence_stream://100")), ("answer", session.answer()),
                           ("originate", session.originate("loopback/1"))):
            try:
                await verb
            except freeswitch.SessionLost as error:
                saw[name] = str(error)
        """,
        hears=(("PLAYBACK_START", HANG_UP),),
        saw={
            "swallowed": True,
            "play": "the call is over (hangup)",
            "answer": "the call is over (hangup)",
            "originate": "the caller is gone (hangup)",
        },
    ),
    "hook_fails": Case(
        """
        def hook(session, what):
            saw["hook"] = what
            raise ValueError("in the hook")
        session.set_hangup_hook(hook)
        await session.answer()
        await session.play("silence_stream://60000")
        """,
        hears=(("PLAYBACK_START", HANG_UP),),
        saw={"hook": "hangup"},
    ),
    "hung_up_twice": Case(
        """
        session.set_hangup_hook(lambda session, what: saw.update(hook=[what, session.cause]))
        await session.hangup("CALL_REJECTED")
        await session.hangup("USER_BUSY")
        saw["lost"] = session.lost
        await asyncio.sleep(20)
        saw["never"] = True
        """,
        saw={"lost": "hangup", "hook": ["hangup", "CALL_REJECTED"], "never": None},
    ),
    "transferred_in_play": Case(
        """
        begun = session.once("PLAYBACK_START", timeout=20)
        session.set_hangup_hook(lambda session, what: saw.update(hook=what))
        await session.answer()
        playing = asyncio.create_task(session.play("silence_stream://60000"))
        await begun
        await session.transfer(args, "XML", "default")
        try:
            await playing
        except asyncio.CancelledError:
            saw["cancelled"] = session.lost
            raise
        """,
        far=(("set", "arrived=yes"), ("sleep", "100")),
        saw={"cancelled": "transfer", "hook": "transfer"},
    ),
    "shielded_and_over_first": Case(
        """
        await session.answer()
        async with session.hangup_shield() as same:
            saw["same"] = same is session
            await session.play("tone_stream://%(40,0,440)")
        saw["after"] = session.lost
        """,
        saw={"same": True, "after": None},
    ),
}
