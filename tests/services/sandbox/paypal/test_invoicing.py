"""Invoices as payment links."""

import json
from typing import TYPE_CHECKING, Any

import pytest

from .billing import usd
from .conftest import issue_of

if TYPE_CHECKING:
    from tests.services.sandbox.conftest import Receiver

    from .conftest import Shop

INVOICES = "/v2/invoicing/invoices"
SEARCH = "/v2/invoicing/search-invoices"


def invoice_body(number: str | None = "INV-1", **detail: Any) -> dict[str, Any]:
    given = {"currency_code": "USD", "reference": "plink_1", **detail}
    items = [{"name": "Ticket", "quantity": "2", "unit_amount": usd("6.50")}]
    return {"detail": given if number is None else {**given, "invoice_number": number}, "items": items}


async def sent(shop: "Shop", number: str = "INV-1") -> tuple[str, str]:
    """The path of an invoice, and the address of its page."""
    made = await shop.asked(INVOICES, invoice_body(number))
    path = f"{INVOICES}/{made['id']}"
    link = await shop.asked(f"{path}/send", {"send_to_recipient": False}, status=200)
    return path, link["href"]


async def test_a_draft_is_sent_and_paid(shop: "Shop", receiver: "Receiver") -> None:
    await shop.register(webhook_url=receiver.url)
    made = await shop.asked(INVOICES, invoice_body())
    assert (made["status"], made["amount"]["value"]) == ("DRAFT", "13.00")
    path = f"{INVOICES}/{made['id']}"
    assert issue_of(await shop.post(f"{path}/cancel")) == (422, "CANNOT_CANCEL_DRAFT_INVOICE")
    page = f"{shop.url}/paypal/invoice/p?id={made['id']}"
    assert (await shop.control.get(page)).status_code == 404
    await shop.asked(f"{path}/send", {"send_to_recipient": False}, status=200)
    await shop.asked(f"{path}/send", {}, status=200)
    shown = await shop.got(path)
    assert (shown["status"], shown["due_amount"]) == ("SENT", usd("13.00"))
    assert shown["detail"]["metadata"]["recipient_view_url"] == page
    assert "USD 13.00" in (await shop.control.get(page)).text
    await shop.decide(page, "leave")
    assert (await shop.got(path))["status"] == "SENT"
    assert "Paid" in (await shop.decide(page, "pay")).text
    assert (await shop.decide(page, "pay")).status_code == 409
    paid = await shop.got(path)
    assert (paid["status"], paid["due_amount"]) == ("PAID", usd("0.00"))
    assert paid["payments"]["transactions"][0]["amount"] == usd("13.00")
    assert issue_of(await shop.post(f"{path}/cancel")) == (422, "CANNOT_CANCEL_PAID_INVOICE")
    assert issue_of(await shop.post(f"{path}/send")) == (422, "CANNOT_SEND_INVOICE")
    await receiver.wait(2)
    event = next(one for one in map(_body, receiver.deliveries) if one["event_type"] == "INVOICING.INVOICE.PAID")
    assert event["resource"]["invoice"] == paid
    effects = [(one["kind"], one["reference"], one["amount"]) for one in await shop.effects()]
    assert effects == [("payment_link.created", "plink_1", 1_300), ("payment_link.paid", "plink_1", 1_300)]


async def test_one_that_is_cancelled_cannot_be_paid(shop: "Shop", receiver: "Receiver") -> None:
    await shop.register(webhook_url=receiver.url)
    path, page = await sent(shop)
    assert (await shop.post(f"{path}/cancel", {"send_to_recipient": False})).status_code == 204
    assert (await shop.got(path))["status"] == "CANCELLED"
    assert issue_of(await shop.post(f"{path}/cancel")) == (422, "INVOICE_CANCELED_ALREADY")
    assert (await shop.decide(page, "pay")).status_code == 409
    assert len(await shop.effects(kind="payment_link.canceled")) == 1
    await receiver.wait(2)
    assert "INVOICING.INVOICE.CANCELLED" in {_body(one)["event_type"] for one in receiver.deliveries}


async def test_a_number_is_used_once(shop: "Shop") -> None:
    await shop.asked(INVOICES, invoice_body("INV-1"), key="key-1")
    assert issue_of(await shop.post(INVOICES, invoice_body("INV-1"), key="key-1")) == (422, "DUPLICATE_INVOICE_NUMBER")
    for _ in range(2):
        number = (await shop.asked("/v2/invoicing/generate-next-invoice-number", status=200))["invoice_number"]
        made = await shop.asked(INVOICES, invoice_body(None))
        assert made["detail"]["invoice_number"] == number
    assert len(await shop.effects(kind="payment_link.created")) == 3


async def test_they_are_found(shop: "Shop") -> None:
    for number in ("INV-1", "INV-2"):
        await sent(shop, number)
    await shop.advance(1)
    last = await shop.asked(INVOICES, invoice_body("INV-3", reference="plink_3"))

    async def found(**wanted: Any) -> list[str]:
        answer = await shop.asked(f"{SEARCH}?page_size=2&total_required=true", wanted, status=200)
        return [one["detail"]["invoice_number"] for one in answer["items"]]

    assert await found(invoice_number="INV-2") == ["INV-2"]
    assert await found(invoice_number="INV-9") == []
    assert await found(reference="plink_3") == ["INV-3"]
    assert await found(status=["SENT"]) == ["INV-2", "INV-1"]
    assert await found() == ["INV-3", "INV-2"]
    made = last["detail"]["metadata"]["create_time"]
    assert await found(creation_date_range={"start": made, "end": made}) == ["INV-3"]


@pytest.mark.parametrize(
    ("changes", "issue"),
    [
        ({"detail": None}, "MISSING_REQUIRED_PARAMETER"),
        ({"detail": {"currency_code": "USD", "invoice_number": "x" * 26}}, "INVALID_STRING_MAX_LENGTH"),
        ({"items": []}, "MISSING_REQUIRED_PARAMETER"),
        ({"items": [{"name": "A", "quantity": "none", "unit_amount": usd("1.00")}]}, "INVALID_PARAMETER_VALUE"),
        ({"items": [{"name": "A", "quantity": "1", "unit_amount": usd("x")}]}, "INVALID_PARAMETER_SYNTAX"),
        (
            {"items": [{"name": "A", "quantity": "1", "unit_amount": {"currency_code": "EUR", "value": "1"}}]},
            "INVALID_PARAMETER_VALUE",
        ),
    ],
)
async def test_what_is_refused(shop: "Shop", changes: dict[str, Any], issue: str) -> None:
    assert issue_of(await shop.post(INVOICES, {**invoice_body(), **changes})) == (400, issue)
    assert await shop.effects() == []


def _body(delivery: Any) -> dict[str, Any]:
    return dict(json.loads(delivery.body))
