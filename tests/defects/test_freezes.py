"""What froze mod_python3: Python's lock held while the switch waits (rows P30 to P37)."""

from __future__ import annotations

import pytest

from hosts.base import Host
from support.saw import in_api, in_call, seen, start

# Waits in the switch until another thread of Python has run often enough in that time: it ends the wait then, in each
# way that a wait here can be ended. Where the wait keeps Python's lock, it lasts its 20 seconds, and nobody has run.
MEANWHILE = """
def waits():
    runs = json.loads(freeswitch.API().execute("pyps", "json"))
    return any("waits in " in run["place"] for run in runs if run["function"].startswith(__name__ + "::"))
def meanwhile(saw, function, *args, since=lambda: True):
    over = threading.Event()
    def other():
        ran = 0
        while ran < 9:
            if over.is_set(): return
            ran += since() and waits()
            freeswitch.msleep(5)
        saw["ran"] = True
        freeswitch.Event("CUSTOM", "freezes::over").fire()
        freeswitch.API().execute("hupall")
    thread = threading.Thread(target=other)
    thread.start()
    try:
        return function(*args)
    finally:
        over.set()
        thread.join()
def sleep_often(saw):
    # Nothing ends this sleep.
    for _ in range(200):
        if "ran" in saw: break
        freeswitch.msleep(100)
"""


def other_python_runs(host: Host, call: str, *, api: bool = False, answer: bool = True) -> None:
    """While a script waits in the switch, another thread of Python comes by many times."""
    if api:
        saw = in_api(host, f"{MEANWHILE}\ndef body(saw): meanwhile(saw, {call})\n")
    else:
        first = "session.answer(); " if answer else ""
        saw, _call = in_call(host, f"{MEANWHILE}\ndef body(session, saw): {first}meanwhile(saw, {call})\n", timeout=60)
    assert saw == {"ran": True}


def silent(host: Host) -> str:
    """What a caller hears ring for longer than a test lasts."""
    extension = host.extension("ring_ready", ("sleep", "20000"), ("hangup", "NO_ANSWER"))
    return f"{{ignore_early_media=true}}loopback/{extension}"


def test_p30_a_script_that_calls_a_script(host: Host) -> None:
    inner = host.script("def fsapi(session, stream, env, args): stream.write('inner ' + args)")
    saw = in_api(host, f"def body(saw): saw['reply'] = freeswitch.API().execute('python', '{inner} x')")
    assert saw == {"reply": "inner x"}


@pytest.mark.parametrize(
    "call", ["execute, 'originate', '{}'", "executeString, 'originate {}'", "__call__, 'originate {}'"]
)
def test_p30_other_python_runs_during_commands(host: Host, call: str) -> None:
    other_python_runs(host, f"freeswitch.API().{call.format(f'{silent(host)} &park()')}", api=True)


def test_p31_other_python_runs_during_originate(host: Host) -> None:
    other_python_runs(host, f"freeswitch.Session, '{silent(host)}'", api=True)


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
    other_python_runs(host, f"freeswitch.Session().originate, None, '{silent(host)}'", api=True)


@pytest.mark.parametrize(
    "call",
    [
        "sleep_often, saw",
        "session.sleep, 20000",
        "session.streamFile, 'silence_stream://20000'",
        "session.getDigits, 1, '', 20000",
        "session.execute, 'sleep', '20000'",
        "freeswitch.EventConsumer('CUSTOM', 'freezes::over').pop, 1, 20000",
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
    quiet = "'silence_stream://20000'"
    menu = f"freeswitch.IVRMenu(None, 'm', {quiet}, *[None] * 8, 1, 100, 1, 20000, 1, 1).execute, session, 'm'"
    other_python_runs(host, menu)
    callee = host.extension("ring_ready", ("sleep", "20000"), "answer", ("sleep", "2000"))
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
    call = start(
        host,
        MEANWHILE
        + """
def on_input(session, what, obj, saw):
    session.unsetInputCallback()
    freeswitch.consoleLog("info", "heard %s\\n" % obj.digit)
def body(session, saw):
    session.answer()
    session.setInputCallback(on_input, saw)
    pressed = lambda: freeswitch.API().execute("uuid_getvar", session.uuid + " pressed") == "2"
    meanwhile(saw, session.streamFile, "silence_stream://20000", since=pressed)
""",
    )
    host.wait_event("PLAYBACK_START", {"Unique-ID": call.uuid})
    call.press("1")
    host.wait_log("^heard 1")
    call.press("2")
    host.api(f"uuid_setvar {call.uuid} pressed 2")
    saw, _ = seen(call.wait(60))
    assert saw == {"ran": True}


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
