"""What a recorded script uses that no recording holds: sockets, files, threads, programs. It makes the recording open.

Audit hooks of Python see what begins: a connection, a file, a program. What goes over a connection that an earlier call
has left open, and what a pool's waiting thread is given, is seen by the functions that libraries use for it.
"""

from __future__ import annotations

import functools
import os
import socket
import sys
import threading
from collections.abc import Callable
from typing import Any

from freeswitch import _shared
from freeswitch._tape import TAPE

# What the audit hook sees, and what the recording calls it.
AUDITED = {
    "socket.connect": "socket",
    "socket.bind": "socket",
    "socket.getaddrinfo": "socket",
    "socket.sendto": "socket",
    "socket.sendmsg": "socket",
    "subprocess.Popen": "program",
    "os.system": "program",
    "os.fork": "program",
    "os.posix_spawn": "program",
    "os.exec": "program",
    "sqlite3.connect": "database",
    "open": "file",
    "os.listdir": "file",
    "os.scandir": "file",
    "os.mkdir": "file",
    "os.remove": "file",
    "os.rename": "file",
    "os.rmdir": "file",
}
# Of these the second argument says where to.
ADDRESSED = ("socket.connect", "socket.bind", "socket.sendto", "socket.sendmsg")
TRANSFERS = ("send", "sendall", "recv", "recv_into", "recvfrom", "recvfrom_into")
# Modules that read files to find other modules.
IMPORTING = ("importlib", "_frozen_importlib", "linecache", "zoneinfo")


@functools.cache
def look() -> None:
    """Have the calls that are recorded told of what their scripts use. Once is enough."""
    # The package of both loads each when it is asked for.
    from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

    _shared.Choice.keeps_plain = True
    sys.addaudithook(_audit)
    _watch(threading.Thread, "start", lambda thread, *_: ("thread", thread.name))
    for pool in (ThreadPoolExecutor, ProcessPoolExecutor):
        _watch(pool, "submit", lambda _pool, function, *_: ("thread", getattr(function, "__qualname__", str(function))))
    kinds: list[type] = [socket.socket]
    if "ssl" in sys.modules:
        kinds.append(sys.modules["ssl"].SSLSocket)
    for kind in kinds:
        for name in TRANSFERS:
            if hasattr(kind, name):
                _watch(kind, name, _peer)


def _watch(kind: Any, name: str, what: Callable[..., tuple[str, str] | None]) -> None:
    original = getattr(kind, name)

    @functools.wraps(original)
    def method(*args: Any, **kwargs: Any) -> Any:
        tape = TAPE.get()
        if tape is not None and not tape.inside:
            found = what(*args)
            if found is not None:
                tape.open(*found)
        return original(*args, **kwargs)

    setattr(kind, name, method)


def _peer(own: socket.socket, *_: Any) -> tuple[str, str] | None:
    # An event loop rings its own bell by a pair of sockets.
    if sys._getframe(2).f_code.co_name in {"_write_to_self", "_read_from_self"}:
        return None
    try:
        return "socket", str(own.getpeername())
    except OSError:
        return "socket", f"descriptor {own.fileno()}"


def _audit(event: str, args: tuple[Any, ...]) -> None:
    kind = AUDITED.get(event)
    if kind is None:
        return
    tape = TAPE.get()
    if tape is None or tape.inside:
        return
    what = args[1] if event in ADDRESSED else args[0] if args else ""
    if kind != "file":
        tape.open(kind, str(what))
    elif isinstance(what, (str, bytes, os.PathLike)):
        path = os.fsdecode(what)
        if not path.endswith((".py", ".pyc")) and not _is_import():
            tape.open(kind, path)


def _is_import() -> bool:
    frame = sys._getframe(2)
    while frame is not None:
        if frame.f_globals.get("__name__", "").startswith(IMPORTING):
            return True
        frame = frame.f_back  # type: ignore[assignment]
    return False
