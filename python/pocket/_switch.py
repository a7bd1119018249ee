"""The switch."""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from pocket import _checks, _pocket, _threads
from pocket._call import Call
from pocket._caller import Caller
from pocket._event_socket import LOOPBACK, Server
from pocket._far_end import Press, Says, cause, far_end
from pocket._far_end import seconds as _seconds
from pocket._globals import Globals
from pocket._phone import Phone
from pocket._records import Letter, LogLine

T = TypeVar("T")

# What a poll moves the clock by at first, by which share of the time that has gone by it is
# longer later, and what it gives threads that the clock does not know.
POLL = 0.02
POLL_GROWTH = 0.02
REAL_POLL = 0.001
# How long a poll goes on in real time at least: a thread that only computes needs some.
REAL_PATIENCE = 5.0
EVENTS_KEPT = 100_000
LOG_KEPT = 100_000


class Switch(Caller):
    """An embedded switch with mod_rust in it; a process has one at a time.

    scripts: the folder of the scripts; a temporary one when it is not given.
    conf: a folder with autoload_configs/*.conf.xml, dialplan/*.xml and directory/*.xml.
    config: configurations by name and text; they win over files.
    sounds: the folder of the sounds; it is `sound_prefix` and `sounds_dir`. A temporary one when it is not given.
    missing_sounds: seconds that a sound which is not there plays; None has it fail as in FreeSWITCH.
    dialplan: extensions of the context default, or whole contexts, as XML; a Path is read.
    variables: global variables.
    real_time: whether time is real, not virtual.
    debug: whether time stands still for as long as a script works, as it does while a debugger
        has stopped one; without it a script that works for more than a second makes time go by.
    modules: what is loaded at start.
    """

    def __init__(
        self,
        *,
        scripts: str | os.PathLike[str] | None = None,
        conf: str | os.PathLike[str] | None = None,
        sounds: str | os.PathLike[str] | None = None,
        missing_sounds: float | None = None,
        config: Mapping[str, str] | None = None,
        dialplan: str | os.PathLike[str] = "",
        variables: Mapping[str, str] | None = None,
        real_time: bool = False,
        debug: bool = False,
        modules: Sequence[str] = ("mod_rust",),
    ) -> None:
        self._scripts = None if scripts is None else Path(scripts)
        self._conf = None if conf is None else Path(conf)
        self._config = dict(config or {})
        self._sounds = None if sounds is None else Path(sounds)
        self._missing_sounds = None if missing_sounds is None else _seconds("missing_sounds", missing_sounds)
        self._dialplan = _checks.dialplan(dialplan)
        for name, text in self._config.items():
            _checks.check_xml(f"config[{name!r}]", text)
        self._variables = _checks.variables(variables)
        if real_time and debug:
            raise ValueError("debug=True has time stand still, and real_time=True has it go by: take one of them")
        self._real_time = real_time
        self._debug = debug
        self._modules = list(modules)
        self._core: _pocket.Switch | None = None
        self._server: Server | None = None
        self._base: Path | None = None
        self._sounds_at = Path()
        self._log: list[LogLine] = []
        self._events: list[dict[str, str]] = []

    # Opening and closing

    def open(self) -> Self:
        """Start the switch; `with` does it, too."""
        if self._core is not None:
            raise RuntimeError("this switch is open already")
        for folder in (self._scripts, self._conf, self._sounds):
            if folder is not None and not folder.is_dir():
                raise NotADirectoryError(f"there is no folder {folder}")
        base = Path(tempfile.mkdtemp(prefix="pocket-"))
        scripts = self._scripts
        if scripts is None:
            scripts = base / "scripts"
            scripts.mkdir()
        _threads.begin()
        try:
            self._core = self._make(base, scripts.absolute())
        except BaseException:
            shutil.rmtree(base, ignore_errors=True)
            raise
        if self._debug:
            self._core.stand_still()
        self._base = base
        self._sounds_at = (self._sounds or base / "sounds").absolute()
        self._log.clear()
        self._events.clear()
        _OPEN.append(self)
        return self

    def _make(self, base: Path, scripts: Path) -> _pocket.Switch:
        return _pocket.Switch(
            base=base,
            scripts=scripts,
            conf=None if self._conf is None else self._conf.absolute(),
            sounds=None if self._sounds is None else self._sounds.absolute(),
            missing_sounds=self._missing_sounds,
            config=list(self._config.values()),
            dialplan=self._dialplan,
            variables=list(self._variables.items()),
            real_time=self._real_time,
            modules=self._modules,
        )

    def close(self) -> None:
        """Hang up all calls, unload the modules, and wait for every thread; a second time nothing is done."""
        core, base = self._core, self._base
        if core is None:
            return
        if self._server is not None:
            self._server.close()
        if self in _OPEN:
            _OPEN.remove(self)
        try:
            left = core.close()
            self._take_log(core)
            self._take_events(core)
        finally:
            self._core = self._base = None
            del core
            _pocket.give_memory_back()
            if base is not None:
                shutil.rmtree(base, ignore_errors=True)
        if left:
            raise RuntimeError(f"{left} threads of the switch did not end and were left behind")

    def reset(self) -> None:
        """Close it where it is open, and open it again: time, variables, scripts and log are as in a new one."""
        self.close()
        self.open()

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

    # Calls: `Caller` makes them

    def channels(self) -> list[Call]:
        """The legs that are there now."""
        return [Call(self, core) for core in self._running.channels()]

    @property
    def legs(self) -> list[Call]:
        """All legs that there were, in order, those that are over too: the newest 250, of 64 MiB at most."""
        return [Call(self, core) for core in self._running.legs()]

    # What scripts reach

    def phone(
        self,
        address: str,
        *,
        answers_after: float = 0.0,
        rings_after: float | None = None,
        busy: bool = False,
        never: bool = False,
        refuses: str | None = None,
        refuses_after: float = 0.0,
        hangs_up_after: float | None = None,
        press: Press = (),
        says: Says = (),
    ) -> Phone:
        """A phone for what scripts dial, in the place of the endpoint: "user/1001", "sofia/gateway/*", "group/sales".

        The address is that of the dial string; the host (`@...`, `%...`) and parameters (`;...`) may be left out, and
        `*` and `?` stand for anything. A phone that is named just so comes before patterns, and of these the one that
        was named last counts. What it does is counted in seconds: until it answers from the beginning of the call,
        everything else from the answer.

        answers_after: when it answers; before that it rings, from `rings_after` on, which is at once.
        busy: it refuses with USER_BUSY.
        never: it rings, and nobody answers.
        refuses: the hangup cause with which it refuses, after `refuses_after`.
        hangs_up_after: when it hangs up.
        press, says: as of `start_call`.
        """
        chosen = [
            name for name, wanted in (("busy", busy), ("never", never), ("refuses", refuses is not None)) if wanted
        ]
        if len(chosen) > 1:
            raise ValueError(f"{address}: a phone does one of {' and '.join(chosen)}")
        answered = {"answers_after": answers_after, "hangs_up_after": hangs_up_after, "press": press, "says": says}
        contrary = [name for name, value in answered.items() if value not in (None, 0, (), [], {})]
        if chosen and contrary:
            raise ValueError(f"{address}: with {chosen[0]} the phone does not answer, and {contrary[0]} means nothing")
        _checks.check_address(address)
        answers_after = _seconds("answers_after", answers_after)
        refusal = "USER_BUSY" if busy else None if refuses is None else cause("refuses", refuses)
        if rings_after is None and (never or answers_after > 0):
            rings_after = 0.0
        does = far_end(
            press,
            says,
            hangs_up_after,
            answers_after=None if never else answers_after,
            rings_after=rings_after,
            refuses=None if refusal is None else (_seconds("refuses_after", refuses_after), refusal),
        )
        self._running.phone(address, does)
        return Phone(self, address)

    def fake_api(self, name: str, function: Callable[[str], str | None]) -> None:
        """Put a function in the place of a command, of mod_rust's or pocket's own too.

        It gets the arguments as one str and returns the reply, None for none. It runs on the thread that gives the
        command; an exception is one line of the log (ERR) with its traceback, and the reply is "-ERR" and its text.
        """
        _checks.check_function(name, function)

        def reply(arguments: str) -> str:
            answer = function(arguments)
            return "" if answer is None else str(answer)

        self._running.fake_api(name, reply)

    def fake_application(self, name: str, function: Callable[[Call, str], object]) -> None:
        """Put a function in the place of an application: it gets the leg and the data, and runs on the leg's thread.

        An exception is one line of the log (ERR) with its traceback, and the call goes on.
        """
        _checks.check_function(name, function)

        def run(leg: _pocket.Call, data: str) -> None:
            function(Call(self, leg), data)

        self._running.fake_application(name, run)

    @property
    def globals(self) -> Globals:
        """The global variables, to read and to set."""
        return Globals(self._running)

    # The event socket

    def serve(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        password: str = "ClueCon",
        acl: Sequence[str] = LOOPBACK,
    ) -> Server:
        """Speak FreeSWITCH's event socket on that address, until the switch or what this gives is closed.

        The port is a free one unless it is given; `Server.port` has it. `acl` are the networks that clients may
        come from. The switch must have been opened with real_time=True: a client outside cannot keep up with a
        clock that jumps (RuntimeError). OSError when the address cannot be had, ValueError for an empty password or a
        port that is none.
        """
        _checks.check_text("host", host)
        _checks.check_port(port)
        core = self._running
        if not self._real_time:
            raise RuntimeError("a switch in virtual time cannot be served: open it with real_time=True")
        self._server = server = Server(self, core, host, port, password, acl)
        return server

    # Commands, time, log, events

    def api(self, command: str) -> str:
        """The reply to a command line, as `fs_cli` shows it."""
        return self._running.api(_checks.check_text("command", command))

    @property
    def time(self) -> float:
        """Seconds of the switch's clock since it was opened."""
        return self._running.time

    def sleep(self, seconds: float) -> None:
        """Wait in the switch's time."""
        self._running.sleep(_seconds("seconds", seconds))

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
        """The log so far; what is cleared from the list does not come back.

        These are the newest 100,000 lines; of those that come between two looks at it, 64 MiB at most.
        """
        if self._core is not None:
            self._take_log(self._core)
        return self._log

    def _take_log(self, core: _pocket.Switch) -> None:
        self._log.extend(LogLine(*line) for line in core.log())
        del self._log[:-LOG_KEPT]

    def subscribe(self, *kinds: str, limit: int = EVENTS_KEPT) -> None:
        """Keep events of these kinds from now on, such as "CHANNEL_ANSWER"; "ALL" or none named: all.

        The newest `limit` are kept; of those that come between two looks at `events`, 256 MiB at most.
        """
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
        fresh = core.events()
        fresh.reverse()
        # Each goes as it is taken: there may be very many.
        while fresh:
            self._events.append(dict(fresh.pop()))
        del self._events[:-EVENTS_KEPT]


_OPEN: list[Switch] = []


def _close_at_exit() -> None:
    while _OPEN:
        _OPEN[-1].close()


# A child that was forked has none of its threads: there is nothing in it to close.
os.register_at_fork(after_in_child=_OPEN.clear)
# Before the interpreter joins its threads: scripts still run, and can still end.
threading._register_atexit(_close_at_exit)  # type: ignore[attr-defined]
