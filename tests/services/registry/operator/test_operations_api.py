"""Operators end what nobody can tell: over HTTP and from the command line, against a payments worker that runs."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
import uvicorn
from fastapi import FastAPI
from pydantic import AnyHttpUrl
from tests.libs.common.worker.rig import Rig, create_payment, open_rig
from tests.services.registry.acting import Person, browsing, sign_in
from tests.services.registry.conftest import Registry, serving
from tests.services.registry.test_changes import environment_of
from typer.testing import CliRunner

from onerouter_common.contracts.commands import Command
from onerouter_common.db.engine import Pool, worker_pool
from onerouter_common.errors import NotFound, ProviderOutcomeUnknown, ProviderRefusedUs
from onerouter_common.ids import new_id
from onerouter_common.money import Money
from onerouter_common.operations import operator_endpoints
from onerouter_common.operations.stuck import StuckOperations
from onerouter_common.reads.paging import Page, part_view
from onerouter_common.web import problems
from onerouter_common.web.internal import InternalAuth
from onerouter_common.worker.handler import Idempotency
from onerouter_local.testing import Database
from onerouter_payments.taken import taken_by
from onerouter_providers.capability import PaymentReference, PaymentSnapshot
from onerouter_registry.audit.model import Filter
from onerouter_registry.settings import Settings
from onerouter_registry.tenant.model import Tenant
from onerouter_server.admin import app as admin_app

LOST = ProviderOutcomeUnknown("No answer came.", provider="scripted", reason="timeout")
SEEN = {"outcome": "succeeded", "provider_id": "order_1", "reason": "Seen in their dashboard."}
NOTHING = {"outcome": "failed", "reason": "Their support says that nothing came."}


@pytest.fixture
async def rig(
    registry: Registry, database: Callable[[str], Awaitable[Database]], kafka_bootstrap: str
) -> AsyncIterator[Rig]:
    """A payments worker whose provider has `order_1` of 499 INR, and cannot be asked what was made for whom."""
    payments = await database("payments")

    async def get_payment(reference: PaymentReference) -> PaymentSnapshot:
        if "order_1" not in (reference.provider_order_id, reference.provider_payment_id):
            raise ProviderRefusedUs("Not known.", provider="scripted", reason="not_found")
        return PaymentSnapshot("succeeded", "order_1", "pay_1", amount=Money(49_900, "INR"))

    async with open_rig(payments.dsn, kafka_bootstrap, payments.admin_dsn) as made:
        made.provider.get_payment = get_payment  # type: ignore[attr-defined]
        made.connections.connections[0].idempotency["payment.create"] = Idempotency.NONE
        yield made


@dataclass
class Workers:
    """Three that listen. The second one's operations are rows that a test adds: it has the tables that every worker has; the
    third never has any."""

    payments: str
    messaging: str
    storage: str
    messages: Pool

    @property
    def environment(self) -> dict[str, str]:
        return {
            "ONEROUTER_REGISTRY_PAYMENTS_URL": self.payments,
            "ONEROUTER_REGISTRY_MESSAGING_URL": self.messaging,
            "ONEROUTER_REGISTRY_STORAGE_URL": self.storage,
        }

    @property
    def urls(self) -> dict[str, AnyHttpUrl]:
        return {
            "payments_url": AnyHttpUrl(self.payments),
            "messaging_url": AnyHttpUrl(self.messaging),
            "storage_url": AnyHttpUrl(self.storage),
        }

    async def lose_message(self, tenant: Tenant) -> str:
        """An SMS of unknown outcome."""
        operation_id = new_id("op")
        await self.messages.execute(
            "INSERT INTO operations (id, tenant_id, environment, category, operation, resource_id, ordering_key, payload, "
            "fingerprint, made_by, api_key_id, accepted_at, created_at, state, due_at) VALUES ($1, $2, 'test', 'sms', "
            "'sms.send', 'sms_1', 'sms_1', '{}', 'f', 'cmd_1', 'key_1', now(), now(), 'unknown', now())",
            operation_id,
            tenant.id,
        )
        return operation_id


@pytest.fixture
async def workers(
    rig: Rig, registry: Registry, database: Callable[[str], Awaitable[Database]]
) -> AsyncIterator[Workers]:
    other = await database("payments")
    async with rig.worker() as worker, worker_pool(other.dsn, "payments", size=2) as messages:
        payments = StuckOperations(rig.pool, worker.resolutions, taken_by)
        messaging = StuckOperations(messages, worker.resolutions, taken_by)
        async with (
            listening(payments, registry) as payments_url,
            listening(messaging, registry) as messaging_url,
            listening(WithoutAny(messages, worker.resolutions, taken_by), registry) as storage_url,
        ):
            yield Workers(payments_url, messaging_url, storage_url, messages)


class WithoutAny(StuckOperations):
    """Of a category in which nothing is in doubt."""

    async def page(self, tenant_id: str | None, page: Page) -> dict[str, Any]:
        return part_view([], page, lambda _: None, lambda _: (datetime.now(UTC), ""))

    async def get(self, operation_id: str) -> dict[str, Any]:
        raise NotFound("There is no such operation here.")


@asynccontextmanager
async def listening(stuck: StuckOperations, registry: Registry) -> AsyncIterator[str]:
    """The worker's internal API."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[dict[str, Any]]:
        yield {"stuck": stuck}

    app = FastAPI(lifespan=lifespan)
    problems.install(app)
    app.include_router(operator_endpoints.router(InternalAuth(registry.settings.internal_tokens)))
    # Named as TCP, or asyncio does not set TCP_NODELAY on what it accepts and every answer waits 40 ms.
    with socket.socket(proto=socket.IPPROTO_TCP) as listening:
        listening.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="on"))
        task = asyncio.create_task(server.serve([listening]))
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        server.should_exit = True
        await task


@pytest.fixture
def settings(registry: Registry, workers: Workers) -> Settings:
    return registry.settings.model_copy(update=workers.urls)


@pytest.fixture
async def ops(settings: Settings, person: Person) -> AsyncIterator[httpx.AsyncClient]:
    async with serving(settings) as transport, browsing(transport, person) as client:
        yield client


async def lost_payment(rig: Rig, tenant: Tenant) -> Command:
    rig.provider.before.append(LOST)
    rig.connections.connections[0].tenant_id = tenant.id
    payment = create_payment(tenant=tenant.id)
    await rig.send(payment)
    await rig.until_state(payment.operation_id, "unknown")
    return payment


async def audited(registry: Registry, tenant: Tenant) -> list[tuple[str, Any, Any]]:
    """Action, before and after of what was done with operations, oldest first; the chain must hold."""
    page = await registry.admin.audit_trail.of_chain(tenant.id, Filter(action="operation."), limit=100)
    assert (await registry.admin.audit_verification.verify(tenant.id)).problem is None
    return [(entry.action, entry.before, entry.after) for entry in reversed(page.entries)]


async def resolve(ops: httpx.AsyncClient, operation_id: str, body: dict[str, Any]) -> httpx.Response:
    return await ops.post(f"/api/admin/operations/{operation_id}/resolve", json=body)


class TestResolve:
    async def test_what_was_done_and_who_said_so_is_in_the_tenants_books(
        self, ops: httpx.AsyncClient, rig: Rig, registry: Registry, tenant: Tenant, person: Person
    ) -> None:
        payment = await lost_payment(rig, tenant)
        listed = (await ops.get("/api/admin/operations", params={"state": "unknown"})).json()
        assert [(one["id"], one["tenant_id"], one["amount_minor"]) for one in listed["data"]] == [
            (payment.operation_id, tenant.id, 49_900)
        ]
        answer = await resolve(ops, payment.operation_id, SEEN)
        assert (answer.status_code, answer.json()["status"]) == (200, "succeeded")
        row = await rig.operation(payment.operation_id)
        assert (row["state"], row["result"]["provider_order_id"]) == ("succeeded", "order_1")
        assert await audited(registry, tenant) == [
            ("operation.resolution_requested", {"status": "unknown"}, SEEN),
            ("operation.resolved", {"status": "unknown"}, {**SEEN, "status": "succeeded"}),
        ]
        (entry, *_) = (await registry.admin.audit_trail.of_chain(tenant.id, Filter(), limit=1)).entries
        assert (entry.actor_kind, entry.actor_id, entry.target_id) == ("operator", person.id, payment.operation_id)

        again = await resolve(ops, payment.operation_id, SEEN)  # a browser that lost the answer
        assert again.status_code == 200
        other = await resolve(ops, payment.operation_id, NOTHING)
        assert other.status_code == 409
        assert len(await audited(registry, tenant)) == 2
        assert (await ops.get("/api/admin/operations")).json()["data"] == []

    async def test_what_the_provider_denies_is_refused_and_that_is_written_down(
        self, ops: httpx.AsyncClient, rig: Rig, registry: Registry, tenant: Tenant
    ) -> None:
        payment = await lost_payment(rig, tenant)
        answer = await resolve(ops, payment.operation_id, {**SEEN, "provider_id": "order_2"})
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "provider_id")
        assert [action for action, _, _ in await audited(registry, tenant)] == [
            "operation.resolution_requested",
            "operation.resolution_refused",
        ]
        assert (await resolve(ops, payment.operation_id, NOTHING)).json()["status"] == "failed"

    async def test_what_another_payment_is_cannot_be_this_one_too(
        self, ops: httpx.AsyncClient, rig: Rig, tenant: Tenant
    ) -> None:
        first, second = await lost_payment(rig, tenant), await lost_payment(rig, tenant)
        assert (await resolve(ops, first.operation_id, SEEN)).status_code == 200
        refused = await resolve(ops, second.operation_id, SEEN)
        assert refused.status_code == 409
        assert first.resource_id in refused.json()["detail"]

    async def test_half_a_decision_is_none(self, ops: httpx.AsyncClient) -> None:
        halves: list[tuple[dict[str, Any], str]] = [
            ({"outcome": "succeeded", "reason": "So."}, "provider_id"),
            ({**SEEN, "provider_id": "order 1"}, "provider_id"),
            ({**NOTHING, "provider_id": "order_1"}, "provider_id"),
            ({**NOTHING, "reason": " "}, "reason"),
            ({"outcome": "failed"}, "reason"),
            ({**NOTHING, "outcome": "unknown"}, "outcome"),
        ]
        for body, field in halves:
            answer = await resolve(ops, new_id("op"), body)
            assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field), body

    async def test_what_there_is_not(self, ops: httpx.AsyncClient) -> None:
        for operation_id in (new_id("op"), "op_x", "nothing"):
            assert (await resolve(ops, operation_id, NOTHING)).status_code == 404
            assert (await ops.get(f"/api/admin/operations/{operation_id}")).status_code == 404
        assert (await ops.get("/api/admin/operations", params={"cursor": "x"})).status_code == 422


async def test_a_page_goes_on_where_the_one_before_ended(ops: httpx.AsyncClient, rig: Rig, tenant: Tenant) -> None:
    made = [(await lost_payment(rig, tenant)).operation_id for _ in range(3)]
    seen = [one["id"] for one in await every_page(ops, limit="2", tenant_id=tenant.id)]
    assert seen == made
    assert (await ops.get("/api/admin/operations", params={"tenant_id": "ten_other"})).json()["data"] == []


class TestSeveralWorkers:
    async def test_the_list_goes_through_all_of_them_oldest_first(
        self, ops: httpx.AsyncClient, rig: Rig, workers: Workers, tenant: Tenant
    ) -> None:
        made = [
            (await lost_payment(rig, tenant)).operation_id,
            await workers.lose_message(tenant),
            await workers.lose_message(tenant),
            (await lost_payment(rig, tenant)).operation_id,
        ]
        assert [one["id"] for one in await every_page(ops, limit="1")] == made
        assert [one["operation"] for one in await every_page(ops, limit="3")] == [
            "payment.create", "sms.send", "sms.send", "payment.create",
        ]  # fmt: skip
        found = (await ops.get(f"/api/admin/operations/{made[1]}")).json()
        assert (found["operation"], found["amount_minor"]) == ("sms.send", None)

    async def test_one_that_is_away_hides_nothing_of_the_others(
        self, registry: Registry, rig: Rig, workers: Workers, person: Person, tenant: Tenant
    ) -> None:
        payment = (await lost_payment(rig, tenant)).operation_id
        message = await workers.lose_message(tenant)
        without = registry.settings.model_copy(
            update={**workers.urls, "messaging_url": AnyHttpUrl("http://127.0.0.1:9")}
        )
        async with serving(without) as transport, browsing(transport, person) as client:
            statuses = [
                (await client.get(f"/api/admin/operations{path}")).status_code
                for path in (f"/{payment}", f"/{message}", "")
            ]
            assert statuses == [200, 503, 503]
            assert (await resolve(client, payment, NOTHING)).json()["status"] == "failed"


async def every_page(ops: httpx.AsyncClient, **params: str) -> list[dict[str, Any]]:
    seen: list[dict[str, Any]] = []
    cursor = None
    while True:
        page = (
            await ops.get("/api/admin/operations", params={**params, **({"cursor": cursor} if cursor else {})})
        ).json()
        assert len(page["data"]) <= int(params["limit"])
        seen += page["data"]
        cursor = page["next_cursor"]
        if cursor is None:
            return seen


async def test_only_operators_may(settings: Settings, registry: Registry, tenant: Tenant) -> None:
    owner = await sign_in(registry, tenant.id, "owner")
    async with serving(settings) as transport, browsing(transport, owner) as client:
        assert (await client.get("/api/admin/operations")).status_code == 403
        assert (await resolve(client, new_id("op"), NOTHING)).status_code == 403
    async with serving(settings) as transport, browsing(transport) as client:
        assert (await client.get("/api/admin/operations")).status_code == 401


async def test_a_payments_service_that_is_away_changes_nothing(
    registry: Registry, transport: httpx.ASGITransport, person: Person
) -> None:
    async with browsing(transport, person) as client:  # its settings name no service that listens
        answer = await resolve(client, new_id("op"), NOTHING)
    assert (answer.status_code, answer.json()["effect"]) == (503, "none")


class TestCommand:
    async def test_lists_and_resolves(self, registry: Registry, rig: Rig, workers: Workers, tenant: Tenant) -> None:
        payment = await lost_payment(rig, tenant)
        code, out, err = await admin(registry, workers, "list", "--state", "unknown")
        assert code == 0, err
        assert out.split("\t")[:7] == [
            payment.operation_id, tenant.id, "test", "payment.create", payment.resource_id, "scripted", "499.00 INR",
        ]  # fmt: skip
        decision = ("resolve", payment.operation_id, "--outcome", "failed", "--reason", NOTHING["reason"])
        code, _, err = await admin(registry, workers, *decision)
        assert (code, "has failed" in err) == (0, True)
        assert [action for action, _, _ in await audited(registry, tenant)] == [
            "operation.resolution_requested",
            "operation.resolved",
        ]
        code, _, err = await admin(registry, workers, "resolve", payment.operation_id, *decision[2:5], "Again.")
        assert code == 0
        code, _, err = await admin(
            registry, workers, "resolve", payment.operation_id, "--outcome", "succeeded",
            "--provider-id", "order_1", "--reason", "So.",
        )  # fmt: skip
        assert (code, "only an unknown outcome can be decided" in err) == (2, True)


async def admin(registry: Registry, workers: Workers, *arguments: str) -> tuple[int, str, str]:
    environment = {
        **environment_of(registry),
        **workers.environment,
        "ONEROUTER_INTERNAL_TOKENS": registry.settings.internal_tokens.get_secret_value(),
    }
    result = await asyncio.to_thread(CliRunner().invoke, admin_app, ["operations", *arguments], env=environment)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr
