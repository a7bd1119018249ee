"""Versions of apps that were withdrawn: kept on the bus, whoever begins later.

`freeswitch-apps withdraw` keeps it under a key, and says so to the workers that there are. A worker reads the keys of
its own apps: as it begins, when it is told, and every few seconds, for what it was told while it could not hear.
"""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import time
from collections.abc import Callable, Iterable

from _freeswitch import Event

from freeswitch import _loop, kv
from freeswitch._errors import BusError

log = logging.getLogger("freeswitch.apps")

# Where workers are told that something has changed.
NEWS = "fs.withdrawn"
# How often it is looked without that, in seconds.
LOOK = 5.0


def key_of(app: str, version: str) -> str:
    """Give the key that is there while a version of an app is withdrawn."""
    # Both may have what a key cannot.
    word = base64.urlsafe_b64encode(json.dumps([app, version]).encode()).decode()
    return f"withdrawn.{word}"


class Withdrawn:
    """Which of these apps are withdrawn in this version; `changed` is called when that has changed. On the loop."""

    def __init__(self, apps: Iterable[str], version: str, changed: Callable[[], None]) -> None:
        self.names: set[str] = set()
        self._keys = {app: key_of(app, version) for app in apps}
        self._version, self._changed = version, changed
        self._read = 0.0
        # What was begun first must not end last.
        self._reads = asyncio.Lock()

    async def read(self) -> None:
        """Read what the bus has."""
        async with self._reads:
            await self._read_all()

    async def _read_all(self) -> None:
        self._read = time.monotonic()
        try:
            names = {app for app, key in self._keys.items() if await kv.entry(key) is not None}
        except BusError as error:
            log.warning("MR0025 it is not known whether version %r is withdrawn: %s", self._version, error)
            return
        for app in sorted(names ^ self.names):
            what = "takes no new calls: it is withdrawn" if app in names else "takes calls again"
            log.info("version %r of %s %s", self._version, app, what)
        if names != self.names:
            self.names = names
            self._changed()

    async def look(self) -> None:
        """Read it again, where that is long ago."""
        if time.monotonic() - self._read >= LOOK:
            await self.read()

    def told(self, _: Event) -> None:
        """Be told that something has changed."""
        _loop.spawn(self.read())


__all__ = ["NEWS", "Withdrawn", "key_of"]
