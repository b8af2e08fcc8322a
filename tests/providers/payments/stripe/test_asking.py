"""What is asked of Stripe for plans, subscriptions, links, vendors and transfers, to the letter."""

from datetime import UTC, datetime
from typing import Any

import pytest
from tests.providers.payments.stripe.test_client import REFERENCE

from onerouter_common.errors import CapabilityUnsupported, Conflict, InvalidRequest
from onerouter_common.ids import PAYMENT_LINK, PLAN, SUBSCRIPTION, TRANSFER, VENDOR, new_id
from onerouter_common.money import Money
from onerouter_providers.payments.stripe import subscribing
from onerouter_providers.payments.stripe.form import pairs
from onerouter_providers.payments.stripe.links import link_params, link_snapshot
from onerouter_providers.payments.stripe.plans import plan_params
from onerouter_providers.payments.stripe.transfers import transfer_params
from onerouter_providers.payments.stripe.vendors import vendor_params
from onerouter_providers.resources import (
    PaymentLinkRequest,
    PlanRequest,
    ResourceReference,
    SubscriptionChange,
    SubscriptionRequest,
    TransferRequest,
    VendorRequest,
)

PRICE = Money(49_900, "USD")
NOW = datetime(2026, 1, 31, 10, 20, tzinfo=UTC).timestamp()


def asked(params: Any) -> dict[str, str]:
    return dict(pairs(params))


def plan(**changes: Any) -> PlanRequest:
    return PlanRequest(**{"plan_id": new_id(PLAN), "name": "Gold", "amount": PRICE, "interval": "month", **changes})


def subscription(**changes: Any) -> SubscriptionRequest:
    return SubscriptionRequest(subscription_id=new_id(SUBSCRIPTION), provider_plan_id="price_1", **changes)


def vendor(**changes: Any) -> VendorRequest:
    return VendorRequest(vendor_id=new_id(VENDOR), name="Chairs", **changes)


def test_a_plan_is_a_price_that_its_id_finds() -> None:
    wanted = plan(interval_count=3, description="All of it", notes={"tier": "1"})
    assert asked(plan_params(wanted)) == {
        "currency": "usd",
        "unit_amount": "49900",
        "recurring[interval]": "month",
        "recurring[interval_count]": "3",
        "product_data[name]": "Gold",
        "product_data[metadata][onerouter_id]": wanted.plan_id,
        "lookup_key": wanted.plan_id,
        "metadata[onerouter_id]": wanted.plan_id,
        "metadata[tier]": "1",
        "nickname": "All of it",
    }


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"interval": "month", "interval_count": 37}, "interval_count"),
        ({"name": " "}, "name"),
        ({"name": "x" * 251}, "name"),
    ],
)
def test_a_plan_that_stripe_cannot_bill_is_refused(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        plan_params(plan(**changes))
    assert [error.field for error in caught.value.errors] == [field]


class TestSubscription:
    def test_nothing_is_charged_before_the_payer_agrees(self) -> None:
        wanted = subscription(quantity=2, notes={"cart": "17"})
        assert asked(subscribing.create_params(wanted, "cus_1", ("month", 1), NOW)) == {
            "customer": "cus_1",
            "items[0][price]": "price_1",
            "items[0][quantity]": "2",
            "collection_method": "charge_automatically",
            "payment_behavior": "default_incomplete",
            "payment_settings[save_default_payment_method]": "on_subscription",
            "metadata[onerouter_id]": wanted.subscription_id,
            "metadata[cart]": "17",
            "expand[0]": "latest_invoice.confirmation_secret",
            "expand[1]": "pending_setup_intent",
        }

    def test_a_later_start_is_a_trial_until_then(self) -> None:
        start = datetime(2026, 3, 1, tzinfo=UTC)
        later = asked(subscribing.create_params(subscription(start_at=start, trial_days=2), "c", ("month", 1), NOW))
        assert later["trial_end"] == str(int(datetime(2026, 3, 3, tzinfo=UTC).timestamp()))
        trial = asked(subscribing.create_params(subscription(trial_days=7), "c", ("month", 1), NOW))
        assert (trial["trial_period_days"], "trial_end" in trial) == ("7", False)

    @pytest.mark.parametrize(
        ("cycle", "total_count", "trial_days", "end"),
        [
            (("day", 10), 3, 0, datetime(2026, 3, 2, 9, tzinfo=UTC)),
            (("week", 1), 2, 7, datetime(2026, 2, 21, 9, tzinfo=UTC)),
            (("month", 1), 1, 0, datetime(2026, 2, 28, 9, tzinfo=UTC)),
            (("month", 3), 4, 0, datetime(2027, 1, 31, 9, tzinfo=UTC)),
            (("year", 1), 5, 0, datetime(2031, 1, 31, 9, tzinfo=UTC)),
        ],
    )
    def test_its_cycles_are_counted_by_an_end(
        self, cycle: tuple[str, int], total_count: int, trial_days: int, end: datetime
    ) -> None:
        wanted = subscription(total_count=total_count, trial_days=trial_days)
        given = asked(subscribing.create_params(wanted, "c", cycle, NOW))
        assert given["cancel_at"] == str(int(end.timestamp()))
        assert (given["metadata[onerouter_total_count]"], given["proration_behavior"]) == (str(total_count), "none")
        again = asked(subscribing.create_params(wanted, "c", cycle, NOW + 1_800))
        assert again == given  # a repeat under the same key has to be the same

    def test_more_than_a_lifetime_is_refused(self) -> None:
        with pytest.raises(InvalidRequest, match="total_count"):
            subscribing.create_params(subscription(total_count=101), "c", ("year", 1), NOW)

    def test_another_plan_takes_the_place_of_its_item(self) -> None:
        change = SubscriptionChange(ResourceReference("sub_o", "sub_1"), provider_plan_id="price_2", prorate=False)
        current = {"items": {"data": [{"id": "si_1", "price": {"id": "price_1"}, "quantity": 1}]}}
        given = asked(subscribing.change_params(change, current))
        assert {name: given[name] for name in ("items[0][id]", "items[0][price]", "proration_behavior")} == {
            "items[0][id]": "si_1",
            "items[0][price]": "price_2",
            "proration_behavior": "none",
        }
        assert not subscribing.is_changed(change, current)
        assert subscribing.is_changed(change, {"items": {"data": [{"price": {"id": "price_2"}, "quantity": 1}]}})


class TestPaymentLink:
    def test_it_takes_one_payment(self) -> None:
        wanted = PaymentLinkRequest(
            new_id(PAYMENT_LINK), PRICE, "A chair", callback_url="https://s.test/done", customer={"email": "a+b@c.test"}
        )
        assert asked(link_params(wanted)) == {
            "line_items[0][quantity]": "1",
            "line_items[0][price_data][currency]": "usd",
            "line_items[0][price_data][unit_amount]": "49900",
            "line_items[0][price_data][product_data][name]": "A chair",
            "restrictions[completed_sessions][limit]": "1",
            "metadata[onerouter_id]": wanted.link_id,
            "metadata[customer_email]": "a+b@c.test",
            "payment_intent_data[metadata][onerouter_id]": wanted.link_id,
            "after_completion[type]": "redirect",
            "after_completion[redirect][url]": "https://s.test/done",
        }

    def test_the_customers_address_is_filled_in(self) -> None:
        link = {"id": "plink_1", "url": "https://buy.test/x", "metadata": {"customer_email": "a+b@c.test"}}
        assert link_snapshot(link).facts["short_url"] == "https://buy.test/x?prefilled_email=a%2Bb%40c.test"

    @pytest.mark.parametrize("changes", [{"expires_at": datetime(2026, 2, 1, tzinfo=UTC)}, {"notify": True}])
    def test_what_stripe_cannot_is_refused(self, changes: dict[str, Any]) -> None:
        with pytest.raises(CapabilityUnsupported):
            link_params(PaymentLinkRequest(new_id(PAYMENT_LINK), PRICE, **changes))


class TestVendor:
    def test_what_is_known_is_told(self) -> None:
        details = {"iban": "DE89 3704 0044 0532 0130 00", "account_holder": "Chairs GmbH"}
        given = asked(
            vendor_params(
                vendor(email="a@b.test", country="de", business_type="private_limited", account_details=details)
            )
        )
        assert (given["country"], given["business_type"], given["type"]) == ("DE", "company", "express")
        assert given["capabilities[transfers][requested]"] == "true"
        assert {name[13:-1]: value for name, value in given.items() if name.startswith("bank_account")} == {
            "object": "bank_account",
            "country": "DE",
            "currency": "eur",
            "account_number": "DE89370400440532013000",
            "account_holder_name": "Chairs GmbH",
        }

    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"business_type": "circus"}, "business_type"),
            ({"account_details": {"account_number": "000123456789"}}, "account_details.country"),
            ({"country": "US", "account_details": {"routing_number": "110000000"}}, "account_details.account_number"),
            ({"country": "LI", "account_details": {"iban": "LI21088100002324013AA"}}, "account_details.currency"),
        ],
    )
    def test_what_is_missing_is_named_and_no_number_shown(self, changes: dict[str, Any], field: str) -> None:
        with pytest.raises(InvalidRequest) as caught:
            vendor_params(vendor(**changes))
        assert [error.field for error in caught.value.errors] == [field]
        assert not any(value in str(caught.value) for value in changes.get("account_details", {}).values())


class TestTransfer:
    wanted = TransferRequest(new_id(TRANSFER), REFERENCE, ResourceReference("ven_o", "acct_1"), Money(1_000, "USD"))

    def test_it_is_taken_from_the_payments_charge(self) -> None:
        intent = {"status": "succeeded", "latest_charge": "ch_1", "transfer_group": "pay_ours"}
        assert asked(transfer_params(self.wanted, intent)) == {
            "amount": "1000",
            "currency": "usd",
            "destination": "acct_1",
            "source_transaction": "ch_1",
            "metadata[onerouter_id]": self.wanted.transfer_id,
            "metadata[onerouter_payment_id]": "pay_ours",
            "transfer_group": "pay_ours",
        }

    @pytest.mark.parametrize(
        "intent", [{"status": "requires_capture", "latest_charge": "ch_1"}, {"status": "succeeded"}]
    )
    def test_of_nothing_taken_nothing_can_be_given(self, intent: dict[str, Any]) -> None:
        with pytest.raises(Conflict):
            transfer_params(self.wanted, intent)
