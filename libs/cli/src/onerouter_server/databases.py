"""Databases, schemas and logins, from what the environment says."""

import asyncio
import os
from collections.abc import Iterator, Sequence
from urllib.parse import unquote, urlsplit, urlunsplit

import asyncpg

from onerouter_common.db.migrate import SERVICES, ensure_login, migrate


class NotConfigured(Exception):
    """The environment does not say which database to prepare."""


def prepare_from_environment(services: Sequence[str] | None) -> Iterator[str]:
    """Prepare the named services' databases (none: all), yielding one line for each."""
    for service in services or SERVICES:
        if service not in SERVICES:
            raise NotConfigured(f"'{service}' owns no database; those that do: {', '.join(SERVICES)}.")
        prefix = f"ONEROUTER_{service.upper()}"
        own = os.environ.get(f"{prefix}_DATABASE_URL")
        if owner := os.environ.get(f"{prefix}_ADMIN_DATABASE_URL"):
            prepare(service, owner, own)
        elif cluster := os.environ.get("DATABASE_URL"):
            name = database_name(service)
            asyncio.run(create_database(cluster, name))
            prepare(service, at_database(cluster, name), own)
        else:
            raise NotConfigured(f"Set {prefix}_ADMIN_DATABASE_URL (its owner's) or DATABASE_URL (a superuser's).")
        yield f"{service}: the schema is up to date."


def prepare(service: str, owner_dsn: str, service_dsn: str | None) -> None:
    """Migrate one database; create or re-key the login that `service_dsn` names."""
    migrate(service, owner_dsn)
    if service_dsn is None:
        return
    parts = urlsplit(service_dsn)
    if not parts.username or not parts.password:
        raise NotConfigured(f"The database URL of {service} names no user with a password.")
    asyncio.run(ensure_login(owner_dsn, service, unquote(parts.username), unquote(parts.password)))


async def create_database(cluster_dsn: str, name: str) -> bool:
    """Create a database unless it exists; whether it was created."""
    connection = await asyncpg.connect(cluster_dsn)
    try:
        if await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", name):
            return False
        await connection.execute(f'CREATE DATABASE "{name}"')
    except asyncpg.DuplicateDatabaseError:
        return False
    finally:
        await connection.close()
    return True


def database_name(service: str) -> str:
    """The database a service has on a shared cluster."""
    return f"onerouter_{service}"


def at_database(dsn: str, name: str) -> str:
    """The same server and user, another database."""
    return urlunsplit(urlsplit(dsn)._replace(path=f"/{name}"))
