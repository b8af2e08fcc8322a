"""A heartbeat says that everything was told: it never passes a change that is not."""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
from tests.services.registry.conftest import Registry
from tests.services.registry.hearing import Heard

from onerouter_common.clock import SystemClock
from onerouter_common.contracts import topics
from onerouter_common.ids import API_KEY, new_id
from onerouter_registry.changes import api_key_changed
from onerouter_registry.tenant.model import Tenant


async def until_live(heard: Heard, is_live: bool) -> None:
    async with asyncio.timeout(60):
        while heard.feed.is_live is not is_live:
            await asyncio.sleep(0.01)


@asynccontextmanager
async def a_change_held_by_another_relay(registry: Registry, tenant: Tenant) -> AsyncIterator[str]:
    """A revocation that was committed, and locked in the same instant by one that goes no further; the hash it names."""
    key_hash = secrets.token_hex(32)
    change = api_key_changed(tenant.id, "test", new_id(API_KEY), key_hash, "deleted", SystemClock().now())
    connection = await asyncpg.connect(registry.database.admin_dsn)
    try:
        # One round trip, and no notification: no relay comes in between.
        await connection.execute(f"""
            BEGIN;
            INSERT INTO outbox (tenant_id, environment, topic, key, value, created_at) VALUES ('{tenant.id}', 'test',
                '{topics.REGISTRY_CHANGES}', '{change.id}', '\\x{change.to_bytes().hex()}', clock_timestamp());
            COMMIT;
            BEGIN;
            SELECT id FROM outbox FOR UPDATE;
        """)
        assert await connection.fetchval("SELECT count(*) FROM outbox") == 1
        yield key_hash
        await connection.execute("ROLLBACK")
    finally:
        await connection.close()


async def test_none_passes_a_change_that_another_relay_holds(
    registry: Registry, tenant: Tenant, running: None, heard: Heard
) -> None:
    await heard.until(lambda: len(heard.changes) >= 1)
    await until_live(heard, True)
    async with a_change_held_by_another_relay(registry, tenant) as key_hash:
        await until_live(heard, False)
        ends_at = time.monotonic() + 1.0
        while time.monotonic() < ends_at:
            assert not heard.feed.is_live
            await asyncio.sleep(0.01)
        assert all(change.key_hash != key_hash for change in heard.changes)
    await until_live(heard, True)
    assert heard.changes[-1].key_hash == key_hash


async def test_none_is_withheld_for_an_event(registry: Registry, tenant: Tenant, running: None, heard: Heard) -> None:
    """A tenant's event that waits for its topic is no reason to ask the registry about every key."""
    await until_live(heard, True)
    connection = await asyncpg.connect(registry.database.admin_dsn)
    await connection.execute(
        "INSERT INTO outbox (tenant_id, environment, topic, key, value, created_at) "
        "VALUES ($1, 'test', 'events.of no topic/1', 'k', '', clock_timestamp() - interval '1 hour')",
        tenant.id,
    )
    await connection.close()
    await heard.heartbeats(5)
