"""Asks providers about payments and refunds that stay open without a callback, and applies what they say.

The answer goes through the same rules as a callback, so a callback that arrives meanwhile does no harm.
"""

import asyncio
from collections.abc import Awaitable
from datetime import datetime
from typing import Any, Final

import structlog

from onerouter_common import metric_names as metrics
from onerouter_common.clock import Clock
from onerouter_common.db.availability import DATABASE_AWAY
from onerouter_common.db.engine import Pool
from onerouter_common.errors import Overloaded, ProviderError
from onerouter_common.polling import poll_forever
from onerouter_common.worker import outbox
from onerouter_common.worker.alarm import silence
from onerouter_common.worker.handler import Connection, Connections
from onerouter_common.worker.outbox import OutboxRecord
from onerouter_payments.marketplace.split import transfers_after
from onerouter_payments.payment.aggregate import Change, PaymentAggregate, observe_payment, observe_refund
from onerouter_payments.payment.completion import completion_after
from onerouter_payments.payment.repository import PaymentStore
from onerouter_payments.payment.settlement import Views
from onerouter_payments.polling.repository import Due, claim, stop_asking
from onerouter_payments.polling.schedule import ABANDONED
from onerouter_providers.capability import PaymentProvider, PaymentSnapshot, RefundSnapshot

log = structlog.get_logger()

CATEGORY: Final = "payments"
_AT_ONCE: Final = 8
"""Calls in flight: polling must never compete with the tenants' own operations."""


class Poller:
    def __init__(
        self,
        pool: Pool,
        connections: Connections,
        views: Views,
        clock: Clock,
        *,
        interval_s: float = 5.0,
        batch: int = 64,
    ) -> None:
        self._pool = pool
        self._connections = connections
        self._views = views
        self._clock = clock
        self._interval_s = interval_s
        self._batch = batch
        self._store = PaymentStore()

    async def run(self) -> None:
        """Until cancelled."""
        await poll_forever(self.poll_once, interval_s=self._interval_s, batch=self._batch)

    async def poll_once(self) -> int:
        """Ask about one batch of what is due; how many there were."""
        async with self._pool.acquire() as connection:
            due = await claim(connection, self._clock.now(), self._batch)
            found = await self._store.load(connection, sorted({item.payment_id for item in due}), lock=False)
        places = asyncio.Semaphore(_AT_ONCE)

        async def ask(item: Due) -> None:
            async with places:
                await self._ask(item, found[item.payment_id])

        async with asyncio.TaskGroup() as tasks:
            for item in due:
                tasks.create_task(ask(item))
        return len(due)

    async def _ask(self, due: Due, aggregate: PaymentAggregate) -> None:
        result = await self._safely(due, self._ask_provider(due, aggregate))
        if due.is_last and result != "changed":
            result = await self._safely(due, self._give_up(due, aggregate))
        metrics.POLLS.labels(CATEGORY, due.kind, result).inc()

    async def _safely(self, due: Due, asking: Awaitable[str]) -> str:
        try:
            return await asking
        except (ProviderError, Overloaded, *DATABASE_AWAY) as error:
            log.info("poll.failed", kind=due.kind, payment_id=due.payment_id, error=type(error).__name__)
        except Exception:  # one answer that nobody foresaw must not end the asking about all others
            log.exception("poll.broken", kind=due.kind, payment_id=due.payment_id)
        return "failed"

    async def _ask_provider(self, due: Due, aggregate: PaymentAggregate) -> str:
        payment = aggregate.payment
        connection = await self._connections.get(
            payment.tenant_id, payment.environment, CATEGORY, payment.connection_id
        )
        if connection is None:
            return "disconnected"
        async with asyncio.timeout(connection.timeout_s):
            told = await _told(due, aggregate, connection)
        return "unchanged" if told is None else await self._apply(due, told)

    async def _give_up(self, due: Due, aggregate: PaymentAggregate) -> str:
        """The last poll brought nothing. Where money may hang, somebody has to look: it is told, once."""
        async with self._pool.acquire() as connection, connection.transaction():
            status = await stop_asking(connection, due)
            if status is None:
                return "unchanged"
            if due.refund_id is None and status in ABANDONED:
                return "abandoned"
            await silence(connection, due.kind, due.id, status=status, now=self._clock.now())
        log.error(
            "poll.gave_up",
            kind=due.kind,
            payment_id=due.payment_id,
            refund_id=due.refund_id,
            status=status,
            provider=aggregate.payment.provider,
        )
        return "gave_up"

    async def _apply(self, due: Due, told: PaymentSnapshot | RefundSnapshot) -> str:
        now = self._clock.now()
        async with self._pool.acquire() as connection, connection.transaction():
            aggregate = (await self._store.load(connection, [due.payment_id], lock=True))[due.payment_id]
            change = _observe(due, aggregate, told, now=now)
            if change.aggregate != aggregate:
                await self._store.save(connection, [change.aggregate])
            # The relay publishes these: nobody waits for them to the millisecond.
            await outbox.add(connection, self._records(aggregate, change, told, now=now))
        return "changed" if change.happened else "unchanged"

    def _records(
        self, aggregate: PaymentAggregate, change: Change, told: PaymentSnapshot | RefundSnapshot, *, now: datetime
    ) -> list[OutboxRecord]:
        payment = aggregate.payment
        whose: dict[str, Any] = {
            "tenant_id": payment.tenant_id,
            "environment": payment.environment,
            "category": CATEGORY,
            "ordering_key": payment.id,
        }
        records = outbox.of_drafts(self._views.drafts(change.happened), occurred_at=now, **whose)
        if isinstance(told, PaymentSnapshot):
            cause = f"poll {payment.polls} of {payment.version}"  # another one, should the first have been refused
            commands = completion_after(payment, told, cause=cause) + transfers_after(payment, change.aggregate.payment)
            records += outbox.of_commands(commands, accepted_at=now, **whose)
        return records


async def _told(
    due: Due, aggregate: PaymentAggregate, connection: Connection
) -> PaymentSnapshot | RefundSnapshot | None:
    client: PaymentProvider = connection.client
    if due.refund_id is None:
        return await client.get_payment(aggregate.payment.reference)
    refund = aggregate.find_refund(due.refund_id)
    if refund is None or refund.provider_refund_id is None:
        return None
    return await client.get_refund(aggregate.payment.reference, refund.provider_refund_id)


def _observe(due: Due, aggregate: PaymentAggregate, told: PaymentSnapshot | RefundSnapshot, *, now: datetime) -> Change:
    if isinstance(told, PaymentSnapshot):
        return observe_payment(aggregate, told, now)
    return observe_refund(aggregate, due.refund_id or "", told, now)
