"""YAYPM's toy IVR as a coroutine: each digit comes back as a sound.

<action application="python" data="yaypm.ivr"/>
"""

from freeswitch import AsyncSession

SOUND = "tone_stream://%(200,50,{}00)"


async def handler(session: AsyncSession, args: str) -> None:
    digits = session.stream("DTMF")  # from here on none is missed
    await session.answer()
    async for dtmf in digits:
        digit = str(dtmf["DTMF-Digit"])
        print("Dtmf", digit, "received.")
        await session.play(SOUND.format(ord(digit) - 40))
