"""Every request that the client sends is one that Razorpay documents: its path, its fields, and their types.

Razorpay publishes no OpenAPI file. What counts are the bodies of its own clients' tests (`specs/razorpay-fixtures`), and for
fields that these do not show, the pages of its reference, named below.
"""

import json
import re
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from onerouter_common.ids import CUSTOMER, PAYMENT_LINK, PAYMENT_METHOD, PLAN, SUBSCRIPTION, TRANSFER, VENDOR, new_id
from onerouter_common.money import Money
from onerouter_providers.capability import RefundRequest
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

if TYPE_CHECKING:
    from .conftest import RazorpayLab

PRICE = Money(49_900, "INR")
_ID = r"[A-Za-z0-9_]+"


@dataclass(frozen=True)
class Call:
    """A documented call: the sample of its body, and the fields (dotted) that the sample does not show, by type."""

    method: str
    path: str
    sample: str | None = None
    more: Mapping[str, type] = field(default_factory=dict)


CALLS = (
    Call(
        "POST",
        "/v1/orders",  # docs/api/orders/create
        None,
        {
            "amount": int,
            "currency": str,
            "receipt": str,
            "notes": dict,
            "partial_payment": bool,
            "payment.capture": str,
            "payment.capture_options.refund_speed": str,
            "payment.capture_options.automatic_expiry_period": int,
            "payment.capture_options.manual_expiry_period": int,
        },
    ),
    Call(
        "POST",
        f"/v1/payments/{_ID}/refund",  # docs/api/refunds/create-normal
        None,
        {"amount": int, "speed": str, "receipt": str, "notes": dict},
    ),
    Call(
        "POST",
        "/v1/plans",  # docs/api/payments/subscriptions/create-plan
        None,
        {
            "period": str,
            "interval": int,
            "item.name": str,
            "item.amount": int,
            "item.currency": str,
            "item.description": str,
            "notes": dict,
        },
    ),
    Call(
        "POST",
        "/v1/customers",
        "py-init_customer",
        {"contact": str, "fail_existing": str, "notes": dict},  # docs/api/customers/create
    ),
    Call(
        "POST",
        "/v1/subscriptions",
        "py-init_subscription",
        # docs/api/payments/subscriptions/create-subscription
        {"quantity": int, "customer_notify": bool, "start_at": int, "notes": dict},
    ),
    Call("POST", f"/v1/subscriptions/{_ID}/cancel", None, {"cancel_at_cycle_end": bool}),
    Call("POST", f"/v1/subscriptions/{_ID}/pause", None, {"pause_at": str}),
    Call("POST", f"/v1/subscriptions/{_ID}/resume", None, {"resume_at": str}),
    Call("PATCH", f"/v1/subscriptions/{_ID}", None, {"plan_id": str, "quantity": int, "schedule_change_at": str}),
    Call("POST", f"/v1/subscriptions/{_ID}/cancel_scheduled_changes"),
    Call("POST", "/v1/payment_links", "py-init_payment_link"),
    Call("POST", f"/v1/payment_links/{_ID}/cancel"),
    Call("DELETE", f"/v1/customers/{_ID}/tokens/{_ID}"),
    Call("POST", "/v2/accounts", "go-fake_account_request", {"type": str}),  # …/route/create-linked-account
    Call("POST", f"/v2/accounts/{_ID}/stakeholders", "go-stakeholder_data"),
    Call("POST", f"/v2/accounts/{_ID}/products", None, {"product_name": str, "tnc_accepted": bool}),
    Call(
        "PATCH",
        f"/v2/accounts/{_ID}/products/{_ID}",  # docs/api/payments/route/update-product-config
        None,
        {
            "settlements.account_number": str,
            "settlements.ifsc_code": str,
            "settlements.beneficiary_name": str,
            "tnc_accepted": bool,
        },
    ),
    Call(
        "POST",
        f"/v1/payments/{_ID}/transfers",  # docs/api/payments/route/create-transfers-payments
        None,
        {
            "transfers[].account": str,
            "transfers[].amount": int,
            "transfers[].currency": str,
            "transfers[].notes": dict,
            "transfers[].on_hold": bool,
        },
    ),
)
READS = (
    "/v1/orders", f"/v1/orders/{_ID}", f"/v1/orders/{_ID}/payments", f"/v1/payments/{_ID}", "/v1/plans",
    f"/v1/plans/{_ID}", "/v1/customers", f"/v1/customers/{_ID}", f"/v1/customers/{_ID}/tokens/{_ID}",
    "/v1/subscriptions", f"/v1/subscriptions/{_ID}", f"/v1/subscriptions/{_ID}/retrieve_scheduled_changes",
    "/v1/invoices", "/v1/payment_links", f"/v1/payment_links/{_ID}", f"/v2/accounts/{_ID}",
    f"/v2/accounts/{_ID}/stakeholders", f"/v2/accounts/{_ID}/products/{_ID}", f"/v1/payments/{_ID}/transfers",
    f"/v1/payments/{_ID}/refunds", f"/v1/transfers/{_ID}",
)  # fmt: skip


class Recorder(httpx.AsyncBaseTransport):
    """Passes calls on, and remembers what was asked."""

    def __init__(self, pool: httpx.AsyncBaseTransport) -> None:
        self._pool = pool
        self.asked: list[httpx.Request] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        return await self._pool.handle_async_request(request)


@pytest.fixture
async def recorder(pool: httpx.AsyncBaseTransport) -> AsyncIterator[Recorder]:
    yield Recorder(pool)


async def test_every_request_is_a_documented_one(lab: "RazorpayLab", recorder: Recorder, specs: Path) -> None:
    await _do_everything(replace(lab, pool=recorder))
    unseen = {(call.method, call.path) for call in CALLS}
    for request in recorder.asked:
        path = request.url.path.removeprefix("/razorpay")
        if request.method == "GET":
            assert any(re.fullmatch(read, path) for read in READS), path
            continue
        call = next(each for each in CALLS if each.method == request.method and re.fullmatch(each.path, path))
        unseen.discard((call.method, call.path))
        allowed = {**_sampled(specs, call.sample), **call.more}
        for name, value in _leaves(json.loads(request.content) if request.content else {}):
            assert name in allowed, f"{call.method} {call.path} does not document {name}"
            assert type(value) is allowed[name], f"{call.path}: {name} is {type(value).__name__}"
    assert unseen == set()


def _sampled(specs: Path, sample: str | None) -> dict[str, type]:
    if sample is None:
        return {}
    body = json.loads((specs / "razorpay-fixtures" / f"{sample}.json").read_text("utf-8"))
    # The samples write postal codes as numbers in one place and as text in another; the reference sends text.
    return {name: str if name.endswith("postal_code") else type(value) for name, value in _leaves(body)}


def _leaves(body: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every field by its dotted path. Notes are the merchant's: their names are free."""
    if isinstance(body, list):
        for each in body:
            yield from _leaves(each, f"{path}[]")
    elif isinstance(body, dict) and not path.endswith("notes"):
        for name, value in body.items():
            yield from _leaves(value, f"{path}.{name}" if path else name)
    else:
        yield path, body


async def _do_everything(lab: "RazorpayLab") -> None:
    client = lab.client()
    payment = await lab.paid_payment(PRICE)
    refund = RefundRequest(new_id("re"), payment, Money(10_000, "INR"))
    await client.create_refund(refund, key=new_key())
    await client.find_refund(refund)
    await _sell_by_link(lab)
    await _subscribe(lab)
    await _keep_a_method(lab)
    await _onboard_and_transfer(lab)


async def _sell_by_link(lab: "RazorpayLab") -> None:
    client = lab.client()
    customer = {"name": "Asha", "email": "a@customer.example", "phone": "+919876543210"}
    wanted = PaymentLinkRequest(
        new_id(PAYMENT_LINK),
        PRICE,
        description="A chair",
        customer=customer,
        callback_url="https://shop.example/done",
        expires_at=datetime.now(UTC) + timedelta(days=2),
        notify=True,
        notes={"cart": "17"},
    )
    made = await client.create_payment_link(wanted, key=new_key())
    await client.find_payment_link(wanted)
    await client.get_payment_link(ResourceReference(wanted.link_id, made.provider_id))
    await client.cancel_payment_link(ResourceReference(wanted.link_id, made.provider_id), key=new_key())


async def _subscribe(lab: "RazorpayLab") -> None:
    client = lab.client()
    plan = PlanRequest(new_id(PLAN), "Gold", PRICE, "month", description="Chairs")
    dear = PlanRequest(new_id(PLAN), "Platinum", Money(99_900, "INR"), "month")
    cheap_id = (await client.create_plan(plan, key=new_key())).provider_id
    dear_id = (await client.create_plan(dear, key=new_key())).provider_id
    await client.find_plan(plan)
    await client.get_plan(ResourceReference(plan.plan_id, cheap_id))
    trial = SubscriptionRequest(new_id(SUBSCRIPTION), cheap_id, total_count=3, trial_days=3, notes={"cart": "17"})
    await client.create_subscription(trial, key=new_key())
    wanted = replace(trial, subscription_id=new_id(SUBSCRIPTION), trial_days=0, total_count=None)
    made = await client.create_subscription(wanted, key=new_key())
    await client.find_subscription(wanted)
    await lab.approve(made)
    change = SubscriptionChange(ResourceReference(wanted.subscription_id, made.provider_id))
    await client.pause_subscription(change, key=new_key())
    await client.resume_subscription(change, key=new_key())
    change = replace(change, provider_plan_id=dear_id, quantity=2, prorate=False)
    await client.change_subscription_plan(change, key=new_key())
    await client.get_subscription(change.subscription)
    await client.change_subscription_plan(replace(change, provider_plan_id=cheap_id, quantity=1), key=new_key())
    await client.cancel_subscription(replace(change, at_cycle_end=True), key=new_key())


async def _keep_a_method(lab: "RazorpayLab") -> None:
    client = lab.client()
    wanted = CustomerRequest(new_id(CUSTOMER), "Asha Rao", "a@customer.example", "+919876543210", {"a": "b"})
    customer = await client.create_customer(wanted, key=new_key())
    await client.find_customer(wanted)
    await client.get_customer(ResourceReference(wanted.customer_id, customer.provider_id))
    token = await lab.saved_method(customer)
    request = PaymentMethodRequest(new_id(PAYMENT_METHOD), token, customer.provider_id)
    kept = await client.attach_payment_method(request, key=new_key())
    await client.detach_payment_method(ResourceReference(request.method_id, token, kept.facts), key=new_key())


async def _onboard_and_transfer(lab: "RazorpayLab") -> None:
    client = lab.client()
    details = {
        "account_number": "77780020203008",
        "ifsc": "HDFC0000317",
        "account_holder": "Asha Rao",
        "category": "ecommerce",
        "subcategory": "furniture",
        "street1": "507, 1st block",
        "city": "Bengaluru",
        "state": "KARNATAKA",
        "postal_code": "560034",
    }
    # A person's tax number is the stakeholder's, a company's the account's.
    for number, pan in enumerate(("AVOPB1111K", "AAACL1234C")):
        vendor = VendorRequest(
            new_id(VENDOR),
            "Chairs and Sons",
            email=f"v{number}@vendor.example",
            phone="9876543210",
            business_type="individual",
            account_details={**details, "pan": pan, "gst": "18AABCU9603R1ZM"},
        )
        made = await client.create_vendor(vendor, key=new_key())
    await lab.activate(made)
    reference = ResourceReference(vendor.vendor_id, made.provider_id, made.facts)
    await client.get_vendor(reference)
    transfer = TransferRequest(new_id(TRANSFER), await lab.paid_payment(PRICE), reference, Money(10_000, "INR"))
    done = await client.create_transfer(transfer, key=new_key())
    await client.find_transfer(transfer)
    await client.get_transfer(ResourceReference(transfer.transfer_id, done.provider_id))
