"""Plays a recorded call back to its script: what the switch answered is answered again, in the same order.

The script runs in this process, with no switch. What it asks must be what it asked then; the first difference stops it.
"""

from __future__ import annotations

import asyncio
import importlib
import inspect
import operator
import random
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest import mock

import freeswitch
from freeswitch import _border, _codec
from freeswitch._masking import alike
from freeswitch._recording import shown
from freeswitch._tape import TAPE
from pocket import _replay_clock
from pocket._recording_file import Entry, Recording, RecordingError


class Stopped(BaseException):
    """The replay is over before its script is."""


class Over(Stopped):
    """The recording was cut off, and ends here."""


class Differs(Stopped):
    """The script did something else than the recording has."""

    def __init__(self, place: str, text: str) -> None:
        super().__init__(f"{place}: {text}")
        self.place = place


def _session(_uuid: str) -> Any:
    return freeswitch.Session()


class Player:
    """The tape that plays a recording."""

    def __init__(self, recording: Recording) -> None:
        self.recording = recording
        self.inside = False
        self.random = random.Random(recording.head["seed"])
        self.clock = _replay_clock.Clock(recording.head["time"])
        # Digits that were pressed are zeros in a masked recording, and in what the script makes of them.
        self._same = alike if recording.head.get("masked") else operator.eq
        self.calls = 0
        self.difference: Stopped | None = None
        # Where the script begins: what is told of it where no line is known.
        self._begin = ""
        self._entries: list[Entry] = [entry for entry in recording.entries if not {"open", "session"} & entry.keys()]
        self._at = 0
        self._sessions: dict[int, Any] = {}
        self._uuids: dict[int, str] = {
            entry["session"]: entry["uuid"] for entry in recording.entries if "session" in entry
        }
        self._make_session: Callable[[str], Any] = _session
        self._callbacks: dict[int, tuple[Callable[..., Any], Any]] = {}
        # The function that the call under way gives to the switch.
        self._given: tuple[Callable[..., Any], Any] | None = None
        self._pending: dict[int, asyncio.Future[Any]] = {}
        self._cancelled: set[int] = set()

    # The recording

    def _head(self) -> Entry | None:
        while self._at < len(self._entries):
            entry: Entry = self._entries[self._at]
            if entry.get("cancelled") not in self._cancelled:
                return entry
            self._at += 1
        return None

    def _next(self) -> Entry:
        entry: Entry = self._entries[self._at]
        self._at += 1
        self.clock.reach(entry.get("at", 0.0))
        return entry

    def _differ(self, text: str, place: str = "") -> Stopped:
        if self.difference is None and self._head() is None and not self.recording.is_whole:
            self.difference = Over()
        if self.difference is None:
            self.difference = Differs(place or _border.place(self._begin), text)
        return self.difference

    def session_of(self, number: int) -> Any:
        """Give the session that the recording calls by this number."""
        if number not in self._sessions:
            was, self.inside = self.inside, True
            self._sessions[number] = self._make_session(self._uuids.get(number, ""))
            self.inside = was
        return self._sessions[number]

    def number_of(self, session: Any) -> int:
        """Give the number of a session; one that the script has made itself gets the next."""
        for number, known in self._sessions.items():
            if known is session:
                return number
        number = max(self._sessions, default=-1) + 1
        self._sessions[number] = session
        return number

    # What the script does

    def call(self, name: str, target: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> int:
        """Compare what the script asks with what it asked then; the number of that."""
        if self.difference is not None:
            raise self.difference
        asked = _codec.asked(name, target, args, kwargs, self.number_of)
        self._call_back()
        entry = self._head()
        if entry is None or not self.is_of(entry, asked):
            raise self._differ(f"the script calls {described(asked)}; {told(entry)}")
        self._next()
        self.calls += 1
        number: int = entry["call"]
        if self._given is not None:
            self._callbacks[number], self._given = self._given, None
        return number

    def is_of(self, entry: Entry, asked: Entry) -> bool:
        """Whether an entry is the call of just this."""
        exact = all(entry.get(key) == asked.get(key) for key in ("name", "on"))
        return (
            "call" in entry and exact and all(self._same(entry.get(key), asked.get(key)) for key in ("args", "kwargs"))
        )

    def _call_back(self) -> None:
        """Call the functions that the switch called here."""
        while (entry := self._head()) is not None and "callback" in entry:
            self._next()
            function, argument = self._callbacks[entry["callback"]]
            args = [_codec.decode(each, self.session_of, argument) for each in entry["args"]]
            was, self.inside = self.inside, False
            outcome: Entry = {"returned": entry["callback"]}
            try:
                value = function(*args)
                outcome["value"] = _codec.encode(value, self.number_of)
            except Stopped:
                raise
            except BaseException as error:
                outcome["error"] = _codec.encode_error(error, self.number_of)
            finally:
                self.inside = was
            self._compare(outcome, f"{function.__qualname__} ends with")

    def _compare(self, outcome: Entry, what: str) -> None:
        entry = self._head()
        if entry is None or not all(key in entry and self._same(entry[key], value) for key, value in outcome.items()):
            raise self._differ(f"{what} {described(outcome)}; {told(entry)}")
        self._next()

    def _answer(self, entry: Entry) -> Any:
        if "error" in entry:
            raise _codec.decode_error(entry["error"], self.session_of)
        return _codec.decode(entry["value"], self.session_of)

    def cross(
        self, name: str, target: Any, args: tuple[Any, ...], kwargs: dict[str, Any], go: Callable[[], Any]
    ) -> Any:
        """Give what the switch answered."""
        number = self.call(name, target, args, kwargs)
        self._call_back()
        entry = self._head()
        if entry is None or entry.get("result") != number:
            raise self._differ(f"{name} has no answer; {told(entry)}")
        taken = self._next()
        if name in _border.KEEPING and "error" not in taken:
            # The session itself keeps the function, and shows it.
            go()
        return target if taken.get("value") == _codec.ITSELF else self._answer(taken)

    async def cross_async(
        self, name: str, target: Any, args: tuple[Any, ...], kwargs: dict[str, Any], _go: Callable[[], Any]
    ) -> Any:
        """Give what the switch answered, when the recording comes to it."""
        number = self.call(name, target, args, kwargs)
        value = await self._wait(number)
        app = kwargs.get("app")
        if app is not None:
            value._app = asyncio.ensure_future(app(value))
        return value

    async def _wait(self, number: int) -> Any:
        future = self._pending[number] = asyncio.get_running_loop().create_future()
        try:
            return await future
        except asyncio.CancelledError:
            self._cancelled.add(number)
            raise
        finally:
            self._pending.pop(number, None)

    def once(self, args: tuple[Any, ...], _kwargs: dict[str, Any], _go: Callable[[], Any]) -> Any:
        """Give the event, when the recording comes to it."""
        number = self.call("events.once", None, shown(args), {})
        return self._wait(number)

    def stream(self, args: tuple[Any, ...], _kwargs: dict[str, Any], _go: Callable[[], Any]) -> Any:
        """Give the events, when the recording comes to them."""
        self.call("events.stream", None, tuple(map(str, args)), {})
        return _replay_clock.stream()

    def on(self, args: tuple[Any, ...], kwargs: dict[str, Any], _go: Callable[..., Any]) -> Any:
        """Have a function called with the events, when the recording comes to them."""
        number = self.call("events.on", None, args, {})
        self._callbacks[number] = (kwargs["callback"], None)
        return _replay_clock.Watch()

    def called_back(self, function: Callable[..., Any], argument: Any) -> Callable[..., Any]:
        """Keep a function, to call it when the recording comes to that."""
        self._given = (function, argument)
        return function

    def open(self, kind: str, what: str) -> None:
        """The recording itself says so."""

    def lost(self, how: str) -> None:
        """The recording itself says so."""

    # Running it

    def play(self, scripts: list[Path]) -> None:
        """Run the script; raises Differs where it does something else than it did then."""
        stand_ins: Any = _border.stand_ins()
        with self.clock.patched(), mock.patch.multiple(freeswitch, **stand_ins):
            function, text = self._function(scripts)
            self._begin = _begin(function)
            if inspect.iscoroutinefunction(function) != self.recording.head["async"]:
                was = "plain function" if inspect.iscoroutinefunction(function) else "coroutine"
                raise Differs(self._begin, f"{function.__qualname__} was a {was} when it was recorded")
            token = TAPE.set(self)
            try:
                self._run(function, text)
            finally:
                TAPE.reset(token)
        if self.difference is not None:
            raise self.difference

    def _run(self, function: Callable[..., Any], text: str) -> None:
        self._end(self._run_plain(function, self.session_of(0), text))

    def _run_plain(self, function: Callable[..., Any], session: Any, text: str) -> BaseException | None:
        try:
            function(*taken(function, session, text))
            self._call_back()
        except Stopped:
            raise
        except SystemExit:
            return None
        except BaseException as error:
            return error
        return None

    def _end(self, error: BaseException | None) -> None:
        entry = self._head()
        while entry is not None and "call" not in entry and "end" not in entry and "callback" not in entry:
            # Answers that nobody waits for any more.
            self._next()
            entry = self._head()
        if entry is None:
            return
        shown = f" with {type(error).__name__}: {error}" if error else ""
        place = _raised(error) or self._begin
        if "end" not in entry:
            raise self._differ(f"the script ends{shown}; {told(entry)}", place)
        if bool(entry["end"]) != bool(error):
            raise self._differ(
                f"the script ends{shown or ' well'}; the recording has {entry['end'] or 'no error'}", place
            )

    def _function(self, scripts: list[Path]) -> tuple[Callable[..., Any], str]:
        target, _, text = self.recording.head["line"].partition(" ")
        module, name = self.recording.module, target.partition("::")[2]
        for folder in reversed(scripts):
            if str(folder) not in sys.path:
                sys.path.insert(0, str(folder))
        try:
            loaded: ModuleType = importlib.import_module(module)
        except ModuleNotFoundError as error:
            if f"{module}.".startswith(f"{error.name}."):
                raise RecordingError(f"{error}; say where the script lies with --scripts") from None
            raise RecordingError(f"{_raised(error)}: {error}; install it here, too") from None
        except (Exception, SystemExit) as error:
            raise Differs(
                _raised(error) or module, f"the script does not load: {type(error).__name__}: {error}"
            ) from None
        made: Any = loaded
        for part in (name or "handler").split("."):
            made = getattr(made, part, None)
        if not callable(made):
            raise Differs(f"{loaded.__file__}:1", f"the script has no function {name or 'handler'!r}")
        return made, text


def _begin(function: Callable[..., Any]) -> str:
    """Give the file and line at which a function begins."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    return f"{code.co_filename}:{code.co_firstlineno}" if code else ""


def _raised(error: BaseException | None) -> str:
    """Give the file and line of a script at which an error was raised."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}:{error.lineno}"
    place, at = "", error.__traceback__ if error else None
    while at is not None:
        if _border.is_script(at.tb_frame) and not at.tb_frame.f_code.co_filename.startswith("<frozen"):
            place = f"{at.tb_frame.f_code.co_filename}:{at.tb_lineno}"
        at = at.tb_next
    return place


def taken(function: Callable[..., Any], *arguments: Any) -> tuple[Any, ...]:
    """Give the arguments that a function takes: it may declare fewer."""
    return arguments[: len(inspect.signature(function).parameters)]


def described(entry: Entry) -> str:
    """Show what was asked, or what came of it, as a script writes it."""
    if "name" in entry:
        args = [_shown(each) for each in entry["args"]]
        args += [f"{key}={_shown(each)}" for key, each in entry.get("kwargs", {}).items()]
        return f"{entry['name']}({', '.join(args)})"
    if "error" in entry:
        return f"{entry['error']['type'].partition(':')[2]}{tuple(entry['error']['args'])!r}"
    return _shown(entry.get("value"))


def _shown(form: Any) -> str:
    if isinstance(form, dict):
        ((kind, held),) = form.items()
        return str(held) if kind == "repr" else f"<{kind} {held}>"
    return repr(form)


def told(entry: Entry | None) -> str:
    """Say what the recording has at this point."""
    if entry is None:
        return "the recording ends here"
    if "call" in entry:
        return f"the recording has {described(entry)} here ({Path(entry['line']).name})"
    if "end" in entry:
        return "the script ended here in the recording"
    if "returned" in entry:
        return f"the recording has {described(entry)}"
    kind = next(iter(entry))
    return f"the recording has a {kind} here"


__all__ = ["Differs", "Over", "Player", "Stopped"]
