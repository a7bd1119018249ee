"""Two calls at once: while one script waits, in whatever it is, the other's script answers digits."""

from __future__ import annotations

import json
import threading

import pytest

from hosts.base import Host, LiveCall

# Each lasts longer than its test, unless it is ended.
WAITS = {
    "freeswitch.msleep": "freeswitch.msleep(60000)",
    "session.sleep": "session.sleep(60000)",
    "API.execute": "freeswitch.API().execute('originate', dial + ' &park()')",
    "originate": "freeswitch.Session(dial)",
    "pop": "freeswitch.EventConsumer('CUSTOM', 'nobody::fires').pop(1, 60000)",
    "playback": "session.streamFile('silence_stream://60000')",
}
ANSWERING = """
    import freeswitch
    def on_input(session, what, obj):
        freeswitch.consoleLog("info", "heard " + obj.digit)
        if obj.digit == "#":
            return "stop"
    def handler(session, args):
        session.answer()
        session.setInputCallback(on_input)
        session.sleep(20000)
"""


def start_waiting(host: Host, how: str) -> LiveCall:
    """Start a call whose script waits, and would say so when the wait is over."""
    silent = host.extension("ring_ready", ("sleep", "60000"))
    name = host.script(f"""
        import freeswitch
        dial = "{{ignore_early_media=true}}loopback/{silent}"
        def handler(session, args):
            session.answer()
            freeswitch.consoleLog("info", "waiting\\n")
            {WAITS[how]}
            freeswitch.consoleLog("info", "waited\\n")
    """)
    call = host.start_call(host.extension(("python", name)))
    host.wait_log("^waiting")
    return call


def end_waiting(host: Host, call: LiveCall) -> None:
    """End it: by the end of all calls, and of a script that waits for something else."""
    host.no_log("^waited")
    host.api("hupall")
    for script in json.loads(host.api("pyps json")):
        if script["uuid"] == call.uuid:
            host.api(f"pykill {script['id']}")
    call.wait()


@pytest.mark.parametrize("how", WAITS)
def test_digits_are_answered_while_another_script_waits(host: Host, how: str) -> None:
    answering = host.start_call(host.extension(("python", host.script(ANSWERING))))
    host.wait_event("CHANNEL_ANSWER", {"Unique-ID": answering.uuid})
    call = start_waiting(host, how)
    for digit in "12345":
        answering.press(digit)
        host.wait_log(f"^heard {digit}")
    answering.press("#")
    answering.wait()
    end_waiting(host, call)


@pytest.mark.parametrize("how", WAITS)
def test_another_call_runs_from_end_to_end(host: Host, how: str) -> None:
    call = start_waiting(host, how)
    host.run("python", host.script(ANSWERING), press=[(0.3, "5"), (0.5, "#")])
    host.wait_log("^heard 5")
    end_waiting(host, call)


def test_many_calls_at_once(host: Host) -> None:
    extension = host.extension(("python", host.script(ANSWERING)))
    calls = [host.start_call(extension) for _ in range(20)]
    for call in calls:
        host.wait_event("CHANNEL_ANSWER", {"Unique-ID": call.uuid})
    threads = [threading.Thread(target=call.press, args=("7#",)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for call in calls:
        assert call.wait().cause == "NORMAL_CLEARING"
    assert sum(line.text == "heard 7" for line in host.log()) == 20
