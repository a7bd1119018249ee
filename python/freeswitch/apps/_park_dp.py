"""A dialplan that parks every call, as a file."""

from __future__ import annotations

import atexit
import os
import tempfile

TEXT = """<include>
  <!-- Copy it into the dialplan folder of FreeSWITCH, and give a SIP profile the context `switchio`. -->
  <context name="switchio">
    <extension name="park"><condition><action application="park"/></condition></extension>
  </context>
</include>
"""


def _write() -> str:
    descriptor, path = tempfile.mkstemp(prefix="switchiodp-", suffix=".xml")
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(TEXT)
    atexit.register(_remove, path, os.getpid())
    return path


def _remove(path: str, owner: int) -> None:
    # A child that was forked has its parent's.
    if os.getpid() == owner and os.path.exists(path):
        os.unlink(path)


# Where it is, until this process ends.
PARK_DP = _write()

__all__ = ["PARK_DP"]
