"""A dialer with its measurements: CDR records each call, SysStats the machine.

pyrun switchio.dialer loopback/9999 /tmp/results
python switchio.dialer                          what it has done so far
python switchio.dialer stop                     hang up and end
"""

from freeswitch.apps import get_originator
from freeswitch.apps.measure import SysStats
from freeswitch.apps.players import TonePlay
from freeswitch.apps.profiles import Ramp, exponential

dialers = []


async def runtime(args):
    to, folder = args.split()
    # From one call a second to ten in half a minute; each is held for three seconds, in the mean.
    dialer = get_originator(profile=Ramp(1, 10, 30, hold=30), limit=50, max_offered=20, duration=exponential(3))
    dialers.append(dialer)
    dialer.measurers.add(SysStats())
    dialer.measurers.to_store(folder)
    for client in dialer.pool.clients:
        client.set_orig_cmd(to)
    dialer.load_app(TonePlay)
    dialer.start()
    await dialer.finished()
    print(f"{dialer.offered} calls were offered, {dialer.answered} were answered")
    for client in dialer.pool.clients:
        client.unload_app("TonePlay")
    dialer.measurers.close()


def fsapi(session, stream, env, args):
    for dialer in dialers:
        if args == "stop":
            dialer.shutdown()
        stream.write(f"{dialer}\n")
