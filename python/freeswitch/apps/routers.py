"""Routing parked calls by patterns."""

from __future__ import annotations

import functools
import inspect
import logging
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from freeswitch.apps import app
from freeswitch.apps._marks import callback, coroutine
from freeswitch.apps.models import Session

F = TypeVar("F", bound=Callable[..., Any])

log = logging.getLogger("freeswitch.apps")


class Route(functools.partial):  # type: ignore[type-arg]
    """A function that matches, with its arguments: call it, or take it apart, `function, arguments = route`."""

    def __iter__(self) -> Iterator[Any]:
        return iter((self.func, self.keywords))


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
                raise TypeError(f"a route must be an async function, and {function.__name__} is not")
            self._routes.append((compiled, field, route, kwargs))
            return function

        return inner

    def update(self, other: PatternRegistrar) -> None:
        """Add another's routes behind these."""
        self._routes += other._routes

    def iter_matches(self, fields: Mapping[str, Any] | Session, **kwargs: Any) -> Iterator[Route]:
        """Give the functions that match, with their arguments, in the order that they were registered."""
        for pattern, field, function, own in list(self._routes):
            value = fields.get(field)
            match = pattern.match(value) if value else None
            if match:
                yield Route(function, **{**own, **kwargs, "match": match})

    @property
    def regex2funcs(self) -> dict[tuple[str, str], list[tuple[Callable[..., Awaitable[Any]], dict[str, Any]]]]:
        """The functions and their own arguments, by pattern and header."""
        found: dict[tuple[str, str], list[tuple[Callable[..., Awaitable[Any]], dict[str, Any]]]] = {}
        for pattern, field, function, own in self._routes:
            found.setdefault((pattern.pattern, field), []).append((function, own))
        return found


@app
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

    def prepost(self, listener: Any, pool: Any) -> None:
        """Listen to what routes wait for."""
        # A route may ask all switches: `router.pool.evals("client.host")`.
        self.pool = pool
        for name in self.subscribe:
            listener.need(name)

    @property
    def log(self) -> logging.Logger:
        """Where to log to."""
        return log

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


@app
class Bridger:
    """Joins the legs of a call with others, one after the other.

    `count2bridgeargs` says how, by how many times a leg of the call was parked: `"proxy"`, to the address that was
    asked for, or the arguments of `Session.bridge`; what is not in it stays parked.
    """

    def prepost(self) -> None:
        """Take the first leg to where it wanted to go."""
        self.log = log
        self.call2entries: Counter[Any] = Counter()
        self.count2bridgeargs: dict[int, Any] = {1: "proxy"}

    @callback("CHANNEL_PARK")
    def on_park(self, sess: Session) -> None:
        """Bridge a leg."""
        call = sess.call
        self.call2entries[call] += 1
        how = self.count2bridgeargs.get(self.call2entries[call])
        if how is not None:
            sess.bridge(**({} if how == "proxy" else how))

    @callback("CHANNEL_DESTROY")
    def on_destroy(self, sess: Session) -> None:
        """Forget a call that is over."""
        if sess.call is not None and not sess.call.sessions:
            self.call2entries.pop(sess.call, None)


@app
class Proxier:
    """Joins each inbound call with the SIP address that it asked for."""

    @callback("CHANNEL_PARK")
    def on_park(self, session: Session) -> None:
        """Bridge a call."""
        if session.is_inbound():
            session.bridge()


__all__ = ["Bridger", "PatternRegistrar", "Proxier", "Route", "Router"]
