"""One app for the calls of two FreeSWITCHes: from outside of both, and inside each; one is killed and comes back.

TWO_SWITCHES_CALLS: how many calls each gets before and after, 30 by default; 20 a second, each 2 s long.
"""

from __future__ import annotations

import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from freeswitch_pocket.real.esl import EslError, Pool
from hosts.fake_switch import Client
from hosts.freeswitch import FreeSwitchHost

pytestmark = pytest.mark.freeswitch_only

CALLS = int(os.environ.get("TWO_SWITCHES_CALLS", "30"))
RATE = 20.0
HELD = 2.0
DEADLINE = 60.0 + CALLS / RATE

APP = """
import os
from freeswitch import apps
from freeswitch.apps.routers import Router

RESULTS = os.open(PATH, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

def note(sess, what):
    os.write(RESULTS, f"{{sess['Core-UUID']}} {{sess.uuid}} {{what}}\\n".encode())

router = Router(guards={{"Call-Direction": "inbound"}}, reject_on_guard=False)

@router.route("(.*)")
async def welcome(sess, match, router):
    note(sess, "begun")
    await sess.answer()
    await sess.playback("tone_stream://%(2000,0,440)")
    note(sess, "played")
    await sess.hangup("NORMAL_CLEARING")

class Ends:
    @apps.callback("CHANNEL_DESTROY")
    def on_destroy(self, sess):
        if sess.is_inbound(): note(sess, sess["Hangup-Cause"])

def runtime(args=""):
    for app in (router, Ends()): apps.load(app, app_id="default")
    print("two_app is loaded")
"""

OUTSIDE = """
sys.path.insert(0, FOLDER)
import two_app
def contact(port, password): return ("127.0.0.1", port, password)
service = apps.Service([contact(port, password) for port, password in zip(PORTS, PASSWORDS)])
for app in (two_app.router, two_app.Ends()): service.apps.load_app(app, app_id="default")
say("up")
sys.stdin.read()
causes = [dict(causes) for causes in service.pool.hangup_causes_per_slave]
say("counted", causes=causes, all=dict(service.pool.hangup_causes()), left=service.pool.count_sessions())
service.stop()
"""


class Seen:
    """What the app has noted of the calls of each switch, by the core's UUID."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def of(self, core: str) -> dict[str, list[str]]:
        """What was noted of each call of a switch, in order."""
        calls: dict[str, list[str]] = {}
        for line in self._path.read_text().splitlines() if self._path.exists() else ():
            at, uuid, what = line.split()
            if at == core:
                calls.setdefault(uuid, []).append(what)
        return calls

    def ends(self, core: str) -> Counter[str]:
        """How the calls of a switch have ended; OPEN for those that have not."""
        return Counter("OPEN" if notes[-1] in {"begun", "played"} else notes[-1] for notes in self.of(core).values())


class Load:
    """Places calls on a switch, so many a second, until there are enough or the switch is gone."""

    def __init__(self, host: FreeSwitchHost, extension: str) -> None:
        self.placed = 0
        self._pool = Pool(host.port, host.password)
        self._line = f"bgapi originate loopback/{extension} &park()"
        self.thread = threading.Thread(target=self._place, daemon=True)
        self.thread.start()

    def _place(self) -> None:
        begun = time.monotonic()
        try:
            for number in range(CALLS):
                time.sleep(max(0.0, begun + number / RATE - time.monotonic()))
                self._pool.api(self._line)
                self.placed += 1
        except (OSError, EslError):
            # The switch was killed, which is the point.
            return
        finally:
            self._pool.close()


def wait_until(what: str, test: Callable[[], object]) -> None:
    deadline = time.monotonic() + DEADLINE
    while not test():
        if time.monotonic() > deadline:
            raise TimeoutError(what)
        time.sleep(0.05)


def prepared(host: FreeSwitchHost) -> str:
    # What a thousand calls tell fills a gigabyte, and nobody here looks at it.
    host.deafen()
    host.pool.api("fsctl sps 200")
    return host.extension(("park", ""))


def core_of(host: FreeSwitchHost) -> str:
    return host.pool.api("global_getvar core_uuid").strip()


@pytest.fixture
def app(tmp_path: Path) -> Iterator[tuple[Path, Seen]]:
    """The app's file, and what it notes."""
    path = tmp_path / "results"
    (tmp_path / "two_app.py").write_text(APP.format().replace("PATH", repr(str(path)), 1))
    yield tmp_path / "two_app.py", Seen(path)


def run(killed: FreeSwitchHost, other: FreeSwitchHost, seen: Seen, lost: str | None) -> tuple[int, int]:
    """Load on both; one is killed in the middle, and is back for as many calls again. Calls noted on each."""
    cores = core_of(killed), core_of(other)
    loads = [Load(host, prepared(host)) for host in (killed, other)]
    half = CALLS // 2
    wait_until("half of the calls", lambda: len(seen.of(cores[0])) >= half and seen.ends(cores[0])["OPEN"])
    killed.abandon()
    wait_until("the other's calls", lambda: seen.ends(cores[1]) == {"NORMAL_CLEARING": CALLS})
    if lost is not None:
        wait_until("the end of the lost calls", lambda: not seen.ends(cores[0])["OPEN"])
        ends = seen.ends(cores[0])
        assert set(ends) <= {"NORMAL_CLEARING", lost} and ends[lost] > 0
    begun = len(seen.of(cores[0]))
    assert loads[1].placed == CALLS and begun <= loads[0].placed + 1
    killed.restart()
    again = core_of(killed)
    assert again not in cores
    return begun, _after(killed, again, seen)


def _after(host: FreeSwitchHost, core: str, seen: Seen) -> int:
    extension = prepared(host)
    # The first that is noted says that the switch was taken back, or that its module has loaded the app.
    wait_until("a call of the switch that is back", lambda: _one(host, extension) and seen.of(core))
    host.pool.api("hupall")
    wait_until("the end of these", lambda: not seen.ends(core)["OPEN"])
    before = len(seen.of(core))
    load = Load(host, extension)
    load.thread.join(DEADLINE)
    wait_until("its calls", lambda: len(seen.of(core)) == before + CALLS and not seen.ends(core)["OPEN"])
    ends = seen.ends(core)
    assert ends["NORMAL_CLEARING"] >= CALLS
    return sum(ends.values())


def _one(host: FreeSwitchHost, extension: str) -> bool:
    host.pool.api(f"bgapi originate loopback/{extension} &park()")
    # Two a second, until one is noted.
    time.sleep(0.5)
    return True


def test_from_outside(fresh: Callable[..., FreeSwitchHost], app: tuple[Path, Seen]) -> None:
    path, seen = app
    killed, other = fresh(with_module=False), fresh(with_module=False)
    names = f"FOLDER, PASSWORDS = {str(path.parent)!r}, {[killed.password, other.password]!r}\n"
    started = Client(names + OUTSIDE, killed.port, other.port)
    try:
        started.wait_for("up")
        # Legs on both sides of each call are counted.
        begun, after = run(killed, other, seen, "CONNECTION_LOST")
        assert started.process.stdin
        started.process.stdin.close()
        counted = started.wait_for("counted")
        first, second = counted["causes"]
        assert second == {"NORMAL_CLEARING": 2 * CALLS}
        # Of a call that began as the switch was killed one leg or both may be known, and nothing noted.
        assert 0 <= sum(first.values()) - 2 * (begun + after) <= 2, (first, begun, after)
        assert counted["all"] == dict(Counter(first) + Counter(second))
        assert counted["left"] == 0
        print(f"outside: killed {first}, other {second}, begun before the kill {begun}, after {after}")
    finally:
        started.kill()


def test_inside(fresh: Callable[..., FreeSwitchHost], app: tuple[Path, Seen]) -> None:
    path, seen = app
    config = f"""<configuration name="python.conf"><settings><param name="script-directory" value="{path.parent}"/>
    <param name="startup-script" value="two_app"/></settings></configuration>"""
    killed, other = fresh(config=config), fresh(config=config)
    for host in (killed, other):
        host.wait_for(lambda: "two_app is loaded" in host.log_text() or None, timeout=DEADLINE, what="the app")  # noqa: B023
    # What was up inside the one that was killed has nobody left who could note its end.
    begun, after = run(killed, other, seen, None)
    print(f"inside: begun before the kill {begun}, after {after}")
