"""A call by SIP in a real switch is one trace: from the INVITE's parent to the HTTP that it asks and the leg it places.

The spans go by OTLP to a receiver here, which decodes them as a collector does.
"""

from __future__ import annotations

import http.server
import re
import socket
import socketserver
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from hosts.base import Host
from hosts.freeswitch import FreeSwitchHost
from hosts.ports import free_port
from support.sip import SDP, needs_sipp

pytestmark = [pytest.mark.freeswitch_only, needs_sipp]

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
CONFIG = f"""<configuration name="python.conf"><settings><param name="virtual-env" value="{sys.prefix}"/>
    <param name="accept-traceparent" value="true"/></settings></configuration>"""
SOFIA = """<configuration name="sofia.conf"><profiles><profile name="test"><settings>
<param name="sip-ip" value="127.0.0.1"/><param name="rtp-ip" value="127.0.0.1"/><param name="sip-port" value="{port}"/>
<param name="context" value="default"/><param name="dialplan" value="XML"/><param name="auth-calls" value="false"/>
<param name="inbound-codec-prefs" value="PCMU"/><param name="outbound-codec-prefs" value="PCMU"/>
<param name="parse-all-invite-headers" value="{all_headers}"/>
</settings></profile></profiles></configuration>"""
SCENARIO = """<?xml version="1.0"?><scenario name="call">
<send retrans="500"><![CDATA[
INVITE sip:[service]@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/UDP [local_ip]:[local_port];branch=[branch]
From: <sip:sipp@[local_ip]:[local_port]>;tag=[call_number]
To: <sip:[service]@[remote_ip]:[remote_port]>
Call-ID: [call_id]
CSeq: 1 INVITE
Contact: <sip:sipp@[local_ip]:[local_port]>
Max-Forwards: 70
HEADER
Content-Type: application/sdp
Content-Length: [len]

SDP]]></send>
<recv response="100" optional="true"/><recv response="180" optional="true"/><recv response="183" optional="true"/>
<recv response="200" rrs="true"/>
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
<recv request="BYE"/>
<send><![CDATA[
SIP/2.0 200 OK
[last_Via:]
[last_From:]
[last_To:]
[last_Call-ID:]
[last_CSeq:]
Content-Length: 0

]]></send></scenario>"""
SCRIPT = """
import aiohttp, freeswitch
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.aiohttp_client import AioHttpClientInstrumentor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

provider = TracerProvider(resource=Resource.create({{"service.name": "ivr"}}), shutdown_on_exit=False)
exporter = OTLPSpanExporter(endpoint="{url}v1/traces")
provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=100))
trace.set_tracer_provider(provider)
AioHttpClientInstrumentor().instrument()

async def handler(session, args):
    await session.answer()
    async with aiohttp.ClientSession() as client, client.get("{url}tier") as answer:
        session.setVariable("tier", await answer.text())
    try:
        await session.originate("sofia/test/agent@127.0.0.1:{far}", timeout=10)
    except freeswitch.OriginateError as error:
        session.setVariable("cause", error.cause)
"""


class Collector(socketserver.ThreadingMixIn, http.server.HTTPServer):
    """An OTLP receiver; it is the script's web server, too."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Request)
        self.spans: list[Span] = []
        self.headers: list[str] = []
        self.url = f"http://127.0.0.1:{self.server_port}/"


class _Request(http.server.BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        request = ExportTraceServiceRequest.FromString(body)
        for resource in request.resource_spans:
            for scope in resource.scope_spans:
                self.server.spans += scope.spans
        self._answer(b"")

    def do_GET(self) -> None:
        self.server.headers.append(self.headers["traceparent"] or "")
        self._answer(b"gold")

    def _answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def collector() -> Iterator[Collector]:
    """Give a receiver of spans."""
    with Collector() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


class Agent:
    """A phone that is busy, and keeps the INVITE."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.settimeout(20)
        self.port = self._socket.getsockname()[1]
        self.invite = ""
        self._thread = threading.Thread(target=self._refuse)
        self._thread.start()

    def _refuse(self) -> None:
        data, sender = self._socket.recvfrom(65536)
        self.invite = data.decode()
        kept = re.findall(r"(?m)^(?:Via|From|To|Call-ID|CSeq):.*$", self.invite)
        answer = ["SIP/2.0 486 Busy Here", *(line.strip() for line in kept), "Content-Length: 0", "", ""]
        self._socket.sendto("\r\n".join(answer).encode(), sender)

    def close(self) -> None:
        """Wait for the end of it."""
        self._thread.join()
        self._socket.close()


def call(folder: Path, port: int, extension: str, header: str) -> None:
    """Call by SIPp, with a header in the INVITE, until the switch hangs up."""
    scenario = folder / "call.xml"
    scenario.write_text(SCENARIO.replace("HEADER", header).replace("SDP", SDP))
    command = ["sipp", f"127.0.0.1:{port}", "-sf", str(scenario), "-s", extension, "-i", "127.0.0.1"]
    command += ["-p", str(free_port(socket.SOCK_DGRAM)), "-m", "1", "-nostdin", "-timeout", "30", "-timeout_error"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr


@pytest.mark.parametrize(
    ("name", "all_headers", "is_taken"),
    [("traceparent", "true", True), ("X-Traceparent", "false", True), ("traceparent", "false", False)],
)
def test_a_call_with_http_is_one_trace(
    fresh: Callable[..., Host], collector: Collector, tmp_path: Path, name: str, all_headers: str, is_taken: bool
) -> None:
    host = fresh(config=CONFIG)
    assert isinstance(host, FreeSwitchHost)
    port = free_port(socket.SOCK_DGRAM)
    host.write_config("sofia.conf", SOFIA.format(port=port, all_headers=all_headers))
    if "+OK" not in host.api("load mod_sofia"):
        pytest.skip("this FreeSWITCH has no mod_sofia")
    host.wait_for(lambda: "RUNNING" in host.api("sofia status") or None, what="the profile")
    agent = Agent()
    script = host.script(SCRIPT.format(url=collector.url, far=agent.port))
    call(tmp_path, port, host.extension(("python", script)), f"{name}: 00-{TRACE}-{PARENT}-01")
    agent.close()

    def spans() -> dict[str, Span] | None:
        found = {span.name: span for span in collector.spans}
        return found if f"{script}::handler" in found else None

    found = host.wait_for(spans, what="the spans")
    whole = found.pop(f"{script}::handler")
    assert set(found) == {"answer", "GET"}
    assert {span.trace_id for span in found.values()} == {whole.trace_id}
    assert {span.parent_span_id for span in found.values()} == {whole.span_id}
    expected = (TRACE, PARENT) if is_taken else (whole.trace_id.hex(), "")
    assert (whole.trace_id.hex(), whole.parent_span_id.hex()) == expected
    assert (whole.trace_id.hex() == TRACE) is is_taken
    # The web server and the phone that is called could go on with it.
    of_http, of_leg = f"00-{whole.trace_id.hex()}-{found['GET'].span_id.hex()}-", f"00-{whole.trace_id.hex()}-"
    assert [header[: len(of_http)] for header in collector.headers] == [of_http]
    [header] = re.findall(r"(?mi)^traceparent: *(\S+)", agent.invite)
    assert header.startswith(of_leg + whole.span_id.hex())
    attributes = {each.key: each.value.string_value for each in whole.attributes}
    assert attributes["sip.call_id"]
