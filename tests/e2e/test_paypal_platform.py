"""A platform at PayPal: its vendors are invited, sign up on PayPal's page, and are paid what is theirs."""

import secrets
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from tests.e2e.payers import PAYERS, key
from tests.e2e.tenants import administration
from tests.e2e.world import World, until


@pytest.fixture
async def platform(world: World) -> AsyncIterator[httpx.AsyncClient]:
    """The client of a tenant whose PayPal account may invite vendors."""
    account = {
        "client_id": f"AX{secrets.token_hex(20)}",
        "client_secret": f"EX{secrets.token_hex(20)}",
        "webhook_id": secrets.token_hex(9).upper(),
        "merchant_id": "".join(secrets.choice("23456789ABCDEFGHJKLMNPQRSTUVWXYZ") for _ in range(13)),
    }
    world.secrets.append(account["client_secret"])
    async with administration(world.stack) as admin:
        tenant = await admin.tenants.create("A platform")
        credentials = {name: SecretStr(value) for name, value in account.items()}
        connected = await admin.connections.connect(tenant.id, "test", "paypal", credentials)
        assert connected.callback_token is not None
        url = admin.callback_url("paypal", connected.callback_token)
        created = await admin.api_keys.create(tenant.id, "test", name="platform")
    api_key = created.key.get_secret_value()
    world.secrets.append(api_key)
    (await world.sandbox.post("/control/paypal/accounts", json={**account, "webhook_url": url})).raise_for_status()
    async with world.client(api_key) as client:
        yield client


async def reached(client: httpx.AsyncClient, path: str, status: str) -> dict[str, Any]:
    seen: dict[str, Any] = {}

    async def has_status() -> bool:
        seen.update((await client.get(path)).json())
        return seen.get("status") == status

    await until(has_status, f"{path} to become {status}", lambda: seen)
    return seen


async def test_a_vendor_is_invited_and_paid_and_stopped(world: World, platform: httpx.AsyncClient) -> None:
    paypal = PAYERS["paypal"]
    made = await platform.post(
        "/v1/marketplace/vendors",
        json={"name": "Asha Pottery", "email": "asha@example.com", "return_url": "https://shop.example/welcome"},
        headers=key(),
    )
    assert made.status_code == 201, made.text
    vendor = made.json()
    path = f"/v1/marketplace/vendors/{vendor['id']}"
    assert vendor["status"] == "pending"
    assert (await world.sandbox.get(vendor["onboarding_url"])).status_code == 200
    part = {"account_id": vendor["id"], "amount": "40.00"}
    body = {"amount": "50.00", "currency": "USD", "splits": [part, {"amount": "10.00", "type": "fee"}]}
    too_early = await platform.post("/v1/marketplace/payments/split", json=body, headers=key())
    assert too_early.status_code == 422, too_early.text
    referral = vendor["onboarding_url"].rpartition("=")[2]
    joined = await paypal.control(world, f"partner-referrals/{referral}/complete")
    await reached(platform, path, "active")
    payment = (await platform.post("/v1/marketplace/payments/split", json=body, headers=key())).json()
    await paypal.pay(world, payment)
    shown: dict[str, Any] = {}

    async def is_paid() -> bool:
        shown.update((await platform.get(f"/v1/marketplace/payments/split/{payment['id']}")).json())
        return bool(shown["splits"][0]["status"] == "succeeded")

    await until(is_paid, "the vendor to be paid", lambda: shown)
    made_of = await world.effects(shown["splits"][0]["transfer_id"])
    assert [one["amount"] for one in made_of if one["kind"] == "transfer.created"] == [4_000]
    await paypal.control(world, f"merchants/{joined['merchant_id']}/judge", status="revoked")
    await reached(platform, path, "restricted")
