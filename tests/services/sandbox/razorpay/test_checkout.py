from typing import TYPE_CHECKING

import httpx

if TYPE_CHECKING:
    from tests.services.sandbox.conftest import Sandbox


def page(sandbox: "Sandbox") -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=f"{sandbox.url}/razorpay/checkout", timeout=60)


async def test_a_person_pays(sandbox: "Sandbox") -> None:
    await sandbox.register(merchant_name="Tea & <Co>")
    order = await sandbox.order(receipt="txn_1")
    async with page(sandbox) as http:
        shown = await http.get(f"/{order['id']}", params={"return_url": "https://shop.example/done?x=1"})
        assert shown.headers["content-type"].startswith("text/html")
        assert "script" not in shown.text
        for expected in ("Tea &amp; &lt;Co&gt;", "₹1,299.00", "no money moves", "Netbanking", 'value="cancel"'):
            assert expected in shown.text
        form = {"action": "success", "method": "upi", "return_url": "https://shop.example/done?x=1"}
        done = await http.post(f"/{order['id']}/pay", data=form)
        assert "Payment successful" in done.text
        assert "https://shop.example/done?x=1&amp;payment_id=" not in done.text
        assert "https://shop.example/done?x=1&amp;razorpay_payment_id=pay_" in done.text
        assert "This order is paid" in (await http.get(f"/{order['id']}")).text
        assert (await http.post(f"/{order['id']}/pay", data=form)).status_code == 409


async def test_a_person_fails_and_cancels(sandbox: "Sandbox") -> None:
    order = await sandbox.order()
    async with page(sandbox) as http:
        assert "Payment failed" in (await http.post(f"/{order['id']}/pay", data={"action": "fail"})).text
        assert "Payment cancelled" in (await http.post(f"/{order['id']}/pay", data={"action": "cancel"})).text
    listed = (await sandbox.api.get(f"/orders/{order['id']}/payments")).json()["items"]
    assert [each["error_reason"] for each in listed] == ["payment_cancelled", "card_declined"]


async def test_a_dangerous_return_address_is_not_shown(sandbox: "Sandbox") -> None:
    order = await sandbox.order()
    async with page(sandbox) as http:
        shown = await http.get(f"/{order['id']}", params={"return_url": "javascript:alert(1)"})
        assert "javascript" not in shown.text
        assert (await http.get("/order_unknown")).status_code == 404
