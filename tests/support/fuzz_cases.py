"""IVRs with a fault each, and the same ones as they should be, for the tests of call fuzzing."""

from __future__ import annotations

from dataclasses import dataclass, field
from textwrap import dedent
from typing import Any


@dataclass(frozen=True)
class Case:
    """A fault: the script that has it, what is to be written instead, and what a test of it asks for."""

    name: str
    script: str
    fault: tuple[str, str]
    told: str
    options: dict[str, Any] = field(default_factory=dict)
    wanted: str = "True"

    def faulty(self) -> str:
        """The script with its fault."""
        return dedent(self.script)

    def sound(self) -> str:
        """The script without."""
        wrong, right = self.fault
        text = dedent(self.script)
        assert wrong in text, self.name
        return text.replace(wrong, right)


CASES = [
    Case(
        "no digit is no number",
        """
        def handler(session, args):
            session.answer()
            digit = session.getDigits(1, "", 3000)
            session.setVariable("twice", str(int(digit) * 2))
        """,
        ("int(digit)", "int(digit if digit.isdigit() else 0)"),
        "ValueError",
    ),
    Case(
        "a key that the menu lacks",
        """
        MENU = {"1": "sales", "2": "support"}
        def handler(session, args):
            session.answer()
            digit = session.playAndGetDigits(1, 1, 1, 3000, "#", "silence_stream://2000", "", "[0-9]")
            if digit:
                session.setVariable("went", MENU[digit])
        """,
        ("MENU[digit]", 'MENU.get(digit, "operator")'),
        "KeyError",
        {"words": ["1", "2"]},
    ),
    Case(
        "a loop that does not ask whether the caller is there",
        """
        def handler(session, args):
            session.answer()
            while True:
                if session.getDigits(1, "", 2000) == "9": break
        """,
        ("while True", "while session.ready()"),
        "computes without end",
    ),
    Case(
        "a PIN that is too short",
        """
        def handler(session, args):
            session.answer()
            pin = session.getDigits(4, "#", 4000)
            if pin: session.setVariable("last", pin[3])
        """,
        ("pin[3]", "pin[-1]"),
        "IndexError",
        {"words": ["1234", "12#"]},
    ),
    Case(
        "a division by what was pressed",
        """
        def handler(session, args):
            session.answer()
            digits = session.getDigits(1, "#", 4000)
            if digits.isdigit(): session.setVariable("share", str(100 // int(digits)))
        """,
        ("100 // int(digits)", "100 // (int(digits) or 1)"),
        "ZeroDivisionError",
    ),
    Case(
        "a hook that needs what comes later",
        """
        def handler(session, args):
            session.setHangupHook(hook)
            session.answer()
            session.streamFile("silence_stream://3000")
            session.language = "en"
            session.streamFile("silence_stream://3000")
        def hook(session, what):
            session.setVariable("left", session.language)
        """,
        ("session.answer()", 'session.language = ""; session.answer()'),
        "AttributeError",
    ),
    Case(
        "a record that an early hangup leaves out",
        """
        def handler(session, args):
            session.answer()
            session.streamFile("silence_stream://2000")
            if not session.ready(): return
            session.setVariable("cdr", "written")
        """,
        ("if not session.ready(): return\n", "\n"),
        "assert",
        wanted='call.variables.get("cdr") == "written"',
    ),
    Case(
        "a second press books twice",
        """
        def handler(session, args):
            session.answer()
            booked = 0
            for _ in range(3):
                if session.getDigits(1, "", 2000) == "1":
                    booked += 1
            session.setVariable("booked", str(booked))
        """,
        ("booked += 1", "booked = 1"),
        "assert",
        {"words": ["1"]},
        'call.variables.get("booked") in {"0", "1"}',
    ),
    Case(
        "back from the top menu",
        """
        def handler(session, args):
            session.answer()
            menus = ["main"]
            for _ in range(6):
                digit = session.getDigits(1, "", 2000)
                if digit == "1": menus.append("sub")
                elif digit == "*": menus.pop()
                if not session.ready(): break
                session.setVariable("menu", menus[-1])
        """,
        ("menus.pop()", "menus[1:] = menus[1:-1]"),
        "IndexError",
        {"words": ["1"]},
    ),
    Case(
        "a date that is none",
        """
        import datetime
        def handler(session, args):
            session.answer()
            digits = session.getDigits(4, "#", 4000)
            if len(digits) == 4 and digits.isdigit():
                try: month, day = int(digits[:2]), int(digits[2:])
                except ValueError: return
                session.setVariable("day", str(datetime.date(2024, month, day)))
        """,
        ("str(datetime.date(2024, month, day))", 'f"2024-{month}-{day}"'),
        "ValueError",
        {"words": ["1224", "9999"]},
    ),
    Case(
        "an agent that stays when the caller has gone",
        """
        import freeswitch
        def handler(session, args):
            session.answer()
            agent = freeswitch.Session("{pocket_answer_after=1}pocket/agent")
            agent.setAutoHangup(False)
            session.streamFile("silence_stream://2000")
        """,
        ("agent.setAutoHangup(False)", "agent.setAutoHangup(True)"),
        "there is still pocket/agent",
    ),
    Case(
        "a forgotten await",
        """
        async def handler(session, args):
            await session.answer()
            if await session.get_digits(1, timeout=3) == "5":
                session.play("silence_stream://500")
            await session.sleep(1)
        """,
        ('session.play("', 'await session.play("'),
        "never awaited",
        {"words": ["5"]},
    ),
    Case(
        "a coroutine whose record an early hangup leaves out",
        """
        async def handler(session, args):
            try:
                await session.answer()
                await session.play("silence_stream://2000")
            except ValueError:
                pass
            session.setVariable("cdr", "written")
        """,
        (
            "    except ValueError:\n        pass\n    session.set",
            "    finally:\n        session.set",
        ),
        "assert",
        wanted='call.variables.get("cdr") == "written"',
    ),
    Case(
        "a star within a number",
        """
        async def handler(session, args):
            await session.answer()
            digits = await session.get_digits(3, timeout=3, between=2)
            await session.execute("set", f"sum={sum(map(int, digits))}")
        """,
        ("sum(map(int, digits))", "sum(map(int, filter(str.isdigit, digits)))"),
        "ValueError",
    ),
    Case(
        "a counter of calls that a hangup leaves too high",
        """
        import freeswitch
        def handler(session, args):
            change(1)
            session.answer()
            session.streamFile("silence_stream://3000")
            if session.ready(): change(-1)
        def change(by):
            now = int(freeswitch.getGlobalVariable("calls") or 0)
            freeswitch.setGlobalVariable("calls", str(now + by))
        """,
        ("if session.ready(): change", "change"),
        "assert",
        wanted='call.variable("calls") == "0"',
    ),
    Case(
        "a PIN that one caller enters twice",
        """
        import contextlib
        import sqlite3
        def handler(session, args):
            session.answer()
            with contextlib.closing(sqlite3.connect(":memory:")) as db:
                db.execute("create table pins (pin text unique)")
                for _ in range(2):
                    pin = session.getDigits(2, "#", 3000)
                    if pin: db.execute("insert into pins values (?)", [pin])
        """,
        ("insert into", "insert or ignore into"),
        "IntegrityError",
        {"words": ["12", "34"]},
    ),
    Case(
        "a menu that a wrong answer leaves without end",
        """
        def handler(session, args):
            session.answer()
            while session.ready():
                digit = session.playAndGetDigits(1, 1, 1, 2000, "#", "silence_stream://1000", "", "[0-9*]")
                if digit in ("1", "2", ""): break
                session.setVariable("tries", str(int(session.getVariable("tries") or 0) + 1))
        """,
        ("while session.ready()", 'while session.ready() and int(session.getVariable("tries") or 0) < 2'),
        "assert",
        {},
        'int(call.variables.get("tries", 0)) <= 2',
    ),
    Case(
        "dead air",
        """
        def handler(session, args):
            session.answer()
            if session.getDigits(1, "", 3000) == "7":
                session.sleep(20000)
            session.streamFile("silence_stream://500")
        """,
        ("session.sleep(20000)", "session.sleep(2000)"),
        "has heard nothing",
        {"words": ["7"], "quiet": 10.0},
    ),
    Case(
        "an answer that is taken for the one before",
        """
        def handler(session, args):
            session.answer()
            first = session.getDigits(1, "", 3000)
            if first == "1":
                second = session.getDigits(1, "", 3000)
                answer = {"1": "yes", "2": "no"}.get(second)
            if first: session.setVariable("answer", answer or "")
        """,
        ("    first = ", '    answer = ""\n    first = '),
        "UnboundLocalError",
        {"words": ["1"]},
    ),
]
