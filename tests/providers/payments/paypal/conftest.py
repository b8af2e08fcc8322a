"""PayPal's simulator, an app of its own for each test, and the clients under test."""

import asyncio
import itertools
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar, Final

import httpx
import pytest
from pydantic import SecretStr
from tests.providers.payments.inbox import Inbox
from tests.providers.payments.lab import FAULT, Lab, package_of

from onerouter_common.money import Money
from onerouter_providers.capability import CompletionRequest, PaymentReference, PaymentSnapshot
from onerouter_providers.certificates import Certificates, Override
from onerouter_providers.payments.paypal import webhook
from onerouter_providers.payments.paypal.client import PayPalPayments
from onerouter_providers.resources import ResourceSnapshot
from onerouter_providers.testing.payments_suite import FaultKind, new_key
from onerouter_providers.webhook import ProviderEvent

_SECRET: Final = "ELs3cretOfTheLab0123456789abcdef"
_DECLINES: Final = {"insufficient_funds": "5120", "card_declined": "5100", "expired_card": "5400"}
_PAYOUT_S: Final = 60
_MERCHANT: Final = "TESTPLATFRM22"
_WEBHOOK: Final = "LABWEBHOOK0000001"
_accounts = itertools.count(1)


@dataclass(frozen=True)
class PayPalLab(Lab):
    """An app, called by its client id."""

    provider = "paypal"
    operations: ClassVar[Mapping[str, str]] = {
        "create": "orders.create",
        "complete": "orders.[ca][au]*",
        "capture": "authorizations.capture",
        "refund": "captures.refund",
        "find": "orders.get",
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
    kinds: ClassVar[Mapping[str, str]] = {
        "create": "order.created",
        "complete": "payment.captured",
        "capture": "payment.captured",
        "refund": "refund.created",
    }
    secrets: ClassVar[tuple[str, ...]] = (_SECRET,)

    certificates: Certificates

    @property
    def client_id(self) -> str:
        return self.account

    @property
    def credentials(self) -> dict[str, str]:
        return {"client_id": self.client_id, "client_secret": _SECRET, "merchant_id": _MERCHANT}

    @property
    def wrong_credentials(self) -> Mapping[str, str]:
        return {"client_secret": "wr0ngSecretOfNobody99999"}

    def client(self, **how: Any) -> PayPalPayments:
        client: PayPalPayments = super().client(**how)
        return client

    async def pay(self, payment: PaymentSnapshot, *, decline: str | None = None) -> None:
        how = {"decline": _DECLINES.get(decline, decline)} if decline else {}
        await self.ask(f"/paypal/orders/{payment.provider_order_id}/approve", **how)

    async def fault(self, kind: FaultKind, act: str) -> None:
        if act == "payment_link.create" and kind == "throttle":
            # Before the first call of several: later there is a draft, and a refusal of the rest is a doubt.
            await self.ask("/faults", operation="invoices.create", key_id=self.account, times=1, **FAULT[kind])
        else:
            await super().fault(kind, act)

    async def effects(self, act: str, reference: str) -> int:
        if act == "plan.create":  # the books know a plan by its request id; PayPal has our id in its description
            deadline = asyncio.get_running_loop().time() + 5
            pages = self.client()._wire.pages("plan.get", "/v1/billing/plans", "plans", {}, deadline)
            return sum([plan["description"].endswith(reference) async for plans in pages for plan in plans])
        if act in ("complete", "capture"):
            # The books name the order's payment, of which there may be no second capture.
            captured = await self.ledger(kind=self.kind_of(act))
            orders = {one["reference"] for one in captured if one["object_id"] == reference}
            return sum(one["reference"] in orders for one in captured)
        found = await self.ledger(kind=self.kind_of(act), reference=reference)
        # An invitation is no effect, as nobody has to follow it; two lead to the same vendor.
        return len({one["reference"] for one in found}) if act == "vendor.create" else len(found)

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
        made, reference = await self.order_of(amount)
        await self.pay(made)
        paid = await self.client().complete_payment(CompletionRequest(reference), key=new_key())
        return replace(reference, provider_payment_id=paid.provider_payment_id)

    async def told(self, kind: str, provider_id: str) -> list[ProviderEvent]:
        if kind == "transfer":
            await self.advance(_PAYOUT_S + 1)
        return await super().told(kind, provider_id)

    async def verified(self, headers: Mapping[str, str], body: bytes) -> ProviderEvent | None:
        facts, now = package_of("paypal").manifest.certificates, datetime.now(UTC)
        assert facts is not None
        certificate = await self.certificates.get("paypal", facts, webhook.certificate_url(headers), now)
        webhook.verify(body, headers, {"webhook_id": SecretStr(_WEBHOOK)}, certificate, now)
        return webhook.parse(body, headers)


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
    made = PayPalLab(sandbox_url, pool, control, inbox, f"AXLabOfPayPal{next(_accounts):06d}", certificates)
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
def specs(specs_folder: Path) -> Path:
    if not (specs_folder / "paypal-checkout_orders_v2.json").is_file():
        pytest.skip("no specs folder: set ONEROUTER_SPECS_DIR")
    return specs_folder
