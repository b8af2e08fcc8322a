"""A tenant's own accounts at a provider, from connecting to long after disconnecting, through the gateway."""

import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx
import pytest
from tests.e2e.tenants import administration
from tests.e2e.world import World, until

_RAZORPAY = "/api/services/payments/razorpay"


@dataclass(frozen=True)
class Shop:
    """A tenant that has just signed up, with an account at the provider that is not connected yet."""

    world: World
    client: httpx.AsyncClient
    account: dict[str, str]

    async def call(self, method: str, path: str, *, expect: int = 200, **sent: Any) -> Any:
        answer = await self.client.request(method, path, **sent)
        assert answer.status_code == expect, answer.text
        for name in ("key_secret", "webhook_secret"):
            assert self.account[name] not in answer.text
        return answer.json()

    async def connect(self, *, expect: int = 201, **credentials: str) -> Any:
        body = {"credentials": {**self.account, **credentials}}
        return await self.call("POST", f"{_RAZORPAY}/connect", expect=expect, json=body)

    async def enter_at_provider(self, url: str = "http://127.0.0.1:1/", **changes: str) -> None:
        """What the merchant does in the provider's dashboard."""
        account = {**self.account, "webhook_url": url, **changes}
        (await self.world.sandbox.post("/control/razorpay/accounts", json=account)).raise_for_status()

    async def reached(self, path: str, status: str) -> Any:
        seen: dict[str, Any] = {}

        async def has_status() -> bool:
            seen.update((await self.client.get(path)).json())
            return seen.get("status") == status

        await until(has_status, f"{path} to become {status}", lambda: seen)
        return seen


@pytest.fixture
async def shop(world: World) -> AsyncIterator[Shop]:
    account = {
        "key_id": f"rzp_test_{secrets.token_hex(7)}",
        "key_secret": secrets.token_hex(12),
        "webhook_secret": secrets.token_hex(12),
    }
    async with administration(world.stack) as admin:
        tenant = await admin.tenants.create("Newcomer")
        created = await admin.api_keys.create(tenant.id, "test", name="all")
    key = created.key.get_secret_value()
    world.secrets += [key, account["key_secret"], account["webhook_secret"]]
    async with world.client(key) as client:
        yield Shop(world, client, account)


async def test_a_payment_can_be_refunded_after_its_connection_was_disconnected(world: World, shop: Shop) -> None:
    await shop.enter_at_provider()
    connected = await shop.connect()
    assert connected["verification"] == "accepted"
    await shop.enter_at_provider(connected["callback_url"])

    async def pays() -> bool:
        answer = await shop.client.post("/v1/payments", json={"amount": "10.00", "currency": "INR"})
        made.append(answer.json())
        return answer.status_code == 201

    made: list[Any] = []
    await until(pays, "the connection to be used", lambda: made[-1])
    payment = made[-1]
    await world.pay(payment)
    await shop.reached(f"/v1/payments/{payment['id']}", "succeeded")

    gone = await shop.call("DELETE", _RAZORPAY)
    assert gone["status"] == "disconnected"
    assert gone["credentials_kept_until"]

    async def is_out_of_the_route() -> bool:
        answer = await shop.client.post("/v1/payments", json={"amount": "10.00", "currency": "INR"})
        made.append(answer.json())
        return answer.status_code == 422 and made[-1]["code"] == "SERVICE_NOT_CONFIGURED"

    await until(is_out_of_the_route, "nothing new to go there", lambda: made[-1])
    refund = await shop.call(
        "POST",
        "/v1/refunds",
        expect=201,
        json={"payment_id": payment["id"]},
        headers={"Idempotency-Key": str(uuid4())},
    )
    # The provider's callback, to the disconnected connection's address, tells that it has been paid out.
    await shop.reached(f"/v1/refunds/{refund['id']}", "succeeded")
    await shop.reached(f"/v1/payments/{payment['id']}", "refunded")


async def test_credentials_that_the_provider_refuses_connect_nothing(shop: Shop) -> None:
    await shop.enter_at_provider()
    problem = await shop.connect(expect=422, key_secret=secrets.token_hex(12))
    assert problem["code"] == "CREDENTIALS_REFUSED"
    overview = await shop.call("GET", "/api/services")
    assert [one["connections"] for one in overview["data"]] == [[], [], [], []]


async def test_the_tenant_hears_once_that_its_credentials_stopped_working(world: World) -> None:
    """Of a second account of the demo shop, kept out of its route."""
    account = {"key_id": f"rzp_test_{secrets.token_hex(7)}", "key_secret": secrets.token_hex(12)}
    world.secrets.append(account["key_secret"])

    async def register(secret: str) -> None:
        entered = {
            **account,
            "key_secret": secret,
            "webhook_url": "http://127.0.0.1:1/",
            "webhook_secret": "unused-1234",
        }
        (await world.sandbox.post("/control/razorpay/accounts", json=entered)).raise_for_status()

    await register(account["key_secret"])
    body = {"credentials": account, "label": "second", "enabled": False}
    connected = await world.api.post(f"{_RAZORPAY}/connect", json=body)
    assert connected.status_code == 201, connected.text
    connection_id = connected.json()["id"]
    which = {"connection_id": connection_id}
    await register("changed-by-the-merchant")
    for _ in range(2):
        tested = await world.api.post(f"{_RAZORPAY}/test", params=which)
        assert tested.json()["accepted"] is False, tested.text
    await register(account["key_secret"])
    assert (await world.api.post(f"{_RAZORPAY}/test", params=which)).json()["accepted"] is True
    events = await world.events_of(connection_id, "connection.credentials_accepted")
    assert [(event.type, event.body["sequence"]) for event in events] == [
        ("connection.credentials_refused", 1),
        ("connection.credentials_accepted", 2),
    ]
    assert events[0].data["verification"] == "refused"
    gone = await world.api.delete(_RAZORPAY, params={**which, "forget": "true"})
    assert gone.json()["credentials_destroyed_at"], gone.text
