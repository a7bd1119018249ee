"""What froze mod_python3: Python's lock held while the switch waits (rows P30 to P37)."""

from __future__ import annotations

import pytest

from hosts.base import Host
from support.saw import in_api, in_call

# Counts how often another thread of Python comes to run while a function waits in the switch.
MEANWHILE = """
def meanwhile(saw, function, *args):
    over = threading.Event()
    def count():
        while not over.is_set():
            saw["ran"] = saw.get("ran", 0) + 1
            freeswitch.msleep(5)
    thread = threading.Thread(target=count)
    thread.start()
    try:
        return function(*args)
    finally:
        over.set()
        thread.join()
"""


def other_python_runs(host: Host, call: str, *, api: bool = False, answer: bool = True) -> None:
    """A wait of some 300 ms lets another thread of Python come by many times."""
    # On a busy machine the wait can be over before the other thread has begun; a lock that is held is held each time.
    for _ in range(5):
        if api:
            saw = in_api(host, f"{MEANWHILE}\ndef body(saw): meanwhile(saw, {call})\n")
        else:
            first = "session.answer(); " if answer else ""
            saw, _call = in_call(host, f"{MEANWHILE}\ndef body(session, saw): {first}meanwhile(saw, {call})\n")
        if saw.get("ran", 0) > 8:
            return
    raise AssertionError(saw)


def test_p30_a_script_that_calls_a_script(host: Host) -> None:
    inner = host.script("def fsapi(session, stream, env, args): stream.write('inner ' + args)")
    saw = in_api(host, f"def body(saw): saw['reply'] = freeswitch.API().execute('python', '{inner} x')")
    assert saw == {"reply": "inner x"}


@pytest.mark.parametrize("call", ["execute, 'msleep', '300'", "executeString, 'msleep 300'", "__call__, 'msleep 300'"])
def test_p30_other_python_runs_during_commands(host: Host, call: str) -> None:
    other_python_runs(host, f"freeswitch.API().{call}", api=True)


def test_p31_other_python_runs_during_originate(host: Host) -> None:
    silent = host.extension("ring_ready", ("sleep", "300"), ("hangup", "NO_ANSWER"))
    dial = f"{{ignore_early_media=true}}loopback/{silent}"
    other_python_runs(host, f"freeswitch.Session, '{dial}'", api=True)


def test_p31_originate_into_a_script(host: Host) -> None:
    name = host.script("def handler(session, args): session.answer(); session.sleep(2000)")
    saw = in_api(
        host,
        f"""
        def body(saw):
            with freeswitch.Session("loopback/{host.extension(("python", name))}") as other:
                saw["ready"] = other.ready()
        """,
    )
    assert saw == {"ready": True}


def test_p32_other_python_runs_during_originate_without_a_leg(host: Host) -> None:
    silent = host.extension("ring_ready", ("sleep", "300"), ("hangup", "NO_ANSWER"))
    dial = f"{{ignore_early_media=true}}loopback/{silent}"
    other_python_runs(host, f"freeswitch.Session().originate, None, '{dial}'", api=True)


@pytest.mark.parametrize(
    "call",
    [
        "freeswitch.msleep, 300",
        "session.sleep, 300",
        "session.streamFile, 'silence_stream://300'",
        "session.getDigits, 1, '', 300",
        "session.execute, 'sleep', '300'",
        "freeswitch.EventConsumer('CUSTOM', 'nobody::fires').pop, 1, 300",
    ],
)
def test_p33_other_python_runs_during_waits(host: Host, call: str) -> None:
    other_python_runs(host, call)


def test_p33_execute_on_answer(host: Host) -> None:
    inner = host.script("def handler(session, args): session.setVariable('inner', 'ran')")
    saw, _ = in_call(
        host,
        f"""
        def body(session, saw):
            session.setVariable("execute_on_answer", "python {inner}")
            saw["answer"] = session.answer()
            saw["inner"] = session.getVariable("inner")
        """,
    )
    assert saw == {"answer": 1, "inner": "ran"}


def test_p33_other_python_runs_during_menus_and_waits_for_answers(host: Host) -> None:
    quiet = "'silence_stream://300'"
    menu = f"freeswitch.IVRMenu(None, 'm', {quiet}, *[None] * 8, 1, 100, 1, 300, 1, 1).execute, session, 'm'"
    other_python_runs(host, menu)
    callee = host.extension("ring_ready", ("sleep", "300"), "answer", ("sleep", "2000"))
    dial = f"{{return_ring_ready=true}}loopback/{callee}"
    other_python_runs(host, f"freeswitch.Session('{dial}').waitForAnswer, session", answer=False)


def test_p34_binding_while_events_are_fired(host: Host) -> None:
    saw = in_api(
        host,
        """
        def body(saw):
            over = threading.Event()
            def fire():
                while not over.is_set():
                    freeswitch.Event("CUSTOM", "storm::one").fire()
            threads = [threading.Thread(target=fire) for _ in range(2)]
            for thread in threads: thread.start()
            got = 0
            for _ in range(100):
                with freeswitch.EventConsumer("CUSTOM", "storm::one") as consumer:
                    got += consumer.pop(1) is not None
            over.set()
            for thread in threads: thread.join()
            saw["got"] = got
        """,
    )
    assert saw == {"got": 100}


def test_p36_hook_of_a_script_in_its_own_code(host: Host) -> None:
    name = host.script("""
        import freeswitch, threading
        GO = threading.Event()
        def hook(session, what):
            freeswitch.consoleLog("info", "hook %s %s\\n" % (what, session.hangupCause()))
        def handler(session, args):
            session.setHangupHook(hook)
            freeswitch.consoleLog("info", "in its own code\\n")
            GO.wait(20)  # nothing of the switch's
        def fsapi(session, stream, env, args):
            GO.set()
    """)
    call = host.start_call(host.extension(("python", name)))
    host.wait_log("^in its own code")
    call.hangup("USER_BUSY")
    host.wait_for(lambda: host.api(f"uuid_exists {call.uuid}") == "false" or None, what="the hangup")
    host.api(f"python {name}")
    host.wait_log("^hook hangup USER_BUSY")
    call.wait()


def test_p37_callback_that_takes_itself_away(host: Host) -> None:
    saw, _ = in_call(
        host,
        MEANWHILE
        + """
def on_input(session, what, obj, saw):
    session.unsetInputCallback()
    saw["ran before"] = saw["ran"]
def body(session, saw):
    session.answer()
    session.setInputCallback(on_input, saw)
    meanwhile(saw, session.streamFile, "silence_stream://1000")
""",
        press=[(0.3, "1"), (0.5, "2")],
    )
    assert saw["ran"] > saw["ran before"] + 8


def test_p46_an_error_collects_no_garbage(host: Host) -> None:
    saw = in_api(
        host,
        f"""
        def body(saw):
            full = []
            count = lambda phase, info: full.append(phase) if info["generation"] == 2 else None
            gc.callbacks.append(count)
            try:
                for _ in range(20): freeswitch.API().execute("python", "{host.script("def fsapi(*args): 1 / 0")}")
            finally:
                gc.callbacks.remove(count)
            saw["full"] = len(full)
        """,
    )
    # Python's own collector may come by once; mod_python3 ran it at each error.
    assert saw["full"] <= 4
