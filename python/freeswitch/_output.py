"""What scripts find as sys.stdout and sys.stderr: text streams that write to the switch's log, line by line."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


class _LogBytes(io.BufferedIOBase):
    """The bytes beneath such a stream, which are text all the same."""

    mode = "wb"

    def __init__(self, text: LogText) -> None:
        self._text = text
        self.name = text.name

    def write(self, data: Any, /) -> int:
        """Write bytes; those that are no UTF-8 go into the log as they are."""
        data = bytes(memoryview(data))
        self._text.write(data.decode("utf-8", "surrogateescape"))
        return len(data)

    def writable(self) -> bool:
        """It can be written to."""
        return True

    def fileno(self) -> int:
        """Give the process's own descriptor."""
        return self._text.fileno()

    def close(self) -> None:
        """Do nothing: it is every script's."""


class LogText(io.TextIOBase):
    """A text stream into the switch's log; each line that ends becomes an entry."""

    mode = "w"
    encoding = "utf-8"
    errors = "surrogateescape"
    newlines = None
    line_buffering = True
    write_through = False
    write: Callable[[str], int]

    def __init__(self, log: Any, name: str, descriptor: int) -> None:
        self.name = name
        self._descriptor = descriptor
        # `print` asks for it at each call: no function of Python's lies between.
        self.write = log.write
        self.buffer = _LogBytes(self)

    def writable(self) -> bool:
        """It can be written to."""
        return True

    def fileno(self) -> int:
        """Give the process's own descriptor, for what writes past Python, as `faulthandler` does."""
        return self._descriptor

    def flush(self) -> None:
        """Do nothing: a line that has begun stays one, though print(..., flush=True) asks for it at every call."""

    def reconfigure(self, **_: Any) -> None:
        """Do nothing: the log has lines of UTF-8, whatever a script would have."""

    def close(self) -> None:
        """Do nothing: it is every script's."""
