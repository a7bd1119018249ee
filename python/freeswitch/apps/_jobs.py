"""Commands that run in the background."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Generator, Mapping
from typing import TYPE_CHECKING, Any

from _freeswitch import Event, on_loop

from freeswitch._waits import Outcome
from freeswitch.apps._errors import ESLError
from freeswitch.apps._events import Events
from freeswitch.apps._link import LinkError, NoAnswer

if TYPE_CHECKING:
    from freeswitch.apps._link import Link

# How long a job that has failed is nobody's before the log tells of it, in seconds.
PATIENCE = 1.0

log = logging.getLogger("freeswitch.apps")


class JobError(ESLError, RuntimeError):
    """A background job failed."""


class JobLost(JobError, LinkError):
    """The connection was lost, or is not there: whether a background job has begun, or how it ended, is not known."""


class Job:
    """A command that runs in the background; await it for its answer, or ask for it in a thread."""

    def __init__(self, uuid: str, command: str, callback: Callable[..., Any] | None, kwargs: Mapping[str, Any]) -> None:
        self.uuid = uuid
        self.command = command
        self.events = Events()
        self.launch_time = time.time()
        # The leg that it has placed, where that is known.
        self.sess_uuid: str | None = None
        # The app that it was asked for.
        self.cid: str | None = None
        # Whether that was seen.
        self.has_leg = False
        # The switch that it runs on.
        self.con: Link | None = None
        self._callback, self._kwargs = callback, dict(kwargs)
        self._outcome = Outcome()
        self._is_awaited = False

    def __repr__(self) -> str:
        return f"<freeswitch.apps.Job {self.uuid}: {self.command}>"

    def __await__(self) -> Generator[Any, None, Any]:
        self._is_awaited = True
        return self._outcome.__await__()

    def done(self) -> bool:
        """Tell whether it has ended."""
        return self._outcome.done()

    ready = done

    def successful(self) -> bool:
        """Tell whether it has ended well."""
        return self.done() and self._outcome.exception() is None

    @property
    def result(self) -> Any:
        """Its answer, once it has ended; JobError where it failed."""
        self._is_awaited = self._is_awaited or self.done()
        if not self.done():
            raise asyncio.InvalidStateError(f"the job {self.uuid} has not ended")
        return self._outcome.result()

    def get(self, timeout: float | None = None) -> Any:
        """Wait in a thread for its answer, for `timeout` seconds: then TimeoutError."""
        if on_loop():
            raise RuntimeError("Job.get waits in a thread: await the job in a coroutine")
        self._is_awaited = True
        return self._outcome.result(timeout)

    def wait(self, timeout: float | None = None) -> bool:
        """Wait in a thread until it has ended, for `timeout` seconds; whether it has."""
        if on_loop():
            raise RuntimeError("Job.wait waits in a thread: await the job in a coroutine")
        self._is_awaited = True
        with contextlib.suppress(TimeoutError, JobError):
            self._outcome.exception(timeout)
        return self.done()

    def fail(self, resp: str, *args: Any, **kwargs: Any) -> None:
        """End it as failed: with what its callback makes of this text, or the text."""
        if not self.done():
            self._outcome.set_exception(JobError(self._callback(resp, *args, **kwargs) if self._callback else resp))

    def __call__(self, resp: Any, *args: Any, **kwargs: Any) -> Any:
        """End it with an answer: what its callback makes of it, or the answer itself."""
        if not self.done():
            given = {**self.kwargs, **kwargs}
            self._outcome.set_result(self._callback(resp, *args, **given) if self._callback else resp)
        return self.result

    def update(self, event: Event) -> None:
        """Take in an event."""
        self.events.update(event)

    @property
    def fut(self) -> Outcome:
        """The future with its answer."""
        return self._outcome

    @property
    def kwargs(self) -> dict[str, Any]:
        """The keywords that its callback gets."""
        return self._kwargs

    @property
    def log(self) -> logging.Logger:
        """Where to log to."""
        return log

    def _fail(self, why: str) -> None:
        self._outcome.set_exception(JobLost(why) if isinstance(why, NoAnswer) else JobError(why))
        # The caller may not have begun to await it.
        asyncio.get_running_loop().call_later(PATIENCE, self._tell, why)

    def _tell(self, why: str) -> None:
        if not self._is_awaited:
            log.warning("MR0015 job %s: '%s' failed: %s", self.uuid, self.command, why)

    def _end(self, event: Event) -> str | None:
        """Take in its end; why it failed, if it did."""
        self.events.update(event)
        body = (event.getBody() or "").strip()
        if self.done():
            return None
        if body.startswith(("-ERR", "-USAGE")) or body.endswith(": Command not found!"):
            why = body.removeprefix("-ERR").strip()
            self._fail(why)
            return why
        answer = body.removeprefix("+OK").strip()
        try:
            self._outcome.set_result(self._callback(answer, **self._kwargs) if self._callback else answer)
        except Exception as error:
            log.exception("MR0004 the callback of a job failed")
            self._outcome.set_exception(error)
        return None
