"""An hour of load on pocket in virtual time: a dialer at 20 calls a second, and a Router app that answers them.

Each call has two legs. The router answers the called one, plays half a second of tone and waits for its end; the
dialer hangs up 2 s after the answer. The garbage collector comes as seldom as in `freeswitch-apps dial`. Prints the
real time, and the processor's for each call, without the start of Python. Arguments: the seconds of load (3600). Needs
no FreeSWITCH.
"""

from __future__ import annotations

import gc
import resource
import sys
import time

import pocket
import rig
from freeswitch import apps
from freeswitch.apps.call_gen import get_originator
from freeswitch.apps.command import COLLECTED
from freeswitch.apps.command.places import DIALPLAN
from freeswitch.apps.routers import Router

RATE, HELD = 20, 2.0
# In how much real time an hour is to go by.
WANTED = 120.0

router = Router(guards={"Call-Direction": "inbound"}, reject_on_guard=False, subscribe=("PLAYBACK_STOP",))
routed: list[int] = [0]


@router.route("(.*)")
async def welcome(sess: apps.Session, **_arguments: object) -> None:
    """Answer a call, and play it a tone."""
    await sess.answer()
    sess.playback("tone_stream://%(500,0,440)")
    await sess.recv("PLAYBACK_STOP")
    routed[0] += 1


def main(seconds: int) -> int:
    """Run, and print; 1 when a call is not right, or an hour takes longer than it may."""
    gc.set_threshold(*COLLECTED)
    with pocket.Switch(dialplan=DIALPLAN) as switch:
        switch.api("fsctl loglevel warning")
        dialer = get_originator(None, rate=RATE, limit=10_000, max_offered=RATE * seconds, duration=HELD)
        for client in dialer.pool.clients:
            client.set_orig_cmd("loopback/1000/default")
        dialer.load_app(router, app_id="router")
        began, processor = time.monotonic(), time.process_time()
        dialer.start()
        while not dialer.stopped() or dialer.count_calls():
            switch.sleep(1)
        took, processor = time.monotonic() - began, time.process_time() - processor
        is_right = dialer.answered == dialer.offered == routed[0] == len(dialer.cdr.storer)
        calls = dialer.offered
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"{seconds} s of load, {calls} calls, {routed[0]} routed: {took:.1f} s, {memory} MB at most")
    print(f"  a call: {1000 * took / calls:.2f} ms, {1000 * processor / calls:.2f} ms of the processor")
    return 0 if is_right and took <= max(1.0, WANTED * seconds / 3600) else 1


if __name__ == "__main__":
    sys.exit(main(rig.number(1, 3600)))
