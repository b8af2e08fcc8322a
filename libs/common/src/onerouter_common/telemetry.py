"""Traces: one span an operation and process, made by hand (auto-instrumentation costs more than our own work).

The trace travels as W3C `traceparent`: HTTP header → Kafka header → worker → span around the provider call.
"""

from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from typing import Final

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

TRACEPARENT: Final = "traceparent"

_propagator = TraceContextTextMapPropagator()
_tracer = trace.get_tracer("onerouter")

Attribute = str | int | float | bool


def configure(service: str, endpoint: str | None = None, ratio: float = 1.0) -> TracerProvider:
    """Make this process's tracer. Without an endpoint traces are still made and passed on, only not exported.

    Nothing is recorded without an exporter (ratio 0), so that ids cost little; a caller's sampled trace stays sampled.
    """
    provider = TracerProvider(
        resource=Resource.create({"service.name": f"onerouter-{service}"}),
        sampler=ParentBased(TraceIdRatioBased(ratio if endpoint else 0.0)),
    )
    if endpoint is not None:
        exporter = OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces", timeout=5)
        provider.add_span_processor(BatchSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    return provider


@contextmanager
def span(
    name: str,
    *,
    parent: Context | None = None,
    kind: SpanKind = SpanKind.INTERNAL,
    attributes: Mapping[str, Attribute] | None = None,
) -> Iterator[Span]:
    """A span that is current inside the block; an exception marks it failed by class name (messages may hold data)."""
    with _tracer.start_as_current_span(
        name,
        context=parent,
        kind=kind,
        attributes=attributes,
        record_exception=False,
        set_status_on_exception=False,
    ) as current:
        try:
            yield current
        except Exception as error:
            current.set_status(Status(StatusCode.ERROR, type(error).__name__))
            raise


def inject(carrier: MutableMapping[str, str]) -> None:
    """Write the current trace into HTTP-like headers."""
    _propagator.inject(carrier)


def extract(carrier: Mapping[str, str]) -> Context:
    """The caller's trace from HTTP-like headers (lower-case names); an empty context where there is none."""
    return _propagator.extract(carrier)


def kafka_headers() -> list[tuple[str, bytes]]:
    """The current trace as record headers."""
    carrier: dict[str, str] = {}
    _propagator.inject(carrier)
    return [(name, value.encode()) for name, value in carrier.items()]


def trace_id() -> str | None:
    """The current trace's id in hex, or None outside a trace."""
    current = trace.get_current_span().get_span_context()
    return f"{current.trace_id:032x}" if current.is_valid else None
