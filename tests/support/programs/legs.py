"""Programs of several legs: placed, joined, and left."""

from __future__ import annotations

from support.programs.case import Case

CASES: dict[str, Case] = {
    "placed": Case(
        """
        await session.answer()
        other = await session.originate(f"loopback/{args}/default", timeout=10)
        saw["is"] = isinstance(other, freeswitch.AsyncSession), other.lost
        await other.play("tone_stream://%(50,0,440)")
        await session.bridge(other)
        saw["after"] = session.ready(), other.lost
        """,
        far=(("answer", ""), ("sleep", "1500")),
        saw={"is": [True, None], "after": [True, "taken"]},
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
    "dialled_in_vain": Case(
        """
        from freeswitch import events
        await session.answer()
        for dest, timeout in (("", 1), ("loopback/1", -1), (5, 1)):
            try:
                await freeswitch.originate(dest, timeout=timeout)
            except (TypeError, ValueError) as error:
                saw[repr(dest)] = type(error).__name__
        begun = events.once("CHANNEL_CREATE", guard={"Caller-Destination-Number": args}, timeout=20)
        trying = asyncio.create_task(freeswitch.originate(f"loopback/{args}/default", timeout=30))
        await begun
        trying.cancel()
        saw["cancelled"] = (await asyncio.gather(trying, return_exceptions=True))[0].__class__.__name__
        """,
        far=(("sleep", "20000"),),
        saw={"''": "ValueError", "'loopback/1'": "ValueError", "5": "TypeError", "cancelled": "CancelledError"},
    ),
    "placed_with_variables": Case(
        """
        await session.answer()
        given = {"mine": "a,b|c'd [x] é", "other": ""}
        async with await session.originate(f"[inner=1]loopback/{args}/default", timeout=10, variables=given) as other:
            saw["mine"] = other.variables["mine"]
            saw["inner"] = other.variables.get("inner"), other.variables.get("no_such")
            saw["caller"] = other.variables.get("origination_caller_id_number")
        try:
            await session.originate(f"loopback/{args}/default", variables={"": "x"})
        except ValueError as error:
            saw["nameless"] = str(error)
        """,
        far=(("answer", ""), ("sleep", "20000")),
        saw={
            "mine": "a,b|c'd [x] é",
            "inner": ["1", None],
            "caller": "1000",
            "nameless": "a variable in 'variables' has no name",
        },
    ),
    "hunts": Case(
        """
        await session.answer()
        causes = saw["causes"] = []
        for dest in ("error/USER_BUSY", "error/CALL_REJECTED", "error/NO_ANSWER|error/USER_BUSY",
                     f"error/USER_BUSY|loopback/{args}/default"):
            try:
                other = await session.originate(dest, timeout=10)
            except freeswitch.OriginateError as error:
                causes.append(error.cause)
        saw["last"] = other.lost
        await other.play("tone_stream://%(40,0,440)")
        """,
        far=(("answer", ""), ("sleep", "20000")),
        saw={"causes": ["USER_BUSY", "CALL_REJECTED", "USER_BUSY"], "last": None},
    ),
    "nobody_answers": Case(
        """
        await session.answer()
        try:
            await session.originate(f"loopback/{args}/default", timeout=1)
        except freeswitch.OriginateError as error:
            saw["cause"] = error.cause, str(error)
        """,
        far=(("sleep", "20000"),),
        saw={"cause": ["NO_ANSWER", "there is no call: NO_ANSWER"]},
    ),
    "three_legs": Case(
        """
        await session.answer()
        dest = f"loopback/{args}/default"
        placing = session.originate(dest, timeout=10), freeswitch.originate(dest, timeout=10)
        first, second = await asyncio.gather(*placing)
        await asyncio.gather(*(one.play("tone_stream://%(50,0,440)") for one in (first, second, session)))
        await first.hangup("USER_BUSY")
        saw["first"] = first.lost
        saw["rest"] = second.lost, session.lost
        second.variables["mine"] = "2"
        await second.execute("set", "copied=${mine}")
        saw["copied"] = second.variables["copied"]
        """,
        far=(("answer", ""), ("sleep", "20000")),
        saw={"first": "hangup", "rest": [None, None], "copied": "2"},
    ),
    "bridge_with_hooks": Case(
        """
        await session.answer()
        session.variables["execute_on_pre_bridge"] = "set hook=before"
        session.variables["execute_on_post_bridge"] = "set hooked=after"
        session.variables["continue_on_fail"] = "true"
        await session.bridge(f"loopback/{args}/default")
        saw["hooked"] = session.variables.get("hooked")
        saw["after"] = session.ready(), session.bridged()
        """,
        far=(("answer", ""), ("sleep", "1000")),
        saw={"hooked": "after", "after": [True, False]},
    ),
    "bridge_fails": Case(
        """
        await session.answer()
        session.variables["continue_on_fail"] = "true"
        try:
            await session.bridge("error/USER_BUSY")
        except freeswitch.VerbError as error:
            saw["error"] = str(error)
        saw["disposition"] = session.variables["originate_disposition"]
        await session.play("tone_stream://%(40,0,440)")
        """,
        saw={"disposition": "USER_BUSY"},
    ),
    "bridge_fails_and_ends_it": Case(
        """
        await session.answer()
        try:
            await session.bridge("error/USER_BUSY")
        except asyncio.CancelledError as error:
            saw["cancelled"] = str(error), session.cause
            raise
        saw["never"] = True
        """,
        saw={"cancelled": ["hangup", "USER_BUSY"], "never": None},
    ),
    "bridged_until_the_other_leaves": Case(
        """
        await session.answer()
        left = session.once("CHANNEL_UNBRIDGE", timeout=20)
        other = await session.originate(f"loopback/{args}/default", timeout=10)
        await other.play("tone_stream://%(40,0,440)")
        await session.bridge(other)
        await left
        # The bridge has taken it, though it may have been over before that was known.
        saw["after"] = session.ready(), other.lost
        try:
            await session.bridge(other)
        except freeswitch.SessionLost as error:
            saw["again"] = type(error).__name__
        await session.play("tone_stream://%(40,0,440)")
        """,
        far=(("answer", ""), ("sleep", "700")),
        saw={"after": [True, "taken"], "again": "SessionLost"},
    ),
    "hangs_up_what_a_bridge_has_taken": Case(
        """
        from freeswitch import events
        await session.answer()
        other = await session.originate(f"loopback/{args}/default", timeout=10)
        # Its thread has come for its work: the bridge takes it from this program.
        await other.play("tone_stream://%(40,0,440)")
        joined = session.once("CHANNEL_BRIDGE", timeout=20)
        over = events.once("CHANNEL_HANGUP", guard={"Unique-ID": other.uuid}, timeout=10)
        bridging = asyncio.create_task(session.bridge(other))
        await joined
        while not other.lost:
            await asyncio.sleep(0.02)
        await other.hangup("USER_BUSY")
        saw["cause"] = (await over)["Hangup-Cause"]
        await bridging
        # There is nothing left of it.
        await other.hangup()
        saw["after"] = session.ready(), other.lost
        """,
        far=(("answer", ""), ("sleep", "20000")),
        given={"hangup_after_bridge": "false"},
        saw={"cause": "USER_BUSY", "after": [True, "taken"]},
    ),
    "digits_to_the_far_end": Case(
        """
        from freeswitch import events
        await session.answer()
        got = events.once("CHANNEL_EXECUTE_COMPLETE", timeout=20,
                          guard={"Application": "read", "Caller-Destination-Number": args})
        asks = events.once("PLAYBACK_START", guard={"Caller-Destination-Number": args}, timeout=20)
        other = await session.originate(f"loopback/{args}/default", timeout=10)
        await asks
        await other.send_dtmf("42")
        saw["got"] = (await got)["variable_got"]
        """,
        far=(("answer", ""), ("read", "2 2 silence_stream://20000 got 20000 #"), ("sleep", "20000")),
        saw={"got": "42"},
    ),
    "other_leg_is_lost": Case(
        """
        await session.answer()
        other = await session.originate(f"loopback/{args}/default", timeout=10)
        try:
            await other.play("silence_stream://60000")
        except freeswitch.SessionLost as error:
            saw["lost"] = str(error), other.lost
        saw["mine"] = session.lost
        """,
        far=(("answer", ""), ("sleep", "300")),
        saw={"lost": ["the call is over (hangup)", "hangup"], "mine": None},
    ),
    "other_leg_is_transferred": Case(
        """
        from freeswitch import events
        await session.answer()
        other = await session.originate(f"loopback/{args}/default", timeout=10)
        there = events.once("CHANNEL_EXECUTE", guard={"Unique-ID": other.uuid, "Application": "set"}, timeout=20)
        playing = asyncio.create_task(other.play("silence_stream://60000"))
        await other.transfer("set:arrived=yes,sleep:20000", "inline")
        saw["there"] = (await there)["Application-Data"]
        try:
            await playing
        except freeswitch.SessionLost as error:
            saw["lost"] = type(error).__name__
        await freeswitch.api("uuid_kill", other.uuid)
        """,
        far=(("answer", ""), ("sleep", "20000")),
        saw={"there": "arrived=yes", "lost": "SessionLost"},
    ),
    "app_that_fails": Case(
        """
        from freeswitch import events
        await session.answer()
        async def app(other):
            raise ValueError("in the app")
        over = events.once("CHANNEL_HANGUP_COMPLETE", guard={"Caller-Destination-Number": args}, timeout=20)
        other = await freeswitch.originate(f"loopback/{args}/default", timeout=10, app=app)
        saw["over"] = (await over)["Event-Name"]
        saw["mine"] = session.lost
        """,
        far=(("answer", ""), ("sleep", "20000")),
        saw={"over": "CHANNEL_HANGUP_COMPLETE", "mine": None},
    ),
    "kept_after_the_program": Case(
        """
        await session.answer()
        ends = await session.originate(f"loopback/{args}/default", timeout=10)
        stays = await session.originate(f"loopback/{args}/default", timeout=10, keep=True)
        await session.execute("set", f"stays={stays.uuid}")
        saw["are"] = ends.lost, stays.lost
        """,
        then=(("set", "there=${uuid_exists(${stays})}"), ("set", "killed=${uuid_kill(${stays})}")),
        leaves={"there": "true"},
        saw={"are": [None, None]},
        far=(("answer", ""), ("sleep", "20000")),
    ),
}
