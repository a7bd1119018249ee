"""One call that uses the whole module: digits, recording, seeking, menus, bridges, originate, events."""

from __future__ import annotations

import json

from hosts.base import Host
from support.saw import script_file


def test_one_call_uses_everything(host: Host) -> None:
    silent = host.extension(("pre_answer", ""), ("sleep", "20000"))
    quiet = host.extension(("answer", ""), ("sleep", "20000"))
    name = host.script(script_file("one_call.py"))
    end = host.extension(("set", "transferred=yes"), ("hangup", "CALL_REJECTED"))
    call = host.start_call(host.extension(("python", f"{name} {host.folder} {silent} {quiet} {end}")))

    def step(wanted: str) -> str:
        return host.wait_log(f"^step: {wanted}").text

    def greeted(times: int) -> None:
        """Wait until a menu has begun to greet so often: the upper one, the lower one, and that after its action."""
        wanted = {"Event-Name": "PLAYBACK_START", "Unique-ID": call.uuid, "Playback-File-Path": "silence_stream://2000"}
        host.wait_for(
            lambda: sum(wanted.items() <= event.items() for event in host.all_events()) >= times or None,
            what=f"{times} greetings of menus",
        )

    step("terminated")
    call.press("12#")
    step("between")
    call.press("345")
    step("controls")
    for digit in "1239":
        call.press(digit)
    greeted(1)
    call.press("1")
    greeted(2)
    call.press("2")
    greeted(3)
    call.press("3")
    far = step("bridge").split()[-1]
    host.wait_event("CHANNEL_BRIDGE", {"Unique-ID": call.uuid})
    call.press("4")
    host.api(f"uuid_send_dtmf {far} 5")
    step("heard 4")
    step("heard 5")
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
