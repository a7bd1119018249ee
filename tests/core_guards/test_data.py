"""Data with a bracket that does not close, for which an application would get NULL; commands that need a call."""

from __future__ import annotations

import pytest

from hosts.base import Host
from support.guards import told

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
