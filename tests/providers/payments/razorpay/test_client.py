"""What is Razorpay's own: receipts, tries of one order, refusals that an earlier try of ours caused."""

import json
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from pydantic import SecretStr

from onerouter_common.errors import (
    CapabilityUnsupported,
    Conflict,
    InvalidRequest,
    ProviderOutcomeUnknown,
    ProviderRefusedUs,
    ProviderUnavailable,
)
from onerouter_common.ids import PAYMENT_LINK, PLAN, REFUND, new_id
from onerouter_common.money import Money
from onerouter_providers.capability import CaptureRequest, PaymentReference, PaymentRequest, RefundRequest
from onerouter_providers.http import ProviderHttp
from onerouter_providers.payments.razorpay.client import RazorpayPayments
from onerouter_providers.resources import (
    CustomerRequest,
    PaymentLinkRequest,
    PaymentMethodRequest,
    PlanRequest,
    ResourceReference,
    TransferRequest,
)
from onerouter_providers.testing.payments_suite import PaymentsLab, new_key, payment_request, reference_to

if TYPE_CHECKING:
    from .conftest import RazorpayLab

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


class TestCheckoutOptions:
    """What an order has no place for, and the payer's page tells Checkout."""

    async def test_wishes_and_the_customer_whose_card_is_kept(self, client: RazorpayPayments, wire: Wire) -> None:
        details = {"bank_code": "HDFC", "wallet_provider": "payzapp", "upi_app": "gpay", "card_network": "visa"}
        wanted = replace(
            payment_request(AMOUNT),
            method="card",
            method_details={**details, "emi_plan": "6"},
            provider_customer_id="cust_1",
            save_card=True,
        )
        wire.on("POST", "/v1/orders", (200, order_of(wanted)))
        wire.on("GET", "/v1/orders", items(order_of(wanted)))
        made, found = await client.create_payment(wanted, key=new_key()), await client.find_payment(wanted)
        assert found is not None
        assert made.checkout == found.checkout
        assert made.checkout == {
            "key_id": "rzp_test_1",
            "order_id": "order_1",
            "amount": 129_900,
            "currency": "INR",
            "method": "card",
            "bank": "HDFC",
            "wallet": "payzapp",
            "upi_app": "gpay",
            "card_network": "visa",
            "emi_plan": "6",
            "customer_id": "cust_1",
            "save": 1,
            "remember_customer": 1,
        }

    async def test_a_card_is_kept_for_somebody(self, client: RazorpayPayments, wire: Wire) -> None:
        with pytest.raises(InvalidRequest) as caught:
            await client.create_payment(replace(payment_request(AMOUNT), save_card=True), key=new_key())
        assert caught.value.errors[0].field == "customer.id"
        assert wire.asked == []

    async def test_reading_a_payment_does_not_unsay_them(self, client: RazorpayPayments, wire: Wire) -> None:
        wire.on("GET", "/v1/orders/order_1", (200, order_of(payment_request(AMOUNT))))
        assert (await client.get_payment(REFERENCE)).checkout == {}


def link_request(**changes: Any) -> PaymentLinkRequest:
    return PaymentLinkRequest(**{"link_id": new_id(PAYMENT_LINK), "amount": AMOUNT, **changes})


def link_of(request: PaymentLinkRequest, **changes: Any) -> dict[str, Any]:
    return {
        "id": "plink_1",
        "reference_id": request.link_id,
        "amount": request.amount.amount_minor,
        "currency": request.amount.currency,
        "status": "created",
        "payments": None,
        **changes,
    }


class TestPaymentLinks:
    DUPLICATE = "payment link creation with reference ID already attempted"

    async def test_a_reference_that_is_taken_leads_to_our_link(self, client: RazorpayPayments, wire: Wire) -> None:
        wanted = link_request()
        wire.on("POST", "/v1/payment_links", refused(self.DUPLICATE))
        wire.on("GET", "/v1/payment_links", (200, {"payment_links": [link_of(wanted)]}))
        assert (await client.create_payment_link(wanted, key=new_key())).provider_id == "plink_1"

    @pytest.mark.parametrize(
        ("answer", "error"),
        [
            ((200, {"payment_links": []}), ProviderRefusedUs),
            ((503, {}), ProviderOutcomeUnknown),
            ((429, {}), ProviderOutcomeUnknown),
        ],
    )
    async def test_a_reference_that_is_taken_by_we_do_not_know_what(
        self, client: RazorpayPayments, wire: Wire, answer: Answer, error: type[Exception]
    ) -> None:
        wire.on("POST", "/v1/payment_links", refused(self.DUPLICATE))
        wire.on("GET", "/v1/payment_links", answer)
        with pytest.raises(error):
            await client.create_payment_link(link_request(), key=new_key())

    async def test_everybodys_links_are_not_ours(self, client: RazorpayPayments, wire: Wire) -> None:
        wire.on("GET", "/v1/payment_links", (200, {"payment_links": [link_of(link_request())]}))
        assert await client.find_payment_link(link_request()) is None

    async def test_a_link_of_another_amount_is_a_doubt(self, client: RazorpayPayments, wire: Wire) -> None:
        wanted = link_request()
        wire.on("POST", "/v1/payment_links", (200, link_of(wanted, amount=1)))
        with pytest.raises(ProviderOutcomeUnknown):
            await client.create_payment_link(wanted, key=new_key())

    async def test_it_is_sent_only_where_there_is_an_address(self, client: RazorpayPayments, wire: Wire) -> None:
        wanted = link_request(notify=True, customer={"email": "a@customer.example"})
        wire.on("POST", "/v1/payment_links", (200, link_of(wanted)))
        await client.create_payment_link(wanted, key=new_key())
        body = wire.bodies("POST")[0]
        assert body["notify"] == {"sms": False, "email": True}
        assert (body["accept_partial"], body["reminder_enable"]) == (False, False)
        assert "callback_url" not in body

    @pytest.mark.parametrize("ahead", [timedelta(minutes=14), timedelta(days=181), timedelta(days=-1)])
    async def test_an_expiry_that_razorpay_does_not_take_is_named(
        self, client: RazorpayPayments, wire: Wire, ahead: timedelta
    ) -> None:
        with pytest.raises(InvalidRequest) as caught:
            await client.create_payment_link(link_request(expires_at=datetime.now(UTC) + ahead), key=new_key())
        assert caught.value.errors[0].field == "expires_at"
        assert wire.asked == []

    async def test_a_refusal_when_nobody_can_be_asked_is_a_doubt(self, client: RazorpayPayments, wire: Wire) -> None:
        wire.on("POST", "/v1/payment_links/plink_1/cancel", refused("cannot cancel or expire an expired link"))
        wire.on("GET", "/v1/payment_links/plink_1", (503, {}))
        with pytest.raises(ProviderOutcomeUnknown):
            await client.cancel_payment_link(ResourceReference("pl_x", "plink_1"), key=new_key())


class TestLookUps:
    async def test_a_note_is_looked_for_page_by_page(self, client: RazorpayPayments, wire: Wire) -> None:
        wanted = PlanRequest(new_id(PLAN), "Gold", AMOUNT, "month")
        others = [{"id": f"plan_{number}", "notes": []} for number in range(100)]
        ours = {"id": "plan_ours", "notes": {"onerouter_id": wanted.plan_id}, "item": {"active": True}}
        wire.on("GET", "/v1/plans", items(*others), items(ours))
        found = await client.find_plan(wanted)
        assert found is not None
        assert found.provider_id == "plan_ours"
        assert [request.url.params.get("skip") for request in wire.asked] == [None, "100"]
        assert int(wire.asked[0].url.params["from"]) < time.time() - 89 * 86_400

    async def test_a_list_that_does_not_end_is_not_an_absence(self, client: RazorpayPayments, wire: Wire) -> None:
        wire.on("GET", "/v1/plans", items(*[{"id": f"plan_{number}"} for number in range(100)]))
        with pytest.raises(ProviderUnavailable):
            await client.find_plan(PlanRequest(new_id(PLAN), "Gold", AMOUNT, "month"))

    async def test_a_transfer_of_what_nobody_paid_was_surely_not_made(
        self, client: RazorpayPayments, wire: Wire
    ) -> None:
        wire.on("GET", "/v1/orders/order_1/payments", items())
        unpaid = PaymentReference("pay_ours", AMOUNT, "order_1")
        wanted = TransferRequest("tr_x", unpaid, ResourceReference("ven_x", "acc_1"), AMOUNT)
        assert await client.find_transfer(wanted) is None
        with pytest.raises(Conflict):
            await client.create_transfer(wanted, key=new_key())
        assert not wire.bodies("POST")


class TestCustomers:
    async def test_without_an_address_it_would_be_made_anew_each_time(
        self, client: RazorpayPayments, wire: Wire
    ) -> None:
        with pytest.raises(InvalidRequest) as caught:
            await client.create_customer(CustomerRequest("cus_x", "Asha Rao"), key=new_key())
        assert caught.value.errors[0].field == "email"
        assert wire.asked == []

    async def test_a_customer_that_was_there_is_the_answer(self, lab: PaymentsLab) -> None:
        first = CustomerRequest(new_id("cus"), "Asha Rao", "asha@customer.example", "+919876543210")
        client: Any = lab.client()
        made = await client.create_customer(first, key=new_key())
        second = replace(first, customer_id=new_id("cus"))
        assert (await client.create_customer(second, key=new_key())).provider_id == made.provider_id
        assert await client.find_customer(second) is None


async def test_a_card_saved_while_paying_is_a_method_to_keep(lab: "RazorpayLab") -> None:
    client = lab.client()
    customer = await client.create_customer(
        CustomerRequest(new_id("cus"), "Asha Rao", "asha@customer.example", "+919876543210"), key=new_key()
    )
    wanted = replace(payment_request(AMOUNT), provider_customer_id=customer.provider_id, save_card=True)
    made = await client.create_payment(wanted, key=new_key())
    told = {name: made.checkout[name] for name in ("customer_id", "save")}
    await lab.ask(f"/razorpay/orders/{made.provider_order_id}/pay", method="card", **told)
    paid = await client.get_payment(reference_to(wanted, made))
    token = paid.method_details["token_id"]
    kept = await client.attach_payment_method(PaymentMethodRequest("pm_x", token, customer.provider_id), key=new_key())
    assert (paid.status, kept.status, kept.facts["type"]) == ("succeeded", "active", "card")
