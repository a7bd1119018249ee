"""The event loop that every script's coroutines share: what one script does to it does not reach the others.

What would end it or slow it down for all is refused; a task factory, an exception handler and a default executor
are those of the run that has set them.
"""

from __future__ import annotations

import asyncio
import asyncio.events
import asyncio.tasks
import contextlib
import types
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from typing import Any

import _freeswitch

# The run that a task belongs to.
RUN: ContextVar[Own | None] = ContextVar("freeswitch_run", default=None)

# Runs that have an exception handler of their own.
_handling: weakref.WeakSet[Own] = weakref.WeakSet()


class Own:
    """What a run has set on the loop, and its tasks."""

    def __init__(self) -> None:
        self.tasks: weakref.WeakSet[asyncio.Future[Any]] = weakref.WeakSet()
        self.task_factory: Callable[..., Any] | None = None
        self.exception_handler: Callable[..., Any] | None = None
        self.executor: ThreadPoolExecutor | None = None


# What a script must not put something else in the place of, and asyncio does not, either.
_KEPT = frozenset({"_shared", "_closed", "_ready", "_selector"})


def _refuse(what: str, instead: str) -> RuntimeError:
    return RuntimeError(f"{what} is refused: the event loop is every script's; {instead}")


def _mine(what: str) -> Own:
    run = RUN.get()
    if run is None:
        raise _refuse(what, "call it in the coroutine of a script")
    return run


class Shared:
    """What makes a loop one that is shared; comes before the loop's own class."""

    # Not while it is made and ended.
    _shared = False
    _descriptor: int | None = None
    _pool: ThreadPoolExecutor | None = None

    def share(self, descriptor: int | None) -> None:
        """Keep it from scripts from now on; `descriptor` is what the switch wakes it by."""
        self._descriptor = descriptor
        self._shared = True

    def unshare(self) -> None:
        """Let it be ended."""
        super().__setattr__("_shared", False)

    def __setattr__(self, name: str, value: object) -> None:
        # A method of its own would be every script's.
        if self._shared and (name in _KEPT or callable(getattr(type(self), name, None))):
            raise _refuse(f"to set {name}", "make a loop of your own")
        super().__setattr__(name, value)

    def hold(self) -> None:
        """Work begins that a clock of the switch's own must not pass by."""

    def let_go(self) -> None:
        """It has ended."""

    # What would end it, or slow it down

    def stop(self) -> None:
        if self._shared:
            raise _refuse("stop()", "to end the script, return, or cancel its task")
        super().stop()  # type: ignore[misc]

    def close(self) -> None:
        if self._shared:
            raise _refuse("close()", "it is closed when the switch ends")
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
        try:
            super().close()  # type: ignore[misc]
        except Exception:
            # A script has closed what it waits in: what is left of it goes.
            for part in ("_selector", "_ssock", "_csock"):
                with contextlib.suppress(Exception):
                    getattr(self, part).close()
            self._closed = True

    def run_forever(self) -> None:
        self._check_not_shared()
        super().run_forever()  # type: ignore[misc]

    def run_until_complete(self, future: Any) -> Any:
        self._check_not_shared()
        return super().run_until_complete(future)  # type: ignore[misc]

    def _check_not_shared(self) -> None:
        # From 3.13 on what Python does before it refuses that ends the loop that runs.
        if self._shared and self.is_running():  # type: ignore[attr-defined]
            raise RuntimeError("This event loop is already running")

    def __del__(self, *_: Any) -> None:
        # One that could not be made has nothing to warn of.
        with contextlib.suppress(Exception):
            self.unshare()
            self.close()

    def set_debug(self, enabled: bool) -> None:
        if self._shared and enabled:
            raise _refuse("set_debug(True)", "run the script on a loop of its own to debug it")
        super().set_debug(enabled)  # type: ignore[misc]

    async def shutdown_asyncgens(self) -> None:
        if self._shared:
            raise _refuse("shutdown_asyncgens()", "aclose() the generators")
        await super().shutdown_asyncgens()  # type: ignore[misc]

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:
        run = RUN.get()
        if run is None or run.executor is None:
            raise _refuse("shutdown_default_executor()", "set_default_executor() gives the script one of its own")
        executor, run.executor = run.executor, None
        await asyncio.wait_for(asyncio.to_thread(executor.shutdown), timeout)

    # What the switch wakes it by

    def _check_descriptor(self, fd: Any) -> None:
        if self._shared and self._descriptor is not None:
            number = fd if isinstance(fd, int) else fd.fileno()
            if number == self._descriptor:
                raise _refuse(f"descriptor {number}", "the switch wakes it by this one")

    def add_reader(self, fd: Any, callback: Callable[..., Any], *args: Any) -> Any:
        self._check_descriptor(fd)
        return super().add_reader(fd, callback, *args)  # type: ignore[misc]

    def remove_reader(self, fd: Any) -> Any:
        self._check_descriptor(fd)
        return super().remove_reader(fd)  # type: ignore[misc]

    def listen_to(self, descriptor: int, callback: Callable[[], Any]) -> None:
        """Be woken by another descriptor: the one before was taken away."""
        before, self._descriptor = self._descriptor, None
        if before is not None:
            with contextlib.suppress(OSError, ValueError):
                super().remove_reader(before)  # type: ignore[misc]
        super().add_reader(descriptor, callback)  # type: ignore[misc]
        self._descriptor = descriptor

    # What is each run's own

    def create_task(self, coro: Any, **how: Any) -> Any:
        run = RUN.get()
        if run is None:
            return super().create_task(coro, **how)  # type: ignore[misc]
        if run.task_factory is None:
            task = super().create_task(coro, **how)  # type: ignore[misc]
        else:
            name = how.pop("name", None)
            how = {key: value for key, value in how.items() if value is not None}
            task = run.task_factory(self, coro, **how)
            if name is not None and hasattr(task, "set_name"):
                task.set_name(name)
        run.tasks.add(task)
        return task

    def set_task_factory(self, factory: Callable[..., Any] | None) -> None:
        if factory is not None and not callable(factory):
            raise TypeError("task factory must be a callable or None")
        _mine("set_task_factory()").task_factory = factory

    def get_task_factory(self) -> Callable[..., Any] | None:
        run = RUN.get()
        return None if run is None else run.task_factory

    def set_exception_handler(self, handler: Callable[..., Any] | None) -> None:
        if handler is not None and not callable(handler):
            raise TypeError(f"A callable object or None is expected, got {handler!r}")
        run = _mine("set_exception_handler()")
        run.exception_handler = handler
        _handling.add(run)

    def get_exception_handler(self) -> Callable[..., Any] | None:
        run = RUN.get()
        return None if run is None else run.exception_handler

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        run = _run_of(context)
        handler = None if run is None else run.exception_handler
        if handler is None:
            super().call_exception_handler(context)  # type: ignore[misc]
            return
        try:
            handler(self, context)
        except SystemExit:
            pass
        except BaseException as error:
            about = {"message": "Unhandled error in exception handler", "exception": error, "context": context}
            super().call_exception_handler(about)  # type: ignore[misc]

    def set_default_executor(self, executor: Any) -> None:
        if not isinstance(executor, ThreadPoolExecutor):
            raise TypeError("executor must be ThreadPoolExecutor instance")
        _mine("set_default_executor()").executor = executor

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> Any:
        return super().run_in_executor(self.executor_for(executor), func, *args)  # type: ignore[misc]

    def executor_for(self, executor: Any) -> Any:
        """Give the one that is named, or that of the run, or the loop's own."""
        run = RUN.get()
        if executor is None and run is not None:
            executor = run.executor
        if executor is not None:
            return executor
        pool = self._pool
        if pool is None or pool._shutdown:  # a script may have come to it after all
            pool = self._pool = ThreadPoolExecutor(thread_name_prefix="asyncio")
        return pool


def _run_of(context: dict[str, Any]) -> Own | None:
    """Whose task or callback an exception comes from."""
    task = context.get("task") or context.get("future")
    if task is not None:
        return next((run for run in _handling if task in run.tasks), None)
    own = getattr(context.get("handle"), "_context", None)
    return RUN.get() if own is None else own.get(RUN)


class PlainLoop(Shared, asyncio.SelectorEventLoop):  # type: ignore[misc]
    """Python's own."""


class Choice:
    """Which loop it is to be, and has become."""

    # uvloop asks the kernel by itself: Python does not see what goes over its connections.
    keeps_plain = False
    is_fast = False


def fast_loop() -> asyncio.AbstractEventLoop | None:
    """Give uvloop's, where the virtual environment has it, and nobody has to see what goes over its connections."""
    if Choice.keeps_plain:
        return None
    try:
        import uvloop
    except ImportError:
        return None
    fast: Any = type("Loop", (Shared, uvloop.Loop), {"__module__": uvloop.__name__})
    made: asyncio.AbstractEventLoop = fast()
    Choice.is_fast = True
    return made


# A script sees its own tasks alone, and cancels no others


def _of_this_run(tasks: set[asyncio.Task[Any]]) -> set[asyncio.Task[Any]]:
    run = RUN.get() if _freeswitch.on_loop() else None
    return tasks if run is None else {task for task in tasks if task in run.tasks}


def _share_all_tasks() -> None:
    of_asyncio: Any = asyncio.tasks
    before = of_asyncio.all_tasks
    if isinstance(before, types.FunctionType):
        # Scripts may have imported the function already: it stays the same one.
        of_asyncio._every_task = types.FunctionType(before.__code__, before.__globals__, "all_tasks", (None,))
        of_asyncio._of_this_run = _of_this_run
        before.__code__ = _all_tasks.__code__
        return
    of_asyncio._every_task, of_asyncio._of_this_run = before, _of_this_run
    of_asyncio.all_tasks = types.FunctionType(_all_tasks.__code__, of_asyncio.__dict__, "all_tasks", (None,))
    vars(asyncio)["all_tasks"] = of_asyncio.all_tasks


def _all_tasks(loop=None):  # type: ignore[no-untyped-def]
    return _of_this_run(_every_task(loop))  # type: ignore[name-defined]  # noqa: F821


if not hasattr(asyncio.tasks, "_every_task"):
    _share_all_tasks()


# Processes: a policy that a script sets does not watch over others' children


def _share_child_watcher() -> None:
    of_asyncio: Any = asyncio.events

    class Children(asyncio.ThreadedChildWatcher):
        # Python 3.12 and 3.13 warn of every such class that is not asyncio's.
        __module__ = asyncio.ThreadedChildWatcher.__module__

        def add_child_handler(self, pid: int, callback: Any, *args: Any) -> None:  # type: ignore[override]
            loop: Any = asyncio.get_running_loop()
            loop.hold()

            def ended(*how: Any) -> None:
                loop.let_go()
                callback(*how)

            super().add_child_handler(pid, ended, *args)

    before = of_asyncio.get_child_watcher
    ours: Any = None

    def get_child_watcher() -> Any:
        nonlocal ours
        if not _freeswitch.on_loop():
            return before()
        if ours is None:
            ours = Children()
        return ours

    of_asyncio.get_child_watcher = get_child_watcher


if hasattr(asyncio.events, "get_child_watcher"):  # until Python 3.13
    _share_child_watcher()
