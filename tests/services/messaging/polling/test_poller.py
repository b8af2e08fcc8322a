"""Messages that nobody called back about, and prices that come later."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from tests.services.messaging.examples import EMAIL_COMMAND, NOW, SMS_COMMAND, FakeConnection, FixedClock, a_message

from onerouter_common.contracts.messages import EmailAddress
from onerouter_common.db.engine import Pool
from onerouter_common.errors import ProviderUnavailable
from onerouter_common.ids import new_id
from onerouter_common.worker.handler import Idempotency
from onerouter_common.worker.pace.pacer import Going, Pacer
from onerouter_common.worker.pace.rule import Pace
from onerouter_messaging.message.change import versioned
from onerouter_messaging.message.repository import MessageStore
from onerouter_messaging.message.schedule import WAITS_S
from onerouter_messaging.message.state import Cost, Message
from onerouter_messaging.polling.poller import Poller
from onerouter_messaging.suppression.repository import SuppressionList
from onerouter_providers.messages import MessageReference, MessageSnapshot

STORE = MessageStore(SuppressionList())
LATER = timedelta(days=1)


class FakeProvider:
    """Tells what it is given; an error is raised."""

    def __init__(self, *told: MessageSnapshot | Exception) -> None:
        self.told = list(told)
        self.asked: list[MessageReference] = []

    async def get_email(self, reference: MessageReference) -> MessageSnapshot:
        return await self.get_sms(reference)

    async def get_sms(self, reference: MessageReference) -> MessageSnapshot:
        self.asked.append(reference)
        told = self.told.pop(0)
        if isinstance(told, Exception):
            raise told
        return told


class OneConnection:
    def __init__(self, client: Any, *capabilities: str) -> None:
        self.connection = FakeConnection(
            client=client, capabilities=dict.fromkeys(("sms.send", "email.send", *capabilities), Idempotency.LOOKUP)
        )

    async def get(self, tenant_id: str, environment: str, category: str, connection_id: str) -> Any:
        return self.connection if connection_id == "con_1" else None


async def stored(pool: Pool, **changes: Any) -> Message:
    """One that its provider has taken and told nothing of since."""
    message = replace(
        a_message(SMS_COMMAND), provider_message_id="SM1", cost=Cost(Decimal("0.0083"), "USD", is_estimated=True)
    )
    message = versioned(message, replace(message, **changes), NOW).message
    async with pool.acquire() as connection:
        await STORE.save(connection, [message])
    await pool.execute(
        "INSERT INTO operations (id, tenant_id, environment, category, operation, resource_id, ordering_key, payload, "
        "fingerprint, made_by, api_key_id, accepted_at, created_at, state) VALUES ($1, 'ten_1', 'test', 'sms', 'sms.send', "
        "$2, $2, '{}', 'f', 'c', 'k', now(), now(), 'succeeded')",
        new_id("op"),
        message.id,
    )
    return message


async def test_a_question_takes_a_token_and_waits_where_there_is_none(pool: Pool) -> None:
    """As long as it takes, and it counts as not asked; what is sent goes first."""
    messages = [await stored(pool) for _ in range(2)]
    unchanged = MessageSnapshot("queued", "SM1", as_of=NOW)
    provider, clock, pace = FakeProvider(unchanged), FixedClock(NOW + LATER), Pace(0.001, 2.0)
    connections, pacer = OneConnection(provider, "sms.get"), Pacer(None, category="sms")
    connections.connection = replace(connections.connection, pace=pace)
    asking = Poller(pool, STORE, connections, clock, pacer=pacer)  # type: ignore[arg-type]
    assert await asking.poll_once() == 2
    assert len(provider.asked) == 1
    after = sorted([await loaded(pool, one) for one in messages], key=lambda one: one.polls)
    assert [one.polls for one in after] == [0, 1]
    assert after[0].poll_at is not None
    assert after[0].poll_at > clock.now()
    # The reserve is left to a code, and nothing was kept for the other question.
    assert await pacer.turns([Going("op_1", "con_1", "twilio", pace, is_bulk=False, has_turn=False)]) == {}


def poller(pool: Pool, client: Any, clock: FixedClock, *capabilities: str) -> Poller:
    return Poller(pool, STORE, OneConnection(client, *(capabilities or ("sms.get",))), clock)  # type: ignore[arg-type]


async def loaded(pool: Pool, message: Message) -> Message:
    async with pool.acquire() as connection:
        return (await STORE.load(connection, [message.id], lock=False))[message.id]


async def events(pool: Pool) -> list[str]:
    return [row["data"]["type"] for row in await pool.fetch("SELECT data FROM history ORDER BY created_at, id")]


async def test_a_status_that_nobody_told_is_asked_for_and_then_the_price(pool: Pool) -> None:
    message = await stored(pool)
    delivered = MessageSnapshot("delivered", "SM1", as_of=NOW + timedelta(minutes=1))
    priced = replace(delivered, cost=Decimal("0.00750"), cost_currency="USD", segments=1)
    provider, clock = FakeProvider(delivered, delivered, priced), FixedClock()
    asking = poller(pool, provider, clock)
    assert await asking.poll_once() == 0  # callbacks come first
    clock.moment += LATER
    assert await asking.poll_once() == 1
    assert (await loaded(pool, message)).status == "delivered"
    for _ in range(2):  # delivered, and its price is not known yet
        clock.moment += LATER
        assert await asking.poll_once() == 1
    after = await loaded(pool, message)
    assert after.cost == Cost(Decimal("0.00750"), "USD")
    assert await events(pool) == ["sms.delivered", "sms.updated"]
    clock.moment += LATER
    assert await asking.poll_once() == 0
    assert after.poll_at is None
    assert {one.provider_message_id for one in provider.asked} == {"SM1"}


async def test_a_provider_without_reads_is_not_asked_again(pool: Pool) -> None:
    message = await stored(pool)
    clock = FixedClock(NOW + LATER)
    provider = FakeProvider()
    assert await poller(pool, provider, clock, "sms.cancel").poll_once() == 1
    assert (await loaded(pool, message)).poll_at is None
    assert not provider.asked


async def test_what_is_never_confirmed_is_left_alone_after_some_questions(pool: Pool) -> None:
    message = await stored(pool)
    away = ProviderUnavailable("Away.", provider="twilio")
    clock, provider = FixedClock(NOW + LATER), FakeProvider(*[away] * (len(WAITS_S) + 1))
    asking = poller(pool, provider, clock)
    for _ in range(len(WAITS_S) + 1):
        assert await asking.poll_once() == 1
        clock.moment += 2 * LATER
    assert await asking.poll_once() == 0
    assert (await loaded(pool, message)).status == "queued"
    assert await events(pool) == ["operation.stuck"]
    assert await pool.fetchval("SELECT stuck_at IS NOT NULL FROM operations")


async def test_a_price_that_never_comes_is_no_silence(pool: Pool) -> None:
    message = await stored(pool)
    delivered = MessageSnapshot("delivered", "SM1", as_of=NOW + timedelta(minutes=1))
    clock, provider = FixedClock(NOW + LATER), FakeProvider(*[delivered] * (len(WAITS_S) + 2))
    asking = poller(pool, provider, clock)
    while await asking.poll_once():
        clock.moment += 2 * LATER
    assert (await loaded(pool, message)).poll_at is None
    assert await events(pool) == ["sms.delivered"]


def to_each(*told: tuple[str, str]) -> list[MessageSnapshot]:
    return [
        MessageSnapshot(status, "SG1", facts={"recipient": address, "bounce_type": "hard"})  # type: ignore[arg-type]
        for address, status in told
    ]


async def test_each_recipient_that_is_open_is_asked_about_and_nobody_who_was_left_out(pool: Pool) -> None:
    command = EMAIL_COMMAND.model_copy(update={"bcc": [EmailAddress(email="eve@example.com")]})
    message = replace(a_message(command, provider="sendgrid"), provider_message_id="SG1")
    ann, bob, eve = message.recipients
    left_out = replace(eve, word=replace(eve.word, status="suppressed"))
    message = versioned(message, replace(message, recipients=(ann, bob, left_out)), NOW).message
    async with pool.acquire() as connection:
        await STORE.save(connection, [message])
    provider = FakeProvider(*to_each(("ann@example.com", "bounced"), ("bob@example.com", "delivered")))
    assert await poller(pool, provider, FixedClock(NOW + LATER), "email.get").poll_once() == 1
    assert [one.to for one in provider.asked] == ["ann@example.com", "bob@example.com"]
    after = await loaded(pool, message)
    assert [one.status for one in after.recipients] == ["bounced", "delivered", "suppressed"]
    assert [row["address"] for row in await pool.fetch("SELECT address FROM suppressions")] == ["ann@example.com"]


@pytest.mark.parametrize(("status", "statuses"), [("bounced", "sent"), ("delivered", "delivered")])
async def test_a_word_on_the_whole_message_puts_nobody_on_the_list(pool: Pool, status: Any, statuses: str) -> None:
    """It is asked for once, and a bounce is not believed of all."""
    message = replace(a_message(EMAIL_COMMAND, status="sent", provider="resend"), provider_message_id="RE1")
    message = versioned(message, message, NOW).message
    async with pool.acquire() as connection:
        await STORE.save(connection, [message])
    told = MessageSnapshot(status, "RE1", error_reason="unsubscribed", facts={"bounce_type": "hard"})
    provider = FakeProvider(told)
    await poller(pool, provider, FixedClock(NOW + LATER), "email.get").poll_once()
    assert len(provider.asked) == 1
    assert {one.status for one in (await loaded(pool, message)).recipients} == {statuses}
    assert not await pool.fetch("SELECT FROM suppressions")


async def test_what_tells_nothing_of_delivery_is_never_asked_about(pool: Pool) -> None:
    assert (await stored(pool, is_tracked=False)).poll_at is None
