"""What a script reaches beside its call: menus, databases, JSON, chat, mail, other calls."""

from __future__ import annotations

import json
from collections.abc import Callable

import pocket

Open = Callable[..., pocket.Switch]

MENU = """
    import freeswitch

    QUIET = "silence_stream://500"

    def menu(main, name, **other):
        look = dict(greeting_sound=QUIET, short_greeting_sound=None, invalid_sound=None, exit_sound=None,
                    transfer_sound=None, confirm_macro=None, confirm_key=None, tts_engine=None, tts_voice=None,
                    confirm_attempts=1, inter_timeout=500, digit_len=1, timeout=2000, max_failures=2, max_timeouts=2)
        return freeswitch.IVRMenu(main, name, **{**look, **other})

    def handler(session, args):
        session.answer()
        main = menu(None, "main")
        sub = menu(main, "sub")
        main.bindAction("menu-sub", "sub", "1")
        main.bindAction("menu-exec-app", "set got=$1", "/^(4[0-9]{2})$/")
        main.bindAction("menu-exit", "", "9")
        sub.bindAction("menu-back", "", "2")
        sub.bindAction("menu-top", "", "3")
        main.execute(session, "main")
"""


def test_menus(switch_with: Open, name: str) -> None:
    switch = switch_with(script=MENU)
    switch.subscribe("CUSTOM")
    for digits, status, entered in (
        ("129", "success", ["main", "sub", "main"]),
        ("139", "success", ["main", "sub", "main"]),
        ("77", "failure", ["main"]),
        ("", "timeout", ["main"]),
    ):
        switch.events.clear()
        call = switch.run("python", name, press=[(1.0 + at, digit) for at, digit in enumerate(digits)])
        assert call.variables["ivr_menu_status"] == status, digits
        told = [event["Menu-Name"] for event in switch.events if event["Event-Subclass"] == "menu::enter"]
        assert [*dict.fromkeys(told)] == [*dict.fromkeys(entered)], digits


def test_a_menu_takes_expressions(switch_with: Open, name: str) -> None:
    switch = switch_with(script=MENU.replace("digit_len=1", "digit_len=3"))
    call = switch.run("python", name, press=[(1.0, "4"), (1.2, "5"), (1.4, "6"), (3.0, "9")], hangup_after=6)
    assert call.variables["got"] == "456"


def test_a_database_keeps_what_is_written(switch_with: Open, name: str) -> None:
    switch = switch_with(
        script="""
        import json, freeswitch
        def handler(session, args):
            with freeswitch.Dbh("sqlite://kept") as db:
                db.execute("create table if not exists t (a integer, b text)")
                db.execute("insert into t values (?, ?)", [1, "it's"])
                db.execute("insert into t values (2, NULL)")
            with freeswitch.Dbh("sqlite://kept") as db:
                rows = list(db.query("select * from t order by a"))
                changed = db.execute("update t set a = a + 1")
                try:
                    db.execute("nonsense")
                except Exception as error:
                    failed = type(error).__name__
            session.setVariable("saw", json.dumps([rows, changed, failed]))
        """
    )
    rows, changed, failed = json.loads(switch.run("python", name).variables["saw"])
    assert rows == [{"a": "1", "b": "it's"}, {"a": "2", "b": None}]
    assert (changed, failed) == (2, "DatabaseError")
    assert any('near "nonsense": syntax error' in line.text for line in switch.log)


def test_other_databases_are_refused(switch_with: Open, name: str) -> None:
    switch = switch_with(
        script="""
        import freeswitch
        def fsapi(session, stream, env, args):
            for source in ("pgsql://x", "odbc://a:b:c", "a:b:c", "sqlite:///nowhere/at/all"):
                try:
                    freeswitch.Dbh(source)
                    stream.write("there ")
                except freeswitch.DatabaseError:
                    stream.write("no ")
        """
    )
    assert switch.api(f"python {name}") == "no no no no "


def test_json_commands(switch_with: Open, name: str) -> None:
    switch = switch_with(
        script="""
        import json, freeswitch
        def handler(session, args):
            api = freeswitch.API()
            session.setVariable("marked", "yes")
            saw = [api.json("status")["systemStatus"],
                   api.json("fsapi", {"cmd": "echo", "arg": "x y"}),
                   api.json("channelData", {"uuid": session.uuid})["channelData"]["variables"]["marked"]]
            session.setVariable("saw", json.dumps(saw))
        """
    )
    saw = json.loads(switch.run("python", name).variables["saw"])
    assert saw == ["ready", {"message": "x y"}, "yes"]


def test_letters_and_messages_stay_here(switch_with: Open, name: str) -> None:
    switch = switch_with(
        script="""
        import freeswitch
        def fsapi(session, stream, env, args):
            sent = freeswitch.email("to@x", "from@x", "Subject: hello", "the body", "/tmp/a.wav")
            message = freeswitch.Event({"Event-Name": "MESSAGE", "to": "1000"})
            message.addBody("hi there")
            message.chat_send("sip")
            stream.write(str(sent))
        """
    )
    assert switch.api(f"python {name}") == "True"
    assert switch.letters == [pocket.Letter("to@x", "from@x", "Subject: hello", "the body", "/tmp/a.wav")]
    (message,) = switch.wait_for(lambda: switch.messages)
    assert (message["dest_proto"], message["to"], message["_body"]) == ("sip", "1000", "hi there")


def test_calls_that_a_script_cannot_make(switch_with: Open, name: str) -> None:
    switch = switch_with(
        script="""
        import freeswitch
        def handler(session, args):
            other = freeswitch.Session(session.getVariable("dial"))
            session.setVariable("saw", f"{other.ready()} {other.hangupCause()}")
        """
    )
    for dial, cause in (
        ("error/user_busy", "USER_BUSY"),
        ("{pocket_refuse=CALL_REJECTED,pocket_refuse_after=1}pocket/x", "CALL_REJECTED"),
        ("{pocket_answer_after=never,originate_timeout=2}pocket/x", "NO_ANSWER"),
        ("nothing/x", "CHAN_NOT_IMPLEMENTED"),
        ("loopback/nobody", "NO_ROUTE_DESTINATION"),
    ):
        assert switch.run("python", name, variables={"dial": dial}).variables["saw"] == f"False {cause}"


def test_two_calls_of_a_script_are_bridged_and_hear_each_other(switch_with: Open, name: str) -> None:
    switch = switch_with(
        script="""
        import freeswitch
        def handler(session, args):
            heard = []
            def on_leg(leg, what, obj, which):
                heard.append(which + obj.digit)
                return "ignore" if obj.digit == "1" else None
            session.answer()
            peer = freeswitch.Session("{pocket_press='2:5',pocket_hangup_after=4}pocket/peer", session)
            session.setInputCallback(on_leg, "a")
            peer.setInputCallback(on_leg, "b")
            freeswitch.bridge(session, peer)
            session.setVariable("saw", f"{' '.join(heard)} {peer.hangupCause()} {session.ready()}")
        """
    )
    switch.subscribe("CHANNEL_BRIDGE", "CHANNEL_UNBRIDGE")
    call = switch.run("python", name, press=[(1.0, "1"), (3.0, "2")])
    assert call.variables["saw"] == "a1 b5 a2 NORMAL_CLEARING True"
    # The swallowed digit did not pass; the peer's did, and the other did.
    assert [entry.text for entry in call.transcript.of_kind("sent digit")] == ["5"]
    assert [event["Event-Name"] for event in switch.events] == ["CHANNEL_BRIDGE", "CHANNEL_UNBRIDGE"]


def test_the_record_of_a_call(switch_with: Open, name: str) -> None:
    switch = switch_with(
        script="""
        from xml.etree import ElementTree
        def handler(session, args):
            session.answer()
            session.setVariable("odd", "a b&c")
            cdr = ElementTree.fromstring(session.getXMLCDR())
            saw = [cdr.findtext("channel_data/direction"), cdr.findtext("variables/odd"),
                   cdr.findtext("callflow/caller_profile/caller_id_number"),
                   str(int(cdr.findtext("callflow/times/answered_time")) > 0),
                   cdr.find("app_log/application").get("app_name")]
            session.setVariable("saw", " ".join(saw))
        """
    )
    assert switch.run("python", name, caller_id_number="2000").variables["saw"] == "inbound a%20b%26c 2000 True python"


def test_a_consumer_waits_in_the_switchs_time(switch_with: Open, name: str) -> None:
    switch = switch_with(
        script="""
        import freeswitch
        def handler(session, args):
            session.answer()
            with freeswitch.EventConsumer("CHANNEL_HANGUP") as consumer:
                nothing = consumer.pop(1, 60000)
                freeswitch.API().executeString("originate {pocket_hangup_after=1}pocket/x &park()")
                event = consumer.pop(1, 60000)
            session.setVariable("saw", f"{nothing} {event['Hangup-Cause']}")
        """
    )
    begin = switch.time
    assert switch.run("python", name, timeout=300).variables["saw"] == "None NORMAL_CLEARING"
    assert 60 < switch.time - begin < 70
