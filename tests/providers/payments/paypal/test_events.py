"""What PayPal's callbacks say of subscriptions, links, methods, vendors, payouts and disputes, by the reference's samples."""

import json
from pathlib import Path
from typing import Any

import pytest

from onerouter_common.contracts.callbacks import CallbackObject
from onerouter_common.ids import REFUND, new_id
from onerouter_providers.payments.paypal import webhook
from onerouter_providers.webhook import CallbackUnreadable


@pytest.fixture
def samples(specs: Path) -> dict[str, Any]:
    return dict(json.loads((specs / "webhook-samples" / "paypal.json").read_text())["events"])


def told(event: dict[str, Any], **changes: Any) -> CallbackObject:
    parsed = webhook.parse(json.dumps({**event, "resource": {**event["resource"], **changes}}).encode(), {})
    assert parsed is not None
    return parsed.object


def made_up(kind: str, **resource: Any) -> dict[str, Any]:
    return {"id": "WH-1", "event_type": kind, "create_time": "2026-01-01T00:00:00Z", "resource": resource}


class TestSubscriptions:
    @pytest.mark.parametrize(
        ("kind", "status"),
        [
            ("CREATED", "pending_authorization"),
            ("ACTIVATED", "active"),
            ("UPDATED", "active"),
            ("SUSPENDED", "paused"),
            ("CANCELLED", "canceled"),
            ("EXPIRED", "completed"),
            ("PAYMENT.FAILED", "past_due"),
        ],
    )
    def test_each_event_says_how_it_stands(self, samples: dict[str, Any], kind: str, status: str) -> None:
        thing = told(samples[f"BILLING.SUBSCRIPTION.{kind}"])
        assert (thing.kind, thing.status, thing.provider_id) == ("subscription", status, "I-ORTEST000001")
        assert thing.facts["next_charge_at"] == "2026-02-01T10:00:00Z"
        assert (thing.facts["paid_count"], thing.facts["remaining_count"]) == (1, 11)

    def test_whoever_wrote_the_custom_id_it_is_nobodys_proof(self, samples: dict[str, Any]) -> None:
        assert {
            told(event).reference
            for kind, event in samples.items()
            if kind.startswith("BILLING.") or kind == "PAYMENT.SALE.COMPLETED"
        } == {None}

    def test_past_the_threshold_it_is_unpaid(self, samples: dict[str, Any]) -> None:
        event = samples["BILLING.SUBSCRIPTION.SUSPENDED"]
        billing = {**event["resource"]["billing_info"], "failed_payments_count": 3}
        assert told(event, billing_info=billing).status == "unpaid"

    def test_a_renewal_is_a_charge_of_it(self, samples: dict[str, Any]) -> None:
        thing = told(samples["PAYMENT.SALE.COMPLETED"])
        assert (thing.kind, thing.status, thing.provider_id) == ("subscription", "unchanged", "I-ORTEST000001")
        assert thing.facts == {
            "charge:80021663DE681814L": {
                "amount_minor": 1_000,
                "currency": "USD",
                "at": "2026-01-01T00:00:00Z",
                "status": "succeeded",
            }
        }

    def test_what_was_returned_of_a_charge_is_a_refund_of_its_payment(self, samples: dict[str, Any]) -> None:
        event = samples["PAYMENT.SALE.REFUNDED"]
        thing = told(event)
        assert (thing.kind, thing.status, thing.refund_id) == ("refund", "succeeded", "6YX43824R4443062K")
        assert (thing.payment_id, thing.amount_minor, thing.reference) == ("80021663DE681814L", 1_000, None)
        ours = new_id(REFUND)
        assert told(event, invoice_number=ours).reference == ours
        assert told(event, invoice_number="their-17").reference is None
        with pytest.raises(CallbackUnreadable):
            told(event, id=None)

    def test_a_charge_that_paypal_took_back_is_returned(self, samples: dict[str, Any]) -> None:
        event = samples["PAYMENT.SALE.REVERSED"]
        thing = told(event)
        assert (thing.kind, thing.status, thing.payment_id) == ("payment", "refunded", "80021663DE681814L")
        assert thing.amount_refunded_minor == 1_000
        other = {**event, "resource": {**event["resource"], "billing_agreement_id": None}}
        assert webhook.parse(json.dumps(other).encode(), {}) is None

    def test_another_sale_is_not_ours(self, samples: dict[str, Any]) -> None:
        event = json.loads(json.dumps(samples["PAYMENT.SALE.COMPLETED"]))
        del event["resource"]["billing_agreement_id"]
        assert webhook.parse(json.dumps(event).encode(), {}) is None


class TestDisputes:
    @pytest.mark.parametrize(
        ("changes", "status"),
        [
            ({}, "warning"),
            ({"dispute_life_cycle_stage": "CHARGEBACK"}, "needs_response"),
            ({"dispute_life_cycle_stage": "CHARGEBACK", "status": "UNDER_REVIEW"}, "under_review"),
            ({"dispute_life_cycle_stage": "CHARGEBACK", "status": "WAITING_FOR_BUYER_RESPONSE"}, "under_review"),
        ],
    )
    def test_by_stage_then_status(self, samples: dict[str, Any], changes: dict[str, Any], status: str) -> None:
        thing = told(samples["CUSTOMER.DISPUTE.CREATED"], **changes)
        assert (thing.kind, thing.status, thing.provider_id) == ("dispute", status, "PP-D-00000001")
        assert (thing.payment_id, thing.amount_minor, thing.currency) == ("3C679366HH908993F", 1_299, "USD")
        assert thing.reference is None
        assert thing.facts == {
            "reason": "merchandise_or_service_not_received",
            "due_by": "2026-01-10T00:00:00Z",
        }

    @pytest.mark.parametrize(
        ("outcome", "status"),
        [
            ("RESOLVED_BUYER_FAVOUR", "lost"),
            ("ACCEPTED", "lost"),
            ("RESOLVED_SELLER_FAVOUR", "won"),
            ("RESOLVED_WITH_PAYOUT", "won"),
            ("CANCELED_BY_BUYER", "won"),
            ("DENIED", "closed"),
            ("A_NEW_WORD", "closed"),
        ],
    )
    def test_resolved_by_outcome_whatever_the_stage(self, samples: dict[str, Any], outcome: str, status: str) -> None:
        assert told(samples["CUSTOMER.DISPUTE.RESOLVED"], dispute_outcome={"outcome_code": outcome}).status == status

    def test_of_nothing(self) -> None:
        with pytest.raises(CallbackUnreadable):
            webhook.parse(json.dumps(made_up("CUSTOMER.DISPUTE.CREATED", dispute_id="PP-D-1")).encode(), {})


class TestPayouts:
    @pytest.mark.parametrize(
        ("kind", "word", "status"),
        [
            ("SUCCEEDED", "SUCCESS", "succeeded"),
            ("UNCLAIMED", "UNCLAIMED", "unclaimed"),
            ("HELD", "ONHOLD", "pending"),
            ("FAILED", "FAILED", "failed"),
            ("BLOCKED", "BLOCKED", "failed"),
            ("DENIED", "FAILED", "failed"),
            ("RETURNED", "RETURNED", "reversed"),
            ("REFUNDED", "REFUNDED", "reversed"),
            ("CANCELED", "RETURNED", "canceled"),
        ],
    )
    def test_each_event_says_what_became_of_the_money(
        self, samples: dict[str, Any], kind: str, word: str, status: str
    ) -> None:
        event = {**samples["PAYMENT.PAYOUTS-ITEM.SUCCEEDED"], "event_type": f"PAYMENT.PAYOUTS-ITEM.{kind}"}
        thing = told(event, transaction_status=word)
        assert (thing.kind, thing.status, thing.provider_id) == ("transfer", status, "ORTESTBATCH1")
        assert thing.reference == "po_01TEST"
        assert (thing.facts["provider_payout_id"], thing.facts["fee_minor"]) == ("ORTESTITEM01", 25)
        assert thing.facts.get("amount_reversed_minor") == (2_500 if word in ("RETURNED", "REFUNDED") else None)
        assert (thing.error_reason is None) == (status != "failed")


class TestOthers:
    @pytest.mark.parametrize("is_wrapped", [True, False])
    def test_a_paid_invoice(self, is_wrapped: bool) -> None:
        invoice = {
            "id": "INV2-ABCD",
            "status": "PAID",
            "detail": {"reference": "pl_1", "metadata": {"recipient_view_url": "https://paypal.example/p"}},
            "payments": {
                "paid_amount": {"currency_code": "USD", "value": "12.99"},
                "transactions": [{"payment_id": "PAY1"}],
            },
        }
        event = made_up("INVOICING.INVOICE.PAID", **({"invoice": invoice} if is_wrapped else invoice))
        thing = told(event)
        assert (thing.kind, thing.status, thing.provider_id, thing.reference) == (
            "payment_link",
            "paid",
            "INV2-ABCD",
            "pl_1",
        )
        assert thing.facts == {
            "short_url": "https://paypal.example/p",
            "provider_payment_id": "PAY1",
            "amount_paid_minor": 1_299,
        }

    def test_a_token_that_is_gone(self) -> None:
        thing = told(made_up("VAULT.PAYMENT-TOKEN.DELETED", id="8kk8451t"))
        assert (thing.kind, thing.status, thing.provider_id) == ("payment_method", "removed", "8kk8451t")

    def test_a_vendor_that_followed_the_invitation_or_left(self) -> None:
        for kind, status in (("ONBOARDING.COMPLETED", "unchanged"), ("PARTNER-CONSENT.REVOKED", "restricted")):
            thing = told(made_up(f"MERCHANT.{kind}", merchant_id="ABCDEFGHJKLMN", tracking_id="ven_1"))
            assert (thing.kind, thing.status, thing.provider_id, thing.reference) == (
                "vendor",
                status,
                "ven_1",
                "ven_1",
            )
            assert thing.facts == {"provider_merchant_id": "ABCDEFGHJKLMN"}
        stranger = made_up("MERCHANT.ONBOARDING.COMPLETED", merchant_id="ABCDEFGHJKLMN")
        assert webhook.parse(json.dumps(stranger).encode(), {}) is None
