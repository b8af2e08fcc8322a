"""Engines in containers through testcontainers, for machines with Docker (ONEROUTER_TEST_ENGINES=docker)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

POSTGRES_IMAGE = "postgres:18"
VALKEY_IMAGE = "valkey/valkey:9-alpine"
KAFKA_IMAGE = "confluentinc/cp-kafka:8.1.0"


@asynccontextmanager
async def postgres() -> AsyncIterator[str]:
    """A superuser's DSN."""
    from testcontainers.postgres import PostgresContainer

    container = PostgresContainer(POSTGRES_IMAGE, driver=None).with_command("postgres -c max_connections=300")
    async with _running(container):
        yield container.get_connection_url().replace("postgresql+psycopg2://", "postgresql://", 1)


@asynccontextmanager
async def valkey() -> AsyncIterator[str]:
    """A Redis URL."""
    from testcontainers.redis import RedisContainer

    container = RedisContainer(VALKEY_IMAGE)
    async with _running(container):
        yield f"redis://{container.get_container_host_ip()}:{container.get_exposed_port(6379)}/0"


@asynccontextmanager
async def kafka() -> AsyncIterator[str]:
    """Bootstrap servers of a KRaft node."""
    from testcontainers.kafka import KafkaContainer

    container = KafkaContainer(KAFKA_IMAGE).with_kraft()
    async with _running(container):
        yield container.get_bootstrap_server()


@asynccontextmanager
async def _running(container: Any) -> AsyncIterator[None]:
    await asyncio.to_thread(container.start)
    try:
        yield
    finally:
        await asyncio.to_thread(container.stop)
