"""Numbers below 0: no limit or the default where mod_python3 and the core read them so, an error elsewhere."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from hosts.base import Host, Press
from support.menus import MENU
from support.saw import in_api, in_call
from support.timing import lasted

LATE = [(1.2, "7")]
# The second comes later than the first may, which has time enough on a busy machine.
TWO = [(0.3, "1"), (2.6, "2")]


@pytest.mark.parametrize(
    ("call", "press", "expected"),
    [
        ("getDigits(-1, '#', -1, -1, -1)", [(0.3, "12"), (1.2, "34#")], "1234"),
        ("getDigits(1, '#', -1, 100)", LATE, "7"),
        ("getDigits(2, '#', -1, 300)", LATE, "7"),
        ("getDigits(2, '#', 5000, 5000, -1)", [(0.3, "12")], "12"),
        ("getDigits(2, '#', 2000, -1)", TWO, "12"),
        ("read(-1, -1, '', -1, '#')", LATE, ""),
        ("read(1, 2, '', 2000, '#', -1)", TWO, "12"),
        ("playAndGetDigits(1, 1, -1, 200, '#', '', '', '[5-9]')", LATE, "7"),
        ("playAndGetDigits(1, 1, 1, -1, '#', '', '', '')", LATE, "7"),
        ("playAndGetDigits(1, 2, 1, 2000, '#', '', '', '', None, -1)", TWO, "12"),
    ],
)
def test_digits(host: Host, call: str, press: Press, expected: str) -> None:
    source = f"def body(session, saw):\n    session.answer()\n    saw['digits'] = session.{call}\n"
    assert in_call(host, source, press=press)[0] == {"digits": expected}


@pytest.mark.parametrize("call", ["collectDigits(-1)", "collectDigits(-1, -1)", "collectDigits(0, -1)"])
def test_waiting_for_a_callback(host: Host, call: str) -> None:
    source = f"""
        def on_input(session, what, obj, saw):
            saw["digit"] = obj.digit
            return "stop"
        def body(session, saw):
            session.answer()
            session.setInputCallback(on_input, saw)
            saw["said"] = session.{call}
    """
    assert in_call(host, source, press=LATE)[0] == {"digit": "7", "said": 0}


def test_recording(host: Host, tmp_path: Path) -> None:
    source = f"""
        def on_input(session, what, obj): return "stop"
        def body(session, saw):
            session.answer()
            session.setInputCallback(on_input)
            begun = int(freeswitch.API().getTime())
            session.recordFile({str(tmp_path / "recorded.wav")!r}, -1, -1, -1)
            saw["took"] = int(freeswitch.API().getTime()) - begun
    """
    # The digit has ended it: no silence, and no time.
    lasted(host, in_call(host, source, press=LATE)[0]["took"], 1200, other=0, slack=700)


def test_originate_and_pop(host: Host) -> None:
    callee = host.extension(("sleep", "300"), "answer", ("sleep", "60000"))
    saw = in_api(
        host,
        f"""
        def body(saw):
            other = freeswitch.Session()
            saw["originate"] = [other.originate(None, "loopback/{callee}", -1), other.ready()]
            other.hangup()
            consumer = freeswitch.EventConsumer("CUSTOM", "numbers::test")
            fire = threading.Timer(0.3, lambda: freeswitch.Event("CUSTOM", "numbers::test").fire())
            fire.start()
            saw["pop"] = consumer.pop(1, -1)["Event-Subclass"]
            fire.join()
            consumer.cleanup()
        """,
    )
    assert saw == {"originate": [0, True], "pop": "numbers::test"}


NUMBERS = ["confirm_attempts", "inter_timeout", "digit_len", "timeout", "max_failures", "max_timeouts"]


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("value", [-1, 0])
def test_a_menu_has_its_default(host: Host, name: str, value: int) -> None:
    source = f"""
        def body(session, saw):
            session.answer()
            main = menu(None, "main", **{{"{name}": {value}}})
            main.bindAction("menu-exec-app", "set chosen=yes", "12")
            main.bindAction("menu-exit", "", "9")
            main.execute(session, "main")
            saw["chosen"] = session.getVariable("chosen")
    """
    saw, _ = in_call(host, MENU + textwrap.dedent(source), press=[(0.4, "12#"), (1.2, "9#")])
    assert saw == {"chosen": "yes"}


@pytest.mark.parametrize("attempts", [-1, 0])
def test_a_menu_confirms_three_times(host: Host, attempts: int) -> None:
    source = f"""
        def body(session, saw):
            session.answer()
            main = menu(None, "main", greeting_sound="silence_stream://1000", confirm_macro="no_such_macro",
                confirm_key="1", confirm_attempts={attempts}, timeout=300, max_failures=1,
                digit_len=2)
            main.bindAction("menu-exec-app", "set chosen=yes", "2")
            main.execute(session, "main")
            saw["said"] = [session.getVariable("chosen"), session.getVariable("ivr_menu_status")]
    """
    saw, _ = in_call(host, MENU + textwrap.dedent(source), press=[(0.4, "2#")])
    assert saw == {"said": [None, "failure"]}


def test_a_menu_has_a_place_for_its_digits(host: Host) -> None:
    source = """
        def body(session, saw):
            saw["digits"] = tried(menu, None, "main", digit_len=1024)
            saw["attempts"] = tried(menu, None, "main", confirm_attempts=101)
            saw["large"] = tried(menu, None, "main", timeout=1 << 31)
            main = menu(None, "main", digit_len=1023)
            saw["keys"] = tried(main.bindAction, "menu-exit", "", "1" * 1024)
            saw["pattern"] = tried(main.bindAction, "menu-exit", "", "/^" + "1" * 2000 + "$/")
            saw["fits"] = tried(main.bindAction, "menu-exit", "", "1" * 1023)
            session.answer()
            main.bindAction("menu-exit", "", "9")
            main.execute(session, "main")
    """
    saw, _ = in_call(host, MENU + textwrap.dedent(source), press=[(0.4, "9#")])
    assert saw["digits"] == "ValueError: argument 'digit_len' must be at most 1023, not 1024"
    assert saw["attempts"] == "ValueError: argument 'confirm_attempts' must be at most 100, not 101"
    assert saw["large"].startswith("ValueError: argument 'timeout'")
    assert saw["keys"] == "ValueError: argument 'bind' has more than 1023 keys"
    assert (saw["pattern"], saw["fits"]) == (None, None)
