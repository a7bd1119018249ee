"""The command `python`: `fsapi(session, stream, env, args)`."""

from __future__ import annotations

import json

from hosts.base import Host


def test_fsapi_gets_its_arguments(host: Host) -> None:
    name = host.script("""
        import json
        def fsapi(session, stream, env, args):
            headers = [env.getHeader(name) for name in ("API-Command", "API-Command-Argument")]
            stream.write(json.dumps([session, args, *headers]))
    """)
    # "na", as mod_python documents, where there is no call.
    assert json.loads(host.api(f"python {name} one two")) == ["na", "one two", "python", f"{name} one two"]
    assert json.loads(host.api(f"python {name}"))[1] == ""


def test_fsapi_of_fewer_arguments(host: Host) -> None:
    name = host.script("def fsapi(session, stream): stream.write('two')")
    assert host.api(f"python {name}") == "two"


def test_a_function_can_be_named(host: Host) -> None:
    name = host.script("def other(session, stream, env, args): stream.write('other ' + args)")
    assert host.api(f"python {name}::other x") == "other x"


def test_env_serializes(host: Host) -> None:
    name = host.script("def fsapi(session, stream, env, args): stream.write(env.serialize())")
    reply = host.api(f"python {name} %41 b")
    assert "Event-Name: API\n" in reply
    # The core takes a per cent sign before two hexadecimal digits for an escape, and leaves it.
    assert f"API-Command-Argument: {name}%20%41%20b\n" in reply


def test_write_takes_any_text(host: Host) -> None:
    name = host.script("""
        def fsapi(session, stream, env, args):
            stream.write("100% %s %n ")
            stream.write("한국어 ")
            stream.write("x" * 200000)
    """)
    assert host.api(f"python {name}") == "100% %s %n 한국어 " + "x" * 200000


def test_a_call_in_the_dialplan_passes_its_session(host: Host) -> None:
    name = host.script("""
        def fsapi(session, stream, env, args):
            stream.write(session.getVariable("destination_number") + " " + args)
    """)
    extension = host.extension(("set", f"saw=${{python({name} hello)}}"))
    assert host.call(extension=extension).variables["saw"] == f"{extension} hello"


def test_a_script_runs_commands(host: Host) -> None:
    name = host.script("""
        import freeswitch
        def fsapi(session, stream, env, args):
            api = freeswitch.API()
            stream.write(api.execute("eval", "one") + " " + api.executeString("eval two"))
    """)
    assert host.api(f"python {name}") == "one two"


def test_global_variables(host: Host) -> None:
    name = host.script("""
        import freeswitch
        def fsapi(session, stream, env, args):
            freeswitch.setGlobalVariable("from_python", args)
            stream.write(repr([freeswitch.getGlobalVariable(n) for n in ("from_python", "no_such_variable")]))
    """)
    assert host.api(f"python {name} a b") in {"['a b', None]", "['a b', '']"}
    assert host.api("global_getvar from_python") == "a b"


def test_a_module_is_loaded_once(host: Host) -> None:
    name = host.script("""
        count = 0
        def fsapi(session, stream, env, args):
            global count
            count += 1
            stream.write(str(count))
    """)
    assert [host.api(f"python {name}") for _ in range(3)] == ["1", "2", "3"]


def test_nested_commands(host: Host) -> None:
    name = host.script("""
        import freeswitch
        def fsapi(session, stream, env, args):
            depth = int(args)
            below = freeswitch.API().execute("python", f"{__name__} {depth - 1}") if depth else ""
            stream.write(f"{depth} {below}")
    """)
    assert host.api(f"python {name} 3").split() == ["3", "2", "1", "0"]


def test_sys_exit_ends_that_script_only(host: Host) -> None:
    name = host.script("""
        import sys
        def fsapi(session, stream, env, args):
            stream.write("before")
            sys.exit(3)
    """)
    host.api(f"python {name}")
    assert host.alive()
    assert "is ready" in host.api("status")


def test_two_commands_at_once(host: Host) -> None:
    name = host.script("""
        import threading
        meeting = threading.Barrier(2, timeout=15)
        def fsapi(session, stream, env, args):
            # Both must be in here at the same time, or neither comes out.
            meeting.wait()
            stream.write("met")
    """)
    first = host.api(f"bgapi python {name}").strip().rpartition(" ")[2]
    assert host.api(f"python {name}") == "met"
    assert host.wait_event("BACKGROUND_JOB", {"Job-UUID": first})["_body"] == "met"
