"""Mistakes of a test are said at once, with the value and what to do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

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


def test_a_configuration_that_is_faulty() -> None:
    with pytest.raises(ValueError, match=r"config\['python.conf'\]: the XML is faulty"):
        pocket.Switch(config={"python.conf": "<configuration name='python.conf'>"})


@pytest.mark.parametrize(
    ("press", "error", "message"),
    [
        ([(1.0, "")], ValueError, "no text of digits"),
        ([(1.0, "one")], ValueError, "'one'"),
        ([(-1.0, "1")], ValueError, "past"),
        ([(float("nan"), "1")], ValueError, "past"),
        (["1"], TypeError, "pair"),
        ("1", TypeError, "say when"),
        ([("1", "1")], TypeError, "number of seconds"),
        ({"menu": ""}, ValueError, "no text of digits"),
        ({"menu": []}, ValueError, "no answer"),
        ({"menu": (-1, "1")}, ValueError, "past"),
        ({1.5: "1"}, TypeError, "sound's name"),
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
    call.hangup("17")
    assert call.wait().cause == "USER_BUSY"
    with pytest.raises(ValueError, match="missing_sounds: -1"):
        pocket.Switch(missing_sounds=-1)
