"""pocket, the embedded switch: call scripts run and are tested with no FreeSWITCH.

    import pocket

    with pocket.Switch(scripts="scripts", dialplan=DIALPLAN) as switch:
        call = switch.call("5555555", press=[(1.5, "1")], hangup_after=10)
        print(call.transcript)

Time is virtual: a call is played as fast as its script runs. What a script sees
is what it would see inside FreeSWITCH.
"""

from pathlib import Path

from pocket import _beside, _breakpoint, _threads
from pocket._call import Call
from pocket._caller import CallTimeout
from pocket._event_socket import Server
from pocket._globals import Globals
from pocket._phone import Phone
from pocket._records import Letter, LogLine
from pocket._serve import serve
from pocket._switch import Switch
from pocket._transcript import Entry, Transcript

__all__ = [
    "Call",
    "CallTimeout",
    "Entry",
    "Globals",
    "Letter",
    "LogLine",
    "Phone",
    "Server",
    "Switch",
    "Transcript",
    "serve",
]

_beside.warn_of_another(Path(__file__).resolve().parents[1])
_threads.install()
_breakpoint.install()
