"""Tracebacks of scripts in the switch's log: without the loader's frames, and with what may have been meant.

The module written in Rust calls `format_exception`, where it would call Python's own.
"""

from __future__ import annotations

import difflib
import os
import traceback
from collections.abc import Iterable, Iterator
from types import TracebackType

# How scripts are imported and called: none of the script's business.
LOADERS = frozenset(
    {"", "__init__", "_boot", "_finder", "_imports_in", "_loop", "_calls", "_registry", "_reload", "_scripts"}
)
# Inside the switch the package has no files.
_HERE = os.path.dirname(os.path.abspath(globals().get("__file__") or os.devnull))

# What people call it who know mod_lua, the dialplan or other libraries; and a session's own name for it.
SAID = {
    "play": "streamFile",
    "playback": "streamFile",
    "play_file": "streamFile",
    "stream_file": "streamFile",
    "record": "recordFile",
    "record_file": "recordFile",
    "get_digits": "getDigits",
    "get_digit": "getDigits",
    "collect_digits": "collectDigits",
    "play_and_get_digits": "playAndGetDigits",
    "play_and_detect_speech": "playAndDetectSpeech",
    "say_phrase": "sayPhrase",
    "phrase": "sayPhrase",
    "get": "getVariable",
    "get_variable": "getVariable",
    "getvar": "getVariable",
    "set": "setVariable",
    "set_variable": "setVariable",
    "setvar": "setVariable",
    "pre_answer": "preAnswer",
    "hangup_cause": "hangupCause",
    "log": "consoleLog",
    "console_log": "consoleLog",
    "set_hangup_hook": "setHangupHook",
    "set_input_callback": "setInputCallback",
    "set_auto_hangup": "setAutoHangup",
    "flush_digits": "flushDigits",
    "wait_for_answer": "waitForAnswer",
    "is_ready": "ready",
    "speak_text": "speak",
}
SAID_ASYNC = {
    "playback": "play",
    "play_file": "play",
    "stream_file": "play",
    "streamfile": "play",
    "record_file": "record",
    "recordfile": "record",
    "getdigits": "get_digits",
    "collect_digits": "get_digits",
    "playandgetdigits": "play_and_get_digits",
    "read_digits": "get_digits",
    "preanswer": "pre_answer",
    "waitforanswer": "wait_for_answer",
    "flushdigits": "flush_digits",
    "sethanguphook": "set_hangup_hook",
}
# Applications of the dialplan that no method of a session is for.
APPLICATIONS = frozenset(
    (
        *("att_xfer", "bind_meta_app", "bridge", "conference", "deflect", "echo", "eavesdrop", "endless_playback"),
        *("fifo", "flush_dtmf", "hold", "info", "intercept", "ivr", "limit", "park", "phrase", "privacy"),
        *("queue_dtmf", "record_session", "redirect", "respond", "ring_ready", "sched_hangup", "send_dtmf"),
        *("set_global", "sleep", "start_dtmf", "stop_record_session", "tone_detect", "unhold", "unset"),
        *("valet_park", "voicemail", "wait_for_silence"),
    )
)
# Names that mod_lua puts into every script, and where they are here.
GLOBALS = {
    "session": "a call's session is the first argument of `handler(session, args)`; there is no global one, as in Lua",
    "args": "what stands after the script's name is the last argument of `handler(session, args)`",
    "argv": "what stands after the script's name is one text, the last argument of `handler(session, args)`",
    "stream": "a command is answered by the second argument of `fsapi(session, stream, env, args)`: stream.write(text)",
    "env": "a command's event is the third argument of `fsapi(session, stream, env, args)`",
    "message": "a chat message is the first argument of `chat(message, args)`",
    "event": "an event hook gets its event as the first argument of `hook(event, args)`",
    "params": "what a lookup is about is the first argument of `xml_fetch(params)`",
    "freeswitch": "`import freeswitch` is missing",
    "api": "`api = freeswitch.API()` makes one",
    "consoleLog": "`from freeswitch import consoleLog` is missing",
}


def format_exception(kind: type[BaseException], value: BaseException, tb: TracebackType | None) -> list[str]:
    """Give the lines of a traceback."""
    told = traceback.TracebackException(kind, value, tb, compact=True)
    for one in _chain(told):
        _leave_out(one)
    lines = list(told.format())
    try:
        said = hint(value)
    except Exception:
        # An object of the script's may answer to being looked at with anything.
        said = None
    if said:
        lines.append(f"({said})\n")
    return lines


def _chain(told: traceback.TracebackException) -> Iterator[traceback.TracebackException]:
    todo, seen = [told], set()
    while todo:
        one = todo.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        todo += [other for other in (one.__cause__, one.__context__, *(one.exceptions or ())) if other is not None]


def _leave_out(told: traceback.TracebackException) -> None:
    kept = [frame for frame in told.stack if not _is_loader(frame.filename)]
    # An error of the loader's own would have no place at all; a script that cannot be read has one in its text.
    if kept or issubclass(told.exc_type or Exception, SyntaxError):
        told.stack[:] = kept


def _is_loader(file: str) -> bool:
    if file.startswith("<frozen importlib"):
        return True
    if file.startswith("<mod_rust:"):
        return file[len("<mod_rust:freeswitch.") : -1] in LOADERS
    folder, name = os.path.split(file)
    if folder == _HERE:
        return name.removesuffix(".py") in LOADERS
    return name == "__init__.py" and os.path.basename(folder) == "importlib"


def hint(value: BaseException) -> str | None:
    """Say what may have been meant; None where nothing comes to mind."""
    if isinstance(value, AttributeError) and value.name is not None:
        return _of_attribute(value.obj, value.name)
    if isinstance(value, NameError) and value.name is not None:
        return GLOBALS.get(value.name)
    if isinstance(value, TypeError) and "can't be used in 'await' expression" in str(value):
        return "only coroutines are awaited: of a session's methods those that take time, in an `async def`"
    return None


def _of_attribute(thing: object, name: str) -> str | None:
    import freeswitch

    if thing is freeswitch:
        near = _near(name, freeswitch.__all__)
        return f"did you mean `freeswitch.{near}`?" if near else None
    if not isinstance(thing, freeswitch.CoreSession):
        return None
    if type(thing).__name__ == "AsyncSession":
        known = SAID_ASYNC.get(name.lower()) or _near(name, _names(type(thing)))
        said = f"did you mean `await session.{known}(...)`?" if known else None
        application = f'`await session.execute("{name}", data)`'
    else:
        known = SAID.get(name) or _near(name, _names(type(thing)))
        said = f"did you mean `session.{known}`?" if known else None
        application = f'`session.execute("{name}", data)`'
    if name in APPLICATIONS:
        return f"an application of the dialplan runs by {application}"
    return said


def _names(kind: type) -> list[str]:
    return [name for name in dir(kind) if not name.startswith("_")]


def _near(name: str, names: Iterable[str]) -> str | None:
    by_letters: dict[str, str] = {}
    for known in sorted(names):
        by_letters.setdefault(known.lower().replace("_", ""), known)
    plain = name.lower().replace("_", "")
    if plain in by_letters:
        return by_letters[plain]
    close = difflib.get_close_matches(plain, by_letters, n=1, cutoff=0.75)
    return by_letters[close[0]] if close else None
