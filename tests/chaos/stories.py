"""What shops and their payers do, a function for each kind of story of the plan."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

import httpx
from tests.chaos.plan import Keepsake, Link, Membership, Purchase, Sale, Story
from tests.chaos.shop import Refused, Shop
from tests.e2e.payers import PAYERS

_FAILURE: Final[Mapping[str, Mapping[str, str]]] = {
    "razorpay": {"outcome": "failure"},
    "paypal": {"decline": "INSTRUMENT_DECLINED"},
    "stripe": {"outcome": "failure", "decline": "insufficient_funds"},
}
_BANK: Final[Mapping[str, Mapping[str, Any]]] = {
    "razorpay": {
        "country": "IN",
        "phone": "+919876543210",
        "business_type": "partnership",
        "account_details": {
            "account_number": "77780020203008",
            "ifsc": "HDFC0000317",
            "account_holder": "Asha Rao Chairs",
            "category": "ecommerce",
            "subcategory": "furniture",
            "street1": "507, 1st block of Koramangala",
            "city": "Bengaluru",
            "state": "KARNATAKA",
            "postal_code": "560034",
        },
    },
    "paypal": {"country": "US"},
    "stripe": {"country": "US"},
}
_A_SECOND_LATER_S: Final = 1.5
"""PayPal counts in seconds, and nobody agrees within the same one."""
_PAUSE_S: Final = 0.3


async def tell(shop: Shop, stories: Sequence[Story]) -> None:
    """All of them, each at its time."""
    began = time.monotonic()

    async def one(story: Story) -> None:
        await asyncio.sleep(max(0.0, story.at_s - (time.monotonic() - began)))
        try:
            await _told(shop, story)
        except Refused:
            return  # the books tell

    async with asyncio.TaskGroup() as group:
        for story in stories:
            group.create_task(one(story))


async def _told(shop: Shop, story: Story) -> None:
    match story:
        case Purchase():
            await _purchase(shop, story)
        case Membership():
            await _membership(shop, story)
        case Link():
            await _link(shop, story)
        case Keepsake():
            await _keepsake(shop, story)
        case Sale():
            await _sale(shop, story)


async def _purchase(shop: Shop, story: Purchase) -> None:
    name = f"payment-{story.number}"
    page = {"return_url": "https://shop.example/done"} if story.on_page else {}
    payment = await shop.ask(
        name,
        "/v1/payments",
        **_money(story, story.amount_minor),
        capture="manual" if story.manual_capture else "automatic",
        receipt=name,
        **page,
    )
    path = f"/v1/payments/{payment['id']}"
    if story.fails_first:
        await PAYERS[story.provider].pay(shop, payment, **_FAILURE[story.provider])
        await shop.reached(path, "failed")
    await PAYERS[story.provider].pay(shop, payment)
    if story.manual_capture:
        await shop.reached(path, "authorized")
        await shop.ask(f"{name}-end", f"{path}/{'cancel' if story.canceled else 'capture'}")
    if not story.refunds_minor:
        return
    await shop.reached(path, "succeeded")
    async with asyncio.TaskGroup() as group:  # two parts at once: the worker has to put them in order
        for number, minor in enumerate(story.refunds_minor):
            wanted = {"payment_id": payment["id"], "amount": f"{minor / 100:.2f}"}
            group.create_task(_refund(shop, f"refund-{story.number}-{number}", wanted))


async def _refund(shop: Shop, name: str, wanted: Mapping[str, str]) -> None:
    try:
        await shop.ask(name, "/v1/refunds", **wanted)
    except Refused:
        return  # the other part goes on


async def _membership(shop: Shop, story: Membership) -> None:
    payer, name = PAYERS[story.provider], f"member-{story.number}"
    small = await _plan(shop, story, f"{name}-small", story.amount_minor)
    customer = await _customer(shop, story, name)
    subscription = await shop.ask(
        name, "/v1/subscriptions", plan_id=small["id"], customer_id=customer["id"], total_count=12
    )
    path = f"/v1/subscriptions/{subscription['id']}"
    await payer.agree(shop, subscription)
    await shop.reached(path, "active")
    await shop.ask(f"{name}-pause", f"{path}/pause", pause_at="now")
    await shop.reached(path, "paused")
    await shop.ask(f"{name}-resume", f"{path}/resume")
    await shop.reached(path, "active")
    large = await _plan(shop, story, f"{name}-large", story.amount_minor * 2)
    changed = await shop.ask(f"{name}-change", f"{path}/change_plan", new_plan_id=large["id"])
    if changed["pending_plan_id"] is not None:
        await asyncio.sleep(_A_SECOND_LATER_S)
        await payer.agree(shop, changed)
    await shop.until(path, lambda seen: seen["provider_plan_id"] == large["provider_plan_id"])
    if story.ends:
        await shop.ask(f"{name}-cancel", f"{path}/cancel")


async def _plan(shop: Shop, story: Membership, name: str, minor: int) -> dict[str, Any]:
    return await shop.ask(name, "/v1/plans", name=name, interval="month", **_money(story, minor))


async def _customer(shop: Shop, story: Story, name: str) -> dict[str, Any]:
    email = f"{shop.run}-{name}@example.com"
    return await shop.ask(f"{name}-customer", "/v1/customers", name="Asha Rao", email=email, provider=story.provider)


async def _link(shop: Shop, story: Link) -> None:
    name = f"link-{story.number}"
    link = await shop.ask(name, "/v1/payment-links", description=name, **_money(story, story.amount_minor))
    path = f"/v1/payment-links/{link['id']}"
    if story.canceled:
        await shop.ask(f"{name}-cancel", f"{path}/cancel")
        return
    await PAYERS[story.provider].pay_link(shop, link)
    await shop.reached(path, "paid")


async def _keepsake(shop: Shop, story: Keepsake) -> None:
    name = f"method-{story.number}"
    customer = await _customer(shop, story, name)
    entrusted = await _entrusted(shop, story.provider, customer)
    method = await shop.ask(name, "/v1/payment-methods", payment_method_id=entrusted, customer_id=customer["id"])
    if story.forgotten:
        await shop.ask(f"{name}-forget", f"/v1/payment-methods/{method['id']}", method="DELETE")


async def _entrusted(shop: Shop, provider: str, customer: Mapping[str, Any]) -> str:
    """A method that the payer has just entrusted to the provider: its id there."""
    payer = PAYERS[provider]
    if provider == "razorpay":
        return str((await payer.control(shop, f"customers/{customer['provider_customer_id']}/tokens"))["id"])
    if provider == "paypal":
        account = payer.account_of(shop.stack.secrets)
        return str((await payer.control(shop, f"accounts/{account}/payment-tokens"))["id"])
    return await _card_at_stripe(shop)


async def _card_at_stripe(shop: Shop) -> str:
    """As Stripe's elements make one in the payer's browser; again until it works."""
    headers = {"Authorization": f"Bearer {shop.stack.secrets.sandbox_stripe_secret_key}"}
    body = {"type": "card", "card[token]": "tok_visa"}
    while True:
        try:
            made = await shop.sandbox.post("/stripe/v1/payment_methods", data=body, headers=headers, timeout=3.0)
        except httpx.HTTPError:
            continue
        if made.is_success:
            return str(made.json()["id"])
        await asyncio.sleep(_PAUSE_S)


async def _sale(shop: Shop, story: Sale) -> None:
    name = f"sale-{story.number}"
    vendors = [await _vendor(shop, story, f"{name}-vendor-{place}") for place in range(len(story.parts_minor))]
    parts = [
        {"account_id": vendor["id"], "amount": f"{minor / 100:.2f}"}
        for vendor, minor in zip(vendors, story.parts_minor, strict=True)
    ]
    fee = {"type": "fee", "amount": f"{story.fee_minor / 100:.2f}"}
    money = _money(story, sum(story.parts_minor) + story.fee_minor)
    payment = await shop.ask(name, "/v1/marketplace/payments/split", splits=[*parts, fee], **money)
    await PAYERS[story.provider].pay(shop, payment)
    await shop.until(
        f"/v1/marketplace/payments/split/{payment['id']}",
        lambda seen: all(
            part["status"] in ("pending", "succeeded") for part in seen["splits"] if part["type"] == "vendor"
        ),
    )


async def _vendor(shop: Shop, story: Sale, name: str) -> dict[str, Any]:
    vendor = await shop.ask(
        name,
        "/v1/marketplace/vendors",
        name="Asha Rao Chairs",
        email=f"{shop.run}-{name}@example.com",
        provider=story.provider,
        **_BANK[story.provider],
    )
    decide = {"razorpay": ("linked_accounts/{}/decide", {}), "stripe": ("vendors/{}/become", {"state": "active"})}
    if story.provider in decide:
        path, body = decide[story.provider]
        await PAYERS[story.provider].control(shop, path.format(vendor["account_id"]), **body)
    return await shop.reached(f"/v1/marketplace/vendors/{vendor['id']}", "active")


def _money(story: Story, minor: int) -> dict[str, str]:
    """Of the provider's account."""
    return {
        "amount": f"{minor / 100:.2f}",
        "currency": PAYERS[story.provider].currency,
        "provider": story.provider,
    }
