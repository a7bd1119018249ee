"""What the switch keeps for its test: lines of the log, and letters."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Letter:
    """A letter that a script sent; `file` is the path of what was attached."""

    to: str
    sender: str
    headers: str
    body: str
    file: str


@dataclass(frozen=True)
class LogLine:
    """One line of the switch's log; `time` is the switch's."""

    time: float
    level: str
    file: str
    line: int
    func: str
    uuid: str
    text: str

    def __str__(self) -> str:
        return f"{self.uuid} {self.time:.3f} [{self.level}] {self.file}:{self.line} {self.text}".lstrip()
