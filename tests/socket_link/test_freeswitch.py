"""A link to a FreeSWITCH's own event socket."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from hosts.fake_switch import Client
from hosts.freeswitch import FreeSwitchHost
from support.links import Start

TALK = """
from freeswitch.apps import _socket_link
class Talk:
    @apps.coroutine("CHANNEL_PARK")
    async def on_park(self, session):
        if not session.is_inbound(): return
        await session.answer()
        session.setvar("said", "Jürgen, 100 %")
        # Before a verb, which is sent once the switch sends digits: the test presses when that is over.
        typed = session.recv("DTMF", timeout=30)
        stopped = await session.playback("tone_stream://%(50,0,440)")
        say("played", file=stopped["Playback-File-Path"], value=session.getvar("said"), place=freeswitch.place)
        digit = await typed
        say("digit", digit=digit["DTMF-Digit"])
        try: await session.playback("/no/such/file.wav")
        except freeswitch.VerbError as error: say("refused", why=str(error))
        await session.hangup("USER_BUSY")
        say("hungup", cause=session["Hangup-Cause"])
    @apps.callback("CHANNEL_DESTROY")
    def on_destroy(self, session):
        say("destroy", cause=session["Hangup-Cause"], inbound=session.is_inbound(), why=session.get("Reason"))
link = _socket_link.connect("127.0.0.1", PORT, "PASSWORD", grace=GRACE)
listener = _loop.call(Listener, link)
load(listener, Talk)
say("ready", status=link.ask("status")[:2])
for line in sys.stdin: exec(line)
"""


def talking(start: Start, host: FreeSwitchHost, grace: float = 60.0) -> Client:
    started = start(TALK.replace("PASSWORD", host.password).replace("GRACE", str(grace)), host.port)
    assert started.wait_for("ready")["status"] == "UP"
    return started


@pytest.mark.freeswitch_only
def test_an_app_works_on_a_call_of_a_freeswitch(client: Start, plain: FreeSwitchHost) -> None:
    started = talking(client, plain)
    call = plain.start_call(plain.extension(("park", "")))
    said = started.wait_for("played")
    assert (said["file"], said["value"], said["place"]) == (
        "tone_stream://%(50,0,440)", "Jürgen, 100 %", "socket",
    )  # fmt: skip
    call.press("7")
    assert started.wait_for("digit")["digit"] == "7"
    assert "no" in started.wait_for("refused")["why"].lower()
    assert started.wait_for("hungup")["cause"] == "USER_BUSY"
    ends = [started.wait_for("destroy") for _ in range(2)]
    assert [end["cause"] for end in ends if end["inbound"]] == ["USER_BUSY"]
    assert started.end() == 0
    # What the switch refused is one line, and nothing else is wrong.
    assert [line for line in started.log if "MR0015" not in line] == []


@pytest.mark.freeswitch_only
def test_calls_go_on_when_its_event_socket_comes_back(client: Start, fresh: Callable[..., FreeSwitchHost]) -> None:
    host = fresh(with_module=False)
    started = talking(client, host)
    host.start_call(host.extension(("park", "")))
    started.wait_for("played")
    host.pool.api("bgapi reload mod_event_socket")
    assert "was lost" in started.wait_log("MR0020")
    started.wait_log("MR0020 connected again")
    # The app's wait may have missed its event: it ends, and with it the app's coroutine; the call is known still.
    started.wait_log("whether DTMF has come is not known")
    assert started.process.stdin
    started.process.stdin.write("say('left', count=listener.count_sessions()); link.ask('hupall')\n")
    started.process.stdin.flush()
    assert started.wait_for("left")["count"] == 2
    assert started.wait_for("destroy")["cause"] == "MANAGER_REQUEST"


@pytest.mark.freeswitch_only
def test_calls_of_a_freeswitch_that_is_killed_end(client: Start, fresh: Callable[..., FreeSwitchHost]) -> None:
    host = fresh(with_module=False)
    started = talking(client, host, grace=0.5)
    host.start_call(host.extension(("park", "")))
    started.wait_for("played")
    host.abandon()
    said = [started.wait_for("destroy") for _ in range(2)]
    assert {one["cause"] for one in said} == {"CONNECTION_LOST"}
    assert all("was lost" in one["why"] for one in said)
