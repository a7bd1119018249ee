"""Two closed scripts that tests record and alter: a plain handler, and a coroutine with tasks."""

IVR = """
    import datetime, freeswitch, random, time, uuid

    def pressed(session, what, obj, arg):
        if what == "dtmf":
            session.setVariable("heard", obj.digit)
            return "break"

    def hook(session, what, arg):
        freeswitch.consoleLog("info", f"hook {what} {arg}\\n")

    def handler(session, args):
        session.answer()
        session.setHangupHook(hook, "mine")
        session.setInputCallback(pressed, {"an": "argument"})
        freeswitch.consoleLog("info", "listens\\n")
        session.streamFile("tone_stream://%(60000,0,440)")
        session.unsetInputCallback()
        freeswitch.consoleLog("info", "asks\\n")
        pin = session.getDigits(3, "#", 20000)
        session.setVariable("drawn", f"{random.randint(1, 10**6)} {uuid.uuid4()}")
        if freeswitch.API().execute("eval", "pin ${heard}") and len(pin) == 3:
            session.execute("log", f"INFO {pin} {session.variables['drawn']} {args}")
        if datetime.datetime.now().timestamp() - time.time() > 3600:
            session.execute("log", "INFO the clocks differ")
        try:
            session.getVariable(5)
        except TypeError as error:
            session.setVariable("wrong", str(error))
        freeswitch.consoleLog("info", "waits\\n")
        session.sleep(60000)
"""

COROUTINE = """
    import asyncio, freeswitch
    from freeswitch import events

    async def hook(session, what):
        session.setVariable("hooked", what)

    async def count(session):
        async for event in session.stream("DTMF"):
            session.setVariable("counted", event["DTMF-Digit"])

    async def handler(session, args):
        session.set_hangup_hook(hook)
        await session.answer()
        counting = asyncio.create_task(count(session))
        freeswitch.consoleLog("info", "asks\\n")
        digits = await session.get_digits(2, timeout=20)
        session.setVariable("digits", digits)
        playing = asyncio.create_task(session.play("tone_stream://%(60000,0,440)"))
        await asyncio.sleep(0.1)
        playing.cancel()
        try:
            await events.once("CUSTOM no::such", timeout=0.2)
        except TimeoutError:
            session.setVariable("late", "yes")
        try:
            await freeswitch.originate("error/USER_BUSY")
        except freeswitch.OriginateError as error:
            session.setVariable("other", error.cause)
        freeswitch.consoleLog("info", "waits\\n")
        async with session.hangup_shield():
            await session.once("NO_SUCH_EVENT" if args == "never" else "CHANNEL_HANGUP")
            session.setVariable("shielded", "yes")
        await session.sleep(60)
"""
