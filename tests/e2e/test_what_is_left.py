"""After everything: nothing under way, nothing secret written down, migrations that find nothing to do."""

import asyncio
import base64
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import asyncpg
import httpx
import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from tests.e2e.people import PRINTED
from tests.e2e.tenants import admin_dsn
from tests.e2e.test_bad_requests import PAN
from tests.e2e.world import World, until

from onerouter_common.contracts.topics import TOPICS
from onerouter_local.environment import OWNERS_OF_DATABASES, database_url
from onerouter_server.databases import prepare

_TABLES: Final = """
SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' AND table_type = 'BASE TABLE'
"""


async def test_nothing_is_under_way_any_more(world: World) -> None:
    unfinished: dict[str, int] = {}

    async def is_quiet() -> bool:
        unfinished.update(
            {
                # What waits for the end of a subscription's cycle has weeks.
                "operations": await world.count(
                    "payments", "operations WHERE due_at IS NOT NULL AND coalesce(not_before, created_at) <= now()"
                ),
                # What nobody can be asked about (SNS) stays unknown.
                "messages": await world.count(
                    "messaging",
                    "operations WHERE due_at IS NOT NULL AND state <> 'unknown' "
                    "AND coalesce(not_before, created_at) <= now()",
                ),
                "messaging outbox": await world.count("messaging", "outbox"),
                "storage": await world.count("storage", "operations WHERE due_at IS NOT NULL"),
                "storage outbox": await world.count("storage", "outbox"),
                "payments outbox": await world.count("payments", "outbox"),
                "registry outbox": await world.count("registry", "outbox"),
                "pending callbacks": await world.count("payments", "pending_callbacks"),
                "inbound events": await world.count("webhooks", "callback_records WHERE publish_at IS NOT NULL"),
                # Where nobody takes anything they wait, for minutes in the end.
                "deliveries": await world.count(
                    "webhooks",
                    "delivery_queue q JOIN webhook_endpoints w ON w.id = q.endpoint_id WHERE w.breaker_opens = 0",
                ),
            }
        )
        return not any(unfinished.values())

    await until(is_quiet, "everything to end", lambda: unfinished, timeout_s=90)


async def test_no_effect_happened_twice_and_every_callback_was_taken(world: World) -> None:
    summary = (await world.sandbox.get("/control/ledger/summary")).json()
    assert summary["repeated"] == []
    told = (await world.sandbox.get("/control/callbacks", params={"limit": 10_000})).json()["data"]
    # Of the tenant that keeps its connections. Accounts of others, which were disconnected or entered with other secrets,
    # go on calling where nobody takes it.
    mine = {value for value in asdict(world.stack.secrets).values() if isinstance(value, str)}
    not_taken = [one for one in told if one["account"] in mine and one["state"] != "delivered" and one["tries"]]
    assert [one for one in not_taken if not _is_nobody_there(one)] == []
    assert world.subscriber.refused == 0


def _is_nobody_there(callback: dict[str, Any]) -> bool:
    return all(one["status"] == 404 for one in callback["tries"][-3:])


async def test_every_event_was_delivered_in_a_gapless_sequence(world: World) -> None:
    """Of the tenant whose endpoint the subscriber is."""
    rows = await world.fetch(
        "payments",
        "SELECT id, version FROM payments WHERE tenant_id = $1 UNION ALL "
        "SELECT id, version FROM refunds WHERE tenant_id = $1 UNION ALL "
        "SELECT id, version FROM resources WHERE tenant_id = $1 UNION ALL "
        "SELECT dispute ->> 'id', (dispute ->> 'version')::int FROM payments, jsonb_array_elements(disputes) AS dispute "
        "WHERE tenant_id = $1",
        world.stack.secrets.demo_tenant,
    )
    rows += await world.fetch(
        "messaging", "SELECT id, version FROM messages WHERE tenant_id = $1", world.stack.secrets.demo_tenant
    )
    for row in rows:
        events = world.subscriber.of({row["id"]})
        assert sorted(event.body["sequence"] for event in events) == list(range(1, row["version"] + 1)), row["id"]


@pytest.mark.parametrize("service", OWNERS_OF_DATABASES)
async def test_migrating_again_changes_nothing(world: World, service: str) -> None:
    shape = "SELECT table_name, column_name, data_type FROM information_schema.columns ORDER BY 1, 2"
    before = await world.fetch(service, shape)
    own = database_url(service, world.stack.addresses, world.stack.secrets)
    await asyncio.to_thread(prepare, service, admin_dsn(world.stack, service), own)
    assert await world.fetch(service, shape) == before


@pytest.mark.parametrize("service", OWNERS_OF_DATABASES)
async def test_no_column_holds_a_secret_or_a_card_number(world: World, service: str) -> None:
    connection = await asyncpg.connect(admin_dsn(world.stack, service))
    try:
        for row in await connection.fetch(_TABLES):
            table = row["table_name"]
            for record in await connection.fetch(f'SELECT t::text AS line FROM "{table}" t'):
                # bytea is shown as hex.
                _check(record["line"].encode(), f"{service}.{table}", world, also_hex=True)
    finally:
        await connection.close()


async def test_no_topic_holds_a_secret_or_a_card_number(world: World) -> None:
    consumer = AIOKafkaConsumer(
        bootstrap_servers=world.stack.broker.bootstrap_servers, enable_auto_commit=False, auto_offset_reset="earliest"
    )
    await consumer.start()
    try:
        partitions = [TopicPartition(topic.name, number) for topic in TOPICS for number in range(topic.partitions)]
        ends = await consumer.end_offsets(partitions)
        consumer.assign(partitions)
        await consumer.seek_to_beginning(*partitions)
        seen = 0
        while any([await consumer.position(where) < end for where, end in ends.items()]):
            for where, records in (await consumer.getmany(timeout_ms=500)).items():
                for record in records:
                    seen += 1
                    _check((record.key or b"") + (record.value or b""), where.topic, world)
                    for name, value in record.headers:
                        _check(value, f"header {name} of {where.topic}", world)
        assert seen > 0
    finally:
        await consumer.stop()


def test_no_log_holds_a_secret_or_a_card_number(world: World) -> None:
    logs = [*world.stack.log_dir.glob("*.log"), *_engine_logs(world.stack.data_dir)]
    assert len(logs) > 5
    for log in logs:
        lines = [line for line in log.read_bytes().splitlines() if PRINTED.encode() not in line]
        _check(b"\n".join(lines), log.name, world)


async def test_no_trace_holds_a_secret_or_a_card_number(world: World) -> None:
    await until(lambda: len(world.collector.received) > 3, "traces of every service")
    for batch in world.collector.received:
        _check(batch, "a trace", world)


async def test_no_metric_holds_a_secret_or_a_card_number(world: World) -> None:
    async with httpx.AsyncClient(timeout=10.0) as client:
        for name in ("gateway", "gateway-2", "registry", "payments", "messaging", "storage", "webhooks"):
            answer = await client.get(world.stack.services[name].spec.metrics_url)
            assert answer.status_code == 200
            _check(answer.content, f"the metrics of {name}", world)


def test_no_log_holds_a_traceback_of_ours(world: World) -> None:
    """A request that somebody else got wrong, or an engine that was away, is no defect of ours."""
    for name in ("gateway", "gateway-2", "payments", "messaging", "storage", "webhooks"):
        for line in world.stack.services[name].log_path.read_text().splitlines():
            assert '"request.failed"' not in line, line
            assert '"loop.failed"' not in line or "exception" not in line, line


def _engine_logs(data_dir: Path) -> Iterator[Path]:
    for engine in ("postgres", "valkey", "broker", "kafka", "embedded"):
        yield from (data_dir / engine).glob("*.log")


def _check(content: bytes, where: str, world: World, *, also_hex: bool = False) -> None:
    for needle in _needles(world):
        assert needle not in content, f"{where} holds something secret: {_around(content, needle)!r}"
        assert not also_hex or needle.hex().encode() not in content, f"{where} holds something secret, as bytes"


def _around(content: bytes, needle: bytes) -> bytes:
    """What stands before it, to find the leak by; not the secret itself."""
    at = content.index(needle)
    return content[max(0, at - 80) : at]


def _needles(world: World) -> list[bytes]:
    secrets = world.stack.secrets
    pair = base64.b64encode(f"{secrets.sandbox_key_id}:{secrets.sandbox_key_secret}".encode()).decode()
    rings = (
        secrets.credential_keys_test,
        secrets.credential_keys_live,
        secrets.callback_keys_test,
        secrets.callback_keys_live,
        secrets.endpoint_keys,
    )
    keyrings = [entry.partition(":")[2] for ring in rings for entry in ring.split(",")]
    texts = [
        PAN,
        PAN.replace(" ", ""),
        pair,
        secrets.sandbox_key_secret,
        secrets.sandbox_webhook_secret,
        secrets.sandbox_stripe_secret_key,
        secrets.sandbox_stripe_webhook_secret,
        secrets.sandbox_paypal_client_secret,
        secrets.sandbox_twilio_auth_token,
        secrets.sandbox_twilio_api_key_secret,
        secrets.sandbox_sns_secret_access_key,
        secrets.sandbox_resend_api_key,
        secrets.sandbox_resend_webhook_secret,
        secrets.sandbox_sendgrid_api_key,
        secrets.sandbox_mailgun_api_key,
        secrets.sandbox_mailgun_signing_key,
        secrets.sandbox_ses_secret_access_key,
        secrets.demo_api_key,
        secrets.internal_token,
        secrets.api_key_pepper,
        secrets.idempotency_secret,
        secrets.postgres_password,
        secrets.valkey_password,
        secrets.payments_database_password,
        secrets.messaging_database_password,
        secrets.demo_callback_path.rpartition("/")[2],
        *(path.rpartition("/")[2] for path in secrets.demo_callback_paths.values() if path),
        *keyrings,
        *world.secrets,
    ]
    return [text.encode() for text in texts]
