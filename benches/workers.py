"""Calls that workers serve over two switches, while one worker is killed and one stands still (SIGSTOP).

ARGS: calls (1000), a second (20), at most at once (200), a seed. Each call has eight steps of a second and keeps a
checkpoint after each. From the log of both switches (each verb that was carried out, with its epoch), of the server
(each checkpoint that it has kept) and of what workers asked: each call of the two goes on from its last checkpoint,
within two seconds, or had ended; nothing that the one which stood still asks for afterwards is carried out, and none
of its checkpoints is kept; at no time do two epochs have verbs carried out.
"""

from __future__ import annotations

import random
import signal
import sys
import threading
import time

import bus_rig
import rig
from support.nats import state

STEPS, STEP_MS = 8, 1000
WITHIN = 2.0
STOPPED = 6.0


def went_on(calls: bus_rig.Calls, pid: int, at: float, what: str) -> list[str]:
    """How soon the calls of a process that was ended or stopped at this time went on; what is wrong."""
    wrong, gaps, ended = [], [], 0
    for call in calls.calls.values():
        if call.owner(at) != pid:
            continue
        after = call.next_owner(pid, at)
        if after is not None:
            gaps.append(after - at)
        elif call.ended is not None and call.did[-1].what == "end":
            ended += 1
        else:
            wrong.append(f"call {call.uuid} of the worker that was {what} did not go on")
    late = [gap for gap in gaps if gap > WITHIN]
    print(f"{what}: {len(gaps)} calls went on with another after {bus_rig.quantiles(gaps)} s; {ended} were ending")
    return [*wrong, *(f"a call of the worker that was {what} went on after {gap:.2f} s" for gap in late)]


def main(count: int, rate: int, at_once: int, seed: int) -> int:
    """Run, and print; 1 when something is wrong."""
    chance = random.Random(seed)
    print(f"seed {seed}, {bus_rig.load_average()}")
    with bus_rig.server() as (nats, folder), bus_rig.two_switches(folder, lambda _: nats.url) as hosts:
        program = folder / "stepped.py"
        program.write_text(bus_rig.PROGRAM, encoding="utf-8")
        extensions = [host.extension(("pyremote", f"stepped {STEPS} {STEP_MS}"), ("set", "went=on")) for host in hosts]
        with bus_rig.some_workers(hosts[0], [nats.url] * 4, program) as workers:
            bus_rig.first_calls(hosts, extensions[0])
            calls, log = bus_rig.Calls(hosts), bus_rig.Log(nats)
            placing = threading.Thread(target=calls.place, args=(count, rate, at_once, extensions[0]))
            placing.start()
            seconds = count / rate
            killed, stopped = chance.sample(workers, 2)
            time.sleep(seconds * chance.uniform(0.2, 0.45))
            at_kill = time.time()
            killed.send(signal.SIGKILL)
            time.sleep(seconds * chance.uniform(0.1, 0.25))
            at_stop = time.time()
            stopped.send(signal.SIGSTOP)
            time.sleep(STOPPED)
            again = time.time()
            stopped.send(signal.SIGCONT)
            placing.join()
            calls.wait(STEPS * STEP_MS / 1000 * 6)
            time.sleep(1)
            wrong = bus_rig.judged(calls, log, STEPS)
            wrong += went_on(calls, killed.process.pid, at_kill, "killed")
            wrong += went_on(calls, stopped.process.pid, at_stop, "stopped")
            lost = {(call.uuid, did.epoch) for call in calls.calls.values() for did in call.did
                    if did.at < at_stop and did.pid == stopped.process.pid == call.owner(at_stop)}  # fmt: skip
            late = [what for at, worker, uuid, epoch, what in log.asked
                    if worker == stopped.name and at >= again and (uuid, epoch) in lost]  # fmt: skip
            done = [did for call in calls.calls.values() for did in call.did
                    if did.at >= again and (call.uuid, did.epoch) in lost]  # fmt: skip
            refused = [state(host, "remote_refusals") for host in hosts]
            print(f"after SIGCONT it asked {len(late)} things for calls that it had lost; {len(done)} were carried out;"
                  f" the switches have refused {refused}")  # fmt: skip
            wrong += [f"carried out for the one that stood still: {did}" for did in done]
            for host in hosts:
                names = ("offers", "accepts", "late_offers", "orphaned_calls", "unserved_calls")
                print(host.name, {name: state(host, f"remote_{name}") for name in names})
            calls.close()
            log.close()
    print(*wrong[:20], f"{len(wrong)} wrong, {bus_rig.load_average()}", sep="\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(rig.number(1, 1000), rig.number(2, 20), rig.number(3, 200), rig.number(4, int(time.time()))))
