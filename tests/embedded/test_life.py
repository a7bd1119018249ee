"""Opening and closing, and what is left behind."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

import pocket

Open = Callable[..., pocket.Switch]

PARK = '<action application="answer"/><action application="park"/>'


def tasks() -> int:
    return len(list(Path("/proc/self/task").iterdir()))


def run_python(code: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-X", "faulthandler", "-c", dedent(code)],
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


def test_a_second_switch_is_refused_and_a_later_one_is_clean(switch_with: Open) -> None:
    first = switch_with()
    first.api("global_setvar kept=yes")
    with pytest.raises(RuntimeError, match="another switch is open"):
        pocket.Switch().open()
    first.close()
    second = switch_with()
    assert second.api("global_getvar kept") == "-ERR no reply\n"
    assert second.time < 1


def test_a_closed_switch_says_so(switch_with: Open) -> None:
    switch = switch_with()
    switch.close()
    switch.close()
    with pytest.raises(RuntimeError, match="not open"):
        switch.api("status")


def test_what_is_wrong_with_the_arguments_is_told(tmp_path: Path) -> None:
    with pytest.raises(NotADirectoryError):
        pocket.Switch(scripts=tmp_path / "none").open()
    with pytest.raises(RuntimeError, match="module mod_none could not be loaded"):
        pocket.Switch(modules=["mod_none"]).open()
    pocket.Switch().open().close()


def test_closing_hangs_up_and_leaves_no_thread_and_no_folder(
    switch_with: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = tasks()
    # Other programs on the machine have switches, too.
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    switch = switch_with(five=PARK, modules=())
    calls = [switch.start_call("5") for _ in range(10)]
    switch.sleep(1)
    assert list((tmp_path / "temporary").iterdir())
    assert tasks() > before + 10
    switch.close()
    assert {call.cause for call in calls} == {"SYSTEM_SHUTDOWN"}
    assert tasks() <= before  # one of an earlier switch may have ended meanwhile
    assert list((tmp_path / "temporary").iterdir()) == []


def test_a_thousand_calls_leave_no_memory(switch_with: Open, name: str) -> None:
    switch = switch_with(
        script="""
        def handler(session, args):
            session.answer()
            session.setVariable("a", "b" * 10000)
            session.streamFile("silence_stream://200")
        """
    )

    def resident() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def calls(count: int) -> None:
        for _ in range(count):
            switch.run("python", name)
        switch.log.clear()

    switch.api("fsctl loglevel err")
    calls(300)
    before = resident()
    calls(1000)
    assert resident() - before < 8 << 20
    assert not switch.channels()


def test_an_interpreter_that_ends_with_a_switch_open_ends_well() -> None:
    run = run_python("""
        import pocket, threading
        switch = pocket.Switch(dialplan='''<extension name="x"><condition><action application="answer"/>
            <action application="park"/></condition></extension>''').open()
        call = switch.start_call("1")
        switch.sleep(1)
        print(call.state)
    """)
    assert (run.returncode, run.stdout, run.stderr) == (0, "CS_EXECUTE\n", "")


def test_the_import_is_refused_where_a_real_core_is(tmp_path: Path) -> None:
    compiler = shutil.which("cc")
    assert compiler, "the module's own build needs cc, too"
    core = tmp_path / "core.so"
    source = tmp_path / "core.c"
    source.write_text("int switch_core_running(void) { return 1; }\n", encoding="utf-8")
    subprocess.run([compiler, "-shared", "-fPIC", "-o", str(core), str(source)], check=True)
    run = run_python("import pocket", LD_PRELOAD=str(core))
    assert run.returncode == 1
    assert run.stderr.splitlines()[-1].startswith("ImportError: pocket cannot be imported inside FreeSWITCH")


def test_either_package_can_be_imported_first() -> None:
    run = run_python("import freeswitch, pocket; print(freeswitch.Session.__name__)")
    assert (run.returncode, run.stdout) == (0, "Session\n")


def test_a_thousand_switches_keep_no_memory_and_no_stacks() -> None:
    # A thread of a call that ends while its switch closes leaves a thread state and a stack of 8 MiB behind.
    done = run_python(
        """
        import json, pathlib, pocket, tempfile

        scripts = pathlib.Path(tempfile.mkdtemp())
        (scripts / "hello.py").write_text("def handler(session, args):\\n    session.answer()\\n")

        def look(calls):
            for _ in range(calls):
                with pocket.Switch(scripts=scripts) as switch:
                    switch.run("python", "hello")
                    stacks = json.loads(switch.api("pystat json"))
            resident = int(pathlib.Path("/proc/self/statm").read_text().split()[1]) * 4096
            return resident, stacks["stacks_in_use"] + stacks["stacks_spare"]

        look(100)
        before, _ = look(1)
        after, stacks = look(1000)
        print(json.dumps([after - before, stacks]))
        """
    )
    assert done.returncode == 0, done.stderr
    grown, stacks = json.loads(done.stdout)
    assert stacks <= 10, f"{stacks} stacks of 8 MiB"
    assert grown < 2 << 20, f"{grown / 1000} bytes for each switch"


def test_long_texts_of_many_calls_are_not_kept() -> None:
    # Each call has a line of the log, a variable, an event and an application's data of 1 MB.
    done = run_python(
        """
        import json, pathlib, pocket, tempfile

        scripts = pathlib.Path(tempfile.mkdtemp())
        (scripts / "long.py").write_text('''
        import freeswitch
        def handler(session, args):
            freeswitch.consoleLog("info", "x" * 1_000_000)
            session.setVariable("long", "x" * 1_000_000)
            session.execute("set", "longer=" + "x" * 1_000_000)
        '''.replace("\\n        ", "\\n"))
        with pocket.Switch(scripts=scripts) as switch:
            for _ in range(250):
                switch.run("python", "long")
            status = pathlib.Path("/proc/self/status").read_text().splitlines()
            highest = next(line for line in status if "VmHWM" in line)
            newest = switch.legs[-1].variables["long"] == "x" * 1_000_000
            print(json.dumps([int(highest.split()[1]), len(switch.legs) > 5, len(switch.log) > 50, newest]))
        """
    )
    assert done.returncode == 0, done.stderr
    highest, *kept = json.loads(done.stdout)
    assert kept == [True, True, True]
    # 256 MiB of events, 64 MiB of lines and of legs; all that was said is more than 1 GB.
    assert highest < 480_000, f"{highest} kB"


def test_scripts_that_were_ended_leave_nothing_to_look_for(tmp_path: Path) -> None:
    (tmp_path / "spin.py").write_text("def runtime(args):\n    while True:\n        pass\n")
    told = run_python(
        f"""
        import gc, sys, time
        import pocket

        # What the collector calls could swallow what is sent to a script that ends.
        gc.callbacks.append(lambda phase, info: None)
        gc.set_threshold(1, 1, 1)
        with pocket.Switch(scripts={str(tmp_path)!r}) as switch:
            for number in range(1, 31):
                switch.api("pyrun spin")
                deadline = time.monotonic() + 30
                while "spin" not in switch.api("pyps"):
                    assert time.monotonic() < deadline
                # pykill waits a second. On a busy machine a script may need longer to end: ask until it is gone.
                while "no script has" not in (told := switch.api(f"pykill {{number}}")):
                    assert time.monotonic() < deadline, told
        gc.set_threshold(700)
        # CPython 3.11 does not come out of the first function that is traced while it looks for something.
        sys.settrace(lambda *_: None)
        (lambda: None)()
        sys.settrace(None)
        print("traced")
        """
    )
    assert told.stdout == "traced\n", told.stderr
