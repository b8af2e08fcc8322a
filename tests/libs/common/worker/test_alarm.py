"""What has not ended in time is told of, exactly once; what has is not."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.libs.common.logs import captured
from tests.libs.common.worker.rig import FAST, Rig, create_payment

from onerouter_common.contracts.events import Event
from onerouter_common.errors import ProviderOutcomeUnknown, ProviderUnavailable
from onerouter_common.retry import Backoff
from onerouter_common.worker.alarm import Alarm
from onerouter_common.worker.handler import Idempotency

UNKNOWN = ProviderOutcomeUnknown("no answer", provider="scripted")
AWAY = ProviderUnavailable("away", provider="scripted")


async def told(rig: Rig, operation_id: str) -> list[Event]:
    """What the events topic says of it by now."""
    found = []
    while not rig.events.empty():
        event = rig.events.get_nowait()
        if event.operation_id == operation_id and event.type == "operation.stuck":
            found.append(event)
    return found


async def test_an_operation_that_stays_unknown_is_told_of_once_by_all_workers(rig: Rig) -> None:
    rig.connections.connections[0].idempotency["payment.create"] = Idempotency.NONE
    rig.provider.after = [UNKNOWN]
    options = replace(FAST, stuck_after_s=0.3)
    with captured() as logs:
        async with rig.worker(options), rig.worker(options):
            command = create_payment()
            await rig.send(command)
            await rig.until_state(command.operation_id, "unknown")
            async with asyncio.timeout(60):
                while (await rig.operation(command.operation_id))["stuck_at"] is None:
                    await asyncio.sleep(0.02)
            await asyncio.sleep(1.0)
            row = await rig.operation(command.operation_id)
    [event] = await told(rig, command.operation_id)
    assert (event.tenant_id, event.environment, event.category, event.sequence) == ("ten_1", "test", "payments", 1)
    assert (event.resource.kind, event.resource.id) == ("operation", command.operation_id)
    since = datetime.fromisoformat(str(event.data.pop("since")))
    assert abs(since - row["created_at"]) < timedelta(milliseconds=2)
    assert event.data == {
        "id": command.operation_id,
        "object": "operation",
        "operation": "payment.create",
        "state": "unknown",
        "reason": "deadline",
        "provider": "scripted",
        "connection_id": "con_1",
        "resource": {"kind": "payment", "id": command.resource_id},
        "attempts": 1,
        "environment": "test",
    }
    errors = [one for one in logs if one["event"] == "operation.stuck"]
    assert [(one["log_level"], one["operation_id"]) for one in errors] == [("error", command.operation_id)]
    assert row["state"] == "unknown"  # told of, and asked about as before


@pytest.mark.parametrize("state", ["retrying", "executing"])
async def test_so_is_one_that_still_tries(rig: Rig, state: str) -> None:
    rig.provider.before = [AWAY]
    if state == "executing":
        rig.provider.before, rig.provider.gate = [], asyncio.Event()
    async with rig.worker(replace(FAST, stuck_after_s=0.3, retry=Backoff(first_s=30, most_s=30, give_up_after=4))):
        command = create_payment()
        await rig.send(command)
        await rig.until_state(command.operation_id, state)
        async with asyncio.timeout(60):
            event = await rig.events.get()
            while event.type != "operation.stuck":
                event = await rig.events.get()
        if rig.provider.gate is not None:
            rig.provider.gate.set()
    assert (event.operation_id, event.data["state"]) == (command.operation_id, state)


async def test_what_ends_in_time_or_is_due_later_is_not(rig: Rig) -> None:
    later = datetime.now(UTC) + timedelta(hours=1)
    async with rig.worker() as worker:
        ended, scheduled = create_payment(), create_payment(not_before=later)
        await rig.send(scheduled)
        await rig.ask(ended)
        await rig.until_state(scheduled.operation_id, "scheduled")
        alarm = Alarm(rig.pool, worker.publisher, After(timedelta(days=1)), after_s=1.0)
        assert await alarm.look() == 0
        rows = await rig.pool.fetch("SELECT stuck_at FROM operations")
    assert [row["stuck_at"] for row in rows] == [None, None]


async def test_one_that_was_due_late_counts_from_when_it_was_due(rig: Rig) -> None:
    async with rig.worker() as worker:
        command = create_payment()
        await rig.ask(command)
        await rig.pool.execute(
            "UPDATE operations SET state = 'unknown', due_at = 'infinity', finished_at = NULL, not_before = now() + "
            "interval '1 hour'"
        )
        publisher: Any = worker.publisher
        assert await Alarm(rig.pool, publisher, After(timedelta(minutes=74)), after_s=900).look() == 0
        assert await Alarm(rig.pool, publisher, After(timedelta(minutes=76)), after_s=900).look() == 1
        assert await Alarm(rig.pool, publisher, After(timedelta(minutes=77)), after_s=900).look() == 0


class After:
    """The time of day, so much later."""

    def __init__(self, by: timedelta) -> None:
        self._by = by

    def now(self) -> datetime:
        return datetime.now(UTC) + self._by
