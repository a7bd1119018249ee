"""The switch's own commands, as scripts and operators use them: quoting, expansion, lists."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from typing import Any

import pytest

from hosts.base import Host, LiveCall


@pytest.fixture
def parked_call(host: Host, parked: str) -> LiveCall:
    call = host.start_call(parked)
    host.wait_event("CHANNEL_PARK", {"Unique-ID": call.uuid})
    return call


# What is written, and what it means.
QUOTED = {
    "it's": "it's",
    "'two words'": "two words",
    "two words": "two words",
    "'a' 'b'": "a b",
    "a 'b": "a 'b",
    "'unclosed b": "'unclosed b",
    r"\'q\'": "'q'",
    r"a\sb": "a b",
    r"'a\sb' c": "a b c",
    r"a\nb\tc": "a\nb\tc",
    r"a\\b": "a\\b",
    r"\q": "\\q",
    '"x"': '"x"',
    "x  y": "x  y",
    "''": None,
    "^^x": "^^x",
}


@pytest.mark.parametrize("written", QUOTED)
def test_quotes_in_values(host: Host, parked_call: LiveCall, written: str) -> None:
    meant = QUOTED[written]
    uuid = parked_call.uuid
    assert host.api(f"uuid_setvar {uuid} v {written}") == "+OK\n"
    assert host.api(f"uuid_getvar {uuid} v") == (meant or "_undef_")
    assert host.api(f"uuid_setvar_multi {uuid} w={written};z=1") == "+OK\n"
    assert host.api(f"uuid_getvar {uuid} w") == (meant or "_undef_")
    assert host.api(f"global_setvar quoted={written}") == "+OK"
    assert host.api("global_getvar quoted") == (meant or "-ERR no reply\n")
    host.api("global_setvar quoted=")


def test_what_is_no_value(host: Host, parked_call: LiveCall) -> None:
    uuid = parked_call.uuid
    assert host.api(f"uuid_setvar {uuid} ''") == "-ERR No variable specified\n"
    assert host.api(f"uuid_setvar_multi {uuid} =3;b=2") == "-ERR No variable specified\n+OK\n"
    assert host.api(f"uuid_setvar_multi {uuid}") == "-ERR no reply\n"
    assert host.api(f"uuid_getvar {uuid} b") == "2"


def test_quotes_in_the_data_of_applications(host: Host) -> None:
    result = host.call(
        ("multiset", "a='two words' b='' c=d"),
        ("event", "One='a,b',Two=c"),
        "hangup",
    )
    assert [result.variables.get(name) for name in "abc"] == ["two words", None, "d"]
    event = host.wait_event("CHANNEL_APPLICATION", {"Unique-ID": result.uuid})
    assert [event["One"], event["Two"]] == ["a,b", "c"]


def test_eval_without_a_call(host: Host) -> None:
    music = host.api("global_getvar hold_music")
    expected = {
        "${hold_music}": music,
        "$${hold_music}": music,
        "a${nothing}b": "ab",
        "${eval(x)}": "x",
        "${hold_music:0:4}": music[:4],
        "${hold_music:-2}": music[-2:],
        r"\${hold_music}": "${hold_music}",
        "uuid:none ${hold_music}": music,
        "uuid:none": "-ERR no reply\n",
    }
    assert {text: host.api(f"eval {text}") for text in expected} == expected
    assert host.api("expand eval ${hold_music}") == music
    assert host.api("expand").startswith("-ERR No input")


def test_eval_for_a_call(host: Host, parked_call: LiveCall) -> None:
    """What the call's events say is known, a variable with its prefix."""
    uuid = parked_call.uuid
    host.api(f"uuid_setvar {uuid} v value")
    text = "${Unique-ID} ${variable_v} ${v}. ${Caller-Caller-ID-Number:1:2}"
    assert host.api(f"eval uuid:{uuid} {text}") == f"{uuid} value . 00"
    assert host.api(f"expand uuid:{uuid} eval ${{variable_v}}") == "value"


COLUMNS = [
    "uuid",
    "direction",
    "created",
    "created_epoch",
    "name",
    "state",
    "cid_name",
    "cid_num",
    "ip_addr",
    "dest",
    "application",
    "application_data",
    "dialplan",
    "context",
    "read_codec",
    "read_rate",
    "read_bit_rate",
    "write_codec",
    "write_rate",
    "write_bit_rate",
    "secure",
    "hostname",
    "presence_id",
    "presence_data",
    "accountcode",
    "callstate",
    "callee_name",
    "callee_num",
    "callee_direction",
    "call_uuid",
    "sent_callee_name",
    "sent_callee_num",
    "initial_cid_name",
    "initial_cid_num",
    "initial_ip_addr",
    "initial_dest",
    "initial_dialplan",
    "initial_context",
]


def rows(host: Host, what: str, call: LiveCall) -> dict[str, Any]:
    """The call's row, once the core's table has it as it is."""

    def found() -> dict[str, Any] | None:
        text = host.api(f"show {what}")
        listed = json.loads(text).get("rows", []) if text.startswith("{") else []
        return next((row for row in listed if row["uuid"] == call.uuid and row["application"] in {"", "park"}), None)

    return host.wait_for(found, what=f"the call in `show {what}`")


def test_channels_as_json(host: Host, parked_call: LiveCall) -> None:
    def parked() -> dict[str, Any] | None:
        row = rows(host, "channels as json", parked_call)
        return row if row["application"] == "park" else None

    row = host.wait_for(parked, what="the application in `show channels`")
    assert list(row) == COLUMNS
    expected = {
        "direction": "inbound",
        "cid_name": "Test",
        "cid_num": "1000",
        "dest": row["initial_dest"],
        "state": "CS_EXECUTE",
        "application": "park",
        "context": "default",
        "initial_cid_num": "1000",
        "secure": "",
    }
    assert {name: row[name] for name in expected} == expected
    assert row["created"] == host.api(f"strftime {row['created_epoch']}||%Y-%m-%d %T")
    assert rows(host, f"channels like {parked_call.uuid[:8]} as json", parked_call) == row
    assert host.api("show channels like nobody as json") == '{"row_count": 0}\n'


def test_channels_as_lines_and_as_xml(host: Host, parked_call: LiveCall) -> None:
    rows(host, "channels as json", parked_call)
    head, *lines = host.api("show channels").splitlines()
    assert head.split(",") == COLUMNS
    assert any(line.startswith(parked_call.uuid) for line in lines)
    total = lines[-1]
    assert total.endswith(" total.")
    tree = ET.fromstring(host.api("show channels as xml"))
    assert tree.get("row_count") == total.split()[0]
    assert [field.tag for field in tree[0]] == COLUMNS
    assert json.loads(host.api("show channels count as json")) == {"row_count": int(total.split()[0]), "rows": []}
    assert host.api("show channels as nothing") == "-ERR Cannot find format nothing\n"


def test_lists_of_nothing(host: Host) -> None:
    host.wait_no_calls()
    for what in ("channels", "calls", "bridged_calls", "detailed_calls", "registrations"):
        assert host.api(f"show {what}") == "\n0 total.\n"
        assert host.api(f"show {what} as json") == '{"row_count": 0}\n'
        assert host.api(f"show {what} as xml") == '<result row_count="0"/>\n'


def test_a_bridged_call_is_one(host: Host) -> None:
    callee = host.extension("answer", ("sleep", "20000"))
    call = host.start_call(host.extension("answer", ("bridge", f"loopback/{callee}/default/xml")))
    bridge = host.wait_event("CHANNEL_BRIDGE", {"Unique-ID": call.uuid})

    def found() -> dict[str, str] | None:
        text = host.api("show bridged_calls as json")
        listed = json.loads(text).get("rows", []) if text.startswith("{") else []
        return next((row for row in listed if row["uuid"] == call.uuid), None)

    row = host.wait_for(found, what="the call in `show bridged_calls`")
    assert row["b_uuid"] == bridge["Bridge-B-Unique-ID"]
    assert list(row)[:3] == ["uuid", "direction", "created"]
    assert list(row)[-2:] == ["b_sent_callee_num", "call_created_epoch"]
    assert not {"b_call_uuid", "b_hostname", "application"} & set(row)
    call.hangup()
    call.wait()


@pytest.mark.pocket_only  # FreeSWITCH has its own words for it, or none
def test_what_pocket_lacks_is_said(host: Host) -> None:
    assert host.api("no_such_command x").startswith("-ERR no_such_command")
    assert host.wait_log(r"\[no_such_command\]").level == "WARNING"
    assert host.run("no_such_app", "x").cause == "DESTINATION_OUT_OF_ORDER"
    assert host.wait_log(r"\[no_such_app\]").level == "WARNING"


FOLDERS = [
    "base_dir",
    "recordings_dir",
    "sound_prefix",
    "sounds_dir",
    "conf_dir",
    "log_dir",
    "run_dir",
    "db_dir",
    "mod_dir",
    "htdocs_dir",
    "script_dir",
    "temp_dir",
    "grammar_dir",
    "fonts_dir",
    "images_dir",
    "certs_dir",
    "storage_dir",
    "cache_dir",
    "data_dir",
    "localstate_dir",
]


def test_folders_are_global_variables(host: Host) -> None:
    found = {name: host.api(f"global_getvar {name}") for name in FOLDERS}
    assert [name for name, value in found.items() if not value.startswith("/")] == []
    assert found["sound_prefix"] == found["sounds_dir"]
    assert host.run("set", "seen=${sounds_dir} ${recordings_dir}").variables["seen"] == (
        f"{found['sounds_dir']} {found['recordings_dir']}"
    )
