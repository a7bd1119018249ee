"""TonePlay, PlayRec and MutedPlayRec on calls that this script places.

pyrun switchio.players loopback/9999            a tone, echoed
pyrun switchio.players loopback/9999 PlayRec    a clip, recorded at both ends (FreeSWITCH)
"""

from freeswitch.apps import Client
from freeswitch.apps.players import MutedPlayRec, PlayRec, TonePlay

APPS = {app.__name__: app for app in (TonePlay, PlayRec, MutedPlayRec)}


def runtime(args):
    to, _, name = args.partition(" ")
    client = Client()
    arguments = {}
    if name in ("PlayRec", "MutedPlayRec"):
        # A record of every call; the app hangs up when the clip has been played twice.
        arguments = {"iterations": 2, "rec_period": 0, "callback": told}
    client.load_app(APPS[name or "TonePlay"], on_value="players", **arguments)
    client.originate(to, app_id="players")


def told(info):
    print("recorded", info.caller, "and", info.callee)
