"""Bridger: a call is joined with one destination, and when that has hung up, with another.

    pyrun switchio.bridging loopback/9001 loopback/9002

The dialplan parks calls after a bridge: `park_after_bridge=true`.
"""

from freeswitch import apps
from freeswitch.apps.routers import Bridger


class TwoPlaces(Bridger):
    """A Bridger that has its destinations from the script's arguments."""

    def prepost(self, first, second):
        super().prepost()
        self.count2bridgeargs = {1: {"dest_url": first}, 2: {"dest_url": second}}


def runtime(args):
    first, second = args.split()
    apps.load(TwoPlaces, app_id="default", first=first, second=second)
