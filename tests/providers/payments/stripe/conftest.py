"""Stripe's simulator on a real port, an account of its own for each test, and the clients under test."""

import asyncio
import itertools
import os
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from pydantic import SecretStr
from tests.providers.payments.inbox import Inbox, serving
from tests.stripe_contract import Contract, Recorded, recording

from onerouter_common.ids import PAYMENT, new_id
from onerouter_common.money import Money
from onerouter_providers.capability import PaymentReference, PaymentRequest, PaymentSnapshot
from onerouter_providers.http import ProviderHttp, open_pool
from onerouter_providers.loader import ProviderPackage, Providers
from onerouter_providers.payments.stripe import webhook
from onerouter_providers.payments.stripe.client import StripePayments
from onerouter_providers.payments.stripe.wire import VERSION
from onerouter_providers.resources import ResourceSnapshot
from onerouter_providers.testing.payments_suite import FaultKind, new_key
from onerouter_providers.webhook import ProviderEvent
from onerouter_sandbox.app import create_app
from onerouter_sandbox.settings import Settings

_OPERATION: Final[Mapping[str, str]] = {
    "create": "payment_intents.create",
    "capture": "payment_intents.capture",
    "refund": "refunds.create",
    "find": "payment_intents.list",
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
    "plan.create": "prices.create",
    "customer.create": "customers.create",
    "subscription.create": "subscriptions.create",
    "subscription.cancel": "subscriptions.cancel",
    "subscription.pause": "subscriptions.update",
    "subscription.resume": "subscriptions.update",
    "payment_link.create": "payment_links.create",
    "payment_link.cancel": "payment_links.update",
    "vendor.create": "accounts.create",
    "transfer.create": "transfers.create",
}
"""A capability → the wire call of it that has the effect."""
_DONE: Final[Mapping[str, str]] = {
    "create": "payment_intent.created",
    "capture": "charge.captured",
    "refund": "refund.created",
    "subscription.cancel": "subscription.canceled",
    "subscription.pause": "subscription.paused",
    "subscription.resume": "subscription.resumed",
    "subscription.change_plan": "subscription.plan_changed",
    "payment_link.cancel": "payment_link.canceled",
    "payment_method.create": "payment_method.attached",
    "payment_method.delete": "payment_method.detached",
}
"""What is done → its effect in the ledger; every other creation is `<kind>.created`."""
_SECRETS: Final = {"webhook_secret": "whsec_OfTheLab01", "connect_webhook_secret": "whsec_OfItsVendors01"}
_DECLINE: Final[Mapping[str, str]] = {
    # Our reason → the word that Stripe's books get.
    "card_declined": "do_not_honor",
    "incorrect_details": "incorrect_cvc",
    "fraud_suspected": "stolen_card",
    "authentication_required": "payment_intent_authentication_failure",
    "canceled_by_customer": "payment_method_customer_decline",
    "payment_method_unavailable": "issuer_not_available",
}
_accounts = itertools.count(1)
NOW: Final = 1_800_000_000
Answer = tuple[int, Any]


def _package() -> ProviderPackage:
    package = Providers.load().find("payments", "stripe")
    assert package is not None
    return package


class Wire:
    """Answers by method and path, in order, and remembers what was asked."""

    def __init__(self) -> None:
        self.answers: dict[tuple[str, str], list[Answer]] = {}
        self.asked: list[httpx.Request] = []
        self.headers: dict[str, str] = {}

    def on(self, method: str, path: str, *answers: Answer) -> None:
        self.answers[method, path] = list(answers)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        answers = self.answers[request.method, request.url.path]
        status, body = answers.pop(0) if len(answers) > 1 else answers[0]
        return httpx.Response(status, json=body, headers={"Request-Id": "req_1", **self.headers})

    def queries(self, path: str) -> list[dict[str, str]]:
        return [dict(request.url.params) for request in self.asked if request.url.path == path]


@dataclass(frozen=True)
class StripeLab:
    """A `PaymentsLab` and a `ResourcesLab` over the sandbox."""

    url: str
    pool: httpx.AsyncBaseTransport
    control: httpx.AsyncClient
    inbox: Inbox
    account_id: str

    @property
    def secret_key(self) -> str:
        return f"sk_test_51{self.account_id.removeprefix('acct_')}Secret"

    @property
    def secrets(self) -> tuple[str, ...]:
        return (self.secret_key,)

    @property
    def wrong_credentials(self) -> Mapping[str, str]:
        return {"secret_key": "sk_test_51wr0ngSecretOfNobody99999"}

    def client(
        self, *, timeout_s: float = 5.0, base_url: str | None = None, credentials: Mapping[str, str] | None = None
    ) -> StripePayments:
        given = {"secret_key": self.secret_key, "publishable_key": "pk_test_51Lab0001", **(credentials or {})}
        client: StripePayments = _package().open(
            {name: SecretStr(value) for name, value in given.items()},
            http=self.pool,
            environment="test",
            base_url=base_url or f"{self.url}/stripe",
            timeout_s=timeout_s,
        )
        return client

    async def pay(self, payment: PaymentSnapshot, *, decline: str | None = None, **how: Any) -> dict[str, Any]:
        if decline:
            how |= {"outcome": "failure", "decline": _DECLINE.get(decline, decline)}
        return await self.ask(f"/stripe/payments/{payment.provider_order_id}/pay", **how)

    async def fault(self, kind: FaultKind, act: str) -> None:
        operation = _CAPABILITY.get(act) or _OPERATION[act]
        await self.ask("/faults", operation=operation, key_id=self.account_id, times=1, **_FAULT[kind])

    async def effects(self, act: str, reference: str) -> int:
        kind = _DONE.get(act) or f"{act.partition('.')[0]}.created"
        return len(await self.ledger(kind=kind, reference=reference))

    def has(self, capability: str) -> bool:
        return _package().manifest.find_capability(capability) is not None

    async def approve(self, subscription: ResourceSnapshot) -> None:
        await self.ask(f"/stripe/subscriptions/{subscription.provider_id}/approve")

    async def pay_link(self, link: ResourceSnapshot) -> None:
        await self.ask(f"/stripe/payment_links/{link.provider_id}/pay")

    async def saved_method(self, customer: ResourceSnapshot | None) -> str:
        """As Stripe's elements make one in the payer's browser."""
        headers = {"Authorization": f"Bearer {self.secret_key}", "Stripe-Version": VERSION}
        async with httpx.AsyncClient(base_url=f"{self.url}/stripe", trust_env=False, headers=headers) as browser:
            made = await browser.post("/v1/payment_methods", data={"type": "card", "card[token]": "tok_visa"})
        return str(made.raise_for_status().json()["id"])

    async def activate(self, vendor: ResourceSnapshot) -> None:
        await self.ask(f"/stripe/vendors/{vendor.provider_id}/become", state="active")

    async def paid_payment(self, amount: Money) -> PaymentReference:
        request = PaymentRequest(payment_id=new_id(PAYMENT), amount=amount)
        made = await self.client().create_payment(request, key=new_key())
        await self.pay(made)
        return PaymentReference(request.payment_id, amount, made.provider_order_id, made.provider_payment_id)

    async def advance(self, seconds: float) -> None:
        await self.ask(f"/stripe/accounts/{self.account_id}/clock/advance", seconds=seconds)

    async def told(self, kind: str, provider_id: str) -> list[ProviderEvent]:
        """Waits until the sandbox owes nothing any more, and verifies what came."""
        async with asyncio.timeout(5):
            while (await self.control.get("/callbacks", params={**self._mine, "state": "pending"})).json()["data"]:
                await asyncio.sleep(0.01)
        events = []
        for headers, body in self.inbox.came.get(self.account_id, []):
            webhook.verify(body, headers, {name: SecretStr(value) for name, value in _SECRETS.items()})
            event = webhook.parse(body, headers)
            if event is not None and (event.object.kind, event.object.provider_id) == (kind, provider_id):
                events.append(event)
        return events

    @property
    def _mine(self) -> dict[str, str]:
        return {"account": self.account_id}

    async def ledger(self, **filters: str) -> list[dict[str, Any]]:
        answer = await self.control.get("/ledger", params={**self._mine, **filters})
        return list(answer.raise_for_status().json()["data"])

    async def register(self, **changes: Any) -> None:
        await self.ask("/stripe/accounts", account_id=self.account_id, secret_key=self.secret_key, **changes)

    async def breaks(self, operation: str, *, effect: bool) -> None:
        await self.ask(f"/stripe/accounts/{self.account_id}/break", operation=operation, effect=effect)

    async def ask(self, path: str, **body: Any) -> dict[str, Any]:
        return dict((await self.control.post(path, json=body)).raise_for_status().json())


@pytest.fixture(scope="session")
def recorded() -> Recorded:
    return Recorded()


@pytest.fixture(scope="session")
async def inbox() -> AsyncIterator[Inbox]:
    made = Inbox()
    async with serving(made) as made.url:
        yield made


@pytest.fixture(scope="session")
async def sandbox_url(recorded: Recorded) -> AsyncIterator[str]:
    """One sandbox for all tests of this folder."""
    async with serving(recording(create_app(Settings()), recorded)) as url:
        yield url


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
async def lab(sandbox_url: str, pool: httpx.AsyncBaseTransport, control: httpx.AsyncClient, inbox: Inbox) -> StripeLab:
    """An account that nobody used before."""
    made = StripeLab(sandbox_url, pool, control, inbox, f"acct_Lab{next(_accounts):06d}")
    await made.register()
    return made


@pytest.fixture
async def called(lab: StripeLab) -> StripeLab:
    """The same, with an endpoint for its callbacks."""
    await lab.register(webhook_url=f"{lab.inbox.url}/{lab.account_id}", **_SECRETS)
    return lab


def _folder() -> Path:
    repository = Path(__file__).resolve().parents[4]
    return Path(os.environ.get("ONEROUTER_SPECS_DIR", repository.parent / "shared" / "specs"))


@pytest.fixture(scope="session")
def specs() -> Path:
    """The reference folder with the provider's own samples; it is not part of the repository."""
    folder = _folder()
    if not (folder / "webhook-samples").is_dir():
        pytest.skip("no specs folder: set ONEROUTER_SPECS_DIR")
    return folder


@pytest.fixture(scope="session")
def contract() -> Contract | None:
    """None where the reference folder is missing: what can be tested without it still is."""
    return Contract(_folder()) if (_folder() / "stripe.json").is_file() else None


@pytest.fixture(autouse=True)
def judged(recorded: Recorded, contract: Contract | None) -> Iterator[None]:
    """Every call that a test makes is judged by Stripe's own description."""
    recorded.take()
    yield
    exchanges = recorded.take()
    if contract is not None:
        assert [complaint for each in exchanges for complaint in contract.complaints(each)] == []


@pytest.fixture
def wire() -> Wire:
    return Wire()


@pytest.fixture
async def client(wire: Wire) -> AsyncIterator[StripePayments]:
    async with httpx.MockTransport(wire) as pool:
        http = ProviderHttp(pool, provider="stripe", display_name="Stripe")
        yield StripePayments(http, base_url="https://st.test", secret_key=SecretStr("sk_test_1"), now=lambda: NOW)
