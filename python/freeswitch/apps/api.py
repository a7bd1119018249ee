"""Clients: commands, calls and apps on one switch."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from freeswitch.apps import _loading, utils
from freeswitch.apps._dispatch import Listener
from freeswitch.apps._errors import APIError, ConfigurationError
from freeswitch.apps._link import LinkError, Reply, port_of, refusal
from freeswitch.apps._places import call
from freeswitch.apps._socket_link import SocketLink
from freeswitch.apps.commands import build_originate_cmd, fill
from freeswitch.apps.distribute import Pool
from freeswitch.apps.handlers import get_listener
from freeswitch.apps.models import Job


class Group(dict[str, Any]):
    """The apps under one id, by their names; attributes are those of the only one, or the apps."""

    def __getattr__(self, name: str) -> Any:
        if name in self:
            return self[name]
        if len(self) == 1 and not name.startswith("__"):
            return getattr(next(iter(self.values())), name)
        raise AttributeError(f"there is no app {name!r} under this id")


class Groups:
    """A client's apps: by id as attributes, by id and name as items of these."""

    def __init__(self, groups: dict[str, Group]) -> None:
        self.__dict__ = groups

    def __getitem__(self, app_id: str) -> Group:
        found: Group = self.__dict__[app_id]
        return found

    def __repr__(self) -> str:
        return repr(self.__dict__)


class Client:
    """One switch: that in which this runs where `host` is None, else the one with this event socket.

    Its methods may be called in any thread. `app_id_header` is the variable that has an app's id, and
    `call_tracking_header` the one that has the UUID of the leg which was asked for: both are SIP headers as well, so
    that they are there on the far leg of a call that comes back.
    """

    app_id_header = utils.xheaderify("switchio_app")

    def __init__(
        self,
        host: str | None = None,
        port: int | str = 8021,
        auth: str = "ClueCon",
        call_tracking_header: str | None = None,
        listener: Listener | None = None,
        logger: logging.Logger | None = None,
    ) -> None:
        self.port = port_of(port)
        self.auth = auth
        self.call_tracking_header = call_tracking_header or utils.xheaderify("switchio_originating_session")
        self.client = self
        self._given_host = host
        self._id = utils.uuid()
        self._orig_cmd: str | None = None
        self._apps: dict[str, Group] = {}
        self.apps = Groups(self._apps)
        self._listener = listener
        self.log = logger or utils.get_logger()

    def __repr__(self) -> str:
        return f"<freeswitch.apps.Client of {self.host}>"

    @property
    def host(self) -> str:
        """Where the switch is."""
        return self._given_host or "localhost"

    @property
    def listener(self) -> Listener:
        """What is known of its calls; it is connected when it is first asked for."""
        if self._listener is None:
            self._listener = get_listener(self._given_host, self.port, self.auth)
        return self._listener

    @listener.setter
    def listener(self, listener: Listener | None) -> None:
        self._listener = listener
        if listener is not None:
            listener.call_tracking_header = utils.param2header(self.call_tracking_header)

    # The connection

    def connect(self) -> None:
        """Connect to the switch. ConnectionError when it cannot be reached, or refuses the password."""
        self.listener.connect()

    def connected(self) -> bool:
        """Tell whether it is connected."""
        return self._listener is not None and self._listener.connected()

    def disconnect(self) -> None:
        """End the connection; that to the switch in which this runs is none."""
        if self._listener is not None:
            self._listener.disconnect()

    # Commands

    def api(self, cmd: str, exc: bool = True, timeout: float | None = None) -> Reply:
        """Run an API command, for `timeout` seconds; its answer. APIError when it is refused, unless `exc` is False."""
        reply = Reply(self.listener.link.ask(cmd, timeout).rstrip("\n"))
        why = refusal(reply) if exc else None
        if why is not None:
            raise APIError(f"'{cmd}' was refused: {why}")
        return reply

    def cmd(self, cmd: str) -> str:
        """Run an API command; its answer as text. APIError when it is refused."""
        return str(self.api(cmd)).strip()

    def bgapi(
        self,
        cmd: str,
        listener: Listener | None = None,
        callback: Callable[..., Any] | None = None,
        client_id: str | None = None,
        sess_uuid: str | None = None,
        **jobkwargs: Any,
    ) -> Job:
        """Run an API command in the background; `callback` gets its answer, and the other keywords."""
        here = listener or self.listener
        return call(lambda: here.bgapi(cmd, callback, jobkwargs, client_id or self._id, sess_uuid))

    def tap(self, *what: Any) -> Any:
        """Have events kept for the loop: what `freeswitch.events` asks for."""
        return self.listener.link.tap(*what)

    @property
    def loglevel(self) -> tuple[str, str]:
        """The switch's log level: its name and number. It can be set."""
        name, _, number = self.cmd("fsctl loglevel").rpartition(":")[2].strip().partition(" ")
        return name, number.strip("[]")

    @loglevel.setter
    def loglevel(self, value: str | int) -> None:
        self.cmd(f"fsctl loglevel {value}")

    # Calls

    def originate(
        self,
        dest_url: str | None = None,
        uuid_func: Callable[[], str] = utils.uuid,
        app_id: str | None = None,
        listener: Listener | None = None,
        bgapi_kwargs: Mapping[str, Any] | None = None,
        rep_fields: Mapping[str, Any] | None = None,
        **orig_kwargs: Any,
    ) -> Job:
        """Place a call for the apps under an id: to `dest_url`, or as `set_orig_cmd` has said.

        The keywords are those of `build_originate_cmd`; `rep_fields` are values of the command's placeholders.
        """
        uuid = uuid_func()
        ident = app_id or self._id
        if dest_url is not None:
            given: dict[str, Any] = {self.app_id_header: ident, **orig_kwargs}
            given["xheaders"] = {self.call_tracking_header: uuid, **(given.get("xheaders") or {})}
            command = build_originate_cmd(dest_url, uuid_str=uuid, **given)
        elif self._orig_cmd is not None:
            command = fill(self._orig_cmd, {"uuid_str": uuid, "app_id": ident, **(rep_fields or {})})
        else:
            raise ConfigurationError("there is no destination: name it, or give set_orig_cmd() one before")
        return self.bgapi(command, listener, sess_uuid=uuid, client_id=ident, **(bgapi_kwargs or {}))

    def set_orig_cmd(self, *args: Any, **kwargs: Any) -> None:
        """Say how `originate()` places calls from now on: the arguments of `build_originate_cmd`, but no UUID."""
        if "uuid_str" in kwargs:
            raise ConfigurationError("each call has a UUID of its own: leave out 'uuid_str'")
        given: dict[str, Any] = {self.app_id_header: "{app_id}", **kwargs}
        given["xheaders"] = {self.call_tracking_header: "{uuid_str}", **(given.get("xheaders") or {})}
        self._orig_cmd = build_originate_cmd(*args, **given)

    @property
    def originate_cmd(self) -> str | None:
        """How `originate()` places calls; None before `set_orig_cmd`."""
        return self._orig_cmd

    def hupall(self, group_id: str | None = None, timeout: float | None = None) -> None:
        """Hang up the calls of one app id, or of all that this client has loaded."""
        for ident in [group_id] if group_id else list(self._apps):
            self.api(f"hupall NORMAL_CLEARING {self.app_id_header} {ident}", timeout=timeout)

    # Apps

    def load_app(
        self,
        ns: Any,
        on_value: str | None = None,
        header: str | None = None,
        prepend: bool = False,
        funcargsmap: Mapping[str, Any] | None = None,
        **prepost_kwargs: Any,
    ) -> str:
        """Load an app under an id; its id.

        `prepost` gets the arguments that have no default by their names: from `funcargsmap`, or as attributes of this
        client.
        """
        name = utils.get_name(ns)
        ident = on_value or name or utils.uuid()
        arguments = self._arguments_of(ns, dict(funcargsmap or {}), prepost_kwargs)
        header = header or utils.param2header(self.app_id_header)
        loaded = call(_loading.load_app, self.listener, ns, ident, header, prepend, arguments, prepost_kwargs)
        # A call that comes once this has returned is the app's.
        self.listener.link.settle()
        self._apps.setdefault(ident, Group())[name] = loaded.instance
        return ident

    def _arguments_of(self, ns: Any, given: dict[str, Any], prepost: Mapping[str, Any]) -> dict[str, Any]:
        function = getattr(ns, "prepost", None)
        if function is None:
            return {}
        wanted = inspect.signature(function).parameters.values()
        names = [
            wish.name
            for wish in wanted
            if wish.default is wish.empty
            and wish.kind in {wish.POSITIONAL_OR_KEYWORD, wish.KEYWORD_ONLY}
            and wish.name not in {"self", *prepost}
        ]
        lacks = [name for name in names if name not in given and not hasattr(self, name)]
        if lacks:
            raise AttributeError(f"{utils.get_name(ns)}.prepost wants {lacks[0]!r}, and nobody gives it")
        return {name: given[name] if name in given else getattr(self, name) for name in names}

    @property
    def event_loop(self) -> Any:
        """The event loop of its listener."""
        return self.listener.event_loop

    @property
    def pool(self) -> Pool:
        """The pool of this client and its listener alone."""
        return Pool([Node(self, self.listener)])

    def unload_app(self, on_value: str, ns: Any = None) -> None:
        """Unload what is under an id, or one app of it."""
        group = self._apps.get(on_value)
        if group is None:
            return
        for name in [utils.get_name(ns)] if ns is not None else list(group):
            instance = group.pop(name)
            call(_loading.unload_app, self.listener, on_value, instance)
        if not group:
            self._apps.pop(on_value, None)


class Node(NamedTuple):
    """One switch of a pool."""

    client: Client
    listener: Listener


def pairs_of(apps: Any) -> Iterator[tuple[str | None, Any, dict[str, Any]]]:
    """Give the id, the app and its prepost arguments of a dict or list of apps."""
    for ident, given in apps.items() if hasattr(apps, "items") else apps:
        app, arguments = given if isinstance(given, tuple) else (given, {})
        yield ident, app, dict(arguments)


@contextmanager
def get_client(
    host: str | None = None, port: int | str = 8021, auth: str = "ClueCon", apps: Any = None
) -> Iterator[Client]:
    """Give a client that is connected and has `apps` loaded, by their ids; they are unloaded at the end."""
    client = Client(host, port, auth, listener=get_listener(host, port, auth))
    client.connect()
    loaded = []
    try:
        for ident, app, arguments in pairs_of(apps or {}):
            loaded.append(client.load_app(app, on_value=ident, **arguments))
        yield client
    finally:
        for ident in loaded:
            client.unload_app(ident)
        client.disconnect()


active_client = get_client


def get_pool(contacts: Iterable[Any] | None = None, persists: bool = False, **kwargs: Any) -> Pool:
    """Give a pool of the switches at these hosts, or `(host, port, auth)`; None is the one that this runs in.

    ConnectionError when one cannot be reached; where it `persists`, when none of them can be: one that is away is
    tried again, as one is that was there.
    """
    if contacts is None:
        contacts = [(None,)]
    elif isinstance(contacts, str):
        contacts = [contacts]
    options = {"port": kwargs.pop("port", 8021), "auth": kwargs.pop("auth", None) or kwargs.pop("password", "ClueCon")}
    places = []
    for contact in contacts:
        given = (contact,) if contact is None or isinstance(contact, str) else contact
        if not isinstance(given, (tuple, list)):
            raise TypeError(f"a contact must be a host, or (host, port, password), not {contact!r}")
        host, port, auth = (*given, None, None)[:3]
        places.append((host, port_of(options["port"] if port is None else port), auth or options["auth"]))
    links = _links(places, persists)
    header = kwargs.get("call_tracking_header")
    nodes = []
    for place, link in zip(places, links, strict=True):
        listener = get_listener(*place, link=link, **kwargs)
        client = Client(*place, listener=listener)
        if header is not None:
            listener.call_tracking_header = header
        nodes.append(Node(client, listener))
    return Pool(nodes)


def _links(places: Sequence[tuple[str | None, int, str]], persists: bool) -> list[SocketLink | None]:
    """Connect to all of them at once."""
    persists = persists and len(places) > 1
    links = [None if host is None else SocketLink(host, port, auth, persists=persists) for host, port, auth in places]
    wrong = []
    for link in links:
        try:
            if link is not None:
                link.connect()
        except LinkError as error:
            wrong.append(error)
    if wrong and (not persists or len(wrong) == len(links)):
        for link in links:
            if link is not None:
                link.close()
        raise wrong[0]
    return links


__all__ = [
    "APIError",
    "Client",
    "ConfigurationError",
    "Node",
    "Reply",
    "active_client",
    "build_originate_cmd",
    "get_client",
    "get_listener",
    "get_pool",
]
