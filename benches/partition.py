"""Calls that workers serve over two switches, while the server cannot be reached from a switch, then from a worker.

ARGS: calls (500), a second (10), at most at once (100). What is sent meanwhile arrives when the way is open again, as
after a partition. First one switch is alone for 4 s, then for 8 s, then one worker for 8 s: each call that a worker
had is done to its end, one that comes meanwhile may find none, and at no time do two epochs have verbs carried out.
Then one switch is alone for 14 s, longer than it waits for the bus: its calls go on in the dialplan, or are done.
"""

from __future__ import annotations

import sys
import threading
import time
from collections import Counter

import bus_rig
import rig
from hosts.freeswitch import FreeSwitchHost
from support.nats import Nats, state
from support.relay import Relay

STEPS, STEP_MS = 8, 1000


def phase(
    hosts: list[FreeSwitchHost],
    nats: Nats,
    extension: str,
    relay: Relay,
    seconds: float,
    load: tuple[int, int, int],
) -> tuple[bus_rig.Calls, list[str]]:
    """Place calls, and hold a way in the middle; what became of them, and what is wrong."""
    calls, log = bus_rig.Calls(hosts), bus_rig.Log(nats)
    count, rate, at_once = load
    placing = threading.Thread(target=calls.place, args=(count, rate, at_once, extension))
    placing.start()
    # There are as many as there will be at once.
    time.sleep(max(4.0, at_once / rate * 0.7))
    with relay.held():
        time.sleep(seconds)
    placing.join()
    calls.wait(90)
    time.sleep(1)
    wrong = bus_rig.judged(calls, log, STEPS, may_be_unserved=True)
    for host in hosts:
        names = ("offers", "accepts", "late_offers", "orphaned_calls", "unserved_calls", "refusals")
        print(host.name, {name: state(host, f"remote_{name}") for name in names})
    for call in calls.calls.values():
        if call.ended is None:
            hosts[0].pool.api("hupall")
            hosts[1].pool.api("hupall")
            break
    calls.close()
    log.close()
    print(*wrong[:12], f"{len(wrong)} wrong", sep="\n", flush=True)
    return calls, wrong


def main(count: int, rate: int, at_once: int) -> int:
    """Run, and print; 1 when something is wrong."""
    load = count, rate, at_once
    with bus_rig.server() as (nats, folder):
        ways = {name: Relay(nats.port) for name in ("two", "worker")}
        near = {name: f"nats://127.0.0.1:{way.port}" for name, way in ways.items()}
        with bus_rig.two_switches(folder, lambda node: near.get(node, nats.url)) as hosts:
            program = folder / "stepped.py"
            program.write_text(bus_rig.PROGRAM, encoding="utf-8")
            # Both switches count their extensions alike.
            steps = "pyremote", f"stepped {STEPS} {STEP_MS}"
            (extension,) = {host.extension(steps, ("set", "went=on")) for host in hosts}
            with bus_rig.some_workers(hosts[0], [nats.url] * 3 + [near["worker"]], program):
                bus_rig.first_calls(hosts, extension)
                wrong = []
                for what, relay, seconds in (
                    ("switch two", ways["two"], 4.0), ("switch two", ways["two"], 8.0),
                    ("a worker", ways["worker"], 8.0),
                ):  # fmt: skip
                    print(f"the server cannot be reached from {what} for {seconds:.0f} s, {bus_rig.load_average()}")
                    wrong += phase(hosts, nats, extension, relay, seconds, load)[1]
                print(f"the server cannot be reached from switch two for 14 s, {bus_rig.load_average()}")
                calls, found = phase(hosts, nats, extension, ways["two"], 14.0, load)
                wrong += [line for line in found if "ended with" not in line]
                ends = Counter(
                    (call.node, call.did[-1].what if call.did else "nobody",
                     call.variables.get("variable_python_error", "")) for call in calls.calls.values()
                )  # fmt: skip
                for (node, last, why), number in ends.items():
                    print(f"  {node}: {number} calls, last {last}, {why or 'no error'}")
                wrong += [f"call {call.uuid} has not ended" for call in calls.calls.values() if call.ended is None]
    print(f"{len(wrong)} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(rig.number(1, 500), rig.number(2, 10), rig.number(3, 100)))
