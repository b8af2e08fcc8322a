"""PayPal's words in ours."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onerouter_common.errors import (
    CapabilityUnsupported,
    InvalidRequest,
    ProviderDeclined,
    ProviderOutcomeUnknown,
    ProviderRefusedUs,
    ProviderUnavailable,
)
from onerouter_common.money import Money
from onerouter_providers.capability import PaymentReference, PaymentRequest, RefundRequest
from onerouter_providers.loader import Providers
from onerouter_providers.payments.paypal import amounts, mapping, requests
from onerouter_providers.payments.paypal.errors import ISSUES, decline_reason, refusal, to_reason

USD = {"currency_code": "USD", "value": "12.99"}
PRICE = Money(1_299, "USD")


def order(status: str, **payments: Any) -> dict[str, Any]:
    return {
        "id": "ORDER1",
        "status": status,
        "purchase_units": [{"amount": USD, "payments": payments}],
        "payment_source": {"paypal": {"email_address": "asha@example.com"}},
    }


def capture(status: str, id: str = "CAPTURE1", **changes: Any) -> dict[str, Any]:
    return {"id": id, "status": status, "amount": USD, **changes}


class TestMoney:
    @pytest.mark.parametrize(
        ("money", "value"),
        [
            (Money(1_299, "USD"), "12.99"),
            (Money(1, "EUR"), "0.01"),
            (Money(100, "USD"), "1.00"),
            (Money(295, "JPY"), "295"),
            (Money(129_900, "HUF"), "1299"),
            (Money(10_000, "TWD"), "100"),
            (Money(99_999_999_999_999, "USD"), "999999999999.99"),
        ],
    )
    def test_both_ways(self, money: Money, value: str) -> None:
        amounts.check_amount(money)
        wire = amounts.to_wire(money)
        assert wire == {"currency_code": money.currency, "value": value}
        assert amounts.to_money(wire) == money

    @given(st.sampled_from(sorted(amounts.CURRENCIES)), st.integers(1, 10**13))
    def test_what_can_be_said_comes_back_unchanged(self, currency: str, amount: int) -> None:
        money = Money(amount, currency)
        try:
            amounts.check_amount(money)
        except InvalidRequest:
            assert currency in ("HUF", "TWD")
            assert amount % 100
        else:
            assert amounts.to_money(amounts.to_wire(money)) == money

    @pytest.mark.parametrize(
        ("money", "field"),
        [
            (Money(129_950, "HUF"), "amount"),
            (Money(1, "TWD"), "amount"),
            (Money(1, "INR"), "currency"),
            (Money(1_000, "KWD"), "currency"),
        ],
    )
    def test_what_cannot_be_said_is_refused_by_name(self, money: Money, field: str) -> None:
        with pytest.raises(InvalidRequest) as caught:
            amounts.check_amount(money)
        assert [error.field for error in caught.value.errors] == [field]

    @pytest.mark.parametrize(
        "value",
        [
            None,
            "12.99",
            {},
            {"value": "12.99"},
            {"currency_code": "USD"},
            {"currency_code": "USD", "value": 12.99},
            {"currency_code": "USD", "value": "-1.00"},
            {"currency_code": "USD", "value": "1e5"},
            {"currency_code": "USD", "value": "1.999"},
            {"currency_code": "USD", "value": "NaN"},
            {"currency_code": "USD", "value": "9" * 16},
            {"currency_code": "JPY", "value": "1.50"},
            {"currency_code": "XQQ", "value": "1.00"},
        ],
    )
    def test_what_is_strange_is_no_money(self, value: Any) -> None:
        assert amounts.to_money(value) is None

    def test_the_manifest_says_the_same(self) -> None:
        package = Providers.load().find("payments", "paypal")
        assert package is not None
        assert set(package.manifest.currencies or ()) == amounts.CURRENCIES
        assert dict(package.manifest.currency_exponents) == {"HUF": 0, "TWD": 0}


class TestBodies:
    def test_the_same_request_gives_the_same_order(self) -> None:
        request = PaymentRequest(payment_id="pay_1", amount=PRICE, return_url="https://shop.example/done")
        assert requests.order_body(request) == requests.order_body(request)
        (unit,) = requests.order_body(request)["purchase_units"]
        assert (unit["custom_id"], unit["invoice_id"]) == ("pay_1", "pay_1")

    @pytest.mark.parametrize(("capture", "intent"), [("automatic", "CAPTURE"), ("manual", "AUTHORIZE")])
    def test_who_captures_later_authorizes(self, capture: Any, intent: str) -> None:
        assert requests.order_body(PaymentRequest("pay_1", PRICE, capture=capture))["intent"] == intent

    @pytest.mark.parametrize(
        ("method", "details"),
        [
            ("upi", {"upi_app": "gpay"}),
            ("netbanking", {"bank_code": "HDFC"}),
            ("emi", {"emi_plan": "12"}),
            ("wallet", {"wallet_provider": "paytm"}),
            (None, {"bank_code": "HDFC"}),
        ],
    )
    def test_what_paypals_page_does_not_offer_is_refused(self, method: str | None, details: dict[str, str]) -> None:
        with pytest.raises(CapabilityUnsupported):
            requests.order_body(PaymentRequest("pay_1", PRICE, method=method, method_details=details))

    @pytest.mark.parametrize(
        ("method", "details"),
        [("card", {"card_network": "visa"}), ("wallet", {"wallet_provider": "paypal"}), ("paylater", {}), (None, {})],
    )
    def test_what_it_offers_is_taken(self, method: str | None, details: dict[str, str]) -> None:
        body = requests.order_body(PaymentRequest("pay_1", PRICE, method=method, method_details=details))
        page = body["payment_source"]["paypal"]["experience_context"].get("landing_page")
        assert page == ("GUEST_CHECKOUT" if method == "card" else None)

    def test_a_method_to_be_kept_is_asked_for_once_it_has_paid(self) -> None:
        wallet = requests.order_body(PaymentRequest("pay_1", PRICE, save_card=True))["payment_source"]["paypal"]
        assert wallet["attributes"] == {"vault": {"store_in_vault": "ON_SUCCESS", "usage_type": "MERCHANT"}}

    def test_a_refund_in_another_currency(self) -> None:
        with pytest.raises(InvalidRequest, match="currency"):
            requests.refund_body(RefundRequest("re_1", PaymentReference("pay_1", PRICE), Money(100, "EUR")))


class TestSnapshot:
    @pytest.mark.parametrize(
        ("told", "status"),
        [
            (order("CREATED"), "requires_action"),
            (order("SAVED"), "created"),
            (order("PAYER_ACTION_REQUIRED"), "requires_action"),
            (order("APPROVED"), "processing"),
            (order("VOIDED"), "canceled"),
            (order("COMPLETED"), "processing"),
            (order("SOMETHING_NEW"), "unknown"),
            (order("COMPLETED", captures=[capture("COMPLETED")]), "succeeded"),
            (order("COMPLETED", captures=[capture("PENDING")]), "processing"),
            (order("COMPLETED", captures=[capture("DECLINED")]), "failed"),
            (order("COMPLETED", captures=[capture("FAILED")]), "failed"),
            (order("COMPLETED", captures=[capture("REFUNDED")]), "refunded"),
            (order("COMPLETED", captures=[capture("PARTIALLY_REFUNDED")]), "partially_refunded"),
            (order("COMPLETED", captures=[capture("SOMETHING_NEW")]), "unknown"),
            (order("COMPLETED", captures=[capture("DECLINED"), capture("COMPLETED", "C2")]), "succeeded"),
            (order("COMPLETED", captures=[capture("DECLINED"), capture("SOMETHING_NEW", "C2")]), "unknown"),
            (order("COMPLETED", authorizations=[capture("CREATED")]), "authorized"),
            (order("COMPLETED", authorizations=[capture("PENDING")]), "processing"),
            (order("COMPLETED", authorizations=[capture("VOIDED")]), "canceled"),
            (order("COMPLETED", authorizations=[capture("DENIED")]), "failed"),
            # A declined capture leaves the hold as it is; a good one speaks for it.
            (order("COMPLETED", authorizations=[capture("CREATED")], captures=[capture("DECLINED")]), "authorized"),
            (order("COMPLETED", authorizations=[capture("CAPTURED")], captures=[capture("COMPLETED")]), "succeeded"),
        ],
    )
    def test_status(self, told: dict[str, Any], status: str) -> None:
        shown = mapping.order_snapshot(told)
        assert shown.status == status
        assert shown.awaits_completion == (told["status"] == "APPROVED")
        assert (shown.provider_order_id, shown.amount) == ("ORDER1", PRICE)

    def test_the_capture_is_the_payment_even_beside_its_authorization(self) -> None:
        told = order("COMPLETED", authorizations=[capture("CAPTURED", "AUTH1")], captures=[capture("COMPLETED")])
        assert mapping.order_snapshot(told).provider_payment_id == "CAPTURE1"

    def test_an_approval_outlives_an_earlier_decline(self) -> None:
        shown = mapping.order_snapshot(order("APPROVED", captures=[capture("DECLINED")]))
        assert (shown.status, shown.awaits_completion) == ("processing", True)

    def test_why_it_was_declined(self) -> None:
        declined = capture("DECLINED", processor_response={"response_code": "5120"})
        shown = mapping.order_snapshot(order("COMPLETED", captures=[declined]))
        assert (shown.error_reason, shown.error_code) == ("insufficient_funds", "5120")
        assert shown.error_message

    def test_refunds_are_added_up_once_they_are_done(self) -> None:
        refunds = [{"status": status, "amount": USD} for status in ("COMPLETED", "PENDING", "FAILED", "COMPLETED")]
        told = order("COMPLETED", captures=[capture("PARTIALLY_REFUNDED")], refunds=refunds)
        assert mapping.order_snapshot(told).amount_refunded_minor == 2_598

    def test_the_fee_is_in_its_own_currency(self) -> None:
        def fee(currency: str) -> tuple[int | None, str | None]:
            breakdown = {"paypal_fee": {"currency_code": currency, "value": "0.94"}}
            paid = capture("COMPLETED", seller_receivable_breakdown=breakdown)
            told = mapping.order_snapshot(order("COMPLETED", captures=[paid]))
            return told.fee_minor, told.fee_currency

        assert (fee("USD"), fee("EUR")) == ((94, "USD"), (94, "EUR"))

    @pytest.mark.parametrize(
        ("source", "method", "details"),
        [
            ({"paypal": {"email_address": "a@b.c"}}, "wallet", {"wallet": "paypal"}),
            ({"venmo": {"user_name": "x"}}, "wallet", {"wallet": "venmo"}),
            (
                {"card": {"brand": "VISA", "last_digits": "7704", "type": "CREDIT", "name": "Asha Rao"}},
                "card",
                {"card_network": "VISA", "card_last4": "7704", "card_type": "CREDIT"},
            ),
            ({}, None, {}),
            (None, None, {}),
        ],
    )
    def test_the_method_without_the_payer(self, source: Any, method: str | None, details: dict[str, str]) -> None:
        assert mapping.method_of(source) == (method, details)

    @pytest.mark.parametrize("rel", ["payer-action", "approve"])
    def test_the_approval_link(self, rel: str) -> None:
        links = [{"rel": "self", "href": "https://x/1"}, {"rel": rel, "href": "https://x/2"}]
        assert mapping.approval_link({"links": links}) == "https://x/2"

    @given(
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(max_size=5),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(
                    st.sampled_from(
                        ["id", "status", "purchase_units", "payments", "captures", "links", "amount", "refunds"]
                    ),
                    inner,
                    max_size=4,
                )
            ),
            max_leaves=12,
        )
    )
    def test_no_shape_breaks_it(self, told: Any) -> None:
        thing = told if isinstance(told, dict) else {"purchase_units": [told], "links": told, "payment_source": told}
        assert mapping.order_snapshot(thing).status in {
            *mapping.ORDER_STATUS.values(),
            *mapping.CAPTURE_STATUS.values(),
            "unknown",
            "authorized",
        }
        mapping.refund_snapshot(thing)
        mapping.find_refund(thing, "re_1")
        mapping.linked_capture_id(thing)


class TestErrors:
    @pytest.mark.parametrize(
        ("status", "body", "kind", "reason"),
        [
            (422, {"details": [{"issue": "INSTRUMENT_DECLINED"}]}, ProviderDeclined, "card_declined"),
            (422, {"details": [{"issue": "PAYER_CANNOT_PAY"}]}, ProviderDeclined, "insufficient_funds"),
            (422, {"details": [{"issue": "CARD_EXPIRED"}]}, ProviderDeclined, "expired_card"),
            (422, {"details": [{"issue": "ORDER_NOT_APPROVED"}]}, ProviderDeclined, "authentication_required"),
            (422, {"details": [{"issue": "COMPLIANCE_VIOLATION"}]}, ProviderDeclined, "fraud_suspected"),
            (422, {"details": [{"issue": "REFUND_AMOUNT_EXCEEDED"}]}, ProviderDeclined, "refund_rejected"),
            (422, {"details": [{"issue": "DUPLICATE_INVOICE_ID"}]}, ProviderRefusedUs, "duplicate"),
            (422, {"details": [{"issue": "NEVER_SEEN"}], "name": "X"}, ProviderRefusedUs, "invalid_request"),
            (400, {"name": "INVALID_REQUEST"}, ProviderRefusedUs, "invalid_request"),
            (401, {"error": "invalid_client"}, ProviderRefusedUs, "authentication_failed"),
            (401, {}, ProviderRefusedUs, "authentication_failed"),
            (403, {"name": "NOT_AUTHORIZED"}, ProviderRefusedUs, "permission_denied"),
            (404, {"name": "RESOURCE_NOT_FOUND"}, ProviderRefusedUs, "not_found"),
            (409, {"details": [{"issue": "PREVIOUS_REQUEST_IN_PROGRESS"}]}, ProviderOutcomeUnknown, "in_progress"),
            (409, {}, ProviderOutcomeUnknown, "in_progress"),
            (418, {}, ProviderRefusedUs, "unknown"),
            (422, {"details": "none"}, ProviderRefusedUs, "invalid_request"),
            (422, {"details": [7]}, ProviderRefusedUs, "invalid_request"),
        ],
    )
    def test_refusals(self, status: int, body: dict[str, Any], kind: type[Exception], reason: str) -> None:
        error = refusal(status, {**body, "debug_id": "90957fca61718"}, "payment.create", effect=True)
        assert (type(error), error.reason, error.provider_request_id) == (kind, reason, "90957fca61718")

    def test_a_question_that_is_still_running_changed_nothing(self) -> None:
        assert isinstance(refusal(409, {}, "payment.get", effect=False), ProviderUnavailable)

    def test_no_word_means_two_things(self) -> None:
        words = [theirs for group in ISSUES.values() for theirs in group]
        assert len(words) == len(set(words))
        assert to_reason(None) is None

    @pytest.mark.parametrize(
        ("code", "reason", "ours"),
        [
            ("5120", None, "insufficient_funds"),
            ("00N7", None, "incorrect_details"),
            ("9500", None, "fraud_suspected"),
            (None, "DECLINED_BY_RISK_FRAUD_FILTERS", "fraud_suspected"),
            ("ZZZZ", None, "card_declined"),
            (None, None, "card_declined"),
        ],
    )
    def test_declines(self, code: str | None, reason: str | None, ours: str) -> None:
        assert decline_reason(code, reason) == ours
