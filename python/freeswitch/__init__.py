"""FreeSWITCH from Python: sessions, events, streams and API commands.

Inside the switch the names come from mod_rust; elsewhere from pocket, the
embedded switch, so that a script can be imported and tested with no switch.
"""

import sys

if "_freeswitch" not in sys.modules and "_freeswitch" not in sys.builtin_module_names:
    import pocket

    if "_freeswitch" not in sys.modules:
        raise ImportError(
            f"`pocket` in {pocket.__file__} is another project's, and not the embedded switch: "
            "uninstall it, and install freeswitch-pocket again"
        )

from _freeswitch import (
    API,
    DTMF,
    CoreSession,
    DatabaseError,
    Dbh,
    Event,
    EventConsumer,
    IVRMenu,
    OriginateError,
    Session,
    SessionGone,
    Stream,
    bridge,
    consoleCleanLog,
    consoleLog,
    consoleLog2,
    email,
    getGlobalVariable,
    msleep,
    running,
    setGlobalVariable,
)

# mod_python's other names of the same functions, and the bits of Session.flags.
console_log = consoleLog
console_log2 = consoleLog2
console_clean_log = consoleCleanLog
S_HUP = 1
S_FREE = 2
S_RDLOCK = 4

__all__ = [
    "API",
    "DTMF",
    "S_FREE",
    "S_HUP",
    "S_RDLOCK",
    "CoreSession",
    "DatabaseError",
    "Dbh",
    "Event",
    "EventConsumer",
    "IVRMenu",
    "OriginateError",
    "Session",
    "SessionGone",
    "Stream",
    "bridge",
    "consoleCleanLog",
    "consoleLog",
    "consoleLog2",
    "console_clean_log",
    "console_log",
    "console_log2",
    "email",
    "getGlobalVariable",
    "msleep",
    "running",
    "setGlobalVariable",
]

# asyncio is loaded when the first script asks for one of these; `import *` does not.
_ASYNC = ("AsyncSession", "SessionLost", "VerbError", "api", "originate")
_MODULES = ("apps", "bus", "events", "kv", "queue", "records")


def __getattr__(name: str) -> object:
    if name in _ASYNC:
        from freeswitch import _async

        return getattr(_async, name)
    if name == "place":
        from freeswitch._place import place

        return place()
    if name in _MODULES:
        import importlib

        return importlib.import_module(f"freeswitch.{name}")
    raise AttributeError(f"module 'freeswitch' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_ASYNC, *_MODULES} - {"pocket", "sys"})
