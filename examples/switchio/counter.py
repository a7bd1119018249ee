"""switchio's counter: a module as an app.

python.conf: <param name="startup-script" value="switchio.counter"/>
"""

import sys

import freeswitch
from freeswitch import apps

num_calls = 0


@apps.callback("CHANNEL_ANSWER")
def counter(session: apps.Session) -> None:
    global num_calls
    num_calls += 1


def runtime(args: str) -> None:
    apps.load(sys.modules[__name__], app_id=args or "default")


def fsapi(session: object, stream: freeswitch.Stream, env: freeswitch.Event, args: str) -> None:
    """`python switchio.counter` at fs_cli: how many legs were answered."""
    stream.write(str(num_calls))
