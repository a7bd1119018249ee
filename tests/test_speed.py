"""What a command in Python costs, beside the switch's own: ratios, because times are the machine's."""

from __future__ import annotations

import pytest

from hosts.base import Host
from support import one_line


@pytest.mark.freeswitch_only
def test_a_one_line_command_costs_little_more_than_echo(host: Host) -> None:
    name = host.script(one_line.SCRIPT)
    seen: list[float] = []
    # What else the machine does only makes it slower.
    while len(seen) < 4 and not any(ratio <= 1.2 for ratio in seen):
        seen += one_line.ratios(host, 5, f"python {name} hello")
    assert min(seen) <= 1.2, f"{seen} times echo's"
