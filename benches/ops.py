"""What single operations cost, beside mod_python3 and mod_lua on the same FreeSWITCH.

Each module runs in a switch of its own, since mod_rust and mod_python3 do not load together; the rounds
alternate between them, and the medians are printed as ratios: 1.0 is mod_rust.
"""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Callable
from contextlib import ExitStack

import rig
from hosts.freeswitch import FreeSwitchHost

LOOPS = 50_000
# In this order in both languages; `e` is an event with some headers, `e2` one that is made.
OPERATIONS = ("ready", "getVariable", "setVariable", "getHeader", "serialize", "create an event", "(empty loop)")

PYTHON = f"""
import json, time
import freeswitch

def handler(session, args):
    e = freeswitch.Event("CUSTOM", "bench::one")
    for n in range(20):
        e.addHeader("Header-%d" % n, "value %d" % n)

    def ready(loops):
        for _ in range(loops): session.ready()
    def get_variable(loops):
        for _ in range(loops): session.getVariable("bench")
    def set_variable(loops):
        for _ in range(loops): session.setVariable("bench", "value")
    def get_header(loops):
        for _ in range(loops): e.getHeader("Header-10")
    def serialize(loops):
        for _ in range(loops): e.serialize()
    def create(loops):
        for _ in range(loops):
            e2 = freeswitch.Event("CUSTOM", "bench::two")
            e2.addHeader("One", "1")
            e2.addHeader("Two", "2")
    def empty(loops):
        for _ in range(loops): pass

    times = []
    session.setVariable("bench", "value")
    for loop in (ready, get_variable, set_variable, get_header, serialize, create, empty):
        begun = time.perf_counter()
        loop({LOOPS})
        times.append(time.perf_counter() - begun)
    session.setVariable("times", json.dumps(times))
"""

LUA = f"""
local e = freeswitch.Event("CUSTOM", "bench::one")
for n = 0, 19 do e:addHeader("Header-" .. n, "value " .. n) end
local loops = {LOOPS}
local function timed(body)
    -- Nothing here waits: the processor's time is the time.
    local begun = os.clock()
    body()
    return os.clock() - begun
end
session:setVariable("bench", "value")
local times = {{
    timed(function() for _ = 1, loops do session:ready() end end),
    timed(function() for _ = 1, loops do session:getVariable("bench") end end),
    timed(function() for _ = 1, loops do session:setVariable("bench", "value") end end),
    timed(function() for _ = 1, loops do e:getHeader("Header-10") end end),
    timed(function() for _ = 1, loops do e:serialize() end end),
    timed(function() for _ = 1, loops do
        local e2 = freeswitch.Event("CUSTOM", "bench::two")
        e2:addHeader("One", "1")
        e2:addHeader("Two", "2")
    end end),
    timed(function() for _ = 1, loops do end end),
}}
session:setVariable("times", "[" .. table.concat(times, ",") .. "]")
"""


MODULES = ("mod_rust", "mod_python3", "mod_lua")


def prepare(host: FreeSwitchHost, module: str) -> Callable[[], list[float]]:
    """Give what makes one round with a module."""
    (host.script_dir / "ops.lua").write_text(LUA, encoding="utf-8")
    host.script(PYTHON, "bench_ops")
    app, data = ("lua", "ops.lua") if module == "mod_lua" else ("python", "bench_ops")

    def one() -> list[float]:
        result = host.call("answer", (app, data), timeout=300)
        if "times" not in result.variables:
            raise SystemExit(f"{app} gave no times:\n{host.log_text()[-3000:]}")
        times: list[float] = json.loads(result.variables["times"])
        return times

    return one


def main(rounds: int) -> int:
    """Run, and print; 1 when an operation is slower than mod_python3's."""
    times: dict[str, list[list[float]]] = {module: [] for module in MODULES}
    with ExitStack() as stack:
        hosts = {module: stack.enter_context(rig.running(module=module, quiet=False)) for module in MODULES}
        runs = {module: prepare(host, module) for module, host in hosts.items()}
        for round_ in range(rounds + 1):
            for module, one in runs.items():
                taken = one()
                if round_:  # the first warms up
                    times[module].append(taken)
    medians = {
        module: [statistics.median(column) for column in zip(*rows, strict=True)] for module, rows in times.items()
    }
    print(f"{rig.switch().name}, {rounds} rounds of {LOOPS}; times as ratios to mod_rust's")
    print(f"{'':16} {'mod_rust':>12} {'mod_python3':>12} {'mod_lua':>12}")
    for n, name in enumerate(OPERATIONS):
        own = medians["mod_rust"][n]
        columns = " ".join(f"{medians[module][n] / own:12.2f}" for module in medians)
        print(f"{name:16} {columns}   ({own / LOOPS * 1e9:.0f} ns)")
    slower = [name for n, name in enumerate(OPERATIONS[:-1]) if medians["mod_rust"][n] > medians["mod_python3"][n]]
    print(f"slower than mod_python3: {', '.join(slower) or 'none'}")
    return 1 if slower else 0


if __name__ == "__main__":
    sys.exit(main(rig.number(1, 5)))
