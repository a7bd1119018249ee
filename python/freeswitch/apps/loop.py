"""The event loop of a listener, by the names of `switchio.loop`."""

from __future__ import annotations

from typing import Any

from freeswitch.apps._event_loop import EventLoop
from freeswitch.apps.handlers import get_listener


def get_event_loop(host: str | None = None, port: int | str = 8021, auth: str = "ClueCon", **_: Any) -> EventLoop:
    """Give the event loop of a new listener to a switch."""
    return get_listener(host, port, auth).event_loop


__all__ = ["EventLoop", "get_event_loop"]
