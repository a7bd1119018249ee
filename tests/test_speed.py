"""What a command in Python costs, beside the switch's own: ratios, because times are the machine's."""

from __future__ import annotations

import pytest

import one_line
from hosts.base import Host


@pytest.mark.freeswitch_only
def test_a_one_line_command_costs_little_more_than_echo(host: Host) -> None:
    name = host.script(one_line.SCRIPT)
    [python] = one_line.ratios(host, 7, f"python {name} hello")
    assert python <= 1.2, f"{python:.2f} times echo's"
