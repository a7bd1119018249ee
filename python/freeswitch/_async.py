"""Calls in coroutines: a session whose verbs are awaited, and placing calls."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import logging
import math
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from typing import Any

from _freeswitch import API, Event, OriginateError, Placing, Session, SessionGone, place

from freeswitch import _errors, _loop, _spans, events
from freeswitch._checkpoints import Checkpoint, as_state
from freeswitch._errors import OtherGone, SessionLost, VerbError
from freeswitch._place import OUTSIDE
from freeswitch.events import Stream, Watch

HangupHook = Callable[["AsyncSession", str], Awaitable[object] | object]
App = Callable[["AsyncSession"], Awaitable[object]]


class AsyncSession(Session):
    """A call in a coroutine.

    Verbs that take time are awaited, and carried out by the call's own thread one after another, in the order
    that they were asked for. Cancelling the await ends what plays. Times are in seconds.
    """

    def __new__(cls, thread: Any) -> AsyncSession:
        return super().__new__(cls, thread.leg)  # type: ignore[call-arg]

    def __init__(self, thread: Any) -> None:
        self._thread = thread
        self._lost: str | None = None
        # Another call of this program has been joined with it: whatever comes of it is the bridge's.
        self._is_joined = False
        self._shields = 0
        self._verbs: dict[int, asyncio.Future[Any]] = {}
        # Calls that are being placed for this one.
        self._placing: set[Placing] = set()
        self._hook: HangupHook | None = None
        self._hook_done: asyncio.Event | None = None
        # What runs on a call that was placed with an app.
        self._app: asyncio.Task[Any] | None = None
        # What is to be done when a call that was placed is transferred: its thread may not have come for work yet.
        self._when_transferred: Callable[[], object] | None = None
        # It has a span that is recorded.
        self._is_traced = False
        # What the dialplan has named; '' for a call that was placed.
        self._program = ""
        self._checkpoint: Checkpoint | None = None
        # Another worker, or the switch before it was killed, had the call before: what it has kept last.
        self.resumed = False
        self.last_checkpoint: Any = None

    def __repr__(self) -> str:
        return f"<freeswitch.AsyncSession {self._thread.uuid}>"

    @property
    def lost(self) -> str | None:
        """How the call was lost: "hangup", "transfer", "taken" by another; None while it is not."""
        how = self._lost or self._thread.lost()
        return "taken" if how and self._is_joined else how

    def _lose(self, how: str) -> None:
        self._lost = "taken" if self._is_joined else how
        for placing in self._placing:
            placing.cancel()

    # The verbs

    async def _verb(self, ask: Callable[..., int], *args: Any) -> tuple[str | None, str | None]:
        if not self._is_traced:
            return await self._carry_out(ask, *args)
        with _spans.of_verb(ask.__name__):
            return await self._carry_out(ask, *args)

    async def _carry_out(self, ask: Callable[..., int], *args: Any) -> tuple[str | None, str | None]:
        _loop.only_here("a verb of an AsyncSession")
        if self._lost:
            raise _errors.lost(self._lost)
        ticket = ask(*args)
        future = self._verbs[ticket] = _loop.expect(ticket)
        try:
            answer: tuple[str | None, str | None] = await future
        except asyncio.CancelledError:
            self._thread.cancel(ticket)
            if future.done() and not future.cancelled() and future.exception() is None:
                # It was answered in the turn that cancelled the await: what it has read goes back.
                digits, terminator = future.result()
                if digits is not None:
                    self._thread.put_back(digits, terminator)
            raise
        except GeneratorExit:
            # The event loop has ended, and nobody waits for it.
            self._thread.cancel(ticket)
            raise
        finally:
            _loop.forget(ticket)
            del self._verbs[ticket]
        return answer

    def _give_up_verbs(self) -> None:
        # A verb that the call's end broke has no answer: as a rule its coroutine is cancelled.
        for future in self._verbs.values():
            if not future.done():
                future.set_exception(_errors.lost(self._lost))

    async def answer(self) -> None:  # type: ignore[override]
        """Answer the call."""
        await self._verb(self._thread.answer)

    async def pre_answer(self) -> None:
        """Begin early media."""
        await self._verb(self._thread.pre_answer)

    async def play(self, file: str, *, offset: int = 0, terminators: str | None = None) -> str | None:
        """Play a file, a tone or a stream from `offset` samples on; the digit that ended it, if one did."""
        return (await self._verb(self._thread.play, file, offset, terminators))[1]

    async def record(
        self, file: str, *, limit: float = 0.0, threshold: int = 0, silence: int = 0, terminators: str | None = None
    ) -> str | None:
        """Record to a file, for at most `limit` seconds; the digit that ended it, if one did.

        So many seconds of `silence` in a row, below the energy `threshold`, end it too; 0 is 3 with a threshold.
        """
        return (await self._verb(self._thread.record, file, limit, threshold, silence, terminators))[1]

    async def speak(  # type: ignore[override]
        self, text: str, *, engine: str = "default", voice: str = "default", terminators: str | None = None
    ) -> str | None:
        """Speak text by a TTS engine; the digit that ended it, if one did."""
        return (await self._verb(self._thread.speak, text, engine, voice, terminators))[1]

    async def say(  # type: ignore[override]
        self,
        what: str,
        *,
        module: str = "en",
        type: str = "number",
        method: str = "pronounced",
        gender: str | None = None,
    ) -> None:
        """Say a number, a date and the like with recorded words."""
        await self._verb(self._thread.say, what, module, type, method, gender)

    async def sleep(self, seconds: float) -> None:  # type: ignore[override]
        """Wait, with media flowing; digits are kept for the verb that reads some."""
        await self._verb(self._thread.sleep, seconds)

    async def get_digits(
        self,
        max_digits: int = 1,
        *,
        terminators: str = "#",
        timeout: float | None = None,
        between: float | None = None,
        total: float | None = None,
    ) -> str:
        """Read digits, those first that were pressed since the last verb that read some.

        It ends with `max_digits`, with a terminator, which is not part of the answer, or with a time: `timeout`
        for the first digit, `between` two digits, `total` for all of them.
        """
        digits, _ = await self._verb(self._thread.get_digits, max_digits, terminators, timeout, between, total)
        return digits or ""

    async def play_and_get_digits(
        self,
        file: str | None,
        *,
        min_digits: int = 1,
        max_digits: int = 1,
        tries: int = 3,
        timeout: float = 5.0,
        terminators: str = "#",
        invalid_file: str | None = None,
        regex: str | None = None,
        variable: str | None = None,
        between: float | None = None,
    ) -> str:
        """Ask for digits, and again while the answer is invalid; "" when there was none."""
        digits, _ = await self._verb(
            self._thread.play_and_get_digits,
            file, min_digits, max_digits, tries, timeout, terminators, invalid_file, regex, variable, between,
        )  # fmt: skip
        return digits or ""

    async def execute(self, app: str, data: str | None = None) -> None:  # type: ignore[override]
        """Run a dialplan application to its end."""
        await self._verb(self._thread.execute, app, data)

    async def wait_for_answer(self) -> None:
        """Wait until the call is answered or has early media."""
        await self._verb(self._thread.wait_for_answer)

    async def bridge(self, other: str | AsyncSession) -> None:
        """Join the call with another, a dial string or a session that was placed, until one ends it."""
        if isinstance(other, str):
            await self._verb(self._thread.execute, "bridge", other)
        elif isinstance(other, AsyncSession) and other.lost:
            # Its leg may be there for a moment yet, and joining it would come out as that has it.
            raise SessionLost(f"the other call is over ({other.lost})")
        else:
            await self._bridge_with(other)

    async def _bridge_with(self, other: AsyncSession) -> None:
        bridging = self._verb(self._thread.bridge, other)
        if isinstance(other, AsyncSession):
            # From here on it is lost to the bridge, however soon that or the call ends.
            other._is_joined = True
        try:
            await bridging
        except VerbError as error:
            other._is_joined = False
            if isinstance(error, OtherGone):
                # Its end is not known to it yet.
                raise SessionLost("the other call is over") from None
            raise
        except BaseException:
            # The bridge may not have begun.
            if isinstance(other, AsyncSession) and other.lost is None:
                other._is_joined = False
            raise

    # What waits for no other verb

    async def originate(  # type: ignore[override]
        self,
        dest: str,
        *,
        timeout: float = 60.0,
        variables: Mapping[str, str] | None = None,
        app: App | None = None,
        keep: bool = False,
    ) -> AsyncSession:
        """Place a call for this one: `freeswitch.originate` with it as the caller, whose hangup ends the attempt."""
        return await originate(dest, timeout=timeout, variables=variables, caller=self, app=app, keep=keep)

    async def hangup(self, cause: str = "NORMAL_CLEARING") -> None:  # type: ignore[override]
        """Hang up, also what a bridge has taken. The coroutine of the call is cancelled when it next waits."""
        self._thread.hangup(cause)
        if (self._is_joined or self._lost == "taken") and self._is_of_this_program():
            # Its thread does no more for this program.
            await api("uuid_kill", f"{self._thread.uuid} {cause}")

    def _is_of_this_program(self) -> bool:
        """Tell whether nobody else serves the call."""
        return True

    async def transfer(  # type: ignore[override]
        self, extension: str, dialplan: str | None = None, context: str | None = None
    ) -> None:
        """Send the call to another extension. The coroutine of the call is cancelled when it next waits."""
        if await _told(self._thread.transfer(extension, dialplan, context)) is not None:
            raise VerbError(f"the call cannot be transferred to {extension}")
        if self._when_transferred is not None:
            self._when_transferred()

    async def send_dtmf(self, digits: str) -> None:
        """Send digits to the far end."""
        why = await _told(self._thread.send_dtmf(f"{digits}"))
        if why is not None:
            raise VerbError(why)

    def flush_digits(self) -> None:
        """Forget digits that were pressed and not read."""
        self._thread.flush_digits()

    async def checkpoint(self, state: Any) -> None:
        """Keep what JSON can hold, or a dataclass, for who goes on with the call; when this returns, it is on the disk.

        Should the worker or the switch be killed, the handler is called again, with `resumed` and `last_checkpoint`.
        """
        _loop.only_here("AsyncSession.checkpoint")
        state = as_state(state)
        if self._lost:
            raise _errors.lost(self._lost)
        if self._checkpoint is None:
            self._checkpoint = self._new_checkpoint()
        await self._checkpoint.keep(state)
        self.last_checkpoint = state
        await self._kept()

    def _new_checkpoint(self) -> Checkpoint:
        return Checkpoint(self._thread.uuid, self._program, call_id=self._call_id())

    def _call_id(self) -> str | None:
        with contextlib.suppress(SessionGone):
            return self.getVariable("sip_call_id")
        return None

    async def _kept(self) -> None:
        """What is to be done when a state was kept."""

    async def _resume(self) -> None:
        """Take over what another has kept of the call."""
        self._checkpoint = self._new_checkpoint()
        self.last_checkpoint = await self._checkpoint.take_over()
        self.resumed = True

    # Events of this call

    def once(
        self,
        *names: str,
        guard: Callable[[Event], bool] | Mapping[str, str] | None = None,
        until: Awaitable[Any] | None = None,
        timeout: float | None = None,
    ) -> Coroutine[Any, Any, Event]:
        """Wait for an event of this call, as `freeswitch.events.once` does; SessionLost when the call ends before."""
        return events._once(names, self._guarded(guard), until, timeout, True)

    def stream(self, *names: str, guard: Callable[[Event], bool] | Mapping[str, str] | None = None) -> Stream:
        """Give the events of this call, as `freeswitch.events.stream` does, until the call ends."""
        stream = events.stream(*names, guard=self._guarded(guard))
        stream.close_with(self._thread.uuid)
        return stream

    def on(
        self,
        *names: str,
        callback: Callable[[Event], object],
        guard: Callable[[Event], bool] | Mapping[str, str] | None = None,
    ) -> Watch:
        """Have a function called with each event of this call, as `freeswitch.events.on` does."""
        return events.on(*names, callback=callback, guard=self._guarded(guard))

    def _guarded(self, guard: Any) -> Any:
        mine = {"Unique-ID": self._thread.uuid}
        if callable(guard):
            return mine, guard
        return {**mine, **(guard or {})}

    # The end

    def set_hangup_hook(self, hook: HangupHook | None) -> None:
        """Have `hook(session, what)` called when the call is hung up or transferred, before the coroutine ends."""
        self._hook = hook

    async def _run_hook(self) -> None:
        if self._hook_done is not None:
            await self._hook_done.wait()
            return
        what = self.lost
        if self._hook is None or what not in {"hangup", "transfer"}:
            return
        self._hook_done = asyncio.Event()
        try:
            result = self._hook(self, what)
            if inspect.isawaitable(result):
                await result
        except SystemExit:
            pass
        # Also what a task that the hook has awaited was cancelled with: the call's coroutine must be told.
        except BaseException:
            logging.getLogger("freeswitch.loop").exception("in the hangup hook")
        finally:
            self._hook_done.set()

    @contextlib.asynccontextmanager
    async def hangup_shield(self) -> AsyncIterator[AsyncSession]:
        """Finish what is inside even if the call ends; the call itself is not kept for it.

        Variables are those that the call had at its end. The coroutine is cancelled when it comes out.
        """
        self._shields += 1
        try:
            yield self
        finally:
            self._shields -= 1
        if not self._shields and self._lost:
            raise asyncio.CancelledError(self._lost)

    def _end(self) -> None:
        """Let go of a call that a coroutine has placed."""
        if self._lost is None:
            self._thread.hangup("NORMAL_CLEARING")
        self._thread.release()

    async def __aenter__(self) -> AsyncSession:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._end()


async def _told(why: Any) -> Any:
    """Give why something was not done: at once, or once a switch elsewhere has said so."""
    return await why if inspect.isawaitable(why) else why


async def api(command: str, arguments: str = "") -> str:
    """Run an API command of the switch that the call is in, and give its answer; other coroutines go on."""
    _loop.only_here("freeswitch.api")
    outside = OUTSIDE.get()
    if outside is not None:
        return str(await outside.api(command, arguments))
    return await asyncio.to_thread(API().execute, command, arguments)


# Placing calls


async def originate(
    dest: str,
    *,
    timeout: float = 60.0,
    variables: Mapping[str, str] | None = None,
    caller: AsyncSession | None = None,
    app: App | None = None,
    keep: bool = False,
) -> AsyncSession:
    """Place a call and wait, for `timeout` seconds, rounded up, until it is answered or has early media.

    It has `variables` beside those of the dial string, whatever is in them but `${`, which the switch refuses.
    Raises OriginateError, whose `cause` says why there is no call. The hangup of `caller`, whose caller id it has,
    ends it, as does cancelling the await. The call ends with the coroutine that has placed it, unless it is to be
    kept; `app` is started on it as a coroutine of its own, and the call ends with that.
    """
    _loop.only_here("freeswitch.originate")
    if not dest:
        raise ValueError("argument 'dest' is empty")
    if not isinstance(timeout, (int, float)) or not 0 <= timeout <= 1e6:
        raise ValueError(f"argument 'timeout' must be a number of seconds, from 0 to 1,000,000, not {timeout!r}")
    if caller is not None and not isinstance(caller, AsyncSession):
        raise TypeError(f"argument 'caller' must be AsyncSession, not {type(caller).__name__}")
    if app is not None and not callable(app):
        raise TypeError(f"argument 'app' must be an async function, not {type(app).__name__}")
    given = {**(_caller_id(caller) if caller is not None else {}), **(variables or {})}
    traceparent = _spans.traceparent()
    if traceparent is not None:
        given.setdefault(_spans.HEADER, traceparent)
    if "" in given:
        raise ValueError("a variable in 'variables' has no name")
    outside = OUTSIDE.get()
    await _loop.turn(outside.calls_a_second if outside is not None else None)
    if caller is not None and caller.lost:
        raise SessionLost(f"the caller is gone ({caller.lost})")
    # The core does not get the caller: its own thread reads its media, and one may.
    begin = place if outside is None else outside.place
    placing = begin(dest, max(1, math.ceil(timeout)), list(given.items()))
    future = _loop.expect(placing.ticket)
    placed_for = caller._placing if caller is not None else set()
    placed_for.add(placing)
    try:
        session: AsyncSession = await future
    except asyncio.CancelledError:
        placing.cancel()
        if future.done() and not future.cancelled() and future.exception() is None:
            # It was answered in the turn that cancelled the await, and is nobody's.
            future.result()._end()
        raise
    finally:
        placed_for.discard(placing)
    running = _loop.current()
    if app is not None:
        session._app = _loop.work(_name(app), session.uuid, _run_app(session, app), lambda: session.lost is not None)
    elif running is not None and not keep:
        running.placed.append(session)
    return session


def _name(app: App) -> str:
    return getattr(app, "__qualname__", type(app).__name__)


def _caller_id(caller: AsyncSession) -> dict[str, str]:
    known = {name: caller.getVariable(f"caller_id_{name}") for name in ("name", "number")}
    return {f"origination_caller_id_{name}": value for name, value in known.items() if value}


async def _run_app(session: AsyncSession, app: App) -> None:
    async with session:
        work = app(session)
        if not inspect.isawaitable(work):
            raise TypeError(f"{_name(app)} is not an async function")
        await work


__all__ = ["AsyncSession", "OriginateError", "SessionLost", "VerbError", "api", "originate"]
