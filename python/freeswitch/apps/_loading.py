"""Loading apps into a dispatcher, and unloading them. On the loop."""

from __future__ import annotations

import contextlib
import inspect
import logging
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any

from freeswitch.apps._marks import Mark, arguments_of, is_newer, marks_of, plain
from freeswitch.apps._named import events_named
from freeswitch.apps._places import SETTING_UP

if TYPE_CHECKING:
    from freeswitch.apps._dispatch import Listener

log = logging.getLogger("freeswitch.apps")


class App:
    """An app that is loaded."""

    def __init__(self, name: str, given: Any, header: str | None) -> None:
        self.name = name
        # What was loaded: a class, or the instance itself.
        self.given = given
        self.instance = given() if isinstance(given, type) else given
        # Which header, beside those of all, has its id.
        self.header = header
        self.teardown: Generator[Any, Any, Any] | None = None
        # By event: functions, and how many arguments they get.
        self.callbacks: dict[str, list[tuple[Callable[..., Any], int]]] = {}
        self.coroutines: dict[str, list[tuple[Callable[..., Any], int]]] = {}
        self.handlers: dict[str, list[tuple[Callable[..., Any], int]]] = {}


def name_of(app: Any) -> str:
    """Give an app's own name."""
    return str(getattr(app, "__name__", None) or type(app).__name__)


def load_app(
    here: Listener,
    app: Any,
    app_id: str | None,
    header: str | None,
    prepend: bool,
    funcargs: dict[str, Any],
    prepost: dict[str, Any],
) -> App:
    """Load an app, and give what is known of it."""
    if not hasattr(app, "__dict__"):
        raise TypeError(f"an app is a class, an instance or a module, not {type(app).__name__}")
    name = name_of(app)
    app_id = _name(app_id if app_id is not None else name, "app_id")
    if header is not None:
        header = _name(header, "header")
    under = here.apps.get(app_id, [])
    before = _before(under, app, name, app_id)
    loaded = App(name, app, header)
    marked = list(marks_of(loaded.instance))
    if not marked:
        raise ValueError(f"{name} has no function that is marked with an event")
    counted = [(mark, function, arguments_of(mark, function, name)) for mark, function in marked]
    for mark, function, count in counted:
        for event in (mark.event, *mark.subscribe):
            here.need(event)
        where = {"callback": loaded.callbacks, "coroutine": loaded.coroutines, "handler": loaded.handlers}
        where[mark.kind].setdefault(plain(mark.event), []).append((function, count))
    for event in events_named(loaded.instance, [function for _, function in marked]):
        here.need(event)
    # Its own functions may want to know.
    for key, value in (("cid", app_id), ("name", name)):
        if not hasattr(loaded.instance, key):
            with contextlib.suppress(AttributeError, TypeError):
                setattr(loaded.instance, key, value)
    _set_up(loaded, funcargs, prepost)
    if before is not None:
        under[under.index(before)] = loaded
        _tear_down(before)
    elif prepend:
        under.insert(0, loaded)
    else:
        under.append(loaded)
    here.apps[app_id] = under
    here.look_again()
    return loaded


def add(
    here: Listener, kind: str, event: str, app_id: str, function: Callable[..., Any], prepend: bool = False
) -> None:
    """Have one function called, with no app around it."""
    mark = Mark(event, kind, ())
    count = arguments_of(mark, function, app_id)
    for name in (event, *events_named(function, [function])):
        here.need(name)
    loaded = App(getattr(function, "__name__", kind), function, None)
    functions = {"callback": loaded.callbacks, "coroutine": loaded.coroutines, "handler": loaded.handlers}
    functions[kind][plain(event)] = [(function, count)]
    here.apps.setdefault(_name(app_id, "app_id"), []).insert(0 if prepend else len(here.apps.get(app_id, ())), loaded)
    here.look_again()


def remove(here: Listener, event: str, app_id: str | None, function: Callable[..., Any]) -> None:
    """Call a function no longer at an event, whichever app it is of."""
    name = plain(event)
    for ident, under in list(here.apps.items()):
        if app_id is not None and ident != app_id:
            continue
        for app in under:
            for kind in (app.callbacks, app.coroutines, app.handlers):
                if name in kind:
                    kind[name] = [pair for pair in kind[name] if pair[0] != function]
        here.apps[ident] = [app for app in under if _has_functions(app)]
        if not here.apps[ident]:
            del here.apps[ident]
    here.look_again()


def _has_functions(app: App) -> bool:
    return any(functions for kind in (app.callbacks, app.coroutines, app.handlers) for functions in kind.values())


def unload_app(here: Listener, app_id: str, instance: Any) -> None:
    """Unload the app with this object from under an id; nothing where it is not there any more."""
    under = here.apps.get(app_id, [])
    _take_out(here, app_id, [loaded for loaded in under if loaded.instance is instance])


def _name(name: Any, argument: str) -> str:
    if not isinstance(name, str):
        raise TypeError(f"argument '{argument}' must be str, not {type(name).__name__}")
    if not name or "\0" in name:
        raise ValueError(f"argument '{argument}' is empty, or has a NUL")
    return name


def _before(under: list[App], app: Any, name: str, app_id: str) -> App | None:
    """Give the older version of an app, whose place the new one takes."""
    for loaded in under:
        if loaded.name != name:
            continue
        if is_newer(app, loaded.given):
            return loaded
        # Several objects of one class each have a state of their own.
        if loaded.given is app or isinstance(app, type) or type(app) is not type(loaded.given):
            raise ValueError(f"there is an app '{name}' under '{app_id}' already")
    return None


def _set_up(loaded: App, funcargs: dict[str, Any], given: dict[str, Any]) -> None:
    prepost = getattr(loaded.instance, "prepost", None)
    if prepost is None:
        if given:
            raise TypeError(f"{loaded.name} has no prepost that could take {', '.join(given)}")
        return
    wanted = inspect.signature(prepost).parameters
    arguments = {name: value for name, value in funcargs.items() if name in wanted and name not in given}
    if inspect.iscoroutinefunction(prepost) or inspect.isasyncgenfunction(prepost):
        raise TypeError(f"{loaded.name}.prepost is a function or a generator, not an async one")
    outer = SETTING_UP.set(True)
    try:
        result = prepost(**arguments, **given)
        if inspect.isgenerator(result):
            try:
                next(result)
            except StopIteration:
                raise TypeError(f"{loaded.name}.prepost has not yielded") from None
            loaded.teardown = result
    finally:
        SETTING_UP.reset(outer)


def _tear_down(loaded: App) -> None:
    if loaded.teardown is None:
        return
    outer = SETTING_UP.set(True)
    try:
        next(loaded.teardown, None)
    except SystemExit:
        pass
    except BaseException:
        log.exception("MR0004 app %s failed in its teardown", loaded.name)
    finally:
        SETTING_UP.reset(outer)


def unload(here: Listener, app_id: str, name: str | None) -> None:
    """Unload an app; see `freeswitch.apps.unload`."""
    under = here.apps.get(app_id, [])
    gone = [loaded for loaded in under if name is None or loaded.name == name]
    if not gone:
        raise ValueError(f"there is no app {name or ''} under '{app_id}'")
    _take_out(here, app_id, gone)


def _take_out(here: Listener, app_id: str, gone: list[App]) -> None:
    here.apps[app_id] = [loaded for loaded in here.apps.get(app_id, ()) if loaded not in gone]
    if not here.apps[app_id]:
        del here.apps[app_id]
    here.look_again()
    for loaded in gone:
        _tear_down(loaded)
