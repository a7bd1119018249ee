"""A switch that is none, and programs with a link to it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from hosts.fake_switch import Client, FakeSwitch
from support.links import Start


@pytest.fixture
def fake() -> Iterator[FakeSwitch]:
    """A switch that is none."""
    switch = FakeSwitch()
    yield switch
    switch.close()


@pytest.fixture
def client() -> Iterator[Start]:
    """Start a program with a link."""
    started: list[Client] = []

    def start(script: str, *switches: FakeSwitch | int) -> Client:
        ports = [switch if isinstance(switch, int) else switch.port for switch in switches]
        started.append(Client(script, *ports))
        return started[-1]

    yield start
    for one in started:
        one.kill()
