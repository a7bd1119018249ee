"""switchio's counter: a module as an app.

python.conf: <param name="startup-script" value="switchio.counter"/>
"""

import sys

from freeswitch import apps

num_calls = 0


@apps.callback("CHANNEL_ANSWER")
def counter(session):
    global num_calls
    num_calls += 1


def runtime(args):
    apps.load(sys.modules[__name__], app_id=args or "default")


def fsapi(session, stream, env, args):
    """`python switchio.counter` at fs_cli: how many legs were answered."""
    stream.write(str(num_calls))
