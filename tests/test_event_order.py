"""No event is lost between two waits."""

from __future__ import annotations

import json

import pytest

from hosts.base import Host
from support.saw import script_file

CASES = 400


@pytest.mark.parametrize("first", [1, 10_001, 20_001])
def test_waits_see_what_the_model_sees(host: Host, first: int) -> None:
    name = host.script(script_file("waits_model.py"))
    assert json.loads(host.api(f"python {name} {first} {CASES}")) == {"wrong": 0, "first": []}
