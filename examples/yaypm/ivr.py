"""YAYPM's toy IVR as a coroutine: each digit comes back as a sound.

<action application="python" data="yaypm.ivr"/>
"""

SOUND = "tone_stream://%(200,50,{}00)"


async def handler(session, args):
    digits = session.stream("DTMF")  # from here on none is missed
    await session.answer()
    async for dtmf in digits:
        digit = dtmf["DTMF-Digit"]
        print("Dtmf", digit, "received.")
        await session.play(SOUND.format(ord(digit) - 40))
