"""Razorpay's simulator on a real port, an account of its own for each test, and the clients under test."""

import asyncio
import itertools
import os
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
import uvicorn
from pydantic import SecretStr
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from onerouter_common.ids import new_id
from onerouter_common.money import Money
from onerouter_providers.capability import PaymentReference, PaymentRequest, PaymentSnapshot
from onerouter_providers.http import open_pool
from onerouter_providers.loader import ProviderPackage, Providers
from onerouter_providers.payments.razorpay.client import RazorpayPayments
from onerouter_providers.resources import ResourceSnapshot
from onerouter_providers.testing.payments_suite import Act, FaultKind, new_key
from onerouter_providers.webhook import ProviderEvent
from onerouter_sandbox.app import create_app
from onerouter_sandbox.settings import Settings

_KEY_SECRET: Final = "s3cretOfTheLab0123456789"
_OPERATION: Final[Mapping[Act, str]] = {
    "create": "orders.create",
    "capture": "payments.capture",
    "refund": "refunds.create",
    "find": "orders.list",
}
_EFFECT: Final[Mapping[Act, str]] = {
    "create": "order.created",
    "capture": "payment.captured",
    "refund": "refund.created",
}
_FAULT: Final[Mapping[FaultKind, Mapping[str, Any]]] = {
    "timeout_before": {"kind": "timeout_before_effect", "hold_s": 5},
    "timeout_after": {"kind": "timeout_after_effect", "hold_s": 5},
    "cut": {"kind": "refuse_connection"},
    "throttle": {"kind": "throttle_429", "retry_after_s": 3},
    "error_json": {"kind": "error_5xx", "status": 502},
    "error_html": {"kind": "error_5xx", "status": 503, "body": "html"},
}
_CAPABILITY: Final[Mapping[str, str]] = {
    "plan.create": "plans.create",
    "customer.create": "customers.create",
    "subscription.create": "subscriptions.create",
    "subscription.cancel": "subscriptions.cancel",
    "subscription.pause": "subscriptions.pause",
    "subscription.resume": "subscriptions.resume",
    "payment_link.create": "payment_links.create",
    "payment_link.cancel": "payment_links.cancel",
    "vendor.create": "products.edit",
    "transfer.create": "payments.transfer",
}
"""A capability → the wire call of it that has the effect; of several the last."""
_DONE: Final[Mapping[str, str]] = {
    "subscription.cancel": "subscription.canceled",
    "subscription.pause": "subscription.paused",
    "subscription.resume": "subscription.resumed",
    "subscription.change_plan": "subscription.plan_changed",
    "payment_link.cancel": "payment_link.canceled",
    "payment_method.delete": "payment_method.detached",
}
"""A change → its effect in the ledger; every creation is `<kind>.created`."""
_TRANSFER_S: Final = 60
_WEBHOOK_SECRET: Final = "whsecOfTheLab"
_accounts = itertools.count(1)


def _package() -> ProviderPackage:
    package = Providers.load().find("payments", "razorpay")
    assert package is not None
    return package


class Inbox:
    """What the sandbox called back, by account: headers and body as they came."""

    def __init__(self) -> None:
        self.url = ""
        self.came: dict[str, list[tuple[dict[str, str], bytes]]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        body = await request.body()
        self.came.setdefault(request.url.path.strip("/"), []).append((dict(request.headers), body))
        await Response(status_code=200)(scope, receive, send)


@dataclass(frozen=True)
class RazorpayLab:
    """A `PaymentsLab` and a `ResourcesLab` over the sandbox."""

    url: str
    pool: httpx.AsyncBaseTransport
    control: httpx.AsyncClient
    inbox: Inbox
    key_id: str
    secrets: tuple[str, ...] = (_KEY_SECRET,)

    @property
    def wrong_credentials(self) -> Mapping[str, str]:
        return {"key_secret": "wr0ngSecretOfNobody99999"}

    def client(
        self, *, timeout_s: float = 5.0, base_url: str | None = None, credentials: Mapping[str, str] | None = None
    ) -> RazorpayPayments:
        given = {"key_id": self.key_id, "key_secret": _KEY_SECRET, **(credentials or {})}
        client: RazorpayPayments = _package().open(
            {name: SecretStr(value) for name, value in given.items()},
            http=self.pool,
            environment="test",
            base_url=base_url or f"{self.url}/razorpay",
            timeout_s=timeout_s,
        )
        return client

    async def pay(self, payment: PaymentSnapshot, *, decline: str | None = None) -> None:
        how = {"outcome": "failure", "error_reason": decline} if decline else {"outcome": "success"}
        await self.ask(f"/razorpay/orders/{payment.provider_order_id}/pay", **how)

    async def fault(self, kind: FaultKind, act: str) -> None:
        operation = _OPERATION.get(act) or _CAPABILITY[act]  # type: ignore[call-overload]
        if act == "vendor.create" and kind == "throttle":
            operation = "accounts.create"  # later there is an account, and a refusal of the rest is a doubt
        await self.ask("/faults", operation=operation, key_id=self.key_id, times=1, **_FAULT[kind])

    async def effects(self, act: str, reference: str) -> int:
        kind = _EFFECT.get(act) or _DONE.get(act) or f"{act.partition('.')[0]}.created"  # type: ignore[call-overload]
        params = {"kind": kind, "reference": reference, "account": self.key_id}
        answer = await self.control.get("/ledger", params=params)
        return len(answer.raise_for_status().json()["data"])

    def has(self, capability: str) -> bool:
        return _package().manifest.find_capability(capability) is not None

    async def approve(self, subscription: ResourceSnapshot) -> None:
        await self.ask(f"/razorpay/subscriptions/{subscription.provider_id}/authorize")

    async def pay_link(self, link: ResourceSnapshot) -> None:
        await self.ask(f"/razorpay/payment_links/{link.provider_id}/pay")

    async def saved_method(self, customer: ResourceSnapshot | None) -> str:
        assert customer is not None
        return str((await self.ask(f"/razorpay/customers/{customer.provider_id}/tokens"))["id"])

    async def activate(self, vendor: ResourceSnapshot) -> None:
        await self.ask(f"/razorpay/linked_accounts/{vendor.provider_id}/decide")

    async def paid_payment(self, amount: Money) -> PaymentReference:
        request = PaymentRequest(payment_id=new_id("pay"), amount=amount)
        made = await self.client().create_payment(request, key=new_key())
        await self.pay(made)
        paid = await self.client().get_payment(PaymentReference(request.payment_id, amount, made.provider_order_id))
        return PaymentReference(request.payment_id, amount, made.provider_order_id, paid.provider_payment_id)

    async def advance(self, seconds: float) -> None:
        await self.ask(f"/razorpay/accounts/{self.key_id}/clock/advance", seconds=seconds)

    async def told(self, kind: str, provider_id: str) -> list[ProviderEvent]:
        """Waits until the sandbox owes nothing any more, and verifies what came."""
        if kind == "transfer":
            await self.advance(_TRANSFER_S + 1)
        async with asyncio.timeout(5):
            while await self._owed():
                await asyncio.sleep(0.01)
        webhook = _package().webhook
        assert webhook is not None
        events = []
        for headers, body in self.inbox.came.get(self.key_id, []):
            webhook.verify(body, headers, {"webhook_secret": SecretStr(_WEBHOOK_SECRET)})  # type: ignore[call-arg]
            event = webhook.parse(body, headers)
            if event is not None and (event.object.kind, event.object.provider_id) == (kind, provider_id):
                events.append(event)
        return events

    async def _owed(self) -> bool:
        answer = await self.control.get("/callbacks", params={"account": self.key_id, "state": "pending"})
        return bool(answer.raise_for_status().json()["data"])

    async def ask(self, path: str, **body: Any) -> dict[str, Any]:
        return dict((await self.control.post(path, json=body)).raise_for_status().json())


@pytest.fixture(scope="session")
async def inbox() -> AsyncIterator[Inbox]:
    """Where the sandbox's callbacks arrive."""
    made = Inbox()
    async with _serving(made) as made.url:
        yield made


@pytest.fixture(scope="session")
async def sandbox_url() -> AsyncIterator[str]:
    """One sandbox for all tests of this folder."""
    async with _serving(create_app(Settings())) as url:
        yield url


@asynccontextmanager
async def _serving(app: ASGIApp) -> AsyncIterator[str]:
    """An app on a real port, while the block runs."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        config = uvicorn.Config(
            app, access_log=False, log_level="warning", timeout_graceful_shutdown=1, lifespan="auto"
        )
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        while not server.started and not serving.done():
            await asyncio.sleep(0)
        yield f"http://127.0.0.1:{port}"
        server.should_exit = True
        await serving


@pytest.fixture(scope="session")
async def pool() -> AsyncIterator[httpx.AsyncBaseTransport]:
    """As in a worker: one pool for all accounts."""
    async with open_pool() as opened:
        yield opened


@pytest.fixture(scope="session")
async def control(sandbox_url: str) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=f"{sandbox_url}/control", trust_env=False) as opened:
        yield opened


@pytest.fixture
async def lab(
    sandbox_url: str, pool: httpx.AsyncBaseTransport, control: httpx.AsyncClient, inbox: Inbox
) -> RazorpayLab:
    """An account that nobody used before."""
    made = RazorpayLab(sandbox_url, pool, control, inbox, f"rzp_test_Lab{next(_accounts):06d}")
    await made.ask(
        "/razorpay/accounts",
        key_id=made.key_id,
        key_secret=_KEY_SECRET,
        webhook_url=f"{inbox.url}/{made.key_id}",
        webhook_secret=_WEBHOOK_SECRET,
        vendor_activation="under_review",
        transfer_mode="pending",
        transfer_delay_s=_TRANSFER_S,
    )
    return made


@pytest.fixture(scope="session")
def specs() -> Path:
    """The reference folder with the provider's own samples; it is not part of the repository."""
    repository = Path(__file__).resolve().parents[4]
    folder = Path(os.environ.get("ONEROUTER_SPECS_DIR", repository.parent / "shared" / "specs"))
    if not (folder / "webhook-samples").is_dir():
        pytest.skip("no specs folder: set ONEROUTER_SPECS_DIR")
    return folder
