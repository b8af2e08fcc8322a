"""What is Stripe's own about everything but payments: answers that are kept under a key, changes that are done already,
pages that are good once.
"""

from typing import Any

import pytest
from tests.providers.payments.stripe.conftest import NOW, Answer, Wire
from tests.providers.payments.stripe.test_client import AMOUNT, REFERENCE, page, refused

from onerouter_common.errors import (
    Conflict,
    InvalidRequest,
    ProviderDeclined,
    ProviderOutcomeUnknown,
    ProviderRefusedUs,
    ProviderThrottled,
)
from onerouter_common.ids import CUSTOMER, PAYMENT_LINK, SUBSCRIPTION, TRANSFER, VENDOR, new_id
from onerouter_common.money import Money
from onerouter_providers.payments.stripe.client import StripePayments
from onerouter_providers.resources import (
    CustomerRequest,
    PaymentLinkRequest,
    PaymentMethodRequest,
    PlanRequest,
    ResourceReference,
    SubscriptionChange,
    SubscriptionRequest,
    TransferRequest,
    VendorRequest,
)
from onerouter_providers.testing.payments_suite import new_key

PLAN_REQUEST = PlanRequest("plan_ours", "Gold", AMOUNT, "month")
SUB = ResourceReference("sub_ours", "sub_1")
LINK = ResourceReference("pl_ours", "plink_1")
PM = ResourceReference("pm_ours", "pm_1")
BROKEN: Answer = (500, {"error": {"type": "api_error", "message": "Broken."}})


def subscription_of(request: SubscriptionRequest | None = None, **changes: Any) -> dict[str, Any]:
    item = {"id": "si_1", "price": {"id": "price_1"}, "quantity": 1, "current_period_end": NOW + 60}
    named = {"onerouter_id": request.subscription_id} if request else {}
    return {
        "id": "sub_1",
        "object": "subscription",
        "status": "active",
        "customer": "cus_1",
        "items": {"data": [item]},
        "cancel_at_period_end": False,
        "pause_collection": None,
        "metadata": named,
        **changes,
    }


def link_of(**changes: Any) -> dict[str, Any]:
    return {
        "id": "plink_1",
        "object": "payment_link",
        "active": True,
        "url": "https://buy.test/1",
        "metadata": {},
        **changes,
    }


class TestMaking:
    async def test_a_kept_answer_is_old_so_the_thing_is_read(self, client: StripePayments, wire: Wire) -> None:
        """A repeat that Stripe answers from memory would say that nobody has agreed yet."""
        wanted = SubscriptionRequest(new_id(SUBSCRIPTION), "price_1", provider_customer_id="cus_1")
        wire.on("POST", "/v1/subscriptions", (200, subscription_of(status="incomplete")))
        wire.on("GET", "/v1/subscriptions/sub_1", (200, subscription_of()))
        first = await client.create_subscription(wanted, key="k")
        wire.headers = {"Idempotent-Replayed": "true"}
        again = await client.create_subscription(wanted, key="k")
        assert (first.status, again.status) == ("pending_authorization", "active")

    async def test_a_500_that_stripe_keeps_is_found_out(self, client: StripePayments, wire: Wire) -> None:
        wire.on("POST", "/v1/prices", BROKEN)
        price = {"id": "price_1", "lookup_key": "plan_ours", "active": True, "product": "prod_1"}
        wire.on("GET", "/v1/prices", page(price))
        made = await client.create_plan(PLAN_REQUEST, key=new_key())
        assert (made.provider_id, made.facts) == ("price_1", {"provider_product_id": "prod_1"})
        wire.on("GET", "/v1/prices", page())
        with pytest.raises(ProviderOutcomeUnknown):
            await client.create_plan(PLAN_REQUEST, key=new_key())

    async def test_a_plan_whose_key_was_forgotten_is_still_one(self, client: StripePayments, wire: Wire) -> None:
        wire.on("POST", "/v1/prices", refused("resource_already_exists", param="lookup_key"))
        wire.on("GET", "/v1/prices", page({"id": "price_1", "lookup_key": "plan_ours"}))
        assert (await client.create_plan(PLAN_REQUEST, key=new_key())).provider_id == "price_1"

    async def test_an_end_that_moved_on_is_no_failure(self, client: StripePayments, wire: Wire) -> None:
        """An hour later the end is another one, and Stripe refuses the key: what was made is looked for."""
        wanted = SubscriptionRequest(
            new_id(SUBSCRIPTION), "price_1", PLAN_REQUEST, provider_customer_id="cus_1", total_count=3
        )
        wire.on("POST", "/v1/subscriptions", refused(None, kind="idempotency_error"))
        wire.on("GET", "/v1/subscriptions", page(subscription_of(wanted)))
        wire.on("GET", "/v1/subscriptions/sub_1", (200, subscription_of(wanted)))
        assert (await client.create_subscription(wanted, key=new_key())).provider_id == "sub_1"
        assert wire.queries("/v1/subscriptions")[-1]["customer"] == "cus_1"

    async def test_who_has_no_customer_gets_one_under_a_key_of_its_own(
        self, client: StripePayments, wire: Wire
    ) -> None:
        wanted = SubscriptionRequest(new_id(SUBSCRIPTION), "price_1", customer={"email": "a@b.test"}, total_count=2)
        price = {"id": "price_1", "recurring": {"interval": "month", "interval_count": 3}}
        wire.on("GET", "/v1/prices/price_1", (200, price))
        wire.on("POST", "/v1/customers", (200, {"id": "cus_9", "object": "customer"}))
        wire.on("POST", "/v1/subscriptions", (200, subscription_of(wanted)))
        await client.create_subscription(wanted, key="k")
        keys = {one.url.path: one.headers["idempotency-key"] for one in wire.asked if one.method == "POST"}
        assert keys == {"/v1/customers": "k-customer", "/v1/subscriptions": "k"}
        assert b"customer=cus_9" in wire.asked[-1].content

    async def test_what_is_no_price_that_recurs_is_refused_before_anything_is_made(
        self, client: StripePayments, wire: Wire
    ) -> None:
        wire.on("GET", "/v1/prices/price_1", (200, {"id": "price_1", "recurring": None}))
        with pytest.raises(InvalidRequest):
            await client.create_subscription(
                SubscriptionRequest(new_id(SUBSCRIPTION), "price_1", total_count=2), key=new_key()
            )
        assert [one.method for one in wire.asked] == ["GET"]

    async def test_a_customer_without_an_address_is_searched_for(self, client: StripePayments, wire: Wire) -> None:
        wanted = CustomerRequest(new_id(CUSTOMER), "Asha")
        wire.on("GET", "/v1/customers", page())
        found = {"id": "cus_1", "metadata": {"onerouter_id": wanted.customer_id}, "name": "Asha"}
        wire.on("GET", "/v1/customers/search", page(found))
        shown = await client.find_customer(wanted)
        assert shown is not None
        assert (shown.provider_id, shown.facts) == ("cus_1", {"name": "Asha"})
        assert "created[gte]" in wire.queries("/v1/customers")[0]


class TestChanging:
    @pytest.mark.parametrize("word", ["canceled", "incomplete_expired"])
    async def test_what_has_ended_is_not_changed(self, client: StripePayments, wire: Wire, word: str) -> None:
        wire.on("GET", "/v1/subscriptions/sub_1", (200, subscription_of(status=word)))
        for change in (client.pause_subscription, client.resume_subscription):
            with pytest.raises(Conflict):
                await change(SubscriptionChange(SUB), key=new_key())
        assert (await client.cancel_subscription(SubscriptionChange(SUB), key=new_key())).status in (
            "canceled",
            "expired",
        )
        assert {one.method for one in wire.asked} == {"GET"}

    async def test_one_that_was_canceled_meanwhile_is_canceled(self, client: StripePayments, wire: Wire) -> None:
        ended = subscription_of(status="canceled")
        wire.on("GET", "/v1/subscriptions/sub_1", (200, subscription_of()), (200, ended))
        wire.on("DELETE", "/v1/subscriptions/sub_1", refused("resource_missing", status=404))
        done = await client.cancel_subscription(SubscriptionChange(SUB, reason="too dear"), key=new_key())
        assert done.status == "canceled"
        assert b"cancellation_details%5Bcomment%5D=too+dear" in wire.asked[1].content

    async def test_one_that_stripe_paused_is_resumed_by_another_door(self, client: StripePayments, wire: Wire) -> None:
        wire.on("GET", "/v1/subscriptions/sub_1", (200, subscription_of(status="paused")))
        wire.on("POST", "/v1/subscriptions/sub_1/resume", (200, subscription_of()))
        assert (await client.resume_subscription(SubscriptionChange(SUB), key=new_key())).status == "active"

    async def test_a_pause_that_broke_inside_stripe_is_found(self, client: StripePayments, wire: Wire) -> None:
        paused = subscription_of(pause_collection={"behavior": "void"})
        wire.on("GET", "/v1/subscriptions/sub_1", (200, subscription_of()), (200, paused))
        wire.on("POST", "/v1/subscriptions/sub_1", BROKEN)
        assert (await client.pause_subscription(SubscriptionChange(SUB), key=new_key())).status == "paused"

    async def test_a_kept_answer_does_not_speak_of_what_came_after(self, client: StripePayments, wire: Wire) -> None:
        """Paused by a try whose answer was lost, resumed by somebody, and now repeated: it runs, whatever Stripe kept."""
        wire.headers = {"Idempotent-Replayed": "true"}
        wire.on("GET", "/v1/subscriptions/sub_1", (200, subscription_of()))
        wire.on("POST", "/v1/subscriptions/sub_1", (200, subscription_of(pause_collection={"behavior": "void"})))
        assert (await client.pause_subscription(SubscriptionChange(SUB), key=new_key())).status == "active"

    async def test_what_was_made_and_cannot_be_read_was_still_made(self, client: StripePayments, wire: Wire) -> None:
        wire.headers = {"Idempotent-Replayed": "true"}
        wire.on("POST", "/v1/customers", (200, {"id": "cus_1", "object": "customer"}))
        wire.on("GET", "/v1/customers/cus_1", refused("resource_missing", status=404))
        made = await client.create_customer(CustomerRequest(new_id(CUSTOMER), email="a@b.test"), key=new_key())
        assert made.provider_id == "cus_1"

    async def test_a_status_we_have_not_met_is_no_answer(self, client: StripePayments, wire: Wire) -> None:
        wire.on("GET", "/v1/subscriptions/sub_1", (200, subscription_of()))
        wire.on("POST", "/v1/subscriptions/sub_1", (200, subscription_of(status="in_orbit")))
        with pytest.raises(ProviderOutcomeUnknown):
            await client.pause_subscription(SubscriptionChange(SUB), key=new_key())


class TestPaymentLink:
    async def test_visitors_are_sent_away_when_it_is_canceled(self, client: StripePayments, wire: Wire) -> None:
        wire.on("GET", "/v1/payment_links/plink_1", (200, link_of()))
        wire.on("POST", "/v1/payment_links/plink_1", (200, link_of(active=False)))
        visit = {"id": "cs_1", "status": "open", "payment_status": "unpaid"}
        wire.on("GET", "/v1/checkout/sessions", page(visit), page({**visit, "status": "expired"}))
        wire.on("POST", "/v1/checkout/sessions/cs_1/expire", (200, {**visit, "status": "expired"}))
        assert (await client.cancel_payment_link(LINK, key="k")).status == "canceled"
        assert wire.asked[-2].headers["idempotency-key"] == "k-visit-cs_1"

    async def test_a_visitor_who_was_faster_has_paid(self, client: StripePayments, wire: Wire) -> None:
        visit = {"id": "cs_1", "status": "open", "payment_status": "unpaid"}
        paid = {**visit, "status": "complete", "payment_status": "paid", "amount_total": 100, "currency": "usd"}
        wire.on("GET", "/v1/payment_links/plink_1", (200, link_of()))
        wire.on("POST", "/v1/payment_links/plink_1", (200, link_of(active=False)))
        wire.on("GET", "/v1/checkout/sessions", page(visit), page(paid))
        wire.on("POST", "/v1/checkout/sessions/cs_1/expire", refused("resource_invalid"))
        with pytest.raises(Conflict):
            await client.cancel_payment_link(LINK, key=new_key())

    async def test_it_is_found_wherever_it_stands_in_the_list(self, client: StripePayments, wire: Wire) -> None:
        wanted = PaymentLinkRequest(new_id(PAYMENT_LINK), AMOUNT)
        mine = link_of(metadata={"onerouter_id": wanted.link_id})
        wire.on("GET", "/v1/payment_links", page(link_of(id="plink_9"), more=True), page(mine))
        found = await client.find_payment_link(wanted)
        assert found is not None
        assert found.provider_id == "plink_1"
        assert wire.queries("/v1/payment_links")[1]["starting_after"] == "plink_9"


class TestPaymentMethod:
    async def test_anothers_is_not_taken(self, client: StripePayments, wire: Wire) -> None:
        wire.on("GET", "/v1/payment_methods/pm_1", (200, {"id": "pm_1", "customer": "cus_other", "type": "card"}))
        with pytest.raises(Conflict):
            await client.attach_payment_method(PaymentMethodRequest("pm_ours", "pm_1", "cus_1"), key=new_key())

    async def test_whose_it_is_has_to_be_said_or_known(self, client: StripePayments, wire: Wire) -> None:
        owned = {"id": "pm_1", "customer": "cus_1", "type": "card", "card": {"brand": "visa", "last4": "4242"}}
        wire.on("GET", "/v1/payment_methods/pm_1", (200, owned), (200, {**owned, "customer": None}))
        kept = await client.attach_payment_method(PaymentMethodRequest("pm_ours", "pm_1"), key=new_key())
        assert kept.facts["provider_customer_id"] == "cus_1"
        with pytest.raises(InvalidRequest):
            await client.attach_payment_method(PaymentMethodRequest("pm_ours", "pm_1"), key=new_key())

    async def test_what_stripe_does_not_know_is_gone(self, client: StripePayments, wire: Wire) -> None:
        wire.on("GET", "/v1/payment_methods/pm_1", refused("resource_missing", status=404))
        assert (await client.detach_payment_method(PM, key=new_key())).status == "removed"
        with pytest.raises(ProviderRefusedUs):
            await client.get_payment_method(PM)


class TestVendor:
    wanted = VendorRequest(new_id(VENDOR), "Chairs", return_url="https://s.test/done")

    def made(self, wire: Wire, link: Answer) -> None:
        account = {"id": "acct_1", "object": "account", "metadata": {"onerouter_id": self.wanted.vendor_id}}
        wire.on("POST", "/v1/accounts", (200, account))
        wire.on("GET", "/v1/accounts", page(account))
        wire.on("POST", "/v1/account_links", link)

    async def test_each_page_is_made_anew(self, client: StripePayments, wire: Wire) -> None:
        self.made(wire, (200, {"object": "account_link", "url": "https://connect.test/1"}))
        made = await client.create_vendor(self.wanted, key="k")
        found = await client.find_vendor(self.wanted)
        assert found is not None
        assert made.facts["onboarding_url"] == found.facts["onboarding_url"] == "https://connect.test/1"
        keys = [one.headers["idempotency-key"] for one in wire.asked if one.url.path == "/v1/account_links"]
        assert len(set(keys)) == 2

    async def test_no_page_yet_is_no_reason_to_make_the_account_again(self, client: StripePayments, wire: Wire) -> None:
        """Nothing that says "nothing was done" may come out of it: somebody would take another provider."""
        self.made(wire, (429, {"error": {"type": "invalid_request_error", "message": "Slow down."}}))
        with pytest.raises(ProviderOutcomeUnknown):
            await client.create_vendor(self.wanted, key="k")
        wire.on("POST", "/v1/accounts", (429, {}))
        with pytest.raises(ProviderThrottled):
            await client.create_vendor(self.wanted, key="k")

    async def test_a_page_that_is_refused_leaves_the_account(self, client: StripePayments, wire: Wire) -> None:
        self.made(wire, refused("url_invalid", param="return_url"))
        made = await client.create_vendor(self.wanted, key="k")
        assert (made.provider_id, "onboarding_url" in made.facts) == ("acct_1", False)


class TestTransfer:
    wanted = TransferRequest(new_id(TRANSFER), REFERENCE, ResourceReference("ven_o", "acct_1"), Money(100, "USD"))

    async def test_it_is_looked_for_among_those_of_the_payment(self, client: StripePayments, wire: Wire) -> None:
        intent = {"id": "pi_1", "status": "succeeded", "latest_charge": "ch_1", "transfer_group": "pay_ours"}
        wire.on("GET", "/v1/payment_intents/pi_1", (200, intent), (200, {**intent, "transfer_group": None}))
        wire.on("GET", "/v1/transfers", page({"id": "tr_9", "metadata": {}}))
        assert await client.find_transfer(self.wanted) is None
        assert await client.find_transfer(self.wanted) is None
        narrowed = [{k: v for k, v in query.items() if k != "limit"} for query in wire.queries("/v1/transfers")]
        assert narrowed == [{"transfer_group": "pay_ours"}, {"destination": "acct_1"}]

    async def test_an_empty_balance_is_told_in_our_words(self, client: StripePayments, wire: Wire) -> None:
        intent = {"id": "pi_1", "status": "succeeded", "latest_charge": "ch_1"}
        wire.on("GET", "/v1/payment_intents/pi_1", (200, intent))
        wire.on("POST", "/v1/transfers", refused("balance_insufficient"))
        with pytest.raises(ProviderDeclined) as caught:
            await client.create_transfer(self.wanted, key=new_key())
        assert caught.value.reason == "insufficient_funds"
