"""The switch."""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from pocket import _pocket, _threads
from pocket._call import Call

T = TypeVar("T")

Press = Sequence[tuple[float, str]]
Says = Sequence[tuple[float, str]]

# What a poll moves the clock by at first, by which share of the time that has gone by it is
# longer later, and what it gives threads that the clock does not know.
POLL = 0.02
POLL_GROWTH = 0.02
REAL_POLL = 0.001
# How long a poll goes on in real time at least: a thread that only computes needs some.
REAL_PATIENCE = 5.0
EVENTS_KEPT = 100_000
LOG_KEPT = 100_000


class CallTimeout(TimeoutError):
    """A call did not end in time. It has been hung up."""


@dataclass(frozen=True)
class Letter:
    """A letter that a script sent; `file` is the path of what was attached."""

    to: str
    sender: str
    headers: str
    body: str
    file: str


@dataclass(frozen=True)
class LogLine:
    """One line of the switch's log; `time` is the switch's."""

    time: float
    level: str
    file: str
    line: int
    func: str
    uuid: str
    text: str

    def __str__(self) -> str:
        return f"{self.uuid} {self.time:.3f} [{self.level}] {self.file}:{self.line} {self.text}".lstrip()


class Switch:
    """An embedded switch with mod_rust in it; a process has one at a time.

    scripts: the folder of the scripts; a temporary one when it is not given.
    conf: a folder with autoload_configs/*.conf.xml, dialplan/*.xml and directory/*.xml.
    config: configurations by name and text; they win over files.
    dialplan: extensions of the context default, or whole contexts, as XML.
    variables: global variables.
    real_time: whether time is real, not virtual.
    modules: what is loaded at start.
    """

    def __init__(
        self,
        *,
        scripts: str | os.PathLike[str] | None = None,
        conf: str | os.PathLike[str] | None = None,
        config: Mapping[str, str] | None = None,
        dialplan: str = "",
        variables: Mapping[str, str] | None = None,
        real_time: bool = False,
        modules: Sequence[str] = ("mod_rust",),
    ) -> None:
        self._scripts = None if scripts is None else Path(scripts)
        self._conf = None if conf is None else Path(conf)
        self._config = dict(config or {})
        self._dialplan = dialplan
        self._variables = dict(variables or {})
        self._real_time = real_time
        self._modules = list(modules)
        self._core: _pocket.Switch | None = None
        self._base: Path | None = None
        self._log: list[LogLine] = []
        self._next_line = 0
        self._events: list[dict[str, str]] = []

    # Opening and closing

    def open(self) -> Self:
        """Start the switch; `with` does it, too."""
        if self._core is not None:
            raise RuntimeError("this switch is open already")
        for folder in (self._scripts, self._conf):
            if folder is not None and not folder.is_dir():
                raise NotADirectoryError(folder)
        base = Path(tempfile.mkdtemp(prefix="pocket-"))
        scripts = self._scripts
        if scripts is None:
            scripts = base / "scripts"
            scripts.mkdir()
        _threads.begin()
        try:
            self._core = _pocket.Switch(
                base=base,
                scripts=scripts.absolute(),
                conf=None if self._conf is None else self._conf.absolute(),
                config=list(self._config.values()),
                dialplan=self._dialplan,
                variables=list(self._variables.items()),
                real_time=self._real_time,
                modules=self._modules,
            )
        except BaseException:
            shutil.rmtree(base, ignore_errors=True)
            raise
        self._base = base
        self._log.clear()
        self._next_line = 0
        self._events.clear()
        _OPEN.append(self)
        return self

    def close(self) -> None:
        """Hang up all calls, unload the modules, and wait for every thread; a second time nothing is done."""
        core, base = self._core, self._base
        if core is None:
            return
        if self in _OPEN:
            _OPEN.remove(self)
        try:
            left = core.close()
            self._take_log(core)
            self._take_events(core)
        finally:
            self._core = self._base = None
            if base is not None:
                shutil.rmtree(base, ignore_errors=True)
        if left:
            raise RuntimeError(f"{left} threads of the switch did not end and were left behind")

    def __enter__(self) -> Self:
        return self.open()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def _running(self) -> _pocket.Switch:
        if self._core is None:
            raise RuntimeError("the switch is not open")
        return self._core

    # Calls

    def start_call(
        self,
        extension: str,
        *,
        press: Press = (),
        says: Says = (),
        hangup_after: float | None = None,
        context: str = "default",
        variables: Mapping[str, str] | None = None,
        caller_id_number: str = "1000",
        caller_id_name: str = "Pocket",
    ) -> Call:
        """A call comes in to that extension, and goes on while this returns.

        What the far end does is counted in seconds from here: `press` are times
        and digits, `says` times and words, which speech recognition gets as they are,
        `hangup_after` is when it hangs up. TTS, recognition, say and phrases are
        stand-ins that take time and stand in the transcript; engines, languages and
        macros whose names are "none" or begin with "no_such" fail.
        """
        return self._start(
            extension=extension,
            application=None,
            press=press,
            says=says,
            hangup_after=hangup_after,
            context=context,
            variables=variables,
            caller_id_number=caller_id_number,
            caller_id_name=caller_id_name,
        )

    def call(
        self,
        extension: str,
        *,
        press: Press = (),
        says: Says = (),
        hangup_after: float | None = None,
        context: str = "default",
        variables: Mapping[str, str] | None = None,
        caller_id_number: str = "1000",
        caller_id_name: str = "Pocket",
        timeout: float = 60.0,
    ) -> Call:
        """A call from its beginning to its end."""
        call = self.start_call(
            extension,
            press=press,
            says=says,
            hangup_after=hangup_after,
            context=context,
            variables=variables,
            caller_id_number=caller_id_number,
            caller_id_name=caller_id_name,
        )
        return call.wait(timeout)

    def run(
        self,
        application: str,
        data: str = "",
        *,
        press: Press = (),
        says: Says = (),
        hangup_after: float | None = None,
        variables: Mapping[str, str] | None = None,
        caller_id_number: str = "1000",
        caller_id_name: str = "Pocket",
        timeout: float = 60.0,
    ) -> Call:
        """A call straight into one application, with no dialplan."""
        call = self._start(
            extension=application,
            application=(application, data),
            press=press,
            says=says,
            hangup_after=hangup_after,
            context="default",
            variables=variables,
            caller_id_number=caller_id_number,
            caller_id_name=caller_id_name,
        )
        return call.wait(timeout)

    def _start(
        self,
        *,
        extension: str,
        application: tuple[str, str] | None,
        press: Press,
        says: Says,
        hangup_after: float | None,
        context: str,
        variables: Mapping[str, str] | None,
        caller_id_number: str,
        caller_id_name: str,
    ) -> Call:
        core = self._running.start_call(
            extension=extension,
            application=application,
            context=context,
            caller_id_name=caller_id_name,
            caller_id_number=caller_id_number,
            variables=list((variables or {}).items()),
            press=list(press),
            says=list(says),
            hangup_after=hangup_after,
        )
        return Call(self, core)

    def wait(self, call: Call, timeout: float = 60.0) -> None:
        """Wait for the end of a call, in the switch's time; CallTimeout when it does not come."""
        core = self._running
        if not core.wait(call._core, core.time + timeout):
            state = call.state
            call.hangup()
            raise CallTimeout(f"the call {call.uuid} was not over after {timeout} s; it was in {state}")
        # The clock moves only when all is done that the end of the call set off.
        core.sleep(1e-6)

    def channels(self) -> list[Call]:
        """The legs that are there now."""
        return [Call(self, core) for core in self._running.channels()]

    # Commands, time, log, events

    def api(self, command: str) -> str:
        """The reply to a command line, as `fs_cli` shows it."""
        return self._running.api(command)

    @property
    def time(self) -> float:
        """Seconds of the switch's clock since it was opened."""
        return self._running.time

    def sleep(self, seconds: float) -> None:
        """Wait in the switch's time."""
        self._running.sleep(seconds)

    def wait_for(self, predicate: Callable[[], T], timeout: float = 10.0) -> T:
        """Ask again and again while the switch's time goes by; what was found, or TimeoutError.

        A thread of a script that only computes, which the clock does not know of,
        gets real time, too.
        """
        core = self._running
        begin = core.time
        deadline = begin + timeout
        real_deadline = time.monotonic() + min(timeout, REAL_PATIENCE)
        while True:
            found = predicate()
            if found:
                return found
            over = core.time >= deadline
            if over and time.monotonic() >= real_deadline:
                raise TimeoutError(f"{predicate} was not true in {timeout} s")
            if not over:
                core.sleep(POLL + (core.time - begin) * POLL_GROWTH)
            time.sleep(REAL_POLL)

    @property
    def log(self) -> list[LogLine]:
        """The log so far, its newest 100,000 lines; what is cleared from the list does not come back."""
        if self._core is not None:
            self._take_log(self._core)
        return self._log

    def _take_log(self, core: _pocket.Switch) -> None:
        lines, self._next_line = core.log(self._next_line)
        self._log.extend(LogLine(*line) for line in lines)
        del self._log[:-LOG_KEPT]

    def subscribe(self, *kinds: str, limit: int = EVENTS_KEPT) -> None:
        """Keep events of these kinds from now on, such as "CHANNEL_ANSWER"; "ALL" or none named: all."""
        self._running.subscribe(list(kinds), limit)

    @property
    def events(self) -> list[dict[str, str]]:
        """The events that `subscribe` asked for, as dictionaries of their headers; `_body` is the body."""
        if self._core is not None:
            self._take_events(self._core)
        return self._events

    @property
    def messages(self) -> list[dict[str, str]]:
        """The chat messages that were sent, by any protocol; `_body` is the text."""
        return [dict(headers) for headers in self._running.messages()]

    @property
    def letters(self) -> list[Letter]:
        """The letters that were sent; none of them leaves the switch."""
        return [Letter(*letter) for letter in self._running.letters()]

    def _take_events(self, core: _pocket.Switch) -> None:
        self._events.extend(dict(headers) for headers in core.events())
        del self._events[:-EVENTS_KEPT]


_OPEN: list[Switch] = []


def _close_at_exit() -> None:
    while _OPEN:
        _OPEN[-1].close()


# A child that was forked has none of its threads: there is nothing in it to close.
os.register_at_fork(after_in_child=_OPEN.clear)
# Before the interpreter joins its threads: scripts still run, and can still end.
threading._register_atexit(_close_at_exit)  # type: ignore[attr-defined]
