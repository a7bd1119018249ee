"""What a test sees and changes of the switch: legs, globals, fakes, lists."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import pocket

Open = Callable[..., pocket.Switch]


def test_a_call_into_an_application_has_a_destination(switch_with: Open, name: str) -> None:
    switch = switch_with(
        script="""
        def handler(session, args):
            session.setVariable("dialled", session.getVariable("destination_number"))
        """
    )
    assert switch.run("python", name, destination="18005551234").variables["dialled"] == "18005551234"
    assert switch.run("python", name).variables["dialled"] == "python"


def test_a_call_into_an_application_that_is_not_waited_for(switch_with: Open) -> None:
    switch = switch_with()
    call = switch.start_run("sleep", "5000")
    assert not call.over
    switch.sleep(1)
    call.hangup()
    assert call.wait().transcript.of_kind("hung up")[0].time == 1.0


def test_a_call_is_waited_for_beyond_its_hangup(switch_with: Open) -> None:
    switch = switch_with()
    assert switch.run("sleep", "999000", hangup_after=300).transcript.of_kind("hung up")[0].time == 300.0
    with pytest.raises(pocket.CallTimeout, match=r"not over after 10(\.0)? s"):
        switch.run("sleep", "999000", hangup_after=300, timeout=10)


def test_all_legs_that_there_were(switch_with: Open) -> None:
    switch = switch_with()
    switch.phone("user/1", hangs_up_after=1)
    first = switch.run("bridge", "user/1")
    second = switch.run("answer")
    legs = switch.legs
    assert [leg.uuid for leg in legs] == [first.uuid, legs[1].uuid, second.uuid]
    assert [leg.phone for leg in legs] == [None, "user/1", None]
    assert [leg.over for leg in legs] == [True] * 3
    assert legs[1].transcript.of_kind("bridged")
    assert switch.channels() == []


def test_global_variables_are_a_mapping(switch_with: Open) -> None:
    switch = switch_with(variables={"greeting": "hello\nworld"})
    assert (switch.globals["greeting"], switch.globals["GREETING"]) == ("hello\nworld", "hello\nworld")
    switch.globals["a"] = "1"
    assert switch.api("global_getvar a") == "1"
    assert "a" in switch.globals
    assert dict(switch.globals)["a"] == "1"
    del switch.globals["a"]
    assert "a" not in switch.globals
    with pytest.raises(KeyError):
        switch.globals["a"]
    with pytest.raises(TypeError, match="must be a str"):
        switch.globals["a"] = 1  # type: ignore[assignment]


def test_a_function_in_the_place_of_a_command(switch_with: Open, name: str) -> None:
    switch = switch_with(
        script="""
        import freeswitch

        def handler(session, args):
            api = freeswitch.API()
            session.setVariable("contact", api.executeString("my_billing balance 1000"))
            session.execute("set", "expanded=${my_billing(rate 49)}")
        """
    )
    asked: list[str] = []

    def billing(arguments: str) -> str:
        asked.append(arguments)
        return f"<{arguments}>"

    switch.fake_api("my_billing", billing)
    call = switch.run("python", name)
    assert (call.variables["contact"], call.variables["expanded"]) == ("<balance 1000>", "<rate 49>")
    assert asked == ["balance 1000", "rate 49"]
    switch.fake_api("version", lambda _: None)
    assert switch.api("version") == "-ERR no reply\n"


def test_a_fake_that_fails_is_logged_with_its_traceback(switch_with: Open) -> None:
    switch = switch_with()

    def fails(arguments: str) -> str:
        raise LookupError(f"no {arguments}")

    switch.fake_api("fails", fails)
    assert switch.api("fails at all") == "-ERR LookupError: no at all\n"
    (line,) = [line for line in switch.log if "the fake of fails failed" in line.text]
    assert line.level == "ERR"
    assert "in fails" in line.text


def test_a_function_in_the_place_of_an_application(switch_with: Open) -> None:
    switch = switch_with(
        five='<action application="voicemail" data="default x 1000"/><action application="set" data="after=${left}"/>'
    )

    def voicemail(leg: pocket.Call, data: str) -> None:
        switch.api(f"uuid_setvar {leg.uuid} left {data}")

    switch.fake_application("voicemail", voicemail)
    call = switch.call("5")
    assert call.variables["after"] == "default x 1000"
    assert "voicemail" in [entry.text for entry in call.transcript.of_kind("application")]


def test_what_is_no_fake(switch_with: Open) -> None:
    switch = switch_with()
    with pytest.raises(ValueError, match="one word"):
        switch.fake_api("two words", str)
    with pytest.raises(TypeError, match="must be a function"):
        switch.fake_application("a", "b")  # type: ignore[arg-type]


def test_the_lists_of_commands_and_applications(switch_with: Open) -> None:
    switch = switch_with()
    switch.fake_api("mine", str)
    lines = switch.api("show api").splitlines()
    assert lines[0] == "name,description,syntax,ikey"
    rows = {line.split(",")[0]: line for line in lines[1:] if line}
    assert rows["mine"] == "mine,the test's,,pocket"
    assert rows["originate"].endswith(",mod_commands")
    assert rows["pyps"].endswith(",mod_rust")
    assert lines[-1] == f"{len(lines) - 3} total."
    assert "python" in {line.split(",")[0] for line in switch.api("show application").splitlines()}
    assert switch.api("show application answer").count("\n") == 4


@pytest.mark.parametrize("name", ["conference", "voicemail"])
def test_a_stand_in_says_once_that_it_is_one(switch_with: Open, name: str) -> None:
    switch = switch_with()
    for _ in range(2):
        call = switch.run(name, "default x 1000", hangup_after=4)
        assert call.answered
        (entry,) = call.transcript.of_kind("stand-in")
        assert entry.text.startswith(f"{name} default x 1000: ")
    warnings = [line for line in switch.log if line.level == "WARNING" and "stand-in" in line.text]
    assert len(warnings) == 1
    assert f'switch.fake_application("{name}"' in warnings[0].text
