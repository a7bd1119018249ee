"""What a command in Python costs, beside the switch's own: ratios, because times are the machine's."""

from __future__ import annotations

import statistics

import pytest

from hosts.base import Host

ROUNDS = 5
# In rounds of one another's time, so that a machine that slows down slows both.
LOOP = """
local api = freeswitch.API()
-- The core's clock ticks in 20 ms: a loop lasts half a second or more, or says nothing.
local function timed(count, command, argument)
    local start = api:getTime()
    for i = 1, count do api:execute(command, argument) end
    return api:getTime() - start
end
local count = 10000
while timed(count, "echo", "hello") < 500 do count = count * 2 end
for round = 1, %d do
    stream:write(timed(count, "echo", "hello") .. " " .. timed(count, "python", "%s hello") .. "\\n")
end
"""


@pytest.mark.freeswitch_only
def test_a_one_line_command_costs_little_more_than_echo(host: Host) -> None:
    name = host.script("def fsapi(session, stream, env, args): stream.write(args)")
    (host.script_dir / "loop.lua").write_text(LOOP % (ROUNDS, name))
    reply = host.bgapi("lua loop.lua", timeout=120)
    rounds = [tuple(map(float, line.split())) for line in reply.split("\n") if line]
    assert len(rounds) == ROUNDS, reply
    echo = statistics.median(first for first, _ in rounds)
    python = statistics.median(second for _, second in rounds)
    assert python <= 1.5 * echo, f"{python / echo:.2f} times echo's: {rounds}"
