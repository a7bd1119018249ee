"""Loading an app with what its `prepost` asks for: the client, the listener, the pool, the event loop. On the loop."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from freeswitch.apps._loading import load_app, name_of
from freeswitch.apps.api import Client, Node
from freeswitch.apps.distribute import Pool

if TYPE_CHECKING:
    from freeswitch.apps._dispatch import Listener

_EMPTY = inspect.Parameter.empty


def load(
    here: Listener,
    app: Any,
    app_id: str | None,
    header: str | None,
    prepend: bool,
    funcargs: dict[str, Any],
    prepost: dict[str, Any],
) -> str:
    """Load an app; see `freeswitch.apps.load`."""
    client = Client(listener=here)
    usual = {"client": client, "listener": here, "pool": Pool([Node(client, here)]), "event_loop": here.event_loop}
    function = getattr(app, "prepost", None)
    wanted = inspect.signature(function).parameters if callable(function) else {}
    # What has a default keeps it, unless it is named.
    arguments = {name: value for name, value in usual.items() if name in wanted and wanted[name].default is _EMPTY}
    load_app(here, app, app_id, header, prepend, {**arguments, **funcargs}, prepost)
    return app_id if app_id is not None else name_of(app)
