"""A resource that stays open in silence is asked about for days; then somebody has to look, and is told once."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import orjson
import pytest

from onerouter_common.contracts.callbacks import CallbackObject
from onerouter_common.db.engine import Pool
from onerouter_common.errors import ProviderUnavailable
from onerouter_common.ids import new_id
from onerouter_common.routing.route import Candidate, Route
from onerouter_payments.polling.schedule import SOON_S, WAITS_S
from onerouter_payments.resource.callbacks import apply
from onerouter_payments.resource.change import observe
from onerouter_payments.resource.kind import FIRST_POLL
from onerouter_payments.resource.kinds import KINDS
from onerouter_payments.resource.poller import ResourcePoller
from onerouter_payments.resource.repository import ResourceStore
from onerouter_payments.resource.state import answered
from onerouter_providers.resources import ResourceReference, ResourceSnapshot

from ..examples import NOW, FakeConnection, FixedClock, a_callback, a_resource

A_MOMENT = timedelta(milliseconds=100)
_MADE = """
INSERT INTO operations (id, tenant_id, environment, category, operation, resource_id, ordering_key, payload, fingerprint,
    made_by, api_key_id, accepted_at, created_at, state, attempts, connection_id, provider)
VALUES ($1, 'ten_1', 'test', 'payments', $2, $3, $3, '{}', 'f', 'cmd_1', 'key_1', $4, $4, 'succeeded', 1, 'con_1', 'razorpay')
"""


@dataclass
class Silent:
    """A provider that cannot be asked."""

    asked: list[str] = field(default_factory=list)

    def __getattr__(self, name: str) -> Any:
        async def ask(*_: object, **__: object) -> Any:
            self.asked.append(name)
            raise ProviderUnavailable("Away.", provider="razorpay")

        return ask


@dataclass
class Pending:
    """One that still looks at what it was told."""

    asked: list[str] = field(default_factory=list)

    async def get_vendor(self, reference: ResourceReference) -> ResourceSnapshot:
        self.asked.append("get_vendor")
        return ResourceSnapshot("pending", reference.provider_id)


@dataclass
class Overtaken:
    """One that was asked a moment before it was told to pause, and answers a moment after."""

    pool: Pool
    clock: FixedClock
    asked: int = 0

    async def get_subscription(self, reference: ResourceReference) -> ResourceSnapshot:
        self.asked += 1
        if self.asked > 1:
            return ResourceSnapshot("paused", reference.provider_id)
        async with self.pool.acquire() as connection, connection.transaction():
            [held] = (await ResourceStore().load(connection, [reference.id], lock=True)).values()
            told = answered(ResourceSnapshot("paused", "x_1"), self.clock.now() + A_MOMENT, held.known_as_of)
            await ResourceStore().save(connection, [observe(held, told, self.clock.now()).resource])
        self.clock.moment += 2 * A_MOMENT
        return ResourceSnapshot("active", reference.provider_id)


@dataclass
class OneConnection:
    client: Silent | Pending | Overtaken

    async def route(self, tenant_id: str, environment: str, category: str) -> Route:
        return Route((Candidate("con_1", "razorpay"),))

    def at_hand(self, tenant_id: str, environment: str, category: str, connection_id: str) -> None:
        return None

    async def get(self, tenant_id: str, environment: str, category: str, connection_id: str) -> FakeConnection | None:
        return FakeConnection(client=self.client)


@pytest.mark.parametrize(("kind", "status"), [("transfer", "pending"), ("subscription", "active")])
async def test_is_told_of_once(pool: Pool, kind: str, status: str) -> None:
    clock, client = FixedClock(NOW), Silent()
    resource = a_resource(KINDS[kind], status=status, provider_id="x_1", version=1, polls=len(WAITS_S), poll_at=NOW)
    async with pool.acquire() as connection, connection.transaction():
        await ResourceStore().save(connection, [resource])
    operation_id = new_id("op")
    await pool.execute(_MADE, operation_id, f"{kind}.create", resource.id, NOW)
    poller = ResourcePoller(pool, OneConnection(client), clock)
    assert await poller.poll_once() == 1
    clock.moment += timedelta(days=10)
    assert await poller.poll_once() == 0
    assert len(client.asked) == 1
    [row] = await pool.fetch("SELECT value FROM outbox")
    event = orjson.loads(row["value"])
    assert (event["type"], event["resource"], event["data"]["reason"]) == (
        "operation.stuck",
        {"kind": "operation", "id": operation_id},
        "silence",
    )
    assert event["data"]["resource"] == {"kind": kind, "id": resource.id, "status": status}


async def test_a_read_that_a_callback_asked_for_is_tried_again_soon(pool: Pool) -> None:
    clock, client = FixedClock(NOW), Silent()
    paused = CallbackObject(kind="subscription", status="paused", provider_id="x_1")
    active = a_resource(KINDS["subscription"], status="active", provider_id="x_1", version=1, status_as_of=NOW)
    after = apply(a_callback(paused), active).resource
    assert after is not None
    async with pool.acquire() as connection, connection.transaction():
        await ResourceStore().save(connection, [after])
    poller = ResourcePoller(pool, OneConnection(client), clock)
    for wait_s in (0, *SOON_S, WAITS_S[0]):
        clock.moment += timedelta(seconds=wait_s - 1)
        assert await poller.poll_once() == 0
        clock.moment += timedelta(seconds=1)
        assert await poller.poll_once() == 1
    assert len(client.asked) == len(SOON_S) + 2


async def test_a_read_that_a_callback_asked_for_is_not_repeated_once_it_was_answered(pool: Pool) -> None:
    clock = FixedClock(NOW)
    vendor = a_resource(
        KINDS["vendor"], status="pending", provider_id="x_1", version=1, poll_at=NOW, polls=-len(SOON_S)
    )
    async with pool.acquire() as connection, connection.transaction():
        await ResourceStore().save(connection, [vendor])
    client = Pending()
    poller = ResourcePoller(pool, OneConnection(client), clock)
    assert await poller.poll_once() == 1
    clock.moment += FIRST_POLL - timedelta(seconds=1)
    assert await poller.poll_once() == 0
    clock.moment += timedelta(seconds=1)
    assert await poller.poll_once() == 1
    assert client.asked == ["get_vendor"] * 2


async def test_a_read_that_an_operation_overtakes_undoes_nothing_and_is_made_again(pool: Pool) -> None:
    clock = FixedClock(NOW)
    active = a_resource(
        KINDS["subscription"], status="active", provider_id="x_1", version=1, poll_at=NOW, status_as_of=NOW - A_MOMENT
    )
    async with pool.acquire() as connection, connection.transaction():
        await ResourceStore().save(connection, [active])
    client = Overtaken(pool, clock)
    poller = ResourcePoller(pool, OneConnection(client), clock)
    assert [await poller.poll_once() for _ in range(3)] == [1, 1, 0]
    async with pool.acquire() as connection:
        [held] = (await ResourceStore().load(connection, [active.id], lock=False)).values()
    assert (held.status, held.version, client.asked) == ("paused", 2, 2)
