"""Whatever a test gives the core, the switch goes on."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from hosts.base import Host


@pytest.fixture(autouse=True)
def the_switch_goes_on(host: Host) -> Iterator[None]:
    """Ask it, and make a call."""
    yield
    assert "is ready" in host.api("status")
    assert host.run("set", "still=here").variables["still"] == "here"
