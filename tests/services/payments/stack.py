"""The payments service on real engines, with one tenant's connection to one provider: what the gateway sees of it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import httpx
import uvicorn
from aiokafka import AIOKafkaConsumer, TopicPartition
from fastapi import FastAPI
from pydantic import SecretStr
from tests.libs.common.worker.rig import skip_what_is_there
from tests.sealing import new_data_key

from onerouter_common.broker import Producer
from onerouter_common.contracts import topics
from onerouter_common.contracts.callbacks import Callback, CallbackObject
from onerouter_common.contracts.commands import HEADER_REPLY_PARTITION, HEADER_REPLY_TO, Command
from onerouter_common.contracts.events import Event
from onerouter_common.contracts.replies import Reply
from onerouter_common.ids import new_id
from onerouter_common.registry_client import CALLBACK_ADDRESS
from onerouter_common.secrets import KeyRing
from onerouter_common.web.internal import InternalAuth
from onerouter_payments.app import create_app
from onerouter_payments.settings import Settings

if TYPE_CHECKING:
    from onerouter_local.testing import Database

TOKEN = "internal-token-of-tests-0123456789"
KEYS = KeyRing.generate("k1")
LIVE_KEYS = KeyRing.generate("k1")
REPLY_PARTITION = 7


@dataclass(frozen=True)
class Account:
    """A tenant's account at a provider: what is public, and the one credential that is sealed."""

    provider: str
    public: dict[str, str]
    secret_name: str
    secret: str


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
        async with asyncio.timeout(60):
            while True:
                reply = Reply.model_validate_json((await self.replies.getone()).value)
                if reply.operation_id == command.operation_id:
                    return reply

    async def event(self) -> Event:
        """The next event of this test's tenant."""
        async with asyncio.timeout(60):
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


@asynccontextmanager
async def running(
    database: "Database",
    kafka_bootstrap: str,
    account: Account,
    provider_url: str,
    checkout_urls: Mapping[str, str] | None = None,
) -> AsyncIterator[Stack]:
    """The service with one connection; `sandbox` speaks to the provider's address."""
    await skip_what_is_there(kafka_bootstrap)
    tenant_id, connection_id = new_id("ten"), new_id("con")
    async with contextlib.AsyncExitStack() as opened:
        registry = await opened.enter_async_context(
            served(lambda: registry_of({"payments": [connection_of(account, tenant_id, connection_id, "payments")]}))
        )
        settings = Settings.model_validate(
            {
                "mode": "local",
                "kafka_bootstrap_servers": kafka_bootstrap,
                "internal_tokens": TOKEN,
                "database_url": database.dsn,
                "database_pool_size": 4,
                "registry_url": registry,
                "credential_keys_test": KEYS,
                "credential_keys_live": LIVE_KEYS,
                "provider_base_urls": {account.provider: provider_url},
                "checkout_urls": dict(checkout_urls or {}),
                "log_level": "ERROR",
                "drain_timeout_s": 5,
            }
        )
        payments = await opened.enter_async_context(served(lambda: create_app(settings)))
        producer = await opened.enter_async_context(Producer(kafka_bootstrap, client_id="test-gateway"))
        await producer.wait_ready(60)
        yield Stack(
            tenant_id,
            connection_id,
            account.provider,
            await opened.enter_async_context(httpx.AsyncClient(base_url=payments, verify=False)),
            await opened.enter_async_context(httpx.AsyncClient(base_url=provider_url, verify=False)),
            producer,
            await opened.enter_async_context(reader(kafka_bootstrap, topics.REPLIES, [REPLY_PARTITION])),
            await opened.enter_async_context(reader(kafka_bootstrap, topics.events("payments"), range(12))),
        )


def connection_of(account: Account, tenant_id: str, connection_id: str, category: str) -> dict[str, Any]:
    """As the registry tells workers of it."""
    data_key, wrapped = new_data_key(KEYS, (tenant_id, "test"))

    def sealed(name: str, value: str) -> str:
        return data_key.seal(SecretStr(value), bound_to=(tenant_id, connection_id, name))

    return {
        "id": connection_id,
        "tenant_id": tenant_id,
        "environment": "test",
        "category": category,
        "provider": account.provider,
        "label": account.provider,
        "enabled": True,
        "credentials": {account.secret_name: sealed(account.secret_name, account.secret)},
        "credentials_public": account.public,
        "data_keys": {data_key.id: wrapped},
        "max_in_flight": 8,
        "version": 1,
        "callback_token": sealed(CALLBACK_ADDRESS, f"token-of-{connection_id}"),
    }


def registry_of(connections: Mapping[str, Sequence[dict[str, Any]]]) -> FastAPI:
    """By category, for whichever tenant asks."""
    app = FastAPI()

    @app.get("/internal/tenants/{tenant_id}/environments/{environment}/routes/{category}")
    async def routes(tenant_id: str, environment: str, category: str) -> dict[str, Any]:
        return {"version": "1", "connections": list(connections.get(category, ()))}

    return app


@asynccontextmanager
async def reader(bootstrap: str, topic: str, partitions: Any) -> AsyncIterator[AIOKafkaConsumer]:
    """From now on, without a group."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, group_id=None, auto_offset_reset="latest")
    try:
        await consumer.start()
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
async def served(make: Callable[[], Any]) -> AsyncIterator[str]:
    """The app on a free port of this process, with its lifespan; its base URL."""
    server = _Server(uvicorn.Config(make(), host="127.0.0.1", port=0, log_config=None, lifespan="on", ws="none"))
    task = asyncio.create_task(server.serve())
    try:
        async with asyncio.timeout(60):
            while not server.started:
                assert not task.done(), "the app did not start"
                await asyncio.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        await task
