"""One call that uses the whole module: digits, recording, seeking, menus, bridges, originate, events."""

from __future__ import annotations

import json

from hosts.base import Host

SCRIPT = """
    import json, os
    import freeswitch

    saw = {}

    def hook(session, what):
        saw["hook"] = [what, session.hangupCause()]
        session.setVariable("saw", json.dumps(saw))

    def controls(session, what, obj, said):
        said.append(obj.digit)
        return {"1": "seek:+8000", "2": "pause", "3": "pause", "9": "stop"}[obj.digit]

    def on_leg(session, what, obj, heard):
        if what == "dtmf":
            heard.append(obj.digit)
            return "stop" if obj.digit == "*" else "ignore"

    def step(name):
        freeswitch.consoleLog("info", "step: " + name)

    def handler(session, args):
        folder, silent, quiet, target = args.split()
        session.setHangupHook(hook)
        session.answer()

        step("terminated")
        saw["terminated"] = session.getDigits(5, "#*", 5000)
        saw["timeout"] = session.getDigits(5, "#", 100)
        step("between")
        saw["between"] = session.getDigits(5, "#", 5000, 300)
        saw["total"] = session.getDigits(5, "#", 5000, 5000, 200)

        recording = os.path.join(folder, "recorded.wav")
        saw["record"] = session.recordFile(recording, 1)
        saw["recorded"] = os.path.isfile(recording)

        said = []
        session.setInputCallback(controls, said)
        step("controls")
        saw["play"] = session.streamFile(session.getVariable("hold_music"))
        saw["controls"] = said
        session.unsetInputCallback()

        def menu(main, name):
            quiet = "silence_stream://2000"
            return freeswitch.IVRMenu(main, name, quiet, quiet, None, None, None, None, None, None, None,
                                      1, 500, 1, 5000, 2, 2)
        main = menu(None, "main")
        sub = menu(main, "sub")
        main.bindAction("menu-sub", "sub", "1")
        sub.bindAction("menu-exec-app", "set menu_choice=two", "2")
        sub.bindAction("menu-exit", "", "3")
        step("menu")
        main.execute(session, "main")
        saw["menu"] = session.getVariable("menu_choice")

        for cause, dial in (("busy", "error/user_busy"), ("no answer", "{ignore_early_media=true}loopback/" + silent)):
            other = freeswitch.Session()
            status = other.originate(session, dial, 1)
            saw[cause] = [status, other.ready(), other.hangupCause()]

        peer = freeswitch.Session("{leg=b,loopback_bowout=false}loopback/" + quiet, session)
        saw["peer"] = [peer.ready(), peer.hangupCause()]
        heard = {"a": [], "b": []}
        session.setInputCallback(on_leg, heard["a"])
        peer.setInputCallback(on_leg, heard["b"])
        step("bridge " + peer.getVariable("other_loopback_leg_uuid"))
        freeswitch.bridge(session, peer)
        saw["heard"] = heard
        saw["after the bridge"] = session.ready()
        session.unsetInputCallback()
        peer.destroy()

        with freeswitch.EventConsumer("CUSTOM", "one::test") as consumer:
            freeswitch.Event({"Event-Subclass": "one::test", "Event-Name": "CUSTOM", "Said": "hello"}).fire()
            saw["event"] = consumer.pop(1, 5000)["Said"]

        session.transfer(target, "XML", "default")
"""


def test_one_call_uses_everything(host: Host) -> None:
    silent = host.extension(("pre_answer", ""), ("sleep", "20000"))
    quiet = host.extension(("answer", ""), ("sleep", "20000"))
    name = host.script(SCRIPT)
    end = host.extension(("set", "transferred=yes"), ("hangup", "CALL_REJECTED"))
    call = host.start_call(host.extension(("python", f"{name} {host.folder} {silent} {quiet} {end}")))

    def step(wanted: str) -> str:
        return host.wait_log(f"^step: {wanted}").text

    step("terminated")
    call.press("12#")
    step("between")
    call.press("345")
    step("controls")
    for digit in "1239":
        call.press(digit)
    step("menu")
    host.sleep(0.2)
    call.press("1")
    host.wait_log("menu.sub|sub")
    host.sleep(0.5)
    call.press("2")
    host.sleep(0.5)
    call.press("3")
    far = step("bridge").split()[-1]
    host.wait_event("CHANNEL_BRIDGE", {"Unique-ID": call.uuid})
    call.press("4")
    host.api(f"uuid_send_dtmf {far} 5")
    host.sleep(0.3)
    call.press("*")
    result = call.wait()
    saw = json.loads(result.variables["saw"])
    assert saw == {
        "terminated": "12",
        "timeout": "",
        "between": "345",
        "total": "",
        "record": 1,
        "recorded": True,
        "play": 0,
        "controls": ["1", "2", "3", "9"],
        "menu": "two",
        "busy": [1, False, "USER_BUSY"],
        "no answer": [1, False, "NO_ANSWER"],
        "peer": [True, "SUCCESS"],
        "heard": {"a": ["4", "*"], "b": ["5"]},
        "after the bridge": True,
        "event": "hello",
        "hook": ["transfer", "NONE"],
    }
    assert (result.variables["transferred"], result.cause) == ("yes", "CALL_REJECTED")
