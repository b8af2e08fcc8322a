"""A registry whose operator puts other keys into its rings."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
from pydantic import SecretStr
from sqlalchemy import text
from tests.services.registry.conftest import CREDENTIALS, Registry

from onerouter_common.secrets import KeyRing
from onerouter_registry.admin import Admin, open_admin
from onerouter_registry.connection.model import Connection
from onerouter_registry.settings import Settings
from onerouter_registry.transactions import tenant_transaction

RINGS = ("credential_keys_test", "credential_keys_live", "callback_keys_test", "callback_keys_live")


def with_new_keys(settings: Settings, key_id: str = "new", *, keep: bool = True) -> Settings:
    """Every ring with a new first key, and the old ones behind it while they are kept."""
    changed = {}
    for name in RINGS:
        old = getattr(settings, name).get_secret_value()
        changed[name] = SecretStr(KeyRing.generate(key_id) + (f",{old}" if keep else ""))
    return settings.model_copy(update=changed)


def with_old_keys_first(settings: Settings) -> Settings:
    """As processes have them that were not started again since the new key came first: they open both."""
    return settings.model_copy(
        update={
            name: SecretStr(",".join(reversed(getattr(settings, name).get_secret_value().split(",")))) for name in RINGS
        }
    )


def with_only_new_keys(settings: Settings) -> Settings:
    """Without the old ones: each ring's first key alone."""
    return settings.model_copy(
        update={name: SecretStr(getattr(settings, name).get_secret_value().split(",")[0]) for name in RINGS}
    )


@asynccontextmanager
async def administered(registry: Registry, settings: Settings) -> AsyncIterator[Admin]:
    async with open_admin(settings) as admin:
        yield admin


async def sql(registry: Registry, query: str, *arguments: object) -> list[Any]:
    """As the owner of the database: no policy binds."""
    connection = await asyncpg.connect(registry.database.admin_dsn)
    try:
        return list(await connection.fetch(query, *arguments))
    finally:
        await connection.close()


async def connect(
    registry: Registry, tenant_id: str, environment: str = "test", label: str = "default", **changes: str
) -> tuple[Connection, str]:
    """With its callback token."""
    values = {**CREDENTIALS, **{name: SecretStr(value) for name, value in changes.items()}}
    if environment == "live":
        values["key_id"] = SecretStr("rzp_live_1DP5mmOlF5G5ag")
    connected = await registry.admin.connections.connect(tenant_id, environment, "razorpay", values, label=label)
    assert connected.callback_token is not None
    return connected.connection, connected.callback_token.get_secret_value()


async def revealed(admin: Admin, connection: Connection, *, with_token: bool = True) -> dict[str, str]:
    """Every field in the clear, the callback token too, read with this operator's rings."""
    vault, engine = admin.rotation._vault, admin.rotation._engine
    async with tenant_transaction(engine, connection.tenant_id, connection.environment) as tx:
        stored = await admin.connections.get(connection.tenant_id, connection.environment, connection.id)
        opened = {key: value.get_secret_value() for key, value in (await vault.open_all(tx, stored)).items()}
        rows = await _tokens(tx, connection.id) if with_token else []
        tokens = [(await vault.open_callback_token(tx, stored, row)).get_secret_value() for row in rows]
    return opened | {"#token": ",".join(tokens)}


async def _tokens(tx: Any, connection_id: str) -> list[str]:
    query = text("SELECT sealed FROM callback_tokens WHERE connection_id = :id ORDER BY created_at")
    return list((await tx.execute(query, {"id": connection_id})).scalars())


async def wrappers(registry: Registry, environment: str) -> set[str]:
    """Which entries of the rings wrap the environment's data keys."""
    rows = await sql(registry, "SELECT wrapped FROM data_keys WHERE environment = $1", environment)
    return {row["wrapped"].split(".")[1] for row in rows}


async def active_and_retired(registry: Registry) -> Mapping[bool, set[str]]:
    rows = await sql(registry, "SELECT id, retired_at FROM data_keys")
    return {
        True: {row["id"] for row in rows if row["retired_at"] is None},
        False: {row["id"] for row in rows if row["retired_at"] is not None},
    }
