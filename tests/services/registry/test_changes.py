"""A change reaches every cache within a second, over a real broker, whichever process made it."""

import asyncio
import os
import statistics
import sys
import time

import asyncpg
from aiokafka import AIOKafkaConsumer
from tests.services.registry.conftest import CREDENTIALS, Registry, environment_of_keys, serving
from tests.services.registry.hearing import Heard
from typer.testing import CliRunner

from onerouter_common.clock import SystemClock
from onerouter_common.contracts import topics
from onerouter_common.contracts.events import Event, EventResource
from onerouter_common.ids import CONNECTION, EVENT, new_id
from onerouter_registry.outbox.repository import append_event
from onerouter_registry.tenant.model import Tenant
from onerouter_registry.transactions import tenant_transaction
from onerouter_server.admin import app as admin_app


async def outbox_size(registry: Registry) -> int:
    connection = await asyncpg.connect(registry.database.admin_dsn)
    try:
        return int(await connection.fetchval("SELECT count(*) FROM outbox"))
    finally:
        await connection.close()


async def until_nothing_is_owed(registry: Registry) -> None:
    """What was published is heard a moment before it is forgotten."""
    async with asyncio.timeout(60):
        while await outbox_size(registry):
            await asyncio.sleep(0.02)


def environment_of(registry: Registry) -> dict[str, str]:
    settings = registry.settings
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("ONEROUTER_")},
        "ONEROUTER_REGISTRY_DATABASE_URL": str(settings.database_url),
        **environment_of_keys(settings),
        "ONEROUTER_REGISTRY_SECRET": settings.secret.get_secret_value(),
        "ONEROUTER_API_KEY_PEPPER": settings.api_key_pepper.get_secret_value(),
        "ONEROUTER_CALLBACK_BASE_URL": "https://hooks.example.com/",
    }


async def run_admin(registry: Registry, *arguments: str, given: str = "") -> tuple[int, str, str]:
    """`onerouter admin …` as a process of its own."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        "from onerouter_server.admin import app; app()",
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=environment_of(registry),
    )
    out, err = await asyncio.wait_for(process.communicate(given.encode()), 300)
    return process.returncode or 0, out.decode(), err.decode()


async def run_admin_here(registry: Registry, *arguments: str, given: str = "") -> tuple[int, str, str]:
    """The same in a thread of this process, which saves the two seconds in which a process starts."""
    result = await asyncio.to_thread(
        CliRunner().invoke, admin_app, arguments, input=given or None, env=environment_of(registry)
    )
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr


async def test_each_change_is_published(registry: Registry, running: None, heard: Heard) -> None:
    tenant = await registry.admin.tenants.create("Acme")
    created = await registry.admin.api_keys.create(tenant.id, "test", name="backend")
    made = await registry.admin.connections.connect(tenant.id, "test", "razorpay", CREDENTIALS)
    connection_id = made.connection.id
    await registry.admin.connections.update_credentials(tenant.id, "test", connection_id, CREDENTIALS)
    await registry.admin.connections.set_enabled(tenant.id, "test", connection_id, False)
    await registry.admin.connections.set_enabled(tenant.id, "test", connection_id, False)  # no change, no record
    await registry.admin.connections.reorder(tenant.id, "test", "payments", [connection_id])
    await registry.admin.connections.disconnect(tenant.id, "test", connection_id)
    await registry.admin.api_keys.revoke(tenant.id, "test", created.api_key.id)
    await heard.until(lambda: len(heard.changes) >= 8)
    assert [(change.entity, change.change) for change in heard.changes] == [
        ("tenant", "created"),
        ("api_key", "created"),
        ("connection", "created"),
        ("connection", "updated"),
        ("connection", "updated"),
        ("route", "updated"),
        ("connection", "deleted"),
        ("api_key", "deleted"),
    ]
    assert {change.tenant_id for change in heard.changes} == {tenant.id}
    assert heard.changes[-1].key_hash == created.api_key.hash


async def test_a_revocation_is_everywhere_within_a_second(
    registry: Registry, tenant: Tenant, running: None, heard: Heard
) -> None:
    keys = [await registry.admin.api_keys.create(tenant.id, "test", name=str(number)) for number in range(5)]
    await heard.until(lambda: len(heard.changes) >= len(keys) + 1)
    took_s = []
    for key in keys:
        before = len(heard.changes)
        started = time.monotonic()
        await registry.admin.api_keys.revoke(tenant.id, "test", key.api_key.id)
        await heard.until(lambda before=before: len(heard.changes) > before)  # type: ignore[misc]
        took_s.append(heard.heard_at[-1] - started)
        assert heard.changes[-1].key_hash == key.api_key.hash
    assert statistics.median(took_s) < 1.0, "one may meet a moment in which the machine does nothing"


async def test_a_revocation_by_another_process_is_heard(
    registry: Registry, tenant: Tenant, running: None, heard: Heard
) -> None:
    created = await registry.admin.api_keys.create(tenant.id, "test", name="backend")
    code, _, err = await run_admin(registry, "key", "revoke", created.api_key.id, "--tenant", tenant.id)
    assert code == 0, err
    await heard.until(lambda: any(change.change == "deleted" for change in heard.changes))
    assert heard.changes[-1].key_hash == created.api_key.hash


async def test_a_revocation_is_heard_without_notifications(
    registry: Registry, tenant: Tenant, running: None, heard: Heard
) -> None:
    created = await registry.admin.api_keys.create(tenant.id, "test", name="backend")
    await heard.until(lambda: len(heard.changes) >= 2)
    killer = await asyncpg.connect(registry.database.admin_dsn)
    ended = await killer.fetch(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE application_name = 'registry-relay' AND datname = current_database()"
    )
    await killer.close()
    assert len(ended) == 1
    await registry.admin.api_keys.revoke(tenant.id, "test", created.api_key.id)
    await heard.until(lambda: len(heard.changes) >= 3)
    assert heard.changes[-1].key_hash == created.api_key.hash


async def test_an_event_reaches_its_topic_with_its_headers(
    registry: Registry, tenant: Tenant, heard: Heard, kafka_bootstrap: str
) -> None:
    """Of connections: told to the tenant, on a topic of its own, after what the caches must know."""
    event = Event(
        id=new_id(EVENT),
        type="connection.credentials_refused",
        tenant_id=tenant.id,
        environment="test",
        category="payments",
        resource=EventResource(kind="connection", id=new_id(CONNECTION)),
        sequence=1,
        occurred_at=SystemClock().now().replace(microsecond=0),
        data={},
    )
    async with tenant_transaction(registry.admin.connections._engine, tenant.id, "test") as tx:
        await append_event(tx, event)
    await registry.admin.api_keys.create(tenant.id, "test", name="backend")
    topic = topics.events(topics.REGISTRY)
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=kafka_bootstrap, auto_offset_reset="earliest")
    try:
        await consumer.start()
        async with serving(registry.settings.model_copy(update={"kafka_bootstrap_servers": kafka_bootstrap})):
            async with asyncio.timeout(60):
                record = await anext(record async for record in consumer if record.key == event.resource.id.encode())
            await heard.until(lambda: len(heard.changes) >= 2)
            await until_nothing_is_owed(registry)
    finally:
        await consumer.stop()
    assert Event.model_validate_json(record.value) == event
    headers = {name: value.decode() for name, value in record.headers}
    assert headers["ce_id"] == event.id
    assert headers["ce_type"] == event.type
    assert headers["ce_source"] == "/registry"
    assert {change.entity for change in heard.changes} == {"tenant", "api_key"}


async def test_two_registries_share_the_outbox(
    registry: Registry, tenant: Tenant, running: None, heard: Heard, kafka_bootstrap: str
) -> None:
    async with serving(registry.settings.model_copy(update={"kafka_bootstrap_servers": kafka_bootstrap})):
        await asyncio.gather(
            *(registry.admin.api_keys.create(tenant.id, "test", name=str(number)) for number in range(50))
        )
        await heard.until(lambda: len(heard.changes) >= 51)
    assert len({change.id for change in heard.changes}) == 51
    await until_nothing_is_owed(registry)


async def test_what_was_changed_while_no_registry_ran_is_published_at_its_start(
    registry: Registry, tenant: Tenant, heard: Heard, kafka_bootstrap: str
) -> None:
    await registry.admin.api_keys.create(tenant.id, "test", name="backend")
    assert await outbox_size(registry) == 2
    async with serving(registry.settings.model_copy(update={"kafka_bootstrap_servers": kafka_bootstrap})):
        await heard.until(lambda: len(heard.changes) >= 2)
    assert await outbox_size(registry) == 0


async def test_a_feed_is_live_as_long_as_a_registry_runs(
    registry: Registry, heard: Heard, kafka_bootstrap: str
) -> None:
    assert not heard.feed.is_live
    async with serving(registry.settings.model_copy(update={"kafka_bootstrap_servers": kafka_bootstrap})):
        async with asyncio.timeout(60):
            while not heard.feed.is_live:
                await asyncio.sleep(0.02)
        await heard.heartbeats(6)
    async with asyncio.timeout(60):
        while heard.feed.is_live:
            await asyncio.sleep(0.02)
    assert heard.changes == []


async def test_nothing_is_lost_while_the_log_is_away(registry: Registry, tenant: Tenant) -> None:
    async with serving(registry.settings):  # a closed port
        await registry.admin.api_keys.create(tenant.id, "test", name="backend")
        assert await outbox_size(registry) == 2


async def test_a_feed_drops_everything_when_it_goes_live(heard: Heard) -> None:
    assert heard.gaps == 1


class TestAdminCommand:
    async def test_from_a_tenant_to_a_callback_address(self, registry: Registry) -> None:
        code, out, err = await run_admin_here(registry, "tenant", "create", "Acme & Sons")
        assert code == 0, err
        tenant_id = out.strip()
        code, key, err = await run_admin_here(
            registry, "key", "create", "--tenant", tenant_id, "--scopes", "payments:write", "--expires", "90d"
        )
        assert code == 0, err
        (stored,) = await registry.admin.api_keys.list(tenant_id, "test")
        assert key.startswith(stored.display_prefix)
        assert stored.scopes == ("payments:write",)
        given = "\n".join(f"{name}={value.get_secret_value()}" for name, value in CREDENTIALS.items())
        code, out, err = await run_admin(
            registry,
            *("connection", "add", "--tenant", tenant_id, "--provider", "razorpay", "--credentials-file", "-"),
            given=given,
        )
        assert code == 0, err
        connection_id, address = out.split()
        token = await registry.admin.connections.callback_token(tenant_id, "test", connection_id)
        assert token is not None
        assert address == f"https://hooks.example.com/callbacks/razorpay/{token.get_secret_value()}"
        code, out, _ = await run_admin_here(registry, "connection", "list", "--tenant", tenant_id)
        assert code == 0
        assert address in out
        for value in ("key_secret", "webhook_secret"):
            assert CREDENTIALS[value].get_secret_value() not in out

    async def test_says_what_is_wrong_without_a_traceback(self, registry: Registry, tenant: Tenant) -> None:
        code, out, err = await run_admin(
            registry,
            *("connection", "add", "--tenant", tenant.id, "--provider", "razorpay", "--credentials-file", "-"),
            given='{"key_id": "nonsense", "key_secret": "short"}',
        )
        assert code == 2
        assert out == ""
        assert "credentials.key_id" in err
        assert "credentials.key_secret" in err
        assert "Traceback" not in err
        assert "nonsense" not in err
