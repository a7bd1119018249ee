"""`API`: commands, JSON commands, and scripts within scripts by every way, with no deadlock."""

from __future__ import annotations

import pytest

from hosts.base import Host
from support.saw import in_api, in_call


def test_ways_to_call(host: Host) -> None:
    saw = in_api(
        host,
        """
        def body(saw):
            api = freeswitch.API()
            saw["execute"] = [api.execute("echo", "a b"), api.execute("echo"), api.execute("echo", None)]
            saw["string"] = [api.executeString("echo a b"), api("echo  a"), api("  echo c")]
            saw["unknown"] = api("no_such_command x")[:15]
            saw["time"] = abs(int(api.getTime()) / 1000 - time.time()) < 3600
        """,
    )
    assert saw["execute"][0] == "a b"
    assert saw["string"] == ["a b", "a", "c"]
    assert (saw["unknown"], saw["time"]) == ("INVALID COMMAND", True)


def test_with_a_session_commands_are_that_call_s(host: Host) -> None:
    inner = host.script("def fsapi(session, stream, env, args): stream.write(getattr(session, 'uuid', str(session)))")
    saw, result = in_call(
        host,
        f"""
        def body(session, saw):
            saw["with"] = freeswitch.API(session).execute("python", "{inner}")
            saw["without"] = freeswitch.API().execute("python", "{inner}")
            saw["expanded"] = session.execute("set", "said=${{python({inner})}}") or session.getVariable("said")
        """,
    )
    assert saw == {"with": result.uuid, "without": "na", "expanded": result.uuid}


def test_json(host: Host) -> None:
    saw = in_api(
        host,
        """
        def body(saw):
            api = freeswitch.API()
            saw["status"] = sorted(api.json("status"))[:1] and "systemStatus" in api.json("status", {})
            saw["unknown"] = tried(api.json, "no_such_command", {"a": [1, None, {"b": "c"}]})
            saw["no json"] = tried(api.json, "status", object()).split(":")[0]
        """,
    )
    assert saw["status"] is True
    assert saw["unknown"].startswith("RuntimeError: ")
    assert saw["no json"] == "TypeError"


@pytest.mark.parametrize("ms", [0, 300])
def test_scripts_within_scripts(host: Host, ms: int) -> None:
    inner = host.script(f"""
        import freeswitch
        def fsapi(session, stream, env, args):
            freeswitch.msleep({ms})
            stream.write("api " + args)
        def handler(session, args):
            freeswitch.msleep({ms})
            session.setVariable(args, freeswitch.API().execute("python", __name__ + " " + args))
        def xml_fetch(params):
            if params.getHeader("section") == "dialplan" and params.getHeader("Caller-Destination-Number") == "8123":
                freeswitch.API().execute("python", __name__ + " from_xml")
                return '<document type="freeswitch/xml"><section name="dialplan"><context name="default">'\\
                    '<extension name="x"><condition><action application="answer"/>'\\
                    '<action application="python" data="' + __name__ + ' by_xml"/>'\\
                    '<action application="hangup" data="CALL_REJECTED"/>'\\
                    '</condition></extension></context></section></document>'
    """)
    host.config(
        f'<configuration name="python.conf"><settings><param name="xml-handler-script" value="{inner}"/>'
        '<param name="xml-handler-bindings" value="dialplan"/></settings></configuration>'
    )
    saw, result = in_call(
        host,
        f"""
        def body(session, saw):
            session.setVariable("execute_on_answer", "python {inner} on_answer")
            session.answer()
            session.execute("python", "{inner} by_execute")
            saw["api"] = freeswitch.API(session).execute("python", "{inner} by_api")
            other = freeswitch.Session("loopback/8123")
            while other.ready(): other.sleep(20)
            saw["by xml"] = other.hangupCause()
        """,
    )
    assert saw == {"api": "api by_api", "by xml": "CALL_REJECTED"}
    assert (result.variables["on_answer"], result.variables["by_execute"]) == ("api on_answer", "api by_execute")


def test_expansion(host: Host) -> None:
    # Not `set`: it expands its data itself, whoever calls it.
    inner = host.script("def handler(session, args): session.setVariable('got', args)")
    saw, _ = in_call(
        host,
        f"""
        def body(session, saw):
            session.setVariable("name", "x${{echo(injected)}}")
            saw["got"] = []
            for options in ({{}}, {{"expand": True}}, {{"expand": False}}):
                session.execute("python", "{inner} ${{name}}", **options)
                saw["got"].append(session.getVariable("got"))
            session.execute("python", "{inner} ${{name}}")
            saw["after"] = session.getVariable("got")
            saw["variable"] = session.getVariable("app_disable_expand_variables")
        """,
    )
    assert saw == {"got": ["xinjected", "xinjected", "${name}"], "after": "xinjected", "variable": None}


@pytest.mark.parametrize("command", ["reload mod_rust", "unload -f mod_rust", "RELOAD  mod_rust"])
def test_a_script_does_not_unload_what_it_runs_in(host: Host, command: str) -> None:
    saw = in_api(host, f"def body(saw): saw['said'] = freeswitch.API().executeString('{command}')")
    assert "Module in use" in saw["said"]
    assert host.api("module_exists mod_rust") == "true"
