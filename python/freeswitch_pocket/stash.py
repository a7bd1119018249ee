"""What the plugin keeps with pytest: the switches that a test has used, and the FreeSWITCH that the tests run on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import pytest

if TYPE_CHECKING:
    from freeswitch_pocket.real.installed import FreeSwitch
    from freeswitch_pocket.real.switch import Instances


class Used(Protocol):
    """A switch that a test has used, and what is to be said of it."""

    def failures(self) -> str:
        """Say what scripts have done that fails a test; once."""
        ...

    def sections(self) -> list[tuple[str, str]]:
        """Give the calls, the prints and the log, each with its title."""
        ...


@dataclass
class Real:
    """The FreeSWITCH that tests run on, and what runs of it."""

    switch: FreeSwitch
    instances: Instances | None = None


# Switches that the test has used.
USED = pytest.StashKey[list[Used]]()
# None where the switch is pocket.
REAL = pytest.StashKey[Real | None]()
