"""The life of the event loop: it is made, served, watched and ended here, on its own thread."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Any

import _freeswitch

from freeswitch._loop import here, log
from freeswitch._shared import PlainLoop, fast_loop

# A loop that has not come round for so long is blocked, in seconds.
BLOCKED = 1.0
BEAT = 0.25


def _make() -> Any:
    descriptor = _freeswitch.descriptor()
    if descriptor is None:
        # It is pocket's, and nobody else has that.
        from freeswitch._selector import SwitchLoop

        switch_loop = SwitchLoop()
        switch_loop.watch(_blocked)
        return switch_loop
    loop: Any = fast_loop() or PlainLoop()
    loop.listen_to(descriptor, _freeswitch.drain)
    return loop


def serve() -> None:
    """Run the loop until `stop`; whatever a callback raises, the others go on.

    Raises what the loop itself fails with: what waits for it has then to `fail`.
    """
    if here.ends:
        here.reset()
    loop = here.loop = _make()
    descriptor = _freeswitch.descriptor()
    loop.share(descriptor)
    _set_event_loop(loop)
    try:
        if descriptor is not None:
            loop.call_soon(_beat)
        # What came before the loop was there.
        loop.call_soon(_freeswitch.drain)
        while not here.ends:
            here.turned = False
            loop.call_soon(_note_turn)
            try:
                loop.run_forever()
            except Exception:
                # Not a callback's: those are logged where they are called.
                if not here.turned:
                    raise
                log.exception("the event loop stumbled")
            except BaseException:
                log.exception("a callback left the event loop")
        loop.unshare()
        _finish(loop)
    finally:
        _set_event_loop(None)
        loop.unshare()
        try:
            loop.close()
        except Exception:
            log.exception("the event loop did not close")


def _note_turn() -> None:
    here.turned = True


def _set_event_loop(loop: Any) -> None:
    # By a policy that may be a script's, and that nothing here needs.
    with contextlib.suppress(Exception):
        asyncio.set_event_loop(loop)


def fail(why: str) -> bool:
    """Fail what runs on a loop that has ended unasked; whether somebody listens to events, and needs another."""
    loop, here.loop = here.loop, None
    runs, here.runs = here.runs, {}
    placed, here.placed = here.placed, {}
    here.waiting.clear()
    error = RuntimeError(f"the event loop ended: {why}")
    for running in runs.values():
        _guarded(running.fail, error)
    for uuid, (session, watch) in placed.items():
        watch.cancel()
        _guarded(_freeswitch.forget_placed, uuid)
        _guarded(session._end)
    for running in runs.values():
        _guarded(running.end_placed)
    # What they have begun ends as far as it does without waiting.
    for task in asyncio.all_tasks(loop) if loop is not None else ():
        vague: Any = task
        vague._log_destroy_pending = False
        _guarded(vague.get_coro().close)
    here.tasks.clear()
    here.ends = False
    return bool(here.taps)


def _guarded(function: Callable[..., object], *args: Any) -> None:
    try:
        function(*args)
    except BaseException:
        log.debug("as the event loop ended", exc_info=True)


class _Over:
    """Stands for the callbacks that wait, in a child that a coroutine has forked: to look for one ends it."""

    def append(self, handle: object) -> None:
        """Take one in: none of them is called any more."""

    def popleft(self) -> None:
        """End the child."""
        os._exit(0)

    def __len__(self) -> int:
        self.popleft()
        return 0


def _in_child() -> None:
    if not _freeswitch.on_loop():
        return
    here.forked = True
    if isinstance(here.loop, asyncio.BaseEventLoop):
        object.__setattr__(here.loop, "_ready", _Over())
    else:
        sys.setprofile(_end_child)


def _end_child(frame: FrameType, event: str, _: Any) -> None:
    """End a child of a loop that is written in C, and has no frames of its own, where it comes back to it."""
    if event == "return" and (frame.f_back is None or frame.f_back.f_code is serve.__code__):
        os._exit(0)


os.register_at_fork(after_in_child=_in_child)


def stop() -> None:
    """End the loop."""
    here.ends = True
    assert here.loop is not None
    here.loop.unshare()
    here.loop.stop()


def _finish(loop: asyncio.AbstractEventLoop) -> None:
    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        task.cancel("the switch ends")

    async def last() -> None:
        if tasks:
            await asyncio.wait(tasks, timeout=1.0)
        await loop.shutdown_asyncgens()

    loop.run_until_complete(last())
    for number in list(here.runs):
        _forget(number)


def _forget(number: int) -> None:
    running = here.runs.pop(number, None)
    if running is not None and running.session is not None:
        running.session._thread.release()


def _beat() -> None:
    here.beat = time.monotonic()
    loop = here.loop
    if here.watch is None:
        _begin_watch()
    if asyncio._get_running_loop() is not loop:
        asyncio._set_running_loop(loop)
        log.warning("MR0016 a script has set another event loop as the one that runs: it was set back")
    if _freeswitch.messages():
        # They have rung: it should hear them in its next turn.
        loop.call_later(BEAT / 4, _listen, _freeswitch.drained())
    loop.call_later(BEAT, _beat)


def _listen(drained: int) -> None:
    """Have the switch wake the loop by another descriptor, where it hears nothing by this one."""
    if here.ends or not _freeswitch.messages() or _freeswitch.drained() != drained:
        return
    log.error("MR0016 the event loop was not woken: a script has closed its descriptor; it has another one now")
    here.loop.listen_to(_freeswitch.new_descriptor(), _freeswitch.drain)
    _freeswitch.drain()


def _begin_watch() -> None:
    watch = threading.Thread(target=_watch, args=(threading.get_ident(),), name="mod_rust loop watch", daemon=True)
    try:
        watch.start()
    except RuntimeError as error:
        # It is tried again at each beat.
        log.debug("nothing watches for what blocks the event loop: %s", error)
    else:
        here.watch = watch


def _watch(loop_thread: int) -> None:
    """Name what blocks the loop, once each time."""
    told = 0.0
    mine = here.loop
    here.beat = time.monotonic()
    while not here.ends and here.loop is mine:
        time.sleep(BEAT)
        beat = here.beat
        if time.monotonic() - beat < BLOCKED or beat == told:
            continue
        told = beat
        text = _blocked(loop_thread)
        if text:
            log.warning("%s", text)


def _blocked(loop_thread: int) -> str:
    """Say where the loop's thread is; "" where it is in no script."""
    frame = sys._current_frames().get(loop_thread)
    stack = []
    while frame is not None:
        name = frame.f_globals.get("__name__", "")
        if name in {"bdb", "pydevd"}:
            # A debugger has stopped it.
            return ""
        if not name.startswith(("asyncio", "freeswitch.", "pocket.")):
            code = frame.f_code
            stack.append(f"{code.co_filename}:{frame.f_lineno} in {code.co_name}")
        frame = frame.f_back
    return f"MR0014 the event loop is blocked, and every coroutine with it: {', from '.join(stack)}" if stack else ""
