"""The commands of the event socket, as mod_event_socket carries them out.

A command is known by how its line begins, in any case, in the order of that module: what it asks first is asked
first here. What is no command, and what has no reply of its own, is answered "-ERR command not found".
"""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Iterator
from typing import TYPE_CHECKING

from pocket._event_socket import packets
from pocket._event_socket.framing import Message, cut, length
from pocket._event_socket.subscription import CUSTOM, FORMATS, kind_of

if TYPE_CHECKING:
    from pocket._event_socket.client import Client

UNKNOWN = b"-ERR command not found"
DEBUG = 7
# FreeSWITCH's number for what is no level, and the most that a number can be.
NO_LEVEL = 64
LEVEL_NAMES = [b"DISABLE", *(name.encode() for name in packets.LEVELS), *(b"DEBUG%d" % n for n in range(1, 11))]
UUID_LENGTH = 36


class Sent:
    """The command has sent its reply itself, or sends none."""


SENT = Sent()
Outcome = bytes | Sent
Command = Callable[["Client", Message], Awaitable[Outcome]]


def is_true(text: bytes | None) -> bool:
    """What switch_true says of a text."""
    if not text:
        return False
    return text.lower() in (b"yes", b"on", b"true", b"t", b"enabled", b"active", b"allow") or (
        text.lstrip(b"+-").isdigit() and length(text) != 0
    )


def _argument(text: bytes, skip: int) -> bytes:
    """What follows the command's name on its line; nothing when the line ends there."""
    return cut(text[skip:].lstrip(b" "))


async def carry_out(client: Client, message: Message) -> Outcome:
    """Carry a command out; its reply."""
    message = _sparing_ourselves(message)
    lower = message.text.lower()
    if lower.startswith((b"exit", b"...")):
        client.running = False
        return b"+OK bye"
    if not client.authenticated:
        return _authenticate(client, message.text, lower)
    for begins, command in _commands_of(client, lower):
        if lower.startswith(begins):
            return await command(client, message)
    return UNKNOWN


def _sparing_ourselves(message: Message) -> Message:
    """A command that would end the module that carries it out runs in the background."""
    lower = message.text.lower()
    for what in (b"unload", b"reload"):
        if b"mod_event_socket" in lower and what in lower:
            return Message(b"api bgapi %s mod_event_socket" % what, message.headers, message.body)
    return message


def _commands_of(client: Client, lower: bytes) -> Iterator[tuple[bytes, Command]]:
    yield from _OF_ALL
    if client.leg is not None or lower.startswith(b"myevents "):
        yield from _OF_A_CALL
    yield from _OF_MESSAGES
    if client.full:
        yield from _OF_THE_SWITCH


def _authenticate(client: Client, text: bytes, lower: bytes) -> Outcome:
    if lower.startswith(b"auth "):
        if client.server.admits(cut(text)[5:]):
            client.authenticated = True
            return b"+OK accepted"
    elif not lower.startswith(b"userauth "):
        return UNKNOWN
    # pocket has no users of the event socket: userauth names one that is not there.
    client.running = False
    return b"-ERR invalid"


# For every client


async def _filter(client: Client, message: Message) -> Outcome:
    filters = client.subscription.filters
    name, space, rest = message.line[7:].lstrip(b" ").partition(b" ")
    if not space:
        return b"-ERR invalid syntax"
    if name.lower() == b"delete":
        name, space, rest = rest.partition(b" ")
        if name.lower() == b"all":
            filters.clear()
        else:
            filters.remove(name, rest or None)
        return b"+OK filter deleted. [%s][%s]" % (name, rest)
    if name.lower() == b"add":
        name, space, rest = rest.partition(b" ")
        if not space:
            return b"+OK filter added. [%s]=[(null)]" % name
    filters.add(name, rest)
    return b"+OK filter added. [%s]=[%s]" % (name, rest)


async def _resume(client: Client, _: Message) -> Outcome:
    if client.leg is None:
        return UNKNOWN
    client.resume = True
    client.leg.set_variable(b"socket_resume", b"true")
    return b"+OK"


# About the call that a client controls


async def _connect(client: Client, _: Message) -> Outcome:
    assert client.leg is not None
    client.leg.connected()
    reply = [
        (b"Content-Type", b"command/reply"),
        (b"Reply-Text", b"+OK\n"),
        (b"Socket-Mode", b"async" if client.asynchronous else b"static"),
        (b"Control", b"full" if client.full else b"single-channel"),
    ]
    await client.send(client.leg.data(reply))
    return SENT


async def _getvar(client: Client, message: Message) -> Outcome:
    assert client.leg is not None
    name = message.line.partition(b" ")[2]
    # An empty reply is no reply.
    return (client.leg.variable(name) if name else None) or UNKNOWN


async def _myevents(client: Client, message: Message) -> Outcome:
    subscription = client.subscription
    if subscription.mine:
        return b"-ERR aready enabled."
    text = message.text
    if client.leg is None:
        text, space, _ = message.line[9:].partition(b" ")
        leg = client.server.control.leg(text)
        if leg is None and space:
            return b"-ERR invalid uuid"
        client.leg = leg
        client.asynchronous = True
    for name in ("xml", "json"):
        if name.encode() in text or name.upper().encode() in text:
            subscription.format = FORMATS[name.encode()]
    subscription.follow()
    client.server.listen()
    return b"+OK Events Enabled"


async def _divert_events(client: Client, message: Message) -> Outcome:
    if client.leg is None:
        return b"-ERR not controlling a session."
    word = _argument(message.text, 13)
    if not word:
        return b"-ERR missing value."
    on = word.lower() == b"on"
    client.leg.divert(on)
    return b"+OK events diverted" if on else b"+OK events not diverted"


async def _sendmsg(client: Client, message: Message) -> Outcome:
    target = _argument(message.text, 7)
    if target:
        # Here mod_event_socket cuts the command at the end of its line.
        message = Message(message.line, message.headers, message.body)
    else:
        target = message.get("session-id") or b""
    own = client.leg
    if own is not None and target in (b"", own.uuid):
        if client.asynchronous or is_true(message.get("async")):
            own.queue(message.as_event(), message.body)
        else:
            await client.server.give(own, message)
        return b"+OK"
    if client.server.control.send_message(target, message.as_event(), message.body):
        return b"+OK"
    return b"-ERR invalid session id [%s]" % target


# About the switch


async def _sendevent(client: Client, message: Message) -> Outcome:
    own = str(uuid.uuid4()).encode()
    headers = [(b"Command", message.line), *message.headers, (b"Event-UUID", own)]
    client.server.control.send_event(message.line[9:].lstrip(b" \t") or None, headers, message.body)
    return b"+OK " + own


async def _api(client: Client, message: Message) -> Outcome:
    line = message.line[4:]
    if is_true(message.get("console_execute")):
        answer = await client.server.command(line, None)
    else:
        name, _, argument = line.partition(b" ")
        answer = await client.server.command(name, argument)
    await client.send(packets.response(answer))
    return SENT


async def _bgapi(client: Client, message: Message) -> Outcome:
    name, space, argument = message.line[6:].partition(b" ")
    job = (message.get("job-uuid") or str(uuid.uuid4()).encode())[:UUID_LENGTH]
    owner = b"" if client.leg is None else client.leg.uuid
    await client.send(packets.job_reply(job))
    client.server.background(job, owner, name, argument if space else None)
    return SENT


def level_of(word: bytes) -> int:
    """The level that a word names, NO_LEVEL for none."""
    if word.lstrip(b"+-").isdigit():
        return min(max(length(word), 0), NO_LEVEL - 1)
    upper = word.upper()
    return LEVEL_NAMES.index(upper) - 1 if upper in LEVEL_NAMES else NO_LEVEL


async def _log(client: Client, message: Message) -> Outcome:
    word = message.line[3:].lstrip(b" ").partition(b" ")[0]
    level = level_of(word) if word else DEBUG
    if level == NO_LEVEL:
        return b"-ERR invalid log level"
    client.log_level = level
    client.server.hear()
    return b"+OK log level %s [%d]" % (word, level)


async def _linger(client: Client, message: Message) -> Outcome:
    if client.leg is None:
        return b"-ERR not controlling a session"
    client.lingers = True
    if message.text[6:7] == b" " and message.text[7:8]:
        client.linger_time = length(message.line[7:])
    else:
        client.linger_time = -1
    if client.linger_time == -1:
        return b"+OK will linger"
    return b"+OK will linger %d seconds" % client.linger_time


async def _nolinger(client: Client, _: Message) -> Outcome:
    if client.leg is None:
        return b"-ERR not controlling a session"
    client.lingers = False
    return b"+OK will not linger"


async def _nolog(client: Client, _: Message) -> Outcome:
    client.lines.clear()
    if client.log_level is None:
        return b"-ERR not loging"
    client.log_level = None
    client.server.hear()
    return b"+OK no longer logging"


def _begin_listening(client: Client) -> None:
    client.subscription.on = True
    client.server.listen()


async def _event(client: Client, message: Message) -> Outcome:
    subscription = client.subscription
    words = message.line[5:].partition(b" ")[2].split(b" ")
    found = custom = False
    for at, word in enumerate(words):
        form = FORMATS.get(word.lower()) if at == 0 else None
        kind = kind_of(word)
        if form is not None:
            subscription.format = form
        elif custom:
            subscription.add_subclass(word)
        elif kind is not None:
            found = True
            subscription.add(kind)
            custom = kind == CUSTOM
    if not found:
        return b"-ERR no keywords supplied"
    _begin_listening(client)
    return b"+OK event listener enabled " + subscription.format.encode()


async def _nixevent(client: Client, message: Message) -> Outcome:
    subscription = client.subscription
    found = custom = False
    for word in message.line[8:].partition(b" ")[2].split(b" "):
        kind = kind_of(word)
        if custom:
            subscription.remove_subclass(word)
        elif kind is not None:
            found = True
            subscription.remove(kind)
            custom = kind == CUSTOM
    if not found:
        return b"-ERR no keywords supplied"
    _begin_listening(client)
    return b"+OK events nixed"


async def _noevents(client: Client, _: Message) -> Outcome:
    client.events.clear()
    if not client.subscription.on:
        return b"-ERR not listening for events"
    client.subscription.clear()
    client.server.listen()
    return b"+OK no longer listening for events"


Commands = tuple[tuple[bytes, Command], ...]

_OF_ALL: Commands = ((b"filter ", _filter), (b"resume", _resume))
_OF_A_CALL: Commands = ((b"connect", _connect), (b"getvar", _getvar), (b"myevents", _myevents))
_OF_MESSAGES: Commands = ((b"divert_events", _divert_events), (b"sendmsg", _sendmsg))
_OF_THE_SWITCH: Commands = (
    (b"sendevent", _sendevent),
    (b"api ", _api),
    (b"bgapi ", _bgapi),
    (b"log", _log),
    (b"linger", _linger),
    (b"nolinger", _nolinger),
    (b"nolog", _nolog),
    (b"event", _event),
    (b"nixevent", _nixevent),
    (b"noevents", _noevents),
)
