"""What a dialer does, on the screen."""

from __future__ import annotations

import itertools
import sys
import time
from types import TracebackType
from typing import Any, Self

from freeswitch.apps.measure.quantiles import Quantiles


class Display:
    """Shows a dialer.

    As a table that stays in its place, by rich, where that is installed and this is a terminal; else as a line every
    few seconds.
    """

    # How often a dialer is looked at, in the switch's seconds.
    period = 0.5
    # How often it is shown, in real seconds.
    TABLE, LINE = 0.25, 5.0

    def __init__(self) -> None:
        self._live: Any = None
        self._shown = 0.0
        self._seen = 0
        self._setup = Quantiles()
        self._offered: tuple[float, int] | None = None
        self._rate = 0.0

    def __enter__(self) -> Self:
        if sys.stdout.isatty():
            try:
                from rich.live import Live  # type: ignore[import-not-found,unused-ignore]
            except ImportError:
                return self
            self._live = Live(auto_refresh=False)
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def say(self, line: str) -> None:
        """Print a line."""
        (self._live.console.print if self._live is not None else print)(line)

    def show(self, dialer: Any) -> None:
        """Show how it goes, if it is time to."""
        self.take(dialer)
        now = time.perf_counter()
        if now - self._shown < (self.TABLE if self._live is not None else self.LINE):
            return
        self._shown = now
        if self._live is not None:
            self._live.update(self._table(dialer), refresh=True)
        else:
            print(", ".join(f"{name} {value}" for name, value in self.values(dialer)), flush=True)

    def take(self, dialer: Any) -> None:
        """Take in what has happened since."""
        store = dialer.cdr.storer
        new = store.count - self._seen
        if new > 0:
            self._seen = store.count
            for row in itertools.islice(reversed(store.rows), new):
                if row.get("setup_time") is not None:
                    self._setup.add(row["setup_time"])
        now = dialer._seen
        last = self._offered
        if last is None or now - last[0] >= 1.0:
            if last is not None:
                self._rate = (dialer.offered - last[1]) / (now - last[0])
            self._offered = (now, dialer.offered)

    def values(self, dialer: Any) -> list[tuple[str, str]]:
        """Give what is shown, by its name."""
        setup = (self._setup.at(share) for share in (0.5, 0.95, 0.99))
        told = " / ".join("-" if value is None else f"{1000 * value:.1f}" for value in setup)
        causes = " ".join(f"{cause} {count}" for cause, count in dialer.failed.most_common(4))
        return [
            ("state", dialer.state),
            ("offered", str(dialer.offered)),
            ("answered", str(dialer.answered)),
            ("failed", f"{sum(dialer.failed.values())} {causes}".rstrip()),
            ("active", f"{dialer.count_calls()} of {dialer.limit:g}"),
            ("rate", f"{self._rate:.1f} of {dialer.rate:g}"),
            ("refused", str(dialer.refused)),
            ("not placed", " ".join(f"{why} {count}" for why, count in dialer.held_back.items() if count) or "0"),
            ("set-up ms 50/95/99 %", told),
        ]

    def _table(self, dialer: Any) -> Any:
        from rich.table import Table  # type: ignore[import-not-found,unused-ignore]

        table = Table(show_header=False, box=None)
        for name, value in self.values(dialer):
            table.add_row(name, value)
        return table


__all__ = ["Display"]
