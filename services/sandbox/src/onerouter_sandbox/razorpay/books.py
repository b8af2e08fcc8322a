"""Effects of Razorpay's accounts, written into the ledger."""

from onerouter_sandbox.razorpay.shelf import NAME
from onerouter_sandbox.world import World


class Books:
    """The ledger, as a feature writes in it: at the time of the account's own clock."""

    def __init__(self, world: World) -> None:
        self._world = world

    def record(
        self,
        key_id: str,
        kind: str,
        reference: str | None,
        object_id: str,
        *,
        amount: int = 0,
        currency: str = "INR",
    ) -> None:
        """`reference` is the merchant's own id of it, `amount` in minor units."""
        self._world.ledger.record(
            provider=NAME,
            account=key_id,
            kind=kind,
            reference=reference,
            object_id=object_id,
            amount=amount,
            currency=currency,
            at=self._world.clocks.of(key_id).now(),
        )
