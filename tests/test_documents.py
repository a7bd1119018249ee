"""The documents hold: their blocks run on pocket, their links lead somewhere, llms.txt is in step.

A block of Python, XML, SQL or INI with a title is a file of that name, in a folder that the page has for itself; the
tests among them are run there by pytest. Python without a title is compiled alone: it is a part of something. One that
needs more than pocket stands behind the comment `<!-- not run: why -->`, and is compiled, too.
"""

from __future__ import annotations

import ast
import re
import shlex
import sqlite3
import subprocess
import sys
import wave
from collections.abc import Iterable, Iterator
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from xml.etree import ElementTree

import pytest
from sybil import Document, Region
from sybil.parsers.markdown.lexers import RawFencedCodeBlockLexer

import llms
from hosts.base import CallResult, Host
from support.nats import Nats, needs_nats
from support.workers import Worker, on_bus

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
WORDS = sorted([*PAGES, *ROOT.glob("*.md")])
TITLED = {"python", "xml", "sql", "ini"}
LEXER = RawFencedCodeBlockLexer(re.compile(r'(?P<language>\w*)(?: title="(?P<title>[^"]+)")?[^\n]*\n'))
NOT_RUN = re.compile(r"<!-- not run: [^\n]+ -->\s*\Z")
LINK = re.compile(r"(?<!!)\[[^]]*\]\(([^)\s]+)\)")
TIMEOUT = 120  # seconds, for all tests of a page on a machine that is busy


def blocks(page: Path) -> Iterator[tuple[Region, int, bool]]:
    """The blocks of a page, the lines that they begin at, and whether they are run."""
    document = Document(page.read_text(encoding="utf-8"), str(page))
    for region in LEXER(document):
        before = document.text[: region.start]
        yield region, before.count("\n") + 1, NOT_RUN.search(before) is None


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_the_blocks_are_well_formed(page: Path) -> None:
    for region, line, _ in blocks(page):
        source, where = str(region.lexemes["source"]), f"{name(page)}:{line}"
        if region.lexemes["language"] == "python":
            compile(source, where, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        elif region.lexemes["language"] == "xml":
            try:
                ElementTree.fromstring(f"<page>{source}</page>")
            except ElementTree.ParseError as error:
                pytest.fail(f"{where}: {error}")


def with_tests() -> list[Path]:
    return [page for page in PAGES if any(is_test(region) for region, _, run in blocks(page) if run)]


def is_test(region: Region) -> bool:
    return Path(region.lexemes["title"] or "").name.startswith("test_")


@pytest.mark.parametrize("page", with_tests(), ids=name)
def test_the_blocks_run(page: Path, tmp_path: Path) -> None:
    tests = 0
    for region, line, run in blocks(page):
        title = region.lexemes["title"]
        if not title or not run or region.lexemes["language"] not in TITLED:
            continue
        file = tmp_path / title
        assert file.resolve().is_relative_to(tmp_path.resolve()), f"{name(page)}:{line}: {title} leads away"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(str(region.lexemes["source"]), encoding="utf-8")
        tests += is_test(region)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "--rootdir",
        str(tmp_path),
        str(tmp_path),
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=TIMEOUT, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    passed = re.search(r"^(\d+) passed", done.stdout, re.MULTILINE)
    assert passed, done.stdout
    assert int(passed[1]) >= tests


def commands_of(page: Path, program: str) -> list[str]:
    """The lines of its blocks that call a program."""
    sources = (str(region.lexemes["source"]) for region, _, _ in blocks(page))
    found = [line for source in sources for line in source.splitlines() if line.startswith(f"{program} ")]
    assert found
    return found


def test_the_dialers_commands_run(tmp_path: Path) -> None:
    for line in commands_of(DOCS / "dialer.md", "freeswitch-apps"):
        if " HOST " in line:
            continue
        words = shlex.split(line, comments=True)[1:]
        command = [sys.executable, "-m", "freeswitch.apps", *words]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=TIMEOUT, check=False)
        if "--png" in words and find_spec("matplotlib") is None:
            assert "PNG needs matplotlib" in done.stderr
        else:
            assert done.returncode == 0, done.stderr
    assert (tmp_path / "run1" / "report.html").exists()


def test_the_dialers_commands_on_the_switch(host: Host, tmp_path: Path) -> None:
    for line in commands_of(DOCS / "dialer.md", "pydial"):
        said = host.api(line.replace("/tmp/run1", str(tmp_path)))
        assert said.startswith(("+OK", "state: ")), f"{line}: {said}"
    # The next one closes the results of this one.
    again = "pydial start error/USER_BUSY --max-offered 1"
    host.wait_for(lambda: host.api(again).startswith("+OK") or None, what="the end of its calls")
    host.wait_for(lambda: '"STOPPED"' in host.api("pydial status json") or None, what="the end of the next one")
    host.api("pydial hupall")


def files_of(page: Path) -> dict[str, str]:
    """What the titled blocks of a page say."""
    return {region.lexemes["title"]: str(region.lexemes["source"]) for region, _, _ in blocks(page)}


def make_sounds(host: Host, sounds: Iterable[str]) -> None:
    """A fifth of a second of silence for each, in the folder that `press_at` names as `sound_prefix`."""
    for sound in sounds:
        path = host.folder / "sounds" / sound
        path.parent.mkdir(parents=True, exist_ok=True)
        with wave.open(str(path), "wb") as wav:
            wav.setparams((1, 2, 8000, 0, "NONE", ""))
            wav.writeframes(bytes(3200))


def press_at(host: Host, extension: str, *presses: tuple[str, str]) -> CallResult:
    """Call an extension, and press what is said once each sound was played."""
    call = host.start_call(extension, variables={"sound_prefix": str(host.folder / "sounds")})
    for sound, digits in presses:
        path = str(host.folder / "sounds" / sound)
        host.wait_event("PLAYBACK_STOP", {"Unique-ID": call.uuid, "Playback-File-Path": path})
        call.press(digits)
    return call.wait()


@pytest.fixture
def ivr(host: Host, tmp_path: Path) -> Host:
    """A switch with the tutorial's IVR: its script, dialplan and database, sounds, and an agent who hangs up."""
    files = files_of(DOCS / "tutorial.md")
    host.script(files["scripts/ivr.py"], "ivr")
    host.dialplan(files["dialplan.xml"])
    make_sounds(host, re.findall(r'"(\w+/[\w-]+\.wav)"', files["scripts/ivr.py"]))
    database = tmp_path / "customers.db"
    agent = host.extension("answer", ("sleep", "1000"), "hangup")
    with closing(sqlite3.connect(database)) as db, db:
        db.executescript(files["schema.sql"])
        db.execute("update customers set agent = ?", [f"loopback/{agent}/default/xml"])
    host.api(f"global_setvar customers=sqlite://{database}")
    host.api(f"global_setvar recordings_dir={tmp_path}")
    return host


@needs_nats
def test_the_page_of_the_bus_brings_a_call_to_a_worker(served: Host, tmp_path: Path) -> None:
    files = files_of(DOCS / "cluster.md")
    program = tmp_path / "greet.py"
    program.write_text(files["greet.py"], encoding="utf-8")
    served.dialplan(files["dialplan/default/00_greet.xml"])
    bus, worker = Nats(tmp_path / "nats"), None
    try:
        on_bus(served, bus)
        worker = Worker(served, bus.url, program, out=tmp_path / "printed").up()
        call = served.start_call("5511")
        served.wait_event("PLAYBACK_STOP", {"Unique-ID": call.uuid})
        assert worker.name in served.api("pyps")
        call.press("1234")
        result = call.wait()
        assert (result.cause, result.variables.get("python_error")) == ("NORMAL_CLEARING", None)
        assert "wants sales, and pressed '1234'" in (tmp_path / "printed").read_text(encoding="utf-8")
    finally:
        if worker is not None:
            worker.end()
        bus.stop()


PIN, MENU = "ivr/ivr-please_enter_pin_followed_by_pound.wav", "ivr/ivr-sample_submenu.wav"


def test_the_ivr_of_the_tutorial_connects_the_agent(ivr: Host) -> None:
    result = press_at(ivr, "5500", (PIN, "1234#"), (MENU, "1"))
    assert (result.variables["customer"], result.cause) == ("Ann", "NORMAL_CLEARING")
    assert [event for event in result.events if event["Event-Name"] == "CHANNEL_BRIDGE"]


def test_the_ivr_of_the_tutorial_takes_a_message(ivr: Host, tmp_path: Path) -> None:
    result = press_at(ivr, "5500", (PIN, "1234#"), (MENU, "2"))
    assert result.cause == "NORMAL_CLEARING"
    with closing(sqlite3.connect(tmp_path / "customers.db")) as db, db:
        ((customer, file),) = db.execute("select customer, file from messages").fetchall()
    assert customer == "Ann"
    assert Path(file).exists()


@pytest.mark.freeswitch_only
@pytest.mark.parametrize("script", ["pin.lua", "pin.py"])
def test_the_script_in_lua_and_the_one_in_python_do_the_same(host: Host, script: str) -> None:
    (host.script_dir / script).write_text(files_of(DOCS / "mod_lua.md")[f"scripts/{script}"], encoding="utf-8")
    make_sounds(host, ["pin.wav", "wrong.wav"])
    with closing(sqlite3.connect(Path(host.api("global_getvar db_dir").strip(), "customers.db"))) as db, db:
        db.execute("create table if not exists customers (pin primary key, name)")
        db.execute("insert or replace into customers values ('1234', 'Ann')")
    application = ("lua", "pin.lua nobody") if script == "pin.lua" else ("python", "pin nobody")
    known = press_at(host, host.extension(application), ("pin.wav", "1234#"))
    assert known.variables["customer"] == "Ann"
    assert known.variables["originate_disposition"] == "SUBSCRIBER_ABSENT"
    unknown = host.start_call(host.extension(application), variables={"sound_prefix": str(host.folder / "sounds")})
    for attempt in range(1, 4):

        def asked(wanted: int = attempt) -> bool | None:
            return stops(host, unknown.uuid, "pin.wav") == wanted or None

        host.wait_for(asked, what="the prompt")
        unknown.press("9#")
    assert unknown.wait().cause == "CALL_REJECTED"


def stops(host: Host, uuid: str, sound: str) -> int:
    """How often a call has played a sound to its end."""
    return sum(
        event["Event-Name"] == "PLAYBACK_STOP"
        and event.get("Unique-ID") == uuid
        and event.get("Playback-File-Path", "").endswith(sound)
        for event in host.all_events()
    )


@pytest.mark.parametrize("page", WORDS, ids=name)
def test_links_lead_somewhere(page: Path) -> None:
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    lost = []
    for target in LINK.findall(re.sub(r"`[^`\n]*`", "", text)):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        if not file.exists() or (anchor and file.suffix == ".md" and anchor not in anchors(file)):
            lost.append(target)
        elif page.is_relative_to(DOCS) and not file.is_relative_to(DOCS):
            lost.append(f"{target} (not in the site)")
    assert not lost


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\s-]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


def test_llms_txt_is_in_step() -> None:
    said = (DOCS / "llms.txt").read_text(encoding="utf-8")
    assert said == llms.text(), "docs/llms.txt is not what the pages say: run tools/llms.py"
