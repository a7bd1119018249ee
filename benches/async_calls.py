"""Calls at once, each an async handler that plays, sleeps, takes a digit and hangs up, beside calls that only park.

Printed: how many ended right, Python's threads while all were up, and the processor time of the switch while they
were, in one run with as many calls in `park`.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

import rig
from hosts.freeswitch import FreeSwitchHost

SCRIPT = """
import json, threading
results = {}

async def handler(session, args):
    results["begun"] = results.get("begun", 0) + 1
    await session.answer()
    await session.play("tone_stream://%(500,0,440)")
    await session.sleep(20)
    digit = await session.get_digits(1, timeout=60)
    await session.hangup("NORMAL_CLEARING")
    results[digit] = results.get(digit, 0) + 1

def fsapi(session, stream, env, args):
    stream.write(json.dumps({**results, "threads": threading.active_count()}))
"""
RATE = 100.0
# When the far end presses the digit, and how long all calls are watched while they are up, in seconds.
PRESSED = 40
WATCHED = 10.0


def place(host: FreeSwitchHost, calls: int, extension: str) -> None:
    """Place the calls; the far end of each presses 5 after a while."""
    begun = time.monotonic()
    for n in range(calls):
        host.pool.api(
            "bgapi originate {loopback_bowout=false,originate_timeout=60}"
            f"loopback/{extension}/default/xml 'm:^:sleep:{PRESSED * 1000}^send_dtmf:5^park' inline"
        )
        time.sleep(max(0.0, begun + (n + 1) / RATE - time.monotonic()))


def channels(host: FreeSwitchHost) -> int:
    """How many channels there are."""
    return int(host.pool.api("show channels count").split()[0])


def processor_time(host: FreeSwitchHost) -> float:
    """What the switch has used, in seconds."""
    assert host.process
    fields = Path(f"/proc/{host.process.pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def watch(host: FreeSwitchHost, calls: int, extension: str) -> float:
    """Place calls, and measure while all are up."""
    place(host, calls, extension)
    until = time.monotonic() + 20
    while channels(host) < 2 * calls and time.monotonic() < until:
        time.sleep(0.2)
    print(f"  {channels(host)} channels are up")
    before = processor_time(host)
    time.sleep(WATCHED)
    return processor_time(host) - before


def main(calls: int) -> int:
    """Run, and print; 1 when a call did not end right."""
    with rig.running() as host:
        name = host.script(SCRIPT)
        handled, parked = host.extension(("python", name)), host.extension(("answer", ""), ("park", ""))
        for command in ("fsctl sps 2000", "fsctl max_sessions 10000"):
            host.pool.api(command)
        before = json.loads(host.pool.api(f"python {name}"))["threads"]
        busy = watch(host, calls, handled)
        during = json.loads(host.pool.api(f"python {name}"))
        until = time.monotonic() + 90
        while channels(host) and time.monotonic() < until:
            time.sleep(0.5)
        results = json.loads(host.pool.api(f"python {name}"))
        idle = watch(host, calls, parked)
    right = results.get("5", 0)
    print(f"{rig.switch().name}: {calls} calls, {right} ended right, {during.get('begun', 0)} had begun at once")
    print(f"  Python threads: {before} before, {during['threads']} while all were up")
    times = f"{busy:.2f} s; with the calls in park {idle:.2f} s: {busy / idle:.2f} times"
    print(f"  processor time over {WATCHED:.0f} s: {times}")
    return 0 if right == calls else 1


if __name__ == "__main__":
    sys.exit(main(rig.number(1, 1000)))
