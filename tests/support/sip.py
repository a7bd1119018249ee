"""Calls by SIP for tests: a profile of a real switch that keeps calls for a recovery, and SIPp as its callers."""

from __future__ import annotations

import json
import shutil
import socket
import struct
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from hosts.freeswitch import FreeSwitchHost
from hosts.ports import free_port

needs_sipp = pytest.mark.skipif(not shutil.which("sipp"), reason="needs SIPp (Debian: sip-tester)")

PROFILE = """<configuration name="sofia.conf"><profiles><profile name="test"><settings>
<param name="sip-ip" value="127.0.0.1"/><param name="rtp-ip" value="127.0.0.1"/><param name="sip-port" value="{port}"/>
<param name="context" value="default"/><param name="dialplan" value="XML"/><param name="auth-calls" value="false"/>
<param name="inbound-codec-prefs" value="PCMU"/><param name="outbound-codec-prefs" value="PCMU"/>
<param name="rtp-timer-name" value="soft"/><param name="dtmf-type" value="rfc2833"/>
<param name="liberal-dtmf" value="true"/>
<param name="track-calls" value="true"/>
</settings></profile></profiles></configuration>"""

SDP = """v=0
o=- 1 1 IN IP4 [local_ip]
s=-
c=IN IP4 [media_ip]
t=0 0
m=audio [media_port] RTP/AVP 0
a=rtpmap:0 PCMU/8000
"""
SDP_WITH_DIGITS = (
    SDP.replace("[media_port] RTP/AVP 0", "{port} RTP/AVP 0 101")
    + "a=rtpmap:101 telephone-event/8000\na=fmtp:101 0-15\n"
)
OUR_SIDE = """Via: SIP/2.0/UDP [local_ip]:[local_port];branch=[branch]
From: <sip:sipp@[local_ip]:[local_port]>;tag=[call_number]
To: <sip:[service]@[remote_ip]:[remote_port]>{tag}
Call-ID: [call_id]
CSeq: {number} {method}
Contact: <sip:sipp@[local_ip]:[local_port]>
Max-Forwards: 70"""
RESPONSE = """SIP/2.0 {status}
[last_Via:]
[last_From:]
[last_To:]
[last_Call-ID:]
[last_CSeq:]
Contact: <sip:sipp@[local_ip]:[local_port]>"""
ANSWER = RESPONSE.format(status="200 OK")
# A packet of a digit by RFC 2833 (version and type, number, time, source; event, end and volume, duration), 8 kHz.
DIGIT = struct.Struct("!BBHIIBBH")
DIGITS = "0123456789*#"


def _ours(method: str, number: int, body: str = "", kind: str = "") -> str:
    tag = "" if number == 1 else ";tag=[$tag]"
    head = f"{method} sip:[service]@[remote_ip]:[remote_port] SIP/2.0\n"
    head += OUR_SIDE.format(tag=tag, number=1 if method == "ACK" else number, method=method)
    again = "" if method == "ACK" else ' retrans="500"'
    return f"<send{again}><![CDATA[\n{head}\n{_with(body, kind)}\n]]></send>"


def _with(body: str, kind: str) -> str:
    return f"Content-Type: {kind}\nContent-Length: [len]\n\n{body}" if body else "Content-Length: 0\n"


def _press(number: int, digit: str, *, last: bool = False) -> str:
    body = f"Signal={digit}\nDuration=160\n"
    # The last digit's answer and the BYE come in any order.
    then = '<recv response="200" optional="true"/>' if last else '<recv response="200"/><pause milliseconds="200"/>'
    return _ours("INFO", number, body, "application/dtmf-relay") + then


def scenario(*, recovers: bool, answers_after: int = 0, media: int | None = None) -> str:
    """A call that presses field0, is there when its switch comes back, and presses field1 and field2.

    Then it answers after so many milliseconds. With a port for its media it leaves digits to that.
    """
    sdp = SDP if media is None else SDP_WITH_DIGITS.format(port=media)
    again = f"""<recv request="INVITE"/><send><![CDATA[
{RESPONSE.format(status="100 Trying")}
Content-Length: 0

]]></send><pause milliseconds="{answers_after}"/><send retrans="500"><![CDATA[
{ANSWER}
{_with(sdp, "application/sdp")}
]]></send><recv request="ACK"/><pause milliseconds="300"/>"""
    presses = (
        [_press(2, "[field0]"), _press(3, "[field1]"), _press(4, "[field2]", last=True)] if media is None else [""] * 3
    )
    return f"""<?xml version="1.0"?><scenario name="call">
{_ours("INVITE", 1, sdp, "application/sdp")}
<recv response="100" optional="true"/><recv response="180" optional="true"/><recv response="183" optional="true"/>
<recv response="200" rrs="true"><action>
<ereg regexp="tag=([^;]*)" search_in="hdr" header="To:" assign_to="all,tag"/></action></recv>
<Reference variables="all"/>
{_ours("ACK", 2)}
<pause milliseconds="1200"/>
{presses[0]}
{again if recovers else ""}
{presses[1]}
{presses[2]}
<recv request="BYE"/>
<send><![CDATA[
{ANSWER}
Content-Length: 0

]]></send></scenario>"""


class Callers:
    """Callers at one address, each of whom presses digits of his own: `N % 10` first, then N in two digits."""

    def __init__(
        self,
        folder: Path,
        port: int,
        extension: str,
        calls: int,
        *,
        recovers: bool = True,
        answers_after: int = 0,
        media: int | None = None,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.calls = calls
        self.expected = [(f"{number % 10}", f"{number:02d}") for number in range(calls)]
        path, digits = folder / "call.xml", folder / "digits.csv"
        path.write_text(scenario(recovers=recovers, answers_after=answers_after, media=media))
        lines = [f"{first};{rest[0]};{rest[1]};" for first, rest in self.expected]
        digits.write_text("\n".join(["SEQUENTIAL", *lines, ""]))
        command = ["sipp", f"127.0.0.1:{port}", "-sf", str(path), "-inf", str(digits), "-s", extension,
                   "-i", "127.0.0.1", "-p", str(free_port(socket.SOCK_DGRAM)), "-mp", str(free_media_port()),
                   "-rtp_echo", "-m", str(calls), "-l", str(calls), "-r", "20", "-nostdin", "-timeout", "150",
                   "-timeout_error", "-trace_err"]  # fmt: skip
        self._folder = folder
        self._process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def done(self, timeout: float = 60.0) -> str:
        """Wait until every call has had its BYE; what is wrong where one has not had it."""
        try:
            said, _ = self._process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            self.end()
            return f"calls go on after {timeout} s"
        errors = "".join(path.read_text(errors="replace") for path in self._folder.glob("*_errors.log"))
        return "" if self._process.returncode == 0 else errors[-3000:] + said.decode(errors="replace")[-3000:]

    def end(self) -> None:
        """End them, with no BYE."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.communicate()


def free_media_port() -> int:
    """Give a port that is even, and the one after the next, which SIPp takes for video."""
    while True:
        port = free_port(socket.SOCK_DGRAM)
        if port % 2 == 0:
            return port


class Media:
    """The media of one far end, which presses digits by RFC 2833."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._number, self._time = 1, 1600

    def press(self, digits: str, port: int) -> None:
        """Press digits, 60 ms each, to a port of the switch."""
        for digit in digits:
            for packet in range(6):
                begins, ends, duration = packet == 0, packet > 2, min(packet + 1, 3) * 160
                kind = 101 | (0x80 if begins else 0)
                event = DIGITS.index(digit), 0x8A if ends else 0x0A, duration
                packed = DIGIT.pack(0x80, kind, self._number, self._time, 2833, *event)
                self._socket.sendto(packed, ("127.0.0.1", port))
                self._number += 1
                time.sleep(0.02)
            self._time += 1600
            time.sleep(0.1)

    def close(self) -> None:
        """Let go of its port."""
        self._socket.close()


def begin_profile(host: FreeSwitchHost, port: int) -> None:
    """Have the switch listen at an address."""
    host.write_config("sofia.conf", PROFILE.format(port=port))
    if "+OK" not in host.api("load mod_sofia"):
        pytest.skip("this FreeSWITCH has no mod_sofia")
    host.wait_for(lambda: "RUNNING" in host.api("sofia status") or None, what="the profile")


# An IVR of two menus; what it does it says in lines of the file that it is given.
IVR = """
import json, os, time

async def handler(session, args):
    def say(what, **more):
        line = json.dumps({"what": what, "uuid": session.uuid, "at": time.time(), "pid": os.getpid(), **more})
        with open(args, "a") as file:
            file.write(line + "\\n")
    say("begins", resumed=session.resumed, state=session.last_checkpoint)
    if session.last_checkpoint is None:
        await session.answer()
        digit = await session.get_digits(1, timeout=120)
        await session.checkpoint({"menu": 2, "digit": digit})
    state = session.last_checkpoint
    say("menu", state=state)
    await session.play("tone_stream://%(200,0,440)")
    say("played")
    digits = await session.get_digits(2, timeout=120)
    say("digits", state=state, digits=digits)
    await session.hangup("NORMAL_CLEARING")
"""


def said(path: Path, what: str) -> list[dict[str, Any]]:
    """What the IVR has said under this name."""
    if not path.exists():
        return []
    found = [json.loads(line) for line in path.read_text().splitlines() if line.endswith("}")]
    return [line for line in found if line["what"] == what]
