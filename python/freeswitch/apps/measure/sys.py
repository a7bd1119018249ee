"""Recording how busy the machine is."""

from __future__ import annotations

import os
import time
from typing import Any

from freeswitch.apps._marks import callback
from freeswitch.apps.measure.store import CSVStore
from freeswitch.apps.models import Session

# What of a processor's time is looked at, by its place in the first line of /proc/stat.
COLUMNS = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal")


class SysStats:
    """Records the load of this machine's processors and memory when calls begin, `collect_rate` times a second at most.

    Reads /proc. It is the load of the machine that this runs on: the switch's own where it runs in the switch.
    """

    fields = (
        "time", "total_cpu_percent", "percent_cpu_sys", "percent_cpu_usr", "percent_cpu_idle", "percent_cpu_iow",
        "phymem_percent_usage", "load_avg", "switch_cpu_percent",
    )  # fmt: skip

    def __init__(self, *_: Any) -> None:
        self.storer = CSVStore(None, self.fields)
        self._last: dict[str, int] | None = None
        self._last_own = 0.0
        self._collected = -1e9

    def prepost(self, collect_rate: float = 2, storer: CSVStore | None = None) -> None:
        """Take how often, and where to record to."""
        self.collect_rate = float(collect_rate)
        if storer is not None:
            self.storer = storer

    @callback("CHANNEL_CREATE")
    def on_create(self, sess: Session) -> None:
        """Record, if it is time to."""
        now = time.perf_counter()
        if now - self._collected < 1.0 / self.collect_rate:
            return
        elapsed, self._collected = now - self._collected, now
        times, own = _times(), sum(os.times()[:2])
        last, self._last = self._last, times
        last_own, self._last_own = self._last_own, own
        if last is None:
            return
        spent = {name: times[name] - last[name] for name in COLUMNS}
        whole = sum(spent.values()) or 1
        idle = 100.0 * spent["idle"] / whole
        self.storer.append_row((
            sess.time, 100.0 - idle, 100.0 * spent["system"] / whole, 100.0 * spent["user"] / whole, idle,
            100.0 * spent["iowait"] / whole, _memory(), os.getloadavg()[0], 100.0 * (own - last_own) / elapsed,
        ))  # fmt: skip


def _times() -> dict[str, int]:
    with open("/proc/stat", encoding="ascii") as stat:
        return dict(zip(COLUMNS, map(int, stat.readline().split()[1:9]), strict=True))


def _memory() -> float:
    with open("/proc/meminfo", encoding="ascii") as info:
        values = {line.partition(":")[0]: int(line.split()[1]) for line in info}
    return 100.0 * (1 - values["MemAvailable"] / values["MemTotal"])


__all__ = ["SysStats"]
