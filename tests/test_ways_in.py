"""Ways in beside the application and the command: dialplan, chat, JSON, event hooks, XML bindings, startup."""

from __future__ import annotations

import json

import pytest

from hosts.base import Host
from support.configuration import settings
from support.saw import in_api


@pytest.mark.parametrize("dialplan", ["python:{}", "python {}"])
def test_a_dialplan_function_gives_the_actions(host: Host, dialplan: str) -> None:
    name = host.script("""
        def dialplan(session, args):
            return [("set", "routed=%r" % args), ["set", "to=" + session.getVariable("destination_number")], "answer"]
    """)
    result = host.call(("transfer", f"1234 {dialplan.format(name)}"))
    assert result.variables["routed"] == "''"
    assert result.variables["to"] == "1234"
    assert result.answered


@pytest.mark.parametrize("returned", ["None", "[]", "7", "'answer'", "[7]", "[('a', 'b', 'c')]", "1 / 0"])
def test_a_dialplan_function_without_actions(host: Host, returned: str) -> None:
    name = host.script(f"def dialplan(session, args): return {returned}")
    result = host.call(("transfer", f"1234 python:{name}"))
    assert not result.answered
    assert "is ready" in host.api("status")
    if returned not in {"None", "[]"}:
        host.wait_log("dialplan")


def test_a_chat_function_gets_the_message(host: Host) -> None:
    name = host.script("""
        def chat(message, args):
            message["answer"] = args + " " + message.body
    """)
    saw = in_api(
        host,
        f"""
        def body(saw):
            message = freeswitch.Event("MESSAGE")
            message.addBody("hello")
            saw["sent"] = message.chat_execute("python", "{name} you said")
            saw["answer"] = message["answer"]
        """,
    )
    assert saw["answer"] == "you said hello"


def test_a_thread_goes_on_with_a_message_that_the_switch_has_taken_back(host: Host) -> None:
    name = host.script("""
        import threading
        began, freed, ended, texts = threading.Event(), threading.Event(), threading.Event(), []

        def chat(message, args):
            if args == "slow":
                began.set()
                freed.wait(10)
                texts.append(message.body)
                ended.set()
            else:
                threading.Thread(target=message.chat_execute, args=("python", f"{__name__} slow")).start()
                began.wait(10)

        def fsapi(session, stream, env, args):
            freed.set()
            stream.write(str(ended.wait(10) and texts))
    """)
    in_api(
        host,
        f"""
        def body(saw):
            message = freeswitch.Event("MESSAGE")
            message.addBody("hello" * 100)
            message.chat_execute("python", "{name}")
            del message
        """,
    )
    assert host.api(f"python {name}") == str(["hello" * 100])


def test_a_json_command(host: Host) -> None:
    name = host.script("""
        def json(data, args):
            if args == "fail": raise ValueError("no")
            return {"doubled": data["number"] * 2, "args": args}
    """)
    source = f"""
        def body(saw):
            saw["good"] = freeswitch.API().json("python", {{"run": "{name} x", "number": 21}})
            saw["bad"] = tried(freeswitch.API().json, "python", {{"run": "{name} fail", "number": 21}})
            saw["nothing"] = tried(freeswitch.API().json, "python", {{}})
    """
    saw = in_api(host, source)
    assert saw["good"] == {"doubled": 42, "args": "x"}
    assert saw["bad"].startswith("RuntimeError"), saw
    assert saw["nothing"].startswith("RuntimeError"), saw


@pytest.mark.parametrize("answer", ["float('nan')", "'\\udcff'", "'a\\0b'", "{1, 2}", "nested(2000)"])
def test_a_json_answer_that_the_switch_cannot_say(host: Host, answer: str) -> None:
    name = host.script(f"""
        def nested(deep):
            value = 1
            for _ in range(deep): value = [value]
            return value
        def json(data, args): return {answer}
    """)
    saw = in_api(
        host,
        f"""
        def body(saw):
            saw["said"] = tried(freeswitch.API().json, "python", {{"run": "{name}"}})
        """,
    )
    assert "Error: " in saw["said"]


def test_a_json_answer_with_a_backslash(host: Host) -> None:
    """Escaped, it looks like a NUL, and is none."""
    name = host.script("""
        def json(data, args): return {"a\\\\u0000": ["\\\\u0000", "\\\\\\\\u0000"], "back": data["text"]}
    """)
    source = f"""
        def body(saw):
            saw["said"] = freeswitch.API().json("python", {{"run": "{name}", "text": "\\\\u0000"}})
            saw["nul"] = tried(freeswitch.API().json, "python", {{"run": "{name}", "text": "a\\0b"}})
            saw["name"] = tried(freeswitch.API().json, "python", {{"run": "{name}", "a\\0b": 1}})
    """
    saw = in_api(host, source)
    assert saw["said"] == {"a\\u0000": ["\\u0000", "\\\\u0000"], "back": "\\u0000"}
    assert saw["nul"] == saw["name"] == "ValueError: argument 'data': a string has a NUL"


def test_event_hooks_run_in_order(host: Host) -> None:
    name = host.script("""
        import freeswitch
        got = []
        def hook(event, args):
            got.append(int(event["Number"]))
        def fsapi(session, stream, env, args):
            import json
            stream.write(json.dumps(got))
        def fire(session, stream, env, args):
            for n in range(int(args)):
                freeswitch.Event({"Event-Name": "CUSTOM", "Event-Subclass": "hooks::one", "Number": str(n)}).fire()
    """)
    host.config(settings(f'<hook event="CUSTOM" subclass="hooks::one" script="{name} args"/>'))
    host.api(f"python {name}::fire 200")
    host.wait_for(lambda: len(json.loads(host.api(f"python {name}"))) == 200 or None, what="the events")
    assert json.loads(host.api(f"python {name}")) == list(range(200))


def test_a_hook_that_raises_on_each_event(host: Host) -> None:
    name = host.script("""
        import freeswitch
        count = 0
        def hook(event):
            global count
            count += 1
            raise ValueError("in the hook")
        def fsapi(session, stream, env, args): stream.write(str(count))
        def fire(session, stream, env, args):
            for n in range(1000):
                freeswitch.Event("CUSTOM", "hooks::bad").fire()
    """)
    host.config(settings(f'<hook event="CUSTOM" subclass="hooks::bad" script="{name}"/>'))
    for _ in range(10):
        host.api(f"python {name}::fire")
    host.wait_for(lambda: host.api(f"python {name}") == "10000" or None, 120, "ten thousand failures")
    assert "is ready" in host.api("status")


def test_a_hook_that_pyreload_takes_in_is_bound_once(host: Host) -> None:
    name = host.script("""
        import freeswitch
        got = []
        def hook(event, args): got.append(args)
        def fsapi(session, stream, env, args): stream.write(" ".join(got))
        def fire(session, stream, env, args): freeswitch.Event("CUSTOM", "hooks::" + args).fire()
    """)
    host.configured = True

    def told(text: str = "", more_than: int = 0) -> None:
        def has_come() -> bool | None:
            came = host.api(f"python {name}").split()
            return (len(came) > more_than and text in ["", *came]) or None

        host.wait_for(has_come, what=f"hook {text}")

    for n in range(20):
        host.write_config(
            "python.conf",
            settings(
                f'<hook event="CUSTOM" subclass="hooks::taken" script="{name} {n}"/>',
                f'<hook event="CUSTOM" subclass="hooks::last" script="{name} last"/>',
            ),
        )
        assert host.api("pyreload").startswith("+OK")
        host.api(f"python {name}::fire taken")
        told(str(n))
    # What stays bound goes on to be told, and what is bound twice is told twice.
    for event in ("last", "taken"):
        before = len(host.api(f"python {name}").split())
        host.api(f"python {name}::fire {event}")
        told(more_than=before)
    assert host.api(f"python {name}").split() == ["19", "last", "19"]


def test_a_hook_is_bound_once_when_reloads_meet(host: Host) -> None:
    """A module that is loaded meets the reload of the XML that came just before."""
    name = host.script("""
        import freeswitch
        got = []
        def hook(event, args): got.append(event["Number"])
        def fsapi(session, stream, env, args): stream.write(" ".join(got))
        def fire(session, stream, env, args):
            for n in range(100):
                freeswitch.Event({"Event-Name": "CUSTOM", "Event-Subclass": "hooks::met", "Number": str(n)}).fire()
    """)
    host.config(settings(f'<hook event="CUSTOM" subclass="hooks::met" script="{name} args"/>'))
    for _ in range(20):
        host.api("reloadxml")
        assert "+OK" in host.api("reload mod_rust")
    host.api(f"python {name}::fire")
    host.wait_for(lambda: "99" in host.api(f"python {name}").split() or None, what="the last event")
    assert host.api(f"python {name}").split() == [str(number) for number in range(100)]


def test_a_hook_for_no_event(host: Host) -> None:
    name = host.script("def hook(event): pass")
    host.config(settings(f'<hook event="NO_SUCH_EVENT" script="{name}"/>'))
    host.wait_log("MR0011 .*NO_SUCH_EVENT")


def test_several_xml_bindings(host: Host) -> None:
    answer = """
        def xml_fetch(params, args):
            if params["section"] != "dialplan": return None
            return '''<document type="freeswitch/xml"><section name="dialplan"><context name="default">
              <extension name="x"><condition field="destination_number" expression="^77%s$">
              <action application="set" data="by=%s"/></condition></extension></context></section></document>''' % (
                args, args)
    """
    first, second = host.script(answer), host.script(answer.replace("xml_fetch", "other"))
    host.config(
        settings(
            f'<param name="xml-handler-script" value="{first} 1"/>',
            '<param name="xml-handler-bindings" value="directory"/>',
            f'<param name="xml-handler-script" value="{second}::other 2"/>',
            '<param name="xml-handler-bindings" value="dialplan"/>',
        )
    )
    assert host.call(extension="772").variables["by"] == "2"


def test_a_startup_script_that_goes_on_is_not_started_twice(host: Host) -> None:
    name = host.script("""
        import freeswitch
        def runtime(args):
            print("started", args)
            while freeswitch.running(): freeswitch.msleep(20)
    """)
    config = settings(f'<param name="startup-script" value="{name} once"/>')

    def numbers() -> list[int]:
        return [script["id"] for script in json.loads(host.api("pyps json")) if script["function"].startswith(name)]

    host.config(config)
    (first,) = host.wait_for(numbers, what="the startup script")
    host.api("pyreload")
    host.api("reloadxml")
    assert numbers() == [first]
    host.config(config)
    (second,) = host.wait_for(lambda: [n for n in numbers() if n != first] or None, what="its next run")
    assert numbers() == [second]
    host.api(f"pykill {second}")


@pytest.mark.parametrize("arguments", ["", " a b"])
def test_a_function_can_be_named_in_a_hangup_hook(host: Host, arguments: str) -> None:
    """FreeSWITCH splits the variable at its first `::`, or else at its first blank."""
    name = host.script("def other(session, stream, env, args): print('hook', repr(args))")
    call = host.start_call(
        host.extension("answer", ("sleep", "10000")),
        variables={"api_hangup_hook": f"python::{name}::other{arguments}"},
    )
    host.wait_event("CHANNEL_ANSWER", {"Unique-ID": call.uuid})
    call.hangup()
    host.wait_log(f"^hook {arguments.strip()!r}$")
