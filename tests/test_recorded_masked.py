"""Masked recordings: digits that were pressed are nowhere in the file, and it is played back."""

from __future__ import annotations

from pathlib import Path

import pytest

from hosts.base import Host
from support.recordings import Record, entries, recorder, replay

PIN = "7394618"
PRESSED = [(0.5 + number / 5, key) for number, key in enumerate(f"{PIN}#2#")]

TAKES_IT_ON = """
import freeswitch
def handler(session, args):
    session.answer()
    pin = session.getDigits(10, "#", 10000)
    session.setVariable("pin", pin)
    freeswitch.consoleLog("info", f"the PIN is {pin}\\n")
    with freeswitch.Dbh("sqlite://DATABASE") as db:
        db.query("create table if not exists customers (pin text, name text)")
        db.execute("insert into customers values (?, ?)", [pin, "Ann"])
        row = db.first_row("select pin, name from customers where pin = ?", [pin])
    session.setVariable("name", row["name"] + row["pin"])
    session.getVariable("pin")
    choice = session.getDigits(1, "", 10000)
    session.setVariable("choice", choice)
    session.setVariable("menu", f"menu-{choice}.wav")
    raise LookupError(pin)
"""
READ = """
def handler(session, args):
    session.answer()
    session.execute("read", "1 10 silence_stream://100 secret 5000 #")
    pin = session.variables["secret"]
    session.setVariable("told", "it is " + pin)
"""
COROUTINE = """
async def handler(session, args):
    await session.answer()
    pin = ""
    async for event in session.stream("DTMF"):
        pin += event["DTMF-Digit"]
        if len(pin) == 7:
            break
    session.variables["told"] = f"it is {pin}"
    await session.execute("log", f"INFO {pin}")
"""


@pytest.fixture
def record(host: Host, tmp_path: Path) -> Record:
    """Give what runs a script on a recorded call, does things on the way, and gives the recording."""
    return recorder(host, tmp_path / "recorded")


@pytest.mark.parametrize("source", [TAKES_IT_ON, READ, COROUTINE], ids=["taken on", "read", "coroutine"])
def test_digits_are_nowhere_in_the_file_and_it_is_played_back(record: Record, tmp_path: Path, source: str) -> None:
    file = record(source.replace("DATABASE", str(tmp_path / "x.db")), press=PRESSED, hangup_after=5.0, wanted="masked")
    text = file.read_text()
    assert PIN not in text
    assert text.count("0" * len(PIN)) >= 2
    played = replay(file)
    assert (played.returncode, played.stderr) == (0, "")


def test_a_script_that_was_altered_is_stopped(record: Record, tmp_path: Path) -> None:
    file = record(READ, press=PRESSED, hangup_after=5.0, wanted="masked")
    script = Path(entries(file)[0]["file"])
    (tmp_path / script.name).write_text(script.read_text().replace("it is ", "it was "))
    played = replay(file, "--scripts", str(tmp_path))
    assert played.returncode == 1
    assert "the script calls Session.setVariable('told', 'it was 0000000')" in played.stderr
