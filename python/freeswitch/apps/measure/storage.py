"""switchio's names for what measurements are stored by."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Sequence
from typing import Any

from freeswitch.apps.measure.store import CSVStore

# What switchio has, and what takes its place here.
GONE = {
    "HDFStore": "HDF needs pandas and tables: take CSVStore, or measure.store.to_parquet(rows, path)",
    "shmarray": "no memory is shared with another process: rows are in measure.CSVStore.rows",
    "load_legacy": "it reads pickles, which run what is in them: measure.load(path) reads CSV",
}


def names_of(dtype: Any) -> tuple[str, ...]:
    """Give the columns of `[("name", type), ...]`, of `["name", ...]`, or of a numpy dtype."""
    named: Iterable[Any] = getattr(dtype, "names", None) or dtype
    return tuple(column if isinstance(column, str) else str(column[0]) for column in named)


class RingBuffer:
    """The last rows; a new one takes the place of the oldest where there are `size`."""

    def __init__(self, dtype: Any, size: int = 2**10) -> None:
        if size < 1:
            raise ValueError(f"argument 'size' must be 1 or more, not {size}")
        self.fields = names_of(dtype)
        self._size = size
        self._rows: list[tuple[Any, ...]] = []
        # How many rows have come.
        self.ri = 0

    def put(self, row: Sequence[Any]) -> None:
        """Add a row. ValueError where it has not as many values as there are columns."""
        if len(row) != len(self.fields):
            raise ValueError(f"a row has {len(self.fields)} values, not {len(row)}")
        if self.bi == 0:
            self._rows = []
        self._rows.append(tuple(row))
        self.ri += 1

    @property
    def bi(self) -> int:
        """The place of the next row."""
        return self.ri % self._size

    def is_full(self) -> bool:
        """Tell whether the next row begins it again."""
        return self.bi == 0 and self.ri > 0

    def read(self) -> list[tuple[Any, ...]]:
        """Give the rows since it last began."""
        return list(self._rows)

    @property
    def df(self) -> Any:
        """The rows as a pandas frame. RuntimeError where pandas is not there."""
        try:
            import pandas  # type: ignore[import-not-found,import-untyped,unused-ignore]
        except ImportError as error:
            raise RuntimeError("a frame needs pandas: pip install pandas, or take read()") from error
        return pandas.DataFrame(self.read(), columns=list(self.fields))

    def __len__(self) -> int:
        return len(self._rows)


class DataStorer(CSVStore):
    """Rows of one app: in memory, and in a file where `path` is given, each as soon as it is whole."""

    def __init__(
        self, name: str, dtype: Any, buf_size: int = 2**10, path: str | None = None, storetype: Any = None
    ) -> None:
        if storetype is not None and not issubclass(storetype, CSVStore):
            raise ValueError(f"argument 'storetype' must be CSVStore, not {storetype!r}: {GONE['HDFStore']}")
        self.name, self.dtype = name, dtype
        super().__init__(path, names_of(dtype))

    @property
    def store(self) -> CSVStore:
        """Where the rows are."""
        return self

    @property
    def buffer(self) -> list[dict[str, Any]]:
        """The rows that are in memory."""
        return self.data

    def append_row(self, row: Iterable[Any]) -> bool:
        """Add a row by its values in the order of the columns."""
        return super().append_row(row)

    def stopwriter(self) -> None:
        """Close the file."""
        self.close()


def __getattr__(name: str) -> Any:
    if name == "pd":
        # As switchio has it: pandas, or None where that is not there.
        try:
            return importlib.import_module("pandas")
        except ImportError:
            return None
    if name in GONE:
        raise ImportError(f"freeswitch.apps.measure has no {name}: {GONE[name]}", name=__name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = ["GONE", "CSVStore", "DataStorer", "RingBuffer", "names_of"]
