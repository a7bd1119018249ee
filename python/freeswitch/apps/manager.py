"""Apps on all switches of a pool."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from freeswitch.apps._link import LinkError
from freeswitch.apps.utils import get_name

if TYPE_CHECKING:
    from freeswitch.apps.distribute import Pool
    from freeswitch.apps.measure import Measurers

log = logging.getLogger("freeswitch.apps")


class AppManager:
    """Loads apps on every node of a pool; `prepost` gets `pool`, or what `ppfuncargs` has, by the argument's name."""

    def __init__(self, pool: Pool, ppfuncargs: Mapping[str, Any] | None = None, **kwargs: Any) -> None:
        from freeswitch.apps.measure import Measurers

        self.pool = pool
        self.ppfuncargs = dict(ppfuncargs) if ppfuncargs else {"pool": pool}
        self.measurers: Measurers = Measurers(**kwargs)

    def load_multi_app(self, apps_iter: Iterable[Any], app_id: str | None = None, **kwargs: Any) -> str:
        """Load several apps, or pairs of an app and its prepost arguments, under one id; they work in this order."""
        for given in apps_iter:
            app, arguments = given if isinstance(given, tuple) else (given, {})
            app_id = self.load_app(app, app_id=app_id, ppkwargs=arguments, **kwargs)
        if app_id is None:
            raise ValueError("no app was given")
        return app_id

    def load_app(
        self,
        app: Any,
        app_id: str | None = None,
        ppkwargs: Mapping[str, Any] | None = None,
        with_measurers: Any = (),
    ) -> str:
        """Load an app on all nodes; its id. A class is made an object of for each node, an object is shared.

        Where `prepost` asks a switch that is away, it is loaded there once that is back.
        """
        for client in self.pool.clients:

            def load(client: Any = client, ident: str | None = app_id) -> str:
                return self._load_on(client, app, ident, dict(ppkwargs or {}), bool(with_measurers))

            try:
                app_id = load()
            except LinkError as error:
                recovery = client.listener.recovery
                if recovery is None or client.connected():
                    raise
                app_id = app_id or get_name(app)
                log.warning("MR0020 app %s is loaded on %s when that is there: %s", get_name(app), client.host, error)
                recovery.when_back(partial(load, client, app_id))
        assert app_id is not None
        return app_id

    def _load_on(self, client: Any, app: Any, app_id: str | None, given: dict[str, Any], measured: bool) -> str:
        ident: str = client.load_app(app, on_value=app_id, funcargsmap=self.ppfuncargs, **given)
        for name, measurer in self.measurers.items() if measured else ():
            if name not in client.apps[ident]:
                client.load_app(measurer.app, on_value=ident, prepend=True, **measurer.arguments)
        return ident

    def iterapps(self) -> list[Any]:
        """Give all objects that are loaded, each once."""
        found = [app for client in self.pool.clients for group in client._apps.values() for app in group.values()]
        return list({id(app): app for app in found}.values())


__all__ = ["AppManager"]
