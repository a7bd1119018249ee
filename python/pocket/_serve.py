"""A switch that is opened to be served."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from pocket._event_socket import LOOPBACK, Server
from pocket._switch import Switch


def serve(
    host: str = "127.0.0.1",
    port: int = 0,
    *,
    password: str = "ClueCon",
    acl: Sequence[str] = LOOPBACK,
    scripts: str | os.PathLike[str] | None = None,
    conf: str | os.PathLike[str] | None = None,
    config: Mapping[str, str] | None = None,
    dialplan: str | os.PathLike[str] = "",
    variables: Mapping[str, str] | None = None,
    modules: Sequence[str] = ("mod_rust",),
    sounds: str | os.PathLike[str] | None = None,
    missing_sounds: float | None = None,
) -> Server:
    """Open a switch in real time and serve it, as `Switch.serve` does; closing the server closes the switch, too."""
    switch = Switch(
        scripts=scripts,
        conf=conf,
        config=config,
        dialplan=dialplan,
        variables=variables,
        real_time=True,
        modules=modules,
        sounds=sounds,
        missing_sounds=missing_sounds,
    ).open()
    try:
        return switch.serve(host, port, password=password, acl=acl).own()
    except BaseException:
        switch.close()
        raise
