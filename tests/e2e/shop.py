"""A tenant of a test's own, with two accounts at one provider."""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import httpx
from pydantic import SecretStr
from tests.e2e.tenants import administration
from tests.e2e.world import World

GOOD: Final = {"amount": "499.00", "currency": "INR"}


@dataclass(frozen=True)
class Shop:
    """A tenant with two accounts at one provider."""

    world: World
    tenant: str
    client: httpx.AsyncClient
    first: str
    second: str
    accounts: tuple[str, str]
    """The provider's names of both."""

    async def route(self, policy: dict[str, Any]) -> None:
        answer = await self.client.put("/api/routing/payments", json=policy)
        assert answer.status_code == 200, answer.text

    async def pay(self, **said: Any) -> dict[str, Any]:
        """The operation of a payment that was made."""
        answer = await self.client.post("/v1/payments", json={**GOOD, **said})
        assert answer.status_code == 201, answer.text
        return await self.operation_of(answer)

    async def operation_of(self, answer: httpx.Response) -> dict[str, Any]:
        operation_id = answer.headers["x-onerouter-operation-id"]
        shown: dict[str, Any] = (await self.client.get(f"/v1/operations/{operation_id}")).json()
        return shown


@asynccontextmanager
async def open_shop(world: World) -> AsyncIterator[Shop]:
    made: list[str] = []
    accounts: list[str] = []
    async with administration(world.stack) as admin:
        tenant = await admin.tenants.create("Two accounts")
        for label in ("first", "second"):
            account = {
                "key_id": f"rzp_test_{secrets.token_hex(7)}",
                "key_secret": secrets.token_hex(12),
                "webhook_secret": secrets.token_hex(12),
            }
            world.secrets += [account["key_secret"], account["webhook_secret"]]
            credentials = {name: SecretStr(value) for name, value in account.items()}
            connected = await admin.connections.connect(tenant.id, "test", "razorpay", credentials, label=label)
            made.append(connected.connection.id)
            accounts.append(account["key_id"])
            assert connected.callback_token is not None
            account["webhook_url"] = admin.callback_url("razorpay", connected.callback_token)
            (await world.sandbox.post("/control/razorpay/accounts", json=account)).raise_for_status()
        created = await admin.api_keys.create(tenant.id, "test", name="routing")
    world.secrets.append(created.key.get_secret_value())
    async with world.client(created.key.get_secret_value()) as client:
        first, second = made
        yield Shop(world, tenant.id, client, first, second, accounts=(accounts[0], accounts[1]))
