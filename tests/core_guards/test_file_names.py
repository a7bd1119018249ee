"""File names with a brace that does not close, at which the core looks for ever."""

from __future__ import annotations

import pytest

from hosts.base import Host
from support.guards import OPEN_NAMES, told

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
