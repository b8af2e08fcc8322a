"""What is due and nobody begins, as every process tells it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from tests.libs.common.logs import captured
from tests.libs.common.worker.rig import FAST, Rig, create_payment, until

from onerouter_common import metric_names as metrics
from onerouter_common.worker import following
from onerouter_common.worker.duty import Duty
from onerouter_common.worker.overdue import Overdue


async def due(rig: Rig, *ages_s: float, tenant: str = "ten_1", priority: int = 0, state: str = "accepted") -> None:
    """Operations that are due for so long; negative: later."""
    now = datetime.now(UTC)
    for age_s in ages_s:
        command = create_payment(tenant=tenant, priority=priority)
        async with rig.pool.acquire() as connection, connection.transaction():
            await following.store(connection, [(command, None)], now=now)
            await connection.execute(
                "UPDATE operations SET due_at = $2, state = $3 WHERE id = $1",
                command.operation_id,
                now - timedelta(seconds=age_s),
                state,
            )


def told(category: str, priority: str) -> float:
    value: float = metrics.OPERATIONS_OVERDUE.labels(category, priority)._value.get()
    return value


class TestLook:
    async def test_the_oldest_of_all_tenants_counts_by_priority(self, rig: Rig) -> None:
        await due(rig, 20, 400, tenant="ten_b", priority=1)
        await due(rig, 100, tenant="ten_a", priority=1)
        await due(rig, 30, tenant="ten_c")
        found = await Overdue(rig.pool, category="of_test", duty=Duty.ALL).look()
        assert 400 <= found["bulk"] < 700
        assert 30 <= found["transactional"] < 300
        assert {priority: told("of_test", priority) for priority in found} == found

    async def test_what_is_under_way_or_waits_for_its_time_does_not(self, rig: Rig) -> None:
        overdue = Overdue(rig.pool, category="of_test", duty=Duty.ALL)
        await due(rig, 90)
        assert (await overdue.look())["transactional"] >= 90
        await rig.pool.execute("UPDATE operations SET due_at = now() + interval '5 minutes', state = 'executing'")
        await due(rig, -3_600, state="scheduled")
        await due(rig, -60, priority=1, state="retrying")
        assert await overdue.look() == {"transactional": 0.0, "bulk": 0.0}
        assert told("of_test", "transactional") == 0.0

    async def test_who_leaves_it_to_others_says_that_it_is_left(self, rig: Rig) -> None:
        await due(rig, 300, priority=1)
        said = {}
        for duty in Duty:
            with captured() as lines:
                await Overdue(rig.pool, category="of_test", duty=duty).look()
            said[duty] = [(line["event"], line["priority"], line["duty"]) for line in lines]
        assert said == {Duty.ALL: [], Duty.BACKGROUND: [], Duty.URGENT: [("operations.overdue", "bulk", "urgent")]}


async def test_a_duty_that_nobody_has_is_measured_by_the_others_and_each_names_its_own(rig: Rig) -> None:
    await due(rig, 300, priority=1)
    with captured() as lines:
        async with rig.worker(replace(FAST, duty=Duty.URGENT)):
            await until(lambda: told("payments", "bulk") >= 300)
        [started] = [line for line in lines if line["event"] == "worker.started"]
    assert started["duty"] == "urgent"
    assert not rig.provider.calls
