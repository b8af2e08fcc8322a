"""The page on which a person pays by hand."""

from typing import TYPE_CHECKING

import httpx

if TYPE_CHECKING:
    from tests.services.sandbox.stripe.conftest import Shop


def page(shop: "Shop") -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=f"{shop.url}/stripe/checkout", timeout=60)


async def test_a_person_pays_a_session(shop: "Shop") -> None:
    await shop.register(merchant_name="Tea & <Co>")
    session = await shop.session(
        success_url="https://shop.example/done?s={CHECKOUT_SESSION_ID}", cancel_url="https://shop.example/cart"
    )
    async with page(shop) as http:
        shown = await http.get(session["url"])
        assert shown.headers["content-type"].startswith("text/html")
        assert "script" not in shown.text
        for expected in ("Tea &amp; &lt;Co&gt;", "$12.99", "no money moves", "https://shop.example/cart"):
            assert expected in shown.text
        done = await http.post(f"/{session['id']}/pay", data={"action": "success", "method": "link"})
        assert "Payment successful" in done.text
        assert f"https://shop.example/done?s={session['id']}" in done.text
        assert "This payment is over" in (await http.get(f"/{session['id']}")).text
        assert (await http.post(f"/{session['id']}/pay", data={"action": "success"})).status_code == 409
    assert (await shop.got(f"/checkout/sessions/{session['id']}"))["payment_status"] == "paid"


async def test_a_person_fails_authenticates_and_pays_an_intent(shop: "Shop") -> None:
    intent = await shop.intent(capture_method="manual", description="Tea")
    async with page(shop) as http:
        for action, expected in (
            ("fail", "Your card was declined."),
            ("authenticate", "Your bank wants to know"),
            ("success", "Payment authorized"),
        ):
            assert expected in (await http.post(f"/{intent['id']}/pay", data={"action": action})).text
        assert (await http.get("/pi_unknown")).status_code == 404
        assert (await http.post("/pi_unknown/pay", data={"action": "fail"})).status_code == 404
