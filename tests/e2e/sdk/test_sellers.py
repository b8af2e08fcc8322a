"""A marketplace by the published client: vendors, what is theirs of a payment, many at once."""

from typing import Any
from uuid import uuid4

from tests.e2e.payers import PAYERS
from tests.e2e.sdk.driver import Sdk, reached
from tests.e2e.test_marketplace import activate, parts
from tests.e2e.world import World

from onerouter.types import Vendor

STRIPE = PAYERS["stripe"]


async def vendor(sdk: Sdk, world: World) -> Vendor:
    """One that may be paid."""
    made: Vendor = await sdk.call(
        "marketplace.create_vendor",
        "Asha Pottery",
        f"seller-{uuid4().hex[:8]}",
        email=f"{uuid4().hex[:8]}@example.com",
        provider="stripe",
        country="US",
        business_type="individual",
        account_details={
            "account_number": "000123456789",
            "routing_number": "110000000",
            "account_holder": "Asha Rao",
            "country": "US",
            "currency": "usd",
        },
    )
    if made.status != "active":
        await activate(world, STRIPE, dict(made))
    found: Vendor = await reached(sdk, "marketplace.get_vendor", made.id, "active")
    return found


async def test_each_vendor_is_given_its_part(sdk: Sdk, world: World) -> None:
    seller = await vendor(sdk, world)
    assert "000123456789" not in str(dict(seller))
    changed = await sdk.call("marketplace.update_vendor_split", seller.id, percent="25")
    assert changed.id == seller.id
    theirs: list[dict[str, Any]] = [{"account_id": seller.id, "type": "vendor"}, {"amount": "75.00", "type": "fee"}]
    payment = await sdk.call("marketplace.create_split_payment", "100.00", theirs, STRIPE.currency, provider="stripe")
    assert [part.amount_minor for part in payment.splits] == [2_500, 7_500]
    await STRIPE.pay(world, payment)
    await parts(world, dict(payment), ["succeeded", None])
    shown = await sdk.call("marketplace.get_split_payment", payment.id)
    assert (shown.id, shown.splits[0].status) == (payment.id, "succeeded")


async def test_many_at_once_are_as_many_as_their_keys(sdk: Sdk, world: World) -> None:
    seller = await vendor(sdk, world)
    good = {
        "amount": "10.00",
        "currency": STRIPE.currency,
        "provider": "stripe",
        "splits": [{"account_id": seller.id, "amount": "9.00"}, {"amount": "1.00", "type": "fee"}],
    }
    key = str(uuid4())
    payments = [good, {**good, "splits": [{"account_id": seller.id, "amount": "99.00"}]}]
    answers = [await sdk.call("marketplace.process_bulk_splits", payments, idempotency_key=key) for _ in range(2)]
    for answer in answers:
        assert (answer.succeeded, answer.failed) == (1, 1)
    first, again = [answer.data[0].payment for answer in answers]
    assert first is not None
    assert again is not None
    assert first.id == again.id
