"""Ids, times and safe headers on every answer."""

from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind

from onerouter_common import telemetry


async def test_ids_are_echoed(gateway: Any, tenant: Any) -> None:
    headers = {**tenant.auth, "X-Request-Id": "my-request", "X-Trace-Id": "my trace"}
    answer = await gateway.http.get("/v1/payments", headers=headers)
    assert answer.headers["x-request-id"] == "my-request"
    assert answer.headers["x-trace-id"] != "my trace"  # a space could end up anywhere
    answer = await gateway.http.get("/v1/payments", headers={**tenant.auth, "X-Trace-Id": "my-trace"})
    assert answer.headers["x-trace-id"] == "my-trace"
    assert answer.headers["x-request-id"].startswith("req_")


async def test_a_request_id_names_the_trace_where_nothing_else_does(gateway: Any) -> None:
    for headers, request_id, trace_id in (
        ({"X-Request-Id": "mine"}, "mine", "mine"),
        ({"X-Request-Id": "mine", "X-Trace-Id": "trace"}, "mine", "trace"),
    ):
        answer = await gateway.http.get("/v1/payments", headers=headers)
        assert (answer.headers["x-request-id"], answer.headers["x-trace-id"]) == (request_id, trace_id)
        assert answer.json()["trace_id"] == trace_id, "a problem has the trace that its headers name"


async def test_traceparent_comes_first(gateway: Any) -> None:
    trace_id = "4bf92f3577b34da6a3ce929d0e0e4736"
    headers = {"traceparent": f"00-{trace_id}-00f067aa0ba902b7-01", "X-Trace-Id": "other"}
    answer = await gateway.http.get("/v1/payments", headers=headers)
    assert answer.status_code == 401
    assert answer.headers["x-trace-id"] == trace_id
    assert answer.json()["trace_id"] == trace_id


async def test_a_trace_id_of_ours_or_w3c_is_continued(gateway: Any) -> None:
    trace_id = "4bf92f3577b34da6a3ce929d0e0e4736"
    answer = await gateway.http.get("/v1/payments", headers={"X-Trace-Id": trace_id})
    assert answer.json()["trace_id"] == answer.headers["x-trace-id"] == trace_id


async def test_a_span_tells_the_route_and_nothing_the_caller_wrote(
    gateway: Any, tenant: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(telemetry, "_tracer", provider.get_tracer("test"))
    parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    headers = {**tenant.auth, "traceparent": parent, "tracestate": "shop=4111111111111111"}
    for method, path in (("GET", "/v1/payments/pay_4111111111111111"), ("TRACE", "/4111111111111111/x")):
        await gateway.http.request(method, path, headers=headers)
    spans = [span for span in exporter.get_finished_spans() if span.kind is SpanKind.SERVER]
    assert [span.name for span in spans] == ["GET /v1/payments/{payment_id}", "_OTHER"]
    assert dict(spans[0].attributes or {})["http.route"] == "/v1/payments/{payment_id}"
    assert "4111111111111111" not in "".join(span.to_json() for span in spans)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/nothing", 404),
        ("DELETE", "/v1/payments", 405),
        ("DELETE", "/api/v1/payments", 405),
        ("GET", "/api/v1/nothing", 404),
        ("GET", "/v1/payments", 401),
        ("GET", "/", 404),
    ],
)
async def test_every_error_is_a_problem_with_safe_headers(gateway: Any, method: str, path: str, status: int) -> None:
    answer = await gateway.http.request(method, path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert ("allow" in answer.headers) == (status == 405)
    body = answer.json()
    assert {"type", "title", "status", "detail", "instance", "code", "error", "retryable", "effect"} <= set(body)
    assert body["detail"].endswith(".")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"
    assert "server" not in answer.headers


async def test_time_is_told_apart(gateway: Any, tenant: Any) -> None:
    answer = await gateway.http.post("/v1/payments", json={"amount": 1}, headers=tenant.auth)
    assert "provider;dur=1.50" in answer.headers["server-timing"]
    total = float(answer.headers["server-timing"].split("total;dur=")[1].split(",")[0])
    assert float(answer.headers["x-onerouter-overhead-ms"]) == pytest.approx(total - 1.5, abs=0.011)


async def test_an_error_nobody_expected_shows_nothing(world: Any, tenant: Any) -> None:
    async with world.gateway() as gateway:
        gateway.app.state.gateway = None
        answer = await gateway.http.post("/v1/payments", json={"amount": 1}, headers=tenant.auth)
    assert answer.status_code == 500
    assert answer.json()["code"] == "INTERNAL_ERROR"
    assert "Traceback" not in answer.text
    assert "NoneType" not in answer.text
    assert answer.headers["x-request-id"]


async def test_more_requests_than_the_bound_are_shed(world: Any, tenant: Any) -> None:
    async with world.gateway(max_requests=1) as gateway:
        gateway.app.middleware_stack._active = 1
        answer = await gateway.http.get("/v1/payments", headers=tenant.auth)
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "1"
        gateway.app.middleware_stack._active = 0
        assert (await gateway.http.get("/v1/payments", headers=tenant.auth)).status_code == 200
