"""A dialer's work on the loop: placing calls when they are due, and seeing them end."""

from __future__ import annotations

import asyncio
import functools
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import cycle
from typing import Any

from freeswitch.apps._link import CONNECTION_LOST, LinkError
from freeswitch.apps._marks import callback
from freeswitch.apps._pacing import LATE, REFUSALS, Backoff, Credit
from freeswitch.apps._weights import WeightedIterator
from freeswitch.apps.api import Node
from freeswitch.apps.distribute import Pool
from freeswitch.apps.measure import CDR
from freeswitch.apps.models import Job, Session
from freeswitch.apps.profiles import Duration, Profile

INFINITE = float("inf")

# Why calls are held back while no switch is connected.
AWAY = "away"

# How many seconds' calls may have been asked for of which the switch has shown nothing yet; and how many at least.
BACKLOG, BACKLOG_LEAST = 2.0, 10
# How often it is looked whether calls whose end nobody has told are still there, in seconds.
LOOK = 10.0
# How long after its time a call of which nothing is heard is asked for, in seconds.
PATIENCE = 90.0
# How long after its first leg the others of a call are waited for, in seconds.
SETTLED = 1.0


class State:
    """Where a dialer is: INITIAL before its start, ORIGINATING, STOPPED."""

    INITIAL = "INITIAL"
    ORIGINATING = "ORIGINATING"
    STOPPED = "STOPPED"


class Placed:
    """One call that was asked for."""

    __slots__ = ("app_id", "asked", "has_ended", "is_hung_up", "is_over", "job", "node", "timer", "until", "uuid")

    def __init__(self, node: Node, app_id: str, job: Job, asked: float) -> None:
        self.node, self.app_id, self.job, self.asked = node, app_id, job, asked
        self.uuid = job.sess_uuid or ""
        self.timer: asyncio.TimerHandle | None = None
        # When it is asked whether the switch still has it.
        self.until = asked + PATIENCE
        # Its legs are, and it is.
        self.has_ended = self.is_over = False
        # It is to end, whether or not its first leg is there yet.
        self.is_hung_up = False


def limiter(pairs: Iterable[Node]) -> Iterator[Node | None]:
    """Give nodes in turn; None for none.

    Left out are those that are away, and those that have as many calls as their listener's `max_limit`.
    """
    nodes = list(pairs)
    turns = cycle(nodes)
    while True:
        yield next(
            (
                node
                for node, _ in zip(turns, nodes, strict=False)
                if not node.listener.link.is_away() and node.listener.count_calls() < node.listener.max_limit
            ),
            None,
        )


class Placing:
    """Places the calls of a dialer. On the loop."""

    # The most calls a second, whatever the rate is.
    max_rate = 250.0

    pool: Pool
    cdr: CDR
    log: logging.Logger
    app_weights: WeightedIterator
    max_offered: float
    autohangup: bool
    uuid_gen: Callable[[], str]
    rep_fields_func: Callable[[], Mapping[str, Any]]

    def __init__(self, pool: Pool) -> None:
        self.iternodes = limiter(pool.nodes)
        # Counts: asked for; answered; failed, by cause.
        self.offered = self.answered = 0
        self.failed: Counter[str] = Counter()
        self.backoff, self.credit = Backoff(), Credit()
        self._calls: dict[str, Placed] = {}
        self._state = State.INITIAL
        self._profile: Profile | None = None
        self._rate, self._period, self._limit = 30.0, 1.0, 1.0
        self._duration: Duration = 0.0
        self._is_held_by: str | None = None
        # Whether all switches are away, and how many calls had been held back for that when it began.
        self._is_away = False
        self._away_before = 0
        self._timer: asyncio.TimerHandle | None = None
        self._look: asyncio.TimerHandle | None = None
        self._began = self._seen = self._offered_at = 0.0
        self._waiters: list[asyncio.Future[None]] = []

    def _rate_now(self) -> float:
        return self._profile.rate(self._seen - self._began) if self._profile is not None else self._rate

    def _restart_profile(self) -> None:
        if self._state == State.ORIGINATING:
            self._began = self._seen = asyncio.get_running_loop().time()
        self._tick()

    def _start(self) -> None:
        if self._state == State.ORIGINATING:
            return
        now = asyncio.get_running_loop().time()
        self._state = State.ORIGINATING
        self._began = self._seen = now
        # The first call is due at once.
        self.credit.owed = 0.0 if self._profile is not None else 1.0
        if self._look is None:
            self._look = asyncio.get_running_loop().call_later(LOOK, self._look_after)
        self._tick()

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._state = State.STOPPED
        self._tell_waiters()

    def _hang_up_all(self) -> None:
        self._stop()
        for placed in list(self._calls.values()):
            self._hang_up(placed, forced=True)

    def _tell_waiters(self) -> None:
        if self._state != State.ORIGINATING and not self._calls:
            waiters, self._waiters = self._waiters, []
            for waiter in waiters:
                if not waiter.done():
                    waiter.set_result(None)

    def _due(self, since: float, until: float) -> float:
        if self._profile is not None:
            return self._profile.due(since - self._began, until - self._began)
        return (until - since) * self._rate / self._period

    def _tick(self) -> None:
        """Place what is due, and come again when the next is."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._state != State.ORIGINATING:
            return
        loop = asyncio.get_running_loop()
        now = loop.time()
        seconds, since, self._seen = now - self._seen, self._seen, now
        self.backoff.recover(now, seconds)
        due = self._due(since, now) * self.backoff.share
        self.credit.add(due, max(1.0, LATE * self._rate_now() / self._period, self._burst()))
        if self._profile is not None and now - self._began >= self._profile.end() and self.credit.owed < 1.0:
            self._stop()
            return
        wait = self._place_one(now)
        if self._state == State.ORIGINATING:
            self._timer = loop.call_later(wait, self._tick)

    def _burst(self) -> float:
        return float(getattr(self._profile, "calls", 0))

    def _place_one(self, now: float) -> float:
        """Place a call if one is due; after how many seconds it is to be looked again."""
        if self.offered >= self.max_offered:
            self._stop()
            return 0.0
        if self.credit.owed < 1.0 - 1e-9:
            return self._until_next(now)
        if now - self._offered_at < 1.0 / self.max_rate - 1e-6:
            return 1.0 / self.max_rate - (now - self._offered_at)
        node = next(self.iternodes)
        why = self._why_not(node)
        self._is_held_by = why
        self._tell_away(why == AWAY)
        if why is not None or node is None:
            self.credit.give_up(why or "limit")
            return self._until_next(now)
        self.credit.take()
        self._offered_at = now
        self._offer(node, now)
        if self.offered >= self.max_offered:
            self._stop()
        # One after the other, so that what the switch tells is heard in between.
        return 1.0 / self.max_rate if self.credit.owed >= 1.0 - 1e-9 else self._until_next(now)

    def _until_next(self, now: float) -> float:
        missing = max(0.0, 1.0 - self.credit.owed) / self.backoff.share
        if self._profile is not None:
            elapsed = now - self._began
            left = self._profile.end() - elapsed
            return max(1e-4, min(self._profile.following(elapsed, missing), left, 1.0))
        return max(1e-4, min(missing * self._period / self._rate, 1.0))

    def _tell_away(self, is_away: bool) -> None:
        """Say once that all switches are away, and once that one is back."""
        if is_away == self._is_away:
            return
        self._is_away = is_away
        held_back = self.credit.held_back[AWAY]
        if is_away:
            self._away_before = held_back
            names = ", ".join(f"FreeSWITCH at {listener.link.name}" for listener in self.pool.listeners)
            self.log.warning("MR0020 the dialer holds its calls back: it has no connection to %s", names)
        else:
            self.log.warning("MR0020 the dialer goes on; it has held back %d calls", held_back - self._away_before)

    def _why_not(self, node: Node | None) -> str | None:
        if node is None and all(listener.link.is_away() for listener in self.pool.listeners):
            return AWAY
        if node is None or len(self._calls) >= self._limit:
            return "limit"
        most = max(BACKLOG_LEAST, BACKLOG * self._rate_now() / self._period)
        if sum(listener.count_placing() for listener in self.pool.listeners) > most:
            return "behind"
        return None

    def _offer(self, node: Node, now: float) -> None:
        app_id = next(self.app_weights)
        self.offered += 1
        try:
            job = node.client.originate(app_id=app_id, uuid_func=self.uuid_gen, rep_fields=self.rep_fields_func())
        except Exception as error:
            self.log.warning("MR0018 the dialer could not ask for a call: %s", error)
            cause = CONNECTION_LOST if isinstance(error, LinkError) else type(error).__name__
            self._fail(app_id, None, cause, now)
            return
        # It is looked after here.
        job._is_awaited = True
        placed = Placed(node, app_id, job, now)
        self._calls[placed.uuid] = placed
        job.fut.add_done_callback(lambda _: self._reported(placed))

    def _reported(self, placed: Placed) -> None:
        """The switch has said what came of a call."""
        if placed.is_over:
            return
        loop = asyncio.get_running_loop()
        error = placed.job.fut.exception()
        has_legs = placed.uuid in placed.node.listener.calls
        if error is not None:
            if placed.has_ended or not has_legs:
                self._over(placed)
            self._fail(placed.app_id, placed, _cause(error), loop.time())
            return
        self.answered += 1
        if placed.has_ended:
            self._over(placed)
            return
        seconds = self._duration() if callable(self._duration) else self._duration
        placed.until = loop.time() + (seconds or INFINITE) + PATIENCE
        if self.autohangup and 0 < seconds < INFINITE:
            placed.timer = loop.call_later(seconds, self._hang_up, placed)

    def _fail(self, app_id: str, placed: Placed | None, cause: str, now: float) -> None:
        if cause.startswith("-USAGE"):
            # Every other call would fail the same way.
            cause = "USAGE"
            self.log.error(
                "MR0018 the dialer stops: the switch does not understand '%s'", placed and placed.job.command
            )
            self._stop()
        self.failed[cause] += 1
        if cause in REFUSALS or placed is None:
            self.backoff.refuse(cause, now, self._rate_now() / self._period)
        self.cdr.not_placed(app_id, cause, placed.job if placed is not None else None)

    def _hang_up(self, placed: Placed, forced: bool = False) -> None:
        listener = placed.node.listener
        session = listener.sessions.get(placed.uuid)
        holds = session is not None and session.call is not None and session.call.vars.get("noautohangup")
        if not placed.is_over and (forced or not holds):
            placed.is_hung_up = True
            listener.link.give(f"uuid_kill {placed.uuid} NORMAL_CLEARING")

    @callback("CHANNEL_CREATE")
    def on_create(self, sess: Session) -> None:
        """A leg is there: it may be of a call that was hung up before the switch had begun it."""
        placed = self._calls.get(sess.uuid)
        if placed is not None and placed.is_hung_up:
            self._hang_up(placed, forced=True)

    @callback("CHANNEL_DESTROY")
    def on_destroy(self, sess: Session) -> None:
        """A leg is over: a call is with its last one."""
        call = sess.call
        placed = self._calls.get(call.uuid) if call is not None else None
        if call is None or placed is None:
            return
        if call.sessions:
            if sess.uuid == placed.uuid:
                # Another app's may be the rest of it.
                asyncio.get_running_loop().call_later(SETTLED, self._settle, placed)
        elif not placed.node.listener.is_placing(placed.uuid):
            self._settle(placed)

    def _settle(self, placed: Placed) -> None:
        """All legs are over; what came of the call may still have to be told."""
        if placed.job.done():
            self._over(placed)
        else:
            placed.has_ended = True

    def _over(self, placed: Placed) -> None:
        placed.is_over = True
        if placed.timer is not None:
            placed.timer.cancel()
        self._calls.pop(placed.uuid, None)
        if self._is_held_by == "limit" and self._state == State.ORIGINATING:
            self._is_held_by = None
            self._tick()
        self._tell_waiters()

    def _look_after(self) -> None:
        """Ask for calls of which nothing was heard in their time."""
        loop = asyncio.get_running_loop()
        self._look = None
        now = loop.time()
        for placed in [placed for placed in self._calls.values() if placed.until < now]:
            placed.until = now + PATIENCE
            reply = placed.node.listener.link.api(f"uuid_exists {placed.uuid}")
            reply.add_done_callback(functools.partial(self._asked, placed))
        if self._state == State.ORIGINATING or self._calls:
            self._look = loop.call_later(LOOK, self._look_after)

    def _asked(self, placed: Placed, outcome: Any) -> None:
        if outcome.cancelled() or outcome.exception() is not None or outcome.result().strip() == "true":
            return
        self._over(placed)
        if not placed.job.done():
            self._fail(placed.app_id, placed, "NO_REPORT", asyncio.get_running_loop().time())


def _cause(error: BaseException) -> str:
    """Give why a call was not placed, in a word: what the switch says begins with its cause."""
    return CONNECTION_LOST if isinstance(error, LinkError) else str(error).partition(" ")[0] or "NONE"


__all__ = ["Placed", "Placing", "State", "limiter"]
