"""The dialer: calls placed at a rate, up to a number at once, each for a time."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar

from freeswitch.apps import utils
from freeswitch.apps._errors import ConfigurationError
from freeswitch.apps._places import call, on_loop
from freeswitch.apps._placing import Placing, State, limiter
from freeswitch.apps._weights import WeightedIterator
from freeswitch.apps.api import get_pool
from freeswitch.apps.distribute import Pool
from freeswitch.apps.manager import AppManager
from freeswitch.apps.measure import CDR
from freeswitch.apps.profiles import Duration, Profile, mean_of

INFINITE = float("inf")


class Originator(Placing):
    """Places calls on a pool of switches for the apps that are loaded. It runs on the loop; use it in any thread.

    rate: calls every `period` seconds, fractions too; a period is a second by default.
    limit: how many at once. max_offered: how many in all.
    duration: for how long a call is held after it was answered, in seconds, or a function that gives that; 0 is until
    somebody else hangs up.
    auto_duration: have the duration be limit / rate + 5 whenever one of these is set, where no duration was given.
    profile: the rate over time, instead of `rate`.
    uuid_gen: makes the UUIDs. rep_fields_func: gives values for the placeholders of the originate command.
    autohangup: whether it hangs up at all.

    All of these can be set while it runs. It never piles up: what it cannot place when it is due is not placed later,
    and is counted in `held_back`, by why: "limit", "behind" (the switch has not begun what it was asked for),
    "away" (none of its switches is connected), "late" (the loop was). A call that the switch refuses
    cuts the rate, for a while (MR0018).
    """

    duration_offset = 5.0
    # What is taken for a setting that is not given. A subclass may have a list of its own, with some of them. A
    # duration of 0 leaves it to `auto_duration`.
    default_settings: ClassVar[Sequence[tuple[str, Any]]] = [
        ("rate", 30),
        ("limit", 1),
        ("max_offered", INFINITE),
        ("duration", 0),
        ("period", 1),
        ("uuid_gen", utils.uuid),
        ("rep_fields_func", dict),
        ("autohangup", True),
    ]

    def __init__(
        self,
        slavepool: Pool,
        debug: bool = False,
        auto_duration: bool = True,
        app_id: str | None = None,
        *,
        rate: float | None = None,
        limit: float | None = None,
        max_offered: float | None = None,
        duration: Duration | None = None,
        period: float | None = None,
        profile: Profile | None = None,
        uuid_gen: Callable[[], str] | None = None,
        rep_fields_func: Callable[[], Mapping[str, Any]] | None = None,
        autohangup: bool | None = None,
    ) -> None:
        super().__init__(slavepool)
        default = self._defaults()
        self.pool = slavepool
        self.debug = debug
        self.app_id = app_id
        if duration is None:
            duration = default["duration"] or None
        self.auto_duration = auto_duration and duration is None
        self.log = logging.getLogger("freeswitch.apps")
        self.app_manager = AppManager(slavepool)
        self.measurers = self.app_manager.measurers
        self.cdr = CDR()
        self.measurers.add(self.cdr, pool=slavepool)
        self.app_weights = WeightedIterator()
        self.uuid_gen = uuid_gen or default["uuid_gen"]
        self.rep_fields_func = rep_fields_func or default["rep_fields_func"]
        self.autohangup = default["autohangup"] if autohangup is None else autohangup
        self.max_offered: float = default["max_offered"] if max_offered is None else max_offered
        self._profile, self._period = profile, _positive(default["period"] if period is None else period, "period")
        self._rate = _positive(default["rate"] if rate is None else rate, "rate")
        self._limit = _counted(default["limit"] if limit is None else limit, "limit")
        if duration is not None:
            self.duration = duration
        else:
            self._set_auto_duration()

    def __repr__(self) -> str:
        return (
            f"<Originator: active-calls={self.count_calls()} state={self.state} "
            f"total-originated-sessions={self.offered} rate={self.rate} limit={self.limit} "
            f"max-offered={self.max_offered} duration={self.duration}>"
        )

    @classmethod
    def _defaults(cls) -> dict[str, Any]:
        known = dict(Originator.default_settings)
        others = [name for name, _ in cls.default_settings if name not in known]
        if others:
            raise TypeError(f"{cls.__name__}.default_settings has no setting {', '.join(map(repr, others))}")
        return {**known, **dict(cls.default_settings)}

    # Settings

    @property
    def host(self) -> list[str]:
        """Where its switches are."""
        return [client.host for client in self.pool.clients]

    @property
    def rate(self) -> float:
        """Calls a second that are to be offered. It can be set, which ends a profile."""
        return self._rate_now()

    @rate.setter
    def rate(self, value: float) -> None:
        self._rate, self._profile = _positive(value, "rate"), None
        self._tell_apps("__setrate__", self._rate / max(1, len(self.pool)))
        self._set_auto_duration()
        self._changed()

    @property
    def limit(self) -> float:
        """How many calls there are at once at most. It can be set."""
        return self._limit

    @limit.setter
    def limit(self, value: float) -> None:
        self._limit = _counted(value, "limit")
        self._tell_apps("__setlimit__", value)
        self._set_auto_duration()
        self._changed()

    @property
    def duration(self) -> Duration:
        """For how long calls are held, in seconds. It can be set, for the calls that come."""
        return self._duration

    @duration.setter
    def duration(self, value: Duration) -> None:
        if not callable(value) and not value >= 0:
            raise ValueError(f"argument 'duration' must be 0 or more, not {value}")
        self._duration = value
        self._tell_apps("__setduration__", mean_of(value))

    @property
    def period(self) -> float:
        """In how many seconds `rate` calls are placed. It can be set."""
        return self._period

    @period.setter
    def period(self, value: float) -> None:
        self._period = _positive(value, "period")
        self._changed()

    @property
    def profile(self) -> Profile | None:
        """How the rate goes over time, from when this is set, or from the start. It can be set."""
        return self._profile

    @profile.setter
    def profile(self, value: Profile | None) -> None:
        self._profile = value
        call(self._restart_profile)

    def _set_auto_duration(self) -> None:
        if self.auto_duration and self._limit and self._limit < INFINITE:
            self.duration = self._limit / self._rate + self.duration_offset

    def _tell_apps(self, name: str, value: float) -> None:
        for app in self.app_manager.iterapps():
            function = getattr(app, name, None)
            if function is not None and app is not self:
                function(value)

    def _changed(self) -> None:
        if self._state == State.ORIGINATING:
            call(self._tick)

    def setup(self) -> None:
        """Have the switches stand in the way of no load: raises their sessions a second and at once to 10,000.

        switchio does this by itself. Here the switch's own limits hold until somebody asks for this.
        """
        for client in self.pool.clients:
            for line in ("sps 10000", "max_sessions 10000", "verbose_events true"):
                client.api(f"fsctl {line}")

    # Apps

    def load_app(
        self,
        app: Any,
        app_id: str | None = None,
        ppkwargs: Mapping[str, Any] | None = None,
        weight: float = 1,
        with_metrics: bool = True,
    ) -> str:
        """Load an app on all switches; of several, each gets as many calls as its weight says."""
        ident = self.app_manager.load_app(app, app_id or self.app_id, ppkwargs, with_measurers=with_metrics)
        if not any(self in client.apps[ident].values() for client in self.pool.clients):
            self.app_manager.load_app(self, ident)
        self.app_weights[ident] = weight
        self._tell_apps("__setrate__", self.rate / max(1, len(self.pool)))
        self._tell_apps("__setlimit__", self._limit)
        self._tell_apps("__setduration__", mean_of(self._duration))
        return ident

    # States

    @property
    def state(self) -> str:
        """INITIAL, ORIGINATING or STOPPED."""
        return self._state

    def check_state(self, ident: str) -> bool:
        """Tell whether it is in this state."""
        return self._state == ident

    def stopped(self) -> bool:
        """Tell whether it places no more calls."""
        return self._state == State.STOPPED

    def is_alive(self) -> bool:
        """Tell whether it places calls."""
        return self._state == State.ORIGINATING

    def count_calls(self) -> int:
        """How many of its calls are not over."""
        return len(self._calls)

    @property
    def total_originated_sessions(self) -> int:
        """How many calls it has asked for."""
        return self.offered

    @property
    def held_back(self) -> Counter[str]:
        """How many calls were due and not placed, by why."""
        return self.credit.held_back

    @property
    def refused(self) -> int:
        """How many calls the switch has refused; they are among those that failed."""
        return self.backoff.refused

    @property
    def originate_cmd(self) -> list[str | None]:
        """How the switches place calls."""
        return [client.originate_cmd for client in self.pool.clients]

    def start(self) -> None:
        """Place calls, until `stop`, `max_offered`, or the end of the profile."""
        if not self.app_weights.weights:
            raise ConfigurationError("a dialer needs an app for its calls: load_app() one before it is started")
        if any(command is None for command in self.originate_cmd):
            raise ConfigurationError("a dialer needs a destination: give set_orig_cmd() of its clients one")
        call(self._start)

    def stop(self) -> None:
        """Place no more calls; those that there are go on."""
        call(self._stop)

    def hupall(self) -> None:
        """Place no more calls, and hang up all that it has placed."""
        self.log.warning("the dialer hangs up its %d calls", len(self._calls))
        call(self._hang_up_all)

    def hard_hupall(self) -> None:
        """Place no more calls, and hang up every call of the switches, also those that others placed."""
        self.stop()
        for client in self.pool.clients:
            client.api("hupall")

    def shutdown(self) -> None:
        """Place no more calls, and hang up those that there are."""
        if self._calls:
            self.hupall()
        else:
            self.stop()

    async def finished(self) -> None:
        """Wait in a coroutine until it places no more calls and all of them are over."""
        while self._state == State.ORIGINATING or self._calls:
            waiter = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)
            await waiter

    def waitforstate(self, state: str, **kwargs: Any) -> bool:
        """Wait in a thread until it is in a state."""
        return utils.waitwhile(lambda: self._state != state, **kwargs)

    def waitwhile(self, predicate: Callable[[], object] | None = None, **kwargs: Any) -> bool:
        """Wait in a thread while a function gives something true.

        By default that is until it has stopped, and all its calls are over.
        """
        if on_loop():
            raise RuntimeError("Originator.waitwhile waits in a thread: await finished() in a coroutine")
        return utils.waitwhile(predicate or (lambda: self._calls or not self.stopped()), **kwargs)


def _positive(value: float, name: str) -> float:
    number = float(value)
    if not 0 < number < INFINITE:
        raise ValueError(f"argument '{name}' must be above 0, not {value}")
    return number


def _counted(value: float, name: str) -> float:
    number = float(value)
    if not number >= 0:
        raise ValueError(f"argument '{name}' must be 0 or more, not {value}")
    return number


def get_originator(contacts: Iterable[Any] | None = None, *args: Any, **kwargs: Any) -> Originator:
    """Give a dialer on the switches at these hosts, or `(host, port, password)`; None is the one that this runs in."""
    names = ("port", "auth", "password", "call_tracking_header", "max_limit")
    options = {name: kwargs.pop(name) for name in names if name in kwargs}
    return Originator(get_pool(contacts, **options), *args, **kwargs)


__all__ = ["Originator", "State", "WeightedIterator", "get_originator", "limiter"]
