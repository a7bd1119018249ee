"""Apps that measure, and what they have found."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any, NamedTuple

from freeswitch.apps.measure.storage import names_of
from freeswitch.apps.measure.store import CALLS, CSVStore


class Measurer(NamedTuple):
    """An app that measures: with the arguments of its `prepost`, and where it records to."""

    app: Any
    ppkwargs: dict[str, Any]
    storer: CSVStore
    ops: dict[str, Callable[..., Any]]

    @property
    def arguments(self) -> dict[str, Any]:
        """The arguments of its `prepost`."""
        return {**self.ppkwargs, "storer": self.storer}


class Measurers:
    """Apps that measure, by name: `stores.CDR` has the rows of one, `ops` what functions make of them."""

    def __init__(self, storetype: Any = None) -> None:
        self.storetype = storetype or CSVStore
        self._apps: dict[str, Measurer] = {}
        self.stores = SimpleNamespace()
        self.ops = SimpleNamespace()
        # What is plotted of an operator's rows: of those that have a `figspec`.
        self.figspecs: dict[str, Any] = {}

    def __bool__(self) -> bool:
        return bool(self._apps)

    def __getitem__(self, name: str) -> Measurer:
        return self._apps[name]

    def __contains__(self, name: object) -> bool:
        return name in self._apps

    def __repr__(self) -> str:
        return f"Measurers({list(self._apps)})"

    def add(
        self,
        app: Any,
        name: str | None = None,
        operators: Mapping[str, Callable[..., Any]] | None = None,
        **kwargs: Any,
    ) -> str:
        """Add an app whose `prepost` takes a `storer`; the other keywords are its arguments. Its name."""
        name = name or str(getattr(app, "__name__", None) or type(app).__name__)
        if not hasattr(app, "prepost"):
            raise AttributeError(f"{name} has no prepost that could take a storer")
        storer = self._storer_of(app)
        self._apps[name] = Measurer(app, dict(kwargs), storer, {})
        setattr(self.stores, name, storer)
        for opname, function in {**getattr(app, "operators", {}), **(operators or {})}.items():
            self.add_operator(name, function, opname)
        return name

    def _storer_of(self, app: Any) -> CSVStore:
        """Give the store that an app has or makes, else one of its columns."""
        known = getattr(app, "storer", None)
        if isinstance(known, CSVStore):
            return known
        if hasattr(app, "new_storer"):
            made: CSVStore = app.new_storer()
            return made
        fields = getattr(app, "fields", None)
        store: CSVStore = self.storetype(None, names_of(fields)) if fields else self.storetype(None)
        return store

    def add_operator(self, measurername: str, func: Callable[..., Any], opname: str) -> None:
        """Add a function of a measurer's rows: `ops.NAME()` calls it."""
        measurer = self._apps[measurername]
        measurer.ops[opname] = func
        setattr(self.ops, opname, lambda: func(measurer.storer.data))
        figspec = getattr(func, "figspec", None)
        if figspec is not None:
            self.figspecs[opname] = figspec

    def plot(self, **kwargs: Any) -> list[tuple[Any, Any]]:
        """Plot what the operators say is to be plotted; the keywords are those of `multiplot`."""
        from freeswitch.apps.measure.mpl_helpers import multiplot

        plots = self.figspecs.items()
        return [(figspec, multiplot(getattr(self.ops, name)(), figspec, **kwargs)) for name, figspec in plots]

    def items(self) -> list[tuple[str, Measurer]]:
        """Give them, the last that was added first: each is loaded in front of the others."""
        return list(reversed(self._apps.items()))

    def to_store(self, dirpath: str | os.PathLike[str]) -> str:
        """Write all rows into a folder, and the rows that come; the file of the calls. OSError where that cannot be."""
        os.makedirs(dirpath, exist_ok=True)
        for name, measurer in self._apps.items():
            file = CALLS if name == "CDR" else f"{name.lower()}.csv"
            measurer.storer.write_to(os.path.join(dirpath, file))
        return os.path.join(dirpath, CALLS)

    def close(self) -> None:
        """Close the files."""
        for measurer in self._apps.values():
            measurer.storer.close()


__all__ = ["Measurer", "Measurers"]
