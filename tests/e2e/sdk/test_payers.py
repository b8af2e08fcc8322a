"""What a payer entrusts and agrees to, by the published client: saved methods, subscriptions, links, refunds."""

from uuid import uuid4

from tests.e2e.payers import PAYERS
from tests.e2e.sdk.driver import Sdk, reached
from tests.e2e.sdk.test_payments import paid
from tests.e2e.test_payment_methods import entrusted
from tests.e2e.world import World

from onerouter.types import Customer

STRIPE = PAYERS["stripe"]


async def customer(sdk: Sdk) -> Customer:
    made: Customer = await sdk.call(
        "customers.create", name="Asha Rao", email=f"{uuid4().hex}@example.com", provider="stripe"
    )
    return made


async def test_a_method_is_kept_named_and_given_up(sdk: Sdk, world: World) -> None:
    who = await customer(sdk)
    token = await entrusted(world, STRIPE, dict(who))
    kept = await sdk.call("payment_methods.create", token, "Office", customer_id=who.id)
    assert (kept.status, kept.nickname) == ("active", "Office")
    changed = await sdk.call("payment_methods.update", kept.id, nickname="Home")
    assert (await sdk.call("payment_methods.get", kept.id)).nickname == changed.nickname == "Home"
    assert (await sdk.call("payment_methods.delete", kept.id)).status == "removed"
    token = await entrusted(world, STRIPE, dict(who))
    saved = await sdk.call("saved_payment_methods.save", token, "Phone", extra_body={"customer_id": who.id})
    assert (await sdk.call("saved_payment_methods.update", saved.id, nickname="Car")).nickname == "Car"
    assert saved.id in {one.id for one in await sdk.call("saved_payment_methods.list")}
    assert (await sdk.call("saved_payment_methods.delete", saved.id)).status == "removed"


async def test_a_subscription_is_paused_resumed_and_changed(sdk: Sdk, world: World) -> None:
    who = await customer(sdk)
    about = {"currency": STRIPE.currency, "interval": "month", "provider": "stripe"}
    small = await sdk.call("plans.create", name="Pro", amount="10.00", **about)
    assert (await sdk.call("plans.get", small.id)).id == small.id
    made = await sdk.call("subscriptions.create", plan_id=small.id, customer_id=who.id, total_count=12)
    await STRIPE.agree(world, made)
    await reached(sdk, "subscriptions.get", made.id, "active")
    assert (await sdk.call("subscriptions.pause", made.id, "now", reason="holiday")).status == "paused"
    await sdk.call("subscriptions.resume", made.id)
    await reached(sdk, "subscriptions.get", made.id, "active")
    large = await sdk.call("plans.create", name="Max", amount="25.00", **about)
    changed = await sdk.call("subscriptions.change_plan", made.id, large.id, prorate=False)
    assert large.id in (changed.plan_id, changed.pending_plan_id)
    assert (await sdk.call("subscriptions.cancel", made.id, cancel_at_cycle_end=False)).status == "canceled"


async def test_a_link_is_found_again_and_its_operation(sdk: Sdk) -> None:
    key = f"link-{uuid4()}"
    link = await sdk.call("payment_links.create", 12, "Socks", idempotency_key=key)
    assert (await sdk.call("payment_links.get", link.id)).short_url == link.short_url
    (listed,) = await sdk.all_of("operations.list", idempotency_key=key)
    operation = await sdk.call("operations.get", listed.id)
    assert (operation.operation, operation.resource.id) == ("payment_link.create", link.id)
    assert [attempt["outcome"] for attempt in operation.attempts] == ["succeeded"]


async def test_a_refund_is_made_of_its_own(sdk: Sdk, world: World) -> None:
    payment = await paid(sdk, world)
    refund = await sdk.call("refunds.create", payment.id, amount="1.00")
    assert (refund.payment_id, refund.amount_minor) == (payment.id, 100)
