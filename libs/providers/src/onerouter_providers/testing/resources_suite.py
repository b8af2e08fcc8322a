"""The conformance suite of what payment providers keep beside payments: plans, customers, subscriptions, payment links,
saved methods, vendors and transfers (`resources.py`).

A provider's test module subclasses `ResourcesSuite` and brings a fixture `lab` that gives a `ResourcesLab`:

    class TestAcmeResources(ResourcesSuite):
        local = frozenset({"customer"})

        @pytest.fixture
        async def lab(self) -> AsyncIterator[ResourcesLab]: ...

What the provider's manifest does not list is skipped by name. Needs pytest with asyncio_mode=auto.
"""
# ruff: noqa: S101 - a suite asserts

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Final, Protocol, get_args

import pytest

from onerouter_common.errors import (
    CallerError,
    ProviderDeclined,
    ProviderOutcomeUnknown,
    ProviderRefusedUs,
    ProviderThrottled,
    ProviderUnavailable,
)
from onerouter_common.ids import new_id
from onerouter_common.money import Money
from onerouter_providers.capability import PaymentReference
from onerouter_providers.resources import (
    CHARGE,
    FACTS,
    CustomerRequest,
    CustomerStatus,
    PaymentLinkRequest,
    PaymentLinkStatus,
    PaymentMethodRequest,
    PaymentMethodStatus,
    PlanRequest,
    PlanStatus,
    ResourceReference,
    ResourceSnapshot,
    SubscriptionChange,
    SubscriptionRequest,
    SubscriptionStatus,
    TransferRequest,
    TransferStatus,
    VendorRequest,
    VendorStatus,
)
from onerouter_providers.testing.payments_suite import FaultKind, new_key
from onerouter_providers.webhook import ProviderEvent

KINDS: Final = ("plan", "customer", "subscription", "payment_link", "vendor", "transfer")
"""What is made by a `create_…` and found by a `find_…`."""
STATUSES: Final[Mapping[str, tuple[str, ...]]] = {
    "plan": get_args(PlanStatus),
    "customer": get_args(CustomerStatus),
    "subscription": get_args(SubscriptionStatus),
    "payment_link": get_args(PaymentLinkStatus),
    "payment_method": get_args(PaymentMethodStatus),
    "vendor": get_args(VendorStatus),
    "transfer": get_args(TransferStatus),
}
DAY_S: Final = 86_400
SHORT_S: Final = 0.8
"""Of a call that is not to be answered: long enough for a busy machine to carry it out."""
_ID: Final = {
    "plan": "plan_id",
    "customer": "customer_id",
    "subscription": "subscription_id",
    "payment_link": "link_id",
    "vendor": "vendor_id",
    "transfer": "transfer_id",
}
_PREFIX: Final = {
    "plan": "plan",
    "customer": "cus",
    "subscription": "sub",
    "payment_link": "pl",
    "payment_method": "pm",
    "vendor": "ven",
    "transfer": "tr",
}
_NO: Final = (CallerError, ProviderDeclined, ProviderRefusedUs)
"""A final "no"."""


class ResourcesLab(Protocol):
    """A provider under test and its outside world."""

    def client(self, *, timeout_s: float = 5.0) -> Any:
        """A client of the account under test; it implements the Protocols of what the manifest lists."""
        ...

    def has(self, capability: str) -> bool:
        """Whether the provider's manifest lists it (`subscription.pause`)."""
        ...

    async def fault(self, kind: FaultKind, capability: str) -> None:
        """The next wire call with an effect of this capability goes wrong so; where it takes several, the last of them."""
        ...

    async def effects(self, capability: str, reference: str) -> int:
        """How many effects of this capability really happened for our id (of a saved method: its id at the provider)."""
        ...

    async def approve(self, subscription: ResourceSnapshot) -> None:
        """The payer agrees to the subscription and gives a method that can be charged."""
        ...

    async def pay_link(self, link: ResourceSnapshot) -> None:
        """A customer pays the whole link."""
        ...

    async def saved_method(self, customer: ResourceSnapshot | None) -> str:
        """A method that a payer has just entrusted to the provider: its id there. `customer`: whose it is to become."""
        ...

    async def activate(self, vendor: ResourceSnapshot) -> None:
        """The vendor passes the provider's checks and may be paid."""
        ...

    async def paid_payment(self, amount: Money) -> PaymentReference:
        """A captured payment of ours that can be split."""
        ...

    async def advance(self, seconds: float) -> None:
        """Time passes at the provider, with all that falls due."""
        ...

    async def told(self, kind: str, provider_id: str) -> Sequence[ProviderEvent]:
        """The callbacks that came so far about one thing, verified and parsed; waits a moment for the first."""
        ...


class ResourcesSuite:
    """Inherit and bring `lab`. Class variables say what differs."""

    price: ClassVar[Money] = Money(49_900, "INR")
    other_price: ClassVar[Money] = Money(99_900, "INR")
    country: ClassVar[str] = "IN"
    """Where vendors of the account under test are based."""
    account_details: ClassVar[Mapping[str, str]] = {}
    """A vendor's bank account, where the provider takes it from us."""
    local: ClassVar[frozenset[str]] = frozenset()
    """Kinds of which the provider is told nothing: they live with us, and nothing is sent."""
    asked_first: ClassVar[frozenset[str]] = frozenset()
    """Kinds whose creation takes no key (`lookup` in the manifest): who repeats one asks for it first, as the heart does."""
    only_repeated: ClassVar[frozenset[str]] = frozenset()
    """Kinds that the provider cannot be asked for (`native` in the manifest): a repeat under the key finds them."""
    limits_transfers: ClassVar[bool] = True
    """Whether the provider itself refuses to transfer more than the payment."""
    told_of: ClassVar[frozenset[str]] = frozenset({"subscription", "payment_link", "vendor", "transfer"})
    """Kinds that the provider calls back about."""
    told_without_reference: ClassVar[frozenset[str]] = frozenset()
    """Those of them whose callbacks do not carry our id."""

    @pytest.mark.parametrize("kind", KINDS)
    async def test_what_is_made_can_be_read_found_and_is_one(self, lab: ResourcesLab, kind: str) -> None:
        request, key = await self._wanted(lab, kind), new_key()
        client = lab.client()
        made = await self._create(client, kind, request, key)
        self._check(kind, made)
        shown = await self._get(client, kind, request, made)
        found = made if kind in self.only_repeated else await self._find(client, kind, request)
        repeated = await self._again(client, kind, request, key)
        assert found is not None
        assert {shown.provider_id, found.provider_id, repeated.provider_id} == {made.provider_id}
        assert {shown.status, found.status, repeated.status} == {made.status}
        for each in (shown, found, repeated):
            self._check(kind, each)
        assert await lab.effects(f"{kind}.create", _id_of(kind, request)) == (0 if kind in self.local else 1)

    @pytest.mark.parametrize("kind", KINDS)
    async def test_what_was_not_made_is_not_found(self, lab: ResourcesLab, kind: str) -> None:
        request = await self._wanted(lab, kind)
        if kind in self.local:
            pytest.skip("it lives with us")
        if kind in self.only_repeated:
            pytest.skip("the provider cannot be asked for it")
        made = await self._create(lab.client(), kind, request, new_key())
        other = replace(request, **{_ID[kind]: new_id(_PREFIX[kind])})
        assert made.provider_id
        assert await self._find(lab.client(), kind, other) is None

    @pytest.mark.parametrize("fault", ["timeout_before", "timeout_after", "error_html"])
    @pytest.mark.parametrize("kind", KINDS)
    async def test_a_lost_answer_is_unknown_and_can_be_found_out(
        self, lab: ResourcesLab, kind: str, fault: FaultKind
    ) -> None:
        request, key = await self._wanted(lab, kind), new_key()
        if kind in self.local:
            pytest.skip("it lives with us")
        await lab.client().probe()
        await lab.fault(fault, f"{kind}.create")
        with pytest.raises(ProviderOutcomeUnknown):
            await self._create(lab.client(timeout_s=SHORT_S if "timeout" in fault else 5.0), kind, request, key)
        asked = kind not in self.only_repeated
        found = await self._find(lab.client(), kind, request) if asked else None
        assert fault != "timeout_after" or found is not None or not asked
        repeated = await self._again(lab.client(), kind, request, key)
        again = await self._find(lab.client(), kind, request) if asked else repeated
        assert again is not None
        assert again.provider_id == repeated.provider_id
        assert found is None or found.provider_id == repeated.provider_id
        assert await lab.effects(f"{kind}.create", _id_of(kind, request)) == 1

    @pytest.mark.parametrize("kind", KINDS)
    async def test_a_throttled_call_did_nothing(self, lab: ResourcesLab, kind: str) -> None:
        request, key = await self._wanted(lab, kind), new_key()
        if kind in self.local:
            pytest.skip("it lives with us")
        await lab.fault("throttle", f"{kind}.create")
        with pytest.raises(ProviderThrottled) as caught:
            await self._create(lab.client(), kind, request, key)
        assert caught.value.retry_after_s == 3
        await self._create(lab.client(), kind, request, key)
        assert await lab.effects(f"{kind}.create", _id_of(kind, request)) == 1

    @pytest.mark.parametrize("kind", [*KINDS, "payment_method"])
    async def test_nobodys_thing_is_an_error(self, lab: ResourcesLab, kind: str) -> None:
        self._need(lab, f"{kind}.get")
        if kind in self.local:
            pytest.skip("it lives with us")
        nobodys = ResourceReference(new_id(_PREFIX[kind]), "NOBODYS00000001")
        with pytest.raises((*_NO, ProviderUnavailable)):
            await getattr(lab.client(), f"get_{kind}")(nobodys)

    async def test_a_plan_says_its_price_to_the_payer(self, lab: ResourcesLab) -> None:
        """Its subscriptions are charged the plan's amount, in its currency."""
        self._need(lab, "subscription.create")
        request, made = await self._subscribed(lab)
        charges = await self._charges(lab, made)
        assert charges
        assert {(one["amount_minor"], one["currency"], one["status"]) for one in charges} == {
            (self.price.amount_minor, self.price.currency, "succeeded")
        }
        assert request.subscription_id

    async def test_a_subscription_waits_for_the_payer_then_runs(self, lab: ResourcesLab) -> None:
        self._need(lab, "subscription.create")
        request = await self._wanted(lab, "subscription")
        made = await lab.client().create_subscription(request, key=new_key())
        assert made.status == "pending_authorization"
        assert made.facts.get("approve_url") or made.facts.get("client_secret")
        await lab.approve(made)
        shown = await lab.client().get_subscription(_reference(request.subscription_id, made))
        assert shown.status == "active"
        assert shown.facts["provider_plan_id"] == request.provider_plan_id
        assert str(shown.facts["current_period_end"]).endswith("Z") or shown.facts.get("next_charge_at")

    async def test_a_trial_is_free_and_then_charged(self, lab: ResourcesLab) -> None:
        self._need(lab, "subscription.create")
        request = await self._wanted(lab, "subscription", trial_days=7)
        made = await lab.client().create_subscription(request, key=new_key())
        await lab.approve(made)
        reference = _reference(request.subscription_id, made)
        trying = await lab.client().get_subscription(reference)
        assert trying.status == "trialing"
        assert not [one for one in await self._charges(lab, made) if one["amount_minor"] == self.price.amount_minor]
        await lab.advance(8 * DAY_S)
        charged = await lab.client().get_subscription(reference)
        assert charged.status == "active"
        assert await self._charges(lab, made)

    async def test_a_subscription_renews(self, lab: ResourcesLab) -> None:
        request, made = await self._subscribed(lab)
        before = len(await self._charges(lab, made))
        await lab.advance(32 * DAY_S)
        assert len(await self._charges(lab, made)) == before + 1
        shown = await lab.client().get_subscription(_reference(request.subscription_id, made))
        assert shown.status == "active"

    async def test_pausing_and_resuming(self, lab: ResourcesLab) -> None:
        for capability in ("subscription.pause", "subscription.resume"):
            self._need(lab, capability)
        request, made = await self._subscribed(lab)
        client, change = lab.client(), SubscriptionChange(_reference(request.subscription_id, made), reason="away")
        for act, status in (("pause", "paused"), ("resume", "active")):
            key = new_key()
            call = getattr(client, f"{act}_subscription")
            done = await call(change, key=key)
            again = await call(change, key=new_key())
            shown = await client.get_subscription(change.subscription)
            assert (done.status, again.status, shown.status) == (status, status, status)
            assert await lab.effects(f"subscription.{act}", request.subscription_id) == 1

    @pytest.mark.parametrize("act", ["pause", "cancel"])
    async def test_a_change_without_an_answer_is_told_by_the_thing_itself(self, lab: ResourcesLab, act: str) -> None:
        self._need(lab, f"subscription.{act}")
        request, made = await self._subscribed(lab)
        change = SubscriptionChange(_reference(request.subscription_id, made), reason="away")
        status = {"pause": "paused", "cancel": "canceled"}[act]
        for fault in ("timeout_before", "timeout_after"):
            await lab.fault(fault, f"subscription.{act}")
            with pytest.raises(ProviderOutcomeUnknown):
                await getattr(lab.client(timeout_s=SHORT_S), f"{act}_subscription")(change, key=new_key())
            shown = await lab.client().get_subscription(change.subscription)
            assert (shown.status == status) == (fault == "timeout_after")
        again = await getattr(lab.client(), f"{act}_subscription")(change, key=new_key())
        assert again.status == status
        assert await lab.effects(f"subscription.{act}", request.subscription_id) == 1

    async def test_canceling_now_is_final(self, lab: ResourcesLab) -> None:
        self._need(lab, "subscription.cancel")
        request, made = await self._subscribed(lab)
        change = SubscriptionChange(_reference(request.subscription_id, made), reason="too dear")
        done = await lab.client().cancel_subscription(change, key=new_key())
        again = await lab.client().cancel_subscription(change, key=new_key())
        assert (done.status, again.status) == ("canceled", "canceled")
        assert await lab.effects("subscription.cancel", request.subscription_id) == 1
        charges = await self._charges(lab, made)
        await lab.advance(70 * DAY_S)
        assert await self._charges(lab, made) == charges
        if lab.has("subscription.resume"):
            with pytest.raises(_NO):
                await lab.client().resume_subscription(change, key=new_key())

    async def test_canceling_at_the_cycles_end_lets_it_run_until_then(self, lab: ResourcesLab) -> None:
        self._need(lab, "subscription.cancel_at_cycle_end")
        request, made = await self._subscribed(lab)
        change = SubscriptionChange(_reference(request.subscription_id, made), at_cycle_end=True)
        done = await lab.client().cancel_subscription(change, key=new_key())
        assert done.status == "active"
        assert done.facts["cancel_at_cycle_end"] is True
        before = len(await self._charges(lab, made))
        await lab.advance(32 * DAY_S)
        assert (await lab.client().get_subscription(change.subscription)).status == "canceled"
        assert len(await self._charges(lab, made)) == before

    async def test_changing_the_plan_holds_or_waits(self, lab: ResourcesLab) -> None:
        self._need(lab, "subscription.change_plan")
        request, made = await self._subscribed(lab)
        other = await self._plan(lab, self.other_price)
        change = SubscriptionChange(
            _reference(request.subscription_id, made),
            provider_plan_id=other.provider_id,
            return_url="https://shop.example/done",
            cancel_url="https://shop.example/back",
        )
        client = lab.client()
        done = await client.change_subscription_plan(change, key=new_key())
        self._check("subscription", done)
        assert other.provider_id in (done.facts.get("provider_plan_id"), done.facts.get("pending_provider_plan_id"))
        again = await client.change_subscription_plan(change, key=new_key())
        assert again.facts.get("provider_plan_id") == done.facts.get("provider_plan_id")
        assert await lab.effects("subscription.change_plan", request.subscription_id) <= 1

    async def test_a_paid_link_says_so(self, lab: ResourcesLab) -> None:
        self._need(lab, "payment_link.create")
        request = await self._wanted(lab, "payment_link")
        made = await lab.client().create_payment_link(request, key=new_key())
        assert made.status == "created"
        assert str(made.facts["short_url"]).startswith("http")
        await lab.pay_link(made)
        shown = await lab.client().get_payment_link(_reference(request.link_id, made))
        self._check("payment_link", shown)
        assert shown.status == "paid"
        assert shown.facts["amount_paid_minor"] == request.amount.amount_minor
        assert shown.facts["provider_payment_id"]
        with pytest.raises(_NO):
            await lab.client().cancel_payment_link(_reference(request.link_id, made), key=new_key())

    async def test_a_canceled_link_cannot_be_paid(self, lab: ResourcesLab) -> None:
        self._need(lab, "payment_link.cancel")
        request = await self._wanted(lab, "payment_link")
        made = await lab.client().create_payment_link(request, key=new_key())
        reference = _reference(request.link_id, made)
        await lab.fault("timeout_after", "payment_link.cancel")
        with pytest.raises(ProviderOutcomeUnknown):
            await lab.client(timeout_s=SHORT_S).cancel_payment_link(reference, key=new_key())
        assert (await lab.client().get_payment_link(reference)).status == "canceled"
        assert (await lab.client().cancel_payment_link(reference, key=new_key())).status == "canceled"
        assert await lab.effects("payment_link.cancel", request.link_id) == 1

    async def test_a_saved_method_is_kept_and_let_go(self, lab: ResourcesLab) -> None:
        self._need(lab, "payment_method.create")
        customer = await self._customer(lab)
        theirs = await lab.saved_method(customer)
        request = PaymentMethodRequest(new_id("pm"), theirs, None if customer is None else customer.provider_id)
        client = lab.client()
        kept = await client.attach_payment_method(request, key=new_key())
        again = await client.attach_payment_method(request, key=new_key())
        self._check("payment_method", kept)
        assert (kept.status, again.status) == ("active", "active")
        assert kept.provider_id == again.provider_id
        reference = _reference(request.method_id, kept)
        shown = await client.get_payment_method(reference)
        assert (shown.status, shown.facts) == ("active", kept.facts)
        assert shown.facts["type"]
        let_go = await client.detach_payment_method(reference, key=new_key())
        twice = await client.detach_payment_method(reference, key=new_key())
        assert (let_go.status, twice.status) == ("removed", "removed")
        assert await lab.effects("payment_method.delete", theirs) == 1

    async def test_nobodys_method_cannot_be_kept(self, lab: ResourcesLab) -> None:
        self._need(lab, "payment_method.create")
        customer = await self._customer(lab)
        request = PaymentMethodRequest(
            new_id("pm"), "NOBODYS00000001", None if customer is None else customer.provider_id
        )
        with pytest.raises(_NO):
            await lab.client().attach_payment_method(request, key=new_key())

    async def test_a_vendor_becomes_active(self, lab: ResourcesLab) -> None:
        self._need(lab, "vendor.create")
        request = await self._wanted(lab, "vendor")
        made = await lab.client().create_vendor(request, key=new_key())
        assert made.status in ("pending", "active", "restricted")
        await lab.activate(made)
        shown = await lab.client().get_vendor(_reference(request.vendor_id, made))
        self._check("vendor", shown)
        assert shown.status == "active"
        for number in request.account_details.values():
            assert number not in repr((request, made, shown))

    async def test_a_vendor_never_gets_more_than_was_paid(self, lab: ResourcesLab) -> None:
        self._need(lab, "transfer.create")
        if not self.limits_transfers:
            pytest.skip("the provider pays from the balance, whatever the payment was")
        request = await self._wanted(lab, "transfer")
        much = Money(request.payment.amount.amount_minor * 10, request.amount.currency)
        with pytest.raises(_NO):
            await lab.client().create_transfer(replace(request, amount=much), key=new_key())
        assert await lab.effects("transfer.create", request.transfer_id) == 0

    @pytest.mark.parametrize("kind", ["subscription", "payment_link", "vendor", "transfer"])
    async def test_callbacks_speak_of_the_same_thing(self, lab: ResourcesLab, kind: str) -> None:
        request = await self._wanted(lab, kind)
        if kind not in self.told_of:
            pytest.skip("the provider does not call about it")
        made = await self._create(lab.client(), kind, request, new_key())
        await self._move(lab, kind, made)
        told = await lab.told(kind, made.provider_id)
        shown = await self._get(lab.client(), kind, request, made)
        assert told
        for event in told:
            thing = event.object
            assert (thing.kind, thing.provider_id) == (kind, made.provider_id)
            assert thing.reference in (_id_of(kind, request), None)
            assert thing.status in (*STATUSES[kind], "unchanged")
            self._check_facts(kind, thing.facts)
        if kind not in self.told_without_reference:
            assert _id_of(kind, request) in {event.object.reference for event in told}
        assert shown.status in {event.object.status for event in told}

    async def _move(self, lab: ResourcesLab, kind: str, made: ResourceSnapshot) -> None:
        match kind:
            case "subscription":
                await lab.approve(made)
            case "payment_link":
                await lab.pay_link(made)
            case "vendor":
                await lab.activate(made)
            case _:
                pass

    async def _wanted(self, lab: ResourcesLab, kind: str, **changes: Any) -> Any:
        """A request with an id of its own, and all it stands on. Skips what the provider does not offer."""
        self._need(lab, f"{kind}.create")
        ours = new_id(_PREFIX[kind])
        match kind:
            case "plan":
                return PlanRequest(ours, name="Gold", amount=self.price, interval="month", notes={"tier": "1"})
            case "customer":
                email = f"{ours[4:]}@customer.example"
                return CustomerRequest(ours, name="Asha Rao", email=email, phone="+919876543210", notes={"a": "b"})
            case "subscription":
                return await self._wanted_subscription(lab, ours, **changes)
            case "payment_link":
                return PaymentLinkRequest(ours, amount=self.price, description="A chair", notes={"cart": "17"})
            case "vendor":
                # The last characters: those before them are the time, and the same for all of a millisecond.
                email = f"{ours[-16:]}@vendor.example"
                return VendorRequest(
                    ours,
                    name="Chairs and Sons",
                    email=email,
                    phone="9876543210" if self.country == "IN" else None,
                    country=self.country,
                    business_type="individual",
                    account_details=self.account_details,
                    return_url="https://shop.example/vendors/done",
                    refresh_url="https://shop.example/vendors/again",
                )
            case _:
                return await self._wanted_transfer(lab, ours)

    async def _wanted_subscription(self, lab: ResourcesLab, ours: str, **changes: Any) -> SubscriptionRequest:
        plan = PlanRequest(new_id("plan"), "Gold", self.price, "month", trial_days=changes.get("trial_days", 0))
        customer = await self._customer(lab)
        given: dict[str, Any] = {
            "plan": plan,
            "total_count": 12,
            "customer": {"name": "Asha Rao", "email": "asha@customer.example", "phone": "+919876543210"},
            "provider_customer_id": None if customer is None else customer.provider_id,
            "return_url": "https://shop.example/done",
            "cancel_url": "https://shop.example/back",
            "notes": {"cart": "17"},
            **changes,
        }
        made = await lab.client().create_plan(plan, key=new_key())
        return SubscriptionRequest(subscription_id=ours, provider_plan_id=made.provider_id, **given)

    async def _wanted_transfer(self, lab: ResourcesLab, ours: str) -> TransferRequest:
        vendor = await self._wanted(lab, "vendor")
        made = await lab.client().create_vendor(vendor, key=new_key())
        await lab.activate(made)
        known = await lab.client().get_vendor(_reference(vendor.vendor_id, made))
        return TransferRequest(
            transfer_id=ours,
            payment=await lab.paid_payment(self.price),
            vendor=ResourceReference(vendor.vendor_id, made.provider_id, {**made.facts, **known.facts}),
            amount=Money(self.price.amount_minor // 2, self.price.currency),
        )

    async def _plan(self, lab: ResourcesLab, price: Money) -> ResourceSnapshot:
        request = PlanRequest(new_id("plan"), "Platinum", price, "month")
        made: ResourceSnapshot = await lab.client().create_plan(request, key=new_key())
        return made

    async def _customer(self, lab: ResourcesLab) -> ResourceSnapshot | None:
        if not lab.has("customer.create") or "customer" in self.local:
            return None
        made: ResourceSnapshot = await lab.client().create_customer(await self._wanted(lab, "customer"), key=new_key())
        return made

    async def _subscribed(self, lab: ResourcesLab) -> tuple[SubscriptionRequest, ResourceSnapshot]:
        """A running subscription, its first cycle paid."""
        request = await self._wanted(lab, "subscription")
        made = await lab.client().create_subscription(request, key=new_key())
        await lab.approve(made)
        shown = await lab.client().get_subscription(_reference(request.subscription_id, made))
        assert shown.status == "active"
        return request, made

    async def _charges(self, lab: ResourcesLab, made: ResourceSnapshot) -> list[Mapping[str, Any]]:
        """What its subscriber was charged, by the callbacks and by reading it."""
        reference = ResourceReference(new_id("sub"), made.provider_id, made.facts)
        facts = dict((await lab.client().get_subscription(reference)).facts)
        for event in await lab.told("subscription", made.provider_id):
            facts |= event.object.facts
        return [value for name, value in sorted(facts.items()) if name.startswith(CHARGE) and isinstance(value, dict)]

    def _need(self, lab: ResourcesLab, capability: str) -> None:
        if not lab.has(capability):
            pytest.skip(f"this provider has no {capability}")

    def _check(self, kind: str, shown: ResourceSnapshot) -> None:
        assert shown.status in STATUSES[kind]
        assert shown.provider_id
        self._check_facts(kind, shown.facts)

    def _check_facts(self, kind: str, facts: Mapping[str, Any]) -> None:
        strange = {name for name in facts if name not in FACTS[kind]}
        charges = {name for name in strange if kind == "subscription" and name.startswith(CHARGE)}
        assert strange == charges
        assert all(value is not None for value in facts.values())
        for name in charges:
            assert {"amount_minor", "currency", "at", "status"} <= facts[name].keys()

    async def _create(self, client: Any, kind: str, request: Any, key: str) -> ResourceSnapshot:
        made: ResourceSnapshot = await getattr(client, f"create_{kind}")(request, key=key)
        return made

    async def _again(self, client: Any, kind: str, request: Any, key: str) -> ResourceSnapshot:
        """The creation once more, as the heart does it."""
        found = await self._find(client, kind, request) if kind in self.asked_first else None
        return found or await self._create(client, kind, request, key)

    async def _find(self, client: Any, kind: str, request: Any) -> ResourceSnapshot | None:
        found: ResourceSnapshot | None = await getattr(client, f"find_{kind}")(request)
        return found

    async def _get(self, client: Any, kind: str, request: Any, made: ResourceSnapshot) -> ResourceSnapshot:
        shown: ResourceSnapshot = await getattr(client, f"get_{kind}")(_reference(_id_of(kind, request), made))
        return shown


def _reference(ours: str, made: ResourceSnapshot) -> ResourceReference:
    return ResourceReference(ours, made.provider_id, made.facts)


def _id_of(kind: str, request: Any) -> str:
    return str(getattr(request, _ID[kind]))
