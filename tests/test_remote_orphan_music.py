"""What a caller hears while the worker of his call is no more, and no other has it."""

from __future__ import annotations

import json
import signal

import pytest

from hosts.base import Host
from support.workers import HEAD, Work, app, begun, nats, needs_nats, node, saw, work

__all__ = ["app", "nats", "node", "work"]
pytestmark = needs_nats
MUSIC = "tone_stream://%(200,0,440);loops=-1"
PROGRAM = (
    HEAD
    + """
async def handler(session, args):
    if session.resumed:
        digits = await session.get_digits(2, timeout=10)
        session.setVariable("saw", json.dumps(digits))
        return
    await session.answer()
    session.setVariable("pid", str(os.getpid()))
    await session.execute("set", "begun=${pid}")
    await session.get_digits(1, timeout=600)
"""
)


@pytest.mark.parametrize("timer", [None, "soft"])
def test_he_hears_music_until_a_worker_has_the_call(node: Host, work: Work, app: str, timer: str | None) -> None:
    more = [] if timer is None else [("set", f"timer_name={timer}")]
    first = work(PROGRAM)
    call, _ = begun(node, app, ("set", f"pyremote_orphan_music={MUSIC}"), ("set", "pyremote_timeout=30"), *more)
    first.send(signal.SIGKILL)
    node.wait_event("PLAYBACK_START", {"Unique-ID": call.uuid})
    call.press("12")
    work(PROGRAM)
    node.wait_event("PLAYBACK_STOP", {"Unique-ID": call.uuid})
    result = call.wait()
    assert saw(result) == "12"
    assert result.variables.get("timer_name") == timer
    names = [event["Event-Name"] for event in node.all_events() if event.get("Unique-ID") == call.uuid]
    assert (names.count("PLAYBACK_START"), names.count("PLAYBACK_STOP")) == (1, 1)


def test_music_that_is_not_there_is_said_once(node: Host, work: Work, app: str) -> None:
    first = work(PROGRAM)
    since = node.mark()
    call, _ = begun(node, app, ("set", "pyremote_orphan_music=/none/there.wav"), ("set", "pyremote_timeout=30"))
    first.send(signal.SIGKILL)
    node.wait_log("MR0025 pyremote_orphan_music /none/there.wav cannot be played", since=since)
    work(PROGRAM)
    call.press("34")
    assert saw(call.wait()) == "34"
    assert (
        len([line for line in node.log(since) if "pyremote_orphan_music" in line.text and "MR0025" in line.text]) == 1
    )


def test_a_hangup_under_music_ends_it(node: Host, work: Work, app: str) -> None:
    first = work(PROGRAM)
    call, _ = begun(node, app, ("set", f"pyremote_orphan_music={MUSIC}"), ("set", "pyremote_timeout=3600"))
    first.send(signal.SIGKILL)
    node.wait_event("PLAYBACK_START", {"Unique-ID": call.uuid})
    call.hangup()
    call.wait()
    assert not [run for run in json.loads(node.api("pyps json")) if run["uuid"] == call.uuid]


def test_music_ends_when_nobody_comes(node: Host, work: Work, app: str) -> None:
    first = work(PROGRAM)
    call, _ = begun(node, app, ("set", f"pyremote_orphan_music={MUSIC}"))
    first.send(signal.SIGKILL)
    result = call.wait()
    assert result.variables["python_error"] == f"no worker that serves '{app}' has taken the call in 2 s"
    assert result.variables["went"] == "on"
