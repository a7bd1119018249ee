"""A way from one process to a server's port that can be cut, and held: what is sent then waits, as in a partition."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator


class Relay:
    """A way to a port of this machine that can be cut.

    What the client says takes `there` seconds on it, and what the server says `back`.
    """

    def __init__(self, port: int, there: float = 0.0, back: float = 0.0) -> None:
        self._to = port
        self._there, self._back = there, back
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._open: list[socket.socket] = []
        self._is_through = threading.Event()
        self._is_through.set()
        self._refuses = False
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                try:
                    if self._refuses:
                        raise ConnectionRefusedError
                    far = socket.create_connection(("127.0.0.1", self._to))
                except OSError:
                    # The end of its connection tells the client that there is no server.
                    near.close()
                    continue
                self._open += [near, far]
                for one, other, lag in ((near, far, self._there), (far, near, self._back)):
                    one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    threading.Thread(target=self._carry, args=(one, other, lag), daemon=True).start()

    def _carry(self, one: socket.socket, other: socket.socket, lag: float) -> None:
        with contextlib.suppress(OSError):
            while data := one.recv(65536):
                time.sleep(lag)
                self._is_through.wait()
                other.sendall(data)
        for end in (one, other):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Let nothing through, in neither direction; what was sent arrives when this is over."""
        self._is_through.clear()
        try:
            yield
        finally:
            self._is_through.set()

    @contextlib.contextmanager
    def away(self) -> Iterator[None]:
        """Cut the connections, and let nobody connect until this is over."""
        self._refuses = True
        self.cut()
        try:
            yield
        finally:
            self._refuses = False

    def cut(self) -> None:
        """Cut the connections that there are."""
        for one in self._open:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        self._open = []

    def close(self) -> None:
        """Let nobody through any more."""
        # This ends its wait, which a close would not.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()
        self.cut()


__all__ = ["Relay"]
