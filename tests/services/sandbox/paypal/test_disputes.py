"""Disputes, as the merchant hears of them and reads them."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from .billing import a_plan, active, usd
from .conftest import issue_of, link_of

if TYPE_CHECKING:
    from tests.services.sandbox.conftest import Receiver

    from .conftest import Shop

DISPUTES = "/v1/customer/disputes"


async def opened(shop: "Shop", **how: Any) -> dict[str, Any]:
    capture = await shop.captured(custom_id="pay_1")
    return await shop.ask(f"/paypal/captures/{capture['id']}/dispute", **how)


@pytest.mark.parametrize(
    ("outcome", "code", "refunded"),
    [("won", "RESOLVED_SELLER_FAVOUR", None), ("lost", "RESOLVED_BUYER_FAVOUR", usd("5.00"))],
)
async def test_it_is_opened_and_decided(
    shop: "Shop", receiver: "Receiver", specs: Path, outcome: str, code: str, refunded: Any
) -> None:
    samples = json.loads((specs / "webhook-samples" / "paypal.json").read_text())["events"]
    await shop.register(webhook_url=receiver.url)
    dispute = await opened(shop, amount=500)
    path = f"{DISPUTES}/{dispute['dispute_id']}"
    assert (dispute["status"], dispute["dispute_amount"]) == ("OPEN", usd("5.00"))
    assert dispute["disputed_transactions"][0]["custom"] == "pay_1"
    control = f"/paypal/disputes/{dispute['dispute_id']}"
    await shop.ask(f"{control}/move", status="WAITING_FOR_SELLER_RESPONSE")
    assert (await shop.got(path))["status"] == "WAITING_FOR_SELLER_RESPONSE"
    await shop.ask(f"{control}/resolve", outcome=outcome)
    assert (await shop.got(path))["dispute_outcome"] == {
        "outcome_code": code,
        **({} if refunded is None else {"amount_refunded": refunded}),
    }
    assert (await shop.control.post(f"{control}/resolve", json={})).status_code == 409
    await receiver.wait(5)
    events = [json.loads(one.body) for one in receiver.deliveries]
    about = {one["event_type"]: one for one in events if one["resource_type"] == "dispute"}
    assert set(about) == {f"CUSTOMER.DISPUTE.{what}" for what in ("CREATED", "UPDATED", "RESOLVED")}
    for name, event in about.items():
        assert set(samples[name]["resource"]) - set(event["resource"]) == set()


async def test_a_subscribers_sale_is_disputed_too(shop: "Shop") -> None:
    path = await active(shop, (await a_plan(shop))["id"])
    (charged,) = await shop.effects(kind="subscription.charged")
    dispute = await shop.ask(f"/paypal/sales/{charged['object_id']}/dispute", stage="CHARGEBACK")
    assert dispute["disputed_transactions"][0]["custom"] == (await shop.got(path))["custom_id"]
    assert dispute["dispute_life_cycle_stage"] == "CHARGEBACK"


async def test_they_are_listed(shop: "Shop") -> None:
    made = [(await opened(shop))["dispute_id"] for _ in range(3)]
    await shop.ask(f"/paypal/disputes/{made[0]}/resolve")
    first = await shop.got(f"{DISPUTES}?page_size=2")
    assert [one["dispute_id"] for one in first["items"]] == [made[2], made[1]]
    second = (await shop.api.get(link_of(first, "next"))).json()
    assert [one["dispute_id"] for one in second["items"]] == [made[0]]
    resolved = await shop.got(f"{DISPUTES}?dispute_state=RESOLVED")
    assert [one["dispute_id"] for one in resolved["items"]] == [made[0]]
    assert "items" not in await shop.got(f"{DISPUTES}?disputed_transaction_id=NOBODYS")
    assert issue_of(await shop.api.get(f"{DISPUTES}?next_page_token=!")) == (400, "INVALID_PARAMETER_VALUE")
    assert (await shop.api.get(f"{DISPUTES}/PP-D-NOBODYS")).status_code == 404


async def test_only_what_was_paid_is_disputed(shop: "Shop") -> None:
    assert (await shop.control.post("/paypal/captures/NOBODYS/dispute", json={})).status_code == 404
    capture = await shop.captured()
    more = await shop.control.post(f"/paypal/captures/{capture['id']}/dispute", json={"amount": 1_300})
    assert more.status_code == 409
