"""Records a call: what its script asks of the switch, and what the switch answers, line by line in a file.

The first line says what ran, each other what crossed the border (`_border`), in its order. `python -m pocket replay`
plays it back. What else a script uses, sockets, files, threads and programs, is named, and makes the recording open.
"""

from __future__ import annotations

import asyncio
import functools
import hashlib
import json
import logging
import os
import random
import secrets
import sys
import time
import weakref
from collections.abc import Callable
from contextvars import Context
from typing import TYPE_CHECKING, Any, ClassVar

from freeswitch import _border, _codec, _shared, _unrecorded
from freeswitch._codec import ITSELF
from freeswitch._masking import Mask
from freeswitch._tape import TAPE

if TYPE_CHECKING:
    from freeswitch._async import AsyncSession

FORMAT = 2
# A recording that has grown so large is cut: a call that never ends fills no disk.
LARGEST = 64 * 1024 * 1024
log = logging.getLogger("freeswitch.recording")


class _Here:
    folder = ""
    # Calls that are being recorded, by UUID.
    live: ClassVar[dict[str, Recorder]] = {}


def use(folder: str) -> None:
    """Keep recordings in this folder from now on; "" records nothing more."""
    _Here.folder = folder
    if folder:
        _border.install()
        _unrecorded.look()


def begin(session: Any, line: str) -> bool:
    """Record the call that this context runs for, where its variable `python_record` says so; whether it is.

    What a recorded script runs on its own call, by `execute`, has no recording of its own.
    """
    if session.get_uuid() in _Here.live:
        return False
    wanted = (session.getVariable("python_record") or "").strip().lower()
    if wanted not in {"true", "yes", "on", "1", "masked"}:
        if wanted not in {"", "false", "no", "off", "0"}:
            text = "MR0026 %s is not recorded: python_record is %r, and not true, masked or false"
            log.warning(text, session.get_uuid(), wanted)
        return False
    try:
        recorder = Recorder(_Here.folder, session, line, is_masked=wanted == "masked")
    except OSError as error:
        # No traceback: the system's error says all.
        log.error("MR0026 %s is not recorded: %s", session.get_uuid(), error)  # noqa: TRY400
        return False
    _Here.live[recorder.uuid] = recorder
    TAPE.set(recorder)
    return True


def beside(session: AsyncSession | None, context: Context) -> Context:
    """Give a context for what runs beside a verb of the call, which hides its tape in its own."""
    recorder = _Here.live.get(session._thread.uuid) if session is not None else None
    if recorder is not None:
        context = context.copy()
        context.run(TAPE.set, recorder)
    return context


def end(uuid: str, error: str | None) -> None:
    """Close the recording of a call, if there is one; `error` is what its script failed with."""
    recorder = _Here.live.pop(uuid, None)
    if recorder is not None:
        recorder.end(error)


class Recorder:
    """The recording of one call."""

    def __init__(self, folder: str, session: Any, line: str, *, is_masked: bool) -> None:
        self.uuid = session.get_uuid()
        self.inside = False
        self._mask = Mask() if is_masked else None
        self._number = 0
        self._written = 0
        self._opened: set[str] = set()
        self._numbers: weakref.WeakKeyDictionary[Any, int] = weakref.WeakKeyDictionary()
        self._next_session = 0
        self._tasks: weakref.WeakKeyDictionary[asyncio.Task[Any], int] = weakref.WeakKeyDictionary()
        seed = secrets.randbits(64)
        self.random = random.Random(seed)
        self.begun = time.time()
        self.path = os.path.join(folder, f"{self.uuid}-{time.time_ns()}.jsonl")
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        self._file: Any = open(descriptor, "w", encoding="utf-8", buffering=1)  # noqa: SIM115
        file = _file_of(line)
        self._write(
            {
                "format": FORMAT,
                "line": line,
                "uuid": self.uuid,
                "async": hasattr(session, "_thread"),
                "file": file,
                "sha256": _hash(file),
                "time": self.begun,
                "zone": time.strftime("%z"),
                "seed": seed,
                "hash_seed": os.environ.get("PYTHONHASHSEED", "random"),
                "python": sys.version.split()[0],
                "masked": is_masked,
            }
        )
        self.number_of(session)
        if hasattr(session, "_thread") and _shared.Choice.is_fast:
            self.open("socket", "uvloop runs since before record-calls was set: what goes over sockets is not seen")

    def number_of(self, session: Any) -> int:
        """Give the number of a session in this recording; the call's own has 0."""
        number = self._numbers.get(session)
        if number is None:
            number = self._numbers[session] = self._next_session
            self._next_session += 1
            thread = getattr(session, "_thread", None)
            if thread is not None:
                self._entry(session=number, uuid=thread.uuid)
        return number

    def _write(self, entry: dict[str, Any]) -> None:
        if self._file is None:
            return
        text = json.dumps(entry, separators=(",", ":")) + "\n"
        self._written += len(text)
        try:
            if self._written > LARGEST:
                self._file.write('{"cut":true}\n')
                self.close()
                log.warning("MR0026 the recording of %s is cut: it has grown to %d MB", self.uuid, LARGEST >> 20)
            else:
                self._file.write(text)
        except (OSError, ValueError) as error:
            # No traceback: the system's error says all.
            log.error("MR0026 the recording of %s ends here: %s", self.uuid, error)  # noqa: TRY400
            self.close()

    def close(self) -> None:
        """Write no more."""
        file, self._file = self._file, None
        if file is not None:
            try:
                file.close()
            except OSError as error:
                # No traceback: the system's error says all.
                log.error("MR0026 the recording of %s is not whole: %s", self.uuid, error)  # noqa: TRY400

    def _entry(self, **entry: Any) -> None:
        was, self.inside = self.inside, True
        try:
            self._write({**entry, **self._task(), "at": round(time.time() - self.begun, 6)})
        finally:
            self.inside = was

    def _task(self) -> dict[str, int]:
        """Give the number of the task that this is written for, where it is one."""
        try:
            task = asyncio.current_task()
        except RuntimeError:
            task = None
        return {} if task is None else {"task": self._tasks.setdefault(task, len(self._tasks))}

    def open(self, kind: str, what: str) -> None:
        """Take note of something that is not recorded."""
        if f"{kind} {what}" not in self._opened:
            self._opened.add(f"{kind} {what}")
            self._entry(open=kind, what=what, line=_border.place())

    # What crosses

    def call(self, name: str, target: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> int:
        """Write that something is asked of the switch; the number of it."""
        self._number += 1
        entry = _codec.asked(name, target, args, kwargs, self.number_of)
        if self._mask is not None:
            entry = self._mask.asked(entry)
        self._entry(call=self._number, **entry, line=_border.place())
        return self._number

    def _result(self, number: int, name: str, args: tuple[Any, ...], value: Any, target: Any = None) -> None:
        if value is not None and value is target:
            self._entry(result=number, value=ITSELF)
            return
        form = _codec.encode(value, self.number_of)
        self._entry(result=number, value=form if self._mask is None else self._mask.answer(name, args, form))

    def _heard(self, form: Any) -> Any:
        return form if self._mask is None else self._mask.heard(form)

    def _given(self, form: Any) -> Any:
        return form if self._mask is None else self._mask.given(form)

    def _error(self, number: int, error: BaseException) -> None:
        self._entry(result=number, error=self._heard(_codec.encode_error(error, self.number_of)))

    def cross(
        self, name: str, target: Any, args: tuple[Any, ...], kwargs: dict[str, Any], go: Callable[[], Any]
    ) -> Any:
        """Have the switch do something, and write what came of it."""
        number = self.call(name, target, args, kwargs)
        self.inside = True
        try:
            value = go()
        except BaseException as error:
            self.inside = False
            self._error(number, error)
            raise
        self.inside = False
        self._result(number, name, args, value, target)
        return value

    async def cross_async(
        self, name: str, target: Any, args: tuple[Any, ...], kwargs: dict[str, Any], go: Callable[[], Any]
    ) -> Any:
        """Have the switch do something that is awaited, and write what came of it when the await ends."""
        number = self.call(name, target, args, kwargs)
        app = kwargs.get("app")
        if app is not None:
            kwargs["app"] = self._taped(app)
        token = TAPE.set(None)
        try:
            return await self._outcome(number, name, args, go())
        finally:
            TAPE.reset(token)

    def _taped(self, app: Callable[[Any], Any]) -> Callable[[Any], Any]:
        @functools.wraps(app)
        def run(session: Any) -> Any:
            TAPE.set(self)
            return app(session)

        return run

    def once(self, args: tuple[Any, ...], kwargs: dict[str, Any], go: Callable[[], Any]) -> Any:
        """Wait for an event."""
        number = self.call("events.once", None, shown(args), {})
        return self._outcome(number, "events.once", (), self._apart(go))

    def _apart(self, go: Callable[[], Any]) -> Any:
        self.inside = True
        try:
            return go()
        finally:
            self.inside = False

    async def _outcome(self, number: int, name: str, args: tuple[Any, ...], work: Any) -> Any:
        try:
            value = await work
        except asyncio.CancelledError:
            self._entry(cancelled=number)
            raise
        except BaseException as error:
            self._error(number, error)
            raise
        self._result(number, name, args, value)
        return value

    def stream(self, args: tuple[Any, ...], kwargs: dict[str, Any], go: Callable[[], Any]) -> Any:
        """Give a stream of events: each that is taken from it crosses."""
        self._entry(call=0, name="events.stream", args=list(map(str, args)), line=_border.place())
        return self._apart(go)

    def on(self, args: tuple[Any, ...], kwargs: dict[str, Any], go: Callable[..., Any]) -> Any:
        """Have a function called with events, each of which crosses."""
        number = self.call("events.on", None, args, {})
        given = {**kwargs, "callback": self._callback(number, kwargs["callback"], None)}
        return self._apart(lambda: go(*args, **given))

    def called_back(self, function: Callable[..., Any], argument: Any) -> Callable[..., Any]:
        """Give a function that the next crossing hands to the switch such that its calls are written."""
        return self._callback(self._number + 1, function, argument)

    def _callback(self, number: int, function: Callable[..., Any], argument: Any) -> Callable[..., Any]:
        @functools.wraps(function)
        def called(*args: Any) -> Any:
            was, self.inside = self.inside, False
            outer = TAPE.get()
            TAPE.set(self)
            forms = [self._heard(_codec.encode(each, self.number_of, argument)) for each in args]
            self._entry(callback=number, args=forms)
            try:
                value = function(*args)
            except BaseException as error:
                self._entry(returned=number, error=self._given(_codec.encode_error(error, self.number_of)))
                raise
            else:
                self._entry(returned=number, value=self._given(_codec.encode(value, self.number_of)))
                return value
            finally:
                self.inside = was
                TAPE.set(outer)

        vague: Any = called
        vague._of_script = function
        return called

    def lost(self, how: str) -> None:
        """Write that the call is over, of which its coroutine is about to hear."""
        self._entry(lost=how)

    def end(self, error: str | None) -> None:
        """Write how the script has ended."""
        self._entry(end=self._given(error))
        self.close()


def shown(args: tuple[Any, ...]) -> tuple[Any, ...]:
    """Give what a wait for an event is known by: its names, and the headers that it asks for."""
    names, guard = args[0], args[1]
    headers = guard[0] if isinstance(guard, tuple) else guard
    return (*names, dict(headers) if isinstance(headers, dict) else {})


def _file_of(line: str) -> str | None:
    module = sys.modules.get(line.split(None, 1)[0].partition("::")[0]) if line.strip() else None
    return getattr(module, "__file__", None)


def _hash(file: str | None) -> str | None:
    try:
        with open(file or "", "rb") as script:
            return hashlib.sha256(script.read()).hexdigest()
    except OSError:
        return None
