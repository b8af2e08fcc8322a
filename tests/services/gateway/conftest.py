"""A gateway on real Kafka and Valkey. The services around it stand in at the wire: real HTTP, real records."""

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

import httpx
import orjson
import pytest
import structlog
import uvicorn
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from fastapi import FastAPI
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from onerouter_common.api_keys import hash_key, make_key
from onerouter_common.broker import Producer
from onerouter_common.contracts import topics
from onerouter_common.contracts.commands import HEADER_REPLY_PARTITION, Command
from onerouter_common.contracts.registry import HEARTBEAT_KEY, HEARTBEAT_S
from onerouter_common.contracts.replies import Problem, Reply
from onerouter_common.ids import TENANT, new_id
from onerouter_common.registry_client import absent
from onerouter_gateway.app import create_app
from onerouter_gateway.settings import Settings

PEPPER = SecretStr("p" * 32)
TOKEN = "t" * 32


class _Server(uvicorn.Server):
    def capture_signals(self) -> Any:
        return contextlib.nullcontext()  # signals belong to pytest


@asynccontextmanager
async def served(app: ASGIApp, *, lifespan: Literal["on", "off"] = "off") -> AsyncIterator[str]:
    """The app on a free port, as in production but in this loop."""
    listening = socket.create_server(("127.0.0.1", 0))
    port = listening.getsockname()[1]
    config = uvicorn.Config(
        app,
        http="httptools",
        ws="none",
        lifespan=lifespan,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=2,
    )
    server = _Server(config)
    running = asyncio.create_task(server.serve(sockets=[listening]))
    while not server.started:
        if running.done():
            await running
        await asyncio.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        await running
        listening.close()


@dataclass
class Managed:
    """One request of the management API, as the registry sees it."""

    method: str
    path: str
    query: str
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str | None:
        values = [value for found, value in self.headers if found == name]
        assert len(values) <= 1, name
        return values[0] if values else None


@dataclass
class Services:
    """Registry, payments and webhooks, as far as the gateway sees them."""

    principals: dict[str, dict[str, Any]] = field(default_factory=dict)
    payments: dict[str, dict[str, Any]] = field(default_factory=dict)
    operations: dict[str, dict[str, Any]] = field(default_factory=dict)
    resources: dict[str, dict[str, Any]] = field(default_factory=dict)
    """By id, as the worker knows them: with `kind`, `tenant_id`, `environment`, and whatever `placed` shows."""
    splits: dict[str, dict[str, Any]] = field(default_factory=dict)
    sealed: list[dict[str, str]] = field(default_factory=list)
    """Bank data that was given for sealing, in the clear."""
    next_cursor: str | None = None
    """Of every page, where there is one."""
    introspections: int = 0
    asked: list[tuple[str, str, str, str]] = field(default_factory=list)
    away: set[str] = field(default_factory=set)
    managed: list["Managed"] = field(default_factory=list)
    """What was asked under /api."""
    manage: Callable[["Managed"], Awaitable[Response]] | None = None
    """Answers that; None: with 200 and an empty object."""

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/internal/keys/introspect", self._introspect, methods=["POST"]),
                Route("/internal/resources/{kind}/{id}/placed", self._resource, methods=["GET"]),
                Route("/internal/resources/{kind}/{id}", self._resource, methods=["GET"]),
                Route("/internal/resources/{kind}", self._resources, methods=["GET"]),
                Route("/internal/marketplace/vendor-details", self._seal, methods=["POST"]),
                Route("/internal/marketplace/splits/{id}", self._split, methods=["GET"]),
                Route("/internal/marketplace/fees", self._fees, methods=["GET"]),
                Route("/internal/payments-by-offset", self._by_offset, methods=["GET"]),
                Route("/internal/{kind}/{id}", self._one, methods=["GET"]),
                Route("/internal/{kind}/{id}/reply", self._one, methods=["GET"]),
                Route("/internal/{kind}", self._many, methods=["GET"]),
                Route("/internal/webhook-endpoints", self._create_endpoint, methods=["POST"]),
                Route("/api/{path:path}", self._manage, methods=["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]),
            ]
        )

    async def _introspect(self, request: Request) -> Response:
        self.introspections += 1
        if "registry" in self.away:
            return Response(status_code=503)
        found = self.principals.get((await request.json())["key_hash"])
        return _json(found) if found else _problem(404, absent("x").error_code)

    async def _one(self, request: Request) -> Response:
        self._note(request)
        if request.path_params["kind"] in self.away:
            return Response(status_code=503)
        things = {"payments": self.payments, "operations": self.operations}.get(request.path_params["kind"], {})
        found = things.get(request.path_params["id"])
        if found is None or found["tenant_id"] != request.headers["x-onerouter-tenant"]:
            return _problem(404, "PAYMENT_NOT_FOUND")
        return _json({name: value for name, value in found.items() if name != "tenant_id"})

    async def _resource(self, request: Request) -> Response:
        self._note(request)
        found = self.resources.get(request.path_params["id"])
        if found is None or _whose(request) != (found["tenant_id"], found["environment"], found["kind"]):
            return _problem(404, "NOT_FOUND")
        return _json(found)

    async def _resources(self, request: Request) -> Response:
        self._note(request)
        whose = _whose(request)
        found = [one for one in self.resources.values() if (one["tenant_id"], one["environment"], one["kind"]) == whose]
        return _json({"data": found, "has_more": self.next_cursor is not None, "next_cursor": self.next_cursor})

    async def _seal(self, request: Request) -> Response:
        self._note(request)
        if "sealing" in self.away:
            return _problem(409, "CONFLICT")
        details = (await request.json())["account_details"]
        self.sealed.append(details)
        return _json({"details_id": new_id("vdt"), "masked": {name: value[-4:] for name, value in details.items()}})

    async def _split(self, request: Request) -> Response:
        self._note(request)
        if "splits" in self.away:
            return Response(status_code=503)
        found = self.splits.get(request.path_params["id"])
        return _problem(404, "NOT_FOUND") if found is None else _json(found)

    async def _fees(self, request: Request) -> Response:
        self._note(request)
        return _json({"object": "marketplace_fees", **request.query_params})

    async def _by_offset(self, request: Request) -> Response:
        self._note(request)
        return _json({"data": [], "has_more": False, "total": 0})

    async def _many(self, request: Request) -> Response:
        self._note(request)
        if request.query_params.get("limit") == "1000":
            return _problem(422, "VALIDATION_ERROR")
        return _json({"data": [], "has_more": False, "next_cursor": None})

    async def _create_endpoint(self, request: Request) -> Response:
        self._note(request)
        return Response(
            json.dumps({"object": "webhook_endpoint", **(await request.json())}),
            status_code=201,
            media_type="application/json",
        )

    async def _manage(self, request: Request) -> Response:
        if "registry" in self.away:
            return Response(status_code=502)
        self.managed.append(
            Managed(
                request.method,
                request.scope["raw_path"].decode(),
                request.url.query,
                request.headers.items(),
                await request.body(),
            )
        )
        return _json({}) if self.manage is None else await self.manage(self.managed[-1])

    @asynccontextmanager
    async def beating(self, bootstrap: str) -> AsyncIterator[None]:
        """The registry's heartbeat."""
        async with Producer(bootstrap, client_id="test-registry") as producer:
            await producer.wait_ready(10)
            task = asyncio.create_task(self._beat(producer))
            try:
                yield
            finally:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)

    async def _beat(self, producer: Producer) -> None:
        while True:
            if not self.away & {"registry", "heartbeat"}:
                await producer.publish(topics.REGISTRY_CHANGES, None, key=HEARTBEAT_KEY)
            await asyncio.sleep(HEARTBEAT_S)

    def _note(self, request: Request) -> None:
        assert request.headers["authorization"] == f"Bearer {TOKEN}"
        headers = request.headers
        self.asked.append(
            (request.url.path, headers["x-onerouter-tenant"], headers["x-onerouter-environment"], request.url.query)
        )


def _whose(request: Request) -> tuple[str, str, str]:
    headers = request.headers
    return headers["x-onerouter-tenant"], headers["x-onerouter-environment"], request.path_params["kind"]


def _json(body: Any) -> Response:
    return Response(orjson.dumps(body), media_type="application/json")


def _problem(status: int, code: str) -> Response:
    body = {"status": status, "code": code, "detail": "Not so.", "instance": "/internal/secret-place"}
    return Response(orjson.dumps(body), status_code=status, media_type="application/problem+json")


Outcome = Callable[[Command], Awaitable[Reply | None]]


@dataclass
class Worker:
    """Answers commands as the payments worker does: first one makes the operation, repeats get its state."""

    bootstrap: str
    commands: list[Command] = field(default_factory=list)
    made: dict[str, tuple[Command, Reply | None]] = field(default_factory=dict)
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    """By tenant; absent: succeeds."""
    effects: dict[str, int] = field(default_factory=dict)
    _producer: Any = None
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Worker"]:
        topic = topics.commands("payments")
        consumer = AIOKafkaConsumer(bootstrap_servers=self.bootstrap, group_id=None, fetch_max_wait_ms=500)
        self._producer = AIOKafkaProducer(bootstrap_servers=self.bootstrap)
        await consumer.start()
        await self._producer.start()
        consumer.assign([TopicPartition(topic, number) for number in range(12)])
        await consumer.seek_to_end()
        for partition in consumer.assignment():
            await consumer.position(partition)
        loop = asyncio.create_task(self._consume(consumer))
        try:
            yield self
        finally:
            for task in [loop, *self._tasks]:
                task.cancel()
            await asyncio.gather(loop, *self._tasks, return_exceptions=True)
            await consumer.stop()
            await self._producer.stop()

    async def _consume(self, consumer: Any) -> None:
        async for record in consumer:
            command = Command.model_validate_json(record.value)
            partition = int(dict(record.headers)[HEADER_REPLY_PARTITION])
            self.commands.append(command)
            task = asyncio.create_task(self._handle(command, partition))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _handle(self, command: Command, partition: int) -> None:
        if command.operation_id in self.made:
            first, reply = self.made[command.operation_id]
            if first.fingerprint != command.fingerprint:
                base = Reply(
                    operation_id=first.operation_id, made_by=first.command_id, state="executing", resource_id="x"
                )
                reply = base.model_copy(update={"mismatch": True, "fingerprint": first.fingerprint})
        else:
            self.made[command.operation_id] = (command, None)
            self.effects[command.operation_id] = self.effects.get(command.operation_id, 0) + 1
            outcome = self.outcomes.get(command.tenant_id, succeed)
            reply = await outcome(command)
            self.made[command.operation_id] = (command, reply)
        if reply is not None:
            await self.reply(reply, partition)

    async def reply(self, reply: Reply, partition: int) -> None:
        await self._producer.send_and_wait(
            topics.REPLIES, reply.to_bytes(), key=reply.operation_id.encode(), partition=partition
        )


async def succeed(command: Command) -> Reply:
    amount = command.payload.get("amount_minor")
    return Reply(
        operation_id=command.operation_id,
        made_by=command.command_id,
        fingerprint=command.fingerprint,
        state="succeeded",
        resource_id=command.resource_id,
        status=201 if command.operation.endswith(".create") else 200,
        result={"id": command.resource_id, "object": "payment", "amount_minor": amount, "payload": command.payload},
        provider_ms=1.5,
    )


def declined(command: Command) -> Problem:
    return Problem(status=402, code="PAYMENT_FAILED", title="The provider declined", detail="The card was declined.")


@dataclass
class World:
    """Everything around the gateway under test."""

    services: Services
    worker: Worker
    bootstrap: str
    redis_url: str
    services_url: str

    def settings(self, **changed: Any) -> Settings:
        values = {
            "kafka_bootstrap_servers": self.bootstrap,
            "redis_url": self.redis_url,
            "internal_tokens": TOKEN,
            "api_key_pepper": PEPPER,
            "idempotency_secret": "s" * 32,
            "registry_url": self.services_url,
            "payments_url": self.services_url,
            "webhooks_url": self.services_url,
        }
        return Settings(**{**values, **changed})

    def tenant(self, *, environment: str = "test", **changed: Any) -> "Tenant":
        key = make_key(environment).get_secret_value()
        tenant_id = new_id(TENANT)
        principal = {
            "tenant_id": tenant_id,
            "environment": environment,
            "api_key_id": new_id("key"),
            "status": "active",
            "scopes": ["*"],
            "rate_limit_per_s": 10_000,
            "rate_burst": 10_000,
            "default_currency": "INR",
            "services": {"payments": ["razorpay"]},
            "expires_at": None,
        }
        principal.update(changed)
        self.services.principals[hash_key(key, PEPPER)] = principal
        return Tenant(key, hash_key(key, PEPPER), principal)

    @asynccontextmanager
    async def gateway(self, **changed: Any) -> AsyncIterator["Gateway"]:
        app = create_app(self.settings(**changed))
        async with (
            served(app, lifespan="on") as url,
            httpx.AsyncClient(base_url=url, timeout=30) as client,
        ):
            while (await client.get("/readyz")).status_code != 200:
                await asyncio.sleep(0.02)
            yield Gateway(app, url, client)


@dataclass
class Tenant:
    key: str
    key_hash: str
    principal: dict[str, Any]

    @property
    def id(self) -> str:
        return str(self.principal["tenant_id"])

    @property
    def auth(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"}

    def payment(self, payment_id: str, **fields: Any) -> dict[str, Any]:
        return {"tenant_id": self.id, "id": payment_id, "object": "payment", "currency": "INR", **fields}

    def operation(self, command: Command, **fields: Any) -> dict[str, Any]:
        """As the payments service would reply now."""
        return {
            "tenant_id": self.id,
            "operation_id": command.operation_id,
            "made_by": command.command_id,
            "fingerprint": command.fingerprint,
            "state": "executing",
            "resource_id": command.resource_id,
            "status": 201,
            **fields,
        }


@dataclass
class Gateway:
    app: FastAPI
    url: str
    http: httpx.AsyncClient


@pytest.fixture(scope="package", autouse=True)
def _plain_logs() -> Iterator[None]:
    """As in production: structlog's default would draw each exception with its local variables, for seconds."""
    structlog.configure(processors=[structlog.processors.format_exc_info, structlog.processors.KeyValueRenderer()])
    yield
    structlog.reset_defaults()


@pytest.fixture(scope="package")
async def world(kafka_bootstrap: str, redis_url: str) -> AsyncIterator[World]:
    """Gone with this folder's last test: its worker would answer the commands of other suites, too."""
    async with AsyncExitStack() as stack:
        services = Services()
        url = await stack.enter_async_context(served(services.app()))
        worker = await stack.enter_async_context(Worker(kafka_bootstrap).running())
        await stack.enter_async_context(services.beating(kafka_bootstrap))
        yield World(services, worker, kafka_bootstrap, redis_url, url)


@pytest.fixture(scope="package")
async def gateway(world: World) -> AsyncIterator[Gateway]:
    """One gateway that most tests share."""
    async with world.gateway() as one:
        yield one


@pytest.fixture
def tenant(world: World) -> Tenant:
    return world.tenant()


@dataclass
class Shop:
    """A tenant at the gateway, with things that its worker knows."""

    world: World
    gateway: Gateway
    tenant: Tenant

    async def ask(
        self, method: str, path: str, body: Any = None, *, auth: Any = None, **headers: str
    ) -> httpx.Response:
        content = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        sent = {**(auth or self.tenant.auth), "Content-Type": "application/json"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.gateway.http.request(method, path, content=content, headers=sent)

    async def command(self, method: str, path: str, body: Any = None, **headers: str) -> Command:
        """What reached the log of a request that succeeded."""
        answer = await self.ask(method, path, body, **headers)
        assert answer.is_success, answer.text
        return self.command_of(answer.headers["x-onerouter-operation-id"])

    def command_of(self, operation_id: str) -> Command:
        return next(one for one in reversed(self.world.worker.commands) if one.operation_id == operation_id)

    async def arrived(self, operation_id: str) -> Command:
        """The same where nobody waited for it."""
        async with asyncio.timeout(10):
            while not any(one.operation_id == operation_id for one in self.world.worker.commands):
                await asyncio.sleep(0.01)
        return self.command_of(operation_id)

    def commands(self) -> list[Command]:
        return [one for one in self.world.worker.commands if one.tenant_id == self.tenant.id]

    async def refused(
        self, method: str, path: str, body: Any, *, status: int = 422, **headers: str
    ) -> list[dict[str, str]]:
        """The fields that the problem names. Nothing reached the log."""
        before = len(self.commands())
        answer = await self.ask(method, path, body, **headers)
        assert answer.status_code == status, answer.text
        assert len(self.commands()) == before
        problem = answer.json()
        assert problem["effect"] == "none"
        assert "Value error" not in answer.text
        return list(problem.get("errors") or [])

    async def names(self, method: str, path: str, body: Any) -> str:
        """The one field that is wrong."""
        (error,) = await self.refused(method, path, body)
        return error["field"]

    def has(self, kind: str, *, environment: str = "test", tenant_id: str | None = None, **fields: Any) -> str:
        """The id of a resource that the worker knows, active at the tenant's razorpay account."""
        prefixes = {"plan": "plan", "customer": "cus", "subscription": "sub", "vendor": "ven"}
        prefixes |= {"payment_link": "pl", "payment_method": "pm"}
        id_ = new_id(prefixes[kind])
        self.world.services.resources[id_] = {
            "id": id_,
            "kind": kind,
            "object": kind,
            "tenant_id": tenant_id or self.tenant.id,
            "environment": environment,
            "provider": "razorpay",
            "connection_id": "con_1",
            "status": "active",
            "asked": {},
            f"provider_{kind}_id": f"{kind}_at_provider",
            **fields,
        }
        return id_


@pytest.fixture
def shop(world: World, gateway: Gateway, tenant: Tenant) -> Shop:
    return Shop(world, gateway, tenant)
