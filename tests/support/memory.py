"""How much memory a process has."""

from __future__ import annotations

from pathlib import Path


def resident_mb(process: int | str = "self", *, at_most: bool = False) -> int:
    """What of it is in memory, in MiB: now, or at most since it began."""
    wanted = "VmHWM" if at_most else "VmRSS"
    status = Path(f"/proc/{process}/status").read_text(encoding="utf-8")
    return next(int(line.split()[1]) // 1024 for line in status.splitlines() if line.startswith(wanted))
