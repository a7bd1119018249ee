"""FreeSWITCH from Python: sessions, events, streams and API commands.

The names and return values are mod_python's. Text goes in and comes out as `str`;
bytes from SIP that are no UTF-8 come as surrogates (`surrogateescape`) and go back
as they came. A NUL in text is a ValueError that names the argument, a wrong type a
TypeError that does.
"""

from collections.abc import Callable
from typing import Any

class SessionGone(RuntimeError):
    """The call, event or stream that an object stood for is no more."""

    uuid: str | None

class Session:
    """A call. 1 is success and 0 failure where nothing else is said.

    A session that is kept does not keep the call: once that has ended the methods
    raise SessionGone, but for `ready`, which is False.
    """

    def __init__(self, uuid: str) -> None:
        """Take the live call with this UUID; ValueError when there is none."""
    @property
    def uuid(self) -> str: ...
    def get_uuid(self) -> str: ...
    def answer(self) -> int:
        """Answer; `execute_on_answer` runs before this returns (switch_channel_answer)."""
    def preAnswer(self) -> int:
        """Start early media (switch_channel_pre_answer)."""
    def hangup(self, cause: str | None = None) -> None:
        """Hang up with a cause by name or number; NORMAL_CLEARING (switch_channel_hangup)."""
    def ready(self) -> bool:
        """Tell whether the script may go on with the call (switch_channel_ready)."""
    def execute(self, app: str, data: str | None = None) -> None:
        """Run a dialplan application to its end; `${}` in the data is expanded.

        With an input callback set, `playback` is carried out here, so that the
        callback hears the digits.
        """
    def streamFile(self, file: str, starting_sample_count: int = 0) -> int:
        """Play a file, tone or stream (switch_ivr_play_file); 0 when it was stopped."""
    def sleep(self, ms: int, sync: int = 0) -> int:
        """Wait for milliseconds while media flows (switch_ivr_sleep), in steps of 20."""
    def getVariable(self, var: str) -> str | None:
        """Give a channel variable, caller profile field or global variable."""
    def setVariable(self, var: str, val: str | None) -> None:
        """Set a channel variable; None or "" unsets it."""
    def getDigits(
        self, maxdigits: int, terminators: str | None, timeout: int, interdigit: int = 0, abstimeout: int = 0
    ) -> str:
        """Collect digits, without the terminator. Milliseconds; 0 waits for ever."""
    def playAndGetDigits(
        self,
        min_digits: int,
        max_digits: int,
        max_tries: int,
        timeout: int,
        terminators: str | None,
        audio_files: str | None,
        bad_input_audio_files: str | None,
        digits_regex: str | None,
        var_name: str | None = None,
        digit_timeout: int = 0,
        transfer_on_failure: str | None = None,
    ) -> str:
        """Play a prompt and collect digits, again after an invalid answer; "" on failure."""
    def setHangupHook(self, pyfunc: Callable[..., object], arg: Any = None) -> None:
        """Have `pyfunc(session, what[, arg])` called once, when the call is lost.

        `what` is "hangup" or "transfer". It runs on the script's own thread, as the
        hangup breaks what the script does, or when the script next uses this module
        or returns.
        """
    def setInputCallback(self, cbfunc: Callable[..., str | bool | None], funcargs: Any = None) -> None:
        """Have `cbfunc(session, what, obj[, funcargs])` called when input comes.

        `what` is "dtmf" with a DTMF or "event" with an Event, while the session
        plays or waits. None goes on; a string is read by switch_ivr_process_fh:
        "pause", "restart", "seek:+1000", "speed:1", "volume:-1" act on the file,
        "" and "true" go on, others stop.
        """
    def unsetInputCallback(self) -> None: ...
    def hangupCause(self) -> str:
        """Give the hangup cause by name; "NONE" while the call lives."""
    def getState(self) -> str:
        """Give the channel's state, "CS_EXECUTE" say."""
    def transfer(self, extension: str, dialplan: str | None = None, context: str | None = None) -> int:
        """Send the call to another extension once the script has returned."""
    def consoleLog(self, level_str: str | None, msg: str | None) -> None:
        """Write to the switch's log, as an entry of this call."""

class Event:
    """An event: headers, and a body.

    A lent one (fsapi's env, a callback's obj) is taken back when the function
    returns, and raises SessionGone from then on.
    """

    def __init__(self, type: str, subclass_name: str | None = None) -> None: ...
    def addBody(self, value: str) -> bool: ...
    def addHeader(self, header_name: str, value: str) -> bool: ...
    def delHeader(self, header_name: str) -> bool: ...
    def fire(self) -> bool:
        """Send a copy to whoever subscribed; False for a lent event."""
    def getBody(self) -> str | None: ...
    def getHeader(self, header_name: str) -> str | None: ...
    def getType(self) -> str:
        """Give the kind's name, "CHANNEL_ANSWER" say."""
    def merge(self, to_merge: Event) -> bool: ...
    def serialize(self, format: str | None = None) -> str:
        """Give the event as text; as a JSON object with "json"."""
    def setPriority(self, priority: int = 0) -> bool:
        """Set the priority: 0 normal, 1 low, 2 high."""

class Stream:
    """Where an API command writes its reply, or a stream of one's own that collects."""

    def __init__(self) -> None: ...
    def write(self, data: str) -> None: ...
    def raw_write(self, data: bytes | str, len: int | None = None) -> None: ...
    def read(self, len: int | None = None) -> bytes | None: ...
    def get_data(self) -> str: ...

class API:
    """The switch's own commands; with a session they are that call's."""

    def __init__(self, s: Session | None = None) -> None: ...
    def execute(self, command: str, data: str | None = None) -> str: ...
    def executeString(self, command: str) -> str: ...
    def getTime(self) -> int:
        """Give the switch's clock, in milliseconds since 1970."""

class DTMF:
    """One digit."""

    def __init__(self, digit: str, duration: int = 2000) -> None: ...
    @property
    def digit(self) -> str: ...
    @property
    def duration(self) -> int:
        """Its length in samples at 8 kHz: 2000 is 250 ms."""
    @property
    def source(self) -> str:
        """Where it came from: "rtp", "inband", "endpoint", "app" or "unknown"."""

def consoleLog(level_str: str | None, msg: str | None) -> None:
    """Write to the switch's log; an unknown level is DEBUG."""

def consoleCleanLog(msg: str | None) -> None:
    """Write to the switch's log at DEBUG."""

def getGlobalVariable(var_name: str) -> str | None: ...
def setGlobalVariable(var_name: str, var_val: str | None) -> None: ...
def msleep(ms: int) -> None:
    """Wait for milliseconds; other scripts run meanwhile."""

def running() -> bool:
    """Tell whether the switch is running."""

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
