import hashlib
import hmac
from typing import TYPE_CHECKING, Any

import httpx
from tests.services.sandbox.razorpay.conftest import DAY

if TYPE_CHECKING:
    from tests.services.sandbox.razorpay.conftest import Shop

LINK = {"amount": 129_900, "currency": "INR", "reference_id": "plink_1", "description": "Order 1001"}


def signed(handed: dict[str, Any]) -> bool:
    parts = ("payment_link_id", "payment_link_reference_id", "payment_link_status", "payment_id")
    message = "|".join(handed[f"razorpay_{part}"] for part in parts)
    expected = hmac.new(b"sandbox_key_secret_01", message.encode(), hashlib.sha256).hexdigest()
    return bool(handed["razorpay_signature"] == expected)


async def test_a_reference_makes_one_link(shop: "Shop") -> None:
    link = await shop.made("/payment_links", **LINK)
    assert (link["status"], link["payments"], link["expire_by"]) == ("created", None, 0)
    assert "already attempted" in await shop.refused("POST", "/payment_links", **LINK)
    assert (await shop.got("/payment_links?reference_id=plink_1"))["payment_links"] == [link]
    assert (await shop.got("/payment_links?reference_id=plink_2"))["payment_links"] == []
    assert await shop.effects("payment_link.created") == ["plink_1"]
    changed = await shop.call("PATCH", f"/payment_links/{link['id']}", reference_id="plink_2", notes={"a": "b"})
    assert (changed["reference_id"], changed["notes"]) == ("plink_2", {"a": "b"})
    assert (await shop.got("/payment_links?reference_id=plink_2"))["payment_links"] == [changed]


async def test_paid_by_a_person(shop: "Shop") -> None:
    link = await shop.made("/payment_links", **LINK, callback_url="https://shop.example/done", callback_method="get")
    async with httpx.AsyncClient(timeout=60) as person:
        assert "₹1,299.00" in (await person.get(link["short_url"])).text
        failed = await person.post(f"{link['short_url']}/pay", data={"action": "fail"})
        assert "Payment failed" in failed.text
        done = await person.post(f"{link['short_url']}/pay", data={"action": "success", "method": "upi"})
        assert "https://shop.example/done?razorpay_payment_id=pay_" in done.text
        assert "This link is paid" in (await person.get(link["short_url"])).text
    paid = await shop.got(f"/payment_links/{link['id']}")
    assert (paid["status"], paid["amount_paid"], len(paid["payments"])) == ("paid", 129_900, 1)
    assert (await shop.got(f"/orders/{paid['order_id']}"))["status"] == "paid"
    assert (await shop.got(f"/payment_links?payment_id={paid['payments'][0]['payment_id']}"))["payment_links"] == [paid]
    assert await shop.events(link["id"]) == ["payment_link.paid"]
    assert "already paid" in await shop.refused("POST", f"/payment_links/{link['id']}/cancel")


async def test_paid_in_parts(shop: "Shop") -> None:
    link = await shop.made("/payment_links", **LINK, accept_partial=True, first_min_partial_amount=1_000)
    pay = f"/payment_links/{link['id']}/pay"
    assert (await shop.sandbox.control.post(f"/razorpay{pay}", json={"amount": 999})).status_code == 409
    handed = await shop.ask(pay, amount=1_000)
    assert handed["razorpay_payment_link_status"] == "partially_paid"
    assert signed(handed)
    handed = await shop.ask(pay)
    assert (handed["razorpay_payment_link_status"], signed(handed)) == ("paid", True)
    paid = await shop.got(f"/payment_links/{link['id']}")
    assert [each["amount"] for each in paid["payments"]] == [1_000, 128_900]
    assert await shop.events(link["id"]) == ["payment_link.partially_paid", "payment_link.paid"]
    assert len(await shop.effects("payment.captured")) == 2


async def test_cancelled(shop: "Shop") -> None:
    link = await shop.made("/payment_links", **LINK)
    cancelled = await shop.call("POST", f"/payment_links/{link['id']}/cancel")
    assert (cancelled["status"], cancelled["cancelled_at"] > 0) == ("cancelled", True)
    assert "expired link" in await shop.refused("POST", f"/payment_links/{link['id']}/cancel")
    assert (await shop.sandbox.control.post(f"/razorpay/payment_links/{link['id']}/pay")).status_code == 409
    assert await shop.events(link["id"]) == ["payment_link.cancelled"]
    assert await shop.effects("payment_link.canceled") == ["plink_1"]


async def test_expires_by_the_accounts_clock(shop: "Shop") -> None:
    soon = await shop.now() + 3_600
    link = await shop.made("/payment_links", **LINK, expire_by=soon)
    endless = await shop.made("/payment_links", **{**LINK, "reference_id": "plink_2"})
    await shop.advance(3_000)
    await shop.call("PATCH", f"/payment_links/{link['id']}", expire_by=soon + 3_600)
    await shop.advance(1_000)
    assert (await shop.got(f"/payment_links/{link['id']}"))["status"] == "created"
    await shop.advance(3_600)
    expired = await shop.got(f"/payment_links/{link['id']}")
    assert (expired["status"], expired["expired_at"]) == ("expired", soon + 3_600)
    await shop.advance(183 * DAY)
    assert (await shop.got(f"/payment_links/{endless['id']}"))["status"] == "expired"
    assert "15 minutes" in await shop.refused(
        "POST", "/payment_links", **{**LINK, "reference_id": "plink_3"}, expire_by=soon
    )
