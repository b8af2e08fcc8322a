"""Every request that the client sends, and every answer that the sandbox gives, is as PayPal's OpenAPI files say."""

from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from onerouter_common.errors import CallerError, ProviderDeclined, ProviderError
from onerouter_common.ids import (
    PAYMENT,
    PAYMENT_LINK,
    PAYMENT_METHOD,
    PLAN,
    REFUND,
    SUBSCRIPTION,
    TRANSFER,
    VENDOR,
    new_id,
)
from onerouter_common.money import Money
from onerouter_providers.capability import (
    CaptureRequest,
    CompletionRequest,
    PaymentReference,
    PaymentRequest,
    RefundRequest,
)
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
from onerouter_providers.testing.payments_suite import new_key, payment_request, reference_to

from .openapi import FILES, Document, Exchange, Recorder, judge

if TYPE_CHECKING:
    from .conftest import PayPalLab

PRICE = Money(1_299, "USD")


@pytest.fixture(scope="module")
def documents(specs: Path) -> list[Document]:
    return [Document(specs / name) for name in FILES]


@pytest.fixture
async def recorder() -> AsyncIterator[Recorder]:
    made = Recorder()
    yield made
    await made.aclose()


async def test_the_life_of_payments(lab: "PayPalLab", recorder: Recorder, documents: list[Document]) -> None:
    client = lab.client(pool=recorder)
    await client.probe()
    for capture in ("automatic", "manual"):
        request = PaymentRequest(
            payment_id=new_id(PAYMENT),
            amount=PRICE,
            capture="manual" if capture == "manual" else "automatic",
            method="card" if capture == "manual" else "wallet",
            description="Two tickets",
            customer={"email": "asha@example.com", "name": "Asha Rao"},
            return_url="https://shop.example/done",
            cancel_url="https://shop.example/back",
            save_card=capture == "automatic",
        )
        key = new_key()
        made = await client.create_payment(request, key=key)
        await client.create_payment(request, key=key)
        reference = reference_to(request, made)
        with pytest.raises(ProviderDeclined):
            await client.complete_payment(CompletionRequest(reference, request.capture), key=new_key())
        await lab.ask(
            f"/paypal/orders/{made.provider_order_id}/approve", source="card" if capture == "manual" else "paypal"
        )
        await client.get_payment(reference)
        completed = await client.complete_payment(CompletionRequest(reference, request.capture), key=key)
        if capture == "manual":
            held = PaymentReference(request.payment_id, PRICE, provider_payment_id=completed.provider_payment_id)
            assert (await client.get_payment(held)).status == "authorized"
            await client.capture_payment(CaptureRequest(held, Money(1_000, "USD")), key=new_key())
        shown = await client.get_payment(reference)
        assert shown.status == "succeeded"
        await client.get_payment(
            PaymentReference(request.payment_id, PRICE, provider_payment_id=shown.provider_payment_id)
        )
        for amount in (400, 600, 1):
            wanted = RefundRequest(new_id(REFUND), reference, Money(amount, "USD"), reason="Damaged")
            refund_key = new_key()
            with suppress(ProviderError):
                refund = await client.create_refund(wanted, key=refund_key)
                await client.get_refund(reference, refund.provider_refund_id)
    _judge(documents, recorder.heard, least=20)


async def test_what_goes_wrong(lab: "PayPalLab", recorder: Recorder, documents: list[Document]) -> None:
    client = lab.client(pool=recorder)
    for how in ({"decline": "5120"}, {"decline": "INSTRUMENT_DECLINED"}, {"pending": "ECHECK"}):
        request = payment_request(PRICE)
        made = await client.create_payment(request, key=new_key())
        await lab.ask(f"/paypal/orders/{made.provider_order_id}/approve", **how)
        reference = reference_to(request, made)
        with suppress(ProviderError):
            await client.complete_payment(CompletionRequest(reference), key=new_key())
        with suppress(ProviderError, CallerError):
            await client.create_refund(RefundRequest(new_id(REFUND), reference, PRICE), key=new_key())
        await client.get_payment(reference)
    request = payment_request(PRICE, capture="manual")
    made = await client.create_payment(request, key=new_key())
    reference = reference_to(request, made)
    await lab.pay(made)
    await client.complete_payment(CompletionRequest(reference, "manual"), key=new_key())
    with suppress(ProviderError):
        await client.capture_payment(CaptureRequest(reference, Money(9_999, "USD")), key=new_key())
    await client.cancel_payment(reference, key=new_key())
    nobodys = PaymentReference(new_id(PAYMENT), PRICE, provider_order_id="NOBODYS0000000000")
    with suppress(ProviderError):
        await client.get_payment(nobodys)
    with suppress(ProviderError):
        await client.get_refund(nobodys, "NOBODYS0000000000")
    for kind in ("error_5xx", "throttle_429"):
        await lab.ask("/faults", kind=kind, operation="orders.create", key_id=lab.client_id, times=1)
        with suppress(ProviderError):
            await client.create_payment(payment_request(PRICE), key=new_key())
    await lab.ask(f"/paypal/accounts/{lab.client_id}/end-tokens")
    await client.get_payment(reference)
    # What PayPal says to 429 and 401 is in its prose, or in all files alike; the files' own errors are judged.
    _judge(documents, [one for one in recorder.heard if one.status != 429], least=15)
    assert {one.status for one in recorder.heard} >= {200, 201, 401, 404, 422, 429, 500}


async def test_the_life_of_everything_else(
    called_back: "PayPalLab", recorder: Recorder, documents: list[Document]
) -> None:
    lab, client = called_back, called_back.client(pool=recorder)
    plans = [
        PlanRequest(new_id(PLAN), "Gold", PRICE, "month", description="All you can read", trial_days=trial)
        for trial in (0, 14)
    ]
    gold, silver = [await client.create_plan(plan, key=new_key()) for plan in plans]
    await client.find_plan(plans[0])
    await client.get_plan(ResourceReference(plans[0].plan_id, gold.provider_id))
    wanted = SubscriptionRequest(
        new_id(SUBSCRIPTION),
        gold.provider_id,
        customer={"name": "Asha Rao", "email": "asha@example.com"},
        total_count=12,
        trial_days=3,
        return_url="https://shop.example/done",
    )
    made = await client.create_subscription(wanted, key=new_key())
    await lab.approve(made)
    subscription = ResourceReference(wanted.subscription_id, made.provider_id)
    await client.get_subscription(subscription)
    change = SubscriptionChange(subscription, provider_plan_id=silver.provider_id, return_url="https://shop.example/x")
    await client.change_subscription_plan(change, key=new_key())
    for act in (client.pause_subscription, client.resume_subscription, client.cancel_subscription):
        await act(change, key=new_key())
        await act(change, key=new_key())
    customer = {"name": "Asha Rao", "email": "asha@example.com"}
    for notify in (False, True):
        asked = PaymentLinkRequest(new_id(PAYMENT_LINK), PRICE, "A chair", customer=customer, notify=notify)
        link = await client.create_payment_link(asked, key=new_key())
        assert await client.create_payment_link(asked, key=new_key()) == link
        await client.find_payment_link(asked)
        await client.cancel_payment_link(ResourceReference(asked.link_id, link.provider_id), key=new_key())
    method = ResourceReference(new_id(PAYMENT_METHOD), await lab.saved_method(None))
    await client.attach_payment_method(PaymentMethodRequest(method.id, method.provider_id), key=new_key())
    await client.detach_payment_method(method, key=new_key())
    invited = VendorRequest(
        new_id(VENDOR), "Chairs and Sons", "vendor@example.com", return_url="https://shop.example/v"
    )
    vendor = await client.create_vendor(invited, key=new_key())
    with suppress(CallerError):
        await client.get_vendor(ResourceReference(invited.vendor_id, vendor.provider_id))
    paid = TransferRequest(
        new_id(TRANSFER),
        await lab.paid_payment(PRICE),
        ResourceReference(new_id(VENDOR), "paid@example.com"),
        Money(500, "USD"),
    )
    done = await client.create_transfer(paid, key=new_key())
    assert (await client.create_transfer(paid, key=new_key())).provider_id == done.provider_id
    await client.get_transfer(ResourceReference(paid.transfer_id, done.provider_id))
    # The files leave out what a platform asks of its vendors, and the issue of an invoice number that was used.
    unlisted = ("/merchant-integrations", "DUPLICATE_INVOICE_NUMBER")
    heard = [one for one in recorder.heard if not any(word in f"{one.path} {one.received}" for word in unlisted)]
    _judge(documents, heard, least=30)


def _judge(documents: list[Document], heard: list[Exchange], *, least: int) -> None:
    judged = [one for one in heard if one.path != "/v1/oauth2/token"]
    assert len(judged) >= least
    assert [problem for one in judged for problem in judge(documents, one)] == []


def test_the_judge_sees_what_is_wrong(documents: list[Document]) -> None:
    good = {"intent": "CAPTURE", "purchase_units": [{"amount": {"currency_code": "USD", "value": "1.00"}}]}
    answer = {"id": "A1", "status": "CREATED", "links": []}
    headers = {"content-type": "application/json", "PayPal-Request-Id": "k"}

    def told(**changes: object) -> list[str]:
        values = {"method": "POST", "path": "/v2/checkout/orders", "headers": headers, "sent": good, "status": 201}
        return judge(documents, Exchange(**{**values, "received": answer, **changes}))  # type: ignore[arg-type]

    assert told() == []
    assert "PayPal has no such operation" in told(path="/v2/checkout/carts")[0]
    assert "intent" in told(sent={"purchase_units": good["purchase_units"]})[0]
    assert "$.notes: not in the schema" in told(sent={**good, "notes": {}})[0]
    assert "$.entity: not in the schema" in told(received={**answer, "entity": "order"})[0]
    assert told(received={**answer, "status": "PAID"})
    assert told(headers={**headers, "PayPal-Request-Id": "k" * 109})
    assert told(headers={"PayPal-Request-Id": "k"}) == ["POST /v2/checkout/orders → 201: not sent as JSON"]
