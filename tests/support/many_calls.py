"""Calls with a hook, a callback and an error each, and what the switch keeps of them; for the test and the bench."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from hosts.base import Host
from hosts.freeswitch import FreeSwitchHost

SCRIPT = """
import json, os, sys, threading
import freeswitch

def hook(session, what, arg):
    session.setVariable("hooked", what + session.hangupCause())
    raise ValueError("in the hook")

def on_input(session, what, obj, arg):
    arg.append(obj.digit)
    if obj.digit == "#":
        return "stop"
    raise ValueError("in the callback")

def handler(session, args):
    session.answer()
    heard = []
    session.setHangupHook(hook, heard)
    session.setInputCallback(on_input, heard)
    session.sleep(60000)
    session.circle = session, heard
    event = freeswitch.Event("CUSTOM", "many::calls")
    event["Heard"] = "".join(heard)
    session.hangup("USER_BUSY")
    raise ValueError("in the script")

def fsapi(session, stream, env, args):
    stream.write(json.dumps({
        "path": len(sys.path),
        "files": len(os.listdir("/proc/self/fd")),
        "threads": threading.active_count(),
    }))
"""
AT_ONCE = 10


@dataclass(frozen=True)
class Kept:
    """What the switch holds between calls."""

    path: int
    files: int
    threads: int
    rss_kb: int


def prepare(host: Host) -> tuple[str, str]:
    """Write the script; its name, and the extension that runs it."""
    name = host.script(SCRIPT)
    return name, host.extension(("python", name))


def kept(host: Host, name: str) -> Kept:
    """Look, once every call has gone."""
    host.wait_no_calls()
    said = json.loads(host.api(f"python {name}"))
    return Kept(**said, rss_kb=_rss_kb(host))


def _rss_kb(host: Host) -> int:
    if not isinstance(host, FreeSwitchHost):
        return 0
    assert host.process
    status = Path(f"/proc/{host.process.pid}/status").read_text(encoding="utf-8")
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))


def make(host: Host, extension: str, count: int) -> None:
    """Make so many calls, some at once; each must have gone as its script says."""
    for begun in range(0, count, AT_ONCE):
        calls = [host.start_call(extension) for _ in range(min(AT_ONCE, count - begun))]
        for call in calls:
            host.wait_event("CHANNEL_ANSWER", {"Unique-ID": call.uuid})
            call.press("1#")
        for call in calls:
            result = call.wait()
            assert result.variables["hooked"] == "hangupUSER_BUSY", result.variables.get("python_error")
            assert "in the script" in result.variables["python_error"]
        host.begin_test()  # what was logged is not looked at again
