"""Callbacks about plans, subscriptions, links, vendors, transfers and disputes, by Stripe's samples."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr
from tests.providers.payments.stripe.test_webhook import BODY, encode, event, parsed, sign

from onerouter_common.contracts.callbacks import CallbackObject
from onerouter_common.ids import PAYMENT_LINK, SUBSCRIPTION, TRANSFER, VENDOR, new_id
from onerouter_providers.payments.stripe import webhook
from onerouter_providers.resources import FACTS
from onerouter_providers.webhook import SignatureInvalid

AT = 1_767_225_600
SUB, LINK = "sub_ORTEST000001", "plink_ORTEST000001"


@pytest.fixture(scope="session")
def samples(specs: Path) -> dict[str, Any]:
    return dict(json.loads((specs / "webhook-samples" / "stripe.json").read_text("utf-8"))["events"])


def told(sample: dict[str, Any], **changes: Any) -> CallbackObject | None:
    changed = copy.deepcopy(sample)
    changed["data"]["object"] |= changes
    found = webhook.parse(encode(changed), {})
    return None if found is None else found.object


@pytest.mark.parametrize(
    ("name", "kind", "status", "provider_id"),
    [
        ("customer.subscription.created", "subscription", "pending_authorization", SUB),
        ("customer.subscription.updated#activated", "subscription", "active", SUB),
        ("customer.subscription.updated#past_due", "subscription", "past_due", SUB),
        ("customer.subscription.updated#collection_paused", "subscription", "paused", SUB),
        ("customer.subscription.paused", "subscription", "paused", SUB),
        ("customer.subscription.resumed", "subscription", "active", SUB),
        ("customer.subscription.deleted", "subscription", "canceled", SUB),
        ("invoice.paid", "subscription", "unchanged", SUB),
        ("invoice.payment_failed", "subscription", "unchanged", SUB),
        ("checkout.session.completed", "payment_link", "paid", LINK),
        ("checkout.session.async_payment_failed", "payment_link", "canceled", LINK),
        ("account.updated", "vendor", "active", "acct_ORTEST000001"),
        ("transfer.created", "transfer", "succeeded", "tr_ORTEST000001"),
        ("charge.dispute.created", "dispute", "needs_response", "du_ORTEST000001"),
        ("charge.dispute.closed#won", "dispute", "won", "du_ORTEST000001"),
        ("charge.dispute.closed#lost", "dispute", "lost", "du_ORTEST000001"),
    ],
)
def test_each_sample_becomes_its_object(
    samples: dict[str, Any], name: str, kind: str, status: str, provider_id: str
) -> None:
    found = told(samples[name])
    assert found is not None
    assert (found.kind, found.status, found.provider_id) == (kind, status, provider_id)
    if kind != "dispute":
        assert {fact for fact in found.facts if not fact.startswith("charge:")} <= FACTS[kind]
        assert None not in found.facts.values()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
FIELDS = (
    "id", "object", "status", "amount", "amount_paid", "amount_due", "amount_total", "amount_reversed", "currency", "items",
    "data", "price", "recurring", "customer", "metadata", "latest_invoice", "confirmation_secret", "pending_setup_intent",
    "pause_collection", "cancel_at", "ended_at", "current_period_end", "parent", "subscription_details", "subscription",
    "status_transitions", "paid_at", "created", "payment_link", "payment_status", "payment_intent", "restrictions",
    "completed_sessions", "count", "active", "url", "type", "card", "wallet", "exp_month", "billing_details", "capabilities",
    "requirements", "currently_due", "disabled_reason", "payouts_enabled", "evidence_details", "due_by", "reason",
)  # fmt: skip
STRANGE = st.recursive(
    st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=10),
    lambda inner: st.dictionaries(st.sampled_from(FIELDS), inner | JSON, max_size=10),
    max_leaves=6,
)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(STRANGE)
def test_whatever_stripe_says_is_told_in_our_words_or_not_at_all(thing: dict[str, Any]) -> None:
    for kind in webhook.FOLLOWED:
        found = webhook.parse(encode(event(kind, {**thing, "id": "x"})), {})
        if found is not None and found.object.kind in FACTS:
            assert {fact for fact in found.object.facts if not fact.startswith("charge:")} <= FACTS[found.object.kind]


class TestSubscription:
    def test_the_period_and_the_plan_are_its_items(self, samples: dict[str, Any]) -> None:
        found = told(samples["customer.subscription.updated#activated"])
        assert found is not None
        assert found.facts["provider_plan_id"] == "price_ORTEST000001"
        assert found.facts["current_period_start"] == "2026-01-01T00:00:00Z"
        assert found.facts["current_period_end"] == "2026-02-01T00:00:00Z"
        assert found.facts["next_charge_at"] == found.facts["current_period_end"]
        assert found.facts["cancel_at_cycle_end"] is False

    def test_its_reference_is_in_its_metadata_and_in_its_invoices(self, samples: dict[str, Any]) -> None:
        ours = new_id(SUBSCRIPTION)
        updated = told(samples["customer.subscription.created"], metadata={"onerouter_id": ours})
        details = {"metadata": {"onerouter_id": ours}, "subscription": SUB}
        paid = told(samples["invoice.paid"], parent={"type": "x", "subscription_details": details})
        foreign = told(samples["customer.subscription.created"], metadata={"onerouter_id": "sub_theirs"})
        assert [one and one.reference for one in (updated, paid, foreign)] == [ours, ours, None]

    def test_a_charge_is_known_by_its_invoice(self, samples: dict[str, Any]) -> None:
        paid, failed = told(samples["invoice.paid"]), told(samples["invoice.payment_failed"])
        assert paid is not None
        assert failed is not None
        charge = {"amount_minor": 1_000, "currency": "USD", "at": "2026-01-01T00:00:00Z"}
        assert paid.facts == {"charge:in_ORTEST000001": {**charge, "status": "succeeded"}}
        assert failed.facts == {"charge:in_ORTEST000001": {**charge, "status": "failed"}}

    def test_an_invoice_over_nothing_or_of_nothing_tells_nothing(self, samples: dict[str, Any]) -> None:
        assert told(samples["invoice.paid"], amount_paid=0) is None
        assert told(samples["invoice.paid"], parent=None) is None

    def test_ending_after_its_cycles_is_completion(self, samples: dict[str, Any]) -> None:
        sample, counted = samples["customer.subscription.deleted"], {"metadata": {"onerouter_total_count": "12"}}
        for changes, status in (
            ({**counted, "cancel_at": AT, "ended_at": AT}, "completed"),
            ({**counted, "cancel_at": AT + 60, "ended_at": AT}, "canceled"),
            ({**counted, "cancel_at": AT, "ended_at": AT, "cancel_at_period_end": True}, "canceled"),
            ({"cancel_at": AT, "ended_at": AT}, "canceled"),
        ):
            found = told(sample, **changes)
            assert found is not None
            assert found.status == status

    def test_a_word_we_have_not_met_changes_nothing(self, samples: dict[str, Any]) -> None:
        found = told(samples["customer.subscription.created"], status="in_orbit")
        assert found is not None
        assert found.status == "unchanged"


class TestPaymentLink:
    def test_a_visit_tells_who_paid(self, samples: dict[str, Any]) -> None:
        ours = new_id(PAYMENT_LINK)
        found = told(samples["checkout.session.completed"], metadata={"onerouter_id": ours})
        assert found is not None
        assert found.reference == ours
        assert found.facts == {
            "provider_order_id": "cs_test_ORTEST000001",
            "provider_payment_id": "pi_ORTEST000001",
            "amount_paid_minor": 1_299,
        }

    def test_a_visit_whose_money_is_on_its_way_pays_nothing_yet(self, samples: dict[str, Any]) -> None:
        found = told(samples["checkout.session.completed"], payment_status="unpaid")
        assert found is not None
        assert (found.status, "amount_paid_minor" in found.facts) == ("unchanged", False)

    def test_a_visit_that_ended_leaves_the_link_open(self, samples: dict[str, Any]) -> None:
        assert told(samples["checkout.session.expired"]) is None

    def test_its_payment_is_no_payment_of_ours(self) -> None:
        thing = {"id": "x", "status": "succeeded", "metadata": {"onerouter_id": new_id(PAYMENT_LINK)}}
        for kind in ("payment_intent.succeeded", "charge.succeeded", "charge.refunded"):
            assert webhook.parse(encode(event(kind, thing)), {}) is None

    @pytest.mark.parametrize(
        ("active", "count", "status"), [(True, 0, "unchanged"), (False, 0, "canceled"), (False, 1, "unchanged")]
    )
    def test_an_inactive_one_was_canceled_unless_used(self, active: bool, count: int, status: str) -> None:
        restrictions = {"completed_sessions": {"count": count, "limit": 1}}
        found = parsed("payment_link.updated", id="plink_1", active=active, restrictions=restrictions)
        assert (found.kind, found.status) == ("payment_link", status)


class TestVendor:
    @pytest.mark.parametrize(
        ("account", "status"),
        [
            ({}, "pending"),
            ({"payouts_enabled": True}, "active"),
            ({"payouts_enabled": True, "capabilities": {"transfers": "pending"}}, "pending"),
            ({"details_submitted": True, "requirements": {"disabled_reason": "requirements.past_due"}}, "restricted"),
            ({"payouts_enabled": True, "requirements": {"disabled_reason": "rejected.fraud"}}, "rejected"),
        ],
    )
    def test_status(self, account: dict[str, Any], status: str) -> None:
        ours = new_id(VENDOR)
        found = parsed("account.updated", id="acct_1", metadata={"onerouter_id": ours}, **account)
        assert (found.kind, found.status, found.reference) == ("vendor", status, ours)

    def test_what_it_does_itself_is_not_ours(self) -> None:
        intent = event("payment_intent.succeeded", {"id": "pi_1", "status": "succeeded"})
        assert webhook.parse(encode({**intent, "account": "acct_1"}), {}) is None

    def test_its_events_are_signed_by_an_endpoint_of_their_own(self) -> None:
        both = {"webhook_secret": SecretStr("whsec_a"), "connect_webhook_secret": SecretStr("whsec_b")}
        webhook.verify(BODY, sign(BODY, AT, "whsec_b"), both, now=AT)
        with pytest.raises(SignatureInvalid):
            webhook.verify(BODY, sign(BODY, AT, "whsec_c"), both, now=AT)


@pytest.mark.parametrize(
    ("back", "whole", "status"),
    [(0, False, "succeeded"), (400, False, "partially_reversed"), (1_000, True, "reversed")],
)
def test_a_transfer_tells_what_came_back(back: int, whole: bool, status: str) -> None:
    ours = new_id(TRANSFER)
    found = parsed(
        "transfer.updated",
        id="tr_1",
        amount=1_000,
        amount_reversed=back,
        currency="usd",
        reversed=whole,
        metadata={"onerouter_id": ours},
    )
    assert (found.status, found.reference) == (status, ours)
    assert found.facts == ({"amount_reversed_minor": back} if back else {})


def test_a_dispute_names_its_payment_and_its_deadline(samples: dict[str, Any]) -> None:
    found = told(samples["charge.dispute.created"])
    assert found is not None
    assert (found.payment_id, found.amount_minor, found.currency) == ("pi_ORTEST000001", 1_299, "USD")
    assert found.facts == {"reason": "fraudulent", "due_by": "2026-01-11T00:00:00Z"}
