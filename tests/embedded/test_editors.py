"""What type checkers and editors see of the wheel, as it is installed."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

import freeswitch

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
# Those that are written with types; the others are as users of switchio write theirs.
TYPED = ("switchio/counter.py", "switchio/proxier.py", "switchio/router.py", "yaypm/ivr.py", "yaypm/ivr_callbacks.py")
BIN = Path(sys.executable).parent

GOOD = """
    import asyncio

    import freeswitch
    from freeswitch import AsyncSession, apps, events


    async def handler(session: AsyncSession, args: str) -> None:
        await session.answer()
        music = asyncio.create_task(session.play("local_stream://moh"))
        music.cancel()
        digits: str = await session.play_and_get_digits("menu.wav", max_digits=1, timeout=5)
        try:
            agent = await session.originate(f"user/{digits}", timeout=20)
        except freeswitch.OriginateError as error:
            await session.play(f"sorry/{error.cause}.wav")
        else:
            await session.bridge(agent)
        event = await events.once("CHANNEL_ANSWER", guard={"Unique-ID": session.uuid}, timeout=30)
        print(event.getType(), session.variables["caller_id_number"])


    @apps.callback("CHANNEL_ANSWER")
    def on_answer(session: apps.Session) -> int:
        return 1


    @apps.coroutine("CHANNEL_PARK")
    async def on_park(session: apps.Session) -> str:
        await session.recv("CHANNEL_ANSWER")
        return ""


    async def both(session: apps.Session) -> None:
        number: int = on_answer(session)
        text: str = await on_park(session)
        print(number, text)
"""
# Each line that is wrong says so.
BAD = """
    from freeswitch import AsyncSession, Session, apps


    async def handler(session: AsyncSession, args: str) -> None:
        await session.plya("x.wav")  # wrong
        number: int = await session.get_digits(1)  # wrong
        print(number)


    def plain(session: Session, args: str) -> None:
        session.getVariable(3)  # wrong
        session.streemFile("x.wav")  # wrong


    @apps.callback("CHANNEL_ANSWER")
    def on_answer(session: apps.Session) -> int:
        return 1


    @apps.coroutine("CHANNEL_PARK")
    async def on_park(session: apps.Session) -> str:
        text: str = on_answer(session)  # wrong
        number: int = await on_park(session)  # wrong
        return f"{text}{number}"
"""


def mypy(folder: Path) -> set[tuple[str, int]]:
    """The lines that mypy finds."""
    command = [str(BIN / "mypy"), "--strict", "--config-file=", f"--cache-dir={folder / '.cache'}", "."]
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=folder)
    assert done.returncode in {0, 1}, done.stdout + done.stderr
    found = re.findall(r"^(\S+?):(\d+): error", done.stdout, re.MULTILINE)
    return {(file, int(line)) for file, line in found}


def basedpyright(folder: Path) -> set[tuple[str, int]]:
    command = [str(BIN / "basedpyright"), "--outputjson", "--level=error", f"--pythonpath={sys.executable}", "."]
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=folder)
    found = json.loads(done.stdout)["generalDiagnostics"]
    return {(Path(one["file"]).name, one["range"]["start"]["line"] + 1) for one in found if one["severity"] == "error"}


CHECKERS = [pytest.param(mypy, id="mypy"), pytest.param(basedpyright, id="basedpyright")]


@pytest.mark.parametrize("checker", CHECKERS)
def test_nothing_is_found_in_what_is_right_and_all_that_is_wrong(checker: object, tmp_path: Path) -> None:
    assert callable(checker)
    bad = dedent(BAD)
    (tmp_path / "good.py").write_text(dedent(GOOD), encoding="utf-8")
    (tmp_path / "bad.py").write_text(bad, encoding="utf-8")
    wrong = {("bad.py", number) for number, line in enumerate(bad.splitlines(), 1) if line.endswith("# wrong")}
    assert checker(tmp_path) == wrong


@pytest.mark.parametrize("checker", CHECKERS)
def test_nothing_is_found_in_the_examples(checker: object, tmp_path: Path) -> None:
    assert callable(checker)
    for example in TYPED:
        (tmp_path / example).parent.mkdir(exist_ok=True)
        shutil.copy(EXAMPLES / example, tmp_path / example)
        (tmp_path / example).with_name("__init__.py").touch()
    assert checker(tmp_path) == set()


def test_everything_has_a_docstring() -> None:
    missing = [name for name in freeswitch.__all__ if not getattr(getattr(freeswitch, name), "__doc__", None)]
    for name in ("CoreSession", "Session", "AsyncSession", "Event", "EventConsumer", "API", "Dbh", "Stream", "IVRMenu"):
        kind = getattr(freeswitch, name)
        missing += [
            f"{name}.{member}"
            for member in vars(kind)
            if not member.startswith("_") and not getattr(kind, member).__doc__
        ]
    assert missing == []
