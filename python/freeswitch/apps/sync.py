"""Placing calls from a thread, one after the other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from freeswitch.apps._places import on_loop
from freeswitch.apps.api import Client, get_client
from freeswitch.apps.models import Session
from freeswitch.apps.players import TonePlay
from freeswitch.apps.utils import waitwhile


class Caller:
    """Places a call and gives its first leg once it is up, and a function that waits for a variable of a leg."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.apps = client.apps
        # Headers that may have the id of the app for a call's legs, beside the usual ones.
        self.app_lookup_vars: list[str] = []

    @property
    def app_names(self) -> list[str]:
        """The ids that apps are under."""
        return list(self.client._apps)

    def __call__(
        self,
        dest_url: str,
        app_name: str,
        timeout: float = 30,
        waitfor: tuple[str, float] | None = None,
        **orig_kwargs: Any,
    ) -> tuple[Session, Any]:
        """Call `dest_url` for an app and wait for `timeout` seconds until it is up: JobError when it is not.

        `waitfor` is a name in the leg's `vars`, and for how many seconds it is waited for.
        """
        if on_loop():
            raise RuntimeError("a sync_caller waits in a thread: await client.originate() in a coroutine")
        listener = self.client.listener
        for name in self.app_lookup_vars:
            if name not in listener.headers:
                listener.headers.append(name)
        job = self.client.originate(dest_url, app_id=app_name, **orig_kwargs)
        job.get(timeout)
        uuid = job.sess_uuid or ""
        waitwhile(lambda: uuid not in listener.sessions, timeout, 0.01)
        session = listener.sessions[uuid]
        first = session.call.first if session.call is not None else session
        if waitfor is not None:
            listener.event_loop.waitfor(first, *waitfor)
        return first, listener.event_loop.waitfor


@contextmanager
def sync_caller(
    host: str | None = None,
    port: int | str = 8021,
    password: str = "ClueCon",
    apps: Mapping[str, Any] | None = None,
) -> Iterator[Caller]:
    """Give a `Caller` for a switch, with `apps` loaded by their ids: TonePlay by default. For threads."""
    with get_client(host, port=port, auth=password, apps={"TonePlay": TonePlay} if apps is None else apps) as client:
        yield Caller(client)


__all__ = ["Caller", "sync_caller"]
