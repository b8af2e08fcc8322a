"""PayPal's simulator on a real port, an app of its own for each test, and the clients under test."""

import asyncio
import itertools
import os
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
import uvicorn
from pydantic import SecretStr
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from onerouter_common.ids import PAYMENT, new_id
from onerouter_common.money import Money
from onerouter_providers.capability import CompletionRequest, PaymentReference, PaymentRequest, PaymentSnapshot
from onerouter_providers.certificates import Certificates, Override
from onerouter_providers.http import open_pool
from onerouter_providers.loader import ProviderPackage, Providers
from onerouter_providers.payments.paypal import webhook
from onerouter_providers.payments.paypal.client import PayPalPayments
from onerouter_providers.resources import ResourceSnapshot
from onerouter_providers.testing.payments_suite import FaultKind, new_key
from onerouter_providers.webhook import ProviderEvent
from onerouter_sandbox.app import create_app
from onerouter_sandbox.settings import Settings

_SECRET: Final = "ELs3cretOfTheLab0123456789abcdef"
_OPERATION: Final[Mapping[str, str]] = {
    "create": "orders.create",
    "complete": "orders.[ca][au]*",
    "capture": "authorizations.capture",
    "refund": "captures.refund",
    "find": "orders.get",
}
_EFFECT: Final[Mapping[str, str]] = {
    "create": "order.created",
    "complete": "payment.captured",
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
    "subscription.create": "subscriptions.create",
    "subscription.cancel": "subscriptions.cancel",
    "subscription.pause": "subscriptions.suspend",
    "subscription.resume": "subscriptions.activate",
    "payment_link.create": "invoices.send",
    "payment_link.cancel": "invoices.cancel",
    "vendor.create": "partner-referrals.create",
    "transfer.create": "payouts.create",
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
_DECLINES: Final = {"insufficient_funds": "5120", "card_declined": "5100", "expired_card": "5400"}
_PAYOUT_S: Final = 60
_MERCHANT: Final = "TESTPLATFRM22"
_WEBHOOK: Final = "LABWEBHOOK0000001"
_accounts = itertools.count(1)


def _package() -> ProviderPackage:
    package = Providers.load().find("payments", "paypal")
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
class PayPalLab:
    """A `PaymentsLab` and a `ResourcesLab` over the sandbox."""

    url: str
    pool: httpx.AsyncBaseTransport
    control: httpx.AsyncClient
    client_id: str
    inbox: Inbox
    certificates: Certificates
    secrets: tuple[str, ...] = (_SECRET,)

    @property
    def wrong_credentials(self) -> Mapping[str, str]:
        return {"client_secret": "wr0ngSecretOfNobody99999"}

    def client(
        self,
        *,
        timeout_s: float = 5.0,
        base_url: str | None = None,
        credentials: Mapping[str, str] | None = None,
        pool: httpx.AsyncBaseTransport | None = None,
    ) -> PayPalPayments:
        given = {
            "client_id": self.client_id,
            "client_secret": _SECRET,
            "merchant_id": _MERCHANT,
            **(credentials or {}),
        }
        client: PayPalPayments = _package().open(
            {name: SecretStr(value) for name, value in given.items()},
            http=pool or self.pool,
            environment="test",
            base_url=base_url or f"{self.url}/paypal",
            timeout_s=timeout_s,
        )
        return client

    async def pay(self, payment: PaymentSnapshot, *, decline: str | None = None) -> None:
        how = {"decline": _DECLINES.get(decline, decline)} if decline else {}
        await self.ask(f"/paypal/orders/{payment.provider_order_id}/approve", **how)

    async def fault(self, kind: FaultKind, act: str) -> None:
        operation = _OPERATION.get(act) or _CAPABILITY[act]
        if act == "payment_link.create" and kind == "throttle":
            operation = "invoices.create"  # later there is a draft, and a refusal of the rest is a doubt
        await self.ask("/faults", operation=operation, key_id=self.client_id, times=1, **_FAULT[kind])

    async def effects(self, act: str, reference: str) -> int:
        if act == "plan.create":  # the books know a plan by its request id; PayPal has our id in its description
            pages = self.client()._wire.pages("plan.get", "/v1/billing/plans", "plans", {}, self._deadline())
            return sum([plan["description"].endswith(reference) async for plans in pages for plan in plans])
        if act in (
            "complete",
            "capture",
        ):  # the books name the order's payment, of which there may be no second capture
            captured = (await self.ledger(kind=_EFFECT[act]))["data"]
            orders = {one["reference"] for one in captured if one["object_id"] == reference}
            return sum(one["reference"] in orders for one in captured)
        kind = _EFFECT.get(act) or _DONE.get(act) or f"{act.partition('.')[0]}.created"
        found = (await self.ledger(kind=kind, reference=reference))["data"]
        # An invitation is no effect, as nobody has to follow it; two lead to the same vendor.
        return len({one["reference"] for one in found}) if act == "vendor.create" else len(found)

    def has(self, capability: str) -> bool:
        return _package().manifest.find_capability(capability) is not None

    async def approve(self, subscription: ResourceSnapshot) -> None:
        await self.ask(f"/paypal/subscriptions/{subscription.provider_id}/approve")

    async def pay_link(self, link: ResourceSnapshot) -> None:
        await self.ask(f"/paypal/invoices/{link.provider_id}/pay")

    async def saved_method(self, customer: ResourceSnapshot | None) -> str:
        return str((await self.ask(f"/paypal/accounts/{self.client_id}/payment-tokens"))["id"])

    async def activate(self, vendor: ResourceSnapshot) -> None:
        referral = str(vendor.facts["onboarding_url"]).rpartition("=")[2]
        await self.ask(f"/paypal/partner-referrals/{referral}/complete")

    async def paid_payment(self, amount: Money) -> PaymentReference:
        request = PaymentRequest(payment_id=new_id(PAYMENT), amount=amount)
        made = await self.client().create_payment(request, key=new_key())
        await self.pay(made)
        reference = PaymentReference(request.payment_id, amount, made.provider_order_id)
        paid = await self.client().complete_payment(CompletionRequest(reference), key=new_key())
        return PaymentReference(request.payment_id, amount, made.provider_order_id, paid.provider_payment_id)

    async def advance(self, seconds: float) -> None:
        await self.ask(f"/paypal/accounts/{self.client_id}/clock/advance", seconds=seconds)

    async def told(self, kind: str, provider_id: str) -> list[ProviderEvent]:
        """Waits until the sandbox owes nothing any more, and verifies what came."""
        if kind == "transfer":
            await self.advance(_PAYOUT_S + 1)
        async with asyncio.timeout(5):
            while await self._owed():
                await asyncio.sleep(0.01)
        facts, now = _package().manifest.certificates, datetime.now(UTC)
        assert facts is not None
        events = []
        for headers, body in self.inbox.came.get(self.client_id, []):
            certificate = await self.certificates.get("paypal", facts, webhook.certificate_url(headers), now)
            webhook.verify(body, headers, {"webhook_id": SecretStr(_WEBHOOK)}, certificate, now)
            event = webhook.parse(body, headers)
            if event is not None and (event.object.kind, event.object.provider_id) == (kind, provider_id):
                events.append(event)
        return events

    async def _owed(self) -> bool:
        answer = await self.control.get("/callbacks", params={"account": self.client_id, "state": "pending"})
        return bool(answer.raise_for_status().json()["data"])

    def _deadline(self) -> float:
        return asyncio.get_running_loop().time() + 5

    async def ledger(self, **filters: str) -> dict[str, Any]:
        answer = await self.control.get("/ledger", params={"account": self.client_id, "limit": 1_000, **filters})
        return dict(answer.raise_for_status().json())

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
        config = uvicorn.Config(app, access_log=False, log_level="warning", timeout_graceful_shutdown=1)
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


@pytest.fixture(scope="session")
async def certificates(
    sandbox_url: str,
    control: httpx.AsyncClient,
    pool: httpx.AsyncBaseTransport,
    tmp_path_factory: pytest.TempPathFactory,
) -> Certificates:
    """As an operator sets them up who runs the sandbox in PayPal's place."""
    roots = tmp_path_factory.mktemp("paypal") / "roots.pem"
    roots.write_text((await control.get("/paypal/roots")).text)
    return Certificates(pool, overrides={"paypal": Override(f"{sandbox_url}/paypal", roots)})


@pytest.fixture
async def lab(
    sandbox_url: str,
    pool: httpx.AsyncBaseTransport,
    control: httpx.AsyncClient,
    inbox: Inbox,
    certificates: Certificates,
) -> PayPalLab:
    """An app that nobody used before."""
    made = PayPalLab(
        sandbox_url, pool, control, f"AXLabOfPayPal{next(_accounts):06d}", inbox=inbox, certificates=certificates
    )
    await made.ask("/paypal/accounts", client_id=made.client_id, client_secret=_SECRET, merchant_id=_MERCHANT)
    return made


@pytest.fixture
async def called_back(lab: PayPalLab) -> PayPalLab:
    """The same, with a webhook."""
    await lab.ask(
        "/paypal/accounts",
        client_id=lab.client_id,
        client_secret=_SECRET,
        webhook_url=f"{lab.inbox.url}/{lab.client_id}",
        webhook_id=_WEBHOOK,
        payout_delay_s=_PAYOUT_S,
    )
    return lab


@pytest.fixture(scope="session")
def specs() -> Path:
    """The reference folder with the provider's own files; it is not part of the repository."""
    repository = Path(__file__).resolve().parents[4]
    folder = Path(os.environ.get("ONEROUTER_SPECS_DIR", repository.parent / "shared" / "specs"))
    if not (folder / "paypal-checkout_orders_v2.json").is_file():
        pytest.skip("no specs folder: set ONEROUTER_SPECS_DIR")
    return folder
