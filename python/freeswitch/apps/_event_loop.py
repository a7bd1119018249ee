"""The event loop of a listener, with the functions that switchio has there."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from freeswitch.apps import _loading
from freeswitch.apps._places import call, on_loop

if TYPE_CHECKING:
    from _freeswitch import Event

    from freeswitch.apps.models import Session


class EventLoop:
    """What hands out a switch's events. What is not here is looked for in the asyncio loop: `create_task`, say."""

    def __init__(self, listener: Any) -> None:
        self._listener = listener
        self.epoch = time.time()

    def __getattr__(self, name: str) -> Any:
        from freeswitch import _loop

        if name.startswith("__") or _loop.here.loop is None:
            raise AttributeError(name)
        return getattr(_loop.here.loop, name)

    @property
    def loop(self) -> Any:
        """The asyncio loop; one for all listeners."""
        from freeswitch import _loop

        return _loop.here.loop

    @property
    def host(self) -> str:
        """Where the switch is."""
        return str(self._listener.host)

    @property
    def port(self) -> int | None:
        """The port of the switch's event socket; None for the switch that this runs in."""
        port: int | None = self._listener.port
        return port

    @property
    def callbacks(self) -> dict[str, dict[str, list[Callable[..., Any]]]]:
        """The functions that are called, by app id and event. A copy: `add_callback` changes what there is."""
        return self._functions("callbacks")

    @property
    def coroutines(self) -> dict[str, dict[str, list[Callable[..., Any]]]]:
        """The coroutine functions that are started, by app id and event. A copy."""
        return self._functions("coroutines")

    def _functions(self, kind: str) -> dict[str, dict[str, list[Callable[..., Any]]]]:
        found: dict[str, dict[str, list[Callable[..., Any]]]] = {}
        for ident, apps in list(self._listener.apps.items()):
            for app in apps:
                for event, functions in getattr(app, kind).items():
                    if functions:
                        under = found.setdefault(ident, {})
                        under.setdefault(event, []).extend(function for function, _ in functions)
        return found

    @property
    def uptime(self) -> float:
        """How long it has listened, in minutes."""
        return (time.time() - self.epoch) / 60.0

    @property
    def app_id_headers(self) -> list[str]:
        """The headers that have an app's id, the first that is there wins."""
        headers: list[str] = self._listener.headers
        return headers

    def is_alive(self) -> bool:
        """Tell whether it takes events."""
        return bool(self._listener.is_alive())

    is_running = is_alive

    def connected(self) -> bool:
        """Tell whether the switch is there."""
        return bool(self._listener.connected())

    def get_id(self, e: Event, default: str | None = None) -> str | None:
        """Give the app id that an event has in a header, or `default`."""
        return next((found for name in self.app_id_headers if (found := e.getHeader(name))), default)

    def get_tasks(self) -> list[asyncio.Task[Any]]:
        """Give the tasks of all coroutines that work on legs."""
        return [task for session in list(self._listener.sessions.values()) for task in session.tasks]

    def waitfor(self, sess: Session, varname: str, timeout: float | None = None) -> bool:
        """Wait in a thread until `sess.vars[varname]` is something true, for `timeout` seconds: then TimeoutError."""
        from freeswitch.apps.utils import waitwhile

        if on_loop():
            raise RuntimeError("waitfor waits in a thread: in a coroutine, await what sets the variable")
        limit = float("inf") if timeout is None else timeout
        return waitwhile(lambda: not sess.vars.get(varname), limit, 0.01)

    def wait(self, timeout: float | None = None) -> None:
        """Wait in a thread until it takes no more events, for `timeout` seconds at most."""
        from freeswitch.apps.utils import waitwhile

        waitwhile(self.is_alive, float("inf") if timeout is None else timeout, exc=False)

    def add_callback(self, evname: str, ident: str, callback: Callable[..., Any], prepend: bool = False) -> bool:
        """Have a function called with the legs of an app's id at an event."""
        return self._add("callback", evname, ident, callback, prepend)

    def add_coroutine(self, evname: str, ident: str, coro: Callable[..., Any], prepend: bool = False) -> bool:
        """Have a coroutine function started for the legs of an app's id at an event."""
        return self._add("coroutine", evname, ident, coro, prepend)

    def add_handler(self, evname: str, handler: Callable[..., Any]) -> bool:
        """Have a function called with all events of a kind."""
        return self._add("handler", evname, "default", handler, False)

    def _add(self, kind: str, evname: str, ident: str, function: Callable[..., Any], prepend: bool) -> bool:
        call(_loading.add, self._listener, kind, evname, ident, function, prepend)
        return True

    def remove_callback(self, evname: str, ident: str, callback: Callable[..., Any]) -> None:
        """Call it no longer."""
        call(_loading.remove, self._listener, evname, ident, callback)

    remove_coroutine = remove_callback

    def remove_handler(self, evname: str, handler: Callable[..., Any]) -> None:
        """Call it no longer."""
        call(_loading.remove, self._listener, evname, None, handler)

    def unsubscribe(self, events: Any) -> None:
        """Nothing: what nobody is marked for is given to nobody."""

    def connect(self, **_: Any) -> None:
        """Nothing: it is connected when it is made."""

    def start(self) -> None:
        """Nothing: it runs when it is made."""

    def disconnect(self, **_: Any) -> None:
        """End the listener, where it is another switch's."""
        self._listener.disconnect()
