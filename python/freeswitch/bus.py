"""The bus itself: whether it is there, and one for a program that has no switch.

In a switch `bus-url` in python.conf names the bus. A worker or any other program opens one by `bus.connect(url)`; then
`freeswitch.kv`, `freeswitch.queue` and the events of nodes are those of that bus.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import _freeswitch

from freeswitch import _bus
from freeswitch._errors import BusError


@dataclass(frozen=True)
class State:
    """How the bus is.

    configured: a server is named.
    connected: it answers.
    why: why it does not.
    node: this switch's or worker's name.
    """

    configured: bool
    connected: bool
    why: str
    node: str


def state() -> State:
    """Say how the bus is, now; does not wait."""
    return State(*_freeswitch.bus_state()) if _bus.is_built() else State(False, False, "it was not built in", "")


def connect(
    url: str,
    *,
    node: str | None = None,
    user: str | None = None,
    password: str | None = None,
    token: str | None = None,
    credentials: str | Path | None = None,
    ca: str | Path | None = None,
    certificate: str | Path | None = None,
    key: str | Path | None = None,
    replicas: int = 1,
) -> None:
    """Open the bus of a program that has no switch: `nats://HOST:PORT` or `tls://HOST:PORT`, several with commas.

    Returns at once: the connection is made, and made again, beside the program, and what is asked for waits for it.
    In a switch the bus is python.conf's, and this raises RuntimeError.
    """
    if _freeswitch.running():
        raise RuntimeError("this process has a switch, whose bus is named by bus-url in its python.conf")
    if (certificate is None) != (key is None):
        raise ValueError("arguments 'certificate' and 'key' go together")
    how: dict[str, Any] = {"user": user, "password": password, "token": token, "replicas": replicas}
    paths = {"credentials": credentials, "authority": ca, "certificate": certificate, "key": key}
    how.update({name: None if path is None else str(path) for name, path in paths.items()})
    urls = [part for part in url.replace(",", " ").split() if part]
    if not urls:
        raise ValueError(f"argument 'url' must name a server, nats://HOST:PORT, not {url!r}")
    _bus.open_alone(urls, node, **how)


def close() -> None:
    """Close what `connect` has opened."""
    if not _freeswitch.running():
        _bus.close_alone()


__all__ = ["BusError", "State", "close", "connect", "state"]
