"""How many calls a second a switch takes: `freeswitch-apps find-capacity` beside a sweep by SIPp, on one target.

The target is a FreeSWITCH whose SIP profile answers and parks, with so many sessions a second as it allows. SIPp calls
it by itself; find-capacity has a second FreeSWITCH call it. Both raise the rate by the rule of find-capacity: they stop
where over 1 % of a step's calls fail, 95 % of the set-ups take over 500 ms, or the rate is not reached; each call is
held for 2 s. They alternate. Generators and target share the processors. Needs sipp, and mod_sofia. Arguments: rounds
(3), the sessions a second that the target allows (40), the seconds of a step (8).
"""

from __future__ import annotations

import csv
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import rig
from freeswitch.apps.command.capacity import Bounds, judge
from hosts.freeswitch import FreeSwitchHost
from hosts.ports import free_port
from support.sip import SDP

HELD = 2.0
BOUNDS = Bounds(setup=0.5, failures=0.01)
FIRST, MOST = 10.0, 250.0
SAID = re.compile(r"this switch: ([\d.]+) calls a second")

SOFIA = """<configuration name="sofia.conf"><profiles><profile name="bench"><settings>
<param name="sip-ip" value="127.0.0.1"/><param name="rtp-ip" value="127.0.0.1"/><param name="sip-port" value="{port}"/>
<param name="context" value="default"/><param name="dialplan" value="XML"/><param name="auth-calls" value="false"/>
<param name="inbound-codec-prefs" value="PCMU"/><param name="outbound-codec-prefs" value="PCMU"/>
<param name="inbound-codec-negotiation" value="generous"/><param name="rtp-timer-name" value="soft"/>
</settings></profile></profiles></configuration>"""

# A call of HELD seconds; the time from the INVITE to its answer is the first response time.
SCENARIO = """<?xml version="1.0"?><scenario name="call">
<send retrans="500" start_rtd="1"><![CDATA[
INVITE sip:[service]@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/UDP [local_ip]:[local_port];branch=[branch]
From: <sip:sipp@[local_ip]:[local_port]>;tag=[call_number]
To: <sip:[service]@[remote_ip]:[remote_port]>
Call-ID: [call_id]
CSeq: 1 INVITE
Contact: sip:sipp@[local_ip]:[local_port]
Max-Forwards: 70
Content-Type: application/sdp
Content-Length: [len]

SDP]]></send>
<recv response="100" optional="true"/><recv response="180" optional="true"/><recv response="183" optional="true"/>
<recv response="200" rtd="1" rrs="true"/>
<send><![CDATA[
ACK sip:[service]@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/UDP [local_ip]:[local_port];branch=[branch]
From: <sip:sipp@[local_ip]:[local_port]>;tag=[call_number]
[last_To:]
Call-ID: [call_id]
CSeq: 1 ACK
Max-Forwards: 70
Content-Length: 0

]]></send>
<pause milliseconds="HELD"/>
<send retrans="500"><![CDATA[
BYE sip:[service]@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/UDP [local_ip]:[local_port];branch=[branch]
From: <sip:sipp@[local_ip]:[local_port]>;tag=[call_number]
[last_To:]
Call-ID: [call_id]
CSeq: 2 BYE
Max-Forwards: 70
Content-Length: 0

]]></send>
<recv response="200"/></scenario>""".replace("HELD", str(int(HELD * 1000))).replace("SDP", SDP)


class Sipp:
    """SIPp in the place of a dialer: the search sets its rate, and looks at its rows."""

    def __init__(self, folder: Path, extension: str, port: int) -> None:
        self.folder, self.extension, self.port = folder, extension, port
        self.scenario = folder / "call.xml"
        self.scenario.write_text(SCENARIO)

    def step(self, rate: float, seconds: float) -> tuple[list[dict[str, Any]], int, float]:
        """Offer calls for so many seconds: a row for each of them, how many began, and in how many seconds."""
        for old in self.folder.glob("call_*.csv"):
            old.unlink()
        calls = max(1, round(rate * seconds))
        command = ["sipp", f"127.0.0.1:{self.port}", "-sf", str(self.scenario), "-s", self.extension,
                   "-i", "127.0.0.1", "-p", str(free_port(socket.SOCK_DGRAM)),
                   "-r", str(round(rate * 100)), "-rp", "100000",
                   "-m", str(calls), "-l", "100000", "-trace_rtt", "-rtt_freq", "1", "-trace_stat", "-fd", "1",
                   "-nostdin", "-timeout", "60", "-recv_timeout", "10000"]  # fmt: skip
        begin = time.time()
        subprocess.run(command, cwd=self.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
        took = time.time() - begin - HELD
        [stat] = self.folder.glob("call_*_.csv")
        with stat.open() as file:
            last = list(csv.DictReader(file, delimiter=";"))[-1]
        failed = int(last["FailedCall(C)"])
        [times] = self.folder.glob("call_*_rtt.csv")
        with times.open() as file:
            setup = [float(row[1]) / 1000 for row in list(csv.reader(file, delimiter=";"))[1:]]
        rows: list[dict[str, Any]] = [
            {"outcome": "answered", "hangup_cause": "NORMAL_CLEARING", "setup_time": value, "caller_create": begin,
             "caller_answer": begin, "caller_hangup": begin}
            for value in setup
        ]  # fmt: skip
        # A share of each part of the step, as the failed ones came.
        every = max(1, len(rows) // max(1, failed))
        for number in range(failed):
            rows.insert(min(len(rows), number * every), {"outcome": "failed", "hangup_cause": "SIPP"})
        return rows, int(last["TotalCallCreated"]), max(seconds, took)


def sweep(sipp: Sipp, seconds: float) -> float:
    """The search of find-capacity, by SIPp: the most calls a second that were well."""
    well, much, rate, best = 0.0, float("inf"), FIRST, 0.0
    while True:
        rows, created, took = sipp.step(rate, seconds)
        step = judge(rows, rate, took, created, BOUNDS)
        print(f"    sipp {step.line()}", flush=True)
        if step.why is None:
            well, best = max(well, rate), max(best, step.offered)
        else:
            much = min(much, rate)
        if well >= MOST or much - well <= max(0.05 * well, 0.5):
            return best
        rate = (well + much) / 2 if much < float("inf") else min(MOST, rate * 1.25)


def find(generator: FreeSwitchHost, to: str, seconds: float) -> float:
    """What find-capacity says."""
    command = [sys.executable, "-m", "freeswitch.apps", "find-capacity", f"127.0.0.1:{generator.port}",
               "--password", generator.password, "--dest-url", to, "--profile", "bench", "--app", "TonePlay",
               "--duration", str(HELD), "--start-rate", str(FIRST), "--max-rate", str(MOST), "--step-for", str(seconds),
               "--max-setup", str(1000 * BOUNDS.setup), "--max-failures", str(100 * BOUNDS.failures)]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=900)
    for line in done.stdout.splitlines():
        if re.match(r"\s*[\d.]+\s+[\d.]+\s+\d+\s", line):
            print(f"    ours {line}", flush=True)
    found = SAID.search(done.stdout)
    if found is None:
        raise SystemExit(f"find-capacity has failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return float(found[1])


def switch_with_sip(folder: Path, sessions: int) -> tuple[FreeSwitchHost, int]:
    """A switch with a SIP profile, and its port."""
    folder.mkdir()
    host = FreeSwitchHost(rig.switch(), folder, None)
    port = free_port(socket.SOCK_DGRAM)
    host.write_config("sofia.conf", SOFIA.format(port=port))
    if "+OK" not in host.pool.api("load mod_sofia"):
        raise SystemExit(f"mod_sofia does not load:\n{host.log_text()[-2000:]}")
    host.deafen()
    for line in ("loglevel err", f"sps {sessions}", "max_sessions 5000"):
        host.pool.api(f"fsctl {line}")
    host.wait_for(lambda: "RUNNING" in host.pool.api("sofia status") or None)
    return host, port


def main(rounds: int, sessions: int, seconds: float) -> int:
    """Run, and print; 1 when the medians differ by more than a fifth."""
    if shutil.which("sipp") is None:
        raise SystemExit("sipp is not installed: apt-get install sip-tester")
    with rig.folder() as folder:
        target, port = switch_with_sip(folder / "target", sessions)
        generator, _ = switch_with_sip(folder / "generator", 2000)
        try:
            extension = target.extension(("answer", ""), ("park", ""))
            sipp = Sipp(folder, extension, port)
            found: dict[str, list[float]] = {"find-capacity": [], "sipp": []}
            for number in range(rounds):
                print(f"  round {number + 1}, load {os.getloadavg()[0]:.1f}", flush=True)
                found["find-capacity"].append(find(generator, f"{extension}@127.0.0.1:{port}", seconds))
                found["sipp"].append(sweep(sipp, seconds))
        finally:
            generator.abandon()
            target.abandon()
    medians = {}
    print(f"{target.name}, which allows {sessions} sessions a second; calls a second, held for {HELD:g} s")
    for name, values in found.items():
        medians[name] = statistics.median(values)
        told = ", ".join(f"{value:.1f}" for value in values)
        spread = (max(values) - min(values)) / medians[name]
        print(f"  {name:14} {medians[name]:6.1f}  ({told}; spread {100 * spread:.0f} %)")
    ratio = medians["find-capacity"] / medians["sipp"]
    print(f"  find-capacity / sipp {ratio:.2f}")
    return 0 if 0.8 <= ratio <= 1.25 else 1


if __name__ == "__main__":
    sys.exit(main(rig.number(1, 3), rig.number(2, 40), float(rig.number(3, 8))))
