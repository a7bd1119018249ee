"""Data that is left for a call to run later, and commands in texts: no later value of a variable ends the switch."""

from __future__ import annotations

import pytest

from hosts.base import Host
from support.guards import told

# Each leaves the data to run later.
LEAVE = {
    "a name": "session.execute('{app}::' + {data!r})",
    "uuid_broadcast": "API().executeString('uuid_broadcast ' + session.uuid + ' {app}::' + {data!r})",
    "an event": "session.sendEvent(Event({{'Event-Name': 'COMMAND', 'call-command': 'execute',"
    " 'execute-app-name': '{app}', 'execute-app-arg': {data!r}}}))",
}


@pytest.mark.parametrize("data", ["${later}${uuid}", "%${later}${uuid}", r"\'%[a${later}", "%;${later}${uuid}"])
@pytest.mark.parametrize("leave", LEAVE)
def test_no_value_that_comes_later_takes_an_application_its_data(host: Host, leave: str, data: str) -> None:
    later = "%[a" if data.startswith("$") else "[a"
    left = [LEAVE[leave].format(app=app, data=data) for app in ("loop_playback", "stop_record_session", "system")]
    body = [*left, f"session.setVariable('later', '{later}')", "session.sleep(300)", "tell(session.ready())"]
    assert told(host, "\n".join(body)) is True


TO_INLINE = "loop_playback:${later}${uuid},set:moved=yes"


@pytest.mark.parametrize(
    "move",
    [
        f"session.transfer({TO_INLINE!r}, 'inline')",
        f"session.execute('transfer', {TO_INLINE + ' inline'!r})",
    ],
)
def test_no_value_that_comes_later_ends_the_switch_after_a_transfer(host: Host, move: str) -> None:
    name = host.script(
        "from freeswitch import API, Event\n"
        f"def handler(session, args):\n    session.answer()\n    {move}\n    session.setVariable('later', '%[a')\n"
        "    session.sleep(2000)\n"
    )
    assert host.run("python", name).variables["moved"] == "yes"


def test_data_that_is_left_with_variables_reaches_its_application(host: Host) -> None:
    body = (
        "session.execute('system::${command} > ' + str(FILE))\n"
        "session.setVariable('command', 'echo later')\n"
        "session.sleep(500)\n"
        "tell(FILE.read_text())"
    )
    before = f"from pathlib import Path\nFILE = Path({str(host.folder / 'said')!r})"
    assert told(host, body, before=before) == "later\n"


def test_a_bracket_that_a_later_value_could_keep_open_is_refused(host: Host) -> None:
    body = (
        "session.execute('loop_playback::%[a=${later}]x.wav')\n"
        "session.setVariable('later', '[')\n"
        "session.sleep(300)\ntell(session.ready())"
    )
    assert told(host, body) is True
    host.wait_log("the bracket in .* has a variable in it")


@pytest.mark.parametrize(
    "text",
    [
        r"${uuid_broadcast(${uuid} loop_playback::%[a\\${uuid})}",
        r"${uuid_broadcast(${uuid} loop_playback::${escaped})}",
        r"${expand(uuid_broadcast ${uuid} loop_playback::%[a\\${uuid})}",
        "${\\x0blua({)}",
        "${lua\\x0b({)}",
        "${lua(\\x0b{)}",
        "${expand(\\x0blua {)}",
    ],
)
def test_a_command_within_a_text_that_the_core_would_not_survive(host: Host, text: str) -> None:
    body = (
        r"session.setVariable('escaped', '%[a\\\\${uuid}')" + "\n"
        f"session.execute('set', 'x=[{text}]')\nsession.sleep(300)\ntell(session.ready())"
    )
    assert told(host, body) is True
    host.wait_log("does not close", timeout=2)
