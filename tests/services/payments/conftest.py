"""The payments database as its two kinds of users see it."""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from onerouter_common.db.engine import Pool, tenant_engine, worker_pool
from onerouter_local.reuse import remove_rows

if TYPE_CHECKING:
    from onerouter_local.testing import Cluster, Database


@pytest.fixture(scope="session")
async def shared_database(postgres: "Cluster") -> "AsyncIterator[Database]":
    made = await postgres.create("payments")
    yield made
    await postgres.drop(made)


@pytest.fixture
async def payments_database(shared_database: "Database") -> "Database":
    """Empty again for each test, which is faster than a new one."""
    await remove_rows(shared_database.admin_dsn)
    return shared_database


@pytest.fixture
async def pool(payments_database: "Database") -> AsyncIterator[Pool]:
    """As the worker: every tenant's rows."""
    async with worker_pool(payments_database.dsn, "payments", size=4) as opened:
        yield opened


@pytest.fixture
async def engine(payments_database: "Database") -> AsyncIterator[AsyncEngine]:
    """As the service's login: only the rows of the tenant it names."""
    async with tenant_engine(payments_database.dsn, size=2) as opened:
        yield opened
