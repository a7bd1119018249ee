"""The server of the event socket: a thread with a loop, and what comes from the switch."""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import ipaddress
import itertools
import socket
import threading
from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from pocket import _pocket
from pocket._event_socket import packets
from pocket._event_socket.client import Client
from pocket._event_socket.framing import Message
from pocket._event_socket.packets import Event, Line

if TYPE_CHECKING:
    from pocket._switch import Switch

# Who is let in: as with FreeSWITCH's own list loopback.auto.
LOOPBACK = ("127.0.0.0/8", "::1/128")

# How many events and log lines wait between the switch and this thread, and how many are taken at once.
WAITING = 100_000
BATCH = 1000
BACKLOG = 128
# How long closing waits for the clients' last words.
PATIENCE = 5.0

ERROR = 3
CRIT = 2
WARNING = 4

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Server:
    """An event socket of an open switch.

    It listens once it is made, and until `close()` or the end of `with`. All methods may be called on any thread.
    """

    def __init__(
        self, switch: Switch, core: _pocket.Switch, host: str, port: int, password: str, acl: Sequence[str]
    ) -> None:
        if not password:
            raise ValueError("password is empty: an event socket runs any command, so it must have one")
        self._networks: list[Network] = [ipaddress.ip_network(network) for network in acl]
        self._password = password.encode("utf-8", "surrogateescape")
        self._switch = switch
        self._owner = False
        self._clients: list[Client] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._tickets = itertools.count(1)
        self._answers: dict[int, asyncio.Future[bytes]] = {}
        self._closed = False
        self._close_lock = threading.Lock()
        self._listener = socket.create_server((host, port), backlog=BACKLOG, family=_family(host))
        try:
            self.control = core.control(WAITING)
        except BaseException:
            self._listener.close()
            raise
        self._bell = socket.socket(fileno=self.control.bell())
        self._host, self._port = self._listener.getsockname()[:2]
        self._loop = asyncio.SelectorEventLoop()
        self._stopping = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="pocket event socket", daemon=True)
        self._thread.start()

    @property
    def switch(self) -> Switch:
        """The switch that is served."""
        return self._switch

    @property
    def host(self) -> str:
        """The address that it listens on."""
        return str(self._host)

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self._port)

    @property
    def password(self) -> str:
        """What clients say to be let in."""
        return self._password.decode("utf-8", "surrogateescape")

    @property
    def clients(self) -> int:
        """How many connections there are, inbound and outbound."""
        return len(self._clients)

    def close(self) -> None:
        """Disconnect every client and listen no more; a second time nothing is done."""
        with self._close_lock:
            if self._closed:
                return
            self._closed = True
        # A loop that has failed is closed already.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join()
        if self._owner:
            self._switch.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def own(self) -> Self:
        """From here on the switch is closed with it."""
        self._owner = True
        return self

    # The thread

    def _run(self) -> None:
        try:
            self._loop.run_until_complete(self._main())
        finally:
            self.control.close()
            self._bell.close()
            self._loop.close()

    async def _main(self) -> None:
        self._loop.add_reader(self._bell, self._take)
        listener = await asyncio.start_server(self._accept, sock=self._listener)
        try:
            await self._stopping.wait()
        finally:
            listener.close()
            for client in list(self._clients):
                client.kill(packets.SHUTDOWN)
            for answer in self._answers.values():
                answer.cancel()
            if self._tasks:
                await asyncio.wait(self._tasks, timeout=PATIENCE)
            for task in self._tasks:
                task.cancel()
            self._loop.remove_reader(self._bell)

    def _start(self, client: Client) -> None:
        self._clients.append(client)
        task = self._loop.create_task(self._serve(client))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, client: Client) -> None:
        try:
            await client.serve()
        except Exception as error:
            # One client's end is not the others'.
            self.control.say(ERROR, f"event socket: a connection failed: {error!r}".encode())

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = ipaddress.ip_address(writer.get_extra_info("peername")[0].partition("%")[0])
        if self._stopping.is_set():
            writer.close()
        elif not any(peer in network for network in self._networks):
            self.control.say(WARNING, f"IP {peer} Rejected by acl".encode())
            writer.write(packets.rejection() + packets.disconnect(packets.GOODBYE, None))
            writer.close()
        else:
            self._start(Client(self, reader, writer))

    async def _connected(self, leg: _pocket.Leg, descriptor: int, asynchronous: bool, full: bool) -> None:
        """A call has connected to a client by the application `socket`."""
        connection = socket.socket(fileno=descriptor)
        connection.setblocking(False)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            reader, writer = await asyncio.open_connection(sock=connection)
        except OSError:
            connection.close()
            leg.let_go(False)
            return
        self._start(Client(self, reader, writer, leg, asynchronous=asynchronous, full=full))

    def _take(self) -> None:
        """Hand out what was received from the switch."""
        with contextlib.suppress(BlockingIOError):
            self._bell.recv(BATCH)
        items, left, lost = self.control.take(BATCH)
        if left:
            self._loop.call_soon(self._take)
        if lost:
            self.control.say(CRIT, b"event socket: %d events and log lines lost before any client got them" % lost)
        for kind, *what in items:
            self._hand_out(kind, what)

    def _hand_out(self, kind: str, what: list[Any]) -> None:
        if kind == "event":
            event = Event(what[0])
            for client in list(self._clients):
                client.offer(event)
        elif kind == "log":
            level, time, *rest = what
            line = Line(level, self.control.epoch + time, *rest)
            for client in list(self._clients):
                client.hear(line)
        elif kind == "reply":
            ticket, text = what
            answer = self._answers.pop(ticket, None)
            if answer is not None and not answer.done():
                answer.set_result(text)
        else:
            task = self._loop.create_task(self._connected(*what))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    # For the clients

    def admits(self, password: bytes) -> bool:
        """Whether the password is right."""
        return hmac.compare_digest(password, self._password)

    def fits(self, text: bytes, expression: bytes) -> bool:
        """Whether a text fits a regular expression."""
        return self.control.fits(text, expression)

    def forget(self, client: Client) -> None:
        """The client is gone."""
        self._clients.remove(client)
        self.listen()
        self.hear()

    def listen(self) -> None:
        """Have the switch hand out the kinds of events that some client asks for."""
        kinds = {kind for client in self._clients for kind in client.subscription.kinds()}
        self.control.listen([kind.encode() for kind in sorted(kinds)])

    def hear(self) -> None:
        """Have the switch hand out log lines up to the level that some client asks for."""
        levels = [client.log_level for client in self._clients if client.log_level is not None]
        self.control.hear(max(levels) if levels else None)

    async def command(self, name: bytes, argument: bytes | None) -> bytes:
        """Run a command, or with no argument a line as the console takes it; what it writes."""
        ticket, answer = self._ticket()
        if not self.control.command(ticket, name, argument):
            self._answers.pop(ticket, None)
            return b"-ERR the system gave no thread for %s\n" % name
        return await answer

    async def give(self, leg: _pocket.Leg, message: Message) -> None:
        """Have a call's thread carry a message out, and wait until it has."""
        ticket, answer = self._ticket()
        leg.give(ticket, message.as_event(), message.body)
        await answer

    def background(self, job: bytes, owner: bytes, name: bytes, argument: bytes | None) -> None:
        """Run a command as a background job."""
        if not self.control.background(job, owner, name, argument):
            self.control.say(ERROR, b"event socket: the system gave no thread for the job " + job)

    def _ticket(self) -> tuple[int, asyncio.Future[bytes]]:
        ticket = next(self._tickets)
        answer = self._answers[ticket] = self._loop.create_future()
        return ticket, answer


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET
