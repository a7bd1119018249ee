"""Calls with what FreeSWITCH's core would not survive, and what their script said of it."""

from __future__ import annotations

import json
from typing import Any

from hosts.base import Host

TIMES = ["profile_created", "created", "answered", "progress", "progress_media", "hungup", "transferred"]
NAMES = [f"bleg_{time}_time" for time in TIMES]
# Answers, waits longer than a bridge takes to be one, and hangs up.
FAR_END = ("answer", ("sleep", "1000"), "hangup")

OPEN_NAMES = [
    "{",
    "{a=b",
    "{a=b}{c",
    "{a={b}",
    "{a=b} {",
    "file_string://{",
    "file_string://x.wav!{y",
    "file_string://file_string://{",
    "{a=b}file_string://{",
]


def told(
    host: Host, body: str, *, far_end: bool = False, before: str = "", variables: dict[str, str] | None = None
) -> Any:
    """What `tell` was given by a handler with this body, on a call that has been bridged when `far_end`."""
    name = host.script(
        "import json\n"
        "from freeswitch import API, Event, IVRMenu, Session, consoleLog\n"
        "import freeswitch\n"
        f"NAMES = {NAMES!r}\nOPEN_NAMES = {OPEN_NAMES!r}\n"
        f"{before}\n"
        "def handler(session, args):\n"
        "    session.answer()\n"
        "    def tell(value):\n"
        "        session.setVariable('told', json.dumps(value))\n"
        "    if args:\n"
        "        session.execute('bridge', f'loopback/{args}/default/xml')\n"
        + "".join(f"    {line}\n" for line in body.strip("\n").split("\n"))
    )
    extension = host.extension(*FAR_END) if far_end else ""
    result = host.call(("python", f"{name} {extension}".strip()), ("set", "after=yes"), variables=variables)
    assert result.variables.get("after") == "yes", result.variables.get("python_error")
    return json.loads(result.variables["told"])
