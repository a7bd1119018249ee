"""Serving calls of several switches by one program."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any

from freeswitch.apps.api import get_pool
from freeswitch.apps.manager import AppManager


class Service:
    """Apps for the calls of the switches at `contacts`: hosts, or `(host, port, password)`; None is this switch.

    One of several that is not there is served when it is. ConnectionError when none is.

    service = Service(["one.example", "two.example"])
    service.apps.load_app(Router, app_id="default")
    service.run()
    """

    def __init__(self, contacts: Iterable[Any] | None = None, **kwargs: Any) -> None:
        if contacts is not None:
            # This switch's listener is others', too, and looks at this header anyway.
            kwargs.setdefault("call_tracking_header", "variable_call_uuid")
        self.pool = get_pool(contacts, persists=True, **kwargs)
        self.apps = AppManager(self.pool)
        self.host: list[str] = self.pool.evals("listener.host")
        self.log = logging.getLogger("freeswitch.apps")

    def run(self, block: bool = True) -> None:
        """Serve; wait in this thread until it is stopped, unless `block` is False. Ctrl-C stops it."""
        if not block:
            return
        try:
            for listener in self.pool.listeners:
                listener.event_loop.wait()
        except KeyboardInterrupt:
            pass
        finally:
            self.stop()

    def is_alive(self) -> bool:
        """Tell whether it has a switch to serve."""
        return any(listener.is_alive() for listener in self.pool.listeners)

    def stop(self) -> None:
        """Unload the apps, and end the connections."""
        for client in self.pool.clients:
            for app_id in list(client._apps):
                client.unload_app(app_id)
            client.disconnect()


__all__ = ["Service"]
