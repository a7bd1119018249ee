"""OpenTelemetry: a span for each call that an async handler serves, and one for each of its verbs.

Its API is used where the environment has it, and is looked for once. What is recorded, and where it goes, is set up by
a script, as in any program; until then, and where the API is missing, nothing is. Spans are made on the event loop
alone.
"""

from __future__ import annotations

import contextlib
import logging
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from _freeswitch import accepts_traceparent

try:
    from opentelemetry import trace
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
except ImportError:
    trace = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from freeswitch._async import AsyncSession

log = logging.getLogger("freeswitch.loop")

HEADER = "sip_h_traceparent"
# Where mod_sofia puts what an INVITE brings: `traceparent` where a profile has parse-all-invite-headers, and headers
# whose names begin with X- always. The first is what a dialplan, or a leg that was called by a traced one, has set.
PLACES = (HEADER, "sip_i_traceparent", "sip_h_X-Traceparent")
# The form of version 00, which later versions keep (https://www.w3.org/TR/trace-context/).
FORM = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")


class CallSpan:
    """The span of a call."""

    def __init__(self, span: Any) -> None:
        self._span = span

    def end(self, error: BaseException | None, lost: str | None) -> None:
        """Say how the call ended: `lost` is hangup, transfer or taken, and `error` what the handler raised."""
        if self._span is None:
            return
        if lost:
            self._span.set_attribute("freeswitch.end", lost)
        if error is not None:
            _fail(self._span, error)


@contextlib.contextmanager
def of_call(session: AsyncSession, name: str) -> Iterator[CallSpan]:
    """Make the span of a call, which is current inside. Its verbs have spans if it is recorded."""
    span = _begin(session, name)
    if span is None:
        yield CallSpan(None)
        return
    with trace.use_span(span, end_on_exit=True, record_exception=False, set_status_on_exception=False):
        try:
            _hand_on(session)
        except Exception:
            log.exception("the trace is not handed on")
        session._is_traced = True
        yield CallSpan(span)


def _begin(session: AsyncSession, name: str) -> Any:
    """Give the span of a call; None where nobody sees it. What a script has set up may fail: the call goes on."""
    if trace is None:
        return None
    try:
        parent = _parent(session) if accepts_traceparent() else None
        span = _tracer().start_span(name, context=parent, kind=trace.SpanKind.SERVER)
        if not span.is_recording():
            return None
        for attribute, variable in (("freeswitch.uuid", "uuid"), ("sip.call_id", "sip_call_id")):
            value = session.getVariable(variable)
            if value:
                span.set_attribute(attribute, value)
    except Exception:
        log.exception("the call has no span")
        return None
    return span


@contextlib.contextmanager
def of_verb(name: str) -> Iterator[None]:
    """Make the span of a verb, beneath the one that is current."""
    with _tracer().start_as_current_span(
        name, kind=trace.SpanKind.INTERNAL, record_exception=False, set_status_on_exception=False
    ) as span:
        try:
            yield
        except Exception as error:
            _fail(span, error)
            raise


def ids() -> str:
    """Give the ids of the span that is current, for a line of the log; "" where none is recorded."""
    if trace is None:
        return ""
    span = trace.get_current_span()
    if not span.is_recording():
        return ""
    context = span.get_span_context()
    return f"trace_id={context.trace_id:032x} span_id={context.span_id:016x}"


def traceparent() -> str | None:
    """Give what a call that is placed now carries, so that its far end continues the span that is current."""
    if trace is None or not accepts_traceparent() or not trace.get_current_span().is_recording():
        return None
    carrier: dict[str, str] = {}
    TraceContextTextMapPropagator().inject(carrier)
    return carrier.get("traceparent")


def _tracer() -> Any:
    return trace.get_tracer("mod_rust")


def _fail(span: Any, error: BaseException) -> None:
    span.record_exception(error)
    span.set_status(trace.Status(trace.StatusCode.ERROR, str(error)))


def _parent(session: AsyncSession) -> Any:
    for place in PLACES:
        value = session.getVariable(place)
        if value and FORM.fullmatch(value):
            return TraceContextTextMapPropagator().extract({"traceparent": value})
    return None


def _hand_on(session: AsyncSession) -> None:
    """Have the legs that the call is bridged to carry its span on."""
    value = traceparent()
    if value is None:
        return
    session.setVariable(HEADER, value)
    exported = [name for name in (session.getVariable("export_vars") or "").split(",") if name]
    if HEADER not in exported:
        session.setVariable("export_vars", ",".join([*exported, HEADER]))
