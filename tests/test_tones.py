"""A tone that the dialplan plays: what ends it, holds it up, and how long it was.

What is done to a tone is done a while after it has begun, so that its end tells of that.
"""

from __future__ import annotations

from typing import Any

import pytest

from hosts.base import Host
from support.timing import lasted

# In seconds: a tone that plays to its end, and one that something ends long before.
SHORT, LONG = 2.0, 30.0


def play(host: Host, seconds: float, *after: tuple[str, str]) -> Any:
    """Call an extension that plays a tone; the call, once it plays."""
    tone = f"tone_stream://%({seconds * 1000:.0f},0,440)"
    call = host.start_call(host.extension(("answer", ""), ("playback", tone), *after, ("hangup", "CALL_REJECTED")))
    host.wait_event("PLAYBACK_START", {"Unique-ID": call.uuid})
    return call


def took(host: Host, call: Any) -> tuple[float, str]:
    """Wait for the end of the tone: after how many seconds it came, and how."""
    begin = host.wait_event("PLAYBACK_START", {"Unique-ID": call.uuid})
    end = host.wait_event("PLAYBACK_STOP", {"Unique-ID": call.uuid})
    micros = int(end["Event-Date-Timestamp"]) - int(begin["Event-Date-Timestamp"])
    return micros / 1e6, end["Playback-Status"]


def test_a_tone_ends_by_itself(host: Host) -> None:
    call = play(host, SHORT)
    seconds, how = took(host, call)
    assert how == "done"
    lasted(host, seconds, SHORT, other=0, slack=0.1)
    ended = call.wait()
    assert ended.cause == "CALL_REJECTED"
    assert 1900 <= int(ended.variables["playback_ms"]) <= 2100


@pytest.mark.parametrize("digits", ["*", "1*", "12345*"])
def test_a_digit_ends_a_tone(host: Host, digits: str) -> None:
    call = play(host, LONG)
    host.sleep(0.3)
    call.press(digits)
    seconds, how = took(host, call)
    assert (seconds > 0.2, how) == (True, "break")
    lasted(host, seconds, 0.3, other=LONG, slack=0.2)
    assert call.wait().variables["playback_terminator_used"] == "*"


def test_other_digits_do_not(host: Host) -> None:
    call = play(host, SHORT)
    host.sleep(0.2)
    call.press("123")
    seconds, how = took(host, call)
    assert how == "done"
    lasted(host, seconds, SHORT, other=0.2, slack=0.1)


def test_a_break_ends_a_tone(host: Host) -> None:
    call = play(host, LONG)
    host.sleep(0.3)
    assert host.api(f"uuid_break {call.uuid}").startswith("+OK")
    seconds, how = took(host, call)
    assert (seconds > 0.2, how) == (True, "break")
    lasted(host, seconds, 0.3, other=LONG, slack=0.2)
    assert call.wait().cause == "CALL_REJECTED"


def test_a_tone_that_is_paused_goes_on_where_it_was(host: Host) -> None:
    call = play(host, SHORT)
    host.sleep(0.5)
    assert host.api(f"uuid_fileman {call.uuid} pause").startswith("+OK")
    host.sleep(1.0)
    assert host.api(f"uuid_fileman {call.uuid} pause").startswith("+OK")
    seconds, how = took(host, call)
    assert how == "done"
    lasted(host, seconds, SHORT + 1.0, other=SHORT, slack=0.2)


def test_an_application_for_a_leg_runs_in_its_tone(host: Host) -> None:
    call = play(host, SHORT)
    host.sleep(0.3)
    host.api(f"uuid_broadcast {call.uuid} set::within=yes")
    host.wait_event("CHANNEL_EXECUTE_COMPLETE", {"Unique-ID": call.uuid, "Application": "set"})
    seconds, how = took(host, call)
    assert how == "done"
    lasted(host, seconds, SHORT, other=0.3, slack=0.2)
    assert call.wait().variables["within"] == "yes"


def test_a_hangup_ends_a_tone(host: Host) -> None:
    call = play(host, LONG)
    host.sleep(0.3)
    host.api(f"uuid_kill {call.uuid} USER_BUSY")
    seconds, _ = took(host, call)
    assert seconds > 0.2
    lasted(host, seconds, 0.3, other=LONG, slack=0.2)
    assert call.wait().cause == "USER_BUSY"
