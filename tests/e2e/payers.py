"""What payers and time do at each provider's sandbox, in one form."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from tests.e2e.world import World

from onerouter_local.secret_store import LocalSecrets

_DAY_S: Final = 86_400


@dataclass(frozen=True, slots=True)
class Payer:
    """At one provider. `currency` is that of the demo tenant's account there."""

    provider: str
    currency: str
    _account: str
    """Name of the secret that is the sandbox's id of the account."""
    _agree: str
    """Control route by which a subscription is agreed to."""

    def account_of(self, secrets: LocalSecrets) -> str:
        account: str = getattr(secrets, self._account)
        return account

    async def control(self, world: World, path: str, **body: Any) -> dict[str, Any]:
        answer = await world.sandbox.post(f"/control/{self.provider}/{path}", json=body)
        assert answer.is_success, answer.text
        done: dict[str, Any] = answer.json()
        return done

    async def days_pass(self, world: World, days: float) -> None:
        account = self.account_of(world.stack.secrets)
        await self.control(world, f"accounts/{account}/clock/advance", seconds=days * _DAY_S)

    async def let_change(self, world: World, subscription: Mapping[str, Any]) -> None:
        """Whatever has to happen before a change of plan that waits takes effect."""
        if self.provider == "paypal":
            await self.days_pass(world, 1 / 24)  # nobody agrees within the second, and PayPal counts in seconds
            await self.agree(world, subscription)
        await self.days_pass(world, 31)

    async def agree(self, world: World, subscription: Mapping[str, Any]) -> None:
        await self.control(world, self._agree.format(subscription["provider_subscription_id"]))


PAYERS: Final = {
    payer.provider: payer
    for payer in (
        Payer("razorpay", "INR", "sandbox_key_id", "subscriptions/{}/authorize"),
        Payer("paypal", "USD", "sandbox_paypal_client_id", "subscriptions/{}/approve"),
        Payer("stripe", "USD", "sandbox_stripe_account", "subscriptions/{}/approve"),
    )
}
