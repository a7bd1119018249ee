"""Several switches as one: their clients, listeners and counters."""

from __future__ import annotations

import functools
import operator
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import cycle
from typing import Any


class MultiEval:
    """A function, or an expression, on each of several objects.

    `evals(function)` calls it with each; `evals("client.host")` evaluates a text on each. Both give a list.
    """

    def __init__(
        self, slaves: Iterable[Any], delegator: Callable[[Any], Iterator[Any]] = cycle, accessor: str = "."
    ) -> None:
        self._slaves: Sequence[Any] = list(slaves)
        self.accessor = accessor
        self.delegator = delegator

    def __len__(self) -> int:
        return len(self._slaves)

    def __iter__(self) -> Iterator[Any]:
        return self.delegator(self._slaves)

    @property
    def nodes(self) -> Sequence[Any]:
        """All of them."""
        return self._slaves

    def attrs(self, obj: Any) -> dict[str, Any]:
        """Give an object's attributes by their names."""
        return {name: getattr(obj, name) for name in dir(obj) if not name.startswith("__")}

    def evals(self, expr: str | Callable[..., Any], **kwargs: Any) -> list[Any]:
        """Give what an expression is for each of them; the keywords are names in it, or a function's arguments."""
        if callable(expr):
            return [expr(node, **kwargs) for node in self._slaves]
        code = compile(expr, "<evals>", "eval")
        return [eval(code, {**self.attrs(node), **kwargs}) for node in self._slaves]

    def iterevals(self, expr: str | Callable[..., Any], **kwargs: Any) -> Iterator[Any]:
        """Give them one after the other."""
        return iter(self.evals(expr, **kwargs))

    def partial(self, expr: str | Callable[..., Any], itertype: Any = list, **kwargs: Any) -> Callable[[], Any]:
        """Give a function that evaluates an expression on all when it is called."""
        make: Any = {"": iter, "list": list, "tuple": tuple, "set": set}.get(itertype, itertype)
        return lambda: make(self.evals(expr, **kwargs))

    def reducer(
        self, func: Callable[..., Any], expr: str | Callable[..., Any], itertype: Any = "", **kwargs: Any
    ) -> Callable[[], Any]:
        """Give a function that makes one value of those of all: `reducer(sum, "listener.count_calls()")`."""
        each = self.partial(expr, itertype, **kwargs)
        return lambda: func(each())

    def folder(
        self, func: Callable[[Any, Any], Any], expr: str | Callable[..., Any], **kwargs: Any
    ) -> Callable[[], Any]:
        """Give the same for a function of two values."""
        each = self.partial(expr, **kwargs)
        return lambda: functools.reduce(func, each())


class Pool(MultiEval):
    """The nodes that a service or a dialer works on: pairs of a `client` and a `listener`."""

    @property
    def clients(self) -> list[Any]:
        """Their clients."""
        return [node.client for node in self._slaves]

    @property
    def listeners(self) -> list[Any]:
        """Their listeners."""
        return [node.listener for node in self._slaves]

    def iter_clients(self) -> Iterator[Any]:
        """Give their clients."""
        return iter(self.clients)

    def iter_listeners(self) -> Iterator[Any]:
        """Give their listeners."""
        return iter(self.listeners)

    def fast_count(self) -> int:
        """How many calls there are on all."""
        return sum(listener.count_calls() for listener in self.listeners)

    count_calls = fast_count

    def count_sessions(self) -> int:
        """How many legs there are on all."""
        return sum(listener.count_sessions() for listener in self.listeners)

    def count_jobs(self) -> int:
        """How many jobs run on all."""
        return sum(listener.count_jobs() for listener in self.listeners)

    def count_failed(self) -> int:
        """How many legs of all ended for another reason than NORMAL_CLEARING."""
        return sum(listener.count_failed() for listener in self.listeners)

    @property
    def hangup_causes_per_slave(self) -> list[Counter[str]]:
        """Why legs ended, of each."""
        return [listener.hangup_causes for listener in self.listeners]

    def hangup_causes(self) -> Counter[str]:
        """Why legs ended, on all."""
        return functools.reduce(operator.add, self.hangup_causes_per_slave, Counter())

    aggr_causes = hangup_causes

    @property
    def sessions_per_app_per_slave(self) -> list[Counter[str]]:
        """How many legs each app has, of each."""
        return [listener.sessions_per_app for listener in self.listeners]

    def sessions_per_app(self) -> Counter[str]:
        """How many legs each app has, on all."""
        return functools.reduce(operator.add, self.sessions_per_app_per_slave, Counter())


def SlavePool(slaves: Iterable[Any]) -> Pool:
    """Give a pool of nodes."""
    return Pool(slaves)


__all__ = ["MultiEval", "Pool", "SlavePool"]
