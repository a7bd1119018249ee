"""Two calls at once: whatever one script waits in, the other's script answers a digit at once."""

from __future__ import annotations

import threading
import time

import pytest

from hosts.base import Host

WAITS = {
    "freeswitch.msleep": "freeswitch.msleep(5000)",
    "session.sleep": "session.sleep(5000)",
    "API.execute": "freeswitch.API().execute('msleep', '5000')",
    "originate": "freeswitch.Session('{originate_timeout=5,ignore_early_media=true}loopback/' + silent)",
    "pop": "freeswitch.EventConsumer('CUSTOM', 'nobody::fires').pop(1, 5000)",
    "playback": "session.streamFile('silence_stream://5000')",
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


@pytest.mark.freeswitch_only  # pocket's time stands still while Python runs
@pytest.mark.parametrize("how", WAITS)
def test_a_digit_is_answered_within_100_ms(host: Host, how: str) -> None:
    silent = host.extension("ring_ready", ("sleep", "5000"))
    waiting = host.script(f"""
        import freeswitch
        silent = "{silent}"
        def handler(session, args):
            session.answer()
            freeswitch.consoleLog("info", "waiting\\n")
            {WAITS[how]}
            freeswitch.consoleLog("info", "waited\\n")
    """)
    answering = host.start_call(host.extension(("python", host.script(ANSWERING))))
    host.wait_event("CHANNEL_ANSWER", {"Unique-ID": answering.uuid})
    call = host.start_call(host.extension(("python", waiting)))
    host.wait_log("^waiting")
    delays = []
    for digit in "12345":
        begun = time.monotonic()
        answering.press(digit)
        host.wait_log(f"^heard {digit}")
        delays.append(time.monotonic() - begun)
    host.no_log("^waited")
    answering.press("#")
    answering.wait()
    call.hangup()
    call.wait()
    # A busy machine delays one or the other, a lock that is held all of them.
    assert sorted(delays)[2] < 0.1, delays


@pytest.mark.parametrize("how", WAITS)
def test_another_call_runs_from_end_to_end(host: Host, how: str) -> None:
    silent = host.extension("ring_ready", ("sleep", "5000"))
    waiting = host.script(f"""
        import freeswitch
        silent = "{silent}"
        def handler(session, args):
            session.answer()
            freeswitch.consoleLog("info", "waiting\\n")
            {WAITS[how]}
            freeswitch.consoleLog("info", "waited\\n")
    """)
    call = host.start_call(host.extension(("python", waiting)))
    host.wait_log("^waiting")
    host.run("python", host.script(ANSWERING), press=[(0.3, "5"), (0.5, "#")])
    host.wait_log("^heard 5")
    host.no_log("^waited")
    call.hangup()
    call.wait()


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
