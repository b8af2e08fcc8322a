"""The engines every other test stands on."""

from collections.abc import Awaitable, Callable

import asyncpg
import pytest
from aiokafka.admin import AIOKafkaAdminClient
from redis.asyncio import Redis

from onerouter_common.contracts.topics import TOPICS
from onerouter_local.testing import Cluster, Database

CreateDatabase = Callable[[str], Awaitable[Database]]


async def test_postgres_answers_as_superuser(postgres: Cluster) -> None:
    connection = await asyncpg.connect(postgres.admin_dsn)
    try:
        assert await connection.fetchval("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
        assert int(await connection.fetchval("SHOW max_connections")) >= 200
    finally:
        await connection.close()


@pytest.mark.parametrize("service", ["registry", "payments", "messaging", "storage", "webhooks"])
async def test_each_service_gets_a_migrated_database_and_a_login_without_power(
    database: CreateDatabase, service: str
) -> None:
    fresh = await database(service)
    connection = await asyncpg.connect(fresh.dsn)
    try:
        role = await connection.fetchrow(
            "SELECT rolsuper, rolbypassrls, rolcreaterole FROM pg_roles WHERE rolname = current_user"
        )
        assert role is not None
        assert not any(role.values())
        assert await connection.fetchval("SELECT to_regclass('alembic_version') IS NOT NULL")
    finally:
        await connection.close()


async def test_two_databases_do_not_share_rows(database: CreateDatabase) -> None:
    first, second = await database("registry"), await database("registry")
    assert first.name != second.name


async def test_valkey_answers(redis_url: str) -> None:
    async with Redis.from_url(redis_url) as redis:
        assert await redis.ping()


async def test_declared_topics_exist(kafka_bootstrap: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka_bootstrap)
    await admin.start()
    try:
        assert {topic.name for topic in TOPICS} <= set(await admin.list_topics())
    finally:
        await admin.close()
