"""What made mod_python3 crash or corrupt memory (rows P01 to P25): from outside, and in the script's objects."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from hosts.base import Host
from support.configuration import xml_binding
from support.saw import in_api, in_call

RAW = b"J\xfcrgen".decode(errors="surrogateescape")
DIALPLAN = (
    '<document type="freeswitch/xml"><section name="dialplan"><context name="default"><extension name="made">'
    '<condition field="destination_number" expression="^8(.*)$">'
    '<action application="set" data="made=%s"/><action application="hangup" data="CALL_REJECTED"/>'
    "</condition></extension></context></section></document>"
)


@pytest.fixture
def alive(host: Host) -> Iterator[None]:
    yield
    assert "is ready" in host.api("status")
    assert host.run("set", "still=here").variables["still"] == "here"


def test_p01_xml_outlives_the_text_that_it_came_from(fresh: Callable[..., Host]) -> None:
    # What is freed is overwritten at once, so that whoever still reads it reads garbage.
    host = fresh(environ={"MALLOC_PERTURB_": "165"})
    name = host.script(f"def xml_fetch(params): return {DIALPLAN % 'by python'!r}\n")
    host.config(xml_binding(name))
    for _ in range(5):
        result = host.call(extension="8000")
        assert (result.variables["made"], result.cause) == ("by python", "CALL_REJECTED")


@pytest.mark.usefixtures("alive")
@pytest.mark.parametrize("value", ["None", "b'<document/>'", "5", "''", "'no xml <<<'"])
def test_p02_xml_fetch_that_returns_no_document(host: Host, value: str) -> None:
    host.config(xml_binding(host.script(f"def xml_fetch(params): return {value}\n")))
    assert host.run("set", "from=file").variables["from"] == "file"


def test_p03_xml_with_bytes_from_sip(host: Host) -> None:
    name = host.script(f"def xml_fetch(params): return {DIALPLAN!r} % params.getHeader('variable_given')\n")
    host.config(xml_binding(name))
    assert host.call(extension="8000", variables={"given": RAW}).variables["made"] == RAW


def test_p04_hook_argument_keeps_its_references(host: Host) -> None:
    name = host.script("""
        import sys
        ARGUMENT = {"a": 1}
        def hook(session, what, arg):
            arg["a"] += 1
        def handler(session, args):
            session.setHangupHook(hook, ARGUMENT)
            session.hangup()
            session.sleep(20)
        def fsapi(session, stream, env, args):
            stream.write("%d %d" % (sys.getrefcount(ARGUMENT), ARGUMENT["a"]))
    """)
    references, before = map(int, host.api(f"python {name}").split())
    for _ in range(10):
        host.run("python", name)
    assert host.api(f"python {name}") == f"{references} {before + 10}"


@pytest.mark.usefixtures("alive")
def test_p05_a_long_error(host: Host) -> None:
    name = host.script("""
        def deep(n):
            if n:
                deep(n - 1)
            raise Exception("x" * 30000)
        def handler(session, args):
            deep(200)
    """)
    host.run("python", name)
    assert "x" * 30000 in host.wait_log("Exception: xxx").text


@pytest.mark.usefixtures("alive")
def test_p06_an_error_with_bytes_from_sip(host: Host) -> None:
    name = host.script("def handler(session, args): raise ValueError(session.getVariable('given'))\n")
    host.run("python", name, variables={"given": RAW})
    assert host.wait_log("ValueError: J").level == "ERR"


@pytest.mark.usefixtures("alive")
def test_p07_script_path_is_no_code(host: Host) -> None:
    name = host.script("def handler(session, args): session.setVariable('ran', 'yes')\n")
    mark = host.folder / "injected"
    evil = f"\");import os;os.mkdir('{mark}');(\""
    result = host.call(("set", f"python_script_path={evil}"), ("python", name))
    assert not mark.exists()
    assert result.variables.get("ran") == "yes" or "python_error" in result.variables
    host.call(("set", "python_script_path=" + "/x" * 15000), ("python", name))


def test_p08_p09_hook_of_a_session_that_the_script_made(host: Host) -> None:
    callee = host.extension("answer", ("sleep", "300"), ("hangup", "NO_USER_RESPONSE"))
    saw, _ = in_call(
        host,
        f"""
        def hook(session, what, saw):
            saw["hook"] = [what, session is saw.pop("it"), session.hangupCause()]
        def body(session, saw):
            other = saw["it"] = freeswitch.Session("loopback/{callee}")
            other.setHangupHook(hook, saw)
            other.sleep(15000)
            saw["after"] = other.ready()
        """,
    )
    assert saw == {"hook": ["hangup", True, "NO_USER_RESPONSE"], "after": False}


@pytest.mark.usefixtures("alive")
def test_p10_detect_speech_without_anything(host: Host) -> None:
    saw, _ = in_call(host, "def body(session, saw): saw['said'] = session.detectSpeech(None)")
    assert saw == {"said": None}


def test_p11_threads_share_a_session(host: Host) -> None:
    saw, _ = in_call(
        host,
        """
        def body(session, saw):
            session.answer()
            def other():
                for n in range(200):
                    session.setVariable("from_thread", str(n))
                saw["thread"] = session.getVariable("from_thread")
            threads = [threading.Thread(target=other) for _ in range(2)]
            threads.append(threading.Thread(target=lambda: session.sleep(200)))
            for thread in threads: thread.start()
            saw["play"] = session.streamFile("silence_stream://300")
            for thread in threads: thread.join()
        """,
    )
    assert saw == {"play": 1, "thread": "199"}


def test_p12_callbacks_on_both_legs_of_a_bridge(host: Host) -> None:
    callee = host.extension("answer", ("send_dtmf", "123"), ("sleep", "15000"))
    saw, _ = in_call(
        host,
        f"""
        def on_a(session, what, obj, heard):
            heard.append("a" + obj.digit)
        def on_b(session, what, obj, heard):
            heard.append("b" + obj.digit)
            return "stop" if obj.digit == "3" else None
        def body(session, saw):
            session.answer()
            heard = saw["heard"] = []
            peer = freeswitch.Session("{{loopback_bowout=false}}loopback/{callee}", session)
            session.setInputCallback(on_a, heard)
            peer.setInputCallback(on_b, heard)
            freeswitch.bridge(session, peer)
        """,
    )
    assert saw["heard"] == ["b1", "b2", "b3"]


@pytest.mark.usefixtures("alive")
def test_p13_hooks_and_callbacks_without_a_call(host: Host) -> None:
    saw = in_api(
        host,
        """
        def body(saw):
            for name, session in (("failed", freeswitch.Session("error/user_busy")), ("none", freeswitch.Session())):
                saw[name] = [tried(session.setHangupHook, print), tried(session.setInputCallback, print),
                             tried(session.unsetInputCallback), session.ready()]
                session.destroy()
                saw[name].append(tried(session.setHangupHook, print))
        """,
    )
    assert saw == {key: [None, None, None, False, None] for key in ("failed", "none")}


def test_p14_events_of_bad_text(host: Host) -> None:
    saw = in_api(
        host,
        """
        def body(saw):
            saw["json"] = tried(freeswitch.Event, "json", "{bad")
            saw["none"] = tried(freeswitch.Event, None)
        """,
    )
    assert saw["json"].startswith("ValueError: ")
    assert saw["none"].startswith("TypeError: argument 'type'")


@pytest.mark.usefixtures("alive")
def test_p15_print_without_a_call(host: Host) -> None:
    saw = in_api(host, "def body(saw): saw['said'] = tried(freeswitch.Session()._print, 'x')")
    assert saw["said"].startswith("SessionGone: ")


@pytest.mark.usefixtures("alive")
def test_p16_tts_of_none(host: Host) -> None:
    saw, _ = in_call(
        host,
        """
        def body(session, saw):
            for set_params in (session.set_tts_parms, session.set_tts_params):
                saw["set"] = tried(set_params, None, None)
                saw["speak"] = tried(session.speak, "hello")
        """,
    )
    assert saw["set"] is None
    assert saw["speak"] == 0 or "Error" in saw["speak"]
