"""The service on a real database and broker, a registry that knows one connection, and endpoints to deliver to."""

import asyncio
import hashlib
import hmac
import json
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from ipaddress import ip_network
from types import ModuleType, SimpleNamespace
from typing import Any

import asyncpg
import httpx
import pytest
from aiohttp import web
from fastapi import FastAPI
from pydantic import SecretStr
from tests.sealing import new_data_key

from onerouter_common.broker import Producer
from onerouter_common.clock import SystemClock
from onerouter_common.contracts import topics
from onerouter_common.contracts.events import Event, EventResource
from onerouter_common.ids import CONNECTION, EVENT, PAYMENT, TENANT, new_id
from onerouter_common.registry_client import CallbackTarget
from onerouter_common.secrets import KeyRing
from onerouter_local.testing import Database
from onerouter_webhooks.app import create_app
from onerouter_webhooks.settings import Settings

INTERNAL_TOKEN = "internal-token-for-tests-" + "x" * 20
WEBHOOK_SECRET = "rzp_whsec_for_tests"
PREVIOUS_SECRET = "rzp_whsec_before"

CreateDatabase = Callable[[str], Awaitable[Database]]


async def eventually(
    condition: Callable[[], Awaitable[Any]] | Callable[[], Any], timeout_s: float = 60.0, what: str = "the condition"
) -> Any:
    """Wait until the condition holds; its value. It is looked at less often the longer it takes: a look is work, too."""
    deadline, pause_s = asyncio.get_running_loop().time() + timeout_s, 0.01
    while True:
        value = condition()
        if asyncio.iscoroutine(value):
            value = await value
        if value:
            return value
        if asyncio.get_running_loop().time() > deadline:
            raise AssertionError(f"{what} did not come true in {timeout_s} s")
        await asyncio.sleep(pause_s)
        pause_s = min(0.1, pause_s * 1.3)


class Rest:
    """Stands where a module sleeps: each sleep lasts until the test ends it, however long was asked for."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, module: ModuleType) -> None:
        self._asked, self._over = asyncio.Event(), asyncio.Event()
        self._asked_s = 0.0
        monkeypatch.setattr(module, "asyncio", SimpleNamespace(**{**vars(asyncio), "sleep": self._sleep}))

    async def _sleep(self, asked_s: float) -> None:
        self._asked_s = asked_s
        self._asked.set()
        await self._over.wait()
        self._over.clear()

    async def asked_s(self) -> float:
        """How long the first wanted to sleep, once it does."""
        async with asyncio.timeout(60):
            await self._asked.wait()
        return self._asked_s

    def end(self) -> None:
        self._over.set()


@dataclass
class KnownConnection:
    """One tenant's Razorpay connection, and the registry that hands it out."""

    keyring_text: str = field(default_factory=lambda: KeyRing.generate("cb1"))
    live_keyring_text: str = field(default_factory=lambda: KeyRing.generate("cb1"))
    tenant_id: str = field(default_factory=lambda: new_id(TENANT))
    connection_id: str = field(default_factory=lambda: new_id(CONNECTION))
    token: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    asked: int = 0

    def __post_init__(self) -> None:
        self._key, self._wrapped = new_data_key(self.keyring_text, (self.tenant_id, "test"))
        values = {"webhook_secret": WEBHOOK_SECRET, "webhook_secret_previous": PREVIOUS_SECRET}
        self.target = self._target(self.connection_id, "payments", "razorpay", values, {})
        self._others: dict[tuple[str, str], CallbackTarget] = {}

    def connect(
        self, category: Any, provider: str, values: dict[str, str], public: dict[str, str] | None = None
    ) -> tuple[str, CallbackTarget]:
        """One more connection of the tenant; its token."""
        token = secrets.token_urlsafe(32)
        target = self._target(new_id(CONNECTION), category, provider, values, public or {})
        self._others[provider, token] = target
        return token, target

    def _target(
        self, connection_id: str, category: Any, provider: str, values: dict[str, str], public: dict[str, str]
    ) -> CallbackTarget:
        return CallbackTarget(
            connection_id=connection_id,
            tenant_id=self.tenant_id,
            environment="test",
            category=category,
            provider=provider,
            secrets={
                name: self._key.seal(SecretStr(value), bound_to=(self.tenant_id, connection_id, name))
                for name, value in values.items()
            },
            credentials_public=public,
            data_keys={self._key.id: self._wrapped},
        )

    async def callback_target(self, provider: str, token: str) -> CallbackTarget | None:
        self.asked += 1
        return self.target if (provider, token) == ("razorpay", self.token) else self._others.get((provider, token))


@dataclass
class Running:
    """A started service."""

    app: FastAPI
    http: httpx.AsyncClient
    settings: Settings
    connection: KnownConnection
    admin: "asyncpg.Pool[asyncpg.Record]"
    producer: Producer

    async def send_callback(
        self, body: bytes, *, event_id: str | None = None, secret: str = WEBHOOK_SECRET, token: str | None = None
    ) -> httpx.Response:
        return await self.http.post(
            f"/callbacks/razorpay/{token or self.connection.token}",
            content=body,
            headers={
                "Content-Type": "application/json",
                "X-Razorpay-Signature": hmac.new(secret.encode(), body, hashlib.sha256).hexdigest(),
                "X-Razorpay-Event-Id": event_id or secrets.token_hex(7),
            },
        )

    def owner(self, tenant_id: str | None = None, environment: str = "test") -> dict[str, str]:
        return {
            "Authorization": f"Bearer {INTERNAL_TOKEN}",
            "X-OneRouter-Tenant": tenant_id or self.connection.tenant_id,
            "X-OneRouter-Environment": environment,
        }

    async def create_endpoint(self, url: str, tenant_id: str | None = None, **fields: Any) -> dict[str, Any]:
        answer = await self.http.post(
            "/internal/webhook-endpoints", json={"url": url, **fields}, headers=self.owner(tenant_id)
        )
        assert answer.status_code == 201, answer.text
        created: dict[str, Any] = answer.json()
        return created

    async def deliveries(self, endpoint_id: str, tenant_id: str | None = None) -> list[dict[str, Any]]:
        answer = await self.http.get(
            f"/internal/webhook-endpoints/{endpoint_id}/deliveries?limit=100", headers=self.owner(tenant_id)
        )
        assert answer.status_code == 200, answer.text
        data: list[dict[str, Any]] = answer.json()["data"]
        return data

    async def publish(self, event: Event, source: str = "payments") -> None:
        await self.producer.publish(topics.events(source), event.to_bytes(), key=event.resource.id)

    def event(self, type: str = "payment.succeeded", tenant_id: str | None = None, **changes: Any) -> Event:
        return an_event(tenant_id or self.connection.tenant_id, type, **changes)


def an_event(tenant_id: str, type: str = "payment.succeeded", **changes: Any) -> Event:
    values: dict[str, Any] = {
        "id": new_id(EVENT),
        "type": type,
        "tenant_id": tenant_id,
        "environment": "test",
        "category": "payments",
        "resource": EventResource(kind="payment", id=new_id(PAYMENT)),
        "sequence": 1,
        "occurred_at": SystemClock().now(),
        "data": {"amount": 499.0, "currency": "INR", "note": "Zoë ₹"},
    }
    return Event(**{**values, **changes})


def razorpay_body(event: str = "payment.captured", **entity: Any) -> bytes:
    payment = {
        "id": "pay_" + secrets.token_hex(7),
        "entity": "payment",
        "amount": 49_900,
        "currency": "INR",
        "status": "captured",
        "order_id": "order_" + secrets.token_hex(7),
        "method": "upi",
        "notes": {},
        "created_at": 1_767_225_600,
        **entity,
    }
    return json.dumps(
        {
            "entity": "event",
            "account_id": "acc_ORTEST00000001",
            "event": event,
            "contains": ["payment"],
            "payload": {"payment": {"entity": payment}},
            "created_at": 1_767_225_600,
        }
    ).encode()


async def rows_of(service: Running) -> list[Any]:
    return list(await service.admin.fetch("SELECT * FROM inbound_events ORDER BY id"))


async def is_published(service: Running) -> bool:
    """Whether the worker has everything, and nothing of it lies here in the clear."""
    left = "count(*) FILTER (WHERE publish_at IS NOT NULL OR callback IS NOT NULL)"
    return bool(await service.admin.fetchval(f"SELECT count(*) > 0 AND {left} = 0 FROM callback_records"))


async def bodies_of(service: Running) -> list[bytes]:
    sealing = service.app.state.services.replay.sealing
    rows = await rows_of(service)
    return [(await sealing.open((row["tenant_id"], row["environment"]), row["id"], row["sealed"]))[1] for row in rows]


def make_settings(database: Database, kafka_bootstrap: str, connection: KnownConnection, **changes: Any) -> Settings:
    values: dict[str, Any] = {
        "mode": "local",
        "database_url": database.dsn,
        "kafka_bootstrap_servers": kafka_bootstrap,
        "internal_tokens": INTERNAL_TOKEN,
        "callback_keys_test": connection.keyring_text,
        "callback_keys_live": connection.live_keyring_text,
        "encryption_keys": KeyRing.generate("wh1"),
        "allow_private_targets": (ip_network("127.0.0.0/8"),),
        "retry_schedule_s": (0.05, 0.05, 0.05),
        "retry_overload_floor_s": 0.05,
        "poll_interval_s": 0.1,
        # Longer than the machine may do nothing: what takes longer is sent again.
        "delivery_timeout_s": 30.0,
        "delivery_lease_margin_s": 10.0,
        "drain_timeout_s": 3.0,
        "database_pool_size": 4,
        "log_level": "WARNING",
    }
    settings = Settings(**{**values, **changes})
    # Providers wait for 5 s, which the machine may do nothing for.
    return settings if "callback_deadline_s" in changes else settings.model_copy(update={"callback_deadline_s": 60.0})


StartService = Callable[..., Any]


@pytest.fixture
async def start_service(database: CreateDatabase, kafka_bootstrap: str) -> StartService:
    """`async with start_service(**settings) as running:`; started again it finds the same database."""
    made: list[Database] = []
    connection = KnownConnection()
    encryption_keys = KeyRing.generate("wh1")
    group = f"webhooks-{secrets.token_hex(4)}"

    @asynccontextmanager
    async def start(**changes: Any) -> AsyncIterator[Running]:
        if not made:
            made.append(await database("webhooks"))
        keywords = {key: changes.pop(key) for key in ("clock", "resolver", "providers") if key in changes}
        values = {"encryption_keys": encryption_keys, **changes}
        settings = make_settings(made[0], kafka_bootstrap, connection, **values)
        app = create_app(settings, registry=connection, consumer_group=group, **keywords)
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(app.router.lifespan_context(app))
            http = await stack.enter_async_context(
                httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://webhooks")
            )
            admin = await stack.enter_async_context(asyncpg.create_pool(made[0].admin_dsn, min_size=1, max_size=2))
            producer = await stack.enter_async_context(Producer(kafka_bootstrap, client_id="tests"))
            await producer.wait_ready(10)
            yield Running(app, http, settings, connection, admin, producer)

    return start


@pytest.fixture
async def service(start_service: StartService) -> AsyncIterator[Running]:
    async with start_service() as running:
        yield running


@dataclass
class Got:
    """One request an endpoint received."""

    headers: dict[str, str]
    body: bytes
    at: float


class Receiver:
    """A tenant's server. `answer` decides what each request gets; by default 200."""

    def __init__(self) -> None:
        self.got: list[Got] = []
        self.url = ""
        self.answer: Callable[[web.Request, int], Awaitable[web.StreamResponse]] = _ok

    async def handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        self.got.append(
            Got({k.lower(): v for k, v in request.headers.items()}, body, asyncio.get_running_loop().time())
        )
        return await self.answer(request, len(self.got))


async def _ok(_: web.Request, __: int) -> web.StreamResponse:
    return web.Response(text="taken")


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", receiver.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = site._server.sockets[0].getsockname()[1]  # type: ignore[union-attr]
    receiver.url = f"http://127.0.0.1:{port}/hook"
    try:
        yield receiver
    finally:
        await runner.cleanup()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as one:
        yield one
