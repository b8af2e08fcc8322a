"""Time that a test moves, in the service and in its database alike.

The database's `now()` is put in front of PostgreSQL's own by the search path, so that the service's statements are those it
always has.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg

from ..conftest import Running, StartService

_INSTALL = """
CREATE SCHEMA clock;
CREATE TABLE clock.moved (by interval NOT NULL);
INSERT INTO clock.moved VALUES ('0');
CREATE FUNCTION clock.now() RETURNS timestamptz LANGUAGE sql STABLE AS
  $$ SELECT pg_catalog.now() + by FROM clock.moved $$;
GRANT USAGE ON SCHEMA clock TO PUBLIC;
GRANT SELECT ON clock.moved TO PUBLIC;
"""


@dataclass
class MovedClock:
    by: timedelta = field(default_factory=timedelta)

    def now(self) -> datetime:
        return datetime.now(UTC) + self.by


@dataclass
class Timed:
    service: Running
    clock: MovedClock

    async def move(self, by: timedelta) -> None:
        self.clock.by += by
        await self.service.admin.execute("UPDATE clock.moved SET by = $1", self.clock.by)

    async def wait_of(self, table: str = "delivery_queue", column: str = "next_at") -> float:
        """Seconds until the only row's moment comes."""
        query = f"SELECT {column} FROM {table}"
        at: datetime = await self.service.admin.fetchval(query)
        return (at - self.clock.now()).total_seconds()


@asynccontextmanager
async def starting(start_service: StartService, **settings: Any) -> AsyncIterator[Timed]:
    """A service whose time can be moved."""
    async with start_service() as first:
        connection: asyncpg.Pool[asyncpg.Record] = first.admin
        await connection.execute(_INSTALL)
        name = await connection.fetchval("SELECT quote_ident(current_database())")
        await connection.execute(f"ALTER DATABASE {name} SET search_path = clock, pg_catalog, public")
    clock = MovedClock()
    async with start_service(clock=clock, **settings) as service:
        yield Timed(service, clock)
