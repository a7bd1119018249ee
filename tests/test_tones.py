"""A tone that the dialplan plays: what ends it, holds it up, and how long it was."""

from __future__ import annotations

from typing import Any

import pytest

from hosts.base import Host

TONE = "tone_stream://%(2000,0,440)"


def play(host: Host, *after: tuple[str, str]) -> Any:
    """Call an extension that plays two seconds of tone; the call, once it plays."""
    call = host.start_call(host.extension(("answer", ""), ("playback", TONE), *after, ("hangup", "CALL_REJECTED")))
    host.wait_event("PLAYBACK_START", {"Unique-ID": call.uuid})
    return call


def took(host: Host, call: Any) -> tuple[float, str]:
    """Wait for the end of the tone: after how many seconds it came, and how."""
    begin = host.wait_event("PLAYBACK_START", {"Unique-ID": call.uuid})
    end = host.wait_event("PLAYBACK_STOP", {"Unique-ID": call.uuid})
    micros = int(end["Event-Date-Timestamp"]) - int(begin["Event-Date-Timestamp"])
    return micros / 1e6, end["Playback-Status"]


def test_a_tone_ends_by_itself(host: Host) -> None:
    call = play(host)
    seconds, how = took(host, call)
    assert (1.9 < seconds < 2.5, how) == (True, "done")
    ended = call.wait()
    assert ended.cause == "CALL_REJECTED"
    assert 1900 <= int(ended.variables["playback_ms"]) <= 2100


@pytest.mark.parametrize("digits", ["*", "1*", "12345*"])
def test_a_digit_ends_a_tone(host: Host, digits: str) -> None:
    call = play(host)
    host.sleep(0.3)
    call.press(digits)
    seconds, how = took(host, call)
    assert (0.2 < seconds < 1.9, how) == (True, "break")
    assert call.wait().variables["playback_terminator_used"] == "*"


def test_other_digits_do_not(host: Host) -> None:
    call = play(host)
    host.sleep(0.2)
    call.press("123")
    seconds, how = took(host, call)
    assert (1.9 < seconds < 2.6, how) == (True, "done")


def test_a_break_ends_a_tone(host: Host) -> None:
    call = play(host)
    host.sleep(0.3)
    assert host.api(f"uuid_break {call.uuid}").startswith("+OK")
    seconds, how = took(host, call)
    assert (0.2 < seconds < 1.9, how) == (True, "break")
    assert call.wait().cause == "CALL_REJECTED"


def test_a_tone_that_is_paused_goes_on_where_it_was(host: Host) -> None:
    call = play(host)
    for _ in range(2):
        host.sleep(0.5)
        assert host.api(f"uuid_fileman {call.uuid} pause").startswith("+OK")
        host.sleep(0.5)
    seconds, how = took(host, call)
    # Two halves of a second, the second of which it was heard in.
    assert (2.4 < seconds < 3.2, how) == (True, "done")


def test_an_application_for_a_leg_runs_in_its_tone(host: Host) -> None:
    call = play(host)
    host.sleep(0.3)
    host.api(f"uuid_broadcast {call.uuid} set::within=yes")
    host.wait_event("CHANNEL_EXECUTE_COMPLETE", {"Unique-ID": call.uuid, "Application": "set"})
    seconds, how = took(host, call)
    assert (1.9 < seconds < 2.6, how) == (True, "done")
    assert call.wait().variables["within"] == "yes"


def test_a_hangup_ends_a_tone(host: Host) -> None:
    call = play(host)
    host.sleep(0.3)
    host.api(f"uuid_kill {call.uuid} USER_BUSY")
    seconds, _ = took(host, call)
    assert 0.2 < seconds < 1.9
    assert call.wait().cause == "USER_BUSY"
