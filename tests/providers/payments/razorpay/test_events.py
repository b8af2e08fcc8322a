"""Each event of what is kept beside payments becomes one object, in the words and facts that answers use too."""

import hashlib
import hmac
import json
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from onerouter_common.contracts.callbacks import CallbackObject
from onerouter_common.ids import PAYMENT_LINK, SUBSCRIPTION, TRANSFER, new_id
from onerouter_common.money import Money
from onerouter_providers.payments.razorpay import events, links, onboarding, recurring, tokens, transfers, webhook
from onerouter_providers.payments.razorpay.customers import customer_snapshot
from onerouter_providers.resources import CHARGE, FACTS
from onerouter_providers.webhook import CallbackUnreadable, SignatureInvalid

if TYPE_CHECKING:
    from .conftest import RazorpayLab

AT = 1_767_225_600
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
FIELDS = (
    "id", "status", "amount", "amount_paid", "amount_reversed", "currency", "notes", "item", "payments", "card", "error",
    "start_at", "charge_at", "created_at", "short_url", "expire_by", "plan_id", "paid_count", "activation_status",
    "requirements", "recurring_details", "fees", "contact", "reference_id", "entity",
)  # fmt: skip
STRANGE = st.dictionaries(st.sampled_from(FIELDS) | st.text(), JSON, max_size=12)


@pytest.fixture(scope="session")
def samples(specs: Path) -> dict[str, Any]:
    return dict(json.loads((specs / "webhook-samples" / "razorpay.json").read_text("utf-8"))["events"])


def parsed(event: dict[str, Any]) -> CallbackObject:
    found = webhook.parse(json.dumps(event).encode(), {})
    assert found is not None
    return found.object


def event(kind: str, **entities: dict[str, Any]) -> dict[str, Any]:
    payload = {name: {"entity": entity} for name, entity in entities.items()}
    return {"entity": "event", "event": kind, "payload": payload, "created_at": AT}


class TestSamples:
    @pytest.mark.parametrize(
        ("kind", "status"),
        [
            ("subscription.authenticated", "trialing"),
            ("subscription.activated", "active"),
            ("subscription.charged", "active"),
            ("subscription.pending", "past_due"),
            ("subscription.halted", "unpaid"),
            ("subscription.paused", "paused"),
            ("subscription.resumed", "active"),
            ("subscription.updated", "active"),
            ("subscription.cancelled", "canceled"),
            ("subscription.completed", "completed"),
            ("payment_link.paid", "paid"),
            ("payment_link.cancelled", "canceled"),
            ("payment_link.expired", "expired"),
            ("transfer.processed", "succeeded"),
            ("transfer.failed", "failed"),
            ("payment.dispute.created", "needs_response"),
            ("payment.dispute.under_review", "under_review"),
            ("payment.dispute.action_required", "needs_response"),
            ("payment.dispute.won", "won"),
            ("payment.dispute.lost", "lost"),
            ("payment.dispute.closed", "closed"),
        ],
    )
    def test_each_has_its_status_and_only_facts_of_its_kind(
        self, samples: dict[str, Any], kind: str, status: str
    ) -> None:
        shown = parsed(samples[kind])
        assert shown.status == status
        assert shown.provider_id
        names = {name for name in shown.facts if not name.startswith(CHARGE)}
        assert names <= FACTS.get(shown.kind, {"reason", "due_by"})
        assert "buyer@example.com" not in shown.model_dump_json()

    def test_a_renewal_is_a_charge(self, samples: dict[str, Any]) -> None:
        assert parsed(samples["subscription.charged"]).facts["charge:pay_ORTEST00000001"] == {
            "amount_minor": 129_900,
            "currency": "INR",
            "at": "2026-01-01T00:00:00.000Z",
            "status": "succeeded",
        }

    def test_a_paid_link_names_its_payment(self, samples: dict[str, Any]) -> None:
        shown = parsed(samples["payment_link.paid"])
        assert shown.facts["provider_payment_id"] == "pay_ORTEST00000001"
        assert shown.facts["amount_paid_minor"] == 129_900
        assert "expires_at" not in shown.facts

    def test_a_dispute_says_of_which_payment_how_much_why_and_until_when(self, samples: dict[str, Any]) -> None:
        shown = parsed(samples["payment.dispute.created"])
        assert (shown.kind, shown.provider_id) == ("dispute", "disp_ORTEST0000001")
        assert (shown.payment_id, shown.order_id) == ("pay_ORTEST00000001", "order_ORTEST0000001")
        assert (shown.amount_minor, shown.currency) == (129_900, "INR")
        assert shown.facts == {"reason": "chargeback", "due_by": "2026-01-08T00:00:00.000Z"}


class TestReference:
    def test_it_is_what_our_server_wrote(self) -> None:
        sub, link, transfer = new_id(SUBSCRIPTION), new_id(PAYMENT_LINK), new_id(TRANSFER)
        thing = {"id": "x_1", "status": "active", "notes": {"onerouter_id": sub}}
        assert parsed(event("subscription.activated", subscription=thing)).reference == sub
        assert (
            parsed(event("payment_link.paid", payment_link={"id": "plink_1", "reference_id": link})).reference == link
        )
        told = {"id": "trf_1", "status": "processed", "notes": {"onerouter_id": transfer}}
        assert parsed(event("transfer.processed", transfer=told)).reference == transfer

    def test_another_kinds_or_a_strangers_is_none(self) -> None:
        for noted in (new_id(TRANSFER), "sub_17", 7, None):
            thing = {"id": "sub_1", "status": "active", "notes": {"onerouter_id": noted}}
            assert parsed(event("subscription.activated", subscription=thing)).reference is None


class TestReaders:
    def test_a_payment_of_an_invoice_or_a_link_is_told_by_what_it_pays_for(self) -> None:
        payment = {"id": "pay_1", "order_id": "order_1", "status": "captured", "amount": 1, "currency": "INR"}
        of_invoice = event("payment.captured", payment={**payment, "invoice_id": "inv_1"})
        of_link = event("order.paid", payment=payment, order={"id": "order_1", "receipt": new_id(PAYMENT_LINK)})
        assert webhook.parse(json.dumps(of_invoice).encode(), {}) is None
        assert webhook.parse(json.dumps(of_link).encode(), {}) is None

    def test_a_failed_charge_is_one(self) -> None:
        payment = {"id": "pay_1", "status": "failed", "amount": 100, "currency": "INR", "created_at": AT}
        shown = parsed(
            event("subscription.pending", subscription={"id": "sub_1", "status": "pending"}, payment=payment)
        )
        charge = shown.facts["charge:pay_1"]
        assert isinstance(charge, dict)
        assert charge["status"] == "failed"

    def test_an_invoice_is_a_subscriptions_or_nobodys(self) -> None:
        payment = {"id": "pay_1", "status": "captured", "amount": 100, "currency": "INR", "created_at": AT}
        invoice = {"id": "inv_1", "subscription_id": "sub_1"}
        shown = parsed(event("invoice.paid", invoice=invoice, payment=payment))
        assert (shown.kind, shown.provider_id, shown.status) == ("subscription", "sub_1", "unchanged")
        assert set(shown.facts) == {"charge:pay_1"}
        other = event("invoice.paid", invoice={"id": "inv_1", "subscription_id": None}, payment=payment)
        assert webhook.parse(json.dumps(other).encode(), {}) is None

    @pytest.mark.parametrize(
        ("status", "phase", "ours"),
        [
            ("open", "fraud", "warning"),
            ("under_review", "retrieval", "warning"),
            ("open", "pre_arbitration", "needs_response"),
            ("lost", "fraud", "lost"),
            ("in_orbit", "chargeback", "unchanged"),
        ],
    )
    def test_early_phases_only_warn(self, status: str, phase: str, ours: str) -> None:
        dispute = {"id": "disp_1", "payment_id": "pay_1", "status": status, "phase": phase}
        assert parsed(event("payment.dispute.created", dispute=dispute)).status == ours

    def test_a_vendors_event_is_of_its_linked_account_and_says_what_is_missing(self) -> None:
        entity = {"id": "acc_prd_1", "merchant_id": "acc_1", "activation_status": "needs_clarification"}
        told = event("product.route.needs_clarification", merchant_product=entity)
        missing = [{"field_reference": "settlements.ifsc_code"}, {"field_reference": "settlements.account_number"}]
        told["payload"]["merchant_product"]["data"] = {"requirements": missing}
        shown = parsed(told)
        assert (shown.kind, shown.provider_id, shown.status) == ("vendor", "acc_1", "restricted")
        assert shown.facts == {
            "provider_product_id": "acc_prd_1",
            "payouts_enabled": False,
            "requirements": ["settlements.account_number", "settlements.ifsc_code"],
        }
        told["payload"]["merchant_product"] = {"entity": {**entity, "activation_status": "activated"}, "data": []}
        active = parsed({**told, "event": "product.route.activated"})
        assert (active.status, active.facts["requirements"]) == ("active", [])

    def test_a_status_we_have_not_met_changes_none(self) -> None:
        told = {"id": "x_1", "status": "in_orbit"}
        assert parsed(event("subscription.updated", subscription=told)).status == "unchanged"
        assert parsed(event("payment_link.paid", payment_link=told)).status == "unchanged"
        assert parsed(event("transfer.processed", transfer=told)).status == "unchanged"

    @pytest.mark.parametrize("kind", sorted(events.FOLLOWED))
    def test_an_event_without_its_object_cannot_be_read(self, kind: str) -> None:
        with pytest.raises(CallbackUnreadable):
            webhook.parse(json.dumps(event(kind)).encode(), {})

    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(STRANGE, st.sampled_from(sorted(events.FOLLOWED)))
    def test_whatever_razorpay_says_reading_is_never_surprised(self, thing: dict[str, Any], kind: str) -> None:
        named = {**thing, "id": "x_1", "merchant_id": "acc_1"}
        names = (
            "payment",
            "invoice",
            "refund",
            "subscription",
            "payment_link",
            "transfer",
            "dispute",
            "merchant_product",
        )
        with suppress(CallbackUnreadable):  # a lone surrogate, say, is no JSON
            webhook.parse(json.dumps(event(kind, **dict.fromkeys(names, named))).encode(), {})
        for snapshot in (
            recurring.plan_snapshot(thing),
            recurring.subscription_snapshot(thing),
            customer_snapshot(thing),
            links.link_snapshot(thing),
            tokens.token_snapshot(thing, customer_id="cust_1"),
            transfers.transfer_snapshot(thing),
            onboarding.account_snapshot(thing),
            onboarding.product_snapshot("acc_1", thing),
        ):
            assert all(value is not None for value in snapshot.facts.values())
        recurring.charges_of_invoices([thing])


class TestVerify:
    def test_a_linked_accounts_event_names_that_account_and_is_ours(self, samples: dict[str, Any]) -> None:
        secrets = {"webhook_secret": SecretStr("s"), "account_id": SecretStr("acc_OURS")}
        told = event("product.route.activated", merchant_product={"id": "acc_prd_1", "merchant_id": "acc_THEIRS"})
        ours = json.dumps({**told, "account_id": "acc_THEIRS"}).encode()
        webhook.verify(ours, _signed(ours), secrets)
        theirs = json.dumps(samples["transfer.processed"]).encode()
        with pytest.raises(SignatureInvalid, match="another"):
            webhook.verify(theirs, _signed(theirs), secrets)


def _signed(body: bytes) -> dict[str, str]:
    return {"X-Razorpay-Signature": hmac.new(b"s", body, hashlib.sha256).hexdigest()}


async def test_a_dispute_is_told_from_its_opening_to_its_end(lab: "RazorpayLab") -> None:
    payment = await lab.paid_payment(Money(129_900, "INR"))
    opened = await lab.ask(f"/razorpay/payments/{payment.provider_payment_id}/dispute")
    await lab.ask(f"/razorpay/disputes/{opened['id']}/decide", status="lost")
    told = [each.object for each in await lab.told("dispute", opened["id"])]
    assert [each.status for each in told][-1] == "lost"
    assert {each.payment_id for each in told} == {payment.provider_payment_id}


@pytest.mark.parametrize(
    "name",
    [
        "py-fake_plan", "py-fake_subscription", "py-fake_subscription_cancelled", "py-fake_subscription_paused",
        "py-fake_subscription_resumed", "py-fake_customer", "go-fake_token", "py-fake_payment_link",
        "py-cancel_payment_link", "go-fake_transfer", "py-fake_transfer", "py-fake_account",
    ],
)  # fmt: skip
def test_razorpays_own_samples(specs: Path, name: str) -> None:
    sample = json.loads((specs / "razorpay-fixtures" / f"{name}.json").read_text("utf-8"))
    shown = {
        "py-fake_plan": recurring.plan_snapshot,
        "py-fake_customer": customer_snapshot,
        "go-fake_token": lambda token: tokens.token_snapshot(token, customer_id="cust_1"),
        "py-fake_payment_link": links.link_snapshot,
        "py-cancel_payment_link": links.link_snapshot,
        "go-fake_transfer": transfers.transfer_snapshot,
        "py-fake_transfer": transfers.transfer_snapshot,
        "py-fake_account": onboarding.account_snapshot,
    }.get(name, recurring.subscription_snapshot)(sample)
    expected = {
        "py-fake_plan": "active",
        "py-fake_subscription": "active",
        "py-fake_subscription_cancelled": "canceled",
        "py-fake_subscription_paused": "paused",
        "py-fake_subscription_resumed": "active",
        "py-fake_payment_link": "paid",
        "py-cancel_payment_link": "canceled",
        "go-fake_transfer": "succeeded",
        "py-fake_transfer": "pending",
        "py-fake_account": "pending",
    }.get(name, "active")
    assert (shown.status, shown.provider_id) == (expected, sample["id"])
