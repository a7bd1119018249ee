"""What mod_rust sets up in an interpreter before any script runs.

Inside the switch this file and the rest of the package are carried in the
module itself and compiled by it; in the pocket wheel they are ordinary files.
"""

from __future__ import annotations

import gc
import importlib.abc
import importlib.util
import io
import logging
import os
import re
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from importlib.machinery import ModuleSpec
from types import CodeType, ModuleType, TracebackType
from typing import Any


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


class SwitchFormatter(logging.Formatter):
    """Shows exceptions as the switch's own errors are shown."""

    def formatException(self, ei: Any) -> str:
        """Give a traceback without the loader's frames."""
        from freeswitch._hints import format_exception

        return "".join(format_exception(*ei)).rstrip("\n")


class SwitchHandler(logging.Handler):
    """Gives the records of the `logging` package to the switch's log."""

    def __init__(self, write: Callable[[int, str, str, int, str], None], mine: Callable[[], bool]) -> None:
        super().__init__()
        self.setFormatter(SwitchFormatter())
        self._write = write
        self._mine = mine

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record, with its place and level."""
        # What is said of the switch and its calls is the switch's own, also where a thread of the program has asked.
        if not self._mine() and not record.name.startswith("freeswitch."):
            return
        try:
            text = self.format(record)
            spans = sys.modules.get("freeswitch._spans")
            if spans is not None and (ids := spans.ids()):
                first, newline, rest = text.partition("\n")
                text = f"{first} {ids}{newline}{rest}"
            self._write(record.levelno, record.pathname, record.funcName or "", record.lineno, text)
        except Exception:
            self.handleError(record)


def log_to_switch(write: Callable[[int, str, str, int, str], None], mine: Callable[[], bool]) -> None:
    """Have `logging` write to the switch's log, whose level decides what is seen."""
    root = logging.getLogger()
    if not any(isinstance(handler, SwitchHandler) for handler in root.handlers):
        root.addHandler(SwitchHandler(write, mine))


# In a program that has brought its own interpreter: what is in place while it has a switch open.
_prepared: list[SwitchHandler] = []


def prepare_log(write: Callable[[int, str, str, int, str], None], mine: Callable[[], bool]) -> None:
    """Have `logging` write to the log of the switches that this program opens, what their scripts log."""
    _prepared[:] = [SwitchHandler(write, mine)]


def begin_log() -> None:
    """Begin with that: a switch is opened. Before, `logging` is as the program has set it up."""
    for handler in _prepared:
        logging.getLogger().addHandler(handler)


def end_log() -> None:
    """End with it."""
    for handler in _prepared:
        logging.getLogger().removeHandler(handler)


def mind_forks() -> None:
    """Have the children that scripts fork end as children do."""
    os.register_at_fork(after_in_child=_be_main_thread)


def _be_main_thread() -> None:
    # The thread that forks is the child's main thread. One of the switch's is known to `threading` as a dummy,
    # which before Python 3.13 has no lock, and which the end of a child of `multiprocessing` cannot do without.
    main: Any = threading.main_thread()
    ours: Any = threading
    if type(main) is ours._DummyThread and getattr(main, "_tstate_lock", True) is None:
        main.__class__ = ours._MainThread
        main._name, main._daemonic = "MainThread", False
        main._set_tstate_lock()


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


# What the wheel leaves in a folder of packages, with its version.
WHEEL = re.compile(r"freeswitch_pocket-(.+)\.dist-info")


def note_other_version(version: str) -> None:
    """Say where a wheel of another version lies: scripts get the module's own package, and not the wheel's."""
    for folder in sys.path:
        names = os.listdir(folder) if os.path.isdir(folder) else ()
        for found in filter(None, map(WHEEL.fullmatch, names)):
            if found[1] != version:
                logging.getLogger("freeswitch").warning(
                    "freeswitch-pocket %s in %s is another version than the module, %s: scripts get the module's own "
                    "`freeswitch`",
                    found[1],
                    folder,
                    version,
                )


def own_interpreter(
    sources: Mapping[str, tuple[str, bool]],
    stdout: Any,
    stderr: Any,
    report: Callable[[str, BaseException], None],
    write: Callable[[int, str, str, int, str], None],
) -> None:
    """Set up the interpreter that the switch started for itself."""
    sys.meta_path.insert(0, EmbeddedPackage(sources))
    from freeswitch._output import LogText

    sys.stdout = LogText(stdout, "<stdout>", 1)
    sys.stderr = LogText(stderr, "<stderr>", 2)
    mind_forks()
    report_strays(report)
    log_to_switch(write, lambda: True)
    # Warnings go the same way; what is below the switch's own level costs little.
    logging.captureWarnings(True)
    logging.getLogger().setLevel(logging.DEBUG)
    import _freeswitch

    note_other_version(_freeswitch.__version__)


def flush_files() -> None:
    """Write what open files still hold: without Py_Finalize nobody else does."""
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    for thing in gc.get_objects():
        try:
            if isinstance(thing, io.IOBase) and not thing.closed and thing.writable():
                thing.flush()
        except Exception:
            # A file that cannot be flushed has nobody left to be told.
            continue
