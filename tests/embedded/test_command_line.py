"""`python -m pocket`: call, shell; and the ladder that it draws."""

from __future__ import annotations

import html
import os
import pty
import re
import select
import subprocess
import sys
import time
from pathlib import Path
from xml.etree import ElementTree

import pytest

import pocket
from pocket import ladder
from pocket._transcript import Entry, Transcript

SVG = "{http://www.w3.org/2000/svg}"
# Real seconds: a process has to start.
DEADLINE = 60.0

IVR = """
def handler(session, args):
    session.answer()
    digit = session.playAndGetDigits(1, 1, 1, 4000, "#", "silence_stream://3000", "", "[12]")
    print("pressed", digit, args)
    if digit == "1":
        session.execute("set", "hangup_after_bridge=true")
        session.execute("bridge", "{pocket_answer_after=2,pocket_press='3:8',pocket_hangup_after=6}pocket/far")
    else:
        raise LookupError("<nobody> is there")
"""


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "scripts" / "ivr.py"
    path.parent.mkdir()
    path.write_text(IVR, encoding="utf-8")
    return path


def run(*words: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pocket", *map(str, words)]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=DEADLINE)


def test_a_call(script: Path, tmp_path: Path) -> None:
    page = tmp_path / "call.html"
    done = run(
        "call", script, "--args", "a b", "--dial", "5000", "--press", "1.5:1", "--hangup-after", "60", "--html", page
    )
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert "   1.500  digit 1" in lines
    assert "[INFO] pressed 1 a b" in lines
    assert "--- pocket/far" in lines
    assert "state" not in done.stdout
    drawing = parsed(page.read_text(encoding="utf-8"))
    assert drawing.lanes == ["caller", "script", "pocket/far"]
    assert drawing.row_at("1.500", "digit 1")
    assert drawing.row_at("3.500", "answered")
    # Who answers is who was called: the script its caller, the far phone the script.
    assert drawing.arrow("answered") == ("script", "caller")
    assert drawing.arrow("answered", 1) == ("pocket/far", "script")
    assert drawing.arrow("digit 1") == ("caller", "script")


def test_a_script_that_fails(script: Path, tmp_path: Path) -> None:
    page = tmp_path / "call.html"
    done = run("call", script, "--press", "1:2", "--html", page)
    assert done.returncode == 1
    assert "LookupError: <nobody> is there" in done.stdout
    line = IVR.splitlines().index('        raise LookupError("<nobody> is there")') + 1
    text = page.read_text(encoding="utf-8")
    assert parsed(text).row_at("1.000", f"ivr.py:{line} LookupError: <nobody> is there")
    assert f'ivr.py", line {line}, in handler' in html.unescape(text)


def test_a_call_that_does_not_end_says_where_its_script_stands(tmp_path: Path) -> None:
    script = tmp_path / "stays.py"
    script.write_text("def handler(session, args):\n    session.answer()\n    session.sleep(10**6)\n", encoding="utf-8")
    done = run("call", script, "--timeout", "5")
    assert done.returncode == 1
    assert re.search(r"was not over after 5 s.*stays::handler at .*stays\.py:3 in handler, waits in sleep", done.stderr)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["call", "no_such.py"], "there is no script no_such.py"),
        (["call"], "name a script, or a --dialplan"),
        (["call", "x.py", "--press", "1"], "'1' must be seconds, a colon and digits"),
        (["call", "x.py", "--press=-1:2"], "'-1:2' must be seconds, a colon and digits"),
        (["call", "x.py", "--variable", "a"], "'a' must be name=value"),
        (["call", "x.py", "--missing-sounds", "long"], "'long' is not a number of seconds"),
        (["call", "x.py", "--phone", "user/1 answers=3"], "a phone has no 'answers=3'; it has busy"),
        (["call", "x.py", "--phone", "user/1 busy=1"], "a phone has no 'busy=1'"),
        (["call", __file__, "--phone", "1001"], "call: '1001' is no address of a dial string"),
        (["shell", "--phone", "1001"], "shell: '1001' is no address of a dial string"),
        (["call", __file__, "--press", "1:x"], "call: press: 'x' is no text of digits"),
        (["call", __file__, "--hangup-after", "inf"], "call: hangup_after: inf is longer than a switch runs"),
        (["call", __file__, "--hangup-after=-1"], "call: hangup_after: -1.0 lies in the past"),
        (["call", __file__, "--timeout=-1"], "call: --timeout: -1.0 lies in the past"),
        (["call", __file__, "--timeout", "nan"], "call: --timeout: nan is not a number"),
        (["call", __file__, "--says", "3:yes,4:"], "'4:' must be seconds, a colon and digits or words"),
        (["call", sys.executable], f"call: {sys.executable} is no script: its name does not end in .py"),
        (["call", __file__, "--scripts", "/usr"], f"call: {__file__} does not lie in the folder of the scripts, /usr"),
        (
            ["call", __file__, "--html", "/no/such/call.html"],
            "call: --html /no/such/call.html: there is no folder /no/such",
        ),
        (["call", __file__, "--html", "/tmp"], "call: --html /tmp: that is a folder; name a file in it"),
        (["call", __file__, "--html", "/proc/call.html"], "call: --html /proc/call.html: No such file or directory"),
        (["call", "--dialplan", sys.executable], f"call: dialplan={sys.executable}: not text in UTF-8"),
        (["call", __file__, "--conf", "/no/such"], "call: there is no folder /no/such"),
        (["call", __file__, "--dialplan", "/no/such.xml"], "call: [Errno 2] No such file or directory: '/no/such.xml'"),
        (["call", "--dialplan", __file__], f"call: dialplan={__file__}: the XML is faulty"),
        (["shell", "--scripts", "/no/such"], "shell: there is no folder /no/such"),
        (["shell", "--dialplan", "/no/such.xml"], "shell: [Errno 2] No such file or directory: '/no/such.xml'"),
        (["shell", "--dialplan", __file__], f"shell: dialplan={__file__}: the XML is faulty"),
        ([], "required: COMMAND"),
    ],
)
def test_what_makes_no_sense(words: list[str], told: str) -> None:
    done = run(*words)
    assert done.returncode == 2
    assert told in done.stderr
    assert "Traceback" not in done.stderr


def test_a_script_in_a_folder_of_the_scripts_folder(tmp_path: Path) -> None:
    script = tmp_path / "scripts" / "sales" / "day-time" / "ivr.py"
    script.parent.mkdir(parents=True)
    script.write_text("def second(session, args):\n    print('second', args)\n", encoding="utf-8")
    done = run("call", f"{script}::second", "--args", "some", "--scripts", tmp_path / "scripts")
    assert "[INFO] second some" in done.stdout
    assert done.returncode == 0


@pytest.mark.parametrize("name", ["my ivr.py", "ivr.1.py", "my dir/ivr.py"])
def test_a_script_that_a_dialplan_cannot_name(tmp_path: Path, name: str) -> None:
    script = tmp_path / name
    script.parent.mkdir(exist_ok=True)
    script.write_text("def handler(session, args): pass\n", encoding="utf-8")
    done = run("call", script, "--scripts", tmp_path)
    assert done.returncode == 2
    assert "a dialplan cannot name it: neither a script nor its folders may have a space or a dot" in done.stderr


def test_words_with_commas(tmp_path: Path) -> None:
    script = tmp_path / "hears.py"
    script.write_text(HEARS, encoding="utf-8")
    done = run("call", script, "--says", "1:yes, at 5, please,4:no", "--hangup-after", "9")
    said = [line.split(None, 2)[2] for line in done.stdout.splitlines() if " heard " in line]
    assert said == ["yes, at 5, please", "no"]


def test_a_function_of_a_script_and_a_dialplan(tmp_path: Path) -> None:
    (tmp_path / "two.py").write_text("def second(session, args):\n    print('second', args)\n", encoding="utf-8")
    assert "[INFO] second" in run("call", f"{tmp_path / 'two.py'}::second").stdout
    (tmp_path / "plan.xml").write_text(
        '<extension name="x"><condition field="destination_number" expression="^42$">'
        '<action application="python" data="two::second by dialplan"/></condition></extension>'
    )
    done = run("call", "--dialplan", tmp_path / "plan.xml", "--scripts", tmp_path, "--dial", "42")
    assert "[INFO] second by dialplan" in done.stdout


HEARS = """
def handler(session, args):
    session.answer()
    session.sleep(20000)
"""

DIALS = """
def handler(session, args):
    session.answer()
    session.streamFile("menu.wav")
    session.execute("bridge", "user/1001")
"""


def test_sounds_and_phones(tmp_path: Path) -> None:
    (tmp_path / "dials.py").write_text(DIALS, encoding="utf-8")
    done = run("call", tmp_path / "dials.py")
    assert "played menu.wav: file not found" in done.stdout
    assert "SUBSCRIBER_ABSENT" in done.stdout
    does = "answers_after=2 hangs_up_after=6 press=3:8"
    done = run("call", tmp_path / "dials.py", "--missing-sounds", "2", "--phone", f"user/* {does}")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert "   2.000  played menu.wav for 2.00 s: end of file" in lines
    assert "   5.000  digit 8" in lines
    assert "   8.000  hung up by the far end: NORMAL_CLEARING" in lines


class Terminal:
    """`python -m pocket shell` in a terminal."""

    def __init__(self, folder: Path) -> None:
        self.screen = ""
        self.pid, self.descriptor = pty.fork()
        if self.pid == 0:
            os.environ["TERM"] = "dumb"
            os.execv(sys.executable, [sys.executable, "-m", "pocket", "shell", "--scripts", str(folder)])

    def type(self, text: str) -> None:
        os.write(self.descriptor, text.encode())

    def wait(self, pattern: str) -> re.Match[str]:
        """Wait for what the screen shows; what came before it is gone."""
        end = time.monotonic() + DEADLINE
        while not (found := re.search(pattern, self.screen)):
            ready, _, _ = select.select([self.descriptor], [], [], max(0.0, end - time.monotonic()))
            assert ready, f"no {pattern!r} on the screen:\n{self.screen}"
            try:
                self.screen += os.read(self.descriptor, 4096).decode()
            except OSError:
                raise AssertionError(f"no {pattern!r} on the screen before its end:\n{self.screen}") from None
        self.screen = self.screen[found.end() :]
        return found

    def end(self) -> int:
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def test_the_shell(script: Path) -> None:
    terminal = Terminal(script.parent)
    terminal.wait("pocket> ")
    terminal.type("call iv\t\n")
    uuid = terminal.wait(r"\+OK (\S+)")[1]
    terminal.type("press 1\n")
    terminal.wait(r"\[INFO\] pressed 1")
    terminal.type("show channels\n")
    terminal.wait(rf"{uuid},inbound")
    terminal.type(f"uuid_getvar {uuid[:6]}\t hangup_after_bridge\n")
    terminal.wait(r"\r\n_undef_|\r\ntrue")
    terminal.type("hangup USER_BUSY\n")
    terminal.wait(r"\+OK")
    terminal.type("originate pocket/far &park()\n")
    far = terminal.wait(r"\+OK (\S+)")[1]
    terminal.type(f"hangup {far}\ntranscript {uuid}\n")
    terminal.wait("hung up by the far end: USER_BUSY")
    # What the switch has placed itself is meant where the own calls are over.
    terminal.type("originate pocket/far &park()\n")
    far = terminal.wait(r"\+OK (\S+)")[1]
    terminal.type("press 5\ntranscript\n")
    terminal.wait("digit 5")
    terminal.type("hangup NO_ANSWER\n")
    terminal.wait(r"\+OK")
    terminal.type(f"transcript {far}\nsays\nsleep long\ncall ivr hangup-after=soon\n")
    terminal.wait("-USAGE: says WORDS")
    terminal.wait("-ERR 'long' is not a number of seconds")
    terminal.wait("-ERR 'soon' is not a number of seconds")
    terminal.type("phone\nphone user/7 never\nphone user/8 loud\n")
    terminal.wait(r"-USAGE: phone ADDRESS")
    terminal.wait(r"\+OK")
    terminal.wait("-ERR a phone has no 'loud'")
    terminal.type("press\nno_such_command\nquit\n")
    terminal.wait("-USAGE: press DIGITS")
    terminal.wait("-ERR no_such_command Command not found!")
    assert terminal.end() == 0


# The drawing


class Drawing:
    """The drawing of a page, read as a browser does."""

    def __init__(self, svg: ElementTree.Element) -> None:
        texts = [(text.get("class"), float(text.get("y", "0")), text) for text in svg.iter(f"{SVG}text")]
        self.lanes = [full(text) for kind, _, text in texts if kind == "head mid"]
        self._times = {y: text.text for kind, y, text in texts if kind == "time"}
        self._told = [(y, full(text)) for kind, y, text in texts if kind not in {"time", "head mid"}]
        paths = [re.fullmatch(r"M(\d+) (\d+)H(\d+)", path.get("d", "")) for path in svg.iter(f"{SVG}path")]
        self._arrows = {float(found[2]): (int(found[1]), int(found[3])) for found in paths if found}

    @property
    def rows(self) -> list[str]:
        """What is told, from the top down."""
        return [told for _, told in sorted(self._told)]

    def row_at(self, moment: str, text: str) -> bool:
        """Whether this is told in a row of that time."""
        rows = [y for y, time in self._times.items() if time == moment]
        return any(text == told and any(abs(y - row) < 10 for row in rows) for y, told in self._told)

    def arrow(self, text: str, which: int = 0) -> tuple[str, str]:
        """From which lane to which one an arrow with that text goes, the first one or a later one."""
        below = [y + 5 for y, told in sorted(self._told) if told == text and y + 5 in self._arrows]
        places = sorted({x for arrow in self._arrows.values() for x in arrow})
        one, other = self._arrows[below[which]]
        return self.lanes[places.index(one)], self.lanes[places.index(other)]


def full(text: ElementTree.Element) -> str:
    title = text.find(f"{SVG}title")
    assert title is not None
    return title.text or ""


def parsed(page: str) -> Drawing:
    svg = page[page.index("<svg") : page.index("</svg>") + 6].replace(
        "<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1
    )
    return Drawing(ElementTree.fromstring(svg))


def test_every_entry_of_a_transcript_has_its_row(script: Path) -> None:
    with pocket.Switch(scripts=script.parent) as switch:
        call = switch.run(
            "python", "ivr", press=[(1.0, "2")], variables={"odd": b"caf\xe9".decode("utf-8", "surrogateescape")}
        )
        page = ladder.page(switch, call)
    drawing = parsed(page)
    begin = call.transcript[0].time
    for entry in call.transcript:
        if entry.kind not in {"state", "plays", "played", "created"}:
            assert drawing.row_at(f"{entry.time - begin:.3f}", entry.describe()), entry
    (played,) = call.transcript.of_kind("played")
    assert drawing.row_at("0.000", played.describe())
    page.encode("utf-8")


def test_what_happens_on_two_legs_at_one_time_stands_in_its_order() -> None:
    caller = Transcript(
        [
            Entry(0.0, "created", "pocket/1000"),
            Entry(2.0, "bridged", "user/1001"),
            Entry(5.0, "hung up", "NORMAL_CLEARING", {"by": "switch"}),
        ]
    )
    agent = Transcript(
        [
            Entry(1.0, "created", "user/1001"),
            Entry(2.0, "answered", ""),
            Entry(2.0, "bridged", "pocket/1000"),
            Entry(5.0, "hung up", "NORMAL_CLEARING", {"by": "far end"}),
        ]
    )
    fault = ladder.Fault(5.0, "KeyError: 'x'", "ivr.py:6", "")
    assert parsed(ladder.draw([("pocket/1000", caller), ("user/1001", agent)], [fault])).rows == [
        "calls pocket/1000",
        "calls user/1001",
        "answered",
        "bridged user/1001",
        "bridged pocket/1000 (leg 1)",
        "hung up by the far end: NORMAL_CLEARING",
        "ivr.py:6 KeyError: 'x'",
        "hung up by the switch: NORMAL_CLEARING",
    ]
