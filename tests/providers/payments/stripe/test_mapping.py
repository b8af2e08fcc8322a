"""Stripe's words ↔ ours: tables, and functions that are pure and never surprised."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from onerouter_common.errors import (
    CapabilityUnsupported,
    InvalidRequest,
    ProviderDeclined,
    ProviderError,
    ProviderOutcomeUnknown,
    ProviderRefusedUs,
    ProviderUnavailable,
)
from onerouter_common.ids import PAYMENT, REFUND, new_id
from onerouter_common.money import Money
from onerouter_providers.capability import PaymentReference, PaymentRequest, RefundRequest
from onerouter_providers.loader import Providers
from onerouter_providers.payments.stripe import amounts, errors, mapping, requests
from onerouter_providers.payments.stripe.form import Value, pairs

CALM = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""A busy machine is no defect."""
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
FIELDS = (
    "id", "object", "status", "amount", "currency", "amount_refunded", "amount_captured", "captured", "refunded",
    "latest_charge", "last_payment_error", "payment_method_details", "balance_transaction", "fee", "type", "card", "wallet",
    "upi", "metadata", "payment_intent", "payment_status", "expires_at", "amount_total", "code", "decline_code", "param",
    "message", "reason", "url",
)  # fmt: skip
STRANGE = st.recursive(
    st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=10),
    lambda inner: st.dictionaries(st.sampled_from(FIELDS), inner | JSON, max_size=10),
    max_leaves=6,
)


def request(**changes: Any) -> PaymentRequest:
    return PaymentRequest(**{"payment_id": new_id(PAYMENT), "amount": Money(129_900, "USD"), **changes})


def refund_request(**changes: Any) -> RefundRequest:
    reference = PaymentReference("pay_x", Money(129_900, "USD"), "pi_1", "pi_1")
    return RefundRequest(
        **{"refund_id": new_id(REFUND), "payment": reference, "amount": Money(50_000, "USD"), **changes}
    )


def charge(**changes: Any) -> dict[str, Any]:
    taken = {"amount": 100, "amount_captured": 100, "amount_refunded": 0, "captured": True}
    return {"status": "succeeded", "currency": "usd", **taken, **changes}


class TestAmounts:
    @pytest.mark.parametrize(
        ("money", "wire"),
        [
            (Money(1_299, "USD"), 1_299),
            (Money(295, "JPY"), 295),
            (Money(99_990, "KWD"), 99_990),
            (Money(5, "ISK"), 500),
            (Money(3_700, "UGX"), 370_000),
            (Money(500, "MGA"), 5),
            (Money(100, "HUF"), 100),
            (Money(100, "TWD"), 100),
        ],
    )
    def test_there_and_back(self, money: Money, wire: int) -> None:
        assert amounts.to_wire(money) == wire
        assert amounts.money_of({"amount": wire, "currency": money.currency.lower()}, "amount") == money

    @pytest.mark.parametrize(
        ("money", "refused"),
        [
            (Money(99_991, "KWD"), InvalidRequest),
            (Money(550, "MGA"), InvalidRequest),
            (Money(0, "USD"), InvalidRequest),
            (Money(10**12, "USD"), InvalidRequest),
            (Money(10**11, "ISK"), InvalidRequest),
            (Money(1_000, "LYD"), CapabilityUnsupported),
            (Money(1_000, "IQD"), CapabilityUnsupported),
            (Money(1_000, "CLF"), CapabilityUnsupported),
            (Money(1_000, "QQQ"), InvalidRequest),
        ],
    )
    def test_what_cannot_be_said_is_refused(self, money: Money, refused: type[Exception]) -> None:
        with pytest.raises(refused):
            amounts.to_wire(money)

    def test_what_stripe_cannot_have_meant_is_no_amount(self) -> None:
        for amount, currency in ((550, "isk"), (-1, "usd"), (True, "usd"), ("5", "usd"), (5, None), (5, "qqq")):
            assert amounts.money_of({"amount": amount, "currency": currency}, "amount") is None

    @CALM
    @given(st.integers(1, 10**9), st.sampled_from(sorted({"USD", "INR", "ISK", "UGX", "MGA", *amounts.NO_DECIMALS})))
    def test_exact_or_refused(self, minor: int, currency: str) -> None:
        money = Money(minor, currency)
        try:
            wire = amounts.to_wire(money)
        except InvalidRequest:
            assert currency == "MGA"
            assert minor % 100
            return
        assert amounts.from_wire(wire, currency) == minor

    def test_the_manifest_says_the_same(self) -> None:
        package = Providers.load().find("payments", "stripe")
        assert package is not None
        assert dict(package.manifest.currency_exponents) == dict(amounts.CONVERTED)


class TestStatuses:
    @pytest.mark.parametrize(
        ("intent", "status"),
        [
            ({"status": "requires_payment_method"}, "created"),
            ({"status": "requires_payment_method", "last_payment_error": {"code": "card_declined"}}, "failed"),
            ({"status": "requires_confirmation"}, "created"),
            ({"status": "requires_action", "last_payment_error": {}}, "requires_action"),
            ({"status": "processing"}, "processing"),
            ({"status": "requires_capture"}, "authorized"),
            ({"status": "succeeded"}, "succeeded"),
            ({"status": "succeeded", "latest_charge": "ch_1"}, "succeeded"),
            ({"status": "succeeded", "latest_charge": charge(amount_refunded=40)}, "partially_refunded"),
            ({"status": "succeeded", "latest_charge": charge(amount_refunded=100, refunded=True)}, "refunded"),
            ({"status": "canceled"}, "canceled"),
            ({"status": "canceled", "cancellation_reason": "requested_by_customer"}, "canceled"),
            ({"status": "canceled", "cancellation_reason": "automatic"}, "expired"),
            ({"status": "canceled", "cancellation_reason": "expired"}, "expired"),
            ({"status": "in_orbit"}, "unknown"),
            ({"status": None}, "unknown"),
            ({}, "unknown"),
        ],
    )
    def test_of_intents(self, intent: dict[str, Any], status: str) -> None:
        assert mapping.intent_status(intent) == status

    @pytest.mark.parametrize(
        ("changes", "status", "refunded"),
        [
            ({}, "succeeded", 0),
            ({"amount_refunded": 30}, "partially_refunded", 30),
            ({"amount_refunded": 100}, "refunded", 100),
            # 60 of 100 were captured: Stripe counts the 40 that were let go as refunded.
            ({"amount_captured": 60, "amount_refunded": 40}, "succeeded", 0),
            ({"amount_captured": 60, "amount_refunded": 70}, "partially_refunded", 30),
            ({"amount_captured": 60, "amount_refunded": 100, "refunded": True}, "refunded", 60),
            ({"captured": False, "amount_captured": 0}, "authorized", 0),
            ({"captured": False, "amount_captured": 0, "amount_refunded": 100, "refunded": True}, "canceled", 0),
            ({"status": "pending"}, "processing", 0),
            ({"status": "failed"}, "failed", 0),
            ({"status": "in_orbit"}, "unknown", 0),
        ],
    )
    def test_of_charges(self, changes: dict[str, Any], status: str, refunded: int) -> None:
        assert mapping.charge_status(charge(**changes)) == status
        assert mapping.refunded_minor(charge(**changes)) == refunded

    @pytest.mark.parametrize(
        ("session", "status"),
        [
            ({"status": "open", "payment_status": "unpaid"}, "created"),
            ({"status": "complete", "payment_status": "paid"}, "succeeded"),
            ({"status": "complete", "payment_status": "unpaid"}, "processing"),
            ({"status": "expired", "expires_at": 1_000}, "expired"),
            ({"status": "expired", "expires_at": 1_001}, "canceled"),
            ({"status": "in_orbit"}, "unknown"),
        ],
    )
    def test_of_sessions(self, session: dict[str, Any], status: str) -> None:
        assert mapping.session_status(session, now=1_000) == status

    @pytest.mark.parametrize(
        ("word", "status"),
        [
            ("pending", "pending"),
            ("requires_action", "pending"),
            ("succeeded", "succeeded"),
            ("failed", "failed"),
            ("canceled", "failed"),
            ("in_orbit", "unknown"),
            (None, "unknown"),
        ],
    )
    def test_of_refunds(self, word: str | None, status: str) -> None:
        assert mapping.refund_snapshot({"id": "re_1", "status": word}).status == status


@CALM
@given(STRANGE)
def test_whatever_stripe_says_mapping_never_raises(thing: dict[str, Any]) -> None:
    before = json.dumps(thing, sort_keys=True)
    mapping.intent_snapshot(thing, order_id="x", publishable_key=None)
    mapping.session_snapshot(thing, now=1, publishable_key="pk")
    mapping.payment_of(thing)
    mapping.refund_snapshot(thing)
    mapping.find_refund([thing], "re_1")
    mapping.fits(thing, request())
    mapping.intent_id_of(thing)
    assert json.dumps(thing, sort_keys=True) == before  # and changes nothing


class TestRefusals:
    @CALM
    @given(st.integers(400, 499), STRANGE, STRANGE, st.booleans())
    def test_every_refusal_is_some_provider_error(
        self, status: int, body: dict[str, Any], error: dict[str, Any], effect: bool
    ) -> None:
        for answer in (body, {"error": error}):
            assert isinstance(errors.refusal(status, answer, "refund.create", effect=effect), ProviderError)

    @pytest.mark.parametrize(
        ("status", "error", "kind", "reason"),
        [
            (402, {"code": "card_declined", "decline_code": "generic_decline"}, ProviderDeclined, "card_declined"),
            (402, {"code": "card_declined", "decline_code": "fraudulent"}, ProviderDeclined, "fraud_suspected"),
            (402, {"code": "card_declined", "decline_code": "of_tomorrow"}, ProviderDeclined, "card_declined"),
            (402, {"type": "card_error", "code": "of_tomorrow"}, ProviderDeclined, "card_declined"),
            (402, {"code": "expired_card"}, ProviderDeclined, "expired_card"),
            (400, {"code": "amount_too_small", "param": "amount"}, ProviderDeclined, "amount_invalid"),
            (400, {"param": "amount"}, ProviderDeclined, "amount_invalid"),
            (400, {"param": "currency"}, ProviderDeclined, "currency_not_supported"),
            (400, {"param": "metadata[x]"}, ProviderRefusedUs, "invalid_request"),
            (400, {"code": "parameter_unknown", "param": "colour"}, ProviderRefusedUs, "invalid_request"),
            (400, {"code": "payment_intent_unexpected_state"}, ProviderDeclined, "invalid_state"),
            (400, {"type": "idempotency_error"}, ProviderRefusedUs, "idempotency_conflict"),
            (400, {"code": "payment_method_unactivated"}, ProviderRefusedUs, "permission_denied"),
            (401, {}, ProviderRefusedUs, "authentication_failed"),
            (403, {"code": "account_invalid"}, ProviderRefusedUs, "permission_denied"),
            (403, {}, ProviderRefusedUs, "permission_denied"),
            (404, {"code": "resource_missing"}, ProviderRefusedUs, "not_found"),
            (404, {}, ProviderRefusedUs, "not_found"),
            (409, {"code": "idempotency_key_in_use"}, ProviderOutcomeUnknown, "in_progress"),
            (409, {}, ProviderOutcomeUnknown, "in_progress"),
            (424, {}, ProviderOutcomeUnknown, "indeterminate"),
            (402, {"type": "api_error"}, ProviderOutcomeUnknown, "indeterminate"),
        ],
    )
    def test_words(self, status: int, error: dict[str, str], kind: type[ProviderError], reason: str) -> None:
        found = errors.refusal(
            status, {"error": {"type": "invalid_request_error", **error}}, "payment.create", effect=True
        )
        assert (type(found), found.reason) == (kind, reason)
        assert str(found).endswith(".")
        if kind is ProviderOutcomeUnknown:
            asked = errors.refusal(status, {"error": error}, "payment.get", effect=False)
            assert isinstance(asked, ProviderUnavailable)

    @pytest.mark.parametrize(
        "error",
        [
            {"code": "charge_already_refunded"},
            {"param": "amount"},
            {"code": "charge_disputed"},
            {"code": "balance_insufficient"},
        ],
    )
    def test_a_refused_refund_has_one_word(self, error: dict[str, str]) -> None:
        body = {"error": {"type": "invalid_request_error", **error}}
        found = errors.refusal(400, body, "refund.create", effect=True)
        assert (type(found), found.reason, found.error_code) == (ProviderDeclined, "refund_rejected", "REFUND_FAILED")

    def test_stripes_words_are_kept_beside_ours(self) -> None:
        error = {"code": "card_declined", "decline_code": "lost_card", "message": "x" * 1_000}
        found = errors.refusal(402, {"error": error}, "payment.create", effect=True, request_id="req_1")
        assert (found.provider_code, found.provider_message) == ("lost_card", "x" * 300)
        assert (found.provider_request_id, found.error_code) == ("req_1", "PAYMENT_FAILED")
        assert "lost" not in str(found)

    @pytest.mark.parametrize("table", [errors.CODES, errors.DECLINE_CODES])
    def test_words_are_told_apart_once(self, table: dict[str, tuple[str, ...]]) -> None:
        theirs = [word for words in table.values() for word in words]
        assert len(theirs) == len(set(theirs))


class TestRequests:
    def test_a_form_has_brackets(self) -> None:
        nested: dict[str, Value] = {
            "a": {"b": {"c": True}},
            "items": ({"n": 1}, {"n": 2}),
            "flag": False,
            "none": {},
            "some": (),
        }
        assert pairs(nested) == [("a[b][c]", "true"), ("items[0][n]", "1"), ("items[1][n]", "2"), ("flag", "false")]

    def test_a_session_asks_for_one_item(self) -> None:
        wanted = request(
            return_url="https://s.test/done",
            cancel_url="https://s.test/cart",
            capture="manual",
            receipt="R-1",
            description="A book",
            customer={"email": "a@b.test", "phone": "+1"},
            method="card",
            notes={"k": "v", "empty": ""},
        )
        metadata = {"onerouter_payment_id": wanted.payment_id, "k": "v", "receipt": "R-1"}
        assert requests.session_params(wanted) == {
            "mode": "payment",
            "success_url": "https://s.test/done",
            "cancel_url": "https://s.test/cart",
            "client_reference_id": wanted.payment_id,
            "line_items": (
                {
                    "quantity": 1,
                    "price_data": {
                        "currency": "usd",
                        "unit_amount": 129_900,
                        "product_data": {"name": "A book"},
                    },
                },
            ),
            "payment_method_types": ("card",),
            "metadata": metadata,
            "payment_intent_data": {
                "capture_method": "manual",
                "metadata": metadata,
                "transfer_group": wanted.payment_id,
                "description": "A book",
            },
            "customer_email": "a@b.test",
        }

    @pytest.mark.parametrize(
        ("method", "wallet", "types"),
        [
            ("card", None, ("card",)),
            ("upi", None, ("upi",)),
            ("paylater", None, ("klarna",)),
            ("wallet", None, ("card",)),
            ("wallet", "Apple Pay", ("card",)),
            ("wallet", "google_pay", ("card",)),
            ("wallet", "PayPal", ("paypal",)),
            ("wallet", "amazon-pay", ("amazon_pay",)),
        ],
    )
    def test_methods(self, method: str, wallet: str | None, types: tuple[str, ...]) -> None:
        details = {"wallet_provider": wallet} if wallet else {}
        params = requests.intent_params(request(method=method, method_details=details))
        assert params["payment_method_types"] == types
        assert "automatic_payment_methods" not in params

    @pytest.mark.parametrize(
        ("currency", "bank", "types"),
        [
            ("MYR", None, ("fpx",)),
            ("PLN", None, ("p24", "blik")),
            ("EUR", "ideal", ("ideal",)),
            ("EUR", "BANCONTACT", ("bancontact",)),
        ],
    )
    def test_banks_are_chosen_by_the_currency(self, currency: str, bank: str | None, types: tuple[str, ...]) -> None:
        details = {"bank_code": bank} if bank else {}
        wanted = request(method="netbanking", method_details=details, amount=Money(1_000, currency))
        assert requests.session_params(wanted)["payment_method_types"] == types

    def test_a_cards_network_is_a_preference(self) -> None:
        def network(method: str | None, name: str) -> Any:
            wanted = request(method=method, method_details={"card_network": name, "upi_app": "gpay"})
            return requests.intent_params(wanted).get("payment_method_options")

        assert network("card", "Cartes Bancaires") == {"card": {"network": "cartes_bancaires"}}
        assert network("card", "VISA") == {"card": {"network": "visa"}}
        assert network("card", "rupay") is None
        assert network(None, "visa") is None

    def test_a_kept_method_is_a_customers(self) -> None:
        known = request(save_card=True, provider_customer_id="cus_1", customer={"email": "a@b.test"})
        intent, session = requests.intent_params(known), requests.session_params(known)
        data = session["payment_intent_data"]
        assert isinstance(data, dict)
        assert (intent["customer"], intent["setup_future_usage"]) == ("cus_1", "off_session")
        assert (session["customer"], data["setup_future_usage"]) == ("cus_1", "off_session")
        assert "customer_email" not in session
        new = requests.session_params(request(save_card=True, customer={"email": "a@b.test"}))
        assert (new["customer_creation"], new["customer_email"]) == ("always", "a@b.test")

    @pytest.mark.parametrize(
        ("method", "details"), [("netbanking", {}), ("emi", {}), ("wallet", {"wallet_provider": "mobikwik"})]
    )
    def test_methods_stripe_has_not_are_refused(self, method: str, details: dict[str, str]) -> None:
        with pytest.raises(CapabilityUnsupported):
            requests.intent_params(request(method=method, method_details=details))

    @pytest.mark.parametrize(
        "notes",
        [
            {str(n): "x" for n in range(50)},
            {"k" * 41: "x"},
            {"k": "x" * 501},
            {"a[b]": "x"},
            {"": "x"},
            {"onerouter_payment_id": "mine"},
            {"onerouter_id": "mine"},
        ],
    )
    def test_notes_that_do_not_fit(self, notes: dict[str, str]) -> None:
        with pytest.raises(InvalidRequest) as caught:
            requests.intent_params(request(notes=notes))
        assert [error.field for error in caught.value.errors] == ["notes"]

    def test_a_receipt_gives_way_to_notes(self) -> None:
        notes = {str(n): "x" for n in range(49)}
        metadata = requests.intent_params(request(notes=notes, receipt="R-1"))["metadata"]
        assert isinstance(metadata, dict)
        assert len(metadata) == 50
        assert "receipt" not in metadata

    def test_refund_reasons(self) -> None:
        known = requests.refund_params(refund_request(reason="duplicate"), "pi_1")
        assert (known["reason"], known["payment_intent"], known["amount"]) == ("duplicate", "pi_1", 50_000)
        wanted = refund_request(reason="It broke", notes={"a": "b"}, speed="optimum")
        told = requests.refund_params(wanted, "pi_1")
        assert "reason" not in told
        assert told["metadata"] == {
            "onerouter_refund_id": wanted.refund_id,
            "onerouter_payment_id": "pay_x",
            "a": "b",
            "reason": "It broke",
        }
        with pytest.raises(InvalidRequest):
            requests.refund_params(refund_request(amount=Money(50_000, "EUR")), "pi_1")


class TestSnapshots:
    def test_a_fee_is_in_the_accounts_currency(self) -> None:
        booked = {"fee": 68, "currency": "usd"}
        told = mapping.payment_of(charge(balance_transaction=booked, currency="eur"))
        assert (told.fee_minor, told.fee_currency) == (68, "USD")
        assert mapping.payment_of(charge(balance_transaction="txn_1")).fee_minor is None

    def test_a_declined_try_says_why_and_by_what(self) -> None:
        error = {
            "code": "card_declined",
            "decline_code": "insufficient_funds",
            "message": "No funds.",
            "payment_method": {"type": "card", "card": {"brand": "visa", "last4": "9995", "wallet": None}},
        }
        shown = mapping.intent_snapshot(
            {"id": "pi_1", "status": "requires_payment_method", "last_payment_error": error},
            order_id="pi_1",
            publishable_key=None,
        )
        assert (shown.status, shown.error_reason, shown.error_code) == (
            "failed",
            "insufficient_funds",
            "insufficient_funds",
        )
        assert (shown.error_message, shown.method) == ("No funds.", "card")
        assert shown.method_details == {"card_network": "visa", "card_last4": "9995"}

    def test_a_wallets_card_names_the_wallet(self) -> None:
        details = {"type": "card", "card": {"funding": "debit", "wallet": {"type": "apple_pay"}}}
        shown = mapping.payment_of(charge(payment_method_details=details))
        assert (shown.method, shown.method_details) == ("card", {"card_type": "debit", "wallet": "apple_pay"})
        paypal = mapping.payment_of(charge(payment_method_details={"type": "paypal"}))
        assert (paypal.method, paypal.method_details) == ("wallet", {"wallet": "paypal"})
        other = mapping.payment_of(charge(payment_method_details={"type": "of_tomorrow"}))
        assert other.method == "of_tomorrow"

    @pytest.mark.parametrize("name", ["payment_intent", "charge", "refund", "checkout.session"])
    def test_stripes_own_samples(self, specs: Path, name: str) -> None:
        sample = json.loads((specs / "stripe-fixtures.json").read_text("utf-8"))["resources"][name]
        match name:
            case "payment_intent":
                shown = mapping.intent_snapshot(sample, order_id=sample["id"], publishable_key=None)
                assert (shown.status, shown.amount) == ("failed", Money(1_099, "USD"))
                assert shown.client_secret == sample["client_secret"]
            case "charge":
                assert mapping.payment_of(sample).status == "authorized"
                assert mapping.payment_of(sample).method_details["card_last4"] == "4242"
            case "refund":
                assert mapping.refund_snapshot(sample).amount == Money(100, "USD")
            case _:
                shown = mapping.session_snapshot(sample, now=1, publishable_key=None)
                assert (shown.status, shown.provider_payment_id) == ("created", sample["payment_intent"])
                assert shown.checkout_url == sample["url"]
