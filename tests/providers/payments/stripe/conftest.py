"""Stripe's simulator, an account of its own for each test, and the clients under test."""

import itertools
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Final

import httpx
import pytest
from pydantic import SecretStr
from tests.providers.payments.inbox import Inbox, asking, serving
from tests.providers.payments.lab import Lab
from tests.stripe_contract import Contract, Recorded, recording

from onerouter_common.money import Money
from onerouter_providers.capability import PaymentReference, PaymentSnapshot
from onerouter_providers.http import ProviderHttp
from onerouter_providers.payments.stripe import webhook
from onerouter_providers.payments.stripe.client import StripePayments
from onerouter_providers.payments.stripe.wire import VERSION
from onerouter_providers.resources import ResourceSnapshot
from onerouter_providers.webhook import ProviderEvent
from onerouter_sandbox.app import create_app
from onerouter_sandbox.settings import Settings

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
class StripeLab(Lab):
    """An account."""

    provider = "stripe"
    operations: ClassVar[Mapping[str, str]] = {
        "create": "payment_intents.create",
        "capture": "payment_intents.capture",
        "refund": "refunds.create",
        "find": "payment_intents.list",
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
    kinds: ClassVar[Mapping[str, str]] = {
        "create": "payment_intent.created",
        "capture": "charge.captured",
        "refund": "refund.created",
        "payment_method.create": "payment_method.attached",
    }

    @property
    def account_id(self) -> str:
        return self.account

    @property
    def secret_key(self) -> str:
        return f"sk_test_51{self.account_id.removeprefix('acct_')}Secret"

    @property
    def secrets(self) -> tuple[str, ...]:
        return (self.secret_key,)

    @property
    def credentials(self) -> dict[str, str]:
        return {"secret_key": self.secret_key, "publishable_key": "pk_test_51Lab0001"}

    @property
    def wrong_credentials(self) -> Mapping[str, str]:
        return {"secret_key": "sk_test_51wr0ngSecretOfNobody99999"}

    def client(self, **how: Any) -> StripePayments:
        client: StripePayments = super().client(**how)
        return client

    async def pay(self, payment: PaymentSnapshot, *, decline: str | None = None, **how: Any) -> dict[str, Any]:
        if decline:
            how |= {"outcome": "failure", "decline": _DECLINE.get(decline, decline)}
        return await self.ask(f"/stripe/payments/{payment.provider_order_id}/pay", **how)

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
        made, reference = await self.order_of(amount)
        await self.pay(made)
        return reference

    async def verified(self, headers: Mapping[str, str], body: bytes) -> ProviderEvent | None:
        webhook.verify(body, headers, {name: SecretStr(value) for name, value in _SECRETS.items()})
        return webhook.parse(body, headers)

    async def register(self, **changes: Any) -> None:
        await self.ask("/stripe/accounts", account_id=self.account_id, secret_key=self.secret_key, **changes)

    async def breaks(self, operation: str, *, effect: bool) -> None:
        await self.ask(f"/stripe/accounts/{self.account_id}/break", operation=operation, effect=effect)


@pytest.fixture(scope="session")
def recorded() -> Recorded:
    return Recorded()


@pytest.fixture(scope="session")
async def sandbox_url(recorded: Recorded) -> AsyncIterator[str]:
    """One sandbox for all tests of this folder, which remembers every call."""
    async with serving(recording(create_app(Settings()), recorded)) as url:
        yield url


@pytest.fixture(scope="session")
async def control(sandbox_url: str) -> AsyncIterator[httpx.AsyncClient]:
    """Of this folder's sandbox: a fixture of the session has one value, whichever folder asks first."""
    async with asking(sandbox_url) as opened:
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


@pytest.fixture(scope="session")
def specs(specs_folder: Path) -> Path:
    if not (specs_folder / "webhook-samples").is_dir():
        pytest.skip("no specs folder: set ONEROUTER_SPECS_DIR")
    return specs_folder


@pytest.fixture(scope="session")
def contract(specs_folder: Path) -> Contract | None:
    """None where the reference folder is missing: what can be tested without it still is."""
    return Contract(specs_folder) if (specs_folder / "stripe.json").is_file() else None


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
