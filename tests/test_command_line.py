"""The program freeswitch-apps: a rehearsal on pocket, its results, and what is wrong with a command line."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from freeswitch.apps.command.apps import arguments
from freeswitch.apps.command.calls import own_address
from freeswitch.apps.command.capacity import Bounds, judge
from freeswitch.apps.measure import figures_of, load

PROGRAM = [sys.executable, "-m", "freeswitch.apps"]
DEADLINE = 60.0

APP = """
from freeswitch import apps

class Mine:
    "Answers for a while."
    def prepost(self, mood="none", count=0):
        with open("said.txt", "w") as file: file.write(f"mood {mood} {count + 1}")
    @apps.callback("CHANNEL_PARK")
    def on_park(self, sess):
        if sess.is_inbound(): sess.answer()

class Fails(Mine):
    def prepost(self): raise KeyError("in prepost")

class Wants(Mine):
    def prepost(self, nonsense): pass
"""


def run(*words: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*PROGRAM, *words], capture_output=True, text=True, timeout=DEADLINE, check=False, cwd=folder)


def test_apps_are_listed() -> None:
    said = run("list-apps").stdout
    for name in ("TonePlay", "PlayRec", "MutedPlayRec", "DtmfChecker", "Bert", "Router", "Bridger", "Proxier"):
        assert f"  {name}: " in said


def test_a_rehearsal_on_pocket_is_measured(tmp_path: Path) -> None:
    results = tmp_path / "results"
    done = run(
        "dial", "--pocket", "--rate", "20", "--limit", "50", "--max-offered", "40", "--duration", "3", "--results",
        str(results),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    rows = load(results)
    found = figures_of(rows)
    assert (found.calls, found.answered, found.asr) == (40, 40, 1.0)
    assert found.acd == pytest.approx(3.0, abs=0.1)
    assert found.rate == pytest.approx(20.0, rel=0.05)
    assert "answer seizure ratio (ASR)" in done.stdout
    assert (results / "report.html").read_text(encoding="utf-8").count("<svg") == 6


def test_an_app_of_a_file_is_dialed_with_its_arguments(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(APP, encoding="utf-8")
    done = run(
        "dial", "--pocket", "--app", "mine.py:Mine/mood=good,count=2", "--rate", "20", "--limit", "5", "--max-offered",
        "3", "--duration", "1", folder=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "said.txt").read_text(encoding="utf-8") == "mood good 3"
    assert "calls offered" in done.stdout


def test_ctrl_c_ends_a_run_in_order(tmp_path: Path) -> None:
    program = subprocess.Popen(
        [*PROGRAM, "dial", "--pocket", "--rate", "10", "--limit", "20", "--duration", "1", "--results", str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        end = time.monotonic() + DEADLINE
        calls = tmp_path / "calls.csv"
        while not (calls.exists() and calls.read_text(encoding="utf-8").count("\n") > 20):
            assert time.monotonic() < end, "no call ended"
            assert program.poll() is None, program.communicate()
            time.sleep(0.05)
        program.send_signal(signal.SIGINT)
        said, wrong = program.communicate(timeout=DEADLINE)
    finally:
        program.kill()
    assert program.returncode == 0, wrong
    assert "calls offered" in said
    assert (tmp_path / "report.html").exists()
    # Every call that was begun has its row.
    offered = next(line for line in said.splitlines() if line.startswith("calls offered")).split()[-1]
    assert len(load(tmp_path)) == int(offered)


def test_a_run_that_is_killed_leaves_what_can_be_read(tmp_path: Path) -> None:
    program = subprocess.Popen(
        [*PROGRAM, "dial", "--pocket", "--rate", "10", "--limit", "20", "--duration", "1", "--results", str(tmp_path)],
        stdout=subprocess.DEVNULL,
    )
    calls, end = tmp_path / "calls.csv", time.monotonic() + DEADLINE
    while not (calls.exists() and calls.read_text(encoding="utf-8").count("\n") > 20):
        assert time.monotonic() < end, "no call ended"
        time.sleep(0.05)
    program.kill()
    program.wait()
    done = run("report", str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert "calls offered" in done.stdout
    assert (tmp_path / "report.html").exists()


def test_the_capacity_of_pocket_is_more_than_is_tried() -> None:
    done = run("find-capacity", "--pocket", "--start-rate", "10", "--max-rate", "15", "--step-for", "3")
    assert done.returncode == 0, done.stderr
    assert "this switch: 1" in done.stdout
    assert "a second or more" in done.stdout
    # The curve: two rates and their head.
    assert [line.split()[0] for line in done.stdout.splitlines() if line[:8].strip()[:1].isdigit()][-2:] == [
        "12.50",
        "15.00",
    ]


def test_a_rate_is_judged_by_set_up_failures_and_what_was_placed() -> None:
    good = [{"outcome": "answered", "hangup_cause": "NORMAL_CLEARING", "setup_time": 0.1, "job_launch": 1.0}] * 100
    bad = [{"outcome": "failed", "hangup_cause": "SWITCH_CONGESTION", "job_launch": 1.0}] * 10
    bounds = Bounds(0.5, 0.01)
    assert judge(good, 10, 10, 100, bounds).why is None
    assert judge(good + bad, 11, 10, 110, bounds).why == "11.1 % failed: SWITCH_CONGESTION, NORMAL_CLEARING" or (
        "failed: NORMAL_CLEARING" in str(judge(good + bad, 11, 10, 110, bounds).why)
    )
    assert judge(good, 10, 10, 100, Bounds(0.05, 0.01)).why == "set-up took 100 ms"
    assert judge(good, 20, 10, 100, bounds).why == "only 10.0 calls a second could be placed"


@pytest.mark.parametrize(
    ("words", "wrong"),
    [
        (("dial",), "name a host"),
        (("dial", "--pocket", "host"), "leave out host"),
        (("dial", "host:port"), "'host:port' is no HOST, HOST:PORT or [ADDRESS]:PORT"),
        (("serve", "host:99999", "--app", "TonePlay"), "with a port from 1 to 65535"),
        (("dial", "[::1"), "'[::1' is no HOST, "),
        (("dial", "[::1]:1"), "FreeSWITCH at ::1:1: "),
        (("dial", "--pocket", "--app", "NoSuchApp"), "there is no app 'NoSuchApp'; there are "),
        (("dial", "--pocket", "--app", "none.py:Mine"), "there is no file "),
        (("dial", "--pocket", "--app", "mine.py:Other"), "mine.py has no 'Other'"),
        (("dial", "--pocket", "--app", "mine.py"), "write FILE.py:NAME"),
        (("dial", "--pocket", "--app", "mine.py:Mine/x"), "KEY=VALUE"),
        (("dial", "--pocket", "--app", "mine.py:Mine/nothing=1"), "nothing"),
        (("dial", "--pocket", "--app", "mine.py:Fails"), "KeyError: 'in prepost'"),
        (("dial", "--pocket", "--app", "broken.py:Mine"), "broken.py"),
        (("serve", "--pocket", "exits.py"), "exits.py ends the program when it is loaded: SystemExit(0)"),
        (("dial", "--pocket", "--rate", "0"), "'rate' must be above 0"),
        (("dial", "--pocket", "--limit", "0"), "argument --limit: must be a whole number, 1 or more, not '0'"),
        (("dial", "--pocket", "--max-offered", "-3"), "argument --max-offered: must be a whole number, 1 or more"),
        (("dial", "--pocket", "--for", "nan"), "argument --for: must be a number above 0, not 'nan'"),
        (("dial", "host", "--port", "65536"), "argument --port: must be a whole number, 1 to 65535, not '65536'"),
        (("find-capacity", "--pocket", "--step-for", "0"), "argument --step-for: must be a number above 0, not '0'"),
        (("find-capacity", "--pocket", "--max-failures", "-1"), "must be a number of 0 or more, not '-1'"),
        (("serve", "nats://127.0.0.1:1", "mine.py", "--drain", "soon"), "must be a number of 0 or more, not 'soon'"),
        (("dial", "--pocket", "--results", "mine.py/below"), "'mine.py/below' (Not a directory)"),
        (("dial", "--pocket", "--results", "mine.py"), "'mine.py' (File exists): give --results another folder"),
        (("dial", "--pocket", "--dest-url", "x'y/z"), "x'y/z"),
        (("serve", "--pocket"), "or an app: --app NAME"),
        (
            ("serve", "--pocket", "--app", "lacks.py:Mine"),
            "lacks.py:2: ModuleNotFoundError: No module named 'none_such'",
        ),
        (
            ("serve", "--pocket", "--switchio", "lacks.py:Mine"),
            "lacks.py:2: ModuleNotFoundError: No module named 'none",
        ),
        (
            ("serve", "--pocket", "--switchio", "other.py:Mine"),
            "other.py:1: ImportError: there is no switchio.none here",
        ),
        (("serve", "--pocket", "--switchio", "mine.py:Other"), "mine.py has no 'Other'"),
        (("report", "none"), "none"),
        (("report", "mine.py"), "no file of calls"),
        (("dial", "--duration", "x", "--pocket"), "the duration 'x' cannot be read"),
        (("dial", "--rate-profile", "x", "--pocket"), "a profile is ramp:"),
        (("dial", "--rate-profile", "ramp:5", "--pocket"), "'5' has no '/'"),
        (("dial", "--rate-profile", "ramp:5/2", "--pocket"), "'5' has no '-'"),
        (("dial", "--rate-profile", "burst:5", "--pocket"), "'5' has no '/'"),
        (("dial", "--rate-profile", "ramp:0-5/2/1/7", "--pocket"), "ends with '/7'"),
        (("dial", "--duration", "uniform:5", "--pocket"), "'5' has no '-'"),
        (("dial", "--pocket", "--app", "mine.py:Wants"), "Wants.prepost wants 'nonsense', and nobody gives it"),
    ],
)
def test_what_is_wrong_is_one_line(tmp_path: Path, words: tuple[str, ...], wrong: str) -> None:
    (tmp_path / "mine.py").write_text(APP, encoding="utf-8")
    (tmp_path / "broken.py").write_text("def x(:\n", encoding="utf-8")
    (tmp_path / "lacks.py").write_text("import os\nimport none_such\n", encoding="utf-8")
    (tmp_path / "other.py").write_text("import switchio.none\n", encoding="utf-8")
    (tmp_path / "exits.py").write_text("import sys\nsys.exit(0)\n", encoding="utf-8")
    done = run(*words, folder=tmp_path)
    assert done.returncode in {1, 2}
    assert wrong in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


def test_calls_are_served_on_pocket_for_a_while(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(APP, encoding="utf-8")
    done = run("serve", "--pocket", "--app", "mine.py:Mine/mood=5", "--for", "3", folder=tmp_path)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert (tmp_path / "said.txt").read_text(encoding="utf-8") == "mood 5 1"


def test_arguments_have_their_types() -> None:
    assert arguments("a=1,b=1.5,c=true,d=None,e=x y,f=") == {
        "a": 1,
        "b": 1.5,
        "c": True,
        "d": None,
        "e": "x y",
        "f": "",
    }


class Client:
    """A client whose switch says this."""

    host = "one.example"

    def __init__(self, said: str) -> None:
        self.said = said

    def cmd(self, _: str) -> str:
        return self.said


def test_the_address_of_a_profile_is_found() -> None:
    said = "Name  internal\nURL  sip:mod_sofia@10.0.0.5:5060\nBIND-URL  sip:mod_sofia@10.0.0.5:5060;transport=udp,tcp\n"
    assert own_address(Client(said), "internal") == "switchio@10.0.0.5:5060"
    with pytest.raises(ValueError, match="no SIP profile 'internal'"):
        own_address(Client("Invalid Profile!"), "internal")
