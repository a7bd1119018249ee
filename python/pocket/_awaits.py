"""Coroutines that nobody has awaited."""

from __future__ import annotations

import threading
import warnings
from typing import Any, Self

_warnings: Any = warnings


class Awaited:
    """Notes coroutines that scripts have made and nobody awaits, while it is entered."""

    def __init__(self) -> None:
        self.forgotten: list[str] = []
        self._lock = threading.Lock()
        self._warn = _warnings._warn_unawaited_coroutine

    def __enter__(self) -> Self:
        # CPython looks it up at each coroutine that ends so.
        self._warn = _warnings._warn_unawaited_coroutine
        _warnings._warn_unawaited_coroutine = self._note
        return self

    def __exit__(self, *_: object) -> None:
        _warnings._warn_unawaited_coroutine = self._warn

    def _note(self, coroutine: Any) -> None:
        place = ""
        if coroutine.cr_origin:
            file, line, function = coroutine.cr_origin[-1]
            place = f"{file}:{line}: in {function}: "
        name = coroutine.__qualname__
        with self._lock:
            self.forgotten.append(f"{place}`{name}(...)` was never awaited: `await` is missing before it")
