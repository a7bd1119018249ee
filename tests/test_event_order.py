"""No event is lost between two waits."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hosts.base import Host

CASES = 400


@pytest.mark.parametrize("first", [1, 10_001, 20_001])
def test_waits_see_what_the_model_sees(host: Host, first: int) -> None:
    name = host.script(Path(__file__).with_name("waits_model.py").read_text())
    assert json.loads(host.api(f"python {name} {first} {CASES}")) == {"wrong": 0, "first": []}
