"""A topic that asks before it calls: verified by webhooks, confirmed by messaging with the tenant's credentials."""

from typing import Any

from tests.e2e.addressees import ADDRESSEES
from tests.e2e.world import World, until

SES = ADDRESSEES["ses"]


async def account_of(world: World) -> dict[str, Any]:
    mine = SES.account_of(world.stack.secrets)
    listed = (await world.sandbox.get("/control/ses/accounts")).json()["data"]
    found: dict[str, Any] = next(one for one in listed if one["access_key_id"] == mine)
    return found


async def test_a_subscription_that_waits_is_confirmed_and_then_it_is_told_what_became_of_messages(world: World) -> None:
    """As when somebody subscribes the connection's address to their topic: nothing is to be clicked, and nothing fetched."""
    account = await account_of(world)
    handshakes = "callback_handshakes WHERE provider = 'ses' AND state = 'confirmed' AND sealed IS NULL"
    before = await world.count("webhooks", handshakes)
    answer = await world.sandbox.post("/control/ses/accounts", json={**account, "subscription": "pending"})
    assert answer.status_code == 201, answer.text

    async def is_confirmed() -> bool:
        return bool((await account_of(world))["subscription"] == "confirmed")

    await until(is_confirmed, "the subscription to be confirmed")

    async def is_noted() -> bool:
        return await world.count("webhooks", handshakes) == before + 1

    await until(is_noted, "the handshake to end")
    message = await SES.delivered(world, SES.new_address())
    assert message["status"] == "delivered"
