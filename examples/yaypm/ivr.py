"""YAYPM's toy IVR as a coroutine: each digit comes back as a sound.

<action application="python" data="yaypm.ivr"/>
"""

SOUND = "tone_stream://%(200,50,{}00)"


async def handler(session, args):
    await session.answer()
    async for dtmf in session.stream("DTMF"):
        digit = dtmf["DTMF-Digit"]
        print("Dtmf", digit, "received.")
        await session.play(SOUND.format(ord(digit) - 40))
