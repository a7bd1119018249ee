"""OpenTelemetry: a trace of a call, its verbs, and what a script does meanwhile."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from hosts.base import Host

# The API and its SDK have to be in the Python that the switch runs: pocket's is that of the tests.
pytestmark = pytest.mark.pocket_only

EXPORTER = InMemorySpanExporter()
PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
ACCEPTS = """<configuration name="python.conf"><settings>
    <param name="accept-traceparent" value="true"/></settings></configuration>"""

Spans = Callable[[], list[ReadableSpan]]


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> Iterator[Spans]:
    """Give the spans that have ended."""
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(EXPORTER))
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", provider)
    EXPORTER.clear()
    yield lambda: list(EXPORTER.get_finished_spans())


def by_name(spans: list[ReadableSpan]) -> dict[str, ReadableSpan]:
    return {span.name: span for span in spans}


def parent_of(span: ReadableSpan) -> int | None:
    return span.parent.span_id if span.parent else None


def id_of(span: ReadableSpan) -> int:
    assert span.context
    return int(span.context.span_id)


def of_call(host: Host, spans: Spans, source: str, variables: dict[str, str] | None = None) -> dict[str, ReadableSpan]:
    name = host.script(source)
    sets: list[Any] = [("set", f"{key}={value}") for key, value in (variables or {}).items()]
    host.call(*sets, ("python", name))
    host.wait_for(lambda: any(span.name == f"{name}::handler" for span in spans()) or None, what="the call's span")
    found = by_name(spans())
    found["call"] = found.pop(f"{name}::handler")
    return found


def test_a_call_is_a_span_and_its_verbs_are_beneath_it(host: Host, spans: Spans) -> None:
    found = of_call(
        host,
        spans,
        """
        from opentelemetry import trace
        async def handler(session, args):
            await session.answer()
            with trace.get_tracer("mine").start_as_current_span("asked"):
                await session.play("tone_stream://%(100,0,440)")
        """,
        {"sip_call_id": "abc@example"},
    )
    assert set(found) == {"call", "answer", "asked", "play"}
    call = found["call"]
    assert call.kind is trace.SpanKind.SERVER and call.parent is None
    assert call.attributes and call.attributes["sip.call_id"] == "abc@example"
    assert re.fullmatch(r"[0-9a-f-]{36}", str(call.attributes["freeswitch.uuid"]))
    assert call.status.status_code is trace.StatusCode.UNSET
    assert parent_of(found["answer"]) == parent_of(found["asked"]) == id_of(call)
    assert parent_of(found["play"]) == id_of(found["asked"])


def test_what_fails_is_said_in_its_span(host: Host, spans: Spans) -> None:
    found = of_call(
        host,
        spans,
        """
        from freeswitch import VerbError
        async def handler(session, args):
            await session.answer()
            try: await session.play("/no/such/file.wav")
            except VerbError: pass
            raise KeyError("of the script")
        """,
    )
    assert found["play"].status.status_code is trace.StatusCode.ERROR
    assert found["call"].status.status_code is trace.StatusCode.ERROR
    assert found["call"].events[0].attributes
    assert found["call"].events[0].attributes["exception.type"] == "KeyError"


def test_a_hangup_is_no_error(host: Host, spans: Spans) -> None:
    found = of_call(
        host,
        spans,
        """
        async def handler(session, args):
            await session.answer()
            await session.hangup()
            await session.sleep(60)
        """,
    )
    assert found["call"].status.status_code is trace.StatusCode.UNSET
    assert found["call"].attributes and found["call"].attributes["freeswitch.end"] == "hangup"


def test_calls_beside_each_other_have_traces_of_their_own(host: Host, spans: Spans) -> None:
    name = host.script("""
        import asyncio
        async def handler(session, args):
            await session.answer()
            await asyncio.gather(*(asyncio.sleep(0.1) for _ in range(2)))
            await session.sleep(0.1)
    """)
    extension = host.extension(("python", name))
    for _ in range(5):
        host.api(f"originate loopback/{extension} &park()")
    host.wait_for(lambda: sum(span.name == f"{name}::handler" for span in spans()) == 5 or None)
    traces: dict[int, list[str]] = {}
    for span in spans():
        assert span.context
        traces.setdefault(span.context.trace_id, []).append(span.name)
    assert [set(names) for names in traces.values()] == [{"answer", "sleep", f"{name}::handler"}] * 5


@pytest.mark.parametrize(("header", "accepted"), [(PARENT, True), ("00-" + "0" * 32 + "-b7ad6b7169203331-01", False)])
def test_a_trace_goes_through_the_call(host: Host, spans: Spans, header: str, accepted: bool) -> None:
    host.config(ACCEPTS)
    name = host.script("""
        import json
        seen = {}
        async def handler(session, args):
            await session.answer()
            seen["header"], seen["exported"] = (session.getVariable(n) for n in ("sip_h_traceparent", "export_vars"))
            try: await session.originate("error/USER_BUSY")
            except Exception as error: seen["cause"] = error.cause
        def fsapi(session, stream, env, args): stream.write(json.dumps(seen))
    """)
    host.call(("set", f"sip_h_traceparent={header}"), ("export", "other=1"), ("python", name))
    host.wait_for(lambda: any(span.name == f"{name}::handler" for span in spans()) or None)
    call = by_name(spans())[f"{name}::handler"]
    assert call.context
    assert (f"{call.context.trace_id:032x}" == PARENT.split("-")[1]) is accepted
    seen = json.loads(host.api(f"python {name}"))
    # The flags: sampled, and by later versions that the id is random.
    assert re.fullmatch(f"00-{call.context.trace_id:032x}-{call.context.span_id:016x}-0[13]", seen["header"])
    assert seen["exported"].split(",") == ["other", "sip_h_traceparent"]
    assert seen["cause"] == "USER_BUSY"


def test_without_the_setting_nothing_of_the_invite_is_taken_or_handed_on(host: Host, spans: Spans) -> None:
    host.config(ACCEPTS)
    host.restore()
    found = of_call(
        host,
        spans,
        """
        async def handler(session, args):
            await session.answer()
            session.setVariable("seen", session.getVariable("sip_h_traceparent"))
        """,
        {"sip_h_traceparent": PARENT},
    )
    assert found["call"].parent is None


def test_lines_of_the_log_have_the_ids(host: Host, spans: Spans) -> None:
    found = of_call(
        host,
        spans,
        """
        import logging
        async def handler(session, args):
            logging.getLogger("ivr").warning("in the call")
        """,
    )
    context = found["call"].context
    assert context
    host.wait_log(f"^in the call trace_id={context.trace_id:032x} span_id={context.span_id:016x}$")


def test_a_tracer_that_fails_keeps_no_call(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken(trace.TracerProvider):
        def get_tracer(self, *_: Any, **__: Any) -> Any:
            raise OSError("no collector")

    monkeypatch.setattr(trace, "_TRACER_PROVIDER", Broken())
    result = host.call(
        (
            "python",
            host.script("""
        async def handler(session, args):
            session.setVariable("done", "1")
    """),
        )
    )
    assert result.variables["done"] == "1"
    host.wait_log("the call has no span")
