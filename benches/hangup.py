"""How long after a hangup the coroutine of a call knows, while it awaits `session.play(...)`.

All calls play; then they are hung up one after another, half of them by `uuid_kill` and half by the far end.
Printed: milliseconds from the command to the coroutine's cancellation, by the clock of the process that both are in.
"""

from __future__ import annotations

import json
import statistics
import sys
import time

import rig

SCRIPT = """
import asyncio, json, time
import freeswitch

playing, begun, seen = {}, {}, {}

async def handler(session, args):
    await session.answer()
    playing[session.uuid] = session.variables["other_loopback_leg_uuid"]
    try:
        await session.play("silence_stream://120000")
    except asyncio.CancelledError:
        seen[session.uuid] = time.monotonic()
        raise

def fsapi(session, stream, env, args):
    if args == "playing":
        stream.write(str(len(playing)))
        return
    for number, (uuid, other) in enumerate(playing.items()):
        begun[uuid] = time.monotonic()
        freeswitch.API().execute("uuid_kill", other if number % 2 else uuid)
        while uuid not in seen and time.monotonic() < begun[uuid] + 5:
            time.sleep(0.001)
    stream.write(json.dumps([(seen[uuid] - begun[uuid]) * 1000 if uuid in seen else None for uuid in playing]))
"""


def main(calls: int) -> int:
    """Run, and print; 1 when a coroutine did not see the hangup within 50 ms."""
    with rig.running() as host:
        name = host.script(SCRIPT)
        extension = host.extension(("python", name))
        for _ in range(calls):
            host.pool.api(f"bgapi originate {{loopback_bowout=false}}loopback/{extension}/default/xml &park")
            time.sleep(0.05)
        until = time.monotonic() + 20
        while int(host.pool.api(f"python {name} playing")) < calls and time.monotonic() < until:
            time.sleep(0.1)
        seen: list[float | None] = json.loads(host.pool.api(f"python {name}"))
    print(f"{rig.switch().name}: {calls} calls that play")
    late = False
    for who, times in {"hung up here": seen[::2], "hung up by the far end": seen[1::2]}.items():
        known = [time for time in times if time is not None]
        never = len(times) - len(known)
        late |= never > 0 or max(known) > 50
        print(f"  {who}: median {statistics.median(known):.1f} ms, at most {max(known):.1f} ms, {never} never")
    return 1 if late or len(seen) < calls else 0


if __name__ == "__main__":
    sys.exit(main(rig.number(1, 50)))
