"""The audit log alone, on a real database that these tests share; each has chains of its own."""

import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import pytest
from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncEngine

from onerouter_common.clock import SystemClock
from onerouter_common.db.engine import tenant_engine
from onerouter_common.ids import TENANT, new_id
from onerouter_local.testing import Cluster, Database
from onerouter_registry.actor import SYSTEM, Actor
from onerouter_registry.audit.service import AuditLog
from onerouter_registry.audit.verification import AuditVerification
from onerouter_registry.transactions import operator_transaction


@dataclass
class Books:
    """What writes, what verifies, and the hand of someone who owns the database."""

    database: Database
    engine: AsyncEngine
    secret: SecretStr = field(default_factory=lambda: SecretStr(secrets.token_hex(32)))

    def __post_init__(self) -> None:
        self.log = AuditLog(self.secret, SystemClock())
        self.verification = AuditVerification(self.engine, self.secret)

    async def record(
        self, chain: str, action: str = "thing.changed", *, by: Actor = SYSTEM, after: Mapping[str, Any] | None = None
    ) -> None:
        async with operator_transaction(self.engine) as tx:
            await self.log.record(
                tx, by, action, tenant_id=chain, environment=None, target=("thing", "thg_1"), after=after
            )

    async def chain_of(self, length: int) -> str:
        chain = new_id(TENANT)
        for number in range(1, length + 1):
            await self.record(chain, after={"number": number})
        return chain

    @asynccontextmanager
    async def tampering(self) -> AsyncIterator[Any]:
        """As the database's owner, with the guard out of the way."""
        connection = await asyncpg.connect(self.database.admin_dsn)
        try:
            await connection.execute("ALTER TABLE audit_entries DISABLE TRIGGER USER")
            yield connection
            await connection.execute("ALTER TABLE audit_entries ENABLE TRIGGER USER")
        finally:
            await connection.close()


@pytest.fixture(scope="module")
async def books(postgres: Cluster) -> AsyncIterator[Books]:
    made = await postgres.create("registry")
    async with tenant_engine(made.dsn, size=20) as engine:
        yield Books(made, engine)
    await postgres.drop(made)
