"""Recorded calls: what crosses is written, and a replay without a switch does the same or says where it does not."""

from __future__ import annotations

import json
import re
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest

from freeswitch._recording import FORMAT
from hosts.base import Host
from support.recorded_scripts import COROUTINE, IVR
from support.recordings import Record, entries, recorder, replay

HEAD = f'{{"format":{FORMAT},"line":"x","async":false,"file":"x.py","time":0,"seed":0,"hash_seed":"random"}}\n'


@pytest.fixture
def record(host: Host, tmp_path: Path) -> Record:
    """Give what runs a script on a recorded call, does things on the way, and gives the recording."""
    return recorder(host, tmp_path / "recorded")


def ivr(record: Record, **options: Any) -> Path:
    return record(IVR, press=[(0.5, "7"), (1.0, "1"), (1.2, "2"), (1.4, "3")], hangup_after=2.0, **options)


def coroutine(record: Record) -> Path:
    return record(COROUTINE, press=[(0.5, "4"), (0.7, "5")], hangup_after=2.0)


def altered(file: Path, folder: Path, before: str, after: str) -> subprocess.CompletedProcess[str]:
    """Replay with a script that does something else."""
    script = Path(entries(file)[0]["file"])
    text = script.read_text()
    assert text.count(before) == 1
    folder.mkdir()
    (folder / script.name).write_text(text.replace(before, after))
    return replay(file, "--scripts", str(folder))


def test_a_plain_handler_is_played_back(record: Record) -> None:
    file = ivr(record)
    played = replay(file)
    assert (played.returncode, played.stderr) == (0, "")
    calls = [entry for entry in entries(file) if "call" in entry]
    assert played.stdout == f"identical: {len(calls)} calls of the switch\n"
    names = [entry["name"] for entry in calls]
    assert names[:3] == ["Session.answer", "Session.setHangupHook", "Session.setInputCallback"]
    assert {"API.execute", "uuid.uuid4", "Session.getDigits"} <= set(names)
    assert sum("callback" in entry for entry in entries(file)) == 2
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    # All clocks tell the recording's time: a day ago they agreed as well.
    head, _, rest = file.read_text().partition("\n")
    file.write_text(json.dumps({**json.loads(head), "time": json.loads(head)["time"] - 86400}) + "\n" + rest)
    assert replay(file).returncode == 0


def test_a_coroutine_is_played_back(record: Record) -> None:
    file = coroutine(record)
    played = replay(file)
    assert (played.returncode, played.stderr) == (0, "")
    names = [entry["name"] for entry in entries(file) if "call" in entry]
    assert {"events.once", "events.stream", "freeswitch.originate", "Session.setVariable"} <= set(names)
    assert any("lost" in entry for entry in entries(file))
    assert any("cancelled" in entry for entry in entries(file))


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        ('session.getDigits(3, "#", 20000)', 'session.getDigits(4, "#", 20000)', "getDigits(4, '#', 20000)"),
        ("random.randint(1, 10**6)", "random.randint(1, 10)", "setVariable('drawn'"),
        ("    session.unsetInputCallback()\n", "", "consoleLog('info', 'asks\\n')"),
        ('"eval", "pin', '"eval", "pins', "API.execute('eval', 'pins ${heard}')"),
        ('return "break"', 'return "continue"', "ends with 'continue'"),
        ('f"hook {what}', 'f"hooks {what}', "consoleLog('info', 'hooks hangup"),
        ("session.sleep(60000)", "pass", "the script ends"),
        ("len(pin) == 3", "len(pin) == 4", "the script calls"),
        ("    session.sleep(60000)", "    session.sleep(60000)\n    session.hangup()", "Session.hangup()"),
    ],
)
def test_a_plain_handler_that_was_altered_is_stopped(
    record: Record, tmp_path: Path, before: str, after: str, found: str
) -> None:
    file = ivr(record)
    played = altered(file, tmp_path / "altered", before, after)
    assert played.returncode == 1, played.stdout + played.stderr
    assert played.stderr.startswith("different: ")
    assert found in played.stderr


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        ("get_digits(2, timeout=20)", "get_digits(3, timeout=20)", "get_digits(3, timeout=20)"),
        ('setVariable("late", "yes")', 'setVariable("late", "no")', "setVariable('late', 'no')"),
        ("playing.cancel()", "pass", "events.once("),
        ("asyncio.sleep(0.1)", "asyncio.Event().wait()", "the script waits"),
        ('"error/USER_BUSY"', '"error/NO_ANSWER"', "originate('error/NO_ANSWER')"),
        ('setVariable("hooked", what)', 'setVariable("hooks", what)', "setVariable('hooks', 'hangup')"),
        ('setVariable("counted", event["DTMF-Digit"])', 'setVariable("counts", "1")', "setVariable('counts', '1')"),
        ("await session.answer()", "await session.pre_answer()", "pre_answer()"),
    ],
)
def test_a_coroutine_that_was_altered_is_stopped(
    record: Record, tmp_path: Path, before: str, after: str, found: str
) -> None:
    file = coroutine(record)
    if before == "playing.cancel()":
        # What plays goes on, and its end is not in the recording: the next call is.
        after = "await playing"
        found = "the script waits"
    played = altered(file, tmp_path / "altered", before, after)
    assert played.returncode == 1, played.stdout + played.stderr
    assert found in played.stderr


def test_the_first_difference_is_told_with_its_line(record: Record, tmp_path: Path) -> None:
    file = ivr(record)
    played = altered(file, tmp_path / "altered", "session.answer()", "session.preAnswer()")
    script = Path(entries(file)[0]["file"])
    number = 1 + script.read_text().splitlines().index("    session.answer()")
    place = f"{tmp_path / 'altered' / script.name}:{number}"
    assert played.stderr == (
        f"different: {place}: the script calls Session.preAnswer(); "
        f"the recording has Session.answer() here ({script.name}:{number})\n"
    )


def test_calls_that_a_handler_places_are_recorded_and_not_placed_again(record: Record, host: Host) -> None:
    away = host.extension(("answer", ""), ("sleep", "200"), ("hangup", "USER_BUSY"))
    file = record(
        f"""
        import freeswitch
        def handler(session, args):
            session.answer()
            other = freeswitch.Session("loopback/{away}/default/xml", session)
            if other.ready():
                freeswitch.bridge(session, other)
            session.setVariable("why", other.hangupCause())
            nobody = freeswitch.Session("error/SUBSCRIBER_ABSENT")
            session.setVariable("nobody", nobody.hangupCause())
        """
    )
    names = [entry["name"] for entry in entries(file) if "call" in entry]
    assert "freeswitch.bridge" in names
    answers = [entry.get("value") for entry in entries(file) if "result" in entry]
    assert "SUBSCRIBER_ABSENT" in answers
    assert replay(file).returncode == 0


def test_what_a_database_gave_is_recorded_and_it_is_not_opened_again(record: Record, tmp_path: Path) -> None:
    database = tmp_path / "calls.db"
    file = record(
        f"""
        import freeswitch
        def handler(session, args):
            with freeswitch.Dbh("sqlite://{database}") as db:
                db.execute("create table calls (uuid text)")
                db.execute("insert into calls values (?)", [session.uuid])
                for row in db.query("select * from calls"):
                    session.setVariable("row", row["uuid"])
        """
    )
    database.unlink()
    assert (replay(file).returncode, database.exists()) == (0, False)


@pytest.mark.parametrize("kind", ["def", "async def"])
def test_a_script_that_a_recorded_one_runs_is_no_recording_of_its_own(record: Record, host: Host, kind: str) -> None:
    inner = host.script("def handler(session, args): session.setVariable('inner', args)")
    broken = host.script("this is no Python")
    file = record(
        f"""
        {kind} handler(session, args):
            for name in ("{inner} deep", "{broken}"):
                done = session.execute("python", name)
                if done is not None and hasattr(done, "__await__"):
                    await_it = done
                    {"await await_it" if kind == "async def" else "pass"}
            session.setVariable("found", session.getVariable("inner") or "")
        """
    )
    assert len(list(file.parent.iterdir())) == 1
    assert any(entry.get("value") == "deep" for entry in entries(file))
    assert entries(file)[-1]["end"] is None
    assert replay(file).returncode == 0


def test_operators_cross_too(record: Record) -> None:
    file = record(
        """
        import freeswitch
        def handler(session, args):
            consumer = freeswitch.EventConsumer("CUSTOM", "my::own")
            event = freeswitch.Event("CUSTOM", "my::own")
            event["Said"] = "hello"
            event.fire()
            for found in consumer:
                session.setVariable("said", found["Said"])
                break
            with consumer:
                session.setVariable("left", str(len(consumer)))
            session.setVariable("sum", freeswitch.API()("eval ${uuid}"))
            try:
                with freeswitch.Session("error/USER_BUSY") as other:
                    other.answer()
            except freeswitch.OriginateError as error:
                session.setVariable("why", error.cause)
        """
    )
    names = {entry["name"] for entry in entries(file) if "call" in entry}
    assert {"API.__call__", "EventConsumer.__next__", "Session.__enter__", "Event.fire"} <= names
    played = replay(file)
    assert (played.returncode, played.stderr) == (0, "")


def test_tasks_wake_in_the_order_in_which_they_did(record: Record) -> None:
    file = record(
        """
        import asyncio
        async def early(session):
            await asyncio.sleep(0.12)
            session.setVariable("order", "early")
        async def late(session):
            sum(range(20_000_000))  # takes real time, of which a replay knows nothing
            await asyncio.sleep(0.05)
            session.setVariable("order", "late")
        async def handler(session, args):
            await session.answer()
            await asyncio.gather(early(session), late(session))
        """
    )
    played = replay(file)
    assert (played.returncode, played.stderr) == (0, "")


def test_commands_and_keys_of_a_coroutine_are_played_back(record: Record) -> None:
    file = record(
        """
        import freeswitch
        from freeswitch import kv
        async def handler(session, args):
            session.setVariable("id", await freeswitch.api("create_uuid"))
            await kv.put("calls.latest", {"uuid": session.uuid})
            session.setVariable("kept", (await kv.get("calls.latest"))["uuid"])
        """
    )
    names = {entry["name"] for entry in entries(file) if "call" in entry}
    assert {"freeswitch.api", "kv.put", "kv.get"} <= names
    played = replay(file)
    assert (played.returncode, played.stderr) == (0, "")


def test_what_is_not_recorded_makes_it_open(record: Record) -> None:
    file = record(
        """
        import os, pathlib, subprocess, threading
        def handler(session, args):
            subprocess.run(["true"])
            thread = threading.Thread(target=print)
            thread.start()
            thread.join()
            open("/dev/null").close()
            open(pathlib.Path("/dev/zero")).close()
            os.listdir("/dev/shm")
        """
    )
    played = replay(file)
    assert played.returncode == 3
    assert played.stdout == ""
    assert "program true" in played.stderr
    assert {"file /dev/null", "file /dev/zero", "file /dev/shm"} <= set(re.findall(r"file \S+", played.stderr))
    assert "thread" in played.stderr
    assert "open: 0 calls of the switch\n" in replay(file, "--anyway").stdout


def test_masked_digits_are_not_in_the_file(record: Record) -> None:
    file = ivr(record, wanted="masked")
    answers = {entry["result"]: entry for entry in entries(file) if "result" in entry}
    (asked,) = (entry["call"] for entry in entries(file) if entry.get("name") == "Session.getDigits")
    assert answers[asked]["value"] == "000"
    (called,) = (entry for entry in entries(file) if "callback" in entry and "dtmf" in str(entry))
    assert ["0", called["args"][2]["dtmf"][1]] == called["args"][2]["dtmf"]


def test_digits_of_events_are_masked_too(record: Record) -> None:
    file = record(
        """
        async def handler(session, args):
            await session.answer()
            first = await session.once("DTMF")
            async for second in session.stream("DTMF"):
                break
            await session.play("tone_stream://%(60000,0,440)", terminators="123456789")
        """,
        press=[(0.5, "7"), (1.0, "8"), (1.5, "9")],
        wanted="masked",
    )
    found = [entry["value"] for entry in entries(file) if isinstance(entry.get("value"), dict)]
    pressed = [dict(each["event"][0])["DTMF-Digit"] for each in found if "event" in each]
    assert pressed == ["0", "0"]
    plays = [entry["call"] for entry in entries(file) if entry.get("name") == "AsyncSession.play"]
    (ended,) = (entry["value"] for entry in entries(file) if entry.get("result") in plays)
    assert ended == "0"


@pytest.mark.pocket_only
def test_a_recording_names_no_more_than_exceptions(record: Record, tmp_path: Path) -> None:
    file = record("def handler(session, args): session.answer()")
    lines = file.read_text().splitlines()
    at = next(number for number, line in enumerate(lines) if line.startswith('{"result"'))
    error = {"type": "os:mkdir", "args": [str(tmp_path / "made")], "with": {}}
    lines[at] = json.dumps({"result": 1, "error": error, "at": 0.0})
    forged = tmp_path / "forged.jsonl"
    forged.write_text("\n".join(lines))
    replay(forged)
    assert not (tmp_path / "made").exists()


@pytest.mark.usefixtures("record")
def test_calls_that_nobody_chose_are_not_recorded(host: Host, tmp_path: Path) -> None:
    name = host.script("def handler(session, args): print('ran')")
    host.call(("python", name))
    host.wait_log("^ran$")
    assert list((tmp_path / "recorded").iterdir()) == []


@pytest.mark.usefixtures("record")
def test_a_choice_that_is_none_is_said(host: Host, tmp_path: Path) -> None:
    name = host.script("def handler(session, args): print('ran')")
    host.call(("set", "python_record=mask"), ("python", name))
    host.wait_log("MR0026 .* is not recorded: python_record is 'mask', and not true, masked or false")
    host.wait_log("^ran$")
    host.call(("set", "python_record=false"), ("python", name))
    host.wait_log("^ran$")
    assert list((tmp_path / "recorded").iterdir()) == []


def test_log_lines_keep_their_place_while_calls_are_recorded(record: Record, host: Host) -> None:
    file = record("""
        import freeswitch
        def handler(session, args):
            freeswitch.consoleLog("info", "from here\\n")
            session.consoleLog("info", "and here\\n")
        """)
    script = Path(entries(file)[0]["file"])
    first, second = host.wait_log("^from here"), host.wait_log("^and here")
    assert [Path(line.file).name for line in (first, second)] == [script.name] * 2
    assert (first.line, second.line) == (4, 5)


def test_a_handler_that_fails_does_so_again(record: Record) -> None:
    file = record(
        """
        def handler(session, args):
            session.answer()
            raise LookupError("mine")
        """
    )
    assert "LookupError: mine" in entries(file)[-1]["end"]
    assert replay(file).returncode == 0


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "its first line"),
        ("[]", "its first line"),
        ("{", "is no recording"),
        ('{"format":99}', "has format 99"),
        (f'{{"format":{FORMAT}}}', "its first line has no 'line'"),
        (f"{HEAD}5\n", "x.jsonl:2 is no line of a recording: '5'"),
        (f'{HEAD}{{"open":"file"}}\n', "x.jsonl:2 is no line"),
        (HEAD.replace('"line":"x"', '"line":5'), "its first line has 5 as 'line'"),
        (HEAD.replace('"file":"x.py"', '"file":5'), "its first line has 5 as 'file'"),
        (HEAD.replace('"time":0', '"time":1e300'), "its first line has 1e+300 as 'time'"),
        (HEAD.replace('"seed":0', '"seed":[1]'), "its first line has [1] as 'seed'"),
        (HEAD.replace('"random"', '"some"'), "its first line has 'some' as 'hash_seed'"),
        (HEAD.replace('"random"', '"4294967296"'), "its first line has '4294967296' as 'hash_seed'"),
        (HEAD.replace('"line":"x"', '"line":"os::getcwd"'), "'os' is of the standard library"),
        (HEAD.replace('"line":"x"', '"line":"..x"'), "'..x' is no script's name"),
        (f"{HEAD}{'[' * 100_000}\n", "x.jsonl:2 is no line"),
        (f'{HEAD}{{"call":1,"name":"x","args":5,"line":"","at":0}}\n', "x.jsonl:2 is no line"),
        (f'{HEAD}{{"session":[],"uuid":"x"}}\n', "x.jsonl:2 is no line"),
        (f'{HEAD}{{"result":1,"value":1,"at":"x"}}\n', "x.jsonl:2 is no line"),
        (f'{HEAD}{{"result":1,"value":1,"at":NaN}}\n', "x.jsonl:2 is no line"),
        (f'{HEAD}{{"result":1,"at":0}}\n', "x.jsonl:2 is no line"),
        (f'{HEAD}{{"result":1,"value":{{"no":1}},"at":0}}\n', "x.jsonl:2 is no line"),
        (f'{HEAD}{{"result":1,"value":{{"bytes":"zz"}},"at":0}}\n', "x.jsonl:2 is no line"),
        (f'{HEAD}{{"result":1,"value":{{"event":[1,2]}},"at":0}}\n', "x.jsonl:2 is no line"),
        (f'{HEAD}{{"result":1,"error":{{"type":5,"args":[],"with":{{}}}},"at":0}}\n', "x.jsonl:2 is no line"),
        (f'{HEAD}{{"callback":9,"args":[],"at":0}}\n', "x.jsonl:2 calls back what no call has given: 9"),
    ],
)
@pytest.mark.pocket_only
def test_what_is_no_recording_is_refused(tmp_path: Path, text: str, why: str) -> None:
    file = tmp_path / "x.jsonl"
    file.write_text(text)
    played = replay(file)
    assert played.returncode == 2
    assert why in played.stderr
    assert not re.search("Traceback", played.stderr)


def test_a_recording_that_is_cut_is_played_as_far_as_it_goes(record: Record, tmp_path: Path) -> None:
    file = ivr(record)
    lines = file.read_text().splitlines()
    cut = tmp_path / "cut.jsonl"
    cut.write_text("\n".join(lines[:-4]) + "\n")
    played = replay(cut)
    assert (played.returncode, played.stderr) == (0, "")
    assert played.stdout.endswith(" calls of the switch, as far as the recording goes\n")
    # The switch has died in the middle of a line.
    cut.write_text("\n".join(lines[:-4]) + "\n" + lines[-4][:20])
    assert replay(cut).stdout == played.stdout


@pytest.mark.pocket_only
@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("def handler(session, args)\n", "{}:1: the script does not load: SyntaxError"),
        ("\nraise ValueError('mine')\n", "{}:2: the script does not load: ValueError: mine"),
        ("other = 1\n", "{}:1: the script has no function 'handler'"),
        ("\nasync def handler(session, args): pass\n", "{}:2: handler was a plain function when it was recorded"),
        ("def handler(session, args):\n    1 / 0\n", "{}:2: the script ends with ZeroDivisionError"),
        ("\ndef handler(session, args): pass\n", "{}:2: the script ends; the recording has Session.answer()"),
    ],
)
def test_a_script_that_cannot_be_played_is_told_in_one_line(
    record: Record, tmp_path: Path, text: str, said: str
) -> None:
    file = record("def handler(session, args): session.answer()")
    script = Path(entries(file)[0]["file"])
    (tmp_path / script.name).write_text(text)
    played = replay(file, "--scripts", str(tmp_path))
    assert (played.returncode, played.stderr.count("\n")) == (1, 1), played.stderr
    assert said.format(f"different: {tmp_path / script.name}") in played.stderr


@pytest.mark.pocket_only
def test_what_a_script_imports_and_is_not_here_is_named(record: Record, tmp_path: Path) -> None:
    file = record("def handler(session, args): session.answer()")
    script = Path(entries(file)[0]["file"])
    (tmp_path / script.name).write_text("import no_such_thing\n")
    played = replay(file, "--scripts", str(tmp_path))
    assert played.returncode == 2
    assert (
        played.stderr == f"replay: {tmp_path / script.name}:1: No module named 'no_such_thing'; install it here, too\n"
    )


def test_a_coroutine_that_waits_elsewhere_is_told_with_its_line(record: Record, tmp_path: Path) -> None:
    file = coroutine(record)
    played = altered(file, tmp_path / "altered", "asyncio.sleep(0.1)", "asyncio.Event().wait()")
    script = Path(entries(file)[0]["file"])
    number = 1 + next(at for at, line in enumerate(script.read_text().splitlines()) if "asyncio.sleep(0.1)" in line)
    assert played.stderr.startswith(f"different: {tmp_path / 'altered' / script.name}:{number}: the script waits")
