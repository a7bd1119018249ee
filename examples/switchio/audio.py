"""Bert, where the switch has mod_bert and the call PCMU, else ToneCheck: what one leg plays arrives at the other.

pyrun switchio.audio loopback/9999
"""

from freeswitch import apps
from freeswitch.apps import Client
from freeswitch.apps.bert import Bert, ToneCheck


class Says:
    """Says that it was heard, and ends the call."""

    @apps.callback("mod_bert::in_sync")
    @apps.callback("DETECTED_TONE")
    def on_heard(self, sess):
        if sess.vars.get("tone_checked") or sess.vars.get("bert_sync"):
            print("the audio arrives")
            sess.hangup()


def tests_bits(client, dest):
    """Tell whether Bert is loaded: mod_bert tests PCMU alone, and loopback legs have L16."""
    if dest.startswith("loopback/"):
        return False
    try:
        client.load_app(Bert, on_value="audio", bert_timeout_ms=5000)
    except apps.ConfigurationError as error:
        print(error)
        return False
    return True


def runtime(args):
    client = Client()
    if not tests_bits(client, args):
        client.load_app(ToneCheck, on_value="audio", frequency=1004)
    client.load_app(Says, on_value="audio")
    client.originate(args, app_id="audio")
