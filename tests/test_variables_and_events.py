"""Names for new scripts: a call's variables and an event's headers as mappings."""

from __future__ import annotations

import json

from hosts.base import Host
from support.saw import in_api, in_call


def test_variables(host: Host) -> None:
    saw, result = in_call(
        host,
        """
        def body(session, saw):
            variables = session.variables
            variables["one"], variables["two"] = "1", "2"
            saw["get"] = [variables["one"], session.getVariable("two"), variables.get("none"), variables.get("x", "y")]
            saw["in"] = ["one" in variables, "none" in variables, "one" in list(variables)]
            saw["len"] = len(variables) == len(list(variables)) > 5
            saw["profile"] = [variables["caller_id_number"], variables["destination_number"] == variables["ani"]]
            saw["popped"] = [variables.pop("two"), variables.pop("two", "gone"), "two" in variables]
            variables.update(three="3", four="4")
            del variables["four"]
            saw["set"] = [variables.setdefault("three", "x"), variables.setdefault("five", "5")]
            saw["errors"] = [tried(lambda: variables["none"]), tried(variables.__delitem__, "none"),
                             tried(variables.__setitem__, "n", 1), tried(variables.__setitem__, "n", None),
                             tried(lambda: variables[1])]
            saw["repr"] = repr(variables).startswith("Variables({")
        """,
    )
    assert saw.pop("profile")[0] == "1000"
    errors = [said.split(":")[0] for said in saw.pop("errors")]
    assert errors == ["KeyError", "KeyError", "TypeError", "TypeError", "TypeError"]
    assert saw == {
        "get": ["1", "2", None, "y"],
        "in": [True, False, True],
        "len": True,
        "popped": ["2", "gone", False],
        "set": ["3", "5"],
        "repr": True,
    }
    assert {name: result.variables.get(name) for name in ("one", "two", "three", "five")} == {
        "one": "1",
        "two": None,
        "three": "3",
        "five": "5",
    }


def test_a_global_variable_is_found_and_none_unsets(host: Host) -> None:
    saw, _ = in_call(
        host,
        """
        def body(session, saw):
            freeswitch.setGlobalVariable("of_all", "global")
            saw["global"] = [session.getVariable("of_all"), freeswitch.getGlobalVariable("of_all")]
            session.setVariable("of_all", "own")
            saw["own"] = session.getVariable("of_all")
            session.setVariable("of_all", None)
            saw["unset"] = session.getVariable("of_all")
            freeswitch.setGlobalVariable("of_all", None)
            saw["gone"] = [session.getVariable("of_all"), freeswitch.getGlobalVariable("of_all")]
        """,
    )
    assert saw == {"global": ["global", "global"], "own": "own", "unset": "global", "gone": [None, None]}


def test_properties(host: Host) -> None:
    saw, result = in_call(
        host,
        """
        def body(session, saw):
            saw["before"] = [session.uuid == session.get_uuid(), session.state, session.cause, session.hangupCause()]
            session.hangup("USER_BUSY")
            saw["after"] = [session.uuid == session.get_uuid(), session.state, session.cause]
        """,
    )
    assert saw == {"before": [True, "CS_EXECUTE", None, "NONE"], "after": [True, "CS_HANGUP", "USER_BUSY"]}
    assert result.cause == "USER_BUSY"


def test_event_headers(host: Host) -> None:
    saw = in_api(
        host,
        """
        def body(saw):
            event = freeswitch.Event("CUSTOM", "mapping::one")
            event["One"], event["Many"] = "1", ["a", "b", "c"]
            saw["get"] = [event["One"], event["Many"], event.get("None"), event.get("None", "x"), event["one"]]
            saw["in"] = ["One" in event, "None" in event, 5 in event]
            saw["own"] = [name for name in event if name in ("One", "Many")]
            saw["items"] = [pair for pair in event.items() if pair[0] in ("One", "Many")]
            saw["keys"] = event.keys() == list(event) and len(event) == len(event.keys())
            event["One"] = "again"
            saw["set"] = [event["One"], event.keys().count("One")]
            del event["One"]
            saw["deleted"] = ["One" in event, event.delHeader("One"), tried(event.__delitem__, "One")]
            saw["missing"] = tried(lambda: event["One"])
            event.body = "text of\\nthe body"
            saw["body"] = [event.body, event.getBody()]
            event.body = None
            saw["no body"] = [event.body, bool(freeswitch.Event("CUSTOM"))]
            saw["old"] = [event.addHeader("Old", "x"), event.getHeader("Old"), event.getHeader("None"),
                          event.addBody("old body"), event.getType(), event.setPriority(2)]
        """,
    )
    assert saw == {
        "get": ["1", ["a", "b", "c"], None, "x", "1"],
        "in": [True, False, False],
        "own": ["One", "Many"],
        "items": [["One", "1"], ["Many", ["a", "b", "c"]]],
        "keys": True,
        "set": ["again", 1],
        "deleted": [False, False, "KeyError: 'One'"],
        "missing": "KeyError: 'One'",
        "body": ["text of\nthe body"] * 2,
        "no body": [None, True],
        "old": [True, "x", None, True, "CUSTOM", True],
    }


def test_ways_to_make_and_to_write_events(host: Host) -> None:
    saw = in_api(
        host,
        """
        def body(saw):
            event = freeswitch.Event({"Event-Name": "CUSTOM", "Event-Subclass": "made::one", "A": "1", "B": ["x", "y"]})
            saw["made"] = [event.getType(), event["Event-Subclass"], event["A"], event["B"]]
            text = event.serialize("json")
            saw["json"] = json.loads(text)["A"]
            back = freeswitch.Event("json", text)
            saw["back"] = [back.getType(), back["A"]]
            saw["plain"] = "A: 1" in event.serialize()
            saw["xml"] = "<A>1</A>" in event.serialize("xml")
            other = freeswitch.Event("CUSTOM", "made::two")
            other["Own"] = "2"
            saw["merged"] = [other.merge(event), other["A"], other["Own"], other.merge(other)]
            saw["subclass makes custom"] = freeswitch.Event("MESSAGE", "sub::class").getType()
            saw["unknown"] = freeswitch.Event("NO_SUCH_EVENT").getType()
        """,
    )
    assert saw == {
        "made": ["CUSTOM", "made::one", "1", ["x", "y"]],
        "json": "1",
        "back": ["CUSTOM", "1"],
        "plain": True,
        "xml": True,
        "merged": [True, "1", "2", True],
        "subclass makes custom": "CUSTOM",
        "unknown": "MESSAGE",
    }


def test_a_fired_event_is_heard_and_stays_the_script_s(host: Host) -> None:
    saw = in_api(
        host,
        """
        def body(saw):
            event = freeswitch.Event("MESSAGE")
            event["Said"], event.body = "hello", "the body"
            saw["fired"] = [event.fire(), event.fire(), event["Said"]]
        """,
    )
    assert saw == {"fired": [True, True, "hello"]}
    heard = host.wait_event("MESSAGE", {"Said": "hello"})
    assert heard["_body"].strip() == "the body"


def test_a_lent_event_is_changed_for_the_switch(host: Host) -> None:
    name = host.script("""
        def fsapi(session, stream, env, args):
            env["Added"] = "by python"
            stream.write("%s %s" % (env.fire(), env["Added"]))
    """)
    assert host.api(f"python {name}") == "False by python"


def test_bytes_and_long_text(host: Host) -> None:
    raw = b"\xff\xfe\x80".decode(errors="surrogateescape")
    saw = in_api(
        host,
        f"""
        RAW = json.loads({json.dumps(json.dumps(raw))})
        def body(saw):
            event = freeswitch.Event("CUSTOM", "bytes::one")
            event[RAW], event["Long"] = RAW, "x" * 1000000
            event.body = RAW * 1000
            saw["back"] = [event[RAW] == RAW, len(event["Long"]), event.body == RAW * 1000, RAW in list(event)]
            freeswitch.setGlobalVariable("raw", RAW)
            saw["global"] = freeswitch.getGlobalVariable("raw") == RAW
            saw["echo"] = freeswitch.API().execute("echo", RAW) == RAW
            stream = freeswitch.Stream()
            stream.raw_write(b"\\xff\\x00\\xfe")
            saw["stream"] = stream.get_data() == b"\\xff".decode(errors="surrogateescape")
            saw["lone surrogate"] = tried(stream.write, "\\ud800")
        """,
    )
    assert saw == {
        "back": [True, 1000000, True, True],
        "global": True,
        "echo": True,
        "stream": True,
        "lone surrogate": None,
    }
