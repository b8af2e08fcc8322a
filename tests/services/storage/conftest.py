"""The storage database as its two kinds of users see it, and the whole service."""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import asyncpg
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from tests.services.storage.stack import Stack, running

from onerouter_common.db.engine import Pool, tenant_engine, worker_pool

if TYPE_CHECKING:
    from onerouter_local.testing import Cluster, Database


@pytest.fixture(scope="session")
async def shared_database(postgres: "Cluster") -> "AsyncIterator[Database]":
    made = await postgres.create("storage")
    yield made
    await postgres.drop(made)


@pytest.fixture
async def storage_database(shared_database: "Database") -> "Database":
    """Empty again for each test, which is faster than a new one."""
    connection = await asyncpg.connect(shared_database.admin_dsn)
    try:
        await connection.execute(
            "TRUNCATE objects, uploads, contents, content_totals, operations, operation_ids, attempts, outbox, workers, "
            "pending_callbacks, history"
        )
    finally:
        await connection.close()
    return shared_database


@pytest.fixture
async def pool(storage_database: "Database") -> AsyncIterator[Pool]:
    """As the worker: every tenant's rows."""
    async with worker_pool(storage_database.dsn, "storage", size=4) as opened:
        yield opened


@pytest.fixture
async def engine(storage_database: "Database") -> AsyncIterator[AsyncEngine]:
    """As the service's login: only the rows of the tenant it names."""
    async with tenant_engine(storage_database.dsn, size=4) as opened:
        yield opened


@pytest.fixture(scope="module")
async def service_database(postgres: "Cluster") -> "AsyncIterator[Database]":
    database = await postgres.create("storage")
    yield database
    await postgres.drop(database)


@pytest.fixture(scope="module")
async def stack(service_database: "Database", kafka_bootstrap: str) -> AsyncIterator[Stack]:
    """One at a time: all would take the commands of one topic as one consumer group."""
    async with running(service_database, kafka_bootstrap) as opened:
        yield opened
