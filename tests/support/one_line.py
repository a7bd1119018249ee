"""A command of one line in Python, beside the switch's own `echo`, in a loop in Lua."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from hosts.base import Host

SCRIPT = "def fsapi(session, stream, env, args): stream.write(args)"
LUA = "stream:write(argv[1])"
# In rounds of one another's time, so that a machine that slows down slows all.
LOOP = """
local api = freeswitch.API()
local function timed(count, command, argument)
    local start = api:getTime()
    for i = 1, count do
        if api:execute(command, argument) ~= "hello" then error(command .. " " .. argument) end
    end
    return api:getTime() - start
end
local commands = {}
for command, argument in string.gmatch("%s", "(%%S+) ([^;]+);") do
    -- The core's clock ticks in 20 ms: a loop lasts half a second or more, or says nothing.
    local count = 100
    while timed(count, command, argument) < 500 do count = count * 2 end
    table.insert(commands, {command, argument, count})
end
for round = 1, %d do
    for _, c in ipairs(commands) do stream:write(timed(c[3], c[1], c[2]) / c[3] .. " ") end
    stream:write("\\n")
end
"""


def ratios(host: Host, rounds: int, *commands: str) -> list[float]:
    """What each command costs, as a multiple of `echo`'s cost: medians of the rounds."""
    lines = "".join(f"{command};" for command in ("echo hello", *commands))
    (host.script_dir / "loop.lua").write_text(LOOP % (lines, rounds), encoding="utf-8")
    reply = host.bgapi("lua loop.lua", timeout=60 + 10 * rounds * (1 + len(commands)))
    times: Sequence[tuple[float, ...]] = [tuple(map(float, line.split())) for line in reply.split("\n") if line]
    assert len(times) == rounds and all(len(row) == 1 + len(commands) for row in times), reply
    echo, *others = (statistics.median(column) for column in zip(*times, strict=True))
    return [other / echo for other in others]
