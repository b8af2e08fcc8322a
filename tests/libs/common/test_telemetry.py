import re

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import TraceFlags

from onerouter_common import telemetry

CALLER = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
TRACE_ID = CALLER.split("-")[1]


@pytest.fixture
def exported(monkeypatch: pytest.MonkeyPatch) -> InMemorySpanExporter:
    """A tracer that records, for this module only: the global one can be set once a process."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(telemetry, "_tracer", provider.get_tracer("onerouter"))
    return exporter


def span_named(exported: InMemorySpanExporter, name: str) -> ReadableSpan:
    (found,) = (span for span in exported.get_finished_spans() if span.name == name)
    return found


def test_a_callers_trace_goes_through_http_and_kafka_to_the_worker(exported: InMemorySpanExporter) -> None:
    with telemetry.span("gateway", parent=telemetry.extract({"traceparent": CALLER})):
        assert telemetry.trace_id() == TRACE_ID
        record_headers = dict(telemetry.kafka_headers())
    assert telemetry.trace_id() is None
    with telemetry.span("worker", parent=telemetry.extract({"traceparent": record_headers["traceparent"].decode()})):
        outgoing: dict[str, str] = {}
        telemetry.inject(outgoing)
    assert outgoing["traceparent"].split("-")[1] == TRACE_ID
    gateway, worker = span_named(exported, "gateway"), span_named(exported, "worker")
    assert worker.parent is not None
    assert gateway.context is not None
    assert worker.parent.span_id == gateway.context.span_id


def test_without_a_caller_a_trace_begins(exported: InMemorySpanExporter) -> None:
    with telemetry.span("gateway", parent=telemetry.extract({})):
        assert re.fullmatch("[0-9a-f]{32}", telemetry.trace_id() or "")


@pytest.mark.parametrize("header", ["", "x", "00-zz-zz-01", "00-" + "0" * 32 + "-" + "0" * 16 + "-01", "\xff" * 55])
def test_a_header_that_is_no_trace_begins_one(exported: InMemorySpanExporter, header: str) -> None:
    with telemetry.span("it", parent=telemetry.extract({"traceparent": header})):
        assert telemetry.trace_id() not in (None, "0" * 32)


def test_a_failed_span_names_the_class_and_never_the_message(exported: InMemorySpanExporter) -> None:
    with pytest.raises(ValueError), telemetry.span("it"):
        raise ValueError("card 4111111111111111")
    span = span_named(exported, "it")
    assert (span.status.status_code, span.status.description) == (trace.StatusCode.ERROR, "ValueError")
    assert not span.events
    assert "4111" not in span.to_json()


def test_without_an_exporter_ids_are_made_and_nothing_is_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trace, "set_tracer_provider", lambda _: None)
    provider = telemetry.configure("test", endpoint=None, ratio=1.0)
    monkeypatch.setattr(telemetry, "_tracer", provider.get_tracer("onerouter"))
    with telemetry.span("it") as span:
        assert not span.is_recording()
        assert telemetry.trace_id() is not None
        assert int(dict(telemetry.kafka_headers())["traceparent"][-2:], 16) & TraceFlags.SAMPLED == 0
    with telemetry.span("it", parent=telemetry.extract({"traceparent": CALLER})) as span:
        assert span.is_recording()  # the caller decided
    provider.shutdown()
