"""Every change of a key reaches every cache within a second, over a real broker."""

import statistics
import time
from collections.abc import AsyncIterator

import pytest
from tests.services.registry.conftest import Registry, opened, serving
from tests.services.registry.hearing import Heard

from onerouter_common.change_feed import ChangeFeed
from onerouter_local.testing import Cluster
from onerouter_registry.api_key.model import KeyChanges


@pytest.fixture
async def registry(postgres: Cluster, kafka_bootstrap: str) -> AsyncIterator[Registry]:
    made = await postgres.create("registry")
    async with opened(made) as one:
        running = one.settings.model_copy(update={"kafka_bootstrap_servers": kafka_bootstrap})
        async with serving(running):
            yield one
    await postgres.drop(made)


@pytest.fixture
async def heard(kafka_bootstrap: str) -> AsyncIterator[Heard]:
    told = Heard()
    async with ChangeFeed(kafka_bootstrap, told.change, told.gap) as told.feed:
        assert await told.feed.wait_reading(60)
        yield told


async def test_changed_rotated_and_revoked_keys_are_told_within_a_second(registry: Registry, heard: Heard) -> None:
    tenant = await registry.admin.tenants.create("Acme")
    keys = registry.admin.api_keys
    created = (await keys.create(tenant.id, "test", name="one")).api_key
    await heard.until(lambda: created.id in {change.id for change in heard.changes})

    took_s = []

    async def told(key_id: str, change: str) -> None:
        since = time.monotonic()
        await heard.until(lambda: any((one.id, one.change) == (key_id, change) for one in heard.changes[seen_before:]))
        took_s.append(time.monotonic() - since)
        assert {one.key_hash for one in heard.changes if one.id == created.id} == {created.hash}

    seen_before = len(heard.changes)
    await keys.update(tenant.id, "test", created.id, KeyChanges(scopes=["sms:read"]))
    await told(created.id, "updated")

    seen_before = len(heard.changes)
    rotated = await keys.rotate(tenant.id, "test", created.id)
    await told(created.id, "updated")
    await told(rotated.created.api_key.id, "created")

    seen_before = len(heard.changes)
    await keys.revoke(tenant.id, "test", created.id)
    await told(created.id, "deleted")
    assert statistics.median(took_s) < 1.0, "one may meet a moment in which the machine does nothing"
