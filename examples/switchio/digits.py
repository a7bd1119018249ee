"""DtmfChecker: digits that one leg sends arrive at the other.

pyrun switchio.digits loopback/9999
"""

from freeswitch import apps
from freeswitch.apps import Client
from freeswitch.apps.dtmf import DtmfChecker


class Says:
    """Says how it went, and ends the call."""

    @apps.callback("DTMF")
    def on_digit(self, sess):
        # Behind the checker, which was loaded first.
        if sess.vars.get("dtmf_checked"):
            print("all digits came")
            sess.hangup()


def runtime(args):
    client = Client()
    client.load_app(DtmfChecker, on_value="digits", sequence="123#", duration=100)
    client.load_app(Says, on_value="digits")
    client.originate(args, app_id="digits")
