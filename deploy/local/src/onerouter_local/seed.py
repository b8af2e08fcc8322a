"""The demo tenant and its owner: made at the first start, introduced to the sandbox at every start."""

from pathlib import Path
from typing import TYPE_CHECKING

import httpx
from pydantic import AnyHttpUrl, PostgresDsn, SecretStr

from onerouter_local.accounts import OTHERS, TENANT, SandboxAccount
from onerouter_local.environment import Addresses, database_url
from onerouter_local.secret_store import LocalSecrets

if TYPE_CHECKING:
    from onerouter_registry.admin import Admin, ManagementSettings

ENVIRONMENT = "test"
_PROVIDER = "razorpay"


async def seed(addresses: Addresses, secrets: LocalSecrets, secrets_path: Path) -> None:
    """Tenant, API key, connections and person unless they exist; then the merchant accounts on the sandbox's side."""
    if not secrets.demo_callback_path:
        await _create_tenant(addresses, secrets)
        secrets.save(secrets_path)
    missing = [other for other in OTHERS if other.provider not in secrets.demo_callback_paths]
    if missing:
        await _connect(missing, addresses, secrets)
        secrets.save(secrets_path)
    if not secrets.demo_person:
        await _create_person(addresses, secrets)
        secrets.save(secrets_path)
    await _open_accounts(addresses, secrets)


def _settings(addresses: Addresses, secrets: LocalSecrets) -> "ManagementSettings":
    from onerouter_registry.admin import ManagementSettings

    return ManagementSettings(
        database_url=PostgresDsn(database_url("registry", addresses, secrets)),
        database_pool_size=2,
        credential_keys_test=SecretStr(secrets.credential_keys_test),
        credential_keys_live=SecretStr(secrets.credential_keys_live),
        callback_keys_test=SecretStr(secrets.callback_keys_test),
        callback_keys_live=SecretStr(secrets.callback_keys_live),
        api_key_pepper=SecretStr(secrets.api_key_pepper),
        secret=SecretStr(secrets.registry_secret),
        callback_base_url=AnyHttpUrl(addresses.url("webhooks")),
        public_url=AnyHttpUrl(addresses.url("gateway")),
    )


async def _create_tenant(addresses: Addresses, secrets: LocalSecrets) -> None:
    from onerouter_registry.admin import open_admin

    async with open_admin(_settings(addresses, secrets)) as admin:
        tenant = await admin.tenants.create(TENANT)
        created = await admin.api_keys.create(tenant.id, ENVIRONMENT, name="demo")
        connected = await admin.connections.connect(
            tenant.id,
            ENVIRONMENT,
            _PROVIDER,
            {
                "key_id": SecretStr(secrets.sandbox_key_id),
                "key_secret": SecretStr(secrets.sandbox_key_secret),
                "webhook_secret": SecretStr(secrets.sandbox_webhook_secret),
            },
            label="sandbox",
            currency="INR",
        )
        assert connected.callback_token is not None  # Razorpay calls back
        secrets.demo_tenant = tenant.id
        secrets.demo_api_key = created.key.get_secret_value()
        secrets.demo_callback_path = f"/callbacks/{_PROVIDER}/{connected.callback_token.get_secret_value()}"


async def _connect(others: list[SandboxAccount], addresses: Addresses, secrets: LocalSecrets) -> None:
    """Behind what is connected, so that the first one goes on taking what may go anywhere."""
    from onerouter_registry.admin import open_admin

    async with open_admin(_settings(addresses, secrets)) as admin:
        await _say_rupees(admin, secrets.demo_tenant)
        for other in others:
            secrets.demo_callback_paths[other.provider] = await _connected(admin, other, secrets)


async def _connected(admin: "Admin", other: SandboxAccount, secrets: LocalSecrets) -> str:
    """The path of its callback URL, empty where nothing calls.

    It may be connected already, by a start that ended half-way.
    """
    place = (secrets.demo_tenant, ENVIRONMENT)
    known = [one.id for one in await admin.connections.list(*place) if one.label == other.label]
    token = None
    if known and other.calls_back:
        token = await admin.connections.callback_token(*place, known[0])
    elif not known:
        credentials = {name: SecretStr(value) for name, value in other.credentials(secrets).items()}
        made = await admin.connections.connect(
            *place,
            other.provider,
            credentials,
            category=other.category,
            label=other.label,
            currency=other.currency,
        )
        token = made.callback_token
    assert (token is not None) == other.calls_back
    return "" if token is None else f"/callbacks/{other.provider}/{token.get_secret_value()}"


async def _say_rupees(admin: "Admin", tenant_id: str) -> None:
    """The first currency of a route is the default. A stack that knew one provider did not say which."""
    for one in await admin.connections.list(tenant_id, ENVIRONMENT):
        if one.provider == _PROVIDER and one.currency is None:
            await admin.connections.change(tenant_id, ENVIRONMENT, one.id, {"currency": "INR"})


async def _create_person(addresses: Addresses, secrets: LocalSecrets) -> None:
    """Owner of the demo tenant, operator of the installation; again after a start that ended half-way."""
    from onerouter_common.errors import Conflict
    from onerouter_registry.admin import open_admin

    async with open_admin(_settings(addresses, secrets)) as admin:
        people = admin.people
        try:
            password_hash = await people.passwords.hash(SecretStr(secrets.demo_password))
            person = await people.users.create(
                secrets.demo_email, name="Demo", password_hash=password_hash, is_operator=True
            )
        except Conflict:
            person = await people.users.get_by_email(secrets.demo_email)
        try:
            await people.members.add(secrets.demo_tenant, person.id, "owner")
        except Conflict as conflict:
            if conflict.error_code != "ALREADY_A_MEMBER":
                raise
        secrets.demo_person = person.id


async def _open_accounts(addresses: Addresses, secrets: LocalSecrets) -> None:
    """What a merchant does in the providers' dashboards: keys, and where callbacks go (the port may be a new one)."""
    razorpay = {
        "key_id": secrets.sandbox_key_id,
        "key_secret": secrets.sandbox_key_secret,
        "webhook_url": f"{addresses.url('webhooks')}{secrets.demo_callback_path}",
        "webhook_secret": secrets.sandbox_webhook_secret,
        "merchant_name": TENANT,
    }
    async with httpx.AsyncClient(base_url=addresses.url("sandbox"), timeout=5.0) as sandbox:
        (await sandbox.post("/control/razorpay/accounts", json=razorpay)).raise_for_status()
        for other in OTHERS:
            path = secrets.demo_callback_paths[other.provider]
            url = {"webhook_url": f"{addresses.url('webhooks')}{path}"} if path else {}
            account = {**other.account(secrets), **url}
            (await sandbox.post(f"/control/{other.provider}/accounts", json=account)).raise_for_status()
