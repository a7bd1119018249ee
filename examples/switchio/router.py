"""switchio's router: greets inbound calls that are parked."""

import re

from freeswitch import apps
from freeswitch.apps.routers import Router

router = Router(guards={"Call-Direction": "inbound"}, subscribe=("PLAYBACK_START", "PLAYBACK_STOP"))


@router.route("(.*)")
async def welcome(sess: apps.Session, match: re.Match[str], router: Router) -> None:
    """Say hello to inbound calls."""
    await sess.answer()  # goes on once the call has been answered
    sess.log.info("Answered call to %s", match.groups())

    sess.playback("tone_stream://%(500,0,440)")  # does not wait
    await sess.recv("PLAYBACK_START")
    sess.log.info("Playing welcome message")

    await sess.recv("PLAYBACK_STOP")
    await sess.hangup()  # goes on once the call has been hung up


def runtime(args: str) -> None:
    apps.load(router, app_id=args or "default")
