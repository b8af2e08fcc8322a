"""Migrations as an operator's pods run them: in a process, as the owner of the database, whom forced row-level security
binds.
"""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from onerouter_local.testing import Cluster

_MIGRATE = """
import sys
from alembic import command
from onerouter_common.db import migrate
if sys.argv[3] != "head":
    upgrade = command.upgrade
    command.upgrade = lambda config, _: upgrade(config, sys.argv[3])
    migrate.indexes.build = lambda *_, **__: None  # they are the newest shape's
migrate.LOCK_TIMEOUT_S = 0.2
migrate.migrate(sys.argv[1], sys.argv[2])
"""
_NAME = "onerouter_test_migrating"
_OWNER = "onerouter_test_migrating_owner"


@asynccontextmanager
async def empty_database(cluster: Cluster) -> AsyncIterator[tuple[str, str]]:
    """Its address as its owner, who is no superuser, and as a superuser."""
    admin = await asyncpg.connect(cluster.admin_dsn)
    try:
        await admin.execute(f"DROP DATABASE IF EXISTS {_NAME} WITH (FORCE)")
        await admin.execute(f"DROP ROLE IF EXISTS {_OWNER}")
        await admin.execute(f"CREATE ROLE {_OWNER} LOGIN CREATEROLE PASSWORD 'owner'")
        await admin.execute(f"CREATE DATABASE {_NAME} OWNER {_OWNER}")
        superuser = urlsplit(cluster.admin_dsn)._replace(path=f"/{_NAME}")
        address = f"{_OWNER}:owner@{superuser.hostname}:{superuser.port}"
        yield urlunsplit(superuser._replace(netloc=address)), urlunsplit(superuser)
        await admin.execute(f"DROP DATABASE {_NAME} WITH (FORCE)")
        await admin.execute(f"DROP ROLE {_OWNER}")
    finally:
        await admin.close()


async def try_to_migrate(service: str, dsn: str, revision: str = "head") -> tuple[int | None, str]:
    """The exit code, and what it wrote to stderr. Raises TimeoutError when it takes longer than any test has time."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _MIGRATE, service, dsn, revision, stderr=asyncio.subprocess.PIPE
    )
    try:
        async with asyncio.timeout(60):
            _, said = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.wait()
        raise
    return process.returncode, said.decode()


async def migrate(service: str, dsn: str, revision: str = "head") -> None:
    code, said = await try_to_migrate(service, dsn, revision)
    assert code == 0, said
