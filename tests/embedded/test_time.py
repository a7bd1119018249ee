"""Virtual time."""

from __future__ import annotations

import _thread
import threading
import time
from collections.abc import Callable

import pytest

import pocket

Open = Callable[..., pocket.Switch]

HOUR = '<action application="answer"/><action application="sleep" data="3600000"/>'


def test_an_hour_goes_by_at_once(switch_with: Open) -> None:
    switch = switch_with(five=HOUR)
    before = time.monotonic()
    call = switch.call("5", timeout=4000)
    assert switch.time >= 3600
    assert call.transcript.of_kind("hung up")[0].time == pytest.approx(3600, abs=0.02)
    # Some seconds, on a slow machine; an hour would be noticed.
    assert time.monotonic() - before < 120


def test_calls_share_one_clock(switch_with: Open) -> None:
    switch = switch_with(five=HOUR)
    calls = [switch.start_call("5", hangup_after=after) for after in (30, 10, 20)]
    switch.sleep(15)
    assert [call.over for call in calls] == [False, True, False]
    switch.sleep(10)
    assert [call.over for call in calls] == [False, True, True]


def test_a_script_that_spins_sees_its_call_end(switch_with: Open, name: str) -> None:
    switch = switch_with(
        script="""
        import time
        def handler(session, args):
            session.answer()
            while session.ready():
                time.sleep(0.001)
        """
    )
    call = switch.run("python", name, hangup_after=0.3)
    assert call.transcript.of_kind("hung up")[0].data["by"] == "far end"


def test_a_thread_of_a_script_waits_in_virtual_time(switch_with: Open, name: str) -> None:
    switch = switch_with(
        script="""
        import freeswitch
        def runtime(args):
            freeswitch.msleep(60000)
            freeswitch.setGlobalVariable("woken", "yes")
        """
    )
    assert switch.api(f"pyrun {name}").startswith("+OK")
    switch.wait_for(lambda: switch.api("global_getvar woken") == "yes", timeout=90)
    assert switch.time >= 60


def test_commands_wait_in_virtual_time(switch_with: Open) -> None:
    switch = switch_with()
    before = switch.time
    assert switch.api("msleep 5000") == "+OK"
    assert switch.time - before >= 5


def test_waiting_for_what_does_not_come_ends(switch_with: Open) -> None:
    switch = switch_with()
    with pytest.raises(TimeoutError):
        switch.wait_for(lambda: False, timeout=0.1)


def test_time_can_be_real(switch_with: Open) -> None:
    switch = switch_with(five='<action application="answer"/><action application="sleep" data="300"/>', real_time=True)
    before = time.monotonic()
    switch.call("5")
    assert time.monotonic() - before >= 0.28


def test_a_wait_can_be_interrupted(switch_with: Open) -> None:
    switch = switch_with(five=HOUR, real_time=True)
    call = switch.start_call("5")
    threading.Timer(0.2, _thread.interrupt_main).start()
    with pytest.raises(KeyboardInterrupt):
        call.wait(60)
