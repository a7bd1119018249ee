"""What mod_rust sets up in an interpreter before any script runs.

Inside the switch this file and the rest of the package are carried in the
module itself and compiled by it; in the pocket wheel they are ordinary files.
"""

from __future__ import annotations

import importlib.abc
import importlib.util
import logging
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from importlib.machinery import ModuleSpec
from types import CodeType, ModuleType, TracebackType
from typing import Any

STACK_SIZE = 8 << 20
# What a stack of 8 MiB holds on every supported version, with a margin.
MAX_RECURSION = 3000
# Python's own default: the limit is one for all scripts, and none may take another's room.
MIN_RECURSION = 1000


class EmbeddedPackage(importlib.abc.MetaPathFinder, importlib.abc.InspectLoader):
    """Serves `freeswitch` from the module, whatever else of that name lies about.

    mod_python3 leaves a freeswitch.py in site-packages, which imports a C module
    that is not there.
    """

    def __init__(self, sources: Mapping[str, tuple[str, bool]]) -> None:
        self._sources = sources

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        if fullname not in self._sources:
            return None
        origin = f"<mod_rust:{fullname}>"
        return importlib.util.spec_from_loader(fullname, self, origin=origin, is_package=self._sources[fullname][1])

    def is_package(self, fullname: str) -> bool:
        return self._sources[fullname][1]

    def get_source(self, fullname: str) -> str:
        return self._sources[fullname][0]

    def get_code(self, fullname: str) -> CodeType:
        return self.source_to_code(self.get_source(fullname), f"<mod_rust:{fullname}>")

    def exec_module(self, module: ModuleType) -> None:
        assert module.__spec__ is not None
        exec(self.get_code(module.__spec__.name), module.__dict__)


def limit_recursion(warn: Callable[[str], None], in_script: Callable[[], bool]) -> None:
    """Keep scripts from setting a recursion limit that the stacks do not hold, or others cannot live with."""
    set_limit = sys.setrecursionlimit

    def setrecursionlimit(limit: int, /) -> None:
        """Set the recursion limit, between Python's default and what the switch's stacks hold."""
        if isinstance(limit, int) and in_script():
            if limit > MAX_RECURSION:
                warn(f"recursion limit {limit} is too high for the stacks here: {MAX_RECURSION} is set")
                limit = MAX_RECURSION
            elif 0 < limit < MIN_RECURSION:
                warn(f"recursion limit {limit} is too low for the other scripts: {MIN_RECURSION} is set")
                limit = MIN_RECURSION
        set_limit(limit)

    sys.setrecursionlimit = setrecursionlimit


class SwitchHandler(logging.Handler):
    """Gives the records of the `logging` package to the switch's log."""

    def __init__(self, write: Callable[[int, str, str, int, str], None], mine: Callable[[], bool]) -> None:
        super().__init__()
        self._write = write
        self._mine = mine

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record, with its place and level."""
        if not self._mine():
            return
        try:
            text = self.format(record)
            self._write(record.levelno, record.pathname, record.funcName or "", record.lineno, text)
        except Exception:
            self.handleError(record)


def log_to_switch(write: Callable[[int, str, str, int, str], None], mine: Callable[[], bool]) -> None:
    """Have `logging` write to the switch's log, whose level decides what is seen."""
    root = logging.getLogger()
    if not any(isinstance(handler, SwitchHandler) for handler in root.handlers):
        root.addHandler(SwitchHandler(write, mine))


def wrap_threads(in_script: Callable[[], bool], around: Callable[[Callable[[], None]], None]) -> None:
    """Have what a script's own thread runs called by `around`."""
    start = threading.Thread.start

    def start_wrapped(self: threading.Thread) -> None:
        if in_script():
            run = self.run

            def run_inside() -> None:
                del self.run  # else the thread would hold itself
                around(run)

            self.run = run_inside  # type: ignore[method-assign]
        start(self)

    threading.Thread.start = start_wrapped  # type: ignore[method-assign]


def report_strays(report: Callable[[str, BaseException], None]) -> None:
    """Give exceptions that nobody caught to the switch's log."""

    def in_thread(args: threading.ExceptHookArgs, /) -> None:
        if args.exc_value is not None and not isinstance(args.exc_value, SystemExit):
            name = args.thread.name if args.thread is not None else "unknown"
            report(f"thread {name}", args.exc_value)

    def unraisable(args: Any, /) -> None:
        if args.exc_value is not None:
            report(f"{args.err_msg or 'unraisable'} in {args.object!r}", args.exc_value)

    def at_top(kind: type[BaseException], value: BaseException, tb: TracebackType | None, /) -> None:
        report("top level", value)

    threading.excepthook = in_thread
    sys.unraisablehook = unraisable
    sys.excepthook = at_top


def own_interpreter(
    sources: Mapping[str, tuple[str, bool]],
    stdout: Any,
    stderr: Any,
    warn: Callable[[str], None],
    report: Callable[[str, BaseException], None],
    write: Callable[[int, str, str, int, str], None],
    with_ordinary_priority: Callable[[Callable[[], None]], None],
) -> None:
    """Set up the interpreter that the switch started for itself."""
    sys.meta_path.insert(0, EmbeddedPackage(sources))
    # FreeSWITCH's own unit limits new threads to 244 KB of stack.
    threading.stack_size(STACK_SIZE)
    sys.stdout = stdout
    sys.stderr = stderr
    # Threads that scripts start have such stacks too.
    limit_recursion(warn, lambda: True)
    wrap_threads(lambda: True, with_ordinary_priority)
    report_strays(report)
    log_to_switch(write, lambda: True)
    # Warnings go the same way; what is below the switch's own level costs little.
    logging.captureWarnings(True)
    logging.getLogger().setLevel(logging.DEBUG)
