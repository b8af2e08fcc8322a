"""Making a client, and what it says of itself: to hooks, logs, traces, and to whoever prints it."""

from __future__ import annotations

import asyncio
import logging
import os
import pickle
import subprocess
import sys
import traceback
from typing import Any, Final

import httpx2
import pytest
from onerouter_common.api_keys import make_key, parse_key
from opentelemetry.sdk.trace import TracerProvider
from sdks.python.tests import faulty

from onerouter import (
    Accepted,
    APIConnectionError,
    AsyncOneRouter,
    ConfigurationError,
    DeclinedError,
    NotFoundError,
    Object,
    OneRouter,
    OneRouterError,
    OneRouterSync,
    OutcomeUnknownError,
    Outgoing,
    RawResponse,
    Response,
    Timeout,
)
from onerouter.testing import API_KEY, FakeServer, Reply, api_key, problem, timeout_after, unreachable

PAYMENT: Final = {"id": "pay_1", "object": "payment", "status": "succeeded", "client_secret": "pi_secret_1"}
WRONG: Final = API_KEY[:-1] + "0"


@pytest.fixture
def server() -> FakeServer:
    server = FakeServer()
    server.on("POST", "/v1/payments", PAYMENT, status=201)
    server.on("GET", "/v1/payments/{id}", PAYMENT)
    return server


class TestKey:
    @pytest.mark.parametrize("kind", [OneRouter, OneRouterSync])
    @pytest.mark.parametrize(
        "key", [None, "", "sk_live_abc", "unf_prod_" + "0" * 38, API_KEY[:-1], API_KEY + "0", WRONG, "unf_test_"]
    )
    def test_a_wrong_one_is_told_at_once_and_not_repeated(self, kind: type[OneRouter], key: str | None) -> None:
        with pytest.raises(ConfigurationError) as raised:
            kind(key)
        assert isinstance(raised.value, ValueError)
        described = traceback.TracebackException.from_exception(raised.value, capture_locals=True)
        ours = "".join(line for line in described.format() if "def test_" not in line and "raised = " not in line)
        shown = ours[ours.index("__init__") :]
        assert not key or len(key) < 12 or key not in shown

    @pytest.mark.parametrize("environment", ["test", "live"])
    def test_the_products_keys_are_taken(self, environment: str) -> None:
        OneRouterSync(make_key(environment).get_secret_value()).close()

    def test_those_for_tests_are_made_like_the_products(self) -> None:
        parsed = parse_key(api_key("live", "7"))
        assert parsed is not None and parsed.environment == "live"

    def test_from_the_environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("ONEROUTER_API_KEY", API_KEY)
        monkeypatch.setenv("ONEROUTER_BASE_URL", "http://gateway.internal:8080/")
        with OneRouterSync() as client:
            assert client.base_url == "http://gateway.internal:8080"
        with OneRouterSync(base_url="https://other.example") as client:
            assert client.base_url == "https://other.example"

    @pytest.mark.parametrize("kind", [OneRouter, OneRouterSync])
    def test_an_empty_one_is_not_taken_from_the_environment(
        self, kind: type[OneRouter], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("ONEROUTER_API_KEY", API_KEY)
        monkeypatch.setenv("ONEROUTER_BASE_URL", "http://gateway.internal:8080/")
        with pytest.raises(ConfigurationError, match="no API key"):
            kind("")
        with pytest.raises(ConfigurationError, match="base_url"):
            kind(base_url="")

    @pytest.mark.parametrize(
        "options",
        [
            {"base_url": "api.onerouter.com"},
            {"base_url": "ftp://api.onerouter.com"},
            {"base_url": "https://"},
            {"base_url": "https://user:pw@host"},
            {"base_url": "https://host?x=1"},
            {"base_url": "https://host:99999"},
            {"timeout": 0},
            {"deadline": -1},
            {"max_retries": -1},
            {"environment": "prod"},
        ],
    )
    def test_settings_that_cannot_be_right(self, options: dict[str, Any]) -> None:
        with pytest.raises(ConfigurationError):
            OneRouter(API_KEY, **options)


class TestWithOptions:
    def test_a_copy_has_its_own_defaults_and_the_same_connections(self, server: FakeServer) -> None:
        client = server.sync_client()
        other = client.with_options(max_retries=0, timeout=Timeout(90, connect=1), environment="test")
        server.next(problem(503), problem(503))
        with pytest.raises(OneRouterError):
            other.payments.get("pay_1")
        assert len(server.calls) == 1
        assert server.calls[0].headers["x-onerouter-environment"] == "test"
        assert client.payments.get("pay_1").response.attempts == 2
        assert other._transport is client._transport and other.payments is not client.payments

    async def test_only_the_first_one_closes_them(self) -> None:
        async with OneRouter(API_KEY, "http://127.0.0.1:9") as client:
            async with client.with_options(deadline=3):
                pass
            with pytest.raises(APIConnectionError):
                await client.payments.get("pay_1", max_retries=0)
        with pytest.raises(RuntimeError):
            await client.payments.get("pay_1", max_retries=0)

    def test_a_client_that_was_given_is_left_open(self, server: FakeServer) -> None:
        with httpx2.Client(transport=httpx2.MockTransport(server._handle)) as http:
            with OneRouterSync(API_KEY, http_client=http) as client:
                assert client.payments.get("pay_1").id == "pay_1"
            assert not http.is_closed


class TestOneCall:
    def test_options_travel(self, server: FakeServer) -> None:
        payment = server.sync_client().payments.create(
            amount="499.00",
            currency="INR",
            idempotency_key="order-1042",
            environment="test",
            wait=45,
            extra_headers={"X-Trace-Id": "trace-1", "User-Agent": "mine"},
            extra_query={"expand": ["customer", "refunds"], "none": None},
            extra_body={"new_field": True, "currency": "USD"},
        )
        (call,) = server.calls
        assert call.json == {"amount": "499.00", "currency": "USD", "new_field": True}
        assert call.query == {"expand": "customer,refunds"}
        sent = call.headers
        assert (sent["prefer"], sent["x-trace-id"], sent["user-agent"]) == ("wait=45", "trace-1", "mine")
        assert sent["authorization"] == f"Bearer {API_KEY}" and sent["content-type"] == "application/json"
        assert payment.idempotency_key == call.idempotency_key == "order-1042"

    def test_each_call_has_a_key_of_its_own(self, server: FakeServer) -> None:
        client = server.sync_client()
        for _ in range(3):
            client.payments.create(amount=1, currency="INR")
        client.payments.get("pay_1")
        keys = [call.idempotency_key for call in server.calls]
        assert len({*keys[:3]}) == 3 and None not in keys[:3] and keys[3] is None

    @pytest.mark.parametrize("key", ["é", "x" * 256, "a\nb", " a"])
    def test_a_key_the_server_would_refuse(self, server: FakeServer, key: str) -> None:
        with pytest.raises(ValueError, match="printable"):
            server.sync_client().payments.create(amount=1, currency="INR", idempotency_key=key)

    def test_what_has_no_method_yet(self, server: FakeServer) -> None:
        server.on("PUT", "/v1/new/{id}", lambda call: {"seen": call.json, "items": [{"a": 1}]})
        server.on("GET", "/v1/new", [{"id": "n1"}])
        client = server.sync_client()
        made = client.request("put", "/v1/new/1", json={"x": 1}, query={"q": "a b"}, idempotency_key="k")
        assert made.seen.x == 1 and made["items"][0].a == 1 and made.response.idempotency_key == "k"
        assert server.calls[0].query == {"q": "a b"}
        assert client.request("GET", "/v1/new")[0].id == "n1"
        server.next(timeout_after())
        with pytest.raises(APIConnectionError):
            client.request("PUT", "/v1/new/1", once=True)
        for path in ("v1/new", "//evil.example/v1", "https://evil.example"):
            with pytest.raises(ValueError, match="slash"):
                client.request("GET", path)

    async def test_raw(self, server: FakeServer) -> None:
        raw = await server.client().payments.with_raw_response.get("pay_1")
        assert isinstance(raw, RawResponse)
        assert raw.status_code == 200 and raw.headers["Content-Type"] == "application/json"
        assert raw.json() == PAYMENT and raw.parse().client_secret == "pi_secret_1"
        server.on("GET", "/v1/refunds", {"data": [{"id": "re_1"}], "has_more": False, "next_cursor": None})
        client = server.sync_client()
        assert client.refunds.with_raw_response.list().parse().data[0].id == "re_1"
        with pytest.raises(NotFoundError):
            client.payments.with_raw_response.cancel("pay_2")
        server.on("GET", "/v1/events", {"data": [{"id": "evt_1"}], "iterator": "c1", "done": True})
        assert client.events.with_raw_response.list().parse().data[0].id == "evt_1"

    def test_an_error_says_all_it_knows(self, server: FakeServer) -> None:
        server.next(
            problem(
                402,
                "PAYMENT_FAILED",
                "The card was declined.",
                provider="stripe",
                provider_code="card_declined",
                trace_id="t1",
                operation_id="op_1",
                errors=[{"field": "card", "message": "was declined"}],
            )
        )
        with pytest.raises(DeclinedError) as raised:
            server.sync_client().payments.create(amount=1, currency="INR")
        error = raised.value
        assert error.message == "The card was declined." and str(error).startswith("The card was declined. [status=402")
        assert (error.status_code, error.code, error.provider, error.provider_code) == (
            402,
            "PAYMENT_FAILED",
            "stripe",
            "card_declined",
        )
        assert (error.trace_id, error.operation_id, error.effect, error.retryable) == ("t1", "op_1", "none", False)
        assert error.errors == ({"field": "card", "message": "was declined"},)
        assert error.request_id and error.request_id == error.headers["x-request-id"]
        assert error.doc_url == "https://onerouter.dev/problems/payment-failed"
        assert error.body["title"] == "The card was declined." and error.idempotency_key
        again = pickle.loads(pickle.dumps(error))
        assert (type(again), str(again), again.idempotency_key) == (DeclinedError, str(error), error.idempotency_key)


class TestAccepted:
    @staticmethod
    def accept(server: FakeServer, *states: dict[str, Any]) -> None:
        accepted = {"id": "op_1", "object": "operation", "operation": "payment.create", "status": "accepted"}
        server.on("POST", "/v1/payments", Reply({**accepted, "effect": "none"}, 202))
        left = list(states)
        operation = {**accepted, "effect": "none", "result": None, "error": None}
        server.on("GET", "/v1/operations/op_1", lambda _: {**operation, **(left.pop(0) if len(left) > 1 else left[0])})

    @pytest.mark.parametrize("lost", [[timeout_after()], []], ids=["its answer got lost", "somebody else's"])
    def test_it_is_told_that_it_is_under_way(self, server: FakeServer, lost: list[Any]) -> None:
        self.accept(server, {"status": "succeeded", "result": PAYMENT})
        in_flight = problem(409, "OPERATION_IN_FLIGHT", operation_id="op_1")
        told: list[Response] = []
        client = server.sync_client(on_response=lambda _, response: told.append(response))
        server.next(*lost, in_flight)
        accepted = client.payments.create(amount=1, currency="INR", wait=False, idempotency_key="order-1")
        assert isinstance(accepted, Accepted)
        assert (accepted.operation_id, accepted.status, accepted.effect) == ("op_1", "accepted", "unknown")
        assert (accepted.idempotency_key, accepted.response.attempts) == ("order-1", len(lost) + 1)
        assert (told[0].status_code, accepted.response.status_code) == (409, 202)
        assert accepted.wait().id == "pay_1"

    def test_who_waits_is_given_the_result(self, server: FakeServer) -> None:
        server.next(problem(409, "OPERATION_IN_FLIGHT", operation_id="op_1"))
        assert server.sync_client().payments.create(amount=1, currency="INR").id == "pay_1"

    def test_a_refusal_without_an_operation_is_one(self, server: FakeServer) -> None:
        server.next(problem(409, "OPERATION_IN_FLIGHT"))
        with pytest.raises(OneRouterError) as raised:
            server.sync_client(max_retries=0).payments.create(amount=1, currency="INR", wait=False)
        assert raised.value.code == "OPERATION_IN_FLIGHT"

    async def test_it_is_followed_to_its_result(self, server: FakeServer) -> None:
        self.accept(server, {}, {"status": "executing"}, {"status": "succeeded", "result": {**PAYMENT, "nested": {}}})
        client = server.client()
        accepted = await client.payments.create(amount=1, currency="INR", wait=False)
        assert server.calls[0].headers["prefer"] == "respond-async"
        assert isinstance(accepted, Accepted)
        assert (accepted.operation_id, accepted.status) == ("op_1", "accepted")
        payment = await accepted.wait()
        assert (type(payment).__name__, payment.id) == ("Payment", "pay_1")
        assert await payment.wait() is payment

    def test_it_fails_with_its_own_error(self, server: FakeServer) -> None:
        failed = {"status": 402, "code": "PAYMENT_FAILED", "detail": "Declined."}
        self.accept(server, {"status": "failed", "error": failed})
        with pytest.raises(DeclinedError, match="Declined") as raised:
            server.sync_client().payments.create(amount=1, currency="INR", wait=False).wait()
        assert raised.value.operation_id == "op_1"

    def test_an_operation_that_failed_with_404_is_not_looked_for_again(self, server: FakeServer) -> None:
        self.accept(
            server, {"status": "failed", "error": {"status": 404, "code": "PAYMENT_NOT_FOUND", "detail": "No."}}
        )
        with pytest.raises(NotFoundError, match="No"):
            server.sync_client().operations.wait("op_1")
        assert server.waits == []

    def test_it_is_accepted_before_it_can_be_read_and_an_outage_is_waited_out(self, server: FakeServer) -> None:
        self.accept(server, {"status": "succeeded", "result": {"failure": {"code": "X"}}})
        client = server.sync_client()
        accepted = client.payments.create(amount=1, currency="INR")
        server.next(problem(404), *[problem(503)] * 4, unreachable())
        payment = accepted.wait(timeout=600)
        assert payment.failure.code == "X"
        assert type(payment.failure) is type(payment)._nested["failure"]

    def test_who_cannot_be_reached_says_nothing(self, server: FakeServer) -> None:
        self.accept(server, {"status": "executing"})
        client = server.sync_client(max_retries=0)
        server.next(unreachable())
        with pytest.raises(OutcomeUnknownError) as raised:
            client.operations.wait("op_1", timeout=0)
        assert isinstance(raised.value.__cause__, APIConnectionError)

    @pytest.mark.parametrize("state", ["unknown", "executing", "scheduled"])
    def test_nobody_knows_yet(self, server: FakeServer, state: str) -> None:
        self.accept(server, {"status": state})
        with pytest.raises(OutcomeUnknownError) as raised:
            server.sync_client().operations.wait("op_1", timeout=0)
        error = raised.value
        assert (error.operation_id, error.operation_status, error.effect) == ("op_1", state, "unknown")


class TestLists:
    @pytest.fixture
    def pages(self, server: FakeServer) -> FakeServer:
        cursors = {None: "c1", "c1": "c2", "c2": None}
        server.on(
            "GET",
            "/v1/payments",
            lambda call: {
                "data": [{"id": f"pay_{call.query.get('cursor')}_{number}"} for number in range(2)],
                "has_more": cursors[call.query.get("cursor")] is not None,
                "next_cursor": cursors[call.query.get("cursor")],
            },
        )
        return server

    async def test_all_pages_and_none_too_early(self, pages: FakeServer) -> None:
        listed = pages.client().payments.list(status="succeeded")
        assert pages.calls == []
        seen = []
        async for payment in listed:
            seen.append((payment.id, len(pages.calls)))
        assert [calls for _, calls in seen] == [1, 1, 2, 2, 3, 3] and len(dict(seen)) == 6
        assert {call.query["status"] for call in pages.calls} == {"succeeded"}

    async def test_the_first_page(self, pages: FakeServer) -> None:
        page = await pages.client().payments.list()
        assert len(page) == 2 and page.has_more and page.next_cursor == "c1"
        second = await page.next_page()
        assert second is not None and second.data[0].id == "pay_c1_0"

    def test_so_many(self, pages: FakeServer) -> None:
        client = pages.sync_client()
        assert len(client.payments.list().collect(limit=3)) == 3 and len(pages.calls) == 2
        assert client.payments.list().collect(limit=0) == [] and len(pages.calls) == 2
        page = client.payments.list().page("c2")
        assert page.next_page() is None and [payment.id for payment in page] == ["pay_c2_0", "pay_c2_1"]


class TestHooks:
    async def test_each_attempt_is_told(self, server: FakeServer) -> None:
        seen: list[Any] = []

        async def before(attempt: Outgoing) -> None:
            attempt.headers["X-Mine"] = str(attempt.attempt)
            seen.append((attempt.method, attempt.path, attempt.attempt))

        def after(attempt: Outgoing, response: Response) -> None:
            seen.append((attempt.attempt, response.status_code))

        server.next(unreachable(), problem(503))
        client = server.client(on_request=before, on_response=after)
        payment = await client.payments.create(amount=1, currency="INR")
        route = ("POST", "/v1/payments")
        assert seen == [(*route, 1), (*route, 2), (2, 503), (*route, 3), (3, 201)]
        assert [call.headers["x-mine"] for call in server.calls] == ["2", "3"]
        assert payment.response.attempts == 3

    def test_a_key_is_not_shown_to_them(self, server: FakeServer) -> None:
        seen: list[str] = []
        client = server.sync_client(on_request=lambda attempt: seen.append(repr(attempt)))
        client.payments.get("pay_1")
        assert seen and API_KEY not in seen[0]

    def test_what_proves_who_one_is_is_not_shown(self, server: FakeServer) -> None:
        seen: list[str] = []
        client = server.sync_client(on_request=lambda attempt: seen.append(repr(attempt)))
        headers = {"authorization": "Basic dTpw", "X-Api-Key": "mine-1", "Cookie": "s=1", "X-Note": API_KEY}
        client.payments.create(amount=1, currency="INR", idempotency_key="order-1", extra_headers=headers)
        assert "order-1" in seen[0]
        assert not any(value in seen[0] for value in headers.values())
        assert server.calls[0].headers["authorization"] == "Basic dTpw"


class TestTracing:
    def test_the_current_span(self, server: FakeServer) -> None:
        client = server.sync_client()
        client.payments.get("pay_1")
        with TracerProvider().get_tracer("test").start_as_current_span("mine") as span:
            client.payments.get("pay_1")
        context = span.get_span_context()
        assert "traceparent" not in server.calls[0].headers
        assert (
            server.calls[1].headers["traceparent"]
            == f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"
        )


class TestSecrets:
    def test_what_is_printed(self, server: FakeServer) -> None:
        client = server.sync_client(webhook_secret="whsec_abcdefgh")
        payment = client.payments.get("pay_1")
        assert API_KEY not in repr(client) and "unf_test_0000" in repr(client)
        assert "pi_secret_1" not in repr(payment) and "pi_secret_1" not in repr([payment])
        assert payment.client_secret == payment["client_secret"] == "pi_secret_1"
        assert API_KEY not in repr(vars(client)) and API_KEY not in repr(vars(client._transport))

    async def test_a_traceback_with_all_its_variables(self) -> None:
        """As error trackers and rich write it: the frames of ours and of the HTTP client's."""
        shown = []
        for client in (OneRouter(API_KEY, "http://127.0.0.1:9"), OneRouterSync(API_KEY, "http://127.0.0.1:9")):
            with pytest.raises(APIConnectionError) as raised:
                called = client.payments.create(amount=1, currency="INR", max_retries=0)
                if asyncio.iscoroutine(called):
                    await called
            error: BaseException | None = raised.value
            while error is not None:
                described = traceback.TracebackException.from_exception(error, capture_locals=True)
                shown.append("".join(described.format()))
                error = error.__cause__ or error.__context__
        text = "".join(shown)
        assert "_exchange" in text and "ConnectError" in text
        assert API_KEY not in text and "Bearer" not in text

    def test_logs(self, server: FakeServer, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.DEBUG)
        server.on("GET", "/v1/payments", {"data": [], "has_more": False, "next_cursor": None})
        server.next(problem(503))
        client = server.sync_client()
        client.payments.list(customer_id="cus_secret_person").page()
        logging.getLogger("onerouter").warning("using %s", API_KEY)
        assert "POST" not in caplog.text and "again in" in caplog.text and "request_id='req_test" in caplog.text
        assert API_KEY not in caplog.text and "unf_test_0000…" in caplog.text
        ours = [record.getMessage() for record in caplog.records if record.name == "onerouter"]
        assert len(ours) == 4 and not any("cus_secret_person" in line for line in ours)

    def test_what_the_environment_asks_for(self) -> None:
        program = (
            "import logging; from onerouter.testing import API_KEY, FakeServer\n"
            "server = FakeServer(); server.on('GET', '/v1/payments/{id}', {})\n"
            "server.sync_client().payments.get('pay_1'); logging.getLogger('onerouter').error(API_KEY)"
        )
        for level, lines in (("debug", 2), ("nonsense", 1)):
            command = [sys.executable, "-c", program]
            done = subprocess.run(
                command, capture_output=True, text=True, check=True, env={**os.environ, "ONEROUTER_LOG": level}
            )
            assert len(done.stderr.splitlines()) == lines and API_KEY not in done.stderr
            assert ("GET /v1/payments/pay_1" in done.stderr) == (level == "debug")

    def test_a_logger_of_ones_own(self, server: FakeServer, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.DEBUG)
        server.sync_client(logger=logging.getLogger("mine")).payments.get("pay_1")
        assert [record.name for record in caplog.records if record.name in {"mine", "onerouter"}] == ["mine"]
        logging.getLogger("mine").warning("using %s", API_KEY)
        assert API_KEY not in caplog.text and "unf_test_0000…" in caplog.text


class TestObject:
    def test_secrets_in_what_is_in_it_do_not_show(self) -> None:
        made = Object({"secret": ["s-1", "s-2"], "endpoints": [{"secret": "s-3", "url": "u"}], "of": {"token": "s-4"}})
        assert "s-" not in repr(made) and "'url': 'u'" in repr(made)
        assert made["endpoints"][0]["secret"] == "s-3"

    def test_a_dictionary_whose_fields_are_attributes(self) -> None:
        made = Object(id="pay_1", status="succeeded")
        assert made.status == made["status"] and made == {"id": "pay_1", "status": "succeeded"}  # type: ignore[attr-defined]
        made.note = "x"
        assert made["note"] == "x" and "note" in dir(made)
        del made.note  # type: ignore[attr-defined]
        with pytest.raises(AttributeError, match="has no field 'note'"):
            _ = made.note  # type: ignore[attr-defined]
        with pytest.raises(AttributeError, match="has a response"):
            _ = made.response
        with pytest.raises(AttributeError, match="waited for"):
            made.wait()
        assert pickle.loads(pickle.dumps(made)) == made and made.idempotency_key is None

    def test_a_result_can_be_kept(self, server: FakeServer) -> None:
        payment = server.sync_client().payments.get("pay_1")
        again = pickle.loads(pickle.dumps(payment))
        assert again == payment and type(again) is type(payment)


async def test_the_names() -> None:
    assert AsyncOneRouter is OneRouter
    client: Any = OneRouterSync(API_KEY, "http://127.0.0.1:9", 5, 1)
    assert (client._defaults.timeout.total, client._defaults.max_retries) == (5, 1)


class TestConnections:
    def test_a_client_outlives_an_event_loop(self) -> None:
        """In a process of its own: nobody can close what a loop leaves open, which Python warns of here."""
        program = (
            "import asyncio, sys; from onerouter import OneRouter\n"
            "client = OneRouter(sys.argv[1], sys.argv[2], max_retries=0)\n"
            "for _ in range(3): print(asyncio.run(client.payments.get('pay_1')).id)\n"
            "print(len(client._transport._made))"
        )
        with faulty.serving() as server:
            command = [sys.executable, "-c", program, API_KEY, server.url]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.stdout.split() == ["pay_1", "pay_1", "pay_1", "1"], done.stderr

    @pytest.mark.parametrize("kind", [OneRouter, OneRouterSync])
    async def test_a_proxy(self, kind: type[OneRouter]) -> None:
        with faulty.serving() as proxy:
            client = kind(API_KEY, "http://api.example/base", proxy=proxy.url)
            payment = client.payments.get("pay_1")
            assert (await payment if asyncio.iscoroutine(payment) else payment).id == "pay_1"
            assert proxy.came[0].line == "GET http://api.example/base/v1/payments/pay_1 HTTP/1.1"
            closed: Any = client.close()
            if closed is not None:
                await closed

    async def test_another_librarys_client_is_told_at_once(self) -> None:
        with httpx2.Client() as other, pytest.raises(ConfigurationError, match="AsyncClient of httpx2"):
            OneRouter(API_KEY, http_client=other)  # type: ignore[arg-type]
        with pytest.raises(ConfigurationError, match="Client of httpx2"):
            OneRouterSync(API_KEY, http_client=object())  # type: ignore[arg-type]

    async def test_a_closed_client_says_so(self, server: FakeServer) -> None:
        client = server.client()
        await client.close()
        with pytest.raises(RuntimeError, match="closed"):
            await client.payments.get("pay_1")


async def test_a_timeout_after_the_effect(server: FakeServer) -> None:
    server.next(timeout_after(), timeout_after())
    async with server.client() as client:
        payment = await client.payments.create(amount=1, currency="INR")
    assert (len(server.effects), len(server.calls), payment.response.replayed) == (1, 3, True)
    assert len(server.waits) == 2
