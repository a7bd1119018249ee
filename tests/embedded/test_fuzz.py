"""Call fuzzing: what is wrong is found and shrunk, what is right gives no alarm."""

from __future__ import annotations

import contextlib
import difflib
import re
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent
from types import ModuleType
from typing import Any

import pytest

import pocket
from pocket import fuzz
from pocket._switch import _OPEN
from support import fuzz_cases

# One seed: a run tomorrow tries the same callers as today's.
SEED = 15
CASES = [pytest.param(case, id=case.name.replace(" ", "-")) for case in fuzz_cases.CASES]


def tried(case: fuzz_cases.Case, source: str, folder: Path, examples: int) -> Callable[..., None]:
    """A fuzzing test of a script."""
    (folder / "ivr.py").write_text(source, encoding="utf-8")

    @fuzz.callers(run="python ivr", scripts=folder, examples=examples, until=20.0, seed=SEED, **case.options)
    def test(call: pocket.Call) -> None:
        assert eval(case.wanted, {"call": call}), case.wanted

    return test


@pytest.mark.parametrize("case", CASES)
def test_a_fault_is_found(case: fuzz_cases.Case, tmp_path: Path) -> None:
    with pytest.raises(AssertionError) as found:
        tried(case, case.faulty(), tmp_path, 300)()
    if case.told != "assert":
        assert isinstance(found.value, fuzz.Fault)
        assert case.told in str(found.value)
    (story,) = [note for note in found.value.__notes__ if note.startswith("Caller(")]
    # Shrunk: what the caller does fits into one line, and what happened stands below.
    assert len(story.splitlines()[0]) < 120
    assert re.search(r"^ +\d+\.\d{3}  created", story, re.MULTILINE)


@pytest.mark.parametrize("case", CASES)
def test_what_is_sound_gives_no_alarm(case: fuzz_cases.Case, tmp_path: Path) -> None:
    tried(case, case.sound(), tmp_path, 60)()


def test_the_same_seed_gives_the_same_transcripts(tmp_path: Path) -> None:
    case = next(case for case in fuzz_cases.CASES if case.name == "back from the top menu")

    def transcripts() -> list[str]:
        told: list[str] = []
        (tmp_path / "ivr.py").write_text(case.sound(), encoding="utf-8")

        @fuzz.callers(run="python ivr", scripts=tmp_path, examples=10, seed=SEED, **case.options)
        def test(call: pocket.Call, caller: fuzz.Caller) -> None:
            told.append(f"{caller}\n{call.transcript}")

        test()
        return told

    first = transcripts()
    assert len(first) >= 10
    assert len(set(first)) > 5
    for _ in range(10):
        told = transcripts()
        # What pytest says of two such lists is cut short.
        assert told == first, "\n".join(difflib.ndiff("\n".join(first).splitlines(), "\n".join(told).splitlines()))


def test_the_same_seed_gives_the_same_callers_whatever_else_the_program_has_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Hypothesis draws numbers over 100 that stand in modules which are loaded.
    (tmp_path / "ivr.py").write_text("def handler(session, args): session.answer()\n", encoding="utf-8")
    (tmp_path / "later.py").write_text(f"NUMBERS = {list(range(101, 160))}\n", encoding="utf-8")

    def callers() -> list[str]:
        came: list[str] = []

        @fuzz.callers(run="python ivr", scripts=tmp_path, examples=60, words=["1", "22"], seed=SEED)
        def test(caller: fuzz.Caller) -> None:
            came.append(repr(caller))

        test()
        return came

    first = callers()
    # It knows modules by their addresses, at which others may have been.
    for number in range(100):
        module = ModuleType(f"later_{number}")
        module.__file__ = str(tmp_path / "later.py")
        monkeypatch.setitem(sys.modules, module.__name__, module)
    assert callers() == first


def test_phones_are_busy_and_gone(tmp_path: Path) -> None:
    case = fuzz_cases.Case(
        "an agent who does not answer",
        """
        import freeswitch
        def handler(session, args):
            session.answer()
            agent = freeswitch.Session("user/1001", session)
            if session.ready() and not agent.ready():
                raise LookupError(agent.hangupCause())
        """,
        ("raise LookupError(agent.hangupCause())", "session.setVariable('nobody', agent.hangupCause())"),
        "LookupError",
        {"phones": ["user/1001"]},
    )
    with pytest.raises(fuzz.Fault, match="LookupError") as found:
        tried(case, case.faulty(), tmp_path, 100)()
    assert any(note.startswith("Caller(phones={'user/1001': {") for note in found.value.__notes__)
    tried(case, case.sound(), tmp_path, 50)()


def test_a_leg_that_goes_late_because_the_machine_is_busy_gives_no_alarm(tmp_path: Path) -> None:
    script = """
        import freeswitch
        def handler(session, args):
            session.answer()
            agent = freeswitch.Session("{pocket_answer_after=1}pocket/agent")
            agent.setAutoHangup(False)
        """
    (tmp_path / "late.py").write_text(dedent(script), encoding="utf-8")
    over = threading.Event()

    def let_go() -> None:
        # In the place of the switch's own thread that has to wait for its turn.
        while not over.wait(2.0):
            for switch in _OPEN:
                with contextlib.suppress(RuntimeError):
                    switch.api("hupall")

    thread = threading.Thread(target=let_go)
    thread.start()
    try:
        fuzz.callers(run="python late", scripts=tmp_path, examples=3, until=5.0, seed=SEED)(lambda call: call)()
    finally:
        over.set()
        thread.join()


@pytest.mark.parametrize(
    ("where", "cause"),
    [
        ({"number": "5999"}, "NO_ROUTE_DESTINATION"),
        ({"number": "5000"}, "DESTINATION_OUT_OF_ORDER"),
        ({"run": "pyton ivr"}, "DESTINATION_OUT_OF_ORDER"),
    ],
    ids=["no extension", "no application in it", "no application"],
)
def test_a_call_that_reaches_nothing_is_a_fault(tmp_path: Path, where: dict[str, str], cause: str) -> None:
    dialplan = """<extension name="x"><condition field="destination_number" expression="^5000$">
        <action application="pyton" data="ivr"/></condition></extension>"""

    given: dict[str, Any] = {**where}

    @fuzz.callers(**given, scripts=tmp_path, dialplan=dialplan, examples=5, seed=SEED)
    def test(call: pocket.Call) -> None:
        pass

    with pytest.raises(fuzz.Fault, match=f"nothing has run on the call: the switch hung it up with {cause}"):
        test()


def test_a_caller_reads_well() -> None:
    assert repr(fuzz.Caller()) == "Caller()"
    caller = fuzz.Caller([(1.5, "1")], None, (3, -0.01), {"user/1001": {"busy": True}})
    assert repr(caller) == "Caller(press=[(1.5, '1')], hangup_at=(3, -0.01), phones={'user/1001': {'busy': True}})"


def test_what_makes_no_sense_is_said() -> None:
    with pytest.raises(TypeError, match="number that is dialled"):
        fuzz.callers()
    with pytest.raises(TypeError, match="number that is dialled"):
        fuzz.callers("5000", run="python ivr")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"words": "12"}, r"words: '12' must be a list of texts: \['12'\]"),
        ({"words": ["one"]}, "words: 'one' is no text of digits"),
        ({"phones": "user/1001"}, "phones: 'user/1001' must be a list of texts"),
        ({"phones": ["1001"]}, "'1001' is no address"),
        ({"until": -1}, "until: -1 lies in the past"),
        ({"until": float("inf")}, "until: inf is longer than a switch runs"),
        ({"until": "4"}, "until: '4' must be a number of seconds"),
        ({"quiet": -1}, "quiet: -1 lies in the past"),
        ({"most": -1}, "most: -1 must be a whole number of 0 or more"),
        ({"examples": 0}, "examples: 0 must be a whole number of 1 or more"),
        ({"dialplan": "ivr.xml"}, "dialplan: 'ivr.xml' is no XML"),
        ({"no_such": 1}, "no_such"),
    ],
)
def test_options_that_make_no_sense_are_said_where_the_test_is_written(options: dict[str, Any], message: str) -> None:
    def test(call: pocket.Call) -> None:
        raise AssertionError(call)

    with pytest.raises((TypeError, ValueError), match=message):
        fuzz.callers("5000", **options)(test)


def test_options_of_a_switch_that_is_not_used() -> None:
    def test(call: pocket.Call, switch: pocket.Switch) -> None:
        raise AssertionError(call, switch)

    fuzz.callers("5000")(test)
    with pytest.raises(TypeError, match="has that one: scripts, sounds would not be used"):
        fuzz.callers("5000", scripts=".", sounds=".")(test)
