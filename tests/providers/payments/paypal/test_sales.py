"""What PayPal's subscriptions charge: read and refunded by the older payments API, under the same rules."""

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from onerouter_common.errors import InvalidRequest, ProviderDeclined, ProviderOutcomeUnknown
from onerouter_common.ids import PLAN, REFUND, SUBSCRIPTION, new_id
from onerouter_common.money import Money
from onerouter_providers.capability import PaymentReference, RefundRequest
from onerouter_providers.payments.paypal import sales
from onerouter_providers.resources import CHARGE, PlanRequest, SubscriptionRequest
from onerouter_providers.testing.payments_suite import new_key

if TYPE_CHECKING:
    from .conftest import PayPalLab

PRICE = Money(1_299, "USD")


async def charge(lab: "PayPalLab") -> PaymentReference:
    """The first charge of a subscription that its payer has agreed to."""
    client = lab.client()
    plan = PlanRequest(new_id(PLAN), "Gold", PRICE, "month")
    made = await client.create_plan(plan, key=new_key())
    wanted = SubscriptionRequest(new_id(SUBSCRIPTION), made.provider_id, plan=plan)
    subscription = await client.create_subscription(wanted, key=new_key())
    await lab.approve(subscription)
    events = await lab.told("subscription", subscription.provider_id)
    names = [name for event in events for name in event.object.facts if name.startswith(CHARGE)]
    return PaymentReference("pay_1", PRICE, provider_payment_id=names[0].removeprefix(CHARGE), of_subscription=True)


def refund_of(payment: PaymentReference, minor: int = 1_299) -> RefundRequest:
    return RefundRequest(new_id(REFUND), payment, Money(minor, "USD"), reason="Damaged")


class TestSales:
    async def test_it_is_read_with_what_paypal_kept(self, called_back: "PayPalLab") -> None:
        payment = await charge(called_back)
        told = await called_back.client().get_payment(payment)
        assert (told.status, told.captured, told.method) == ("succeeded", PRICE, "wallet")
        assert told.provider_payment_id == payment.provider_payment_id
        assert (told.fee_minor, told.fee_currency) == (94, "USD")

    async def test_it_is_refunded_in_parts_once_each(self, called_back: "PayPalLab") -> None:
        payment, client = await charge(called_back), called_back.client()
        first, key = refund_of(payment, 299), new_key()
        assert await client.find_refund(first) is None
        made = await client.create_refund(first, key=key)
        again = await client.create_refund(first, key=key)
        assert (made.status, made.amount) == ("succeeded", Money(299, "USD"))
        assert again.provider_refund_id == made.provider_refund_id
        assert await called_back.effects("refund", key) == 1
        assert await client.get_refund(payment, made.provider_refund_id) == made
        assert (await client.get_payment(payment)).status == "partially_refunded"
        with pytest.raises(ProviderOutcomeUnknown):
            await client.find_refund(refund_of(payment))
        with pytest.raises(ProviderDeclined) as refused:
            await client.create_refund(refund_of(payment), key=new_key())
        assert refused.value.reason == "refund_rejected"
        await client.create_refund(refund_of(payment, 1_000), key=new_key())
        whole = await client.get_payment(payment)
        assert (whole.status, whole.amount_refunded_minor) == ("refunded", 1_299)

    async def test_an_answer_that_is_lost_is_repeated_under_its_key(self, called_back: "PayPalLab") -> None:
        payment, key = await charge(called_back), new_key()
        request = refund_of(payment)
        await called_back.ask(
            "/faults", kind="timeout_after_effect", operation="sales.refund", key_id=called_back.client_id, times=1
        )
        with pytest.raises(ProviderOutcomeUnknown):
            await called_back.client(timeout_s=0.5).create_refund(request, key=key)
        made = await called_back.client().create_refund(request, key=key)
        assert made.status == "succeeded"
        assert await called_back.effects("refund", key) == 1

    def test_what_does_not_fit_is_refused_by_name(self) -> None:
        payment = PaymentReference("pay_1", PRICE, provider_payment_id="S1", of_subscription=True)
        with pytest.raises(InvalidRequest, match="currency"):
            sales.sale_refund_body(replace(refund_of(payment), amount=Money(100, "EUR")))
        with pytest.raises(InvalidRequest, match="reason"):
            sales.sale_refund_body(replace(refund_of(payment), reason="x" * 128))
