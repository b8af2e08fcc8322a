"""PayPal's page, as a person uses it."""

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .conftest import Shop

ORDERS = "/v2/checkout/orders"


def link(order: dict[str, object], rel: str) -> str:
    links = order["links"]
    assert isinstance(links, list)
    return str(next(one["href"] for one in links if one["rel"] == rel))


async def test_a_person_approves_and_returns(shop: "Shop") -> None:
    order = await shop.order(description="Two <b>tickets</b>")
    url = link(order, "payer-action")
    page = await shop.control.get(url)
    assert page.status_code == 200
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "USD 12.99" in page.text
    assert "Two &lt;b&gt;tickets" in page.text
    decided = await shop.control.post(url.split("?")[0], data={"token": order["id"], "action": "approve"})
    assert "Approved" in decided.text
    assert f"https://shop.example/done?x=1&amp;token={order['id']}&amp;PayerID=" in decided.text
    assert (await shop.got(f"{ORDERS}/{order['id']}"))["status"] == "APPROVED"
    again = await shop.control.post(url.split("?")[0], data={"token": order["id"], "action": "approve"})
    assert again.status_code == 409
    assert "nothing left to do" in (await shop.control.get(url)).text


async def test_a_person_goes_back(shop: "Shop") -> None:
    order = await shop.order()
    url = link(order, "payer-action").split("?")[0]
    decided = await shop.control.post(url, data={"token": order["id"], "action": "cancel"})
    assert f"https://shop.example/back?token={order['id']}" in decided.text
    assert (await shop.got(f"{ORDERS}/{order['id']}"))["status"] == "PAYER_ACTION_REQUIRED"


@pytest.mark.parametrize(("action", "status"), [("decline", 201), ("instrument", 422)])
async def test_a_person_chooses_to_be_declined(shop: "Shop", action: str, status: int) -> None:
    order = await shop.order()
    url = link(order, "payer-action").split("?")[0]
    await shop.control.post(url, data={"token": order["id"], "action": action, "source": "card"})
    assert (await shop.post(f"{ORDERS}/{order['id']}/capture")).status_code == status


async def test_only_web_addresses_are_linked(shop: "Shop") -> None:
    body = {
        "intent": "CAPTURE",
        "purchase_units": [{"amount": {"currency_code": "USD", "value": "1.00"}}],
        "payment_source": {"paypal": {"experience_context": {"return_url": "javascript:alert(1)"}}},
    }
    order = (await shop.post(ORDERS, body)).json()
    url = link(order, "payer-action").split("?")[0]
    decided = await shop.control.post(url, data={"token": order["id"], "action": "approve"})
    assert "javascript" not in decided.text


async def test_nobodys_order(shop: "Shop") -> None:
    assert (await shop.control.get(f"{shop.url}/paypal/checkoutnow?token=NOBODYS")).status_code == 404
