"""Twenty altered scripts, played from two recordings: each replay stops at the line that does something else."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from hosts.base import Host
from support.recorded_scripts import COROUTINE, IVR
from support.recordings import Record, entries, recorder, replay

# What is altered, into what, and the line of the altered script at which the replay stops.
PLAIN = [
    ("session.answer()", "session.preAnswer()", "session.preAnswer()"),
    ('setHangupHook(hook, "mine")', 'setHangupHook(hook, "other")', 'setHangupHook(hook, "other")'),
    ("session.setInputCallback(pressed", "session.setDTMFCallback(pressed", "session.setDTMFCallback(pressed"),
    ('"listens\\n"', '"hears\\n"', '"hears\\n"'),
    ("tone_stream://%(60000,0,440)", "tone_stream://%(60000,0,441)", "tone_stream://%(60000,0,441)"),
    ('setVariable("heard", obj.digit)', 'setVariable("heard", "x")', 'setVariable("heard", "x")'),
    ("session.unsetInputCallback()", "pass", '"asks\\n"'),
    ('getDigits(3, "#", 20000)', 'getDigits(3, "*", 20000)', 'getDigits(3, "*", 20000)'),
    ("random.randint(1, 10**6)", "random.randint(1, 10**7)", "random.randint(1, 10**7)"),
    ('"eval", "pin', '"expand", "pin', '"expand", "pin'),
    ("len(pin) == 3", "len(pin) == 2", "session.getVariable(5)"),
    ('f"hook {what}', 'f"hung {what}', 'f"hung {what}'),
    ('"waits\\n")\n    session.sleep(60000)', '"waits\\n")\n    session.sleep(50000)', "session.sleep(50000)"),
]
ASYNC = [
    ("await session.answer()", "await session.pre_answer()", "await session.pre_answer()"),
    ("get_digits(2, timeout=20)", "get_digits(2, timeout=21)", "get_digits(2, timeout=21)"),
    ('setVariable("digits", digits)', 'setVariable("digit", digits)', 'setVariable("digit", digits)'),
    ('setVariable("counted"', 'setVariable("count"', 'setVariable("count"'),
    ('events.once("CUSTOM no::such"', 'events.once("CUSTOM no::other"', 'events.once("CUSTOM no::other"'),
    ('originate("error/USER_BUSY")', 'originate("error/NO_USER")', 'originate("error/NO_USER")'),
    ('setVariable("shielded", "yes")', 'setVariable("shielded", "no")', 'setVariable("shielded", "no")'),
]


@pytest.fixture
def record(host: Host, tmp_path: Path) -> Record:
    """Give what runs a script on a recorded call, does things on the way, and gives the recording."""
    return recorder(host, tmp_path / "recorded")


def test_each_of_twenty_altered_scripts_is_stopped_at_its_line(record: Record, tmp_path: Path) -> None:
    assert len(PLAIN) + len(ASYNC) == 20
    plain = record(IVR, press=[(0.5, "7"), (1.0, "1"), (1.2, "2"), (1.4, "3")], hangup_after=2.0)
    coroutine = record(COROUTINE, press=[(0.5, "4"), (0.7, "5")], hangup_after=2.0)
    wrong = []
    for file, alterations in ((plain, PLAIN), (coroutine, ASYNC)):
        assert replay(file).returncode == 0
        script = Path(entries(file)[0]["file"])
        for number, (before, after, stopped) in enumerate(alterations):
            folder = tmp_path / f"{script.stem}-{number}"
            folder.mkdir()
            text = script.read_text()
            assert text.count(before) == 1, before
            (folder / script.name).write_text(text.replace(before, after))
            played = replay(file, "--scripts", str(folder))
            place = re.match(rf"different: {re.escape(str(folder / script.name))}:(\d+): ", played.stderr)
            line = (folder / script.name).read_text().splitlines()[int(place[1]) - 1] if place else ""
            if played.returncode != 1 or stopped not in line:
                wrong.append((after, line, played.stderr))
    assert not wrong
