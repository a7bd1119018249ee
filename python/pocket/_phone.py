"""Phones that scripts call."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pocket._call import Call
    from pocket._switch import Switch


class Phone:
    """A phone, or all whose addresses are like a pattern; `Switch.phone` makes one."""

    def __init__(self, switch: Switch, address: str) -> None:
        self._switch = switch
        self.address = address

    @property
    def calls(self) -> list[Call]:
        """The legs that have reached it, those that are over too, in order."""
        return [leg for leg in self._switch.legs if leg.phone == self.address]

    def __repr__(self) -> str:
        return f"<pocket.Phone {self.address}>"
