"""Ends of the switch with scripts that do not end by themselves, in calls and in threads, some of them inside C code.

Each time a script spins, one is in `time.sleep`, a call is in `session.sleep`, and threads of a script are inside ssl,
sqlite3 and hashlib. Printed: what `pyps` shows of them, the exit codes, and how long the ends took.
"""

from __future__ import annotations

import sys
import time
from collections import Counter

import rig
from hosts.freeswitch import FreeSwitchHost

# In seconds: `shutdown-timeout` as it is unless configured, and what the core waits for its sessions.
CONFIGURED, CORE = 5.0, 10.0
SCRIPT = """
import hashlib, sqlite3, ssl, threading, time

def spin(args):
    while True: pass

def sleep(args):
    time.sleep(3600)

def handler(session, args):
    session.answer()
    session.sleep(3600000)

def digest():
    while True: hashlib.pbkdf2_hmac("sha256", b"x", b"y", 20000)

def query():
    database = sqlite3.connect(":memory:")
    numbers = "with recursive n(i) as (select 1 union all select i+1 from n limit 20000)"
    while True: database.execute(numbers + " select sum(i) from n").fetchall()

def context():
    while True: ssl.create_default_context()

def threads(args):
    for work in (digest, query, context):
        threading.Thread(target=work).start()
    time.sleep(3600)
"""


def begin(host: FreeSwitchHost) -> list[str]:
    """Start the scripts; what `pyps` shows once all run."""
    name = host.script(SCRIPT)
    extension = host.extension(("python", name))
    host.api(f"bgapi originate {{loopback_bowout=false}}loopback/{extension}/default/xml &park")
    for function in ("spin", "sleep", "threads"):
        host.api(f"pyrun {name}::{function}")
    places = ["in spin", "in sleep", "in threads", "waits in sleep"]

    def all_run() -> list[str] | None:
        lines = host.api("pyps").splitlines()
        return lines if all(any(place in line for line in lines) for place in places) else None

    return host.wait_for(all_run, what="four scripts that run")


def main(rounds: int) -> int:
    """Run, and print; 1 when an end was not orderly or took too long."""
    codes: Counter[int] = Counter()
    times: list[float] = []
    for round_ in range(rounds):
        with rig.running(quiet=False) as host:
            lines = begin(host)
            if not round_:
                print(f"{rig.switch().name}", *lines, sep="\n")
            begun = time.monotonic()
            codes[host.stop()] += 1
            times.append(time.monotonic() - begun)
    # Beside an end with nothing that runs: the core's own takes its time, too.
    with rig.running(quiet=False) as host:
        begun = time.monotonic()
        host.stop()
        empty = time.monotonic() - begun
    print(f"exit codes: {dict(codes)}; {max(times):.1f} s at most, with nothing that runs {empty:.1f} s")
    return 0 if codes == {0: rounds} and max(times) < empty + CONFIGURED + CORE else 1


if __name__ == "__main__":
    sys.exit(main(rig.number(1, 50)))
