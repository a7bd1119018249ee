"""Checkpoints of calls: what a handler keeps so that it can go on after its worker or its switch has ended.

A call's lies in `freeswitch.kv`, under its UUID and its program's name, with the epoch of who has kept it: of several
programs in one call each has its own. A worker that has lost its call cannot change it: it knows an older revision,
and the switch, which says whose the call is, is asked. A UUID may come again while what the call before it has kept is
still there: that has other epochs, or another Call-ID, and nobody takes it away who has not kept it.
"""

from __future__ import annotations

import contextlib
import logging
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, is_dataclass
from typing import Any

from freeswitch import _bus, kv
from freeswitch._errors import BusError, BusLate

log = logging.getLogger("freeswitch")

# For how long one that the bus has not acknowledged is asked for again, in seconds.
AGAIN = 2 * _bus.PATIENCE
# How long one is kept of a call that nobody goes on with, in seconds.
KEPT = 86400

# A server that has no time to live for single keys keeps them.
_lasting: list[bool] = []


def _word(text: str) -> str:
    if re.fullmatch(r"[-_a-zA-Z0-9]+", text):
        return text
    return f"={text.encode('utf-8', 'surrogateescape').hex()}"


def plain(program: str) -> str:
    """Give the name of a program without the function that is meant where none is named."""
    return program.removesuffix("::handler")


def key(uuid: str, program: str) -> str:
    """Give the key of what a program keeps of a call; src/aio/outside/calls.rs has the same.

    `program` is as the dialplan names it: `module`, or `module::function`.
    """
    return f"calls.{_word(uuid)}.{_word(plain(program))}"


def as_state(state: Any) -> Any:
    """Give what is kept of a state: what JSON can hold, of a dataclass its fields."""
    if is_dataclass(state) and not isinstance(state, type):
        state = asdict(state)
    kv.written(state, "state")
    return state


async def _lives(put: Callable[..., Awaitable[int]], *arguments: Any) -> int:
    if not _lasting:
        try:
            return await put(*arguments, ttl=KEPT)
        except BusError as error:
            if "time to live" not in str(error):
                raise
            _lasting.append(True)
    return await put(*arguments)


async def _nobody() -> None:
    """In the switch itself nobody else has the call."""


class Checkpoint:
    """That of one program of a call; `check` raises where the call is another's.

    `since` is the first epoch of the call, 0 where a switch that was killed may have had it; `call_id` is its SIP
    Call-ID, which the switch that recovers it has, too.
    """

    def __init__(
        self,
        uuid: str,
        program: str,
        epoch: int = 0,
        check: Callable[[], Awaitable[None]] = _nobody,
        *,
        since: int = 0,
        call_id: str | None = None,
    ) -> None:
        self.key, self.epoch, self._check = key(uuid, program), epoch, check
        # Where it was before keys had the names of programs.
        self._nameless = f"calls.{_word(uuid)}"
        self._since, self._call_id = since, call_id
        self._revision: int | None = None

    @property
    def is_kept(self) -> bool:
        """Whether there is one."""
        return self._revision is not None

    async def keep(self, state: Any) -> None:
        """Keep a state; when this returns, it is on the disk."""
        value = self._value({"state": state})
        # What goes with the state counts, too.
        kv.written(value, "state")
        await self._put(value)

    def _value(self, more: dict[str, Any]) -> dict[str, Any]:
        return {**more, "epoch": self.epoch, "call_id": self._call_id}

    def _is_mine(self, value: Any) -> bool:
        if not isinstance(value, dict) or "state" not in value:
            return False
        return value.get("epoch", 0) >= self._since and value.get("call_id", self._call_id) == self._call_id

    async def _put(self, value: dict[str, Any]) -> None:
        async def attempt() -> bool:
            try:
                await self._write(value)
            except kv.Conflict:
                # Another has it, or had it: a UUID may come again, and a put may be late.
                await self._check()
                found = await kv.entry(self.key)
                self._revision = None if found is None else found.revision
                return False
            return True

        await self._until_done(attempt)

    async def take_over(self) -> Any:
        """Give the state that another has kept, None where there is none, and let nobody else change it any more."""
        value: dict[str, Any] = {}

        async def attempt() -> bool:
            nonlocal value
            found = await kv.entry(self.key)
            nameless = None if found is not None else await kv.entry(self._nameless)
            kept = found or nameless
            value = self._value({"state": None, "fence": True})
            if kept is not None and self._is_mine(kept.value):
                value = self._value(kept.value)
            self._revision = None if found is None else found.revision
            try:
                await self._write(value)
            except kv.Conflict:
                await self._check()
                return False
            if nameless is not None and self._is_mine(nameless.value):
                # It was for the first that asks: now it has a name.
                with contextlib.suppress(kv.Conflict, BusError):
                    await kv.delete(self._nameless, revision=nameless.revision)
            return True

        await self._until_done(attempt)
        return value["state"]

    async def _write(self, value: dict[str, Any]) -> None:
        if self._revision is None:
            self._revision = await _lives(kv.create, self.key, value)
        else:
            self._revision = await _lives(kv.update, self.key, value, self._revision)

    async def _until_done(self, attempt: Callable[[], Awaitable[bool]]) -> None:
        end = time.monotonic() + AGAIN
        while True:
            try:
                if await attempt():
                    return
            except BusLate as error:
                # A server that died with it may have kept it: then the next attempt finds another revision.
                if time.monotonic() >= end:
                    raise
                log.warning("MR0023 checkpoint %s is asked for again: %s", self.key, error)

    async def forget(self) -> None:
        """Forget it: the call is over. What another has kept under its key since stays."""
        revision, self._revision = self._revision, None
        if revision is not None:
            with contextlib.suppress(kv.Conflict):
                await kv.delete(self.key, revision=revision)


__all__ = ["Checkpoint", "as_state", "key", "plain"]
