"""Where a script's call leaves Python for the switch: each name there can be recorded, and played back.

Nothing here costs a call anything until `install` was called, which a setting of the module and `python -m pocket
replay` do. From then on each of these names looks whether the call that it is used for has a tape.
"""

from __future__ import annotations

import asyncio
import functools
import random
import sys
import types
import uuid
from collections.abc import Callable
from typing import Any

import freeswitch
from freeswitch._tape import TAPE, Tape, tape

# Functions of the package that ask the switch.
FUNCTIONS = (
    "bridge",
    "consoleCleanLog",
    "consoleLog",
    "consoleLog2",
    "email",
    "getGlobalVariable",
    "msleep",
    "running",
    "setGlobalVariable",
)
# Methods that only look at what Python has.
LOCAL = frozenset({"begin_allow_threads", "end_allow_threads", "setPrivate", "getPrivate", "set_tts_params"})
PROPERTIES = ("uuid", "state", "cause", "allocated", "flags")
CLASSES: dict[str, tuple[str, ...] | None] = {
    "CoreSession": None,
    "Session": (),
    "API": None,
    "Dbh": None,
    "EventConsumer": ("bind", "pop", "cleanup"),
    "IVRMenu": ("bindAction", "execute"),
    "Event": ("fire", "chat_execute", "chat_send"),
}
# Methods that keep a function in the session, the names of what such methods take for it, and where it is seen.
KEEPING = frozenset(f"Session.{name}" for name in ("setInputCallback", "setDTMFCallback", "setHangupHook"))
FOR_CALLBACKS = ("funcargs", "arg")
KEPT = ("cb_function", "hangup_func")
# Operators that ask the switch.
OPERATORS = {
    "CoreSession": ("__enter__", "__exit__"),
    "Session": ("__enter__", "__exit__"),
    "API": ("__call__",),
    "Dbh": ("__enter__", "__exit__"),
    "EventConsumer": ("__enter__", "__exit__", "__next__", "__len__", "__bool__"),
}
# Functions of modules that are awaited, and those whose results no recording holds.
AWAITED = {"kv": ("get", "put", "create", "update", "delete", "keys"), "queue": ("put",), "records": ("put",)}
NOT_RECORDED = {"kv": ("entry", "watch"), "queue": ("take", "jobs"), "records": ("read",)}
# Modules that a line of a script is not looked for in.
NOT_SCRIPTS = frozenset({"freeswitch", "pocket", *sys.stdlib_module_names} - {"__main__"})
# Folders of packages: a line of one is given only where no script's is found.
PACKAGES = ("/site-packages/", "/dist-packages/")
# Classes whose making asks the switch, too.
MADE = ("Session", "Dbh", "EventConsumer", "IVRMenu")
VERBS = (
    "answer",
    "pre_answer",
    "play",
    "record",
    "speak",
    "say",
    "sleep",
    "get_digits",
    "play_and_get_digits",
    "execute",
    "wait_for_answer",
    "bridge",
    "hangup",
    "transfer",
    "send_dtmf",
)


@functools.cache
def install() -> None:
    """Have the names of the border look for a tape. Once is enough."""
    for class_name, names in CLASSES.items():
        kind = getattr(freeswitch, class_name)
        methods = names if names is not None else _methods(kind)
        for name in (*methods, *OPERATORS.get(class_name, ())):
            setattr(kind, name, _method(f"{class_name}.{name}".replace("CoreSession", "Session"), kind, name))
    for name in MADE:
        vague: Any = getattr(freeswitch, name)
        vague.__init__ = _making(name, vague.__init__)
    for name in PROPERTIES:
        setattr(freeswitch.CoreSession, name, _property(f"Session.{name}", freeswitch.CoreSession, name))
    for name in KEPT:
        setattr(freeswitch.CoreSession, name, _kept(freeswitch.CoreSession, name))
    _functions()
    _coroutines()
    _pauses()
    _chance()


def _methods(kind: type) -> list[str]:
    return [
        name
        for name, value in vars(kind).items()
        if isinstance(value, types.MethodDescriptorType) and name not in LOCAL and not name.startswith("__")
    ]


def _method(shown: str, kind: type, name: str) -> Callable[..., Any]:
    original = getattr(kind, name)

    @functools.wraps(original)
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        found = of_script()
        if found is None:
            return original(self, *args, **kwargs)
        seen = _seen(args, kwargs, found)
        return found.cross(shown, self, args, kwargs, lambda: original(self, *seen[0], **seen[1]))

    return method


def _seen(args: tuple[Any, ...], kwargs: dict[str, Any], found: Tape) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Give the arguments with a function among them such that the tape sees its calls, with what is to go to it."""
    named = next((kwargs[name] for name in FOR_CALLBACKS if name in kwargs), None)
    for at, function in enumerate(args):
        if callable(function):
            argument = args[at + 1] if at + 1 < len(args) else named
            return (*args[:at], found.called_back(function, argument), *args[at + 1 :]), kwargs
    for name, function in kwargs.items():
        if callable(function):
            return args, {**kwargs, name: found.called_back(function, named)}
    return args, kwargs


def _making(name: str, original: Callable[..., None]) -> Callable[..., None]:
    # A class without one has asked the switch by then.
    init = None if original is object.__init__ else original

    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        def go() -> None:
            if init is not None:
                init(self, *args, **kwargs)

        found = of_script()
        if found is None:
            go()
        else:
            found.cross(name, self, args, kwargs, go)

    return __init__


def stand_ins() -> dict[str, type]:
    """Give classes in the place of those that ask the switch when they are made."""
    made: dict[str, type] = {}
    for name in MADE:
        kind = getattr(freeswitch, name)
        if issubclass(kind, freeswitch.CoreSession):
            made[name] = type(name, (kind,), {"__new__": lambda cls, *_, kind=kind, **__: kind.__new__(cls)})
            continue
        names = (*(CLASSES[name] or _methods_of(kind)), *OPERATORS.get(name, ()))
        members: dict[str, Any] = {each: getattr(kind, each) for each in names}
        members["__iter__"] = lambda self: self
        made[name] = type(name, (), {**members, "__init__": kind.__init__, "dropped": 0})
    return made


def _methods_of(kind: type) -> list[str]:
    return [name for name, value in vars(kind).items() if callable(value) and not name.startswith("__")]


def _property(shown: str, kind: type, name: str) -> property:
    original: Any = vars(kind)[name]

    def get(self: Any) -> Any:
        found = of_script()
        if found is None:
            return original.__get__(self)
        return found.cross(shown, self, (), {}, lambda: original.__get__(self))

    return property(get, doc=original.__doc__)


def _kept(kind: type, name: str) -> property:
    """Give the function that a script has given, and not the one that stands for it."""
    original: Any = vars(kind)[name]

    def get(self: Any) -> Any:
        function = original.__get__(self)
        return getattr(function, "_of_script", function)

    return property(get, doc=original.__doc__)


def _functions() -> None:
    for name in FUNCTIONS:
        original = getattr(freeswitch, name)
        function = _function(f"freeswitch.{name}", original)
        for alias, value in list(vars(freeswitch).items()):
            if value is original:
                setattr(freeswitch, alias, function)


def _function(shown: str, original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def function(*args: Any, **kwargs: Any) -> Any:
        found = of_script()
        if found is None:
            return original(*args, **kwargs)
        return found.cross(shown, None, args, kwargs, lambda: original(*args, **kwargs))

    return function


def _coroutines() -> None:
    from freeswitch import _async, events, kv, queue, records

    coroutine = _async.AsyncSession
    for name in VERBS:
        setattr(coroutine, name, _verb(f"AsyncSession.{name}", getattr(coroutine, name)))
    setattr(coroutine, "flush_digits", _method("AsyncSession.flush_digits", coroutine, "flush_digits"))  # noqa: B010
    setattr(coroutine, "lost", _property("AsyncSession.lost", coroutine, "lost"))  # noqa: B010
    vague: Any = _async
    vague.originate = _verb("freeswitch.originate", _async.originate, has_target=False)
    vague.api = _verb("freeswitch.api", _async.api, has_target=False)
    for module in (kv, queue, records):
        name = module.__name__.rpartition(".")[2]
        for each in AWAITED[name]:
            setattr(module, each, _verb(f"{name}.{each}", getattr(module, each), has_target=False))
        for each in NOT_RECORDED[name]:
            setattr(module, each, _open(f"{name}.{each}", getattr(module, each)))
    follow: Any = events.Stream
    follow.__anext__ = _verb("Stream.next", events.Stream.__anext__)
    watched: Any = events
    for name in ("once", "stream", "on"):
        kept = "_once" if name == "once" else name
        setattr(watched, kept, _wait(name, getattr(events, kept)))


def _verb(shown: str, original: Callable[..., Any], *, has_target: bool = True) -> Callable[..., Any]:
    @functools.wraps(original)
    async def verb(*args: Any, **kwargs: Any) -> Any:
        found = tape()
        if found is None:
            return await original(*args, **kwargs)
        target, given = (args[0], args[1:]) if has_target else (None, args)
        return await found.cross_async(shown, target, given, kwargs, lambda: original(*args, **kwargs))

    return verb


def _pauses() -> None:
    """Have pauses of coroutines cross: only so is it known which of several tasks woke first."""
    original: Any = asyncio.sleep

    @functools.wraps(original)
    async def sleep(delay: float, result: Any = None) -> Any:
        found = of_script()
        if found is None:
            return await original(delay, result)
        # How long it is may hang on the time, which is never the same.
        await found.cross_async("asyncio.sleep", None, (), {}, lambda: original(delay))
        return result

    asyncio.sleep = asyncio.tasks.sleep = sleep


def _open(shown: str, original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def function(*args: Any, **kwargs: Any) -> Any:
        found = of_script()
        if found is not None:
            found.open("bus", shown)
        return original(*args, **kwargs)

    return function


def _wait(name: str, original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def wait(*args: Any, **kwargs: Any) -> Any:
        found = tape()
        if found is None or (name == "on" and "callback" not in kwargs):
            return original(*args, **kwargs)
        go = original if name == "on" else lambda: original(*args, **kwargs)
        return getattr(found, name)(args, kwargs, go)

    return wait


def _chance() -> None:
    """Have each call with a tape draw its random numbers and UUIDs from there."""
    for name, value in list(vars(random).items()):
        if getattr(value, "__self__", None) is getattr(random, "_inst", None) and not name.startswith("_"):
            setattr(random, name, _drawn(name, value))
    uuid.uuid4 = _function("uuid.uuid4", uuid.uuid4)
    uuid.uuid1 = _function("uuid.uuid1", uuid.uuid1)


def _drawn(name: str, original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def draw(*args: Any, **kwargs: Any) -> Any:
        found = TAPE.get()
        return original(*args, **kwargs) if found is None else getattr(found.random, name)(*args, **kwargs)

    return draw


def of_script() -> Tape | None:
    """Give the tape, where it is the script that asks, and no module of this package for its own ends."""
    found = tape()
    if found is not None:
        name = sys._getframe(2).f_globals.get("__name__", "")
        if name.startswith("freeswitch.") and name != "freeswitch._variables":
            return None
    return found


def is_script(frame: types.FrameType) -> bool:
    """Whether a frame is of a script, or of a package that it uses, and not of ours or of Python's."""
    name: str = frame.f_globals.get("__name__", "")
    if name == "__main__":
        # `python -m pocket` is one as well.
        name = frame.f_globals.get("__package__") or name
    return name.partition(".")[0] not in NOT_SCRIPTS


def place(default: str = "") -> str:
    """Give the file and line of the script that is about to cross; where none is found, what is given for that."""
    frame = sys._getframe(1)
    of_package = None
    while frame.f_back is not None:
        if is_script(frame):
            if not any(folder in frame.f_code.co_filename for folder in PACKAGES):
                break
            of_package = of_package or frame
        frame = frame.f_back
    else:
        if of_package is None and default:
            return default
        frame = of_package or frame
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"
