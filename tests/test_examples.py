"""The examples do what they say, among them the one that the project's documents began with."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from xml.etree import ElementTree

import pytest

from hosts.base import Host, LiveCall

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = ROOT / "examples"
SCRIPT = "mod_fstest.python_example"


@pytest.fixture
def example(host: Host) -> Host:
    """A switch with the example and its dialplan."""
    shutil.copytree(EXAMPLES / "mod_fstest", host.script_dir / "mod_fstest", dirs_exist_ok=True)
    host.dialplan((EXAMPLES / "dialplan" / "python_test.xml").read_text(encoding="utf-8"))
    return host


def test_a_call_to_5555555(example: Host) -> None:
    call = example.start_call("5555555")
    example.wait_event("PLAYBACK_START", {"Unique-ID": call.uuid})
    call.press("5")
    example.wait_log("^dtmf 5$")
    call.hangup()
    result = call.wait()
    assert (result.answered, result.cause) == (True, "NORMAL_CLEARING")
    texts = [line.text.strip() for line in example.log() if line.level == "INFO"]
    told = ["Answering call from Python.", "Arguments:", "dtmf 5", "hangup hook for hangup!!"]
    assert [text for text in texts if text in told] == told
    example.no_log("Traceback")


def test_a_call_that_hangs_up_without_a_digit(example: Host) -> None:
    call = example.start_call("5555555")
    example.wait_event("PLAYBACK_START", {"Unique-ID": call.uuid})
    call.hangup()
    assert call.wait().answered
    example.wait_log("^hangup hook for hangup!!")


@pytest.mark.freeswitch_only
def test_a_call_made_by_hand(example: Host) -> None:
    reply = example.api("originate loopback/5555555/default/xml &park")
    assert reply.startswith("+OK ")
    far = reply.removeprefix("+OK ").strip()
    example.api(f"uuid_send_dtmf {far} 5")
    example.wait_log("^dtmf 5$")
    assert example.api(f"uuid_kill {far}").startswith("+OK")
    example.wait_log("^hangup hook for hangup!!")


def test_python_at_the_command_line(example: Host) -> None:
    reply = example.api(f"python {SCRIPT}")
    assert reply.startswith("w00t!\n")
    assert "Event-Name: API\n" in reply
    assert f"API-Command-Argument: {SCRIPT}" in reply


def test_pyrun_at_the_command_line(example: Host) -> None:
    assert example.api(f"pyrun {SCRIPT} hello").startswith("+OK")
    example.wait_log("^hello$")


def test_its_dialplan_answers_a_call(example: Host) -> None:
    example.config(f"""<configuration name="python.conf"><settings>
        <param name="xml-handler-script" value="{SCRIPT}"/>
        <param name="xml-handler-bindings" value="dialplan"/>
    </settings></configuration>""")
    call = example.start_call("4444")
    example.wait_event("PLAYBACK_START", {"Unique-ID": call.uuid})
    call.hangup()
    assert call.wait().answered


def test_the_configuration_is_well_formed() -> None:
    root = ElementTree.parse(ROOT / "conf" / "python.conf.xml").getroot()
    assert (root.tag, root.get("name")) == ("configuration", "python.conf")


def test_the_configuration_as_installed_is_taken(host: Host) -> None:
    host.config((ROOT / "conf" / "python.conf.xml").read_text(encoding="utf-8"))
    assert not [line for line in host.log() if line.level in {"ERR", "CRIT"}]


@pytest.fixture
def loaded(host: Host) -> Host:
    """A switch with the examples of call applications."""
    for folder in ("switchio", "yaypm"):
        shutil.copytree(EXAMPLES / folder, host.script_dir / folder, dirs_exist_ok=True)
    return host


def start_app(host: Host, script: str, argument: str) -> None:
    def ended() -> int:
        count: int = json.loads(host.api("pystat json"))["ways"]["pyrun"]["calls"]
        return count

    before = ended()
    assert host.api(f"pyrun {script} {argument}").startswith("+OK")
    # It may not have begun yet, so that an empty list of what runs says nothing.
    host.wait_for(lambda: ended() > before or None, what="the app to be loaded")


def test_switchio_s_counter(loaded: Host) -> None:
    start_app(loaded, "switchio.counter", "counted")
    assert loaded.api("python switchio.counter") == "0"
    loaded.call(("answer", ""), variables={"freeswitch_app": "counted"})
    # A leg of the far end's, where there is one, is answered too.
    loaded.wait_for(lambda: int(loaded.api("python switchio.counter")) in {1, 2} or None, what="the count")


def test_switchio_s_proxier(loaded: Host) -> None:
    start_app(loaded, "switchio.proxier", "proxied")
    callee = loaded.extension("answer", ("sleep", "300"))
    parked = loaded.extension(("park", ""))
    call = loaded.start_call(parked, variables={"freeswitch_app": "proxied", "proxy_to": f"loopback/{callee}"})
    loaded.wait_event("CHANNEL_BRIDGE", {"Unique-ID": call.uuid})
    call.hangup()
    assert call.wait().answered


def test_switchio_s_router(loaded: Host) -> None:
    start_app(loaded, "switchio.router", "welcomed")
    result = loaded.call(("set", "freeswitch_app=welcomed"), ("park", ""))
    assert (result.answered, result.cause) == (True, "NORMAL_CLEARING")
    assert "PLAYBACK_STOP" in result.event_names()


def test_yaypm_s_ivr(loaded: Host) -> None:
    call = loaded.start_call(loaded.extension(("python", "yaypm.ivr")))
    echoes(loaded, call)


def test_yaypm_s_ivr_with_callbacks(loaded: Host) -> None:
    parked = loaded.extension(("park", ""))
    start_app(loaded, "yaypm.ivr_callbacks", parked)
    call = loaded.start_call(parked)
    loaded.wait_log(f"^Call {call.uuid} answered.$")
    echoes(loaded, call)


def echoes(host: Host, call: LiveCall) -> None:
    """Press digits, each when the sound of the one before has come."""
    host.wait_event("CHANNEL_ANSWER", {"Unique-ID": call.uuid})
    for digit in "42":
        call.press(digit)
        host.wait_log(f"^Dtmf {digit} received.$")
        tone = f"tone_stream://%(200,50,{ord(digit) - 40}00)"
        host.wait_event("PLAYBACK_STOP", {"Unique-ID": call.uuid, "Playback-File-Path": tone})
    call.hangup()
    assert "python_error" not in call.wait().variables
