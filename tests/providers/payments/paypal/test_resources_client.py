"""What is strange about PayPal's plans, subscriptions, invoices, tokens, vendors and payouts."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from onerouter_common.errors import (
    CapabilityUnsupported,
    Conflict,
    InvalidRequest,
    ProviderOutcomeUnknown,
    ProviderUnavailable,
)
from onerouter_common.ids import PAYMENT_LINK, PAYMENT_METHOD, PLAN, SUBSCRIPTION, TRANSFER, VENDOR, new_id
from onerouter_common.money import Money
from onerouter_providers.payments.paypal import billing, catalog, invoices, vendors
from onerouter_providers.payments.paypal.client import PayPalPayments
from onerouter_providers.resources import (
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

if TYPE_CHECKING:
    from .conftest import PayPalLab

PRICE = Money(1_299, "USD")
NOW = datetime(2026, 1, 1, tzinfo=UTC)
PLANNED = PlanRequest("plan_1", "Gold", PRICE, "month")
WANTED = SubscriptionRequest("sub_1", "P-1", plan=PLANNED)


class TestPlans:
    def test_our_id_ends_the_description(self) -> None:
        body = catalog.plan_body(replace(PLANNED, description="All you can read"), "PROD-1")
        assert body["description"] == "All you can read (plan_1)"
        assert catalog.is_plan_of(PLANNED, body)
        assert not catalog.is_plan_of(replace(PLANNED, plan_id="plan_2"), body)

    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"name": "x" * 128}, "name"),
            ({"description": "x" * 120}, "description"),
            ({"interval": "month", "interval_count": 13}, "interval_count"),
            ({"trial_days": 366}, "trial_days"),
            ({"amount": Money(129_950, "HUF")}, "amount"),
        ],
    )
    def test_what_does_not_fit_is_refused_by_name(self, changes: dict[str, Any], field: str) -> None:
        with pytest.raises(InvalidRequest) as caught:
            catalog.plan_body(replace(PLANNED, **changes), "PROD-1")
        assert [error.field for error in caught.value.errors] == [field]

    async def test_all_plans_of_an_app_are_of_one_product(self, lab: "PayPalLab") -> None:
        client = lab.client()
        made = [await client.create_plan(replace(PLANNED, plan_id=new_id(PLAN)), key=new_key()) for _ in range(2)]
        assert {one.facts["provider_product_id"] for one in made} == {catalog.product_of(lab.client_id)}
        assert len(await lab.ledger(kind="product.created")) == 1


class TestSubscriptions:
    def test_a_trial_that_the_plan_lacks_is_a_later_start(self) -> None:
        body = billing.subscription_body(replace(WANTED, trial_days=7), NOW)
        assert body["start_time"] == "2026-01-08T00:00:00Z"
        later = replace(WANTED, trial_days=7, start_at=NOW + timedelta(days=1))
        assert billing.subscription_body(later, NOW)["start_time"] == "2026-01-09T00:00:00Z"
        assert "start_time" not in billing.subscription_body(WANTED, NOW)

    def test_another_trial_than_the_plans_is_refused(self) -> None:
        with_trial = replace(WANTED, plan=replace(PLANNED, trial_days=14))
        with pytest.raises(CapabilityUnsupported, match="14 days"):
            billing.subscription_body(replace(with_trial, trial_days=7), NOW)
        assert "start_time" not in billing.subscription_body(replace(with_trial, trial_days=14), NOW)

    def test_the_limit_is_of_the_regular_cycle(self) -> None:
        limited = replace(WANTED, total_count=12)
        trial = replace(limited, plan=replace(PLANNED, trial_days=14))
        for request, sequence in ((limited, 1), (trial, 2)):
            cycles = billing.subscription_body(request, NOW)["plan"]["billing_cycles"]
            assert cycles == [{"sequence": sequence, "total_cycles": 12}]
        with pytest.raises(InvalidRequest):
            billing.subscription_body(replace(WANTED, total_count=1_000), NOW)

    async def test_a_plan_made_at_paypal_is_read_for_its_cycles(self, lab: "PayPalLab") -> None:
        client = lab.client()
        plan = await client.create_plan(PlanRequest(new_id(PLAN), "Gold", PRICE, "month", trial_days=3), key=new_key())
        request = SubscriptionRequest(new_id(SUBSCRIPTION), plan.provider_id, total_count=2)
        made = await client.create_subscription(request, key=new_key())
        await lab.approve(made)
        shown = await client.get_subscription(ResourceReference(request.subscription_id, made.provider_id))
        assert (shown.status, shown.facts["remaining_count"]) == ("trialing", 2)

    async def test_one_made_by_somebody_else_under_our_id_is_not_ours(self, lab: "PayPalLab") -> None:
        """As PayPal's JavaScript lets anybody do who knows the client id: our custom_id, prices of their own."""
        client = lab.client()
        plan = await client.create_plan(replace(PLANNED, plan_id=new_id(PLAN)), key=new_key())
        for total_count in (None, 12):
            request = SubscriptionRequest(new_id(SUBSCRIPTION), plan.provider_id, plan=PLANNED, total_count=total_count)
            cheap = {"fixed_price": {"currency_code": "USD", "value": "0.01"}}
            cycle = {"sequence": 1, "total_cycles": total_count or 0, "pricing_scheme": cheap}
            theirs = {**billing.subscription_body(request, NOW), "plan": {"billing_cycles": [cycle]}}
            await client._wire.post("x", "/v1/billing/subscriptions", theirs, client._wire.deadline(), key=new_key())
            assert await client.find_subscription(request) is None
            ours = await client.create_subscription(request, key=new_key())
            found = await client.find_subscription(request)
            assert found is not None
            assert found.provider_id == ours.provider_id

    async def test_nothing_happens_at_a_cycles_end(self, lab: "PayPalLab") -> None:
        change = SubscriptionChange(ResourceReference("sub_1", "I-1"), at_cycle_end=True)
        with pytest.raises(CapabilityUnsupported):
            await lab.client().cancel_subscription(change, key=new_key())

    async def test_failed_charges_make_it_past_due_then_unpaid(self, lab: "PayPalLab") -> None:
        client, request, made = await self._running(lab)
        reference = ResourceReference(request.subscription_id, made.provider_id)
        await lab.ask(f"/paypal/subscriptions/{made.provider_id}/fail-next", times=9)
        await lab.advance(31 * 86_400)
        shown = await client.get_subscription(reference)
        assert (shown.status, shown.facts["failed_count"]) == ("past_due", 1)
        await lab.advance(60 * 86_400)
        assert (await client.get_subscription(reference)).status == "unpaid"

    async def test_a_changed_plan_waits_for_the_payer(self, lab: "PayPalLab") -> None:
        client, request, made = await self._running(lab)
        dearer = replace(PLANNED, plan_id=new_id(PLAN), amount=Money(2_599, "USD"))
        other = await client.create_plan(dearer, key=new_key())
        reference = ResourceReference(request.subscription_id, made.provider_id)
        change = SubscriptionChange(reference, provider_plan_id=other.provider_id)
        waiting = await client.change_subscription_plan(change, key=new_key())
        assert waiting.facts["pending_provider_plan_id"] == other.provider_id
        assert str(waiting.facts["approve_url"]).startswith("http")
        assert (await client.get_subscription(reference)).facts["provider_plan_id"] == request.provider_plan_id
        await lab.approve(made)
        done = await client.change_subscription_plan(change, key=new_key())
        assert done.facts["provider_plan_id"] == other.provider_id
        assert "pending_provider_plan_id" not in done.facts

    async def _running(self, lab: "PayPalLab") -> tuple[PayPalPayments, SubscriptionRequest, Any]:
        client = lab.client()
        plan = await client.create_plan(replace(PLANNED, plan_id=new_id(PLAN)), key=new_key())
        request = SubscriptionRequest(new_id(SUBSCRIPTION), plan.provider_id, plan=PLANNED)
        made = await client.create_subscription(request, key=new_key())
        await lab.approve(made)
        return client, request, made


class TestPaymentLinks:
    @pytest.mark.parametrize(
        ("changes", "error"),
        [
            ({"callback_url": "https://shop.example/done"}, CapabilityUnsupported),
            ({"expires_at": NOW}, CapabilityUnsupported),
            ({"notify": True}, InvalidRequest),
            ({"description": "x" * 201}, InvalidRequest),
        ],
    )
    def test_what_an_invoice_cannot_is_refused(self, changes: dict[str, Any], error: type[Exception]) -> None:
        with pytest.raises(error):
            invoices.invoice_body(replace(PaymentLinkRequest("pl_1", PRICE), **changes))

    def test_each_links_number_is_its_own(self) -> None:
        numbers = {invoices.number_of(new_id(PAYMENT_LINK)) for _ in range(100)}
        assert len(numbers) == 100
        assert {len(number) for number in numbers} == {25}

    async def test_a_draft_that_was_left_behind_is_gone_on_with(self, lab: "PayPalLab") -> None:
        request = PaymentLinkRequest(new_id(PAYMENT_LINK), PRICE, "A chair")
        await lab.ask("/faults", kind="throttle_429", operation="invoices.send", key_id=lab.client_id, times=1)
        with pytest.raises(ProviderOutcomeUnknown):
            await lab.client().create_payment_link(request, key=new_key())
        assert await lab.client().find_payment_link(request) is None
        made = await lab.client().create_payment_link(request, key=new_key())
        assert str(made.facts["short_url"]).startswith("http")
        assert await lab.effects("payment_link.create", request.link_id) == 1


class TestPaymentMethods:
    async def test_a_setup_token_becomes_a_payment_token_once_approved(self, lab: "PayPalLab") -> None:
        client = lab.client()
        prepared = await client._wire.post(
            "x",
            "/v3/vault/setup-tokens",
            {
                "payment_source": {
                    "paypal": {
                        "usage_type": "MERCHANT",
                        "experience_context": {
                            "return_url": "https://shop.example/done",
                            "cancel_url": "https://shop.example/back",
                        },
                    }
                }
            },
            client._wire.deadline(),
            key=new_key(),
        )
        request = PaymentMethodRequest(new_id(PAYMENT_METHOD), str(prepared["id"]))
        with pytest.raises(Conflict):
            await client.attach_payment_method(request, key=new_key())
        await lab.ask(f"/paypal/setup-tokens/{prepared['id']}/approve")
        key = new_key()
        kept = await client.attach_payment_method(request, key=key)
        assert await client.attach_payment_method(request, key=key) == kept
        assert kept.provider_id != prepared["id"]
        assert (kept.facts["type"], kept.facts["wallet"]) == ("wallet", "paypal")
        reference = ResourceReference(request.method_id, kept.provider_id, kept.facts)
        await client.detach_payment_method(reference, key=new_key())
        assert (await client.get_payment_method(reference)).status == "removed"


class TestVendors:
    def test_who_is_paid_without_an_invitation(self) -> None:
        def receiver(is_platform: bool = False, **given: Any) -> str | None:
            return vendors.receiver_of(VendorRequest("ven_1", "Chairs", **given), is_platform=is_platform)

        assert receiver(email="a@b.example") == "a@b.example"
        assert receiver(is_platform=True, email="a@b.example") is None
        account = {"payer_id": "ABCDEFGHJKLMN"}
        assert (
            receiver(is_platform=True, account_details=account)
            == receiver(account_details=account)
            == account["payer_id"]
        )
        with pytest.raises(InvalidRequest):
            receiver()
        with pytest.raises(InvalidRequest):
            receiver(account_details={"payer_id": "nobody"})
        with pytest.raises(CapabilityUnsupported) as caught:
            receiver(account_details={"iban": "DE02120300000000202051"})
        assert "iban" in caught.value.detail
        assert "DE02" not in caught.value.detail

    async def test_without_a_platform_nothing_is_made(self, lab: "PayPalLab") -> None:
        client = lab.client(credentials={"merchant_id": ""})
        request = VendorRequest(new_id(VENDOR), "Chairs", "chairs@vendor.example")
        made = await client.create_vendor(request, key=new_key())
        assert made.status == "active"
        assert made == await client.find_vendor(request)
        assert made == await client.get_vendor(ResourceReference(request.vendor_id, made.provider_id))
        assert await lab.ledger(kind="vendor.created") == []

    async def test_who_has_connected_and_may_not_be_paid_is_restricted(self, lab: "PayPalLab") -> None:
        client = lab.client()
        request = VendorRequest(new_id(VENDOR), "Chairs", "chairs@vendor.example")
        made = await client.create_vendor(request, key=new_key())
        reference = ResourceReference(request.vendor_id, made.provider_id, made.facts)
        assert (await client.get_vendor(reference)).status == "pending"
        referral = str(made.facts["onboarding_url"]).rpartition("=")[2]
        await lab.ask(f"/paypal/partner-referrals/{referral}/complete", primary_email_confirmed=False)
        shown = await client.get_vendor(reference)
        assert (shown.status, shown.facts["requirements"]) == ("restricted", ["primary_email_confirmed"])


class TestTransfers:
    def _wanted(self, vendor: ResourceReference, payment: Any) -> TransferRequest:
        return TransferRequest(new_id(TRANSFER), payment, vendor, Money(500, "USD"))

    async def test_a_second_batch_under_our_id_is_the_first(self, called_back: "PayPalLab") -> None:
        """Also when PayPal has forgotten the key: the sender's batch id is a second lock."""
        client = called_back.client()
        paid = await called_back.paid_payment(PRICE)
        request = self._wanted(ResourceReference("ven_1", "chairs@vendor.example"), paid)
        first = await client.create_transfer(request, key=new_key())
        second = await client.create_transfer(request, key=new_key())
        assert second.provider_id == first.provider_id
        assert await called_back.effects("transfer.create", request.transfer_id) == 1

    async def test_it_cannot_be_asked_for_so_nothing_is_concluded(self, lab: "PayPalLab") -> None:
        request = self._wanted(ResourceReference("ven_1", "chairs@vendor.example"), await lab.paid_payment(PRICE))
        with pytest.raises(ProviderUnavailable):
            await lab.client().find_transfer(request)

    async def test_who_has_not_connected_is_not_paid(self, lab: "PayPalLab") -> None:
        client = lab.client()
        invited = VendorRequest(new_id(VENDOR), "Chairs", "chairs@vendor.example")
        made = await client.create_vendor(invited, key=new_key())
        vendor = ResourceReference(invited.vendor_id, made.provider_id, made.facts)
        request = self._wanted(vendor, await lab.paid_payment(PRICE))
        with pytest.raises(Conflict):
            await client.create_transfer(request, key=new_key())
        await lab.activate(made)
        # Without what is known of the vendor it is asked for.
        bare = replace(request, vendor=ResourceReference(invited.vendor_id, made.provider_id))
        await client.create_transfer(bare, key=new_key())
        assert await lab.effects("transfer.create", request.transfer_id) == 1

    @pytest.mark.parametrize(
        ("mode", "status", "reason"),
        [
            ("unclaimed", "unclaimed", None),
            ("failed", "failed", "permission_denied"),
            ("denied", "failed", "insufficient_funds"),
        ],
    )
    async def test_what_becomes_of_it(self, lab: "PayPalLab", mode: str, status: str, reason: str | None) -> None:
        await lab.ask("/paypal/accounts", client_id=lab.client_id, client_secret=lab.secrets[0], payout_mode=mode)
        client = lab.client()
        request = self._wanted(ResourceReference("ven_1", "chairs@vendor.example"), await lab.paid_payment(PRICE))
        made = await client.create_transfer(request, key=new_key())
        await lab.advance(1)
        shown = await client.get_transfer(ResourceReference(request.transfer_id, made.provider_id))
        assert (shown.status, shown.error_reason) == (status, reason)


class TestAsking:
    async def test_paypal_knows_its_own(self, called_back: "PayPalLab") -> None:
        from pydantic import SecretStr

        from onerouter_providers.payments.paypal import webhook

        client = called_back.client()
        await called_back.paid_payment(PRICE)
        await called_back.told("payment", "")
        headers, body = called_back.inbox.came[called_back.client_id][0]
        account = (await called_back.control.get("/paypal/accounts")).json()["data"]
        webhook_id = next(one["webhook_id"] for one in account if one["client_id"] == called_back.client_id)
        secrets, now = {"webhook_id": SecretStr(webhook_id)}, datetime.now(UTC)
        question = webhook.question(body, headers, secrets, now)
        assert body in question
        assert await client.verify_callback(question)
        assert not await client.verify_callback(webhook.question(body.replace(b":", b": ", 1), headers, secrets, now))
        assert not await client.verify_callback(
            webhook.question(body, headers, {"webhook_id": SecretStr("OTHER0001")}, now)
        )
        forged = {**headers, "paypal-transmission-sig": "AAAA"}
        assert not await client.verify_callback(webhook.question(body, forged, secrets, now))
        assert not await client.verify_callback(b"{}")
