"""Times of the B leg, which the core follows a null pointer for."""

from __future__ import annotations

import json

import pytest

from hosts.base import Host
from support.guards import FAR_END, NAMES, told

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
