"""Routing parked calls by patterns."""

from __future__ import annotations

import inspect
import logging
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from freeswitch.apps._marks import callback, coroutine
from freeswitch.apps.models import Session

F = TypeVar("F", bound=Callable[..., Any])

log = logging.getLogger("freeswitch.apps")


class PatternRegistrar:
    """Functions by the pattern of a header."""

    def __init__(self) -> None:
        self._routes: list[tuple[re.Pattern[str], str, Callable[..., Awaitable[Any]], dict[str, Any]]] = []

    def __call__(self, pattern: str, field: str = "Caller-Destination-Number", **kwargs: Any) -> Callable[[F], F]:
        """Register a coroutine function for calls of which the header begins with this regular expression."""
        compiled = re.compile(pattern)

        def inner(function: F) -> F:
            route: Any = function
            if not inspect.iscoroutinefunction(route):
                raise TypeError(f"a route is an async function, and {function.__name__} is none")
            self._routes.append((compiled, field, route, kwargs))
            return function

        return inner

    def update(self, other: PatternRegistrar) -> None:
        """Add another's routes behind these."""
        self._routes += other._routes

    def iter_matches(
        self, fields: Mapping[str, Any] | Session, **kwargs: Any
    ) -> Iterator[tuple[Callable[..., Awaitable[Any]], dict[str, Any]]]:
        """Give the functions that match, in the order that they were registered, and their arguments."""
        for pattern, field, function, own in list(self._routes):
            value = fields.get(field)
            match = pattern.match(value) if value else None
            if match:
                yield function, {**own, **kwargs, "match": match}


class Router:
    """Routes calls that are parked: each function that matches is awaited, one after the other.

    Calls that have not the headers of `guards`, and those that no route matched, are rejected with
    NO_ROUTE_DESTINATION, unless `reject_on_guard` is False.
    """

    class StopRouting(Exception):
        """Raised by a route: no further one is tried."""

    def __init__(
        self, guards: Mapping[str, str] | None = None, reject_on_guard: bool = True, subscribe: Sequence[str] = ()
    ) -> None:
        self.guards = dict(guards or {})
        self.guard = reject_on_guard
        self.subscribe = tuple(subscribe)
        self.route = PatternRegistrar()

    @property
    def functions(self) -> list[Callable[..., Awaitable[Any]]]:
        """The functions of all routes, in order."""
        return [function for _, _, function, _ in self.route._routes]

    def prepost(self, listener: Any) -> None:
        """Listen to what routes wait for."""
        for name in self.subscribe:
            listener.need(name)

    @coroutine("CHANNEL_PARK")
    async def on_park(self, session: Session) -> None:
        """Route a call."""
        handled = False
        if all(session.get(name) == value for name, value in self.guards.items()):
            for function, arguments in self.route.iter_matches(session, sess=session, router=self):
                handled = True
                try:
                    await function(**arguments)
                except self.StopRouting:
                    break
                except Exception:
                    log.exception("MR0004 route %s failed on %s", function.__name__, session.uuid)
        if not handled and self.guard and not session.hungup:
            log.warning("no route for %s: it is rejected", session.uuid)
            session.hangup("NO_ROUTE_DESTINATION")

    @staticmethod
    async def bridge(
        sess: Session,
        match: re.Match[str],
        router: Router,
        dest_url: str | None = None,
        out_profile: str | None = None,
        gateway: str | None = None,
        proxy: str | None = None,
    ) -> None:
        """Join the call with where it wanted to go, or with `dest_url`: a route as it is."""
        sess.bridge(profile=out_profile, gateway=gateway, dest_url=dest_url, proxy=proxy)


class Proxier:
    """Joins each inbound call with the SIP address that it asked for."""

    @callback("CHANNEL_PARK")
    def on_park(self, session: Session) -> None:
        """Bridge a call."""
        if session.is_inbound():
            session.bridge()


__all__ = ["PatternRegistrar", "Proxier", "Router"]
