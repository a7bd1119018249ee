"""What the switch sends to a client, byte by byte."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Literal, NamedTuple

from pocket import _pocket

Format = Literal["plain", "json", "xml"]

# mod_event_socket has room for so many bytes of a reply, and of a log line's headers.
REPLY_ROOM = 511
LOG_ROOM = 1023

AUTH_REQUEST = b"Content-Type: auth/request\n\n"
GOODBYE = b"Disconnected, goodbye.\nSee you at ClueCon! http://www.cluecon.com/\n"
SHUTDOWN = b"The system is being shut down.\n"
GO_AWAY = b"Access Denied, go away.\n"

LEVELS = ("CONSOLE", "ALERT", "CRIT", "ERR", "WARNING", "NOTICE", "INFO", "DEBUG")


class Line(NamedTuple):
    """A line of the switch's log; `epoch` are microseconds since 1970."""

    level: int
    epoch: int
    file: bytes
    func: bytes
    line: int
    uuid: bytes
    text: bytes


class Event:
    """An event, and its text in the formats that it has been sent in so far."""

    def __init__(self, fired: _pocket.Fired) -> None:
        self.fired = fired
        self.kind = fired.kind
        self.subclass = fired.subclass
        self._texts: dict[Format, bytes] = {}
        self._write: dict[Format, Callable[[], bytes]] = {"plain": fired.plain, "json": fired.json, "xml": fired.xml}

    def get(self, name: bytes) -> bytes | None:
        """A header's value."""
        return self.fired.get(name)

    def packet(self, form: Format) -> bytes:
        """What a client gets."""
        text = self._texts.get(form)
        if text is None:
            text = self._texts[form] = {"plain": self.fired.plain, "json": self.fired.json, "xml": self.fired.xml}[
                form
            ]()
        return b"Content-Length: %d\nContent-Type: text/event-%s\n\n%s" % (len(text), form.encode(), text)


def reply(text: bytes) -> bytes:
    """The reply to a command."""
    return b"Content-Type: command/reply\nReply-Text: %s\n\n" % text[:REPLY_ROOM]


def job_reply(job: bytes) -> bytes:
    """The reply to bgapi."""
    return b"Content-Type: command/reply\nReply-Text: +OK Job-UUID: %s\nJob-UUID: %s\n\n" % (job, job)


def response(text: bytes) -> bytes:
    """The reply to api."""
    text = text or b"-ERR no reply\n"
    return b"Content-Type: api/response\nContent-Length: %d\n\n%s" % (len(text), text)


def rejection() -> bytes:
    """What a client gets that comes from where none is let in."""
    return b"Content-Type: text/rude-rejection\nContent-Length: %d\n\n%s" % (len(GO_AWAY), GO_AWAY)


def disconnect(message: bytes, uuid: bytes | None) -> bytes:
    """The last that a client gets; `uuid` is the call that it controls."""
    controlled = b""
    if uuid is not None:
        controlled = b"Controlled-Session-UUID: %s\nContent-Disposition: disconnect\n" % uuid
    return b"Content-Type: text/disconnect-notice\n%sContent-Length: %d\n\n%s" % (controlled, len(message), message)


def lingering(uuid: bytes, name: bytes, seconds: int) -> bytes:
    """What a client gets that lingers when its call has ended."""
    return (
        b"Content-Type: text/disconnect-notice\nControlled-Session-UUID: %s\nContent-Disposition: linger\n"
        b"Channel-Name: %s\nLinger-Time: %d\nContent-Length: 0\n\n" % (uuid, name, seconds)
    )


def log(line: Line) -> bytes:
    """A line of the log."""
    when = datetime.fromtimestamp(line.epoch / 1e6).strftime("%Y-%m-%d %H:%M:%S.%f")
    level = LEVELS[line.level] if 0 <= line.level < len(LEVELS) else "DEBUG"
    text = b"%s 100.00%% [%s] %s:%d %s\n" % (when.encode(), level.encode(), line.file, line.line, line.text)
    head = b"Content-Type: log/data\nContent-Length: %d\nLog-Level: %d\nText-Channel: %d\n" % (
        len(text),
        line.level,
        # FreeSWITCH's numbers of the log of a call, and of the log.
        3 if line.uuid else 0,
    )
    head += b"Log-File: %s\nLog-Func: %s\nLog-Line: %d\nUser-Data: %s\n\n" % (
        line.file,
        line.func,
        line.line,
        line.uuid,
    )
    return head[:LOG_ROOM] + text
