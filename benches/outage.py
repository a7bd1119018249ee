"""Calls in two switches and in four workers, while their server is killed and started again: what is lost.

ARGS: calls in the switches (9000), a second (60), at most at once (150), calls of workers (1000). Each call leaves a
record by itself (`bus-call-records`). The server is killed by SIGKILL, is away for three seconds, and is started again
with what it had on its disk, every fifteen seconds. Each call of the switches is to end as its dialplan says, each of
the workers that one has taken to have done all of its steps, and of each there is to be one record.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections import Counter

import bus_rig
import rig
from support.nats import Nats, state

STEPS, STEP_MS = 4, 1000
UP, AWAY = 15.0, 3.0
NAME = "cdr"
# How long it is waited for a further record, in seconds.
QUIET = 10.0

READER = """
import asyncio, json, sys
from freeswitch import bus, records
from freeswitch.apps._places import run_on_loop

async def main():
    found = []
    reading = records.read(sys.argv[2], reader="bench").__aiter__()
    try:
        while True:
            record = await asyncio.wait_for(anext(reading), float(sys.argv[3]))
            found.append((record.value["Unique-ID"], record.value["Hangup-Cause"]))
            await record.done()
    except TimeoutError:
        print(json.dumps(found))

bus.connect(sys.argv[1], node="reader")
run_on_loop(main())
"""


def breaks(nats: Nats, over: threading.Event) -> int:
    """Kill the server again and again; how often."""
    times = 0
    while not over.wait(UP):
        nats.stop()
        time.sleep(AWAY)
        nats.start()
        times += 1
    return times


def main(count: int, rate: int, at_once: int, of_workers: int) -> int:
    """Run, and print; 1 when something is wrong."""
    print(bus_rig.load_average())
    recorded = ("bus-call-records", NAME)
    with bus_rig.server() as (nats, folder), bus_rig.two_switches(folder, lambda _: nats.url, recorded) as hosts:
        program = folder / "stepped.py"
        program.write_text(bus_rig.PROGRAM, encoding="utf-8")
        # Both switches count their extensions alike.
        (plain,) = {host.extension(("answer", ""), ("sleep", "1000"), ("hangup", "USER_BUSY")) for host in hosts}
        (served,) = {host.extension(("pyremote", f"stepped {STEPS} {STEP_MS}"), ("set", "w=1")) for host in hosts}
        with bus_rig.some_workers(hosts[0], [nats.url] * 4, program):
            bus_rig.first_calls(hosts, served)
            here, there = bus_rig.Calls(hosts), bus_rig.Calls(hosts)
            over, times = threading.Event(), []
            breaking = threading.Thread(target=lambda: times.append(breaks(nats, over)))
            breaking.start()
            worked = of_workers * rate / count
            placing = [
                threading.Thread(target=here.place, args=(count, rate, at_once, plain)),
                threading.Thread(target=there.place, args=(of_workers, worked, at_once, served)),
            ]
            for one in placing:
                one.start()
            for one in placing:
                one.join()
            here.wait(30)
            there.wait(60)
            over.set()
            breaking.join()
        calls = {**here.calls, **there.calls}
        wrong = [f"call {call.uuid} in a switch ended with {call.cause!r}"
                 for call in here.calls.values() if call.cause != "USER_BUSY"]  # fmt: skip
        unserved = 0
        for call in there.calls.values():
            done = {did.step for did in call.did if did.what == "step"}
            if not call.did and "no worker" in call.variables.get("variable_python_error", ""):
                # It came while nobody could be reached.
                unserved += 1
            elif call.cause != "NORMAL_CLEARING" or done != set(range(STEPS)):
                why = call.variables.get("variable_python_error", "")
                wrong.append(f"call {call.uuid} of a worker ended with {call.cause!r} after {sorted(done)}: {why}")
        line = [sys.executable, "-c", READER, nats.url, NAME, str(QUIET)]
        read = subprocess.run(line, capture_output=True, text=True, timeout=300, check=False)
        if read.returncode:
            raise SystemExit(read.stderr)
        found = Counter(uuid for uuid, _ in json.loads(read.stdout))
        lost = [uuid for uuid in calls if uuid not in found]
        twice = [uuid for uuid in calls if found[uuid] > 1]
        wrong += [f"call {uuid} has no record" for uuid in lost]
        print(f"the server was killed {times[0]} times; {len(calls)} calls, {len(calls) - len(lost)} of them with a"
              f" record, {len(twice)} with two; {unserved} came while no worker could be reached")  # fmt: skip
        for host in hosts:
            names = ("lost_records", "queued_records", "remote_orphaned_calls", "remote_unserved_calls")
            print(host.name, {name: state(host, name) for name in names})
        for of_them in (here, there):
            of_them.close()
    print(*wrong[:20], f"{len(wrong)} wrong, {bus_rig.load_average()}", sep="\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(rig.number(1, 9000), rig.number(2, 60), rig.number(3, 150), rig.number(4, 1000)))
