"""What never called back is asked for, on a schedule that ends, and told like a callback would have told it."""

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import orjson

from onerouter_common.db.engine import Pool
from onerouter_common.errors import ProviderUnavailable
from onerouter_common.ids import new_id
from onerouter_common.routing.route import Candidate, Route
from onerouter_payments.payment.aggregate import PaymentAggregate, add_refund, observe_payment, observe_refund
from onerouter_payments.payment.repository import PaymentStore
from onerouter_payments.polling.poller import Poller
from onerouter_payments.polling.repository import claim
from onerouter_payments.polling.schedule import WAITS_S
from onerouter_providers.capability import PaymentReference, PaymentSnapshot, RefundSnapshot

from ..examples import NOW, VIEWS, FakeConnection, FixedClock, a_payment, a_refund, captured

ORDERED = PaymentSnapshot("requires_action", provider_order_id="order_1")


@dataclass
class Answering:
    """A provider's client with prepared answers."""

    payment: PaymentSnapshot | Exception = ORDERED
    refund: RefundSnapshot = field(default_factory=lambda: RefundSnapshot("pending", "rfnd_1"))
    asked: list[str] = field(default_factory=list)

    async def get_payment(self, reference: PaymentReference) -> PaymentSnapshot:
        self.asked.append(reference.payment_id)
        if isinstance(self.payment, Exception):
            raise self.payment
        return self.payment

    async def get_refund(self, payment: PaymentReference, provider_refund_id: str) -> RefundSnapshot:
        self.asked.append(provider_refund_id)
        return self.refund


@dataclass
class OneConnection:
    client: Answering

    async def route(self, tenant_id: str, environment: str, category: str) -> Route:
        return Route((Candidate("con_1", "razorpay"),))

    def at_hand(self, tenant_id: str, environment: str, category: str, connection_id: str) -> None:
        return None

    async def get(self, tenant_id: str, environment: str, category: str, connection_id: str) -> FakeConnection | None:
        return FakeConnection(client=self.client) if connection_id == "con_1" else None


class Setup:
    def __init__(self, pool: Pool, client: Answering, *, after: timedelta = timedelta(minutes=2)) -> None:
        self.pool = pool
        self.client = client
        self.clock = FixedClock(NOW + after)
        self.poller = Poller(pool, OneConnection(client), VIEWS, self.clock)

    async def save(self, *aggregates: PaymentAggregate) -> None:
        async with self.pool.acquire() as connection, connection.transaction():
            await PaymentStore().save(connection, aggregates)

    async def load(self, payment_id: str) -> PaymentAggregate:
        async with self.pool.acquire() as connection:
            return (await PaymentStore().load(connection, [payment_id], lock=False))[payment_id]

    async def events(self) -> list[dict[str, Any]]:
        rows = await self.pool.fetch("SELECT value FROM outbox ORDER BY id")
        return [orjson.loads(row["value"]) for row in rows]


def ordered(**changes: Any) -> PaymentAggregate:
    return observe_payment(PaymentAggregate(a_payment(**changes)), ORDERED, NOW).aggregate


async def test_a_payment_that_was_paid_in_silence_is_told(pool: Pool) -> None:
    paid = PaymentSnapshot("succeeded", "order_1", "pay_1", method="upi")
    setup = Setup(pool, Answering(paid))
    aggregate = ordered()
    await setup.save(aggregate)
    assert await setup.poller.poll_once() == 1
    payment = (await setup.load(aggregate.payment.id)).payment
    assert (payment.status, payment.poll_at) == ("succeeded", None)
    events = await setup.events()
    assert [(event["type"], event["sequence"]) for event in events] == [("payment.succeeded", 2)]
    assert events[0]["data"]["status"] == "succeeded"
    assert await setup.poller.poll_once() == 0


async def test_a_refund_that_ended_in_silence_is_told_with_its_payment(pool: Pool) -> None:
    setup = Setup(pool, Answering(refund=RefundSnapshot("succeeded", "rfnd_1")))
    aggregate = captured()
    refund = a_refund(aggregate.payment, amount_minor=50_000)
    aggregate = add_refund(aggregate, refund)
    aggregate = observe_refund(aggregate, refund.id, RefundSnapshot("pending", "rfnd_1"), NOW).aggregate
    await setup.save(aggregate)
    assert await setup.poller.poll_once() == 1
    assert (await setup.load(aggregate.payment.id)).payment.status == "refunded"
    assert [event["type"] for event in await setup.events()] == ["refund.succeeded", "payment.refunded"]


async def test_nothing_new_is_asked_again_later_and_later_and_then_no_more(pool: Pool) -> None:
    setup = Setup(pool, Answering())
    aggregate = ordered()
    await setup.save(aggregate)
    waits = []
    while (await setup.load(aggregate.payment.id)).payment.poll_at is not None:
        assert await setup.poller.poll_once() == 1
        poll_at = (await setup.load(aggregate.payment.id)).payment.poll_at
        if poll_at is not None:
            waits.append((poll_at - setup.clock.moment).total_seconds())
            setup.clock.moment = poll_at
    assert tuple(waits) == WAITS_S
    assert setup.clock.moment - NOW >= timedelta(days=3)
    assert await setup.events() == []
    assert await setup.poller.poll_once() == 0


async def test_an_absent_provider_costs_one_poll(pool: Pool) -> None:
    setup = Setup(pool, Answering(ProviderUnavailable("Away.", provider="razorpay")))
    aggregate = ordered()
    await setup.save(aggregate)
    assert await setup.poller.poll_once() == 1
    payment = (await setup.load(aggregate.payment.id)).payment
    assert payment.poll_at == setup.clock.moment + timedelta(seconds=WAITS_S[0])


async def test_one_broken_answer_does_not_stop_the_others(pool: Pool) -> None:
    setup = Setup(pool, Answering(KeyError("what nobody foresaw")))
    await setup.save(ordered(), ordered(), ordered(connection_id="con_removed"))
    assert await setup.poller.poll_once() == 3
    assert len(setup.client.asked) == 2


async def test_a_callback_that_comes_first_wins(pool: Pool) -> None:
    """The answer was asked for before the callback and arrives after it."""
    aggregate = ordered()

    class Late(Answering):
        async def get_payment(self, reference: PaymentReference) -> PaymentSnapshot:
            paid = PaymentSnapshot("succeeded", "order_1", "pay_1")
            await setup.save(observe_payment(await setup.load(aggregate.payment.id), paid, NOW).aggregate)
            return PaymentSnapshot("processing", "order_1", "pay_1")

    setup = Setup(pool, Late())
    await setup.save(aggregate)
    await setup.poller.poll_once()
    assert (await setup.load(aggregate.payment.id)).payment.status == "succeeded"
    assert await setup.events() == []


async def test_two_pollers_never_ask_about_the_same(pool: Pool) -> None:
    setup = Setup(pool, Answering())
    await setup.save(*(ordered() for _ in range(10)))
    other = Setup(pool, Answering())
    async with pool.acquire() as connection, connection.transaction():
        # Another process in the middle of its claim.
        await connection.fetch("SELECT id FROM payments ORDER BY poll_at LIMIT 4 FOR UPDATE")
        assert await other.poller.poll_once() == 6
    assert await setup.poller.poll_once() == 4
    assert not set(setup.client.asked) & set(other.client.asked)


async def test_payments_that_are_not_at_a_provider_are_the_reconcilers(pool: Pool) -> None:
    setup = Setup(pool, Answering())
    await setup.save(PaymentAggregate(a_payment()), PaymentAggregate(replace(captured().payment)))
    assert await setup.poller.poll_once() == 0


async def test_an_approval_that_never_called_back_is_followed_by_its_completion(pool: Pool) -> None:
    approved = PaymentSnapshot("processing", "order_1", awaits_completion=True)
    setup = Setup(pool, Answering(approved))
    aggregate = ordered()
    await setup.save(aggregate)
    assert await setup.poller.poll_once() == 1
    event, command = await setup.events()
    assert event["type"] == "payment.processing"
    assert (command["operation"], command["payload"]) == ("payment.complete", {"payment_id": aggregate.payment.id})
    setup.clock.moment += timedelta(minutes=10)
    await setup.poller.poll_once()
    (again,) = (await setup.events())[2:]  # nothing has changed, and yet it is still waiting
    assert again["operation"] == "payment.complete"
    assert again["operation_id"] != command["operation_id"]


_MADE = """
INSERT INTO operations (id, tenant_id, environment, category, operation, resource_id, ordering_key, payload, fingerprint,
    made_by, api_key_id, accepted_at, created_at, state, attempts, connection_id, provider)
VALUES ($1, 'ten_1', 'test', 'payments', $2, $3, $4, '{}', 'f', 'cmd_1', 'key_1', $5, $5, 'succeeded', 1, 'con_1', 'razorpay')
"""


class TestWhatStaysSilent:
    """Asking ends: somebody has to look, and is told once."""

    async def test_is_told_of_once(self, pool: Pool) -> None:
        processing = PaymentSnapshot("processing", "order_1", "pay_1")
        setup = Setup(pool, Answering(processing))
        aggregate = observe_payment(PaymentAggregate(a_payment()), processing, NOW).aggregate
        await setup.save(aggregate)
        payment_id, operation_id = aggregate.payment.id, new_id("op")
        await pool.execute(_MADE, operation_id, "payment.create", payment_id, payment_id, NOW)
        await self._to_the_last(setup, payment_id)
        assert await setup.events() == []
        for _ in range(3):
            await setup.poller.poll_once()
        [event] = await setup.events()
        assert (event["type"], event["sequence"]) == ("operation.stuck", 1)
        assert event["resource"] == {"kind": "operation", "id": operation_id}
        told = event["data"]
        assert (told["id"], told["operation"], told["state"], told["reason"]) == (
            operation_id,
            "payment.create",
            "succeeded",
            "silence",
        )
        assert told["resource"] == {"kind": "payment", "id": payment_id, "status": "processing"}
        assert (told["provider"], told["since"]) == ("razorpay", "2026-03-01T09:30:00.000Z")
        assert (await setup.load(payment_id)).payment.poll_at is None

    async def test_is_told_of_by_another_when_the_first_dies_before_it(self, pool: Pool) -> None:
        setup = Setup(pool, Answering())
        aggregate = captured()
        refund = a_refund(aggregate.payment, amount_minor=50_000)
        aggregate = observe_refund(
            add_refund(aggregate, refund), refund.id, RefundSnapshot("pending", "rfnd_1"), NOW
        ).aggregate
        await setup.save(aggregate)
        payment_id, operation_id = aggregate.payment.id, new_id("op")
        await pool.execute(_MADE, operation_id, "refund.create", refund.id, payment_id, NOW)
        # Late already once: the first of what is told of this operation.
        await pool.execute("UPDATE operations SET stuck_at = created_at")
        await pool.execute("UPDATE refunds SET polls = $1, poll_at = $2", len(WAITS_S), setup.clock.moment)
        async with pool.acquire() as connection:
            [due] = await claim(connection, setup.clock.moment, 10)
        assert due.is_last
        assert await setup.poller.poll_once() == 0
        setup.clock.moment += timedelta(minutes=11)
        assert await setup.poller.poll_once() == 1
        setup.clock.moment += timedelta(days=1)
        assert await setup.poller.poll_once() == 0
        [event] = await setup.events()
        assert (event["type"], event["sequence"]) == ("operation.stuck", 2)
        assert event["data"]["resource"] == {"kind": "refund", "id": refund.id, "status": "pending"}

    async def test_is_not_told_of_when_its_payer_went_away(self, pool: Pool) -> None:
        setup = Setup(pool, Answering())
        aggregate = ordered()
        await setup.save(aggregate)
        await self._to_the_last(setup, aggregate.payment.id)
        assert await setup.poller.poll_once() == 1
        assert await setup.events() == []
        assert (await setup.load(aggregate.payment.id)).payment.poll_at is None

    @staticmethod
    async def _to_the_last(setup: Setup, payment_id: str) -> None:
        await setup.pool.execute(
            "UPDATE payments SET polls = $2, poll_at = $3 WHERE id = $1", payment_id, len(WAITS_S), setup.clock.moment
        )
