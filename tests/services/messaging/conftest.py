"""The messaging database as its two kinds of users see it, and processes that render."""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from onerouter_common.db.engine import Pool, tenant_engine, worker_pool
from onerouter_local.reuse import remove_rows
from onerouter_messaging.template.renderer.process import Renderers

if TYPE_CHECKING:
    from onerouter_local.testing import Cluster, Database


@pytest.fixture(scope="session")
async def shared_database(postgres: "Cluster") -> "AsyncIterator[Database]":
    made = await postgres.create("messaging")
    yield made
    await postgres.drop(made)


@pytest.fixture
async def messaging_database(shared_database: "Database") -> "Database":
    """Empty again for each test, which is faster than a new one."""
    await remove_rows(shared_database.admin_dsn)
    return shared_database


@pytest.fixture
async def pool(messaging_database: "Database") -> AsyncIterator[Pool]:
    """As the worker: every tenant's rows."""
    async with worker_pool(messaging_database.dsn, "messaging", size=4) as opened:
        yield opened


@pytest.fixture
async def engine(messaging_database: "Database") -> AsyncIterator[AsyncEngine]:
    """As the service's login: only the rows of the tenant it names."""
    async with tenant_engine(messaging_database.dsn, size=4) as opened:
        yield opened


@pytest.fixture(scope="session")
async def renderers() -> AsyncIterator[Renderers]:
    """With less time than the service gives them: a test that takes all of it should not take long."""
    async with Renderers(cpu_s=0.25) as opened:
        yield opened
