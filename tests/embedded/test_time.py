"""Virtual time."""

from __future__ import annotations

import _thread
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

import pocket
from freeswitch import _scripts
from support.configuration import settings

Open = Callable[..., pocket.Switch]

# How long the switch's clock stands still while something computes (docs/pocket.md, "The clock").
GRACE = 1
HOUR = '<action application="answer"/><action application="sleep" data="3600000"/>'


def test_an_hour_goes_by_at_once(switch_with: Open) -> None:
    switch = switch_with(five=HOUR)
    before = time.monotonic()
    call = switch.call("5", timeout=4000)
    assert switch.time >= 3600
    assert call.transcript.of_kind("hung up")[0].time == pytest.approx(3600, abs=0.02)
    # Some seconds, on a slow machine; an hour would be noticed.
    assert time.monotonic() - before < 120


def test_what_opening_takes_is_not_the_calls_time(switch_with: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine takes a while to load the module; the clock stands still as long for what comes after."""
    use_roots = _scripts.use_roots

    def slowly(roots: list[str], allowed: list[str]) -> None:
        time.sleep(GRACE)
        use_roots(roots, allowed)

    monkeypatch.setattr(_scripts, "use_roots", slowly)
    switch = switch_with(five=HOUR)
    opened = switch.time
    time.sleep(GRACE / 2)
    assert switch.time - opened < GRACE / 2


def test_time_in_which_the_process_is_stopped_is_not_the_calls_time(tmp_path: Path) -> None:
    """As on a machine that is so busy that it lets all of it wait for seconds: no script has computed then."""
    script = f"""
        import os, subprocess, time
        def handler(session, args):
            session.answer()
            stop = "kill -STOP {{0}} && sleep {3 * GRACE}; kill -CONT {{0}}".format(os.getpid())
            begin = time.perf_counter()
            subprocess.run(["sh", "-c", stop], check=True)
            session.setVariable("stopped", str(time.perf_counter() - begin))
    """
    (tmp_path / "stopped.py").write_text(dedent(script), encoding="utf-8")
    program = f"""
        import pocket
        with pocket.Switch(scripts={str(tmp_path)!r}) as switch:
            call = switch.run("python", "stopped")
            print(call.variables["stopped"], switch.time)
    """
    run = subprocess.run(
        [sys.executable, "-c", dedent(program)], check=True, capture_output=True, text=True, timeout=120
    )
    stopped, switch_time = map(float, run.stdout.split())
    assert stopped > 2 * GRACE
    assert switch_time < GRACE


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


def test_what_an_event_hook_does_takes_no_time(switch_with: Open, name: str) -> None:
    """A hook that computes for a while acts while the call is where its event came from."""
    switch = switch_with(
        script="""
        import time
        import freeswitch
        def hook(event):
            until = time.perf_counter() + 0.3
            while time.perf_counter() < until:
                pass
            freeswitch.API().executeString(f"uuid_kill {event['Unique-ID']} USER_BUSY")
        """,
        five='<action application="answer"/><action application="sleep" data="60000"/>',
        config={"python.conf": settings(f'<hook event="CHANNEL_ANSWER" script="{name}"/>')},
    )
    call = switch.call("5", timeout=100)
    assert call.cause == "USER_BUSY"
    assert call.transcript.of_kind("hung up")[0].time <= 0.04


PLACING = """
import freeswitch
async def handler(session, args):
    await session.answer()
    await session.sleep(float(args))
    await session.originate("sofia/gateway/office/agents")
"""
TWO_SWITCHES = """
import sys
import pocket
for seconds in (3600, 1):
    with pocket.Switch(scripts=sys.argv[1]) as switch:
        phone = switch.phone("sofia/gateway/office/*", answers_after=0)
        switch.sleep(seconds)
        begin = switch.time
        switch.run("python", "placing 1", hangup_after=60)
        (agent,) = phone.calls
        print(agent.transcript[0].time - begin - 1)
"""


def test_a_coroutine_waits_for_nothing_of_a_switch_before(tmp_path: Path) -> None:
    """A switch begins at the real time, which the time of one before it in the process was far ahead of."""
    (tmp_path / "placing.py").write_text(PLACING, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-c", TWO_SWITCHES, str(tmp_path)], check=True, capture_output=True, text=True, timeout=120
    )
    assert [float(time) for time in done.stdout.split()] == pytest.approx([0, 0], abs=0.5)


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
    # The clock moves on while a script of `pyrun` comes to its wait.
    until = time.monotonic() + 60
    while "waits in msleep" not in switch.api("pyps"):
        assert time.monotonic() < until
        time.sleep(0.01)
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


# What is there already of a press is forgotten when its first digit has been read.
PROMPT = "silence_stream://100"
BY_VERB = 'await session.get_digits(1, terminators="", timeout=5)'
AT_PROMPT = f'await session.play_and_get_digits("{PROMPT}", max_digits=1, terminators="", timeout=5)'
BY_EVENT = '(await anext(pressed))["DTMF-Digit"]'


@pytest.mark.parametrize(
    ("press", "read"),
    [
        ([(2, "12#3")], BY_VERB),
        ([(2, "12#3")], BY_EVENT),
        ({PROMPT: ["12#3"]}, AT_PROMPT),
        ({PROMPT: ["12#3"]}, BY_EVENT),
        (None, BY_VERB),
        (None, BY_EVENT),
    ],
    ids=["timed-verb", "timed-event", "heard-verb", "heard-event", "by hand-verb", "by hand-event"],
)
def test_who_is_woken_by_a_digit_runs_before_the_next_one_comes(
    switch_with: Open, name: str, press: Any, read: str
) -> None:
    switch = switch_with(
        script=f"""
        async def handler(session, args):
            await session.answer()
            pressed = session.stream("DTMF")
            if {read != AT_PROMPT}:
                await session.play("{PROMPT}")
            for at in range(4):
                digit = {read}
                session.flush_digits()
                session.setVariable("saw", (session.getVariable("saw") or "") + digit)
        """
    )
    saw = set()
    # Which of two threads runs first is chance where nothing decides it.
    for _ in range(30):
        call = switch.start_run("python", name, press=press or (), hangup_after=30)
        if press is None:
            switch.sleep(2)
            call.press("12#3")
        saw.add(call.wait().variables["saw"])
    assert saw == {"12#3"}


def test_a_press_is_over_before_the_hangup_that_follows_it(switch_with: Open, name: str) -> None:
    switch = switch_with(
        script="""
        async def handler(session, args):
            await session.answer()
            session.setVariable("saw", await session.get_digits(2, timeout=10))
        """
    )
    for _ in range(30):
        call = switch.start_run("python", name)
        switch.sleep(2)
        call.press("12")
        call.hangup()
        assert call.wait().variables["saw"] == "12"
