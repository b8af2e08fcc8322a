"""The whole service on real engines: a command from the log to Razorpay's simulator, its answer, events and reads."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import httpx
import pytest
import uvicorn
from aiokafka import AIOKafkaConsumer, TopicPartition
from fastapi import FastAPI
from pydantic import SecretStr, ValidationError
from tests.libs.common.worker.rig import skip_what_is_there
from tests.sealing import new_data_key

from onerouter_common.broker import Producer
from onerouter_common.contracts import topics
from onerouter_common.contracts.callbacks import Callback, CallbackObject
from onerouter_common.contracts.commands import HEADER_REPLY_PARTITION, HEADER_REPLY_TO, Command
from onerouter_common.contracts.events import Event
from onerouter_common.contracts.replies import Reply
from onerouter_common.ids import new_id
from onerouter_common.secrets import KeyRing
from onerouter_common.web.internal import InternalAuth
from onerouter_payments.app import create_app
from onerouter_payments.settings import Settings
from onerouter_sandbox.app import create_app as create_sandbox
from onerouter_sandbox.settings import Settings as SandboxSettings

if TYPE_CHECKING:
    from onerouter_local.testing import Database

TOKEN = "internal-token-of-tests-0123456789"
KEYS = KeyRing.generate("k1")
LIVE_KEYS = KeyRing.generate("k1")
KEY_SECRET = "sandbox_key_secret_01"
REPLY_PARTITION = 7


@dataclass
class Stack:
    tenant_id: str
    connection_id: str
    provider: str
    payments: httpx.AsyncClient
    sandbox: httpx.AsyncClient
    producer: Producer
    replies: AIOKafkaConsumer
    events: AIOKafkaConsumer

    async def ask(self, operation: str, payload: dict[str, Any], *, payment_id: str | None = None) -> Reply:
        """What the gateway does: publish a command, wait for its reply on the gateway's partition."""
        resource_id = payment_id if payment_id and operation != "refund.create" else None
        resource_id = resource_id or new_id("re" if operation == "refund.create" else "pay")
        command = Command(
            command_id=new_id("cmd"),
            operation_id=new_id("op"),
            operation=operation,
            tenant_id=self.tenant_id,
            environment="test",
            category="payments",
            resource_id=resource_id,
            ordering_key=payment_id or resource_id,
            fingerprint="f" * 64,
            payload=payload,
            api_key_id="key_1",
            accepted_at=datetime.now(UTC),
        )
        await self.producer.publish(
            topics.commands("payments"),
            command.to_bytes(),
            key=command.ordering_key,
            headers=[(HEADER_REPLY_TO, b"replies.v1"), (HEADER_REPLY_PARTITION, str(REPLY_PARTITION).encode())],
        )
        async with asyncio.timeout(20):
            while True:
                reply = Reply.model_validate_json((await self.replies.getone()).value)
                if reply.operation_id == command.operation_id:
                    return reply

    async def event(self) -> Event:
        """The next event of this test's tenant."""
        async with asyncio.timeout(20):
            while True:
                event = Event.model_validate_json((await self.events.getone()).value)
                if event.tenant_id == self.tenant_id:
                    return event

    async def call_back(self, told: CallbackObject) -> None:
        now = datetime.now(UTC)
        callback = Callback(
            callback_id=new_id("cb"),
            provider=self.provider,
            provider_event_id=uuid4().hex,
            provider_event_type="x",
            connection_id=self.connection_id,
            tenant_id=self.tenant_id,
            environment="test",
            category="payments",
            occurred_at=now,
            received_at=now,
            object=told,
        )
        await self.producer.publish(topics.callbacks("payments"), callback.to_bytes(), key=told.order_id or "")

    async def read(self, path: str) -> dict[str, Any]:
        headers = InternalAuth(SecretStr(TOKEN)).tenant_headers(self.tenant_id, "test")
        answer = await self.payments.get(f"/internal{path}", headers=headers)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())


@pytest.fixture
async def stack(payments_database: "Database", kafka_bootstrap: str) -> AsyncIterator[Stack]:
    key_id = f"rzp_test_{uuid4().hex[:12]}"
    async with _stack(payments_database, kafka_bootstrap, "razorpay", {"key_id": key_id}, "key_secret") as opened:
        yield opened


@pytest.fixture
async def paypal(payments_database: "Database", kafka_bootstrap: str) -> AsyncIterator[Stack]:
    client_id = f"AX{uuid4().hex}"
    async with _stack(
        payments_database, kafka_bootstrap, "paypal", {"client_id": client_id}, "client_secret"
    ) as opened:
        yield opened


@asynccontextmanager
async def _stack(
    payments_database: "Database", kafka_bootstrap: str, provider: str, public: dict[str, str], secret: str
) -> AsyncIterator[Stack]:
    """The service with one connection to the sandbox; `secret` is the name of the credential that is sealed."""
    await skip_what_is_there(kafka_bootstrap)
    tenant_id, connection_id = new_id("ten"), new_id("con")
    accounts = {provider: ({**public, secret: KEY_SECRET},)}
    async with contextlib.AsyncExitStack() as opened:
        sandbox = await opened.enter_async_context(_served(lambda: create_sandbox(SandboxSettings(accounts=accounts))))
        registry = await opened.enter_async_context(
            _served(lambda: _registry(_route(tenant_id, connection_id, provider, public, secret)))
        )
        settings = Settings.model_validate(
            {
                "mode": "local",
                "kafka_bootstrap_servers": kafka_bootstrap,
                "internal_tokens": TOKEN,
                "database_url": payments_database.dsn,
                "database_pool_size": 4,
                "registry_url": registry,
                "credential_keys_test": KEYS,
                "credential_keys_live": LIVE_KEYS,
                "provider_base_urls": {provider: f"{sandbox}/{provider}"},
                "checkout_urls": {"razorpay": f"{sandbox}/razorpay/checkout/{{order_id}}"},
                "log_level": "ERROR",
                "drain_timeout_s": 5,
            }
        )
        payments = await opened.enter_async_context(_served(lambda: create_app(settings)))
        producer = await opened.enter_async_context(Producer(kafka_bootstrap, client_id="test-gateway"))
        await producer.wait_ready(10)
        yield Stack(
            tenant_id,
            connection_id,
            provider,
            await opened.enter_async_context(httpx.AsyncClient(base_url=payments, verify=False)),
            await opened.enter_async_context(httpx.AsyncClient(base_url=sandbox, verify=False)),
            producer,
            await opened.enter_async_context(_reader(kafka_bootstrap, topics.REPLIES, [REPLY_PARTITION])),
            await opened.enter_async_context(_reader(kafka_bootstrap, topics.events("payments"), range(12))),
        )


async def test_a_payment_lives_its_life(stack: Stack) -> None:
    async with asyncio.timeout(10):
        while (await stack.payments.get("/readyz")).status_code != 200:
            await asyncio.sleep(0.02)

    made = await stack.ask("payment.create", {"amount_minor": 50_000, "currency": "INR", "receipt": "A-1"})
    assert (made.state, made.status) == ("succeeded", 201), made
    view = made.result
    assert view is not None
    assert (view["status"], view["amount"], view["receipt"]) == ("created", 500.0, "A-1")
    assert view["checkout_url"] == f"{stack.sandbox.base_url}/razorpay/checkout/{view['provider_order_id']}"
    assert await stack.read(f"/payments/{view['id']}") == view
    created = await stack.event()
    assert (created.type, created.sequence, created.data) == ("payment.created", 1, view)

    order_id = str(view["provider_order_id"])
    paid = (await stack.sandbox.post(f"/control/razorpay/orders/{order_id}/pay", json={})).json()
    told = CallbackObject(
        kind="payment", status="succeeded", order_id=order_id, payment_id=paid["payment_id"], method="upi"
    )
    await stack.call_back(told)
    await stack.call_back(told)
    succeeded = await stack.event()
    assert (succeeded.type, succeeded.sequence) == ("payment.succeeded", 2)
    assert await stack.read(f"/payments/{paid['payment_id']}") == succeeded.data

    payment_id = str(view["id"])
    too_much = await stack.ask(
        "refund.create", {"payment_id": payment_id, "amount_minor": 60_000}, payment_id=payment_id
    )
    assert too_much.problem is not None
    assert too_much.problem.detail == ("amount is 600.00 INR, but only 500.00 INR is left to refund of this payment.")
    refunded = await stack.ask("refund.create", {"payment_id": payment_id}, payment_id=payment_id)
    assert (refunded.state, refunded.status) == ("succeeded", 201), refunded
    assert refunded.result is not None
    assert (refunded.result["status"], refunded.result["amount_minor"]) == ("succeeded", 50_000)
    assert [(event.type, event.sequence) for event in [await stack.event() for _ in range(3)]] == [
        ("refund.created", 1),
        ("refund.succeeded", 2),
        ("payment.refunded", 3),
    ]
    assert (await stack.read(f"/payments/{order_id}"))["status"] == "refunded"
    assert (await stack.read(f"/refunds?payment_id={payment_id}"))["data"] == [refunded.result]

    operation = await stack.read(f"/operations/{refunded.operation_id}")
    assert (operation["status"], operation["effect"], operation["effect_guarantee"]) == (
        "succeeded",
        "committed",
        "exactly_once",
    )
    assert [attempt["outcome"] for attempt in operation["attempts"]] == ["succeeded"]
    assert len((await stack.read("/operations?operation=refund.create"))["data"]) == 2


async def test_what_the_payer_approved_is_taken_by_us_and_once(paypal: Stack) -> None:
    made = await paypal.ask("payment.create", {"amount_minor": 1_299, "currency": "USD"})
    assert (made.state, made.status) == ("succeeded", 201), made
    view = made.result
    assert view is not None
    assert view["status"] == "requires_action"
    order_id = str(view["provider_order_id"])
    assert view["checkout_url"] == f"{paypal.sandbox.base_url}/paypal/checkoutnow?token={order_id}"
    assert (await paypal.event()).type == "payment.created"

    await paypal.sandbox.post(f"/control/paypal/orders/{order_id}/approve")
    told = CallbackObject(kind="payment", status="processing", order_id=order_id, awaits_completion=True)
    for _ in range(3):  # each with an event id of its own, as if PayPal had told it anew
        await paypal.call_back(told)
    assert [(event.type, event.sequence) for event in [await paypal.event() for _ in range(2)]] == [
        ("payment.processing", 2),
        ("payment.succeeded", 3),
    ]
    payment = await paypal.read(f"/payments/{view['id']}")
    assert (payment["status"], payment["payment_method"]) == ("succeeded", "wallet")
    async with asyncio.timeout(10):
        while len(found := (await paypal.read("/operations?operation=payment.complete"))["data"]) < 3 or any(
            one["status"] not in ("succeeded", "failed") for one in found
        ):
            await asyncio.sleep(0.05)
    ledger = (await paypal.sandbox.get("/control/ledger", params={"kind": "payment.captured"})).json()["data"]
    assert [(one["reference"], one["amount"]) for one in ledger] == [(view["id"], 1_299)]

    refunded = await paypal.ask("refund.create", {"payment_id": view["id"]}, payment_id=str(view["id"]))
    assert (refunded.state, refunded.status) == ("succeeded", 201), refunded


async def test_a_manual_payment_is_held_then_captured_in_part(paypal: Stack) -> None:
    made = await paypal.ask("payment.create", {"amount_minor": 1_299, "currency": "USD", "capture": "manual"})
    assert made.result is not None
    payment_id, order_id = str(made.result["id"]), str(made.result["provider_order_id"])
    await paypal.sandbox.post(f"/control/paypal/orders/{order_id}/approve")
    await paypal.call_back(
        CallbackObject(kind="payment", status="processing", order_id=order_id, awaits_completion=True)
    )
    assert [(await paypal.event()).type for _ in range(3)] == [
        "payment.created",
        "payment.processing",
        "payment.authorized",
    ]
    captured = await paypal.ask(
        "payment.capture", {"payment_id": payment_id, "amount_minor": 1_000}, payment_id=payment_id
    )
    assert captured.result is not None, captured
    assert captured.result["status"] == "succeeded"
    ledger = (await paypal.sandbox.get("/control/ledger", params={"kind": "payment.captured"})).json()["data"]
    assert [one["amount"] for one in ledger] == [1_000]
    refunded = await paypal.ask("refund.create", {"payment_id": payment_id}, payment_id=payment_id)
    assert refunded.result is not None, refunded
    assert refunded.result["amount_minor"] == 1_000


async def test_an_authorized_payment_is_let_go(paypal: Stack) -> None:
    made = await paypal.ask("payment.create", {"amount_minor": 1_299, "currency": "USD", "capture": "manual"})
    assert made.result is not None
    payment_id, order_id = str(made.result["id"]), str(made.result["provider_order_id"])
    refused = await paypal.ask("payment.cancel", {"payment_id": payment_id}, payment_id=payment_id)
    assert refused.problem is not None
    assert refused.problem.code == "CAPABILITY_UNSUPPORTED"  # an order that nobody approved yet
    await paypal.sandbox.post(f"/control/paypal/orders/{order_id}/approve")
    await paypal.call_back(
        CallbackObject(kind="payment", status="processing", order_id=order_id, awaits_completion=True)
    )
    while (await paypal.event()).type != "payment.authorized":
        pass
    canceled = await paypal.ask("payment.cancel", {"payment_id": payment_id}, payment_id=payment_id)
    assert canceled.result is not None, canceled
    assert canceled.result["status"] == "canceled"


async def test_what_cannot_be_done_is_answered_and_leaves_nothing(stack: Stack) -> None:
    missing = new_id("pay")
    for operation in ("payment.capture", "payment.cancel", "refund.create"):
        reply = await stack.ask(operation, {"payment_id": missing}, payment_id=missing)
        assert reply.problem is not None
        assert (reply.problem.status, reply.problem.code) == (404, "PAYMENT_NOT_FOUND"), operation
    made = await stack.ask("payment.create", {"amount_minor": 50_000, "currency": "INR"})
    for operation in ("payment.capture", "refund.create"):
        reply = await stack.ask(operation, {"payment_id": made.resource_id}, payment_id=made.resource_id)
        assert reply.problem is not None
        assert reply.problem.status == 409, operation
    reply = await stack.ask("payment.cancel", {"payment_id": made.resource_id}, payment_id=made.resource_id)
    assert reply.problem is not None
    assert reply.problem.code == "CAPABILITY_UNSUPPORTED"
    assert (await stack.read("/refunds"))["data"] == []
    assert (await stack.read("/payments"))["data"] == [made.result]


def _route(tenant_id: str, connection_id: str, provider: str, public: dict[str, str], secret: str) -> dict[str, Any]:
    data_key, wrapped = new_data_key(KEYS, (tenant_id, "test"))
    sealed = data_key.seal(SecretStr(KEY_SECRET), bound_to=(tenant_id, connection_id, secret))
    connection = {
        "id": connection_id,
        "tenant_id": tenant_id,
        "environment": "test",
        "category": "payments",
        "provider": provider,
        "label": provider,
        "enabled": True,
        "credentials": {secret: sealed},
        "credentials_public": public,
        "data_keys": {data_key.id: wrapped},
        "max_in_flight": 8,
        "version": 1,
    }
    return {"version": "1", "connections": [connection]}


def _registry(route: dict[str, Any]) -> FastAPI:
    app = FastAPI()

    @app.get("/internal/tenants/{tenant_id}/environments/{environment}/routes/{category}")
    async def routes(tenant_id: str, environment: str, category: str) -> dict[str, Any]:
        return route

    return app


@asynccontextmanager
async def _reader(bootstrap: str, topic: str, partitions: Any) -> AsyncIterator[AIOKafkaConsumer]:
    """From now on, without a group."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, group_id=None, auto_offset_reset="latest")
    await consumer.start()
    try:
        assigned = [TopicPartition(topic, number) for number in partitions]
        consumer.assign(assigned)
        await consumer.seek_to_end(*assigned)
        for partition in assigned:
            await consumer.position(partition)
        yield consumer
    finally:
        await consumer.stop()


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Any:
        """The signals are the test run's."""
        yield


@asynccontextmanager
async def _served(make: Callable[[], Any]) -> AsyncIterator[str]:
    """The app on a free port of this process, with its lifespan; its base URL."""
    server = _Server(uvicorn.Config(make(), host="127.0.0.1", port=0, log_config=None, lifespan="on", ws="none"))
    task = asyncio.create_task(server.serve())
    try:
        async with asyncio.timeout(20):
            while not server.started:
                assert not task.done(), "the app did not start"
                await asyncio.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        await task


def test_in_production_credentials_are_sent_to_https_only() -> None:
    values = {
        "kafka_bootstrap_servers": "x",
        "internal_tokens": TOKEN,
        "database_url": "postgresql://u:p@db/x",
        "registry_url": "http://registry",
        "credential_keys_test": KEYS,
        "credential_keys_live": LIVE_KEYS,
        "provider_base_urls": {"razorpay": "http://proxy.example.com"},
    }
    with pytest.raises(ValidationError, match="razorpay must start with https://"):
        Settings.model_validate(values)
    assert Settings.model_validate({**values, "provider_base_urls": {"razorpay": "https://proxy.example.com"}})
    assert Settings.model_validate({**values, "mode": "local"})
