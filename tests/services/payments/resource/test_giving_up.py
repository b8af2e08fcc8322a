"""A resource that stays open in silence is asked about for days; then somebody has to look, and is told once."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import orjson
import pytest

from onerouter_common.db.engine import Pool
from onerouter_common.errors import ProviderUnavailable
from onerouter_common.ids import new_id
from onerouter_common.routing.route import Candidate, Route
from onerouter_payments.polling.schedule import WAITS_S
from onerouter_payments.resource.kinds import KINDS
from onerouter_payments.resource.poller import ResourcePoller
from onerouter_payments.resource.repository import ResourceStore

from ..examples import NOW, FakeConnection, FixedClock, a_resource

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
class OneConnection:
    client: Silent

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
