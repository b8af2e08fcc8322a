from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.services.sandbox.conftest import Receiver, Sandbox


async def test_success_is_captured_when_the_account_says_so(sandbox: "Sandbox") -> None:
    order = await sandbox.order(notes={"n": "1"})
    result = await sandbox.pay(order["id"], method="upi")
    payment = (await sandbox.api.get(f"/payments/{result['payment_id']}")).json()
    assert (payment["status"], payment["captured"], payment["fee"], payment["tax"]) == ("captured", True, 3_066, 468)
    assert (payment["vpa"], payment["notes"], payment["order_id"]) == ("buyer@upi", {"n": "1"}, order["id"])
    paid = (await sandbox.api.get(f"/orders/{order['id']}")).json()
    assert (paid["status"], paid["amount_paid"], paid["amount_due"], paid["attempts"]) == ("paid", 129_900, 0, 1)
    assert [e["reference"] for e in await sandbox.effects(kind="payment.captured")] == [payment["id"]]


async def test_the_order_overrides_the_account(sandbox: "Sandbox") -> None:
    order = await sandbox.order(payment={"capture": "manual"})
    assert (await sandbox.pay(order["id"]))["status"] == "authorized"
    await sandbox.register(auto_capture=False)
    order = await sandbox.order(payment_capture=True)
    assert (await sandbox.pay(order["id"]))["status"] == "captured"


async def test_a_failed_payment_says_why_and_another_may_follow(sandbox: "Sandbox") -> None:
    order = await sandbox.order()
    failed = await sandbox.pay(order["id"], outcome="failure", error_reason="insufficient_funds")
    assert "razorpay_signature" not in failed
    payment = (await sandbox.api.get(f"/payments/{failed['payment_id']}")).json()
    assert payment["status"] == "failed"
    assert (payment["error_code"], payment["error_source"], payment["error_step"], payment["error_reason"]) == (
        "BAD_REQUEST_ERROR",
        "customer",
        "payment_authorization",
        "insufficient_funds",
    )
    assert (await sandbox.api.get(f"/orders/{order['id']}")).json()["status"] == "attempted"
    assert (await sandbox.pay(order["id"]))["status"] == "captured"
    listed = (await sandbox.api.get(f"/orders/{order['id']}/payments")).json()
    assert [each["status"] for each in listed["items"]] == ["captured", "failed"]


async def test_a_paid_order_takes_no_second_payment(sandbox: "Sandbox") -> None:
    order = await sandbox.order(payment={"capture": "manual"})
    first = await sandbox.pay(order["id"])
    second = await sandbox.pay(order["id"])
    path = "/payments/{}/capture"
    assert (await sandbox.api.post(path.format(first["payment_id"]), json={"amount": 129_900})).status_code == 200
    answer = await sandbox.api.post(path.format(second["payment_id"]), json={"amount": 129_900})
    assert answer.json()["error"]["reason"] == "order_already_paid"
    assert (await sandbox.control.post(f"/razorpay/orders/{order['id']}/pay")).status_code == 409
    assert len(await sandbox.effects(kind="payment.captured")) == 1


async def test_late_authorization(sandbox: "Sandbox", receiver: "Receiver") -> None:
    await sandbox.register(webhook_url=receiver.url)
    order = await sandbox.order()
    failed = await sandbox.pay(order["id"], outcome="failure", error_reason="payment_timed_out")
    await receiver.wait(1)
    late = await sandbox.ask(f"/razorpay/payments/{failed['payment_id']}/authorize")
    assert (late["status"], late["error_reason"]) == ("captured", None)
    await receiver.wait(4)
    assert receiver.events[0] == "payment.failed"
    assert sorted(receiver.events[1:]) == ["order.paid", "payment.authorized", "payment.captured"]


class TestCapture:
    async def test_takes_all_of_it_once(self, sandbox: "Sandbox") -> None:
        order = await sandbox.order(payment={"capture": "manual"})
        payment_id = (await sandbox.pay(order["id"]))["payment_id"]
        path = f"/payments/{payment_id}/capture"
        partial = await sandbox.api.post(path, json={"amount": 100_000, "currency": "INR"})
        assert (partial.status_code, partial.json()["error"]["field"]) == (400, "amount")
        other = await sandbox.api.post(path, json={"amount": 129_900, "currency": "USD"})
        assert (other.status_code, other.json()["error"]["field"]) == (400, "currency")
        captured = (await sandbox.api.post(path, json={"amount": 129_900, "currency": "INR"})).json()
        assert captured["status"] == "captured"
        again = await sandbox.api.post(path, json={"amount": 129_900, "currency": "INR"})
        assert again.status_code == 400
        assert again.json()["error"]["description"] == "This payment has already been captured"
        assert again.json()["error"]["metadata"] == {"payment_id": payment_id, "order_id": order["id"]}
        assert len(await sandbox.effects(kind="payment.captured")) == 1

    async def test_a_failed_payment_cannot_be_captured(self, sandbox: "Sandbox") -> None:
        order = await sandbox.order()
        payment_id = (await sandbox.pay(order["id"], outcome="failure"))["payment_id"]
        answer = await sandbox.api.post(f"/payments/{payment_id}/capture", json={"amount": 129_900})
        assert answer.status_code == 400
