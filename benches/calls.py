"""2,000 calls with a hook, a callback and an error each: channels, memory, search path and open files.

Memory is to be flat over the second half.
"""

from __future__ import annotations

import sys

import rig
from support import many_calls

STEPS = 10


def main(calls: int) -> int:
    """Make the calls in steps and print what is kept after each; 1 when something grew."""
    with rig.running(quiet=False) as host:
        name, extension = many_calls.prepare(host)
        seen = []
        print("  calls  RSS kB  files  threads  sys.path")
        for step in range(STEPS):
            many_calls.make(host, extension, calls // STEPS)
            seen.append(many_calls.kept(host, name))
            print(
                f"{(step + 1) * calls // STEPS:7} {seen[-1].rss_kb:7} {seen[-1].files:6}"
                f" {seen[-1].threads:8} {seen[-1].path:9}",
                flush=True,
            )
        status = host.stop()
    half, end = seen[STEPS // 2 - 1], seen[-1]
    per_call = (end.rss_kb - half.rss_kb) * 1024 / (calls / 2)
    print(f"over the second half: {per_call:.0f} bytes a call; the switch ended with status {status}")
    same = (half.path, half.threads) == (end.path, end.threads) and abs(half.files - end.files) <= 2
    return 0 if same and per_call < 1024 and status == 0 else 1


if __name__ == "__main__":
    sys.exit(main(rig.number(1, 2000)))
