"""One row for each call: in memory, and in a CSV file as calls end."""

from __future__ import annotations

import csv
import io
import os
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any, TextIO

# A call's row. Times are seconds since 1970; the first 14 columns are those of switchio's CDR.
FIELDS = (
    "switchio_app", "hangup_cause", "caller_create", "caller_answer", "caller_req_originate", "caller_originate",
    "caller_hangup", "job_launch", "callee_create", "callee_answer", "callee_hangup", "failed_calls", "active_sessions",
    "erlangs",
    # What is computed of them, in seconds, and which legs they are of.
    "outcome", "post_dial_delay", "ring_time", "setup_time", "duration", "host", "caller_uuid", "callee_uuid",
    "callee_cause",
    # What the switch says of the media of each leg that had RTP: percent lost, ms of jitter, its MOS.
    "caller_rtp_loss", "caller_rtp_jitter", "caller_mos", "callee_rtp_loss", "callee_rtp_jitter", "callee_mos",
)  # fmt: skip
TEXT = frozenset({"switchio_app", "hangup_cause", "outcome", "host", "caller_uuid", "callee_uuid", "callee_cause"})
# How many rows are kept in memory.
KEPT = 100_000
CALLS = "calls.csv"

Row = dict[str, Any]


class CSVStore:
    """Rows, the last of which are in memory, and all in a file, if one is given: each is there as soon as it is whole.

    ValueError when the file is one of other columns; OSError when it cannot be written.
    """

    def __init__(self, path: str | os.PathLike[str] | None = None, fields: Sequence[str] = FIELDS) -> None:
        self.fields = tuple(fields)
        self.rows: deque[Row] = deque(maxlen=KEPT)
        self.count = 0
        self.path: str | None = None
        self._file: TextIO | None = None
        if path is not None:
            self.write_to(path)

    def __len__(self) -> int:
        return self.count

    def write_to(self, path: str | os.PathLike[str]) -> None:
        """Append the rows to this file from now on; those that are in memory first."""
        path = os.fspath(path)
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
        is_new = not os.path.exists(path) or not os.path.getsize(path)
        if not is_new:
            with open(path, newline="", encoding="utf-8", errors="surrogateescape") as known:
                header = next(csv.reader(known), [])
            if tuple(header) != self.fields:
                raise ValueError(f"{path} has other columns than are to be written: give another file")
            _end_last_line(path)
        self.close()
        # One line, one write: a process that is killed leaves whole lines behind, but for the last.
        self._file = open(path, "a", buffering=1, newline="", encoding="utf-8", errors="surrogateescape")  # noqa: SIM115
        self.path = path
        if is_new:
            self._write(self.fields)
        for row in self.rows:
            self._write([row.get(name) for name in self.fields])

    def append(self, row: Row) -> None:
        """Add a row."""
        self.count += 1
        self.rows.append(row)
        if self._file is not None:
            self._write([row.get(name) for name in self.fields])

    def append_row(self, values: Iterable[Any]) -> bool:
        """Add a row by its values in the order of the columns."""
        self.append(dict(zip(self.fields, values, strict=False)))
        return False

    def _write(self, values: Iterable[Any]) -> None:
        line = io.StringIO()
        csv.writer(line).writerow([_text(value) for value in values])
        assert self._file is not None
        self._file.write(line.getvalue())

    @property
    def data(self) -> list[Row]:
        """The rows that are in memory."""
        return list(self.rows)

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None


def _text(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.6f}" if isinstance(value, float) else str(value)


def _end_last_line(path: str) -> None:
    with open(path, "rb+") as file:
        file.seek(-1, os.SEEK_END)
        if file.read(1) != b"\n":
            file.write(b"\r\n")


def load(path: str | os.PathLike[str]) -> list[Row]:
    """Read the rows of a file, or of the folder that a run has written to. A half line at the end is left out.

    FileNotFoundError if it does not exist, ValueError if it is not such a file.
    """
    path = os.fspath(path)
    if os.path.isdir(path):
        path = os.path.join(path, CALLS)
    with open(path, "rb") as raw:
        text = raw.read().decode("utf-8", "surrogateescape")
    lines = csv.reader(io.StringIO(text, newline=""), strict=False)
    header = next(lines, [])
    if "hangup_cause" not in header or "caller_create" not in header:
        raise ValueError(f"{path} is no file of calls: its first line is {','.join(header)[:60]!r}")
    rows = [_row(header, values) for values in lines if len(values) == len(header)]
    # Of the last line nobody knows whether its last value is whole.
    if text and not text.endswith("\n") and rows and text.count("\n") <= len(rows):
        rows.pop()
    return rows


def _row(header: Sequence[str], values: Sequence[str]) -> Row:
    row: Row = {}
    for name, value in zip(header, values, strict=True):
        if name in TEXT or not value:
            row[name] = value or None
        else:
            try:
                row[name] = float(value)
            except ValueError:
                row[name] = None
    return row


def to_parquet(rows: Sequence[Row], path: str | os.PathLike[str]) -> None:
    """Write rows as Parquet. RuntimeError where polars is not there."""
    try:
        import polars  # type: ignore[import-not-found,unused-ignore]
    except ImportError as error:
        raise RuntimeError("Parquet needs polars: pip install polars") from error
    types = {name: polars.String if name in TEXT else polars.Float64 for name in FIELDS}
    polars.DataFrame([[row.get(name) for name in FIELDS] for row in rows], schema=types, orient="row").write_parquet(
        os.fspath(path)
    )


__all__ = ["CALLS", "FIELDS", "KEPT", "TEXT", "CSVStore", "Row", "load", "to_parquet"]
