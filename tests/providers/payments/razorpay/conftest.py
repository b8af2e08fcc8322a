"""Razorpay's simulator, an account of its own for each test, and the clients under test."""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Final

import httpx
import pytest
from pydantic import SecretStr
from tests.providers.payments.inbox import Inbox
from tests.providers.payments.lab import FAULT, Lab

from onerouter_common.money import Money
from onerouter_providers.capability import PaymentReference, PaymentSnapshot
from onerouter_providers.payments.razorpay import webhook
from onerouter_providers.payments.razorpay.client import RazorpayPayments
from onerouter_providers.resources import ResourceSnapshot
from onerouter_providers.testing.payments_suite import FaultKind
from onerouter_providers.webhook import ProviderEvent

_KEY_SECRET: Final = "s3cretOfTheLab0123456789"
_WEBHOOK_SECRET: Final = "whsecOfTheLab"
_TRANSFER_S: Final = 60
_accounts = itertools.count(1)


@dataclass(frozen=True)
class RazorpayLab(Lab):
    """An account, called by its key's id."""

    provider = "razorpay"
    operations: ClassVar[Mapping[str, str]] = {
        "create": "orders.create",
        "capture": "payments.capture",
        "refund": "refunds.create",
        "find": "orders.list",
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
    kinds: ClassVar[Mapping[str, str]] = {
        "create": "order.created",
        "capture": "payment.captured",
        "refund": "refund.created",
    }
    secrets: ClassVar[tuple[str, ...]] = (_KEY_SECRET,)

    @property
    def key_id(self) -> str:
        return self.account

    @property
    def credentials(self) -> dict[str, str]:
        return {"key_id": self.key_id, "key_secret": _KEY_SECRET}

    @property
    def wrong_credentials(self) -> Mapping[str, str]:
        return {"key_secret": "wr0ngSecretOfNobody99999"}

    def client(self, **how: Any) -> RazorpayPayments:
        client: RazorpayPayments = super().client(**how)
        return client

    async def pay(self, payment: PaymentSnapshot, *, decline: str | None = None) -> None:
        how = {"outcome": "failure", "error_reason": decline} if decline else {"outcome": "success"}
        await self.ask(f"/razorpay/orders/{payment.provider_order_id}/pay", **how)

    async def fault(self, kind: FaultKind, act: str) -> None:
        if act == "vendor.create" and kind == "throttle":
            # Before the first call of several: later there is an account, and a refusal of the rest is a doubt.
            await self.ask("/faults", operation="accounts.create", key_id=self.account, times=1, **FAULT[kind])
        else:
            await super().fault(kind, act)

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
        made, reference = await self.order_of(amount)
        await self.pay(made)
        paid = await self.client().get_payment(reference)
        return replace(reference, provider_payment_id=paid.provider_payment_id)

    async def told(self, kind: str, provider_id: str) -> list[ProviderEvent]:
        if kind == "transfer":
            await self.advance(_TRANSFER_S + 1)
        return await super().told(kind, provider_id)

    async def verified(self, headers: Mapping[str, str], body: bytes) -> ProviderEvent | None:
        webhook.verify(body, headers, {"webhook_secret": SecretStr(_WEBHOOK_SECRET)})
        return webhook.parse(body, headers)


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
def specs(specs_folder: Path) -> Path:
    if not (specs_folder / "webhook-samples").is_dir():
        pytest.skip("no specs folder: set ONEROUTER_SPECS_DIR")
    return specs_folder
