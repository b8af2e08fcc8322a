"""Messages in the database: who writes last, whose they are, what is found again."""

from dataclasses import replace
from datetime import timedelta

import asyncpg
import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.ext.asyncio import AsyncEngine
from tests.services.messaging.examples import EMAIL_COMMAND, NOW, SMS_COMMAND, a_callback, a_message

from onerouter_common.contracts.callbacks import CallbackObject
from onerouter_common.db.engine import Pool
from onerouter_common.db.tenancy import tenant_transaction
from onerouter_common.ids import new_id
from onerouter_messaging.message.repository import MessageStore, find_keys, others_to
from onerouter_messaging.message.state import Message
from onerouter_messaging.message.tables import messages
from onerouter_messaging.suppression.repository import SuppressionList

STORE = MessageStore(SuppressionList())


async def save(pool: Pool, *stored: Message) -> None:
    async with pool.acquire() as connection, connection.transaction():
        await STORE.save(connection, stored)


async def load(pool: Pool, message: Message) -> Message:
    async with pool.acquire() as connection:
        return (await STORE.load(connection, [message.id], lock=True))[message.id]


class TestSave:
    async def test_a_thousand_go_in_at_once(self, pool: Pool) -> None:
        many = [replace(a_message(EMAIL_COMMAND), tags=("a", "b")) for _ in range(1_000)]
        await save(pool, *many)
        assert await load(pool, many[512]) == many[512]

    async def test_what_was_read_before_another_wrote_undoes_nothing(self, pool: Pool) -> None:
        message = a_message(SMS_COMMAND)
        await save(pool, message)
        newer = replace(message, provider_message_id="SM1", revision=3)
        await save(pool, newer)
        await save(pool, replace(message, provider_message_id="SM2", revision=2))
        assert (await load(pool, message)).provider_message_id == "SM1"

    async def test_an_id_of_another_tenant_changes_nothing(self, pool: Pool) -> None:
        message = a_message(SMS_COMMAND)
        await save(pool, message)
        await save(pool, replace(message, tenant_id="ten_2", provider="evil", revision=9))
        assert (await load(pool, message)).provider == "twilio"


class TestRowLevelSecurity:
    async def test_a_tenant_sees_its_own_and_changes_nothing(self, pool: Pool, engine: AsyncEngine) -> None:
        message = a_message(SMS_COMMAND)
        await save(pool, message)
        for tenant, environment, seen in (("ten_1", "test", 1), ("ten_1", "live", 0), ("ten_2", "test", 0)):
            async with tenant_transaction(engine, tenant, environment) as tx:
                assert len((await tx.execute(select(messages.c.id))).all()) == seen
        with pytest.raises(ProgrammingError):
            async with tenant_transaction(engine, "ten_1", "test") as tx:
                await tx.execute(update(messages).values(status="delivered"))

    async def test_it_is_forced_on_every_table(self, messaging_database: object) -> None:
        connection = await asyncpg.connect(messaging_database.admin_dsn)  # type: ignore[attr-defined]
        try:
            bare = await connection.fetch(
                "SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id' "
                "WHERE c.relkind IN ('r', 'p') AND NOT (c.relrowsecurity AND c.relforcerowsecurity)"
            )
        finally:
            await connection.close()
        assert not bare


class TestFindKeys:
    async def test_by_our_reference_or_its_id_at_the_same_connection_only(self, pool: Pool) -> None:
        message = replace(a_message(SMS_COMMAND), provider_message_id="SM1")
        await save(pool, message)
        by_reference = a_callback(CallbackObject(kind="sms", status="sent", reference=message.id))
        by_id = a_callback(CallbackObject(kind="sms", status="sent", provider_id="SM1"))
        elsewhere = a_callback(by_reference.object, connection_id="con_2")
        async with pool.acquire() as connection:
            found = await find_keys(connection, [by_reference, by_id, elsewhere])
        assert found == {by_reference.callback_id: message.id, by_id.callback_id: message.id}


class TestOthersTo:
    async def test_ids_of_others_to_the_same_number_and_whether_one_is_on_its_way(self, pool: Pool) -> None:
        mine, other, old = (a_message(SMS_COMMAND) for _ in range(3))
        other = replace(other, provider_message_id="SM2")
        old = replace(old, provider_message_id="SM0", updated_at=NOW - timedelta(days=1))
        to_somebody = replace(
            a_message(SMS_COMMAND.model_copy(update={"to": "+14155550199"})), provider_message_id="SM9"
        )
        await save(pool, mine, other, old, to_somebody)
        assert await others_to(pool, mine, NOW) == (frozenset({"SM2"}), False)
        sending = replace(a_message(SMS_COMMAND), created_at=NOW + timedelta(seconds=1))
        await save(pool, sending)
        await an_open_one(pool, sending, "executing")
        assert await others_to(pool, mine, NOW) == (frozenset({"SM2"}), True)

    async def test_of_two_in_doubt_the_older_comes_first_however_old_it_is(self, pool: Pool) -> None:
        long_ago = NOW - timedelta(days=1)
        older = replace(a_message(SMS_COMMAND), created_at=long_ago, updated_at=long_ago)
        younger = a_message(SMS_COMMAND)
        await save(pool, older, younger)
        for one in (older, younger):
            await an_open_one(pool, one, "unknown")
        assert await others_to(pool, older, long_ago) == (frozenset(), False)
        assert await others_to(pool, younger, NOW) == (frozenset(), True)


async def an_open_one(pool: Pool, message: Message, state: str) -> None:
    await pool.execute(
        "INSERT INTO operations (id, tenant_id, environment, category, operation, resource_id, ordering_key, payload, "
        "fingerprint, made_by, api_key_id, accepted_at, created_at, state, due_at, open_attempt_at) VALUES ($1, 'ten_1', "
        "'test', 'sms', 'sms.send', $2, $2, '{}', 'f', 'c', 'k', now(), now(), $3, now(), now())",
        new_id("op"),
        message.id,
        state,
    )
