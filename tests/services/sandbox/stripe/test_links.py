"""Payment links: each visit is a session, and a limit or the merchant ends them."""

from typing import TYPE_CHECKING, Any

import httpx
from tests.services.sandbox.conftest import NO_TLS

if TYPE_CHECKING:
    from tests.services.sandbox.stripe.conftest import Shop


async def link(shop: "Shop", **more: str) -> dict[str, Any]:
    price = await shop.made("/prices", {"currency": "usd", "unit_amount": "1299", "product_data[name]": "Tea"})
    form = {
        "line_items[0][price]": price["id"],
        "line_items[0][quantity]": "2",
        "payment_intent_data[metadata][onerouter_id]": "pl_ours",
        "metadata[onerouter_id]": "pl_ours",
    }
    return await shop.made("/payment_links", {**form, **more})


async def test_a_person_pays_and_the_link_is_spent(shop: "Shop") -> None:
    made = await link(shop, **{"restrictions[completed_sessions][limit]": "1", "inactive_message": "Thank you"})
    async with httpx.AsyncClient(timeout=60, verify=NO_TLS, follow_redirects=True) as http:
        page = await http.get(made["url"])
        assert "$25.98" in page.text
        assert "Payment successful" in (await http.post(f"{page.url}/pay", data={"action": "success"})).text
        assert "Thank you" in (await http.get(made["url"])).text
        assert (await http.get(f"{made['url']}x")).status_code == 404
    spent = await shop.got(f"/payment_links/{made['id']}")
    assert (spent["active"], spent["restrictions"]["completed_sessions"]["count"]) == (False, 1)
    (session,) = (await shop.got("/checkout/sessions", payment_link=made["id"]))["data"]
    assert (session["status"], session["payment_status"], session["metadata"]) == ("complete", "paid", made["metadata"])
    intent = await shop.got(f"/payment_intents/{session['payment_intent']}")
    assert (intent["amount"], intent["metadata"]) == (2_598, {"onerouter_id": "pl_ours"})


async def test_without_a_limit_it_is_paid_again_until_it_is_ended(shop: "Shop") -> None:
    made = await link(shop)
    for _ in range(2):
        assert (await shop.ask(f"/stripe/payment_links/{made['id']}/pay"))["status"] == "succeeded"
    for _ in range(2):
        assert (await shop.made(f"/payment_links/{made['id']}", {"active": "false"}))["active"] is False
    assert (await shop.control.post(f"/stripe/payment_links/{made['id']}/pay")).status_code == 409
    effects = [(each["kind"], each["reference"]) for each in await shop.effects()]
    assert effects.count(("payment_link.created", "pl_ours")) == 1
    assert effects.count(("payment_link.canceled", "pl_ours")) == 1


async def test_a_visit_ends_a_day_later(shop: "Shop") -> None:
    made = await link(shop)
    async with httpx.AsyncClient(timeout=60, verify=NO_TLS) as http:
        assert (await http.get(made["url"])).status_code == 303
    await shop.ask(f"/stripe/accounts/{shop.account_id}/clock/advance", seconds=86_400)
    (session,) = (await shop.got("/checkout/sessions", payment_link=made["id"]))["data"]
    assert session["status"] == "expired"
