"""What every kind of object needs: the account's time, the ledger, the callbacks."""

from collections.abc import Callable, Mapping
from typing import Any

from onerouter_sandbox.stripe.callbacks import Webhooks
from onerouter_sandbox.stripe.state import NAME, State
from onerouter_sandbox.world import World


class Desk:
    def __init__(self, state: State, world: World, webhooks: Webhooks) -> None:
        self.state = state
        self.world = world
        self._webhooks = webhooks

    def now(self, account_id: str) -> int:
        """By the account's own clock."""
        return int(self.world.clocks.of(account_id).now())

    def later(self, account_id: str, due_at: float, action: Callable[[], None]) -> None:
        self.world.timers.at(due_at, action, account=account_id)

    def livemode(self, account_id: str) -> bool:
        account = self.state.accounts.get(account_id)
        return account is not None and account.livemode

    def reference(self, account_id: str, metadata: Mapping[str, str]) -> str | None:
        """The merchant's own id of a thing, as far as it said one."""
        account = self.state.accounts.get(account_id)
        return None if account is None else metadata.get(account.resource_metadata)

    def record(
        self, account_id: str, kind: str, reference: str | None, object_id: str, amount: int = 0, currency: str = ""
    ) -> None:
        """Write an effect down."""
        self.world.ledger.record(
            provider=NAME,
            account=account_id,
            kind=kind,
            reference=reference,
            object_id=object_id,
            amount=amount,
            currency=currency.upper(),
            at=self.now(account_id),
        )

    def tell(
        self,
        event: str,
        account_id: str,
        group: str,
        shown: dict[str, Any],
        before: dict[str, Any] | None = None,
        *,
        vendor: str | None = None,
    ) -> None:
        """Owe a callback; see `Webhooks.tell`."""
        account = self.state.accounts.get(account_id)
        if account is not None:
            self._webhooks.tell(event, account, group, shown, before, vendor=vendor)
