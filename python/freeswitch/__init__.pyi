"""FreeSWITCH from Python: sessions, events, streams and API commands.

The names and return values are mod_python's. Text goes in and comes out as `str`;
bytes from SIP that are no UTF-8 come as surrogates (`surrogateescape`) and go back
as they came. A NUL in text and a negative number are a ValueError that names the
argument, a wrong type is a TypeError that does. Where the core takes NULL, None is
taken. Every call that waits lets other Python run. In brackets stands the C
function that does the work.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from types import TracebackType
from typing import Any, Literal, Self, TypeVar, overload

from freeswitch._async import AsyncSession as AsyncSession
from freeswitch._async import SessionLost as SessionLost
from freeswitch._async import VerbError as VerbError
from freeswitch._async import api as api
from freeswitch._async import originate as originate
from freeswitch._variables import Variables

_T = TypeVar("_T")

S_HUP: int
S_FREE: int
S_RDLOCK: int

class SessionGone(RuntimeError):
    """The call, event or stream that an object stood for is no more.

    The attributes are there for calls; `variables` is empty unless the script has
    placed the call itself.
    """

    uuid: str | None
    cause: str | None
    variables: dict[str, str]

class OriginateError(RuntimeError):
    """A call was not placed; `cause` says why, "USER_BUSY" say."""

    cause: str

class DatabaseError(RuntimeError):
    """A database refused a connection or a statement."""

class CoreSession:
    """A call. 1 is success and 0 failure where nothing else is said.

    A session that is kept does not keep the call: once the script is done and the
    call has gone, the methods raise SessionGone, but for `ready` and `mediaReady`,
    which are False. Of a call that the script has placed, cause and variables stay.
    """

    def __init__(self, uuid_or_dial_string: str | None = None, a_leg: CoreSession | None = None) -> None:
        """Take the live call with this UUID, or place one and wait for it.

        `Session()` is of no call yet. A dial string waits for up to 60 s
        (switch_ivr_originate) and ends with the object, unless `setAutoHangup`
        says no; with an A leg the call is placed for that one, and ends with it.
        Where no call comes about, `ready()` is False and `hangupCause()` says why.
        """
    def __enter__(self) -> Self:
        """OriginateError where there is no call."""
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """As `destroy`."""

    # Names for new scripts

    @property
    def uuid(self) -> str:
        """The call's UUID; "" where there never was a call."""
    @property
    def state(self) -> str:
        """The channel's state, "CS_EXECUTE" say (switch_channel_get_state)."""
    @property
    def cause(self) -> str | None:
        """Why the call ended or did not come about; None while it lives."""
    @property
    def variables(self) -> Variables:
        """The call's variables as a mutable mapping."""

    # The call

    def answer(self) -> int:
        """Answer; `execute_on_answer` runs before this returns (switch_channel_answer)."""
    def preAnswer(self) -> int:
        """Start early media (switch_channel_pre_answer)."""
    def hangup(self, cause: str | None = None) -> None:
        """Hang up with a cause by name or number; NORMAL_CLEARING (switch_channel_hangup)."""
    def hangupState(self) -> None:
        """Run what is due after a hangup now (switch_core_session_hangup_state)."""
    def hangupCause(self) -> str:
        """Give the hangup cause by name (switch_channel_get_cause).

        While the call lives, "SUCCESS" of one that the script has placed, as switch_ivr_originate
        has said, and "NONE" of others; `cause` is None for both.
        """
    def ready(self) -> bool:
        """Tell whether the script may go on with the call (switch_channel_ready)."""
    def mediaReady(self) -> bool:
        """As `ready`, and media flows (switch_channel_media_ready)."""
    def answered(self) -> bool:
        """Tell whether the call has been answered (CF_ANSWERED)."""
    def bridged(self) -> bool:
        """Tell whether the call is up and joined to another (CF_BRIDGED)."""
    def get_uuid(self) -> str:
        """As `uuid` (switch_core_session_get_uuid)."""
    def getState(self) -> str:
        """As `state`; "ERROR" where there never was a call."""
    def transfer(self, extension: str, dialplan: str | None = None, context: str | None = None) -> int:
        """Send the call to another extension once the script has returned (switch_ivr_session_transfer)."""
    def execute(self, app: str, data: str | None = None, *, expand: bool = True) -> None:
        """Run a dialplan application to its end (switch_core_session_execute_application).

        `${}` in the data is expanded, API calls in it included: with text from
        outside use `expand=False`. Some applications, `set` among them, expand
        what they get themselves, whatever is said here. With an input callback
        set, `playback` is carried out here, so that the callback hears the digits.
        """
    def getVariable(self, var: str) -> str | None:
        """Give a channel variable, caller profile field or global variable (switch_channel_get_variable_dup)."""
    def setVariable(self, var: str, val: str | None) -> None:
        """Set a channel variable; None or "" unsets it (switch_channel_set_variable)."""
    def getPrivate(self, var: str) -> Any:
        """Give what `setPrivate` has kept by this name, or None."""
    def setPrivate(self, var: str, val: Any) -> None:
        """Keep any value by name, for as long as this object and its script live."""
    def getXMLCDR(self) -> str:
        """Give the call's detail record as XML (switch_ivr_generate_xml_cdr)."""
    def sendEvent(self, sendME: Event) -> None:
        """Give the call's endpoint a copy of an event (switch_core_session_receive_event)."""
    def setEventData(self, e: Event) -> None:
        """Add the call's headers to an event (switch_channel_event_set_data)."""
    def consoleLog(self, level_str: str | None, msg: str | None) -> None:
        """Write to the switch's log, as an entry of this call."""
    def consoleLog2(
        self, level_str: str | None, file: str | None, func: str | None, line: int, msg: str | None
    ) -> None:
        """As `consoleLog`, with file, function and line of one's own."""
    def _print(self, txt: str) -> int:
        """Send text to the far end, where the call has a text channel (switch_core_session_print)."""

    # Calls that a script places

    def originate(
        self, a_leg_session: CoreSession | None, dest: str, timeout: int | None = None, handlers: None = None
    ) -> int:
        """Place a call and wait for it for at most `timeout` seconds; 0 is success.

        Without a `timeout`, or with 0, it is 60; less than 0 is no limit.

        The call outlives the object (switch_ivr_originate). ValueError where the
        session is of a call already.
        """
    def waitForAnswer(self, calling_session: CoreSession | None) -> None:
        """Wait until this call, placed for another or nobody, is answered (switch_ivr_wait_for_answer)."""
    def setAutoHangup(self, val: object) -> int:
        """Have the call end with this object, and with the script at the latest, or not; 0, as in mod_python.

        It is hung up with NORMAL_CLEARING, whatever call it is and however the script ends; one that is
        being transferred goes on. On by default for `Session(dial_string)` alone.
        """
    def destroy(self) -> None:
        """Let go of the call: it ends where `setAutoHangup` says so."""

    # Sound and digits

    def streamFile(self, file: str, starting_sample_count: int = 0) -> int:
        """Play a file, tone or stream (switch_ivr_play_file); 0 when it was stopped or is not there."""
    def recordFile(self, file_name: str, time_limit: int = 0, silence_threshold: int = 0, silence_hits: int = 0) -> int:
        """Record for `time_limit` seconds at most, or until `silence_hits` seconds were quieter than the threshold.

        0 or less is no limit; with a threshold, `silence_hits` of 0 is 3 (switch_ivr_record_file). A file that
        cannot be written ends the call.
        """
    def insertFile(self, file: str, insert_file: str, sample_point: int) -> int:
        """Put one sound file into another, at a sample (switch_ivr_insert_file)."""
    def sleep(self, ms: int, sync: int = 0) -> int:
        """Wait for milliseconds while media flows (switch_ivr_sleep), in steps of 20."""
    def getDigits(
        self, maxdigits: int, terminators: str | None, timeout: int, interdigit: int = 0, abstimeout: int = 0
    ) -> str:
        """Collect digits, without the terminator. Milliseconds; 0 or less is no limit.

        A negative `maxdigits` is no limit, either. What breaks a playback (uuid_break, uuid_hold) ends it not.
        By switch_ivr_collect_digits_callback, with the rules of switch_ivr_collect_digits_count.
        """
    def read(
        self,
        min_digits: int,
        max_digits: int,
        prompt_audio_file: str | None,
        timeout: int,
        valid_terminators: str | None,
        digit_timeout: int = 0,
    ) -> str:
        """Play a prompt and collect digits, once. Milliseconds (the rules of switch_ivr_read).

        Less than 1 is 1, but for `digit_timeout`: 0 is `timeout`, and less is no limit.
        """
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
        """Play a prompt and collect digits, again after an invalid answer; "" on failure.

        Milliseconds (the rules of switch_play_and_get_digits). Times and `max_tries` of
        less than 0 are no limit. `transfer_on_failure` is "extension dialplan context".
        """
    @overload
    def collectDigits(self, abs_timeout: int, /) -> int: ...
    @overload
    def collectDigits(self, digit_timeout: int, abs_timeout: int) -> int:
        """Wait for digits with the input callback; 0, as in mod_python.

        Milliseconds; 0 or less is no limit (switch_ivr_collect_digits_callback).
        """
    def flushDigits(self) -> int:
        """Forget digits that were pressed and not read; 0, as in mod_python (switch_channel_flush_dtmf)."""
    def flushEvents(self) -> int:
        """Throw away events that wait for the call; 0, as in mod_python (switch_core_session_flush_private_events)."""

    # Speech

    def set_tts_params(self, tts_name: str | None, voice_name: str | None) -> None:
        """Choose the TTS engine and voice for `speak`."""
    def set_tts_parms(self, tts_name: str | None, voice_name: str | None) -> None:
        """As `set_tts_params`, its older name."""
    @property
    def tts_name(self) -> str | None:
        """The TTS engine that was chosen."""
    @property
    def voice_name(self) -> str | None:
        """The voice that was chosen."""
    def speak(self, text: str) -> int:
        """Speak with the engine that was chosen (switch_ivr_speak_text); ValueError without one."""
    def say(self, tosay: str, module_name: str, say_type: str, say_method: str, say_gender: str | None = None) -> None:
        """Say a number, date or the like with recorded words (switch_ivr_say); the log tells of failures."""
    def sayPhrase(self, phrase_name: str, phrase_data: str | None = None, phrase_lang: str | None = None) -> None:
        """Say a phrase macro (switch_ivr_phrase_macro); the log tells of failures."""
    def detectSpeech(
        self, arg0: str | None, arg1: str | None = None, arg2: str | None = None, arg3: str | None = None
    ) -> None:
        """Recognise speech: `(engine, grammar, name, dest)` begins (switch_ivr_detect_speech).

        "init", "grammar", "nogrammar", "grammaron", "grammaroff", "grammarsalloff",
        "pause", "resume", "stop", "param" and "start-input-timers" do the rest.
        What makes no sense is nothing, as in mod_python.
        """
    def playAndDetectSpeech(self, file: str, engine: str, grammar: str) -> str | None:
        """Play a prompt and recognise what is said (switch_ivr_play_and_detect_speech); None: nothing."""

    # What a script attaches

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
        "", "true" and "undefined" go on, others stop. In a bridge "ignore" keeps the
        digit from the other leg, and what stops ends the bridge.
        """
    def setDTMFCallback(self, cbfunc: Callable[..., str | bool | None], funcargs: Any) -> None:
        """As `setInputCallback`, its older name."""
    def unsetInputCallback(self) -> None:
        """Take the input callback away."""
    def check_hangup_hook(self) -> None:
        """Run the hangup hook if it is due. Scripts need not: every call does."""
    def begin_allow_threads(self, *args: object) -> bool:
        """Do nothing: every call that waits lets other Python run."""
    def end_allow_threads(self, *args: object) -> bool:
        """Do nothing, as `begin_allow_threads`."""
    @property
    def cb_function(self) -> Callable[..., object] | None:
        """The input callback that is set."""
    @property
    def cb_arg(self) -> Any:
        """Its extra argument."""
    @property
    def hangup_func(self) -> Callable[..., object] | None:
        """The hangup hook that is set."""
    @property
    def hangup_func_arg(self) -> Any:
        """Its extra argument."""
    @property
    def flags(self) -> int:
        """S_HUP, where the call ends with this object."""
    @property
    def allocated(self) -> int:
        """1 while the object stands for a call."""
    def _variable_names(self) -> list[str]: ...

class Session(CoreSession):
    """A call, as scripts make and extend it; CoreSession has the methods."""

class Event:
    """An event: headers, and a body.

    A lent one (fsapi's env, a callback's obj) is taken back when the function
    returns, and raises SessionGone from then on.
    """

    def __init__(self, type: str | Mapping[str, str | list[str]], subclass_name: str | None = None) -> None:
        """`Event("NAME")`, `Event("CUSTOM", "subclass")`, `Event("json", text)`, or a dict of headers.

        A name that the core does not know is MESSAGE, as in mod_python; text that
        describes no event is a ValueError (switch_event_create_subclass).
        """
    def addBody(self, value: str) -> bool:
        """Set the body (switch_event_set_body)."""
    def addHeader(self, header_name: str, value: str) -> bool:
        """Add a header after the others (switch_event_add_header_string); ValueError for an empty name."""
    def delHeader(self, header_name: str) -> bool:
        """Remove a header; False if the event has no such header (switch_event_del_header)."""
    def fire(self) -> bool:
        """Send a copy to every subscriber (switch_event_fire); False for a lent event."""
    def getBody(self) -> str | None:
        """Give the body (switch_event_get_body)."""
    def getHeader(self, header_name: str) -> str | None:
        """Give the value of a header (switch_event_get_header)."""
    def getType(self) -> str:
        """Give the kind's name, "CHANNEL_ANSWER" say (switch_event_name)."""
    def merge(self, to_merge: Event) -> bool:
        """Add the headers and the body of another event (switch_event_merge)."""
    def serialize(self, format: str | None = None) -> str:
        """Give the event as text; as an object with "json", a document with "xml" (switch_event_serialize)."""
    def setPriority(self, priority: int = 0) -> bool:
        """Set the priority: 0 normal, 1 low, 2 high."""
    def chat_execute(self, app: str, data: str | None = None) -> int:
        """Run a chat application on this message; 0 is success (switch_core_execute_chat_app)."""
    def chat_send(self, dest_proto: str | None = None) -> int:
        """Send this message by a protocol, or that of its header dest_proto; 0 is success (switch_core_chat_send).

        ValueError where neither is there.
        """

    # Names for new scripts

    @property
    def body(self) -> str | None:
        """The body."""
    @body.setter
    def body(self, value: str | None) -> None: ...
    def __getitem__(self, name: str) -> str | list[str]:
        """A header's value; a list where it is an array. KeyError if the header is missing."""
    def __setitem__(self, name: str, value: str | list[str]) -> None: ...
    def __delitem__(self, name: str) -> None: ...
    def __contains__(self, name: object) -> bool: ...
    def __iter__(self) -> Iterator[str]: ...
    def __len__(self) -> int: ...
    def __bool__(self) -> Literal[True]: ...
    @overload
    def get(self, name: str) -> str | list[str] | None: ...
    @overload
    def get(self, name: str, default: _T) -> str | list[str] | _T: ...
    def keys(self) -> list[str]:
        """The names of the headers, in order."""
    def items(self) -> list[tuple[str, str | list[str]]]:
        """Names and values, in order."""

class EventConsumer:
    """A queue of events: the oldest is dropped when there are more than `len`, and counted in `dropped`."""

    def __init__(self, event_name: str | None = None, subclass_name: str | None = None, len: int = 5000) -> None:
        """With a name, subscribes at once; ValueError where `len` is 0."""
    def bind(self, event_name: str, subclass_name: str | None = None) -> int:
        """Subscribe (switch_event_bind_removable); 0, and a warning in the log, for an unknown name."""
    def pop(self, block: int = 0, timeout: int = 0) -> Event | None:
        """Give the oldest event; with `block` wait for one, for `timeout` milliseconds where that is above 0.

        None if none came in time, or the consumer was cleaned up (switch_queue_pop_timeout).
        """
    def cleanup(self) -> None:
        """End the subscriptions; a thread that waits in `pop` gets None."""
    @property
    def dropped(self) -> int:
        """How many events were dropped because nobody read them in time."""
    def __len__(self) -> int: ...
    def __bool__(self) -> Literal[True]: ...
    def __iter__(self) -> Iterator[Event]:
        """Wait for each event in turn; end with `cleanup`."""
    def __next__(self) -> Event: ...
    def __enter__(self) -> Self: ...
    def __exit__(self, *error: object) -> None: ...

class Stream:
    """Where an API command writes its reply, or a stream of one's own that collects."""

    def __init__(self) -> None: ...
    def write(self, data: str) -> None:
        """Append text."""
    def raw_write(self, data: bytes | str, len: int | None = None) -> None:
        """Append bytes as they are; ValueError where `len` is more than there are."""
    def read(self, len: int | None = None) -> bytes | None:
        """Give a piece of what comes with the command, at most `len` bytes; None at its end."""
    def get_data(self) -> str:
        """Give what was written so far."""

class API:
    """The switch's own commands; with a session they are that call's."""

    def __init__(self, s: CoreSession | None = None) -> None: ...
    def execute(self, command: str | None, data: str | None = None) -> str:
        """Run a command and give its reply (switch_api_execute)."""
    def executeString(self, command: str | None) -> str:
        """As `execute`, with command and arguments in one string."""
    def __call__(self, command: str | None) -> str:
        """As `executeString`."""
    def json(self, command: str, data: object = None) -> Any:
        """Run a JSON command and give its response (switch_json_api_execute).

        RuntimeError where it fails, ValueError where a string of the data has a NUL.
        """
    def getTime(self) -> str:
        """Give the switch's clock in milliseconds since 1970, as text, as in mod_python."""

class Dbh:
    """A database handle out of the core's cache; it goes back at `close`, a `with`'s end, or with the object."""

    def __init__(self, dsn: str) -> None:
        """Connect: "sqlite://name", "odbc://dsn:user:password", "pgsql://...", "mariadb://...".

        DatabaseError where that fails (switch_cache_db_get_db_handle_dsn).
        """
    def query(self, sql: str, parameters: Iterable[object] | None = None) -> Iterator[dict[str, str | None]]:
        """Run a query and give its rows; `?` stands for a parameter: None, bool, int, float, str or bytes.

        A `?` in a string, name or comment is none, nor in PostgreSQL's `$$...$$`. Where a
        backslash matters, the database is asked once whether it is an escape in its strings.

        ValueError where the numbers of `?` and parameters differ, DatabaseError
        where the database refuses (switch_cache_db_execute_sql_callback). The core
        gives every value as text, to its first NUL: read bytes that have one by `hex()`.
        """
    def first_row(self, sql: str, parameters: Iterable[object] | None = None) -> dict[str, str | None] | None:
        """As `query`, the first row only; None if there are no rows."""
    def execute(self, sql: str, parameters: Iterable[object] | None = None) -> int:
        """Run a statement and give how many rows it changed."""
    def affected_rows(self) -> int:
        """Give how many rows the last statement changed."""
    def connected(self) -> bool:
        """Tell whether the handle is open."""
    def close(self) -> None:
        """Give the handle back to the core's cache."""
    def release(self) -> None:
        """As `close`, mod_lua's name for it."""
    def __enter__(self) -> Self: ...
    def __exit__(self, *error: object) -> None: ...

class DTMF:
    """One digit."""

    def __init__(self, digit: str, duration: int = 2000) -> None: ...
    @property
    def digit(self) -> str:
        """0 to 9, A to D, *, #."""
    @property
    def duration(self) -> int:
        """Its length in samples at 8 kHz: 2000 is 250 ms."""
    @property
    def source(self) -> str:
        """Where it came from: "rtp", "inband", "endpoint", "app" or "unknown"."""

class IVRMenu:
    """A menu (switch_ivr_menu_init); with `main` it lies beneath that one, and "menu-sub" leads to it.

    It leads one call at a time: RuntimeError for a second.
    """

    def __init__(
        self,
        main: IVRMenu | None,
        name: str | None,
        greeting_sound: str | None,
        short_greeting_sound: str | None,
        invalid_sound: str | None,
        exit_sound: str | None,
        transfer_sound: str | None,
        confirm_macro: str | None,
        confirm_key: str | None,
        tts_engine: str | None,
        tts_voice: str | None,
        confirm_attempts: int,
        inter_timeout: int,
        digit_len: int,
        timeout: int,
        max_failures: int,
        max_timeouts: int,
    ) -> None:
        """`inter_timeout` between two digits and `timeout` for the first are in milliseconds.

        The core's defaults stand for 0: 3 `confirm_attempts`, `max_failures` and `max_timeouts`, a `timeout`
        of 10 s, half of that between digits, a `digit_len` of the longest key. Less than 0 is the same, but
        for `inter_timeout` (no limit) and `digit_len` (1023, the most; `confirm_attempts` are 100 at most).
        """
    def bindAction(self, action: str, arg: str | None, bind: str) -> None:
        """Have a key, or a pattern in slashes, do something (switch_ivr_menu_bind_action).

        "menu-exit", "menu-sub", "menu-exec-app", "menu-play-sound", "menu-back",
        "menu-top"; an error in the log for others.
        """
    def execute(self, session: CoreSession, name: str) -> None:
        """Lead a call through the menu with this name (switch_ivr_menu_execute)."""

def bridge(session_a: CoreSession, session_b: CoreSession) -> None:
    """Join two calls until one ends it (switch_ivr_multi_threaded_bridge); both input callbacks hear digits."""

def consoleLog(level_str: str | None, msg: str | None) -> None:
    """Write to the switch's log; an unknown level is DEBUG (switch_log_printf)."""

def consoleLog2(level_str: str | None, file: str | None, func: str | None, line: int, msg: str | None) -> None:
    """As `consoleLog`, with file, function and line of one's own."""

def consoleCleanLog(msg: str | None) -> None:
    """Write to the switch's log at DEBUG."""

console_log = consoleLog
console_log2 = consoleLog2
console_clean_log = consoleCleanLog

def email(
    to: str,
    _from: str,
    headers: str | None = None,
    body: str | None = None,
    file: str | None = None,
    convert_cmd: str | None = None,
    convert_ext: str | None = None,
) -> bool:
    """Send a letter with the switch's mailer (switch_simple_email); False where that fails."""

def getGlobalVariable(var_name: str) -> str | None:
    """Give a global variable (switch_core_get_variable_dup)."""

def setGlobalVariable(var_name: str, var_val: str | None) -> None:
    """Set a global variable; None or "" removes it (switch_core_set_variable)."""

def msleep(ms: int) -> None:
    """Wait for milliseconds; other scripts run meanwhile (switch_sleep)."""

# Which switch this works with: "switch", "pocket", "socket" (others by their event sockets), or None.
place: str | None

def running() -> bool:
    """Tell whether the switch is running (switch_core_running)."""

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
