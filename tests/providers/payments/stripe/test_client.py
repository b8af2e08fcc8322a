"""What is Stripe's own: sessions, holds, answers that are kept under their key, lists and search."""

from typing import Any
from urllib.parse import parse_qsl

import pytest
from tests.providers.payments.stripe.conftest import NOW, Answer, StripeLab, Wire

from onerouter_common.errors import (
    Conflict,
    InvalidRequest,
    ProviderDeclined,
    ProviderOutcomeUnknown,
    ProviderRefusedUs,
    ProviderUnavailable,
)
from onerouter_common.ids import PAYMENT, REFUND, new_id
from onerouter_common.money import Money
from onerouter_providers.capability import CaptureRequest, PaymentReference, PaymentRequest, RefundRequest
from onerouter_providers.payments.stripe.client import StripePayments
from onerouter_providers.testing.payments_suite import new_key, payment_request, reference_to

AMOUNT = Money(129_900, "USD")
HALF = Money(64_950, "USD")
REFERENCE = PaymentReference("pay_ours", AMOUNT, "pi_1", "pi_1")


def hosted(**changes: Any) -> PaymentRequest:
    given = {"return_url": "https://shop.example/done", "cancel_url": "https://shop.example/cart", **changes}
    return PaymentRequest(payment_id=new_id(PAYMENT), amount=AMOUNT, **given)


def page(*things: dict[str, Any], more: bool = False) -> Answer:
    return 200, {"object": "list", "data": list(things), "has_more": more}


def refused(code: str | None, *, status: int = 400, kind: str = "invalid_request_error", **more: Any) -> Answer:
    return status, {"error": {"type": kind, "code": code, "message": "No.", **more}}


def intent_of(request: PaymentRequest, **changes: Any) -> dict[str, Any]:
    return {
        "id": "pi_1",
        "object": "payment_intent",
        "amount": request.amount.amount_minor,
        "currency": request.amount.currency.lower(),
        "status": "requires_payment_method",
        "metadata": {"onerouter_payment_id": request.payment_id},
        **changes,
    }


def refund_request(payment: PaymentReference = REFERENCE, **changes: Any) -> RefundRequest:
    return RefundRequest(**{"refund_id": new_id(REFUND), "payment": payment, "amount": HALF, **changes})


class TestWire:
    async def test_version_key_and_form_go_out(self, client: StripePayments, wire: Wire) -> None:
        wanted, key = payment_request(AMOUNT, notes={"cart": "17"}), new_key()
        wire.on("POST", "/v1/payment_intents", (200, intent_of(wanted)))
        await client.create_payment(wanted, key=key)
        sent = wire.asked[0]
        assert sent.headers["authorization"] == "Bearer sk_test_1"
        assert sent.headers["stripe-version"] == "2026-05-27.dahlia"
        assert sent.headers["idempotency-key"] == key
        assert parse_qsl(sent.content.decode()) == [
            ("amount", "129900"),
            ("currency", "usd"),
            ("automatic_payment_methods[enabled]", "true"),
            ("capture_method", "automatic_async"),
            ("metadata[onerouter_payment_id]", wanted.payment_id),
            ("metadata[cart]", "17"),
            ("transfer_group", wanted.payment_id),
        ]

    async def test_an_id_never_bends_the_path(self, client: StripePayments, wire: Wire) -> None:
        wire.on("GET", "/v1/refunds/../balance?x=1#", (200, {"id": "re_1", "status": "succeeded"}))
        await client.get_refund(REFERENCE, "../balance?x=1#")
        assert wire.asked[0].url.raw_path == b"/v1/refunds/..%2Fbalance%3Fx%3D1%23"

    async def test_a_refusal_names_stripes_request(self, client: StripePayments, wire: Wire) -> None:
        wire.on("GET", "/v1/refunds/re_1", refused("resource_missing", status=404))
        with pytest.raises(ProviderRefusedUs) as caught:
            await client.get_refund(REFERENCE, "re_1")
        assert (caught.value.reason, caught.value.provider_request_id) == ("not_found", "req_1")

    async def test_an_answer_about_something_else_is_a_doubt(self, client: StripePayments, wire: Wire) -> None:
        wanted = payment_request(AMOUNT)
        wire.on("POST", "/v1/payment_intents", (200, intent_of(wanted, amount=1)))
        with pytest.raises(ProviderOutcomeUnknown):
            await client.create_payment(wanted, key=new_key())

    async def test_a_key_at_work_is_a_doubt(self, client: StripePayments, wire: Wire) -> None:
        wire.on("POST", "/v1/refunds", refused("idempotency_key_in_use", status=409))
        with pytest.raises(ProviderOutcomeUnknown) as caught:
            await client.create_refund(refund_request(), key=new_key())
        assert caught.value.reason == "in_progress"
        assert len(wire.asked) == 1


class TestFinding:
    async def test_the_last_hours_by_list_then_by_search(self, client: StripePayments, wire: Wire) -> None:
        wanted = payment_request(AMOUNT)
        wire.on("GET", "/v1/payment_intents", page({"id": "pi_a"}, more=True), page({"id": "pi_b"}))
        wire.on("GET", "/v1/payment_intents/search", page(intent_of(wanted)))
        wire.on("GET", "/v1/payment_intents/pi_1", (200, intent_of(wanted, client_secret="pi_1_secret_x")))
        found = await client.find_payment(wanted)
        assert found is not None
        assert (found.provider_order_id, found.client_secret) == ("pi_1", "pi_1_secret_x")
        since = str(NOW - 7_200)
        assert wire.queries("/v1/payment_intents") == [
            {"created[gte]": since, "limit": "100"},
            {"created[gte]": since, "limit": "100", "starting_after": "pi_a"},
        ]
        assert wire.queries("/v1/payment_intents/search")[0]["query"] == (
            f"metadata['onerouter_payment_id']:'{wanted.payment_id}'"
        )

    async def test_another_amount_under_our_reference_is_not_ours(self, client: StripePayments, wire: Wire) -> None:
        wanted = payment_request(AMOUNT)
        wire.on("GET", "/v1/payment_intents", page(intent_of(wanted, amount=1)))
        wire.on("GET", "/v1/payment_intents/search", page())
        assert await client.find_payment(wanted) is None

    async def test_of_several_the_one_that_took_money_is_adopted(self, client: StripePayments, wire: Wire) -> None:
        wanted = payment_request(AMOUNT)
        paid = intent_of(wanted, id="pi_paid", status="succeeded")
        wire.on("GET", "/v1/payment_intents", page(intent_of(wanted, id="pi_new"), paid))
        wire.on("GET", "/v1/payment_intents/pi_paid", (200, paid))
        found = await client.find_payment(wanted)
        assert found is not None
        assert found.provider_payment_id == "pi_paid"

    async def test_a_list_without_an_end_leaves_the_question_open(self, client: StripePayments, wire: Wire) -> None:
        wire.on("GET", "/v1/payment_intents", page({"id": "pi_a"}, more=True))
        with pytest.raises(ProviderUnavailable):
            await client.find_payment(payment_request(AMOUNT))
        assert len(wire.asked) == 50

    @pytest.mark.parametrize("body", [{}, {"data": None}, {"data": [1]}, {"data": [], "has_more": True}])
    async def test_a_list_that_is_none_is_not_an_absence(self, client: StripePayments, wire: Wire, body: Any) -> None:
        wire.on("GET", "/v1/payment_intents", (200, body))
        with pytest.raises(ProviderUnavailable):
            await client.find_payment(payment_request(AMOUNT))

    async def test_old_ones_are_searched(self, lab: StripeLab) -> None:
        await lab.register(search_lag_s=0)
        wanted = payment_request(AMOUNT)
        made = await lab.client().create_payment(wanted, key=new_key())
        later = lab.client()
        later._finder._now = lambda: 2_000_000_000.0
        found = await later.find_payment(wanted)
        assert found is not None
        assert found.provider_payment_id == made.provider_payment_id

    async def test_india_has_no_search_so_all_is_listed(self, lab: StripeLab) -> None:
        await lab.register(country="IN")
        wanted = payment_request(AMOUNT)
        made = await lab.client().create_payment(wanted, key=new_key())
        later = lab.client()
        later._finder._now = lambda: 2_000_000_000.0
        found = await later.find_payment(wanted)
        assert found is not None
        assert found.provider_payment_id == made.provider_payment_id
        assert await later.find_payment(payment_request(AMOUNT)) is None


class TestKeptAnswers:
    """A 500 from inside is kept under its key: a repeat would be told the same for a day."""

    async def test_a_create_that_broke_after_its_effect_is_found(self, lab: StripeLab) -> None:
        wanted, key = payment_request(AMOUNT), new_key()
        await lab.breaks("payment_intents.create", effect=True)
        made = await lab.client().create_payment(wanted, key=key)
        again = await lab.client().create_payment(wanted, key=key)
        assert made.provider_payment_id == again.provider_payment_id
        assert await lab.effects("create", wanted.payment_id) == 1

    async def test_a_create_that_broke_before_its_effect_stays_a_doubt(self, lab: StripeLab) -> None:
        wanted, key = payment_request(AMOUNT), new_key()
        await lab.breaks("payment_intents.create", effect=False)
        for _ in range(2):
            with pytest.raises(ProviderOutcomeUnknown):
                await lab.client().create_payment(wanted, key=key)
        assert await lab.effects("create", wanted.payment_id) == 0

    async def test_a_refund_and_a_capture_that_broke_are_found(self, lab: StripeLab) -> None:
        client = lab.client()
        wanted = payment_request(AMOUNT, capture="manual")
        made = await client.create_payment(wanted, key=new_key())
        await lab.pay(made)
        await lab.breaks("payment_intents.capture", effect=True)
        reference = reference_to(wanted, made)
        assert (await client.capture_payment(CaptureRequest(reference, AMOUNT), key=new_key())).status == "succeeded"
        await lab.breaks("refunds.create", effect=True)
        key = new_key()
        refund = await client.create_refund(refund_request(reference), key=key)
        assert (refund.status, await lab.effects("refund", key)) == ("succeeded", 1)

    async def test_a_key_of_other_parameters_leads_to_what_was_made(self, client: StripePayments, wire: Wire) -> None:
        wanted = payment_request(AMOUNT)
        wire.on("POST", "/v1/payment_intents", refused(None, kind="idempotency_error"))
        wire.on("GET", "/v1/payment_intents", page(intent_of(wanted)))
        wire.on("GET", "/v1/payment_intents/pi_1", (200, intent_of(wanted)))
        assert (await client.create_payment(wanted, key=new_key())).provider_payment_id == "pi_1"
        wire.on("GET", "/v1/payment_intents", page())
        wire.on("GET", "/v1/payment_intents/search", page())
        with pytest.raises(ProviderRefusedUs) as caught:
            await client.create_payment(wanted, key=new_key())
        assert caught.value.reason == "idempotency_conflict"
        wire.on("GET", "/v1/payment_intents", (503, {}))
        with pytest.raises(ProviderOutcomeUnknown):
            await client.create_payment(wanted, key=new_key())

    async def test_a_refund_refused_when_nobody_can_be_asked_is_a_doubt(
        self, client: StripePayments, wire: Wire
    ) -> None:
        wire.on("POST", "/v1/refunds", refused("charge_already_refunded"))
        wire.on("GET", "/v1/refunds", (429, {}))
        with pytest.raises(ProviderOutcomeUnknown):
            await client.create_refund(refund_request(), key=new_key())


class TestHosted:
    async def test_the_payer_pays_on_stripes_page_and_comes_back(self, lab: StripeLab) -> None:
        client, wanted = lab.client(), hosted(customer={"email": "buyer@example.com"}, description="A book")
        made = await client.create_payment(wanted, key=new_key())
        assert (made.status, made.amount, made.provider_payment_id) == ("created", AMOUNT, None)
        assert (made.provider_order_id or "").startswith("cs_test_")
        assert made.checkout_url == f"{lab.url}/stripe/checkout/{made.provider_order_id}"
        assert made.client_secret is None
        assert made.checkout == {"session_id": made.provider_order_id, "publishable_key": "pk_test_51Lab0001"}
        effects = await lab.ledger(kind="checkout.session.created", reference=wanted.payment_id)
        assert len(effects) == 1
        await lab.pay(made, decline="card_declined")
        failed = await client.get_payment(reference_to(wanted, made))
        assert (failed.status, failed.error_reason) == ("failed", "card_declined")
        assert failed.checkout_url == made.checkout_url  # the page is still open
        await lab.pay(made)
        paid = await client.get_payment(reference_to(wanted, made))
        assert (paid.status, paid.method, paid.checkout_url) == ("succeeded", "card", None)
        assert paid.provider_order_id == made.provider_order_id
        assert paid.fee_minor == 3_797
        refund = await client.create_refund(refund_request(reference_to(wanted, made)), key=new_key())
        assert refund.status == "succeeded"
        assert (await client.get_payment(reference_to(wanted, paid))).status == "partially_refunded"

    async def test_it_is_found_again(self, lab: StripeLab) -> None:
        client, wanted = lab.client(), hosted()
        assert await client.find_payment(wanted) is None
        made = await client.create_payment(wanted, key=new_key())
        assert await client.find_payment(wanted) == made
        assert await client.find_payment(hosted()) is None

    async def test_a_session_of_long_ago_is_known_by_its_intent(self, lab: StripeLab) -> None:
        await lab.register(search_lag_s=0)
        wanted = hosted()
        made = await lab.client().create_payment(wanted, key=new_key())
        later = lab.client()
        later._finder._now = lambda: 2_000_000_000.0
        assert await later.find_payment(wanted) is None  # nobody paid in it, and nobody can any more
        await lab.pay(made)
        found = await later.find_payment(wanted)
        assert found is not None
        assert (found.status, found.provider_order_id) == ("succeeded", None)

    async def test_held_captured_in_part_and_refunded(self, lab: StripeLab) -> None:
        client, wanted = lab.client(), hosted(capture="manual")
        made = await client.create_payment(wanted, key=new_key())
        reference = reference_to(wanted, made)
        with pytest.raises(Conflict):
            await client.capture_payment(CaptureRequest(reference, HALF), key=new_key())
        assert await client.find_refund(refund_request(reference)) is None
        await lab.pay(made)
        assert (await client.get_payment(reference)).status == "authorized"
        captured = await client.capture_payment(CaptureRequest(reference, HALF), key=new_key())
        assert (captured.status, captured.amount_refunded_minor) == ("succeeded", 0)
        assert captured.provider_order_id == made.provider_order_id

    async def test_an_open_page_is_closed(self, lab: StripeLab) -> None:
        client, wanted, key = lab.client(), hosted(), new_key()
        made = await client.create_payment(wanted, key=new_key())
        reference = reference_to(wanted, made)
        for _ in range(2):
            assert (await client.cancel_payment(reference, key=key)).status == "canceled"
        assert (await client.get_payment(reference)).status == "canceled"
        assert (await client.cancel_payment(reference, key=new_key())).status == "canceled"

    async def test_a_page_that_ran_out_expired(self, lab: StripeLab) -> None:
        client, wanted = lab.client(), hosted()
        made = await client.create_payment(wanted, key=new_key())
        await lab.pay(made, decline="card_declined")
        await lab.ask(f"/stripe/checkout/sessions/{made.provider_order_id}/run-out")
        shown = await client.get_payment(reference_to(wanted, made))
        assert shown.status == "expired"
        assert shown.provider_payment_id

    async def test_a_hold_made_on_the_page_is_released(self, lab: StripeLab) -> None:
        client, wanted = lab.client(), hosted(capture="manual")
        made = await client.create_payment(wanted, key=new_key())
        await lab.pay(made)
        canceled = await client.cancel_payment(reference_to(wanted, made), key=new_key())
        assert (canceled.status, canceled.amount_refunded_minor) == ("canceled", 0)
        assert (await client.get_payment(reference_to(wanted, made))).status == "canceled"

    async def test_who_pays_while_it_is_closed_has_paid(self, client: StripePayments, wire: Wire) -> None:
        open_session = {"id": "cs_1", "object": "checkout.session", "status": "open", "url": "https://c.test/cs_1"}
        paid = {**open_session, "status": "complete", "url": None, "payment_status": "paid", "payment_intent": "pi_1"}
        wire.on("GET", "/v1/checkout/sessions/cs_1", (200, open_session), (200, paid))
        wire.on("POST", "/v1/checkout/sessions/cs_1/expire", refused(None))
        wire.on("POST", "/v1/payment_intents/pi_1/cancel", refused("payment_intent_unexpected_state"))
        with pytest.raises(ProviderDeclined) as caught:
            await client.cancel_payment(PaymentReference("pay_x", AMOUNT, "cs_1"), key="k")
        assert caught.value.reason == "invalid_state"
        keys = [request.headers["idempotency-key"] for request in wire.asked if request.method == "POST"]
        assert keys == ["k-session", "k"]


class TestHolds:
    async def authorized(self, lab: StripeLab) -> PaymentReference:
        wanted = payment_request(AMOUNT, capture="manual")
        made = await lab.client().create_payment(wanted, key=new_key())
        await lab.pay(made)
        return reference_to(wanted, made)

    async def test_a_part_is_captured_and_the_rest_released(self, lab: StripeLab) -> None:
        client, reference = lab.client(), await self.authorized(lab)
        wanted = CaptureRequest(reference, HALF)
        captured = await client.capture_payment(wanted, key=new_key())
        assert (captured.status, captured.amount, captured.amount_refunded_minor) == ("succeeded", AMOUNT, 0)
        assert await client.find_capture(wanted) is not None
        assert (await client.capture_payment(wanted, key=new_key())).status == "succeeded"
        whole = CaptureRequest(reference, AMOUNT)
        assert await client.find_capture(whole) is None
        with pytest.raises(ProviderDeclined):
            await client.capture_payment(whole, key=new_key())
        effects = await lab.ledger(kind="charge.captured")
        assert [effect["amount"] for effect in effects] == [HALF.amount_minor]
        refund = await client.create_refund(refund_request(reference), key=new_key())
        assert refund.amount == HALF
        shown = await client.get_payment(reference)
        assert (shown.status, shown.amount_refunded_minor) == ("refunded", HALF.amount_minor)
        with pytest.raises(ProviderDeclined) as caught:
            await client.create_refund(refund_request(reference, amount=Money(100, "USD")), key=new_key())
        assert caught.value.reason == "refund_rejected"

    async def test_more_than_is_held_is_refused(self, lab: StripeLab) -> None:
        reference = await self.authorized(lab)
        with pytest.raises(ProviderDeclined) as caught:
            await lab.client().capture_payment(CaptureRequest(reference, Money(129_901, "USD")), key=new_key())
        assert caught.value.reason == "amount_invalid"
        with pytest.raises(InvalidRequest):
            await lab.client().capture_payment(CaptureRequest(reference, Money(100, "EUR")), key=new_key())

    async def test_canceling_releases_it_once(self, lab: StripeLab) -> None:
        client, reference, key = lab.client(), await self.authorized(lab), new_key()
        for attempt in (key, key, new_key()):
            canceled = await client.cancel_payment(reference, key=attempt)
            assert (canceled.status, canceled.amount_refunded_minor) == ("canceled", 0)
        shown = await client.get_payment(reference)
        assert (shown.status, shown.amount_refunded_minor) == ("canceled", 0)
        assert len(await lab.ledger(kind="payment_intent.canceled")) == 1
        assert await client.find_capture(CaptureRequest(reference, AMOUNT)) is None

    async def test_a_cancel_that_broke_is_found(self, lab: StripeLab) -> None:
        reference = await self.authorized(lab)
        await lab.breaks("payment_intents.cancel", effect=True)
        assert (await lab.client().cancel_payment(reference, key=new_key())).status == "canceled"

    async def test_what_was_taken_cannot_be_canceled(self, lab: StripeLab) -> None:
        client, wanted = lab.client(), payment_request(AMOUNT)
        made = await client.create_payment(wanted, key=new_key())
        await lab.pay(made)
        with pytest.raises(ProviderDeclined) as caught:
            await client.cancel_payment(reference_to(wanted, made), key=new_key())
        assert caught.value.reason == "invalid_state"


class TestLife:
    async def test_a_try_may_need_the_payer_and_a_failed_one_may_be_followed(self, lab: StripeLab) -> None:
        client, wanted = lab.client(), payment_request(AMOUNT)
        made = await client.create_payment(wanted, key=new_key())
        assert (made.client_secret or "").startswith(f"{made.provider_payment_id}_secret_")
        seen = []
        for how in ("requires_action", "failure", "processing", "success"):
            await lab.pay(made, outcome=how, method="upi")
            seen.append((await client.get_payment(reference_to(wanted, made))).status)
        assert seen == ["requires_action", "failed", "processing", "succeeded"]
        shown = await client.get_payment(reference_to(wanted, made))
        assert (shown.method, shown.method_details, shown.error_reason) == ("upi", {"vpa": "buyer@upi"}, None)

    async def test_a_refund_that_went_through_can_still_fail(self, lab: StripeLab) -> None:
        client, wanted = lab.client(), payment_request(AMOUNT)
        made = await client.create_payment(wanted, key=new_key())
        await lab.pay(made)
        refund = await client.create_refund(refund_request(reference_to(wanted, made)), key=new_key())
        await lab.ask(f"/stripe/refunds/{refund.provider_refund_id}/settle", status="failed")
        shown = await client.get_refund(reference_to(wanted, made), refund.provider_refund_id)
        assert (shown.status, shown.error_reason) == ("failed", "refund_rejected")
        assert (await client.get_payment(reference_to(wanted, made))).status == "succeeded"


class TestCharges:
    """A subscription's charge is told by its invoice."""

    CHARGE = PaymentReference("pay_ours", AMOUNT, provider_payment_id="in_1", of_subscription=True)

    async def test_it_is_read_by_the_intent_that_paid_the_invoice(self, client: StripePayments, wire: Wire) -> None:
        paid = {"payment": {"type": "payment_intent", "payment_intent": "pi_7"}, "status": "paid"}
        wire.on("GET", "/v1/invoice_payments", page({"payment": {"type": "charge", "charge": "ch_1"}}, paid))
        shown = {"id": "pi_7", "status": "succeeded", "amount": 129_900, "amount_received": 129_900, "currency": "usd"}
        wire.on("GET", "/v1/payment_intents/pi_7", (200, shown))
        told = await client.get_payment(self.CHARGE)
        assert (told.status, told.captured) == ("succeeded", AMOUNT)
        assert (told.provider_order_id, told.provider_payment_id) == ("in_1", "pi_7")
        assert told.client_secret is None
        assert wire.queries("/v1/invoice_payments") == [{"invoice": "in_1", "status": "paid"}]

    async def test_it_is_refunded_by_it_also_where_only_the_invoice_is_known(
        self, client: StripePayments, wire: Wire
    ) -> None:
        wire.on("GET", "/v1/invoice_payments", page({"payment": {"payment_intent": {"id": "pi_7"}}}))
        wire.on("POST", "/v1/refunds", (200, {"id": "re_1", "status": "succeeded", "amount": 64_950}))
        await client.create_refund(refund_request(self.CHARGE), key=new_key())
        assert ("payment_intent", "pi_7") in parse_qsl(wire.asked[-1].content.decode())

    async def test_one_that_was_settled_otherwise_is_no_payment(self, client: StripePayments, wire: Wire) -> None:
        wire.on("GET", "/v1/invoice_payments", page())
        with pytest.raises(Conflict):
            await client.get_payment(self.CHARGE)
