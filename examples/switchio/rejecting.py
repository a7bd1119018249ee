"""CalleeBlockOnInvite and CalleeRingback: calls that do not come about, for those who must cope with them.

pyrun switchio.rejecting                    every call that comes in is rejected as busy
pyrun switchio.rejecting ring               every call rings for ten seconds, and is not answered
"""

from freeswitch import apps
from freeswitch.apps.blockers import CalleeBlockOnInvite, CalleeRingback


def runtime(args):
    if args == "ring":
        apps.load(CalleeRingback, app_id="default", callee_hup_after=10)
    else:
        apps.load(CalleeBlockOnInvite, app_id="default", response="USER_BUSY")


def fsapi(session, stream, env, args):
    """`python switchio.rejecting`: take calls again."""
    apps.unload("default")
    stream.write("+OK calls are taken again")
