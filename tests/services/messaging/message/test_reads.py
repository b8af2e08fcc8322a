"""Lists of messages: by whom they are to, and what the filters cost a tenant that has many."""

from dataclasses import replace
from datetime import timedelta

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine
from tests.services.messaging.examples import EMAIL_COMMAND, NOW, SMS_COMMAND, a_message

from onerouter_common.db.engine import Pool
from onerouter_common.errors import InvalidRequest
from onerouter_common.reads.paging import Page
from onerouter_common.reads.rows import TenantRows
from onerouter_common.web.internal import TenantContext
from onerouter_messaging.message.reads import MessageFilter, MessageReads, address_of
from onerouter_messaging.message.repository import MessageStore
from onerouter_messaging.message.state import Message
from onerouter_messaging.suppression.repository import SuppressionList

ANN = TenantContext("ten_1", "test")
MANY = 20_000


async def save(pool: Pool, *stored: Message) -> None:
    async with pool.acquire() as connection, connection.transaction():
        await MessageStore(SuppressionList()).save(connection, stored)


@pytest.fixture
def reads(engine: AsyncEngine) -> MessageReads:
    return MessageReads(TenantRows(engine))


class TestTo:
    async def test_pages_of_one_address_as_people_write_it(self, pool: Pool, reads: MessageReads) -> None:
        mine = [replace(a_message(EMAIL_COMMAND), created_at=NOW - timedelta(hours=n)) for n in range(3)]
        theirs = replace(a_message(EMAIL_COMMAND), tenant_id="ten_2")
        await save(pool, *mine, theirs, a_message(SMS_COMMAND))
        wanted = MessageFilter(to=" Bob@Example.COM ")
        first = await reads.many(ANN, "email", wanted, Page(limit=2))
        rest = await reads.many(ANN, "email", wanted, Page(limit=2, cursor=str(first["next_cursor"])))
        found = [one["id"] for page in (first, rest) for one in page["data"]]  # type: ignore[union-attr,index,call-overload]
        assert found == [one.id for one in mine]
        none = await reads.many(ANN, "email", MessageFilter(to="bob@example.com", status="failed"), Page())
        assert none["data"] == []

    async def test_a_tag_is_found_with_an_address_and_without(self, pool: Pool, reads: MessageReads) -> None:
        tagged = replace(a_message(EMAIL_COMMAND), tags=("news", "may"), tenant_id="ten_tagged")
        await save(pool, tagged, replace(a_message(EMAIL_COMMAND), tenant_id="ten_tagged"))
        tenant = TenantContext("ten_tagged", "test")
        for wanted in (MessageFilter(tag="may"), MessageFilter(tag="may", to="bob@example.com")):
            found = (await reads.many(tenant, "email", wanted, Page()))["data"]
            assert [one["id"] for one in found] == [tagged.id]  # type: ignore[union-attr,index,call-overload]
        assert (await reads.many(tenant, "email", MessageFilter(tag="new"), Page()))["data"] == []

    @pytest.mark.parametrize("asked", ["+14155550123", " 14155550123", "+1 (415) 555-0123"])
    def test_a_number_with_its_plus_lost_on_the_way(self, asked: str) -> None:
        assert address_of("sms", asked) == "+14155550123"

    def test_a_short_code(self) -> None:
        assert address_of("sms", "70707") == "70707"

    @pytest.mark.parametrize(("channel", "asked"), [("sms", "bob"), ("email", "bob"), ("sms", ""), ("email", "")])
    def test_what_is_no_address_is_refused(self, channel: str, asked: str) -> None:
        with pytest.raises(InvalidRequest) as refused:
            address_of(channel, asked)  # type: ignore[arg-type]
        assert refused.value.errors[0].field == "to"


async def test_filters_use_an_index_under_row_level_security(
    messaging_database: object, engine: AsyncEngine, pool: Pool, reads: MessageReads, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The very queries of the lists, explained: an index has to find the address, not a walk through the tenant's rows."""
    admin = await asyncpg.connect(messaging_database.admin_dsn)  # type: ignore[attr-defined]
    try:
        await admin.execute(
            "INSERT INTO messages (id, channel, direction, tenant_id, environment, status, provider, effect_guarantee, "
            "is_tracked, recipients, addresses, reply_to, files, metadata, tags, priority, engagement, facts, version, "
            "revision, polls, created_at, updated_at) SELECT 'sms_' || i, 'sms', 'outbound', 'ten_' || (i % 3), 'test', "
            "'delivered', 'twilio', 'exactly_once', true, '[]', ARRAY['+1415555' || i], '[]', '[]', '{}', '[]', 'bulk', "
            f"'{{}}', '{{}}', 1, 1, 0, now() - make_interval(secs => i), now() FROM generate_series(1, {MANY}) i"
        )
        await admin.execute(
            "INSERT INTO message_addresses SELECT tenant_id, environment, channel, unnest(addresses), created_at, id "
            "FROM messages"
        )
        await admin.execute("ANALYZE messages, message_addresses")
    finally:
        await admin.close()
    plans: list[str] = []

    async def explained(self: TenantRows, tenant: TenantContext, query: object) -> list[object]:
        from onerouter_common.db.tenancy import tenant_transaction

        asked = query.compile(dialect=engine.dialect, compile_kwargs={"literal_binds": True})  # type: ignore[attr-defined]
        async with tenant_transaction(engine, tenant.tenant_id, tenant.environment) as tx:
            plans.append("\n".join(row[0] for row in await tx.execute(text(f"EXPLAIN {asked}".replace(":", r"\:")))))
        return []

    monkeypatch.setattr(TenantRows, "fetch", explained)
    for wanted in (MessageFilter(to="+14155551000"), MessageFilter(status="failed"), MessageFilter(provider="sns")):
        await reads.many(ANN, "sms", wanted, Page())
    by_address, by_status, by_provider = plans
    assert "address = '+14155551000'" in by_address.partition("Index Cond")[2].partition("\n")[0]
    assert "messages_status" in by_status
    assert "messages_by" in by_provider
