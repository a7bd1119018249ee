"""Small things that apps written for switchio import."""

from __future__ import annotations

import asyncio
import functools
import importlib
import inspect
import json
import logging
import pkgutil
import sys
import time
import uuid as uuids
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import ModuleType
from typing import Any

from freeswitch.apps._errors import APIError, ConfigurationError, ESLError

TRACE = 5
LOG_FORMAT = "%(asctime)s (%(threadName)s) [%(levelname)s] %(name)s %(filename)s:%(lineno)d : %(message)s"
DATE_FORMAT = "%b %d %H:%M:%S"

TimeoutError = TimeoutError  # noqa: PLW0127  (switchio has one of its own; here it is Python's)
all_tasks = asyncio.all_tasks
current_task = asyncio.current_task


def get_logger(name: str | None = None) -> logging.Logger:
    """Give the log of apps, or the one below it of this name."""
    log = logging.getLogger("freeswitch.apps")
    return log.getChild(name) if name and name not in {"switchio", "freeswitch.apps"} else log


def log_to_stderr(level: str | int | None = None) -> logging.Logger:
    """Have all that is logged written to stderr, from this level on."""
    root = logging.getLogger()
    if level:
        root.setLevel(level.upper() if isinstance(level, str) else level)
    if not any(getattr(handler, "stream", None) is sys.stderr for handler in root.handlers):
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter(LOG_FORMAT, DATE_FORMAT))
        root.addHandler(handler)
    return root


def xheaderify(header_name: str) -> str:
    """Give the variable that makes a SIP header `X-...` of this name."""
    return f"sip_h_X-{header_name}"


def param2header(name: str) -> str:
    """Give the event header that a variable is in: that of an X-header or of switchio's own gets `variable_`."""
    return f"variable_{name}" if "sip_h_X-" in name or "switchio" in name else name


def pstr(self: object, host: str = "unknown-host") -> str:
    """Give a name for the log: the type, and the host that it is for."""
    return f"{type(self).__name__}@{getattr(self, 'host', host)}"


def get_name(obj: Any) -> str:
    """Give the name of a class, function or module, or of an object's class."""
    return str(getattr(obj, "__name__", None) or type(obj).__name__)


def get_args(function: Callable[..., Any]) -> tuple[list[str], list[str]]:
    """Give the names of the arguments without a default, and of those with one."""
    spec = inspect.getfullargspec(function)
    count = len(spec.args) - len(spec.defaults or ())
    return spec.args[:count], spec.args[count:]


def is_callback(function: object) -> bool:
    """Tell whether this is a function or a method."""
    return inspect.isroutine(function)


def uuid() -> str:
    """Give a new UUID."""
    return str(uuids.uuid4())


def event2dict(event: Any) -> dict[str, Any]:
    """Give an event's headers, and its body as `_body`."""
    found: dict[str, Any] = json.loads(event.serialize("json"))
    return found


def get_event_time(event: Any, epoch: float = 0.0) -> float | None:
    """Give when an event was fired, in seconds since `epoch`; None where it does not say."""
    stamp = event.get("Event-Date-Timestamp")
    return None if stamp is None else float(stamp) / 1e6 - epoch


def dirinfo(inst: object) -> list[str]:
    """Give the names that an object and its type have."""
    return sorted({*dir(type(inst)), *vars(inst)})


def con_repr(self: Any) -> str:
    """Give a text for an object that is connected or not."""
    state = "connected" if self.connected() else "disconnected"
    return f"<{object.__repr__(self).strip('<>')} [{state}]>"


def uncons(first: Any, *rest: Any) -> tuple[Any, tuple[Any, ...]]:
    """Give the first argument, and the others."""
    return first, rest


def compose(func_1: Callable[..., Any], func_2: Callable[..., Any]) -> Callable[..., Any]:
    """Give the function that calls the second one, and the first with what that gives."""
    for function in (func_1, func_2):
        if not callable(function):
            raise TypeError(f"compose takes functions, not {type(function).__name__}")

    def composed(*args: Any, **kwargs: Any) -> Any:
        return func_1(func_2(*args, **kwargs))

    return composed


def ncompose(*functions: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Give the function that calls all of these, the last one first."""
    return functools.reduce(compose, functions, lambda value: value)


class Timer:
    """How long ago it was last reset, in seconds; `timer.time()` is where it reads the time."""

    def __init__(self, timer: Any = None) -> None:
        self.time = timer or time
        self._last = 0.0

    def elapsed(self) -> float:
        """How long ago it was reset."""
        return float(self.time.time() - self._last)

    def reset(self) -> None:
        """Begin at zero."""
        self._last = self.time.time()

    @property
    def last_time(self) -> float:
        """When it was reset."""
        return self._last


class DictProxy:
    """A dict whose items are attributes, too."""

    def __init__(self, d: dict[str, Any], extra_attrs: Mapping[str, Any] | None = None) -> None:
        object.__setattr__(self, "__dict__", d)
        object.__setattr__(self, "__class__", type("DictProxy", (DictProxy,), dict(extra_attrs or {})))

    def __getitem__(self, key: str) -> Any:
        return vars(self)[key]

    def __setitem__(self, key: str, value: Any) -> None:
        vars(self)[key] = value

    def __contains__(self, key: object) -> bool:
        return key in vars(self)

    def __repr__(self) -> str:
        return repr(vars(self))


def waitwhile(
    predicate: Callable[[], object], timeout: float = float("inf"), period: float = 0.1, exc: bool = True
) -> bool:
    """Wait in a thread until a function gives something false, looking every `period` seconds.

    TimeoutError after `timeout` seconds, or False where `exc` is.
    """
    from freeswitch.apps._places import on_loop

    if on_loop():
        raise RuntimeError("waitwhile waits in a thread: in a coroutine, await what is waited for")
    end = time.monotonic() + timeout
    while predicate():
        if time.monotonic() > end:
            if exc:
                raise TimeoutError(f"{predicate} has not become false in {timeout} s")
            return False
        time.sleep(period)
    return True


def iter_import_submods(
    packages: Sequence[str | ModuleType], recursive: bool = False, imp_excs: Sequence[str] = ()
) -> Iterator[tuple[str, ModuleType | ImportError]]:
    """Import the modules of packages: their names, and they, or why one that lacks what is in `imp_excs` failed."""
    for package in packages:
        module = importlib.import_module(package) if isinstance(package, str) else package
        for info in pkgutil.iter_modules(getattr(module, "__path__", None) or ()):
            if info.name.startswith("_"):
                continue
            name = f"{module.__name__}.{info.name}"
            try:
                yield name, importlib.import_module(name)
            except ImportError as error:
                if error.name not in imp_excs:
                    raise
                yield name, error
            if recursive and info.ispkg:
                yield from iter_import_submods([name], recursive, imp_excs)


__all__ = [
    "APIError",
    "ConfigurationError",
    "DictProxy",
    "ESLError",
    "TimeoutError",
    "Timer",
    "all_tasks",
    "compose",
    "con_repr",
    "current_task",
    "dirinfo",
    "event2dict",
    "get_args",
    "get_event_time",
    "get_logger",
    "get_name",
    "is_callback",
    "iter_import_submods",
    "log_to_stderr",
    "ncompose",
    "param2header",
    "pstr",
    "uncons",
    "uuid",
    "waitwhile",
    "xheaderify",
]
