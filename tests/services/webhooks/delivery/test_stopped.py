"""What ends after its endpoint was disabled."""

import orjson

from onerouter_common.db.engine import Pool
from onerouter_webhooks.delivery.health import GONE
from onerouter_webhooks.delivery.queue import Finished, Hold
from onerouter_webhooks.delivery.repository import DeliveryQueue

from .test_backlog import fill
from .test_results import LANE, LEASE, pool, result

__all__ = ["pool"]


async def told(pool: Pool) -> list[str]:
    return [
        orjson.loads(row["value"])["type"] for row in await pool.fetch("SELECT value FROM event_outbox ORDER BY id")
    ]


async def test_no_recovery_is_told_of_before_it_is_enabled(pool: Pool) -> None:
    queue = DeliveryQueue(pool)
    await fill(pool, LANE, 3)
    gone, taken, later = await queue.claim({LANE: 3}, LEASE)
    await queue.complete([result(gone, 410, Hold(disable=GONE))])
    await queue.complete([result(taken, 200, Finished("succeeded"))])
    assert await told(pool) == ["endpoint.disabled"]
    assert await pool.fetchval("SELECT told FROM webhook_endpoints") == 3
    await pool.execute("UPDATE webhook_endpoints SET status = 'enabled'")
    await queue.complete([result(later, 200, Finished("succeeded"))])
    assert await told(pool) == ["endpoint.disabled", "endpoint.recovered"]


async def test_that_a_paused_one_is_gone_is_not_told_of(pool: Pool) -> None:
    queue = DeliveryQueue(pool)
    await fill(pool, LANE, 2)
    gone, taken = await queue.claim({LANE: 2}, LEASE)
    await pool.execute("UPDATE webhook_endpoints SET status = 'paused'")
    await queue.complete([result(gone, 410, Hold(disable=GONE))])
    assert await pool.fetchval("SELECT told FROM webhook_endpoints WHERE status = 'paused'") == 0
    await pool.execute("UPDATE webhook_endpoints SET status = 'enabled'")
    await queue.complete([result(taken, 200, Finished("succeeded"))])
    assert await told(pool) == []
