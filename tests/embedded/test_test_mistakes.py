"""Mistakes of a test are said at once, with the value and what to do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import pocket

Open = Callable[..., pocket.Switch]


@pytest.mark.parametrize(
    ("dialplan", "message"),
    [
        ("<extension name='a'><condition></extension>", "faulty"),
        ("<extension name='a'", "faulty"),
        ("dialplan.xml", r"pathlib.Path\('dialplan.xml'\)"),
    ],
)
def test_a_dialplan_that_is_none(dialplan: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        pocket.Switch(dialplan=dialplan)


def test_a_dialplan_by_number_is_the_marker_s() -> None:
    actions: Any = {"5000": "python ivr"}
    with pytest.raises(TypeError, match=r"XML as a str or a file as a pathlib.Path, not dict"):
        pocket.Switch(dialplan=actions)


def test_a_dialplan_may_be_a_file(tmp_path: Path) -> None:
    path = tmp_path / "dialplan.xml"
    action = '<action application="set" data="a=b"/>'
    path.write_text(
        f'<?xml version="1.0"?>\n<include><extension name="x"><condition>{action}</condition></extension></include>'
    )
    with pocket.Switch(dialplan=path) as switch:
        assert switch.call("1").variables["a"] == "b"
    with pytest.raises(FileNotFoundError):
        pocket.Switch(dialplan=tmp_path / "absent.xml")
    path.write_text("5000 = python ivr")
    with pytest.raises(ValueError, match=f"dialplan={path}: there is no XML in it"):
        pocket.Switch(dialplan=path)


def test_a_configuration_that_is_faulty() -> None:
    with pytest.raises(ValueError, match=r"config\['python.conf'\]: the XML is faulty"):
        pocket.Switch(config={"python.conf": "<configuration name='python.conf'>"})


@pytest.mark.parametrize(
    ("press", "error", "message"),
    [
        ([(1.0, "")], ValueError, "no text of digits"),
        ([(1.0, "one")], ValueError, "'one'"),
        ([(-1.0, "1")], ValueError, "past"),
        ([(float("nan"), "1")], ValueError, "nan is not a number"),
        (["1"], TypeError, "pair"),
        ("1", TypeError, "say when"),
        ([("1", "1")], TypeError, "number of seconds"),
        ({"menu": ""}, ValueError, "no text of digits"),
        ({"menu": []}, ValueError, "no answer"),
        ({"menu": (-1, "1")}, ValueError, "past"),
        ({1.5: "1"}, TypeError, "sound's name"),
        (5, TypeError, "press: 5 must be pairs of seconds and a text, or sounds"),
        (None, TypeError, "press: None must be pairs of seconds and a text, or sounds"),
        ({"menu": 5}, TypeError, "press: the answer to 'menu' must be a text, a pair .*, or a list of these, not 5"),
        ({"menu": ("1",)}, TypeError, r"press: the answer to 'menu' must be .*, not \('1',\)"),
        ({"menu": [(1, "1"), 5]}, TypeError, "press: the answer to 'menu' must be .*, not 5"),
    ],
)
def test_digits_that_are_none(switch_with: Open, press: object, error: type[Exception], message: str) -> None:
    switch = switch_with()
    with pytest.raises(error, match=message):
        switch.start_call("5", press=press)  # type: ignore[arg-type]
    assert switch.legs == []


def test_other_values_that_make_no_sense(switch_with: Open) -> None:
    switch = switch_with()
    with pytest.raises(ValueError, match="hangup_after: -1"):
        switch.start_call("5", hangup_after=-1)
    with pytest.raises(ValueError, match="nothing to say"):
        switch.start_call("5", says=[(1, "")])
    with pytest.raises(ValueError, match="seconds: -1"):
        switch.sleep(-1)
    call = switch.start_run("sleep", "60000")
    with pytest.raises(ValueError, match="did you mean USER_BUSY"):
        call.hangup("USERBUSY")
    with pytest.raises(ValueError, match="no text of digits"):
        call.press("")
    with pytest.raises(ValueError, match=r"'plaid' is no kind of an entry; there are .*played"):
        call.transcript.of_kind("plaid")
    with pytest.raises(ValueError, match="hangup_after: inf is longer than a switch runs"):
        switch.start_call("5", hangup_after=float("inf"))
    call.hangup("17")
    assert call.wait().cause == "USER_BUSY"
    with pytest.raises(ValueError, match="missing_sounds: -1"):
        pocket.Switch(missing_sounds=-1)


@pytest.mark.parametrize(
    ("place", "message"),
    [
        (lambda switch: switch.call(5000), "number: 5000 must be a str, not int"),
        (lambda switch: switch.run("python", 5), "data: 5 must be a str, not int"),
        (lambda switch: switch.run(None), "number: None must be a str, not NoneType"),
        (lambda switch: switch.call("5", variables={"a": 1}), r"variables\['a'\]: 1 must be a str, not int"),
        (lambda switch: switch.call("5", variables=[("a", "b")]), r"variables: \[\('a', 'b'\)\] must be a mapping"),
        (lambda switch: switch.phone("user/1", refuses=17), "refuses: 17 must be a str, not int"),
        (lambda switch: switch.call("5", variables={1: "a"}), "variables: 1 must be a str, not int"),
        (lambda switch: switch.call("5", caller_id_number=1000), "caller_id_number: 1000 must be a str, not int"),
        (lambda switch: switch.api(["status"]), r"command: \['status'\] must be a str, not list"),
        (lambda _: pocket.Switch(variables={"a": 1}), r"variables\['a'\]: 1 must be a str, not int"),  # type: ignore[dict-item]
    ],
)
def test_what_is_no_text(switch_with: Open, place: Callable[[pocket.Switch], object], message: str) -> None:
    with pytest.raises(TypeError, match=message):
        place(switch_with())


@pytest.mark.parametrize(
    ("does", "message"),
    [
        ({"busy": True, "answers_after": 4}, "with busy the phone does not answer, and answers_after means nothing"),
        (
            {"never": True, "hangs_up_after": 4},
            "with never the phone does not answer, and hangs_up_after means nothing",
        ),
        ({"refuses": "NO_ANSWER", "press": [(1, "1")]}, "with refuses .* press means nothing"),
        ({"busy": True, "never": True}, "does one of busy and never"),
    ],
)
def test_phones_that_do_two_things_at_once(switch_with: Open, does: dict[str, object], message: str) -> None:
    switch = switch_with()
    with pytest.raises(ValueError, match=message):
        switch.phone("user/1001", **does)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "address", ["/", "user/", "/1001", "user/1001,user/1002", "a/1|b/2", "[x=1]user/1", "{x=1}user/1"]
)
def test_an_address_that_is_not_one_phone(switch_with: Open, address: str) -> None:
    with pytest.raises(ValueError, match="is not the address of one phone"):
        switch_with().phone(address)
