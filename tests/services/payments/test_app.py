"""The whole service on real engines: a command from the log to the provider's simulator, its answer, events and reads."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from uuid import uuid4

import httpx
import pytest
from pydantic import ValidationError
from tests.services.payments.stack import KEYS, LIVE_KEYS, TOKEN, Account, Stack, running, served

from onerouter_common.contracts.callbacks import CallbackObject
from onerouter_common.ids import new_id
from onerouter_payments.settings import Settings
from onerouter_sandbox.app import create_app as create_sandbox
from onerouter_sandbox.settings import Settings as SandboxSettings

if TYPE_CHECKING:
    from onerouter_local.testing import Database

KEY_SECRET = "sandbox_key_secret_01"


@pytest.fixture
async def stack(payments_database: "Database", kafka_bootstrap: str) -> AsyncIterator[Stack]:
    key_id = f"rzp_test_{uuid4().hex[:12]}"
    async with _stack(payments_database, kafka_bootstrap, "razorpay", {"key_id": key_id}, "key_secret") as opened:
        yield opened


@pytest.fixture
async def paypal(payments_database: "Database", kafka_bootstrap: str) -> AsyncIterator[Stack]:
    client_id = f"AX{uuid4().hex}"
    async with _stack(
        payments_database, kafka_bootstrap, "paypal", {"client_id": client_id}, "client_secret"
    ) as opened:
        yield opened


@asynccontextmanager
async def _stack(
    payments_database: "Database", kafka_bootstrap: str, provider: str, public: dict[str, str], secret: str
) -> AsyncIterator[Stack]:
    """The service with one connection to the sandbox; `secret` is the name of the credential that is sealed."""
    accounts = {provider: ({**public, secret: KEY_SECRET},)}
    async with served(lambda: create_sandbox(SandboxSettings(accounts=accounts))) as sandbox:
        account = Account(provider, public, secret, KEY_SECRET)
        checkout = {"razorpay": f"{sandbox}/razorpay/checkout/{{order_id}}"}
        async with running(payments_database, kafka_bootstrap, account, f"{sandbox}/{provider}", checkout) as stack:
            stack.sandbox.base_url = httpx.URL(sandbox)
            yield stack


async def test_a_payment_lives_its_life(stack: Stack) -> None:
    async with asyncio.timeout(60):
        while (await stack.payments.get("/readyz")).status_code != 200:
            await asyncio.sleep(0.02)

    made = await stack.ask("payment.create", {"amount_minor": 50_000, "currency": "INR", "receipt": "A-1"})
    assert (made.state, made.status) == ("succeeded", 201), made
    view = made.result
    assert view is not None
    assert (view["status"], view["amount"], view["receipt"]) == ("created", 500.0, "A-1")
    assert view["checkout_url"] == f"{stack.sandbox.base_url}/razorpay/checkout/{view['provider_order_id']}"
    assert await stack.read(f"/payments/{view['id']}") == view
    created = await stack.event()
    assert (created.type, created.sequence, created.data) == ("payment.created", 1, view)

    order_id = str(view["provider_order_id"])
    paid = (await stack.sandbox.post(f"/control/razorpay/orders/{order_id}/pay", json={})).json()
    told = CallbackObject(
        kind="payment", status="succeeded", order_id=order_id, payment_id=paid["payment_id"], method="upi"
    )
    await stack.call_back(told)
    await stack.call_back(told)
    succeeded = await stack.event()
    assert (succeeded.type, succeeded.sequence) == ("payment.succeeded", 2)
    assert await stack.read(f"/payments/{paid['payment_id']}") == succeeded.data

    payment_id = str(view["id"])
    too_much = await stack.ask(
        "refund.create", {"payment_id": payment_id, "amount_minor": 60_000}, payment_id=payment_id
    )
    assert too_much.problem is not None
    assert too_much.problem.detail == ("amount is 600.00 INR, but only 500.00 INR is left to refund of this payment.")
    refunded = await stack.ask("refund.create", {"payment_id": payment_id}, payment_id=payment_id)
    assert (refunded.state, refunded.status) == ("succeeded", 201), refunded
    assert refunded.result is not None
    assert (refunded.result["status"], refunded.result["amount_minor"]) == ("succeeded", 50_000)
    assert [(event.type, event.sequence) for event in [await stack.event() for _ in range(3)]] == [
        ("refund.created", 1),
        ("refund.succeeded", 2),
        ("payment.refunded", 3),
    ]
    assert (await stack.read(f"/payments/{order_id}"))["status"] == "refunded"
    assert (await stack.read(f"/refunds?payment_id={payment_id}"))["data"] == [refunded.result]

    operation = await stack.read(f"/operations/{refunded.operation_id}")
    assert (operation["status"], operation["effect"], operation["effect_guarantee"]) == (
        "succeeded",
        "committed",
        "exactly_once",
    )
    assert [attempt["outcome"] for attempt in operation["attempts"]] == ["succeeded"]
    assert len((await stack.read("/operations?operation=refund.create"))["data"]) == 2


async def test_what_the_payer_approved_is_taken_by_us_and_once(paypal: Stack) -> None:
    made = await paypal.ask("payment.create", {"amount_minor": 1_299, "currency": "USD"})
    assert (made.state, made.status) == ("succeeded", 201), made
    view = made.result
    assert view is not None
    assert view["status"] == "requires_action"
    order_id = str(view["provider_order_id"])
    assert view["checkout_url"] == f"{paypal.sandbox.base_url}/paypal/checkoutnow?token={order_id}"
    assert (await paypal.event()).type == "payment.created"

    await paypal.sandbox.post(f"/control/paypal/orders/{order_id}/approve")
    told = CallbackObject(kind="payment", status="processing", order_id=order_id, awaits_completion=True)
    for _ in range(3):  # each with an event id of its own, as if PayPal had told it anew
        await paypal.call_back(told)
    assert [(event.type, event.sequence) for event in [await paypal.event() for _ in range(2)]] == [
        ("payment.processing", 2),
        ("payment.succeeded", 3),
    ]
    payment = await paypal.read(f"/payments/{view['id']}")
    assert (payment["status"], payment["payment_method"]) == ("succeeded", "wallet")
    async with asyncio.timeout(60):
        # One, two or three: what comes when the money is taken already asks for nothing.
        while not (found := (await paypal.read("/operations?operation=payment.complete"))["data"]) or any(
            one["status"] not in ("succeeded", "failed") for one in found
        ):
            await asyncio.sleep(0.05)
    ledger = (await paypal.sandbox.get("/control/ledger", params={"kind": "payment.captured"})).json()["data"]
    assert [(one["reference"], one["amount"]) for one in ledger] == [(view["id"], 1_299)]

    refunded = await paypal.ask("refund.create", {"payment_id": view["id"]}, payment_id=str(view["id"]))
    assert (refunded.state, refunded.status) == ("succeeded", 201), refunded


async def test_a_manual_payment_is_held_then_captured_in_part(paypal: Stack) -> None:
    made = await paypal.ask("payment.create", {"amount_minor": 1_299, "currency": "USD", "capture": "manual"})
    assert made.result is not None
    payment_id, order_id = str(made.result["id"]), str(made.result["provider_order_id"])
    await paypal.sandbox.post(f"/control/paypal/orders/{order_id}/approve")
    await paypal.call_back(
        CallbackObject(kind="payment", status="processing", order_id=order_id, awaits_completion=True)
    )
    assert [(await paypal.event()).type for _ in range(3)] == [
        "payment.created",
        "payment.processing",
        "payment.authorized",
    ]
    captured = await paypal.ask(
        "payment.capture", {"payment_id": payment_id, "amount_minor": 1_000}, payment_id=payment_id
    )
    assert captured.result is not None, captured
    assert captured.result["status"] == "succeeded"
    ledger = (await paypal.sandbox.get("/control/ledger", params={"kind": "payment.captured"})).json()["data"]
    assert [one["amount"] for one in ledger] == [1_000]
    refunded = await paypal.ask("refund.create", {"payment_id": payment_id}, payment_id=payment_id)
    assert refunded.result is not None, refunded
    assert refunded.result["amount_minor"] == 1_000


async def test_an_authorized_payment_is_let_go(paypal: Stack) -> None:
    made = await paypal.ask("payment.create", {"amount_minor": 1_299, "currency": "USD", "capture": "manual"})
    assert made.result is not None
    payment_id, order_id = str(made.result["id"]), str(made.result["provider_order_id"])
    refused = await paypal.ask("payment.cancel", {"payment_id": payment_id}, payment_id=payment_id)
    assert refused.problem is not None
    assert refused.problem.code == "CAPABILITY_UNSUPPORTED"  # an order that nobody approved yet
    await paypal.sandbox.post(f"/control/paypal/orders/{order_id}/approve")
    await paypal.call_back(
        CallbackObject(kind="payment", status="processing", order_id=order_id, awaits_completion=True)
    )
    while (await paypal.event()).type != "payment.authorized":
        pass
    canceled = await paypal.ask("payment.cancel", {"payment_id": payment_id}, payment_id=payment_id)
    assert canceled.result is not None, canceled
    assert canceled.result["status"] == "canceled"


async def test_what_cannot_be_done_is_answered_and_leaves_nothing(stack: Stack) -> None:
    missing = new_id("pay")
    for operation in ("payment.capture", "payment.cancel", "refund.create"):
        reply = await stack.ask(operation, {"payment_id": missing}, payment_id=missing)
        assert reply.problem is not None
        assert (reply.problem.status, reply.problem.code) == (404, "PAYMENT_NOT_FOUND"), operation
    made = await stack.ask("payment.create", {"amount_minor": 50_000, "currency": "INR"})
    for operation in ("payment.capture", "refund.create"):
        reply = await stack.ask(operation, {"payment_id": made.resource_id}, payment_id=made.resource_id)
        assert reply.problem is not None
        assert reply.problem.status == 409, operation
    reply = await stack.ask("payment.cancel", {"payment_id": made.resource_id}, payment_id=made.resource_id)
    assert reply.problem is not None
    assert reply.problem.code == "CAPABILITY_UNSUPPORTED"
    assert (await stack.read("/refunds"))["data"] == []
    assert (await stack.read("/payments"))["data"] == [made.result]


def test_in_production_credentials_are_sent_to_https_only() -> None:
    values = {
        "kafka_bootstrap_servers": "x",
        "internal_tokens": TOKEN,
        "database_url": "postgresql://u:p@db/x",
        "registry_url": "http://registry",
        "credential_keys_test": KEYS,
        "credential_keys_live": LIVE_KEYS,
        "provider_base_urls": {"razorpay": "http://proxy.example.com"},
    }
    with pytest.raises(ValidationError, match="razorpay must start with https://"):
        Settings.model_validate(values)
    assert Settings.model_validate({**values, "provider_base_urls": {"razorpay": "https://proxy.example.com"}})
    assert Settings.model_validate({**values, "mode": "local"})
