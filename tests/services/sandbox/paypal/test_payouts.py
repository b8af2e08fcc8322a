"""Payouts: paid once, whatever the repeat; each item with a fate of its own."""

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from .conftest import link_of

if TYPE_CHECKING:
    from tests.services.sandbox.conftest import Receiver

    from .conftest import Shop

PAYOUTS = "/v1/payments/payouts"
ITEMS = "/v1/payments/payouts-item"


def payout_body(sender_batch_id: str | None = "tr_1", *values: str, **item: Any) -> dict[str, Any]:
    header = {"email_subject": "Your part"}
    items = [
        {
            "recipient_type": "EMAIL",
            "receiver": "vendor@example.com",
            "amount": {"currency": "USD", "value": value},
            "note": "Order 1001",
            **item,
        }
        for value in values or ("25.00",)
    ]
    if sender_batch_id is not None:
        header["sender_batch_id"] = sender_batch_id
    return {"sender_batch_header": header, "items": items}


async def created(shop: "Shop", *args: Any, key: str | None = None, **item: Any) -> str:
    """The batch's path, once PayPal has worked on it."""
    made = await shop.asked(PAYOUTS, payout_body(*args, **item), key=key)
    assert made["batch_header"]["batch_status"] == "PENDING"
    await shop.advance(0.001)
    return f"{PAYOUTS}/{made['batch_header']['payout_batch_id']}"


async def only_item(shop: "Shop", path: str) -> dict[str, Any]:
    (item,) = (await shop.got(path))["items"]
    return dict(item)


async def test_it_is_paid(shop: "Shop", receiver: "Receiver") -> None:
    await shop.register(webhook_url=receiver.url)
    path = await created(shop, "tr_1", "25.00", "5.00")
    batch = await shop.got(path)
    assert batch["batch_header"]["batch_status"] == "SUCCESS"
    assert batch["batch_header"]["amount"] == {"currency": "USD", "value": "30.00"}
    assert batch["batch_header"]["fees"] == {"currency": "USD", "value": "0.50"}
    assert [one["transaction_status"] for one in batch["items"]] == ["SUCCESS", "SUCCESS"]
    item = await shop.got(f"{ITEMS}/{batch['items'][0]['payout_item_id']}")
    assert item["sender_batch_id"] == "tr_1"
    effects = await shop.effects(kind="transfer.created")
    assert [(one["reference"], one["amount"]) for one in effects] == [("tr_1:1", 2_500), ("tr_1:2", 500)]
    await receiver.wait(4)
    assert Counter(json.loads(one.body)["event_type"] for one in receiver.deliveries) == {
        "PAYMENT.PAYOUTSBATCH.PROCESSING": 1,
        "PAYMENT.PAYOUTS-ITEM.SUCCEEDED": 2,
        "PAYMENT.PAYOUTSBATCH.SUCCESS": 1,
    }


class TestRepeats:
    async def test_a_request_id_makes_one_batch_for_30_days(self, shop: "Shop") -> None:
        path = await created(shop, "tr_1", key="key-1")
        again = await shop.asked(PAYOUTS, payout_body("tr_1"), key="key-1", status=200)
        assert path.endswith(again["batch_header"]["payout_batch_id"])
        assert again["batch_header"]["batch_status"] == "SUCCESS"
        assert len(await shop.effects(kind="transfer.created")) == 1

    async def test_a_sender_batch_id_is_refused_for_30_days(self, shop: "Shop") -> None:
        path = await created(shop, "tr_1", sender_item_id="tr_1")
        refused = await shop.post(PAYOUTS, payout_body("tr_1", sender_item_id="tr_1"))
        assert (refused.status_code, refused.json()["name"]) == (400, "USER_BUSINESS_ERROR")
        assert refused.json()["details"][0]["field"] == "SENDER_BATCH_ID"
        assert link_of(refused.json(), "self").endswith(path)
        assert len(await shop.effects(kind="transfer.created")) == 1
        await shop.advance(30.1)
        await created(shop, "tr_1", sender_item_id="tr_1")
        assert [one["reference"] for one in await shop.effects(kind="transfer.created")] == ["tr_1", "tr_1"]

    async def test_without_either_it_is_paid_again(self, shop: "Shop") -> None:
        for _ in range(2):
            await created(shop, None, sender_item_id="tr_1")
        assert len(await shop.effects(kind="transfer.created", reference="tr_1")) == 2


class TestUnclaimed:
    async def test_it_is_cancelled_once(self, shop: "Shop", receiver: "Receiver") -> None:
        await shop.register(payout_mode="unclaimed", webhook_url=receiver.url)
        path = await created(shop)
        item = await only_item(shop, path)
        assert (item["transaction_status"], item["errors"]["name"]) == ("UNCLAIMED", "RECEIVER_UNREGISTERED")
        cancelled = await shop.asked(f"{ITEMS}/{item['payout_item_id']}/cancel", status=200)
        assert cancelled["transaction_status"] == "RETURNED"
        again = await shop.post(f"{ITEMS}/{item['payout_item_id']}/cancel")
        assert (again.status_code, again.json()["name"]) == (400, "ITEM_ALREADY_CANCELLED")
        assert len(await shop.effects(kind="transfer.canceled")) == 1
        assert await shop.effects(kind="transfer.succeeded") == []
        await receiver.wait(4)
        events = [json.loads(one.body)["event_type"] for one in receiver.deliveries]
        assert "PAYMENT.PAYOUTS-ITEM.CANCELED" in events

    async def test_it_is_claimed_or_goes_back_after_30_days(self, shop: "Shop") -> None:
        await shop.register(payout_mode="unclaimed")
        claimed, left = await created(shop, "tr_1"), await created(shop, "tr_2")
        item = await only_item(shop, claimed)
        await shop.ask(f"/paypal/payouts-items/{item['payout_item_id']}/settle", status="SUCCESS")
        answer = await shop.post(f"{ITEMS}/{item['payout_item_id']}/cancel")
        assert (answer.status_code, answer.json()["name"]) == (400, "ITEM_INCORRECT_STATUS")
        await shop.advance(31)
        assert (await only_item(shop, claimed))["transaction_status"] == "SUCCESS"
        assert (await only_item(shop, left))["transaction_status"] == "RETURNED"


@pytest.mark.parametrize(
    ("mode", "batch", "item"),
    [("failed", "SUCCESS", "FAILED"), ("denied", "DENIED", "FAILED"), ("pending", "PROCESSING", "PENDING")],
)
async def test_what_else_becomes_of_it(shop: "Shop", mode: str, batch: str, item: str) -> None:
    await shop.register(payout_mode=mode)
    shown = await shop.got(await created(shop))
    assert (shown["batch_header"]["batch_status"], shown["items"][0]["transaction_status"]) == (batch, item)
    assert await shop.effects(kind="transfer.succeeded") == []


async def test_a_pending_item_is_decided_from_outside(shop: "Shop") -> None:
    await shop.register(payout_mode="pending")
    path = await created(shop)
    control = f"/control/paypal/payouts-items/{(await only_item(shop, path))['payout_item_id']}/settle"
    for status in ("ONHOLD", "SUCCESS", "REFUNDED"):
        await shop.ask(control.removeprefix("/control"), status=status)
    assert (await shop.control.post(f"{shop.url}{control}", json={"status": "FAILED"})).status_code == 409
    assert (await shop.got(path))["batch_header"]["batch_status"] == "SUCCESS"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "sender_batch_header"),
        ({"sender_batch_header": {}, "items": []}, "items"),
        (payout_body(receiver="nobody"), "items[0].receiver"),
        (payout_body("tr_1", "1.00", "x"), "items[1].amount"),
        (payout_body(recipient_type="PIGEON"), "items[0].recipient_type"),
        (payout_body("x" * 257), "sender_batch_header.sender_batch_id"),
    ],
)
async def test_what_is_refused(shop: "Shop", body: dict[str, Any], field: str) -> None:
    answer = await shop.post(PAYOUTS, body)
    assert (answer.status_code, answer.json()["name"]) == (400, "VALIDATION_ERROR")
    assert field in [one["field"] for one in answer.json()["details"]]
    assert await shop.effects() == []
