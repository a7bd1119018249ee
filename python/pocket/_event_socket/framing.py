"""Bytes from a client into its commands, as mod_event_socket reads them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

# What is longer ends where it is: mod_event_socket takes no command of more bytes.
COMMAND_LIMIT = 10_485_760
# A body may be as long as a command. mod_event_socket takes any length that is claimed, and waits for it.
BODY_LIMIT = COMMAND_LIMIT

LINE_END = re.compile(rb"[\r\n]")

Headers = list[tuple[bytes, bytes]]


class FramingError(Exception):
    """The client has sent what cannot be read as a command."""


@dataclass
class Message:
    """One command.

    text: all its lines as they came. The first of them is the command, the others are its headers; only
    what looks at the text cuts it, which is why clients and events can see all of it.
    """

    text: bytes
    headers: Headers = field(default_factory=list)
    body: bytes | None = None

    @property
    def line(self) -> bytes:
        """The command's own line."""
        return cut(self.text)

    def get(self, name: str) -> bytes | None:
        """The first header of that name, in any case."""
        wanted = name.encode().lower()
        return next((value for key, value in self.headers if key.lower() == wanted), None)

    def as_event(self) -> Headers:
        """Its headers as an event has them."""
        return [(b"Command", self.text), *self.headers]


def cut(text: bytes) -> bytes:
    """The text up to the end of its line."""
    return LINE_END.split(text, 1)[0]


def before_nul(text: bytes) -> bytes:
    """What C sees of a text."""
    return text.partition(b"\0")[0]


def length(text: bytes) -> int:
    """What atoi makes of a text."""
    text = text.strip()
    digits = text[1:] if text[:1] in (b"+", b"-") else text
    count = 0
    while count < len(digits) and digits[count : count + 1].isdigit():
        count += 1
    # A number of more digits is no length of anything; int() of a long one takes long, too.
    number = int(digits[: min(count, 18)] or b"0")
    return -number if text[:1] == b"-" else number


def _headers(lines: list[bytes]) -> Headers:
    headers: Headers = []
    for line in lines:
        name, colon, value = line.partition(b":")
        if colon:
            headers.append((name, value.lstrip(b" ")))
    return headers


class Framer:
    """What was received from a client, and which commands are in it."""

    def __init__(self) -> None:
        self._kept = bytearray()
        # How far it has been looked through for the end of a command.
        self._seen = 0
        # A command whose body has not come yet, and how much is missing.
        self._waiting: Message | None = None
        self._missing = 0

    def feed(self, data: bytes) -> None:
        """Take in what was received."""
        self._kept += data

    def full(self, limit: int) -> bool:
        """Whether so much was received beyond what the command that is being read may need."""
        needs = COMMAND_LIMIT if self._waiting is None else self._missing
        return len(self._kept) > needs + limit

    @property
    def between(self) -> bool:
        """Whether nothing of a next command was received: only then does the switch send events."""
        self._skip_ends()
        return self._waiting is None and not self._kept

    def _skip_ends(self) -> None:
        """Drop empty lines before a command."""
        if self._waiting is None and self._kept.startswith((b"\r", b"\n")):
            self._kept = self._kept.lstrip(b"\r\n")
            self._seen = 0

    def next(self) -> Message | None:
        """The next command that is complete, if there is one."""
        if self._waiting is None:
            self._skip_ends()
            end = self._end()
            if end is None:
                return None
            self._begin(bytes(self._kept[:end]))
            del self._kept[:end]
            self._seen = 0
        return self._with_body()

    def _end(self) -> int | None:
        """Where the first command ends: behind two line ends, with any carriage returns between them."""
        at = self._kept.find(b"\n", self._seen, COMMAND_LIMIT)
        while at >= 0:
            second = at + 1
            while self._kept[second : second + 1] == b"\r":
                second += 1
            if second >= len(self._kept):
                break
            if self._kept[second] == 0x0A:
                return min(second + 1, COMMAND_LIMIT)
            at = self._kept.find(b"\n", second, COMMAND_LIMIT)
        if len(self._kept) >= COMMAND_LIMIT:
            return COMMAND_LIMIT
        # A line end that may be the first of two is looked at again.
        self._seen = len(self._kept) if at < 0 else at
        return None

    def _begin(self, block: bytes) -> None:
        text = before_nul(block)
        lines = [line for line in text.replace(b"\r", b"\n").split(b"\n") if line]
        message = Message(text, _headers(lines[1:]))
        # Each Content-Length that is positive reads a body; a second one is a second body.
        missing = [length(value) for name, value in message.headers if name.lower() == b"content-length"]
        self._missing = sum(count for count in missing if count > 0)
        if self._missing > BODY_LIMIT:
            raise FramingError(f"a body of {self._missing} bytes; at most {BODY_LIMIT} are taken")
        self._waiting = message

    def _with_body(self) -> Message | None:
        message = self._waiting
        if message is None or len(self._kept) < self._missing:
            return None
        if self._missing:
            message.body = before_nul(bytes(self._kept[: self._missing]))
            del self._kept[: self._missing]
        self._waiting = None
        self._missing = 0
        return message
