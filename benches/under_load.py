"""Calls at 50 a second, while the script is edited and while `reload mod_rust` is tried: none is to be lost.

Each call sets a variable to the version of the script that it ran, and stays a third of a second.
"""

from __future__ import annotations

import re
import sys
import threading
import time
from collections import Counter

import rig
from hosts.base import Event
from hosts.freeswitch import FreeSwitchHost
from support import many_calls

SCRIPT = """
import freeswitch
VERSION = "{version}"

def handler(session, args):
    session.answer()
    session.setVariable("version", VERSION)
    session.sleep(300)
    session.hangup()

def fsapi(session, stream, env, args):
    import json, os, sys, threading
    stream.write(json.dumps({{"path": len(sys.path), "files": len(os.listdir("/proc/self/fd")),
                              "threads": threading.active_count()}}))
"""
BROKEN = 5
EDITS = 10
SECONDS_EACH = 2.0
RELOADS = 100
BETWEEN = 20


class Load:
    """Makes calls until it is stopped."""

    def __init__(self, host: FreeSwitchHost, extension: str, rate: float) -> None:
        self.made = 0
        self._host, self._extension, self._rate = host, extension, rate
        self._first_event = len(host.all_events())
        self._enough = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        begun = time.monotonic()
        while not self._enough.is_set():
            self._host.api(
                f"bgapi originate {{loopback_bowout=false,originate_timeout=30}}"
                f"loopback/{self._extension}/default/xml &park()"
            )
            self.made += 1
            self._enough.wait(max(0.0, begun + self.made / self._rate - time.monotonic()))

    def stop(self) -> None:
        """Make no more calls, and wait for those that are made."""
        self._enough.set()
        self._thread.join()
        self._host.wait_no_calls(30)
        # A job that has begun may not have made its channel yet.
        self._host.wait_for(lambda: len(self._ends()) >= self.made or None, 20, f"{self.made} ended calls")

    def _ends(self) -> list[Event]:
        return [
            event
            for event in self._host.all_events()[self._first_event :]
            if event["Event-Name"] == "CHANNEL_DESTROY"
            and event.get("variable_is_outbound") != "true"
            and event.get("Channel-Name", "").endswith("-b")
        ]

    def outcomes(self) -> Counter[tuple[str, str]]:
        """How many calls ran which version and ended with which cause."""
        return Counter((end.get("variable_version", "none"), end.get("Hangup-Cause", "")) for end in self._ends())


def edit(host: FreeSwitchHost, extension: str, name: str, rate: float) -> bool:
    """Edit the script ten times, once into a syntax error."""
    load = Load(host, extension, rate)
    path = host.script_dir / f"{name}.py"
    for edited in range(1, EDITS + 1):
        time.sleep(SECONDS_EACH)
        broken = "def broken(:\n" if edited == BROKEN else ""
        path.write_text(SCRIPT.format(version=edited) + broken, encoding="utf-8")
    time.sleep(SECONDS_EACH)
    load.stop()
    outcomes = load.outcomes()
    failed = [line.text for line in host.all_log() if re.match("MR0005 ", line.text)]
    print(f"{load.made} calls, {EDITS} edits, one of them a syntax error ({len(failed)} such line in the log)")
    for (version, cause), count in sorted(outcomes.items(), key=lambda item: int(item[0][0])):
        print(f"  version {version:>2}: {count:4} calls, {cause}")
    lost = load.made - sum(count for (_, cause), count in outcomes.items() if cause == "NORMAL_CLEARING")
    print(f"  lost: {lost}")
    versions = {version for version, _ in outcomes}
    return lost == 0 and versions == {str(v) for v in range(EDITS + 1) if v != BROKEN} and len(failed) == 1


def reload(host: FreeSwitchHost, extension: str, name: str, rate: float) -> bool:
    """Try to reload the module under load and between calls."""
    answers: Counter[str] = Counter()
    before = many_calls.kept(host, name)
    load = Load(host, extension, rate)
    time.sleep(1)
    for _ in range(RELOADS):
        answers[" | ".join(host.api("reload mod_rust").split("\n")).strip(" |")] += 1
        time.sleep(0.1)
    load.stop()
    outcomes = load.outcomes()
    print(f"{load.made} calls, {RELOADS} times 'reload mod_rust' beside them")
    for answer, count in answers.items():
        print(f"  {count:3} x {answer}")
    lost = load.made - sum(
        count for (v, cause), count in outcomes.items() if v != "none" and cause == "NORMAL_CLEARING"
    )
    print(f"  lost: {lost}")
    done: Counter[str] = Counter()
    for _ in range(BETWEEN):
        done[" | ".join(host.api("reload mod_rust").split("\n")).strip(" |")] += 1
        call = host.start_call(extension)
        assert call.wait().variables["version"] == str(EDITS)
    print(f"between calls, {BETWEEN} times, with a call after each:")
    for answer, count in done.items():
        print(f"  {count:3} x {answer}")
    after = many_calls.kept(host, name)
    print(f"RSS {before.rss_kb} kB before, {after.rss_kb} kB after; open files {before.files}, {after.files}")
    return lost == 0


def main(rate: float) -> int:
    """Both, on the first FreeSWITCH found; 1 when a call was lost."""
    with rig.running(quiet=False) as host:
        host.api("fsctl sps 1000")
        name = host.script(SCRIPT.format(version=0))
        extension = host.extension(("python", name))
        print(rig.switch().name)
        good = edit(host, extension, name, rate)
        good &= reload(host, extension, name, rate)
        status = host.stop()
    print(f"the switch ended with status {status}")
    return 0 if good and status == 0 else 1


if __name__ == "__main__":
    sys.exit(main(float(rig.number(1, 50))))
