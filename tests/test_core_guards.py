"""Texts that FreeSWITCH's core would crash on or never come back from: the module stands between."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from hosts.base import Host

TIMES = ["profile_created", "created", "answered", "progress", "progress_media", "hungup", "transferred"]
NAMES = [f"bleg_{time}_time" for time in TIMES]
# Answers, waits longer than a bridge takes to be one, and hangs up.
FAR_END = ("answer", ("sleep", "400"), "hangup")

OPEN_NAMES = [
    "{",
    "{a=b",
    "{a=b}{c",
    "{a={b}",
    "{a=b} {",
    "file_string://{",
    "file_string://x.wav!{y",
    "file_string://file_string://{",
    "{a=b}file_string://{",
]


@pytest.fixture(autouse=True)
def the_switch_goes_on(host: Host) -> Iterator[None]:
    yield
    assert "is ready" in host.api("status")
    assert host.run("set", "still=here").variables["still"] == "here"


def told(
    host: Host, body: str, *, far_end: bool = False, before: str = "", variables: dict[str, str] | None = None
) -> Any:
    """What `tell` was given by a handler with this body, on a call that has been bridged when `far_end`."""
    name = host.script(
        "import json\n"
        "from freeswitch import API, Event, IVRMenu, Session, consoleLog\n"
        "import freeswitch\n"
        f"NAMES = {NAMES!r}\nOPEN_NAMES = {OPEN_NAMES!r}\n"
        f"{before}\n"
        "def handler(session, args):\n"
        "    session.answer()\n"
        "    def tell(value):\n"
        "        session.setVariable('told', json.dumps(value))\n"
        "    if args:\n"
        "        session.execute('bridge', f'loopback/{args}/default/xml')\n"
        + "".join(f"    {line}\n" for line in body.strip("\n").split("\n"))
    )
    extension = host.extension(*FAR_END) if far_end else ""
    result = host.call(("python", f"{name} {extension}".strip()), ("set", "after=yes"), variables=variables)
    assert result.variables.get("after") == "yes", result.variables.get("python_error")
    return json.loads(result.variables["told"])


# Times of the B leg, which the core follows a null pointer for

ROADS = {
    "getVariable": "session.getVariable(name)",
    "variables": "session.variables.get(name)",
    "another Session": "Session(session.uuid).getVariable(name)",
}


@pytest.mark.parametrize("road", ROADS)
def test_a_time_of_the_b_leg_is_unknown(host: Host, road: str) -> None:
    values = told(host, f"tell([{ROADS[road]} for name in NAMES])", far_end=True)
    assert values == [None] * len(NAMES)


def test_a_time_of_the_b_leg_is_unknown_in_another_case(host: Host) -> None:
    names = "['bleg_CREATED_time', 'bleg_Answered_Time']"
    assert told(host, f"tell([session.getVariable(name) for name in {names}])", far_end=True) == [None, None]


def test_a_time_of_the_b_leg_expands_to_nothing(host: Host) -> None:
    values = told(
        host,
        """
        values = []
        for name in NAMES:
            session.execute("log", "INFO ${%s}" % name)
            session.execute("set", "x=[${%s}${%s:1:2}]" % (name, name))
            values.append(session.getVariable("x"))
            session.setVariable("inner", "<${%s}>" % name)
            session.execute("set", "x=${inner}")
            values.append(session.getVariable("x"))
            session.setVariable("part", name[5:])
            session.execute("set", "x=(${bleg_${part}})")
            values.append(session.getVariable("x"))
        tell(values)
        """.replace("\n        ", "\n"),
        far_end=True,
    )
    assert values == ["[]", "<>", "()"] * len(NAMES)


def test_commands_do_not_know_a_time_of_the_b_leg(host: Host) -> None:
    values = told(
        host,
        """
        api = API()
        uuid = session.uuid
        values = [api.executeString(f"uuid_getvar {uuid} {name}") for name in NAMES]
        values.append(api.execute("expand", "uuid:%s echo [${bleg_created_time}]" % uuid))
        values.append(api.executeString("expand uuid:%s expand uuid:%s echo ${bleg_answered_time}!" % (uuid, uuid)))
        tell(values)
        """.replace("\n        ", "\n"),
        far_end=True,
    )
    assert values[: len(NAMES)] == ["_undef_"] * len(NAMES)
    if not host.is_pocket:
        assert values[len(NAMES) :] == ["[]", "!"]


def test_a_variable_of_that_name_comes_first(host: Host) -> None:
    values = told(
        host,
        """
        session.setVariable("bleg_created_time", "mine")
        session.execute("set", "x=[${bleg_created_time}${bleg_answered_time}]")
        own = [session.getVariable("bleg_created_time"), session.getVariable("x")]
        own.append(API().executeString(f"uuid_getvar {session.uuid} bleg_created_time"))
        session.execute("python", "%[bleg_created_time=scoped,bleg_hungup_time=end]" + __name__ + "::inner")
        tell([*own, session.getVariable("seen")])
        """.replace("\n        ", "\n"),
        before=(
            "def inner(session, args):\n"
            "    values = [session.getVariable('bleg_created_time'), session.getVariable('bleg_hungup_time')]\n"
            "    session.setVariable('seen', repr([*values, session.getVariable('bleg_answered_time')]))\n"
        ),
        far_end=True,
    )
    assert values == ["mine", "[mine]", "mine", "['scoped', 'end', None]"]


@pytest.mark.freeswitch_only
def test_a_time_of_the_b_leg_in_a_json_request_is_refused(host: Host) -> None:
    body = (
        "data = {'cmd': 'expand', 'arg': 'uuid:%s echo ${bleg_created_time}' % session.uuid}\n"
        "reply = API().execute('json', json.dumps({'command': 'fsapi', 'data': data}))\n"
        "tell(reply[:4])"
    )
    assert told(host, body, far_end=True) == "-ERR"


def test_what_else_is_known_of_the_other_legs_stays(host: Host) -> None:
    values = told(
        host,
        "names = ['bleg_destination_number', 'bleg_uuid', 'created_time', 'answered_time']\n"
        "tell([session.getVariable(name) for name in names])",
        far_end=True,
    )
    assert all(values), values


def test_an_element_of_a_time_of_the_b_leg_is_refused(host: Host) -> None:
    body = (
        "session.setVariable('part', 'created_time')\n"
        "session.setVariable('inner', '${bleg_created_time[0]}')\n"
        "for text in ('${bleg_created_time[0]}', '${bleg_${part}[1]}', '${inner}'):\n"
        "    session.execute('set', f'x={text}')\n"
        "tell([session.getVariable('x'), API().execute('expand', f'uuid:{session.uuid} echo ${{inner}}')[:4]])"
    )
    assert told(host, body, far_end=True) == [None, "-ERR"]


@pytest.mark.parametrize("uuid", ["{session.uuid}", "${{peer}}"])
def test_a_time_of_the_b_leg_of_another_call_is_unknown(host: Host, uuid: str) -> None:
    body = (
        "with Session('null/x') as other:\n    other.setVariable('peer', session.uuid)\n"
        f"    other.execute('set', f'x=${{{{uuid_getvar({uuid} bleg_answered_time)}}}}')\n"
        "    tell(other.getVariable('x'))"
    )
    assert told(host, body, far_end=True) is None


@pytest.mark.parametrize(
    "send",
    [
        """session.execute("log::INFO ${bleg_created_time}")""",
        """session.setVariable("leg", "bleg_created"); session.execute("log::INFO ${${leg}_time}")""",
        """session.execute("log::INFO ${uuid_getvar(" + session.uuid + " bleg_created_time)}")""",
        """API().executeString(f"uuid_broadcast {session.uuid} log::'INFO ${{bleg_created_time}}'")""",
        """API().executeString(f"bgapi expand uuid:{session.uuid} echo ${{bleg_created_time}}")""",
        """session.sendEvent(Event({"Event-Name": "COMMAND", "call-command": "execute", "execute-app-name": "log",
            "execute-app-arg": "INFO ${bleg_created_time}"}))""",
    ],
)
def test_nothing_is_left_to_run_later_with_a_time_of_the_b_leg(host: Host, send: str) -> None:
    lines = "\n".join(line.strip() for line in send.split("\n"))
    assert told(host, f"{lines}\nsession.sleep(300)\ntell('alive')", far_end=True) == "alive"
    assert [line for line in host.log() if line.level == "ERR" and "time of the B leg" in line.text]


# File names with a brace that does not close, at which the core looks for ever

FILE_VERBS = {
    "streamFile": "session.streamFile(file)",
    "read": "session.read(1, 1, file, 100, '#')",
    "playAndGetDigits": "session.playAndGetDigits(1, 1, 1, 100, '#', file, file, '', '')",
    "playback": "session.execute('playback', file)",
    "loop_playback": "session.execute('loop_playback', '+1 ' + file)",
    "play_and_get_digits": "session.execute('play_and_get_digits', f\"1 1 1 100 # '{file}' '{file}' x \\\\d\")",
    "expanded": "session.setVariable('sound', file) or session.execute('playback', '${sound}')",
    "scoped": "session.execute('playback', '%[a=b]' + file)",
    "not expanded": "session.execute('playback', file, expand=False)",
    "app::data": "session.execute('playback::' + file) or session.sleep(100)",
    "menu": (
        "IVRMenu(None, 'm', file, file, file, file, file, None, None, None, None, 1, 100, 1, 100, 1, 1)"
        ".execute(session, 'm')"
    ),
    "broadcast": "API().execute('uuid_broadcast', session.uuid + ' ' + file) and session.sleep(100)",
    "event": (
        "session.sendEvent(Event({'Event-Name': 'COMMAND', 'call-command': 'execute', 'execute-app-name': 'playback',"
        " 'execute-app-arg': file})) or session.sleep(100)"
    ),
}


@pytest.mark.parametrize("verb", FILE_VERBS)
def test_a_file_name_that_does_not_close_is_of_a_missing_file(host: Host, verb: str) -> None:
    body = f"for file in OPEN_NAMES:\n    {FILE_VERBS[verb]}\ntell(session.ready())"
    assert told(host, body) is True


def test_a_file_that_does_not_close_is_not_played(host: Host) -> None:
    assert told(host, "tell([session.streamFile(file) for file in OPEN_NAMES])") == [0] * len(OPEN_NAMES)


def test_a_delimiter_for_one_application_counts(host: Host) -> None:
    assert told(host, "session.execute('playback', '%[playback_delimiter=!]x.wav!{y')\ntell(session.ready())") is True


@pytest.mark.parametrize(
    "leave",
    [
        "session.execute('playback::${url_decode(%7b)}')",
        "session.execute('playback::${eval(${brace})}')",
        "session.execute('playback::file_string://${brace}')",
        "API().executeString(f'uuid_broadcast {session.uuid} playback::${{url_decode(%7b)}}')",
        "session.sendEvent(Event({'Event-Name': 'COMMAND', 'call-command': 'execute', 'execute-app-name': 'playback',"
        " 'execute-app-arg': '${url_decode(%7b)}'}))",
    ],
)
def test_a_file_that_only_a_command_could_name_is_not_left_to_be_played(host: Host, leave: str) -> None:
    body = f"session.setVariable('brace', '{{')\n{leave}\nsession.sleep(300)\ntell('alive')"
    assert told(host, body) == "alive"
    assert [line for line in host.log() if line.level == "ERR" and "does not close" in line.text]


def test_a_file_that_variables_name_is_left_to_be_played(host: Host) -> None:
    body = (
        "session.setVariable('tone', 'tone_stream://%(40,0,440)')\nsession.setVariable('which', 'tone')\n"
        "session.execute('playback::${${which}}')\nsession.sleep(500)\ntell('alive')"
    )
    assert told(host, body) == "alive"
    assert host.wait_event("PLAYBACK_START")


def test_lists_of_files_in_each_other_end(host: Host) -> None:
    """The core opens one in the other, and a thread's stack is small."""
    body = (
        "lists = 'file_string://' * 20000 + 'x.wav'\n"
        "session.execute('playback', lists)\n"
        "tell(session.streamFile(lists))"
    )
    assert told(host, body) == 0


def test_each_file_of_several_is_looked_at(host: Host) -> None:
    body = "session.setVariable('playback_delimiter', '!')\nsession.streamFile('x.wav!{y')\ntell(session.ready())"
    assert told(host, body) is True


def test_a_variable_that_names_a_file_is_looked_at(host: Host) -> None:
    far = host.extension(("sleep", "300"), "answer", ("sleep", "100"), "hangup")
    body = (
        "session.setVariable('ringback', '{')\n"
        "session.execute('set', 'transfer_ringback={a=b')\n"
        f"session.execute('bridge', 'loopback/{far}/default/xml')\n"
        "tell(session.ready())"
    )
    assert told(host, body) is True


def test_recording_to_a_name_that_does_not_close_fails_as_to_a_bad_path(host: Host) -> None:
    name = host.script("def handler(session, args):\n    session.answer()\n    session.recordFile('{/x.wav', 1)\n")
    assert host.run("python", name).cause


def test_names_that_close_work(host: Host) -> None:
    body = (
        "tone = 'tone_stream://%(40,0,440)'\n"
        "names = ['{a=b}' + tone, '{a=b}{c=d}' + tone, 'file_string://' + tone]\n"
        "tell([session.streamFile(file) for file in names])"
    )
    assert told(host, body)[:2] == [1, 1]


@pytest.mark.freeswitch_only
@pytest.mark.parametrize(
    "run",
    [
        "session.execute('displace_session', '{')",
        "session.execute('record_session', '{')",
        "session.execute('record_session', '^^:{')",
        "session.execute('read', '^^:1:1:{:x:100:#')",
        "session.streamFile('file_string://^^:{:{')",
        "session.execute('lua', '{')",
        "session.execute('lua', '{a b} c')",
        "API().execute('lua', '{')",
        "API().executeString('luarun {x')",
        "API().executeString('load {')",
        "API().executeString('reload {')",
        "API().executeString('bgapi lua {') and session.sleep(300)",
        "API().executeString('expand lua {')",
        "API().executeString(f'uuid_displace {session.uuid} start {{')",
        "API().executeString(f'uuid_record {session.uuid} start {{')",
        "API().executeString('originate null/x &lua({)')",
        "API().json('fsapi', {'cmd': 'lua', 'arg': '{'})",
        """API().execute('json', '{"command": "fsapi", "data": {"cmd": "lua", "arg": "{"}}')""",
        # The core's JSON has names in any case, takes the first of two, and skips more than blanks.
        """API().execute('json', '{"COMMAND": "FSAPI", "Data": {"CMD": "lua", "Arg": "{"}}')""",
        """API().execute('json', '{"command": "fsapi", "command": "x", "data": {"cmd": "lua", "arg": "{"}}')""",
        """API().execute('json', '{"command": "fs\\\\u0061pi", "data": {"cmd": "lua", "arg": "{"}}')""",
        """API().execute('json', '\\x01 {"command": "fsapi", "x": 01, "data": {"cmd": "lua", "arg": "{"}}')""",
        """API().execute('json ', '{"command": "fsapi", "data": {"cmd": "lua", "arg": "{"}}')""",
        """API().json('FSAPI', {'CMD': 'lua', 'ARG': '{'})""",
        """API().executeString('bgapi json {"command": "fsapi", "data": {"cmd": "lua", "arg": "{"}}')""",
        # The core takes white space off.
        "API().execute(' lua', '{')",
        "API().execute('lua', '\\x0b{')",
        "API().executeString('bgapi \\tlua {') and session.sleep(300)",
        # Commands that it runs as it expands a text.
        "session.execute('set', 'x=${lua({)}}')",
        "session.execute('set', 'x=${lua {}}')",
        "session.setVariable('b', '{') or session.execute('set', 'x=${lua(${b})}')",
        "API().executeString('eval ${lua({)}}')",
        "API().executeString('expand echo ${lua({)}}')",
        "API().executeString('eval ${lua(${url_decode(%7b)})}')",
        "API().executeString('eval ${uuid_media_params(%s a)}' % session.uuid)",
        "API().json('fsapi', {'cmd': 'eval', 'arg': '${uuid_media_params(%s a)}' % session.uuid})",
        # Where a call begins or goes.
        "API().executeString('originate null/x playback:{ inline')",
        "API().executeString(\"originate null/x 'playback:{' inline\")",
        "API().executeString(\"originate null/x '&playback({)'\")",
        "API().executeString('originate null/x &playback(${url_decode(%7b)})')",
        "API().executeString('originate null/x &loop_playback')",
        "API().executeString('uuid_dual_transfer %s playback:{/inline playback:{/inline' % session.uuid)",
        "freeswitch.Dbh('sqlite://{')",
    ],
)
def test_applications_and_commands_that_take_a_file_come_back(host: Host, run: str) -> None:
    body = f"try:\n    {run}\nexcept (RuntimeError, freeswitch.DatabaseError):\n    pass\ntell('back')"
    assert told(host, body) == "back"


@pytest.mark.freeswitch_only
@pytest.mark.parametrize(
    "run",
    [
        "API().json('execute', {'uuid': session.uuid, 'app': 'loop_playback', 'inline': 'true'})",
        'API().execute(\'json\', \'{"command": "execute", "data": {"uuid": "%s", "app": "system"}}\' % session.uuid)',
        "API().json('execute', {'uuid': session.uuid, 'app': 'playback', 'arg': '{', 'inline': 'true'})",
        "session.execute('curl', '')",
        "session.execute('curl', '${empty}')",
    ],
)
def test_requests_that_the_core_would_not_survive_come_back(host: Host, run: str) -> None:
    curl = "curl" in run
    if curl:
        host.api("load mod_curl")
    try:
        assert told(host, f"try:\n    {run}\nexcept RuntimeError:\n    pass\ntell('back')") == "back"
    finally:
        if curl:
            # It has no configuration here, and would log an error at each later reloadxml.
            host.api("unload mod_curl")


@pytest.mark.parametrize(
    "move",
    [
        "session.transfer('playback:{,set:moved=yes', 'inline')",
        "session.execute('transfer', 'playback:{,set:moved=yes inline')",
        "session.execute('execute_extension', 'playback:{,set:moved=yes inline')",
        "session.setVariable('b', '{') or session.execute('transfer', 'playback:${b},set:moved=yes inline')",
    ],
)
def test_a_transfer_to_a_file_that_does_not_close(host: Host, move: str) -> None:
    name = host.script(f"def handler(session, args):\n    session.answer()\n    {move}\n")
    assert host.run("python", name).variables["moved"] == "yes"


# Data with a bracket that does not close, for which the core gives the application NULL

OPEN_DATA = [
    "%[a${uuid}",
    "%;[a=${uuid}",
    "${percent}[a",
    "${empty}%[${uuid}",
    "%[a=[${uuid}]",
    "${percent}${bracket}a",
]
APPS = [
    "loop_playback",
    "stop_record_session",
    "preprocess",
    "record_session_mask",
    "digit_action_set_realm",
    "log",
    "set",
]


@pytest.mark.parametrize("app", APPS)
def test_data_whose_bracket_does_not_close_is_refused(host: Host, app: str) -> None:
    body = (
        "session.setVariable('percent', '%')\nsession.setVariable('bracket', '[')\n"
        f"for data in {OPEN_DATA!r}:\n    session.execute({app!r}, data)\ntell(session.ready())"
    )
    assert told(host, body) is True
    lines = [line for line in host.log() if line.level == "ERR" and "does not close" in line.text]
    assert len(lines) == len(OPEN_DATA)


@pytest.mark.freeswitch_only
@pytest.mark.parametrize(
    "app",
    [
        *("bgsystem", "digit_action_set_realm", "preprocess", "record_session_mask", "record_session_pause"),
        *("stop_displace_session", "stop_record_session", "system"),
    ],
)
def test_an_application_without_data_gets_empty_data(host: Host, app: str) -> None:
    """The core gives NULL, which these follow; a dialplan's `data=""` is empty data."""
    assert told(host, f"session.execute({app!r})\nsession.execute({app!r}, None)\ntell('alive')") == "alive"


def test_an_application_that_needs_data_is_not_left_to_run_later_without(host: Host) -> None:
    body = (
        "session.execute('loop_playback::')\n"
        "API().executeString(f'uuid_broadcast {session.uuid} loop_playback::')\n"
        "session.sendEvent(Event({'Event-Name': 'COMMAND', 'call-command': 'execute',"
        " 'execute-app-name': 'loop_playback'}))\n"
        "API().executeString(f'uuid_transfer {session.uuid} loop_playback inline')\n"
        "session.execute('execute_extension', 'loop_playback inline')\n"
        "session.execute('transfer', 'loop_playback inline')\n"
        "session.sendEvent(Event({'Event-Name': 'COMMAND', 'call-command': 'xferext',"
        " 'application': 'loop_playback'}))\n"
        "session.sleep(300)\n"
        "tell(session.transfer('loop_playback', 'inline'))"
    )
    assert told(host, body) == 0
    assert len([line for line in host.log() if line.level == "ERR" and "needs data" in line.text]) == 8


def test_data_that_is_left_to_run_later_is_refused_as_well(host: Host) -> None:
    body = (
        "session.execute('loop_playback::%[a${uuid}')\n"
        "API().executeString(f'uuid_broadcast {session.uuid} loop_playback::%[a${{uuid}}')\n"
        "session.sendEvent(Event({'Event-Name': 'COMMAND', 'call-command': 'execute',"
        " 'execute-app-name': 'loop_playback', 'execute-app-arg': '%[a${uuid}'}))\n"
        "session.sleep(300)\n"
        "tell(session.transfer('loop_playback:%[a${uuid}', 'inline'))"
    )
    assert told(host, body) == 0
    lines = [line for line in host.log() if line.level == "ERR" and "does not close" in line.text]
    assert len(lines) == 4


def test_brackets_that_close_work(host: Host) -> None:
    body = (
        "session.setVariable('name', 'b')\n"
        "session.execute('python', '%[a=${name}]' + __name__ + '::inner')\n"
        "seen = session.getVariable('seen')\n"
        "session.execute('set', 'x=%[a')\n"
        "tell([seen, session.getVariable('a'), session.getVariable('x')])"
    )
    before = "def inner(session, args):\n    session.setVariable('seen', session.getVariable('a'))"
    assert told(host, body, before=before) == ["b", None, "%[a"]


def test_text_is_expanded_once(host: Host) -> None:
    """Where the module expands the data itself, the core gets what expands to just that."""
    body = (
        "session.setVariable('money', r\"$${x} \\n 'quoted' \\\\\")\n"
        "session.execute('set', 'plain=${money}')\n"
        "session.execute('bridge', f'loopback/{args}/default/xml') if args else None\n"
        "session.execute('set', 'guarded=${money}')\n"
        "tell([session.getVariable('plain'), session.getVariable('guarded')])"
    )
    plain, _ = told(host, body)
    assert told(host, body, far_end=True) == [plain, plain]


def test_variables_that_contain_each_other_end(host: Host) -> None:
    body = (
        "session.setVariable('a', '${a}${a}')\n"
        "session.execute('log', 'INFO ${a}')\n"
        "for at in range(1, 60):\n    session.setVariable(f'b{at}', '${b%d}${b%d}' % (at - 1, at - 1))\n"
        "session.execute('log', 'INFO ${b59}')\n"
        "session.setVariable('n', 'e')\nsession.setVariable('e', '${${n}}${${n}}')\n"
        "session.execute('log', 'INFO ${e}')\n"
        "session.setVariable('c', '${d}')\nsession.setVariable('d', 'end')\n"
        "session.execute('set', 'x=${c}')\n"
        "tell(session.getVariable('x'))"
    )
    assert told(host, body) == "end"
    assert len([line for line in host.log() if line.level == "ERR" and "without end" in line.text]) == 3


# Commands that use a session which their caller has not got


def test_commands_that_need_a_session_say_so(host: Host) -> None:
    body = (
        "api = API()\n"
        "lines = ['uuid_media_params %s a', 'bgapi uuid_media_params %s a', 'expand uuid_media_params %s no',"
        " 'avmd %s', 'avmd %s ', 'avmd  %s  ']\n"
        "tell([api.executeString(line % session.uuid) for line in lines])"
    )
    for reply in told(host, body):
        assert reply.startswith("-ERR "), reply


@pytest.mark.freeswitch_only
def test_a_command_does_not_keep_a_call(host: Host) -> None:
    """The call of `told` ends, which it did not while the command had its lock."""
    body = (
        "tell([API().executeString(f'uuid_drop_dtmf {session.uuid} on {mask} 1')[:4] for mask in ('x', 'mask_digits')])"
    )
    assert told(host, body) == ["-ERR", "+OK "]


# Coroutines


def test_async_sessions_are_guarded_as_well(host: Host) -> None:
    name = host.script(
        f"""
        import json
        import freeswitch
        NAMES = {NAMES!r}

        async def handler(session, args):
            await session.answer()
            await session.execute("bridge", f"loopback/{{args}}/default/xml")
            values = [session.variables.get(name) for name in NAMES]
            await session.execute("set", "x=[${{bleg_created_time}}]")
            values.append(session.variables["x"])
            for verb in (session.play("{{"), session.execute("playback", "{{"),
                         session.execute("loop_playback", "%[a${{uuid}}")):
                try:
                    await verb
                except freeswitch.VerbError:
                    values.append("failed")
                else:
                    values.append("done")
            session.variables["told"] = json.dumps(values)
        """
    )
    result = host.call(("python", f"{name} {host.extension(*FAR_END)}"), ("set", "after=yes"))
    assert result.variables.get("after") == "yes"
    values = json.loads(result.variables["told"])
    assert values[:8] == [None] * 7 + ["[]"]
    assert values[8] == values[10] == "failed"
