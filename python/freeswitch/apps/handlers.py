"""Listeners: what is known of the legs, calls and jobs of one switch."""

from __future__ import annotations

from typing import Any

from freeswitch.apps._dispatch import Listener
from freeswitch.apps._link import Link
from freeswitch.apps._places import call
from freeswitch.apps._socket_link import connect

EventListener = Listener


def get_listener(
    host: str | None = None,
    port: int | str = 8021,
    auth: str = "ClueCon",
    *,
    call_tracking_header: str | None = None,
    max_limit: float | None = None,
    link: Link | None = None,
    **_: Any,
) -> Listener:
    """Give a listener: to the switch that this runs in, or to the event socket of the one at `host`.

    ConnectionError when that cannot be reached. `link` is one that was made already.
    """
    from freeswitch.apps import _dispatch

    listener = call(_dispatch.listener) if host is None else call(Listener, link or connect(host, port, auth))
    if call_tracking_header is not None:
        listener.call_tracking_header = call_tracking_header
    if max_limit is not None:
        listener.max_limit = max_limit
    return listener


__all__ = ["EventListener", "get_listener"]
