"""A subscription's whole life at each provider, on the sandbox's clock: trial, renewals, pause, another plan, the end."""

from typing import Any
from uuid import uuid4

from tests.e2e.payers import Payer, key, make
from tests.e2e.test_charges import check_payments
from tests.e2e.world import World, until


async def plan(world: World, payer: Payer, amount: str = "10.00", **more: Any) -> dict[str, Any]:
    body = {"name": "Pro", "amount": amount, "currency": payer.currency, "interval": "month", **more}
    return await make(world, "/v1/plans", provider=payer.provider, **body)


async def test_from_trial_to_cancellation(world: World, payer: Payer) -> None:
    trial = 7 + await payer.days_ahead(world)
    small = await plan(world, payer, trial_days=trial)
    assert (small["status"], small["provider"], small["trial_days"]) == ("active", payer.provider, trial)
    customer = await make(
        world, "/v1/customers", name="Asha Rao", email=f"{uuid4().hex[:8]}@example.com", provider=payer.provider
    )
    subscription = await make(
        world,
        "/v1/subscriptions",
        plan_id=small["id"],
        customer_id=customer["id"],
        total_count=12,
        metadata={"seat": "4"},
    )
    path = f"/v1/subscriptions/{subscription['id']}"
    assert subscription["plan_id"] == small["id"]
    assert subscription["metadata"] == {"seat": "4"}
    await payer.agree(world, subscription)
    await world.reached(path, "trialing")
    await payer.days_pass(world, 9)
    await world.reached(path, "active")
    charged = await charges(world, path, 1)
    await payer.days_pass(world, 31)
    await charges(world, path, charged + 1)
    paused = await make(world, f"{path}/pause", 200, pause_at="now")
    assert paused["status"] == "paused", paused
    await make(world, f"{path}/resume", 200)
    await world.reached(path, "active")
    large = await plan(world, payer, "25.00", trial_days=7)
    changed = await make(world, f"{path}/change_plan", 200, new_plan_id=large["id"], prorate=False)
    if changed["pending_plan_id"] is not None:
        await payer.let_change(world, changed)

    seen: dict[str, Any] = {}

    async def has_changed() -> bool:
        seen.update((await world.api.get(path)).json())
        return bool(seen["provider_plan_id"] == large["provider_plan_id"])

    await until(has_changed, f"the plan {large['provider_plan_id']} after {changed}", lambda: seen)
    canceled = await make(world, f"{path}/cancel", 200)
    assert canceled["status"] == "canceled", canceled
    assert (await world.api.post(f"{path}/pause", json={}, headers=key())).status_code == 409
    events = await world.events_of(subscription["id"], "subscription.canceled")
    types = [event.type for event in events]
    assert [event.body["sequence"] for event in events] == list(range(1, len(events) + 1))
    assert types[0] == "subscription.created"
    for wanted in ("activated", "renewed", "paused", "resumed", "canceled"):
        assert f"subscription.{wanted}" in types, types
    made = [effect["kind"] for effect in await world.effects(subscription["id"])]
    assert made.count("subscription.created") == 1
    await check_payments(world, (await world.api.get(path)).json())


async def charges(world: World, path: str, count: int) -> int:
    """How many there are, once there are so many."""
    seen: dict[str, Any] = {}

    async def have_come() -> bool:
        seen.update((await world.api.get(path)).json())
        return len(seen["charges"]) >= count

    await until(have_come, f"{count} charges", lambda: seen)
    return len(seen["charges"])


async def test_at_the_end_of_the_cycle(world: World, payer: Payer) -> None:
    monthly = await plan(world, payer)
    customer = await make(
        world, "/v1/customers", name="Ravi", email=f"{uuid4().hex[:8]}@example.com", provider=payer.provider
    )
    subscription = await make(
        world, "/v1/subscriptions", plan_id=monthly["id"], customer_id=customer["id"], total_count=12
    )
    path = f"/v1/subscriptions/{subscription['id']}"
    await payer.agree(world, subscription)
    await world.reached(path, "active")
    waiting = await make(world, f"{path}/pause", 200, pause_at="cycle_end")
    assert (waiting["status"], waiting["pause_at"]) == ("active", waiting["current_period_end"]), waiting
    taken_back = await make(world, f"{path}/resume", 200)
    assert (taken_back["status"], taken_back["pause_at"]) == ("active", None)
    ending = await make(world, f"{path}/cancel", 200, cancel_at_cycle_end=True)
    assert (ending["status"], ending["cancel_at_cycle_end"]) == ("active", True), ending
