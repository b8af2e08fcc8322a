"""What payers and banks contest: told with the payment, decided at the provider, never a status of the payment."""

from typing import Any

import pytest
from tests.e2e.payers import Payer
from tests.e2e.world import World, until


async def disputes(world: World, payment: dict[str, Any], wanted: list[str]) -> list[dict[str, Any]]:
    """Of a payment, once they have these statuses."""
    seen: dict[str, Any] = {}

    async def are_there() -> bool:
        seen.update((await world.api.get(f"/v1/payments/{payment['id']}")).json())
        return [one["status"] for one in seen["disputes"]] == wanted

    await until(are_there, f"disputes {wanted}", lambda: seen["disputes"])
    assert seen["status"] == "succeeded"
    shown: list[dict[str, Any]] = seen["disputes"]
    return shown


@pytest.mark.parametrize("verdict", ["won", "lost"])
async def test_a_dispute_is_opened_and_decided(world: World, payer: Payer, verdict: str) -> None:
    payment = await payer.paid(world)
    assert payment["disputes"] == []
    at_provider = await payer.dispute(world, payment["provider_payment_id"])
    opened = "warning" if payer.provider == "paypal" else "needs_response"
    (shown,) = await disputes(world, payment, [opened])
    assert shown["provider_dispute_id"] == at_provider
    assert (shown["payment_id"], shown["amount_minor"]) == (payment["id"], 10_000)
    assert shown["reason"]
    await payer.decide(world, at_provider, verdict)
    await disputes(world, payment, [verdict])
    events = await world.events_of(shown["id"], f"dispute.{verdict}")
    assert [event.body["sequence"] for event in events] == list(range(1, len(events) + 1))
    assert (events[0].type, events[-1].type) == ("dispute.created", f"dispute.{verdict}")
    assert {event.body["resource"]["kind"] for event in events} == {"dispute"}
    assert events[-1].body["data"]["status"] == verdict
