"""What is Razorpay's own: receipts, tries of one order, refusals that an earlier try of ours caused."""

import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from onerouter_common.errors import (
    CapabilityUnsupported,
    Conflict,
    ProviderOutcomeUnknown,
    ProviderRefusedUs,
    ProviderUnavailable,
)
from onerouter_common.ids import REFUND, new_id
from onerouter_common.money import Money
from onerouter_providers.capability import CaptureRequest, PaymentReference, PaymentRequest, RefundRequest
from onerouter_providers.http import ProviderHttp
from onerouter_providers.payments.razorpay.client import RazorpayPayments
from onerouter_providers.testing.payments_suite import PaymentsLab, new_key, payment_request, reference_to

AMOUNT = Money(129_900, "INR")
REFERENCE = PaymentReference("pay_ours", AMOUNT, "order_1", "pay_1")
Answer = tuple[int, Any]


class Wire:
    """Answers by method and path, in order, and remembers what was asked."""

    def __init__(self) -> None:
        self.answers: dict[tuple[str, str], list[Answer]] = {}
        self.asked: list[httpx.Request] = []

    def on(self, method: str, path: str, *answers: Answer) -> None:
        self.answers[method, path] = list(answers)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        answers = self.answers[request.method, request.url.path]
        status, body = answers.pop(0) if len(answers) > 1 else answers[0]
        return httpx.Response(status, json=body)

    def bodies(self, method: str) -> list[Any]:
        return [json.loads(request.content) for request in self.asked if request.method == method]


@pytest.fixture
def wire() -> Wire:
    return Wire()


@pytest.fixture
async def client(wire: Wire) -> AsyncIterator[RazorpayPayments]:
    async with httpx.MockTransport(wire) as pool:
        http = ProviderHttp(pool, provider="razorpay", display_name="Razorpay")
        yield RazorpayPayments(
            http, base_url="https://rzp.test", key_id="rzp_test_1", key_secret=SecretStr("s"), unique_receipt=True
        )


def items(*things: dict[str, Any]) -> Answer:
    return 200, {"entity": "collection", "count": len(things), "items": list(things)}


def refused(description: str, **error: str) -> Answer:
    return 400, {"error": {"code": "BAD_REQUEST_ERROR", "description": description, **error}}


def order_of(request: PaymentRequest, **changes: Any) -> dict[str, Any]:
    return {
        "id": "order_1",
        "amount": request.amount.amount_minor,
        "currency": request.amount.currency,
        "receipt": request.payment_id,
        "status": "created",
        "attempts": 0,
        "amount_paid": 0,
        "created_at": 1,
        **changes,
    }


def refund_request(**changes: Any) -> RefundRequest:
    return RefundRequest(**{"refund_id": new_id(REFUND), "payment": REFERENCE, "amount": AMOUNT, **changes})


async def test_checkout_gets_what_it_needs(client: RazorpayPayments, wire: Wire) -> None:
    wanted = payment_request(AMOUNT)
    wire.on("POST", "/v1/orders", (200, order_of(wanted)))
    made = await client.create_payment(wanted, key=new_key())
    assert made.checkout == {"key_id": "rzp_test_1", "order_id": "order_1", "amount": 129_900, "currency": "INR"}
    assert wire.asked[0].headers["authorization"] == "Basic cnpwX3Rlc3RfMTpz"


async def test_a_receipt_that_was_used_leads_to_our_order(client: RazorpayPayments, wire: Wire) -> None:
    wanted = payment_request(AMOUNT)
    wire.on("POST", "/v1/orders", refused("Order receipt should be unique.", reason="input_validation_failed"))
    wire.on("GET", "/v1/orders", items(order_of(wanted)))
    assert (await client.create_payment(wanted, key=new_key())).provider_order_id == "order_1"
    assert dict(wire.asked[1].url.params) == {"receipt": wanted.payment_id, "count": "100"}


async def test_a_receipt_of_another_amount_is_refused(client: RazorpayPayments, wire: Wire) -> None:
    wanted = payment_request(AMOUNT)
    wire.on("POST", "/v1/orders", refused("Order receipt should be unique."))
    wire.on("GET", "/v1/orders", items(order_of(wanted, amount=1_000)))
    with pytest.raises(ProviderRefusedUs) as caught:
        await client.create_payment(wanted, key=new_key())
    assert caught.value.reason == "duplicate"


async def test_a_duplicate_that_cannot_be_looked_up_is_a_doubt(client: RazorpayPayments, wire: Wire) -> None:
    wire.on("POST", "/v1/orders", refused("Order receipt should be unique."))
    wire.on("GET", "/v1/orders", (503, {}))
    with pytest.raises(ProviderOutcomeUnknown):
        await client.create_payment(payment_request(AMOUNT), key=new_key())


async def test_an_order_other_than_the_one_asked_for_is_a_doubt(client: RazorpayPayments, wire: Wire) -> None:
    wanted = payment_request(AMOUNT)
    wire.on("POST", "/v1/orders", (200, order_of(wanted, amount=1)))
    with pytest.raises(ProviderOutcomeUnknown):
        await client.create_payment(wanted, key=new_key())


@pytest.mark.parametrize("body", [{}, {"items": None}, {"items": "none"}, {"items": [1]}])
async def test_a_list_that_is_none_is_not_an_absence(client: RazorpayPayments, wire: Wire, body: Any) -> None:
    wire.on("GET", "/v1/orders", (200, body))
    with pytest.raises(ProviderUnavailable):
        await client.find_payment(payment_request(AMOUNT))


async def test_a_status_we_have_not_met_is_unknown_not_failed(client: RazorpayPayments, wire: Wire) -> None:
    payment = {"id": "pay_1", "order_id": "order_1", "status": "in_orbit", "amount": 129_900, "currency": "INR"}
    wire.on("GET", "/v1/orders/order_1", (200, order_of(payment_request(AMOUNT), status="attempted", attempts=1)))
    wire.on("GET", "/v1/orders/order_1/payments", items(payment))
    assert (await client.get_payment(REFERENCE)).status == "unknown"
    with pytest.raises(ProviderUnavailable):
        await client.find_capture(CaptureRequest(REFERENCE, AMOUNT))


async def test_a_payment_that_someone_else_captured_meanwhile(client: RazorpayPayments, wire: Wire) -> None:
    payment = {"id": "pay_2", "order_id": "order_1", "amount": 129_900, "currency": "INR"}
    wire.on(
        "GET",
        "/v1/orders/order_1/payments",
        items({**payment, "status": "authorized"}),
        items({**payment, "status": "captured"}),
    )
    wire.on("POST", "/v1/payments/pay_2/capture", refused("This payment has already been captured"))
    captured = await client.capture_payment(CaptureRequest(REFERENCE, AMOUNT), key=new_key())
    assert (captured.status, captured.provider_payment_id) == ("succeeded", "pay_2")
    assert wire.bodies("POST") == [{"amount": 129_900, "currency": "INR"}]


async def test_a_refund_refused_because_it_was_made_is_that_refund(client: RazorpayPayments, wire: Wire) -> None:
    wanted = refund_request()
    wire.on("POST", "/v1/payments/pay_1/refund", refused("fully refunded already", reason="refund_limit_crossed"))
    first_page = [{"id": f"rfnd_{number}", "receipt": f"other{number}"} for number in range(100)]
    ours = {"id": "rfnd_ours", "receipt": wanted.refund_id, "status": "processed", "amount": 129_900, "currency": "INR"}
    wire.on("GET", "/v1/payments/pay_1/refunds", items(*first_page), items(ours))
    key = new_key()
    refund = await client.create_refund(wanted, key=key)
    assert (refund.provider_refund_id, refund.status) == ("rfnd_ours", "succeeded")
    assert wire.asked[0].headers["x-refund-idempotency"] == key
    assert [request.url.params.get("skip") for request in wire.asked[1:]] == [None, "100"]


async def test_a_refund_refused_when_nobody_can_be_asked_is_a_doubt(client: RazorpayPayments, wire: Wire) -> None:
    wire.on("POST", "/v1/payments/pay_1/refund", refused("fully refunded already"))
    wire.on("GET", "/v1/payments/pay_1/refunds", (429, {}))
    with pytest.raises(ProviderOutcomeUnknown):
        await client.create_refund(refund_request(), key=new_key())


async def test_the_same_key_at_work_is_a_doubt(client: RazorpayPayments, wire: Wire) -> None:
    wire.on("POST", "/v1/payments/pay_1/refund", (409, {"error": {"code": "BAD_REQUEST_ERROR"}}))
    with pytest.raises(ProviderOutcomeUnknown) as caught:
        await client.create_refund(refund_request(), key=new_key())
    assert caught.value.reason == "in_progress"


async def test_a_refund_finds_the_captured_payment(client: RazorpayPayments, wire: Wire) -> None:
    payment = {"id": "pay_2", "order_id": "order_1", "amount": 129_900, "currency": "INR", "status": "failed"}
    wire.on("GET", "/v1/orders/order_1/payments", items(payment))
    unpaid = refund_request(payment=PaymentReference("pay_ours", AMOUNT, "order_1"))
    with pytest.raises(Conflict):
        await client.create_refund(unpaid, key=new_key())
    assert await client.find_refund(unpaid) is None
    assert not wire.bodies("POST")


async def test_canceling_is_told_to_be_impossible(client: RazorpayPayments) -> None:
    with pytest.raises(CapabilityUnsupported, match="no void call"):
        await client.cancel_payment(REFERENCE, key=new_key())


async def test_an_id_never_bends_the_path(client: RazorpayPayments, wire: Wire) -> None:
    paths: list[str] = []

    def note(request: httpx.Request) -> httpx.Response:
        paths.append(request.url.raw_path.decode())
        return httpx.Response(200, json={"id": "rfnd_1", "status": "processed"})

    answer: Callable[[httpx.Request], httpx.Response] = note
    async with httpx.MockTransport(answer) as pool:
        other = RazorpayPayments(
            ProviderHttp(pool, provider="razorpay"), base_url="https://r.test", key_id="k", key_secret=SecretStr("s")
        )
        await other.get_refund(REFERENCE, "../orders?x=1#")
    assert paths == ["/v1/refunds/..%2Forders%3Fx%3D1%23"]


@pytest.mark.parametrize("behaviour", ["same_order", "refused"])
async def test_unique_receipts_where_the_account_has_them(lab: PaymentsLab, behaviour: str) -> None:
    """Razorpay documents two behaviours; either way there is one order."""
    await lab.ask("/razorpay/accounts", key_id=lab.key_id, key_secret=lab.secrets[0], unique_receipt=behaviour)  # type: ignore[attr-defined]
    client, wanted = lab.client(credentials={"unique_receipt": "true"}), payment_request(AMOUNT)
    first = await client.create_payment(wanted, key=new_key())
    second = await client.create_payment(wanted, key=new_key())
    assert first.provider_order_id == second.provider_order_id
    assert await lab.effects("create", wanted.payment_id) == 1


async def test_late_authorization_revives_a_failed_payment(lab: PaymentsLab) -> None:
    client, wanted = lab.client(), payment_request(AMOUNT)
    made = await client.create_payment(wanted, key=new_key())
    await lab.pay(made, decline="payment_timed_out")
    failed = await client.get_payment(reference_to(wanted, made))
    assert (failed.status, failed.error_reason) == ("failed", "authentication_required")
    await lab.ask(f"/razorpay/payments/{failed.provider_payment_id}/authorize")  # type: ignore[attr-defined]
    revived = await client.get_payment(reference_to(wanted, made))
    assert (revived.status, revived.error_reason) == ("succeeded", None)


async def test_a_second_try_of_the_customer_is_the_one_that_counts(lab: PaymentsLab) -> None:
    client, wanted = lab.client(), payment_request(AMOUNT)
    made = await client.create_payment(wanted, key=new_key())
    await lab.pay(made, decline="card_declined")
    first = await client.get_payment(reference_to(wanted, made))
    await lab.pay(made)
    second = await client.get_payment(reference_to(wanted, first))
    assert second.status == "succeeded"
    assert second.provider_payment_id != first.provider_payment_id
