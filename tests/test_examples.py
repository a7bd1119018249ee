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
    # Not the far leg: loopback then ends the script's media first, and a script that has returned has no hook.
    near = example.api(f"uuid_getvar {far} other_loopback_leg_uuid").strip()
    assert example.api(f"uuid_kill {near}").startswith("+OK")
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


@pytest.fixture
def switchio(host: Host) -> Host:
    """A switch with the examples of switchio's apps."""
    shutil.copytree(EXAMPLES / "switchio", host.script_dir / "switchio", dirs_exist_ok=True)
    return host


def unload(host: Host, app_id: str) -> None:
    """Unload what an example has loaded."""
    name = host.script(f"""
        from freeswitch import apps
        def fsapi(session, stream, env, args):
            apps.unload({app_id!r})
            stream.write("unloaded")
    """)
    assert host.api(f"python {name}") == "unloaded"


def test_players(switchio: Host, parked: str) -> None:
    assert switchio.api(f"pyrun switchio.players loopback/{parked}").startswith("+OK")
    switchio.wait_event("CHANNEL_EXECUTE", {"Application": "echo"})
    switchio.api("hupall")
    unload(switchio, "players")


@pytest.mark.freeswitch_only  # pocket records no calls
def test_recordings(switchio: Host, parked: str) -> None:
    switchio.api(f"global_setvar recordings_dir={switchio.script_dir}")
    switchio.api("global_setvar sound_prefix=tone_stream://%(300,0,440);loops=1\\;")
    assert switchio.api(f"pyrun switchio.players loopback/{parked} MutedPlayRec").startswith("+OK")
    switchio.wait_log("recorded .*caller_.* and .*callee_")
    unload(switchio, "players")


def test_digits(switchio: Host, parked: str) -> None:
    assert switchio.api(f"pyrun switchio.digits loopback/{parked}").startswith("+OK")
    switchio.wait_log("all digits came")
    unload(switchio, "digits")


@pytest.mark.freeswitch_only  # pocket detects no tones
def test_audio(switchio: Host, parked: str) -> None:
    assert switchio.api(f"pyrun switchio.audio loopback/{parked}").startswith("+OK")
    switchio.wait_log("the audio arrives")
    unload(switchio, "audio")


@pytest.mark.parametrize(("how", "cause"), [("", "USER_BUSY"), ("ring", "NORMAL_CLEARING")])
def test_rejecting(switchio: Host, parked: str, how: str, cause: str) -> None:
    assert switchio.api(f"pyrun switchio.rejecting {how}".strip()).startswith("+OK")
    switchio.wait_for(lambda: "default" in ids(switchio) or None)
    assert switchio.call(extension=parked).cause == cause
    assert switchio.api("python switchio.rejecting") == "+OK calls are taken again"


def ids(host: Host) -> str:
    """The ids that apps are loaded under."""
    name = host.script("""
        from freeswitch.apps import get_listener
        def fsapi(session, stream, env, args): stream.write(f"ids {list(get_listener().apps)}")
    """)
    return host.api(f"python {name}")


def test_bridging(switchio: Host) -> None:
    first = switchio.extension(("answer", ""), ("sleep", "300"), ("hangup", ""))
    second = switchio.extension(("answer", ""), ("sleep", "400"), ("hangup", ""))
    assert switchio.api(f"pyrun switchio.bridging loopback/{first} loopback/{second}").startswith("+OK")
    switchio.wait_for(lambda: "default" in ids(switchio) or None)
    parks = switchio.extension(("set", "park_after_bridge=true"), ("park", ""))
    call = switchio.start_call(parks)
    for number in (first, second):
        switchio.wait_event("CHANNEL_EXECUTE", {"Application": "bridge", "Application-Data": f"loopback/{number}"})
    call.hangup()
    call.wait()
    unload(switchio, "default")


def test_dialer(switchio: Host, parked: str, tmp_path: Path) -> None:
    assert switchio.api(f"pyrun switchio.dialer loopback/{parked} {tmp_path}").startswith("+OK")
    switchio.wait_log("20 calls were offered, 20 were answered", timeout=60)
    assert len((tmp_path / "calls.csv").read_text(encoding="utf-8").splitlines()) == 21
    assert (tmp_path / "sysstats.csv").read_text(encoding="utf-8").startswith("time,total_cpu_percent")
    assert "offered=20" in switchio.api("python switchio.dialer stop")
