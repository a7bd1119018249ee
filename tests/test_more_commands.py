"""Commands and applications that IVRs use: what they answer."""

from __future__ import annotations

import json
import os

import pytest

from hosts.base import Host, LiveCall

DIRECTORY = '''
def xml_fetch(params):
    if params.getHeader("domain") != "example.com":
        return None
    return """<document type="freeswitch/xml"><section name="directory"><domain name="example.com">
        <params><param name="shared" value="of the domain"/></params>
        <variables><variable name="toll" value="domestic"/></variables>
        <users><user id="1000" number-alias="2000">
          <params><param name="password" value="1234"/></params>
          <variables><variable name="account" value="A1"/></variables>
        </user></users>
    </domain></section></document>"""
'''

# A command, and what it answers on every FreeSWITCH.
ANSWERS = {
    "regex 5551234|^555(\\d)": "true",
    "regex 1234|^555": "false",
    "regex 5551234|^555(\\d+)$|num %1": "num 1234",
    "regex 1234|^555|x": "1234",
    "regex 1234|^555|x|n": "-ERR no reply\n",
    "regex 1234|^555|x|b": "false",
    "regex m:/:5551234/^555(\\d)": "false",
    "regex m:~5551234~^555(\\d)~%1": "1",
    "regex nothing": "-ERR",
    "replace hello world|world|there": "hello there",
    "replace a|b": "-ERR",
    "cond 5 > 3 ? yes : no": "yes",
    "cond 5 < 3 ? yes : no": "no",
    "cond 'a' == 'a' ? same : other": "same",
    "cond a != b ? other : same": "other",
    "cond abc > 2 ? long : short": "long",
    "cond 5 < 3 ? yes": "-ERR no reply\n",
    "cond nonsense": "-ERR",
    "cond 1 == 1": "-ERR",
    "md5 hello": "5d41402abc4b2a76b9719d911017c592",
    "md5": "!err!",
    "url_encode a b/c?d=é&%41": "a%20b/c%3Fd%3D%C3%A9%26%41",
    "url_decode a%20b%2Fc+d%zz": "a b/c+d%zz",
    "toupper abc": "ABC",
    "tolower AbC": "abc",
    "system echo out; echo more": "out\nmore\n",
    "system": "-USAGE: <command>\n",
    "coalesce ,,a,b": "a",
    "coalesce ^^:::b:c": "b",
    "coalesce": "-USAGE: [^^<delim>]<value1>,<value2>,...\n",
    "getenv NOBODY_HAS_SET_THIS": "_undef_",
    "getenv HOME": os.environ.get("HOME", "_undef_"),
    "uptime parsecs": "-USAGE: [us|ms|s|m|h|d|microseconds|milliseconds|seconds|minutes|hours|days]\n",
    "file_exists /etc/passwd": "true",
    "file_exists /nowhere": "false",
    "log warning said by a test": "+OK\n",
    "json": "-ERR No JSON supplied.\n",
    "json {": "-ERR Parse error.\n",
    "sched_del nobody": "+OK Deleted: 0\n",
    "sched_api": "-ERR Invalid syntax. USAGE: [+@]<time> <group_name> <command_string>[&]\n",
    "sched_hangup": "-USAGE: [+]<time> <uuid> [<cause>]\n",
    "sched_hangup +5 nobody": "-ERR No such channel!\n",
    "sched_transfer +5": "-USAGE: [+]<time> <uuid> <extension> [<dialplan>] [<context>]\n",
    "sched_transfer +5 nobody 1": "-ERR No such channel!\n",
    "sched_broadcast +5 nobody": "-USAGE: [[+]<time>|@time] <uuid> <path> [aleg|bleg|both]\n",
    "uuid_dump": "-USAGE: <uuid> [format]\n",
    "uuid_dump nobody": "-ERR No such channel!\n",
    "uuid_bridge nobody": "-USAGE: <uuid> <other_uuid>\n",
    "uuid_bridge nobody no_one": "-ERR Invalid uuid\n",
    "uuid_record nobody start x": "-ERR Cannot locate session!\n",
    "uuid_record nobody": "-USAGE: <uuid> [start|stop|mask|unmask] <path> [<limit>] [<recording_vars>]\n",
    "uuid_audio nobody": "-USAGE: <uuid> [start [read|write] [mute|level <level>]|stop]\n",
    "uuid_audio nobody stop": "-ERR No such channel!\n",
    "fsctl max_dtmf_duration": "+OK max dtmf duration: 192000\n",
    "fsctl min_dtmf_duration": "+OK min dtmf duration: 400\n",
    "fsctl ready_check": "true",
    "fsctl shutdown_check": "false",
    "fsctl sps_peak_reset": "+OK max sessions per second counter reset\n",
}


@pytest.mark.parametrize("command", ANSWERS)
def test_what_a_command_answers(host: Host, command: str) -> None:
    assert host.api(command) == ANSWERS[command]


# Commands of modules that not every installation has.
OF_MODULES = {
    "mod_hash": [
        ("hash select/t/k", "-ERR no reply\n"),
        ("hash insert/t/k/one", "+OK\n"),
        ("hash insert_ifempty/t/k/two", "-ERR key already exists\n"),
        ("hash select/t/k", "one"),
        ("hash delete_ifmatch/t/k/two", "-ERR Doesn't match\n"),
        ("hash delete_ifmatch/t/k/one", "+OK\n"),
        ("hash delete/t/k", "-ERR Not found\n"),
        ("hash insert/t", "-ERR Usage: hash insert|insert_ifempty|select|delete|delete_ifmatch/realm/key[/value]\n"),
    ],
    "mod_db": [
        ("db insert/t/k/one", "+OK"),
        ("db select/t/k", "one"),
        ("db exists/t/k", "true"),
        ("db count/t", "1"),
        ("db list/t", "k"),
        ("db delete/t/k", "+OK"),
        ("db exists/t/k", "false"),
        ("db select/t/k", "-ERR no reply\n"),
        ("db nonsense/t", "!err!"),
    ],
    "mod_expr": [
        ("expr 1+2*3", "7"),
        ("expr 10/4", "2.5"),
        ("expr 2^10", "1024"),
        ("expr (1+2)*-3", "-9"),
        ("expr x=4;x*2", "8"),
        ("expr if(above(3,2),10,20)", "10"),
        ("expr mod(7,4)+max(1,7,3)+abs(-2)", "12"),
        ("expr 1/3", "0.3333333333"),
        ("expr 1+", "!err!"),
        ("expr", "!err!"),
    ],
}


@pytest.mark.parametrize("module", OF_MODULES)
def test_what_commands_of_a_module_answer(host: Host, module: str) -> None:
    loaded = host.is_pocket or host.api(f"module_exists {module}") == "true"
    if not loaded and "+OK" not in host.api(f"load {module}"):
        pytest.skip(f"this FreeSWITCH has no {module}")
    try:
        for command, answer in OF_MODULES[module]:
            assert host.api(command) == answer, command
    finally:
        if not loaded:
            host.api(f"unload {module}")


@pytest.fixture
def directory(host: Host) -> None:
    name = host.script(DIRECTORY)
    host.config(
        '<configuration name="python.conf"><settings>'
        f'<param name="xml-handler-script" value="{name}"/><param name="xml-handler-bindings" value="directory"/>'
        "</settings></configuration>"
    )


@pytest.mark.usefixtures("directory")
@pytest.mark.parametrize(
    ("command", "answer"),
    [
        ("user_data 1000@example.com var account", "A1"),
        ("user_data 1000@example.com var toll", "domestic"),
        ("user_data 1000@example.com param password", "1234"),
        ("user_data 1000@example.com param shared", "of the domain"),
        ("user_data 1000@example.com attr number-alias", "2000"),
        ("user_data 2000@example.com attr id", "1000"),
        ("user_data 1000@example.com var absent", "-ERR no reply\n"),
        ("user_data 9@example.com var account", "-ERR no reply\n"),
        ("user_exists id 1000 example.com", "true"),
        ("user_exists id 9 example.com", "false"),
        ("user_exists id 1000 example.net", "false"),
        ("user_exists id", "false"),
        ("domain_exists example.com", "true"),
        ("domain_exists example.net", "false"),
    ],
)
def test_what_is_known_of_users(host: Host, command: str, answer: str) -> None:
    assert host.api(command) == answer


def test_the_switch_has_a_name_and_an_age(host: Host) -> None:
    assert host.api("hostname") == host.api("global_getvar hostname")
    hours = int(host.api("uptime s")) // 3600
    assert int(host.api("uptime h")) in {hours, hours + 1}
    assert 0 <= int(host.api("uptime us")) // 1000 - int(host.api("uptime ms")) + 1000 <= 2000


@pytest.mark.usefixtures("directory")
def test_a_leg_is_told_of_a_user(host: Host) -> None:
    result = host.call(("set_user", "1000@example.com"), ("set_user", "1000@example.com other_"), "hangup")
    seen = result.variables
    names = ("account", "toll", "number_alias", "user_name", "domain_name", "other_account", "other_user_name")
    assert [seen[name] for name in names] == ["A1", "domestic", "2000", "1000", "example.com", "A1", "1000"]
    result = host.call(("set_user", "9@example.com"), ("set_user", "9"), "hangup")
    assert "user_name" not in result.variables
    assert host.wait_log(r"can't find user \[9@example.com\]").level == "WARNING"
    assert host.wait_log("No user@domain specified").level == "ERR"


def test_folders_and_files_from_a_dialplan(host: Host) -> None:
    folder = host.folder / "a" / "b"
    host.call(("mkdir", str(folder)), ("system", f"touch {folder}/c"), ("rename", f"{folder}/c {folder}/d"), "hangup")
    host.wait_for((folder / "d").exists)


def test_tones_of_an_application(host: Host) -> None:
    result = host.call("answer", ("gentones", "%(200,100,440)|2"), ("set", "after=yes"), "hangup", timeout=10)
    assert result.variables["after"] == "yes"
    result = host.call("answer", ("gentones", "%(200,100,440)|-1"), "hangup", press=[(1.0, "*")], timeout=10)
    assert result.variables["playback_terminator_used"] == "*"


@pytest.fixture
def parked_call(host: Host, parked: str) -> LiveCall:
    call = host.start_call(parked, variables={"colour": "light blue"})
    host.wait_event("CHANNEL_PARK", {"Unique-ID": call.uuid})
    return call


def test_a_leg_is_dumped(host: Host, parked_call: LiveCall) -> None:
    uuid = parked_call.uuid
    encoded = host.api(f"uuid_dump {uuid}").splitlines()
    assert f"Unique-ID: {uuid}" in encoded
    assert "variable_colour: light%20blue" in encoded
    assert f"Unique-ID: [{uuid}]" in host.api(f"uuid_dump {uuid} plain").splitlines()
    told = json.loads(host.api(f"uuid_dump {uuid} json"))
    assert (told["Unique-ID"], told["variable_colour"]) == (uuid, "light blue")
    assert f"<Unique-ID>{uuid}</Unique-ID>" in host.api(f"uuid_dump {uuid} xml")
    parked_call.hangup()


def test_the_json_api_as_a_command(host: Host) -> None:
    answer = json.loads(host.api('json {"command": "status", "data": ""}'))
    assert answer["status"] == "success"
    assert "systemStatus" in answer["response"]
    answer = json.loads(host.api('json {"command": "nonsense", "data": ""}'))
    assert (answer["status"], answer["response"]) == ("error", None)


def test_a_command_is_scheduled(host: Host) -> None:
    reply = host.api("sched_api +1 mine global_setvar scheduled=yes")
    assert reply.startswith("+OK Added: ")
    other = host.api("sched_api +1 gone global_setvar forgotten=yes").split()[-1]
    assert host.api(f"unsched_api {other}") == "+OK\n"
    assert host.api("unsched_api 999999") == "-ERR No such id\n"
    host.api("sched_api +60 group echo")
    host.api("sched_api +60 group echo")
    assert host.api("sched_del group") == "+OK Deleted: 2\n"
    host.wait_for(lambda: host.api("global_getvar scheduled") == "yes" or None)
    assert host.api("global_getvar forgotten") != "yes"
    host.api("global_setvar scheduled=")


def test_a_hangup_is_scheduled(host: Host, parked_call: LiveCall) -> None:
    assert host.api(f"sched_hangup +1 {parked_call.uuid} USER_BUSY") == "+OK\n"
    assert parked_call.wait().cause == "USER_BUSY"


def test_a_hangup_in_no_time_is_one_at_once(host: Host, parked_call: LiveCall) -> None:
    assert host.api(f"sched_hangup +0 {parked_call.uuid}") == "+OK\n"
    assert parked_call.wait().cause == "ALLOTTED_TIMEOUT"


def test_a_transfer_is_scheduled(host: Host, parked_call: LiveCall) -> None:
    target = host.extension(("set", "moved=yes"), ("hangup", "CALL_REJECTED"))
    assert host.api(f"sched_transfer +1 {parked_call.uuid} {target}") == "+OK\n"
    result = parked_call.wait()
    assert (result.cause, result.variables["moved"]) == ("CALL_REJECTED", "yes")


def test_a_broadcast_is_scheduled(host: Host, parked_call: LiveCall) -> None:
    path = "hangup::NORMAL_TEMPORARY_FAILURE"
    assert host.api(f"sched_broadcast +1 {parked_call.uuid} {path}") == "+OK Message scheduled\n"
    assert parked_call.wait().cause == "NORMAL_TEMPORARY_FAILURE"


def test_applications_schedule_too(host: Host) -> None:
    target = host.extension(("hangup", "CALL_REJECTED"))
    result = host.call("answer", ("sched_transfer", f"+1 {target}"), ("sleep", "9000"))
    assert result.cause == "CALL_REJECTED"
    assert int(result.variables["last_sched_id"]) > 0
    assert host.call("answer", ("sched_hangup", "+1"), ("sleep", "9000")).cause == "ALLOTTED_TIMEOUT"


def test_a_session_is_recorded_beside_what_it_does(host: Host) -> None:
    path = host.folder / "beside.wav"
    result = host.call(
        "answer",
        ("record_session", str(path)),
        ("playback", "silence_stream://4000"),
        ("stop_record_session", str(path)),
        ("sleep", "200"),
        "hangup",
    )
    assert path.stat().st_size == pytest.approx(64_000, rel=0.1)
    assert int(result.variables["record_seconds"]) in (3, 4)
    kinds = [event["Event-Name"] for event in result.events if event["Event-Name"].startswith("RECORD")]
    assert kinds == ["RECORD_START", "RECORD_STOP"]


def test_a_recording_that_is_too_short_is_thrown_away(host: Host) -> None:
    path = host.folder / "short.wav"
    for shortest, there in (("0", True), ("3", False)):
        result = host.call(
            "answer",
            ("set", f"RECORD_MIN_SEC={shortest}"),
            ("record_session", str(path)),
            ("playback", "silence_stream://1000"),
            "hangup",
        )
        assert result.cause == "NORMAL_CLEARING"
        host.wait_for(path.exists if there else lambda: not path.exists())


def test_a_recording_is_started_and_stopped_from_outside(host: Host) -> None:
    call = host.start_call(host.extension("answer", ("playback", "silence_stream://30000")))
    host.wait_event("CHANNEL_ANSWER", {"Unique-ID": call.uuid})
    path = host.folder / "outside.wav"
    assert host.api(f"uuid_record {call.uuid} start {path}") == "+OK Success\n"
    if host.is_pocket:
        host.sleep(6)  # it writes its file at the end
    else:
        host.wait_for(lambda: (path.exists() and path.stat().st_size > 48_000) or None, what="three seconds")
    assert host.api(f"uuid_record {call.uuid} stop {path}") == "+OK Success\n"
    host.wait_event("RECORD_STOP", {"Record-File-Path": str(path)})
    assert host.api(f"uuid_record {call.uuid} stop {path}") == "-ERR Cannot stop record session!\n"
    assert path.stat().st_size > 48_000
    call.hangup()


def test_two_legs_are_bridged_from_outside(host: Host) -> None:
    waits = host.extension("answer", ("park", ""))
    first, second = (host.api(f"originate loopback/{waits}/default &park()").split()[-1] for _ in range(2))
    assert host.api(f"uuid_bridge {first} {second}") == f"+OK {second}\n"
    event = host.wait_event("CHANNEL_BRIDGE", {"Bridge-A-Unique-ID": first})
    assert event["Bridge-B-Unique-ID"] == second
    assert host.api(f"uuid_getvar {first} bridge_uuid") == second
    host.api(f"uuid_kill {second}")
    host.wait_event("CHANNEL_UNBRIDGE", {"Bridge-A-Unique-ID": first})
    host.api("hupall")


def test_a_variable_grows(host: Host) -> None:
    result = host.call(("set", "list=b"), ("push", "list=c"), ("unshift", "list=a"), ("push", "new=1"), "hangup")
    assert result.variables["list"] == "ARRAY::a|:b|:c"
    assert result.variables["new"] == "1"


@pytest.mark.parametrize(
    ("mode", "name", "number"),
    [("full", "true", "true"), ("name", "true", "false"), ("number", "false", "true"), ("no", "false", "false")],
)
def test_privacy(host: Host, mode: str, name: str, number: str) -> None:
    result = host.call(
        ("privacy", mode), ("set", "hides=${privacy_hide_name} ${privacy_hide_number}"), ("answer", ""), "hangup"
    )
    assert result.variables["hides"] == f"{name} {number}"


def test_hash_and_log_in_a_dialplan(host: Host) -> None:
    loaded = host.is_pocket or host.api("module_exists mod_hash") == "true"
    if not loaded and "+OK" not in host.api("load mod_hash"):
        pytest.skip("this FreeSWITCH has no mod_hash")
    result = host.call(
        ("hash", "insert/calls/last/${caller_id_number}"), ("set", "last=${hash(select/calls/last)}"), "hangup"
    )
    assert result.variables["last"] == "1000"
    host.api("hash delete/calls/last")


IVR = """
<configuration name="ivr.conf">
  <menus>
    <menu name="main" greet-long="silence_stream://500" invalid-sound="silence_stream://100"
          timeout="2000" max-failures="2" max-timeouts="2" digit-len="1">
      <entry action="menu-exec-app" digits="1" param="set chosen=one"/>
      <entry action="menu-sub" digits="2" param="below"/>
      <entry action="menu-exit" digits="9"/>
    </menu>
    <menu name="below" greet-long="silence_stream://300" timeout="2000" digit-len="1">
      <entry action="menu-exec-app" digits="5" param="set chosen=below"/>
      <entry action="menu-back" digits="8"/>
    </menu>
  </menus>
</configuration>
"""


def test_a_menu_of_the_configuration(host: Host) -> None:
    host.config(IVR, "ivr.conf")
    result = host.call(
        "answer",
        ("ivr", "main"),
        ("set", "after=${chosen} ${ivr_menu_status}"),
        "hangup",
        press=[(1.0, "1"), (2.0, "2"), (3.0, "5"), (4.0, "8"), (5.0, "9")],
    )
    assert result.variables["after"] == "below success"
    result = host.call("answer", ("ivr", "main"), ("set", "after=${ivr_menu_status}"), "hangup")
    assert result.variables["after"] == "timeout"
    result = host.call("answer", ("ivr", "nonsense"), ("set", "after=yes"), "hangup")
    assert result.variables["after"] == "yes"
