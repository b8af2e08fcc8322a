"""The operator's hand: tenants, keys and connections of a running stack."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from pydantic import AnyHttpUrl, PostgresDsn, SecretStr

from onerouter_local.environment import database_url
from onerouter_local.stack import Stack
from onerouter_registry.admin import Admin, ManagementSettings, open_admin


@asynccontextmanager
async def administration(stack: Stack) -> AsyncIterator[Admin]:
    """What `onerouter admin` can do, on this stack's registry database."""
    secrets = stack.secrets
    settings = ManagementSettings(
        database_url=PostgresDsn(database_url("registry", stack.addresses, secrets)),
        database_pool_size=2,
        credential_keys_test=SecretStr(secrets.credential_keys_test),
        credential_keys_live=SecretStr(secrets.credential_keys_live),
        callback_keys_test=SecretStr(secrets.callback_keys_test),
        callback_keys_live=SecretStr(secrets.callback_keys_live),
        api_key_pepper=SecretStr(secrets.api_key_pepper),
        secret=SecretStr(secrets.registry_secret),
        callback_base_url=AnyHttpUrl(stack.addresses.url("webhooks")),
    )
    async with open_admin(settings) as admin:
        yield admin


def admin_dsn(stack: Stack, service: str) -> str:
    """A service's database as superuser: row-level security does not bind it."""
    postgres = stack.postgres
    return postgres.dsn("postgres", postgres.password, f"onerouter_{service}")
