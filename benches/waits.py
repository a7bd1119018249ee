"""Waits one after the other, on SIP calls of the switch to itself and under load from two busy processes: none is lost.

Arguments: how many calls of each kind (200), and bursts of digits (100).
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import rig
from hosts.freeswitch import FreeSwitchHost
from hosts.ports import free_port

DIGITS = "12345678901234567890"
PATIENCE = 60.0
AT_ONCE = 10

SCRIPT = """
import asyncio, json, threading
import freeswitch
from freeswitch import apps, events

seen = {"bridge": 0, "create": 0, "burst": 0}
lost = []

class Bridges:
    @apps.coroutine("CHANNEL_PARK")
    async def on_park(self, session):
        if session.get("Caller-Destination-Number") != "BRIDGED" or session.is_outbound(): return
        session.bridge("sofia/bench/CALLEE@127.0.0.1:PORT")
        for name in ("CHANNEL_ANSWER", "CHANNEL_BRIDGE"):
            try: await session.recv(name, timeout=30)
            except TimeoutError: lost.append("bridge: " + name)
        seen["bridge"] += 1
        session.hangup()

    @apps.coroutine("CHANNEL_CREATE")
    async def on_create(self, session):
        if session.get("Caller-Destination-Number") != "PARKED" or session.is_outbound(): return
        try: await session.recv("CHANNEL_PARK", timeout=30)
        except TimeoutError: lost.append("create: CHANNEL_PARK")
        seen["create"] += 1
        session.hangup()

def burst(uuid):
    for digit in "DIGITS":
        event = freeswitch.Event("DTMF")
        event["Unique-ID"], event["DTMF-Digit"] = uuid, digit
        event.fire()

async def bursts(count):
    for number in range(count):
        uuid, digits = f"burst-{number}", ""
        guard = {"Unique-ID": uuid}
        wait = events.once("DTMF", guard=guard, timeout=30)
        threading.Thread(target=burst, args=(uuid,)).start()
        try:
            while len(digits) < len("DIGITS"):
                digits += (await wait)["DTMF-Digit"]
                if len(digits) < len("DIGITS"): wait = events.once("DTMF", guard=guard, timeout=30)
        except TimeoutError: lost.append(f"burst: {digits}")
        if sorted(digits) != sorted("DIGITS"): lost.append(f"burst: {digits}")
        seen["burst"] += 1

async def fsapi(session, stream, env, args):
    if args == "load": apps.load(Bridges, app_id="default")
    elif args.startswith("bursts "): await bursts(int(args.split()[1]))
    stream.write(json.dumps({"seen": seen, "lost": lost}))
"""

SOFIA = """<configuration name="sofia.conf"><profiles><profile name="bench"><settings>
<param name="sip-ip" value="127.0.0.1"/><param name="rtp-ip" value="127.0.0.1"/><param name="sip-port" value="{port}"/>
<param name="context" value="default"/><param name="dialplan" value="XML"/><param name="auth-calls" value="false"/>
<param name="manage-presence" value="false"/></settings></profile></profiles></configuration>
"""


@contextmanager
def load(count: int) -> Iterator[None]:
    """Keep so many processes busy."""
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for process in busy:
            process.kill()
            process.wait()


def state(host: FreeSwitchHost, name: str, verb: str = "read") -> dict[str, dict[str, int]]:
    """Ask the script what it has seen."""
    found: dict[str, dict[str, int]] = json.loads(host.pool.api(f"python {name} {verb}"))
    return found


def calls(host: FreeSwitchHost, name: str, kind: str, to: str, count: int) -> None:
    """Place calls, so many at once, and wait until the script has seen them all."""
    until = time.monotonic() + PATIENCE + count
    placed = 0
    while (done := state(host, name)["seen"][kind]) < count:
        while placed < count and placed - done < AT_ONCE:
            host.pool.api(f"bgapi originate {{originate_timeout=30}}sofia/bench/{to} &park()")
            placed += 1
        if time.monotonic() > until:
            print(f"  {kind}: {count - done} of {count} calls never got there")
            return
        time.sleep(0.02)


def main(count: int, bursts: int) -> int:
    """Run, and print what was lost."""
    with rig.running() as host, load(2):
        port = free_port(socket.SOCK_DGRAM)
        host.write_config("sofia.conf", SOFIA.format(port=port))
        callee = host.extension("answer", ("sleep", "2000"))
        parked = host.extension(("park", ""))
        bridged = host.extension("pre_answer", ("park", ""))
        if "+OK" not in host.pool.api("load mod_sofia"):
            raise SystemExit(f"mod_sofia does not load:\n{host.log_text()[-2000:]}")
        script = SCRIPT.replace("BRIDGED", bridged).replace("PARKED", parked).replace("CALLEE", callee)
        name = host.script(script.replace("PORT", str(port)).replace("DIGITS", DIGITS), "bench_waits")
        state(host, name, "load")
        calls(host, name, "bridge", f"{bridged}@127.0.0.1:{port}", count)
        calls(host, name, "create", f"{parked}@127.0.0.1:{port}", count)
        found = state(host, name, f"bursts {bursts}")
    seen, lost = found["seen"], list(found["lost"])
    print(f"{rig.switch().name}, two busy processes beside it, on two processors")
    print(f"  {seen['bridge']} SIP calls: CHANNEL_ANSWER and CHANNEL_BRIDGE after bridge()")
    print(f"  {seen['create']} SIP calls: CHANNEL_PARK after CHANNEL_CREATE")
    print(f"  {seen['burst']} bursts of {len(DIGITS)} digits")
    print(f"  lost: {len(lost)} {lost[:5] if lost else ''}")
    whole = (seen["bridge"], seen["create"], seen["burst"]) == (count, count, bursts)
    return 0 if whole and not lost else 1


if __name__ == "__main__":
    sys.exit(main(rig.number(1, 200), rig.number(2, 100)))
