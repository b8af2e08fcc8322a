"""What payers and time do at each provider's sandbox, in one form."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol
from uuid import uuid4

import httpx
from tests.e2e.world import World

from onerouter_local.secret_store import LocalSecrets
from onerouter_local.stack import Stack

_DAY_S: Final = 86_400


def key() -> dict[str, str]:
    """A request of its own."""
    return {"Idempotency-Key": str(uuid4())}


async def make(world: World, path: str, expect: int = 201, **body: Any) -> dict[str, Any]:
    """What a POST answers."""
    answer = await world.api.post(path, json=body, headers=key())
    assert answer.status_code == expect, answer.text
    made: dict[str, Any] = answer.json()
    return made


class Outside(Protocol):
    """What of a world payers have to do with."""

    stack: Stack
    sandbox: httpx.AsyncClient


@dataclass(frozen=True, slots=True)
class Payer:
    """At one provider. `currency` is that of the demo tenant's account there."""

    provider: str
    currency: str
    _account: str
    """Name of the secret that is the sandbox's id of the account."""
    _agree: str
    """Control route by which a subscription is agreed to."""
    _pay: str
    _pay_link: str
    _dispute: str
    _decide: tuple[str, str]
    """The act by which a dispute is decided, and the name of its field for the verdict."""

    def account_of(self, secrets: LocalSecrets) -> str:
        account: str = getattr(secrets, self._account)
        return account

    async def control(self, world: Outside, path: str, **body: Any) -> dict[str, Any]:
        answer = await world.sandbox.post(f"/control/{self.provider}/{path}", json=body)
        assert answer.is_success, answer.text
        done: dict[str, Any] = answer.json()
        return done

    async def days_pass(self, world: Outside, days: float) -> None:
        account = self.account_of(world.stack.secrets)
        await self.control(world, f"accounts/{account}/clock/advance", seconds=days * _DAY_S)

    async def days_ahead(self, world: World) -> int:
        """Whole days by which the account's clock is ahead, where trials end at a date of ours and not of the provider's."""
        if self.provider != "razorpay":
            return 0
        account = self.account_of(world.stack.secrets)
        clock = (await world.sandbox.get(f"/control/{self.provider}/accounts/{account}/clock")).json()
        return math.ceil(float(clock["offset_s"]) / _DAY_S)

    async def let_change(self, world: World, subscription: Mapping[str, Any]) -> None:
        """Whatever has to happen before a change of plan that waits takes effect."""
        if self.provider == "paypal":
            await self.days_pass(world, 1 / 24)  # nobody agrees within the second, and PayPal counts in seconds
            await self.agree(world, subscription)
        await self.days_pass(world, 31)

    async def agree(self, world: Outside, subscription: Mapping[str, Any]) -> None:
        await self.control(world, self._agree.format(subscription["provider_subscription_id"]))

    async def pay(self, world: Outside, payment: Mapping[str, Any], **how: Any) -> None:
        await self.control(world, self._pay.format(payment["provider_order_id"]), **how)

    async def paid(self, world: World, path: str = "/v1/payments", **body: Any) -> dict[str, Any]:
        """A payment that succeeded: made, paid, called back."""
        whole = {"amount": "100.00", "currency": self.currency, "provider": self.provider, **body}
        payment = await make(world, path, **whole)
        await self.pay(world, payment)
        return await world.reached(f"/v1/payments/{payment['id']}", "succeeded")

    async def pay_link(self, world: Outside, link: Mapping[str, Any]) -> None:
        await self.control(world, self.link_path(link))

    def link_path(self, link: Mapping[str, Any]) -> str:
        """Of the control route by which it is paid."""
        return self._pay_link.format(link["provider_payment_link_id"])

    async def dispute(self, world: World, provider_payment_id: str, **how: Any) -> str:
        """Contest a payment: the dispute's id at the provider."""
        opened = await self.control(world, self._dispute.format(provider_payment_id), **how)
        return str(opened.get("dispute_id") or opened["id"])

    async def decide(self, world: World, dispute_id: str, verdict: str) -> None:
        """`won` or `lost`, by the bank or the provider."""
        act, name = self._decide
        await self.control(world, f"disputes/{dispute_id}/{act}", **{name: verdict})


PAYERS: Final = {
    payer.provider: payer
    for payer in (
        Payer(
            "razorpay",
            "INR",
            "sandbox_key_id",
            "subscriptions/{}/authorize",
            "orders/{}/pay",
            "payment_links/{}/pay",
            "payments/{}/dispute",
            ("decide", "status"),
        ),
        Payer(
            "paypal",
            "USD",
            "sandbox_paypal_client_id",
            "subscriptions/{}/approve",
            "orders/{}/approve",
            "invoices/{}/pay",
            "captures/{}/dispute",
            ("resolve", "outcome"),
        ),
        Payer(
            "stripe",
            "USD",
            "sandbox_stripe_account",
            "subscriptions/{}/approve",
            "payments/{}/pay",
            "payment_links/{}/pay",
            "payments/{}/dispute",
            ("resolve", "status"),
        ),
    )
}
