"""Call applications as switchio has them, inside the switch.

An app is a namespace (a class, an instance or a module) of functions that are marked with the events they are
for. It is loaded under an id, and works on the calls whose events carry that id in a header or variable; those
under 'default' work on all others.

    from freeswitch import apps

    class Proxier:
        @apps.coroutine("CHANNEL_PARK")
        async def on_park(self, session):
            if session.is_inbound():
                session.bridge(dest_url="${sip_req_user}@${sip_req_host}")
                await session.recv("CHANNEL_ANSWER")

    apps.load(Proxier, app_id="default")
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import ModuleType
from typing import Any, TypeVar, overload

from freeswitch.apps._marks import callback, coroutine, event_callback, handler, is_newer, marks_of
from freeswitch.apps.models import Call, Events, Job, JobError, JobLost, Session, VerbLost

F = TypeVar("F")

_registry: dict[str, Any] = {}


def app(*args: Any, name: str | None = None) -> Any:
    """Register a class as an app, under its own name or the one that is given."""
    if args and isinstance(args[0], type):
        return register(args[0])

    def inner(cls: F) -> F:
        return register(cls, args[0] if args else name)

    return inner


def register(cls: F, name: str | None = None) -> F:
    """Put an app into the registry."""
    name = str(name or getattr(cls, "__name__", type(cls).__name__))
    if not any(marks_of(cls)):
        raise ValueError(f"{name} has no function that is marked with an event")
    other = _registry.get(name, cls)
    if other is not cls and not is_newer(cls, other):
        # A script may have an app of a name that one which comes with this package has.
        if _is_ours(cls):
            return cls
        if not _is_ours(other):
            raise ValueError(f"there is an app '{name}' already")
    _registry[name] = cls
    return cls


def _is_ours(cls: Any) -> bool:
    return str(getattr(cls, "__module__", "")).startswith("freeswitch.apps.")


def get(name: str) -> Any | None:
    """Give the app that is registered under this name, or None."""
    return _registry.get(name)


def iterapps() -> Iterator[Any]:
    """Give all apps that are registered."""
    return iter(_registry.values())


def names() -> list[str]:
    """Give the names of all apps that are registered."""
    return list(_registry)


def groupbymod() -> Iterator[tuple[str, list[tuple[str, Any]]]]:
    """Give the modules that have registered apps, and their apps by name."""
    found: dict[str, list[tuple[str, Any]]] = {}
    for name, cls in _registry.items():
        found.setdefault(str(getattr(cls, "__module__", "")), []).append((name, cls))
    return iter(found.items())


@overload
def load(
    app: tuple[str | ModuleType, ...] = (), *, packages: Sequence[str | ModuleType] = (), imp_excs: Sequence[str] = ()
) -> dict[str, ModuleType]: ...
@overload
def load(
    app: Any,
    app_id: str | None = None,
    *,
    header: str | None = None,
    prepend: bool = False,
    funcargs: Mapping[str, Any] | None = None,
    **prepost: Any,
) -> str: ...
def load(
    app: Any = (),
    app_id: str | None = None,
    *,
    header: str | None = None,
    prepend: bool = False,
    funcargs: Mapping[str, Any] | None = None,
    packages: Sequence[str | ModuleType] = (),
    imp_excs: Sequence[str] = (),
    **prepost: Any,
) -> Any:
    """Load an app: a class, of which an object is made, an instance, or a module. Gives the id it is under.

    Its `prepost`, a function or a generator that yields once, sets it up, and tears it down at `unload`. It gets
    `prepost`'s arguments, those of its own that are named in `funcargs`, and `client`, `listener`, `pool` and
    `event_loop` where they have no default.

    With no app, or with a tuple of packages, as switchio has it: imports the apps that come with this package, and the
    modules of the packages, so that they register what they have. Gives these modules by name; of `imp_excs` may be
    missing what they name.
    """
    if isinstance(app, tuple):
        return _import_all((*app, *packages), imp_excs)

    from freeswitch.apps import _dispatch, _prepost

    def here() -> str:
        return _prepost.load(_dispatch.listener(), app, app_id, header, prepend, dict(funcargs or {}), prepost)

    from freeswitch import _loop

    return _loop.call(here)


def _import_all(packages: tuple[str | ModuleType, ...], imp_excs: Sequence[str]) -> dict[str, ModuleType]:
    from freeswitch.apps.utils import iter_import_submods

    ours = ("bert", "blockers", "call_gen", "dtmf", "measure", "players", "routers")
    found = {f"{__name__}.{name}": importlib.import_module(f"{__name__}.{name}") for name in ours}
    others = iter_import_submods(packages, imp_excs=imp_excs)
    return {**found, **{name: module for name, module in others if not isinstance(module, ImportError)}}


def load_multi(several: Any, app_id: str | None = None, *, header: str | None = None, prepend: bool = False) -> str:
    """Load several apps, or pairs of an app and its prepost arguments, under one id; they work in this order."""
    for one in several:
        one_app, prepost = one if isinstance(one, tuple) else (one, {})
        app_id = load(one_app, app_id, header=header, prepend=prepend, **prepost)
    if app_id is None:
        raise ValueError("no app was given")
    return app_id


def unload(app_id: str, name: str | None = None) -> None:
    """Unload what is under an id, or one app of it. What it has begun goes on; its state stays on its object."""
    from freeswitch import _loop
    from freeswitch.apps import _dispatch, _loading

    _loop.call(lambda: _loading.unload(_dispatch.listener(), app_id, name))


def bgapi(command: str, callback: Callable[..., Any] | None = None, **kwargs: Any) -> Job:
    """Run an API command in the background, from a coroutine or a thread; `callback` gets its answer, on the loop.

    Await the job, or ask it in a thread by `get(timeout)`: JobError where it fails, JobLost (one of these) where the
    connection to the switch was lost. A failure that nobody awaits is reported in the log (MR0015).
    """
    return _bgapi(command, callback, kwargs)


def _bgapi(
    command: str,
    callback: Callable[..., Any] | None = None,
    kwargs: Mapping[str, Any] | None = None,
    cid: str | None = None,
    leg: str | None = None,
) -> Job:
    from freeswitch import _loop
    from freeswitch.apps import _dispatch

    if not isinstance(command, str):
        raise TypeError(f"argument 'command' must be str, not {type(command).__name__}")
    return _loop.call(lambda: _dispatch.listener().bgapi(command, callback, dict(kwargs or {}), cid, leg))


def originate(dest: str, app_id: str | None = None, *, variables: Mapping[str, str] | None = None) -> Job:
    """Place a call that is parked when it is answered, for the apps under this id. Await the job for its UUID."""
    from freeswitch.apps._dial import with_variables

    given = dict(variables or {})
    if app_id is not None:
        given["freeswitch_app"] = app_id
    to = with_variables(dest, given) if given else dest
    # The command is cut at its blanks, but for those between quotes.
    if " " in to and "'" not in to:
        to = f"'{to}'"
    line = f"originate {to} &park()"
    return _bgapi(line, cid=app_id, leg=given.get("origination_uuid"))


# What is loaded when it is first asked for, and from where: `module`, or `module:name` where it has another name there.
_LATER = {
    "APIError": "_errors",
    "AppManager": "manager",
    "Client": "api",
    "Connection": "connection",
    "ConnectionError": "_link:LinkError",
    "ConfigurationError": "_errors",
    "ESLError": "_errors",
    "EventListener": "handlers",
    "InboundProtocol": "protocol",
    "Measurers": "measure",
    "MultiEval": "distribute",
    "Originator": "call_gen",
    "PARK_DP": "_park_dp",
    "Pool": "distribute",
    "Service": "serve",
    "SlavePool": "distribute",
    "active_client": "api",
    "build_originate_cmd": "commands",
    "get_client": "api",
    "get_connection": "connection",
    "get_event_loop": "loop",
    "get_listener": "handlers",
    "get_logger": "utils",
    "get_originator": "call_gen",
    "get_pool": "api",
    "sync_caller": "sync",
}


def __getattr__(name: str) -> Any:
    where = _LATER.get(name)
    if where is not None:
        module, _, other = where.partition(":")
        return getattr(importlib.import_module(f"{__name__}.{module}"), other or name)
    if name == "apps":
        # `switchio.apps` of a file that imports switchio: the names of both are here.
        return sys.modules[__name__]
    if not name.startswith("__"):
        try:
            return importlib.import_module(f"{__name__}.{name}")
        except ModuleNotFoundError as error:
            if error.name != f"{__name__}.{name}":
                raise
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = [
    "Call",
    "Events",
    "Job",
    "JobError",
    "JobLost",
    "Session",
    "VerbLost",
    "app",
    "bgapi",
    "callback",
    "coroutine",
    "event_callback",
    "get",
    "groupbymod",
    "handler",
    "iterapps",
    "load",
    "load_multi",
    "names",
    "originate",
    "register",
    "unload",
]
