"""FreeSWITCH from Python: sessions, events, streams and API commands.

Inside the switch the names come from mod_rust; elsewhere from pocket, the
embedded switch, so that a script can be imported and tested with no switch.
"""

import sys

if "_freeswitch" not in sys.modules and "_freeswitch" not in sys.builtin_module_names:
    import pocket  # noqa: F401  (provides _freeswitch)

from _freeswitch import (
    API,
    DTMF,
    Event,
    Session,
    SessionGone,
    Stream,
    consoleCleanLog,
    consoleLog,
    getGlobalVariable,
    msleep,
    running,
    setGlobalVariable,
)

__all__ = [
    "API",
    "DTMF",
    "Event",
    "Session",
    "SessionGone",
    "Stream",
    "consoleCleanLog",
    "consoleLog",
    "getGlobalVariable",
    "msleep",
    "running",
    "setGlobalVariable",
]
