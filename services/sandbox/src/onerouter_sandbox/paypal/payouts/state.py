"""What PayPal remembers of payouts. Amounts in minor units, times in seconds since 1970."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(slots=True)
class Batch:
    id: str
    account: str
    base: str
    header: dict[str, str]
    currency: str
    items: list[str]
    created_at: float
    due_at: float
    status: str = "PENDING"
    completed_at: float | None = None

    @property
    def sender_id(self) -> str | None:
        return self.header.get("sender_batch_id")

    def record(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(slots=True)
class Item:
    """`given` is what the merchant sent of it; `returns_at` is when an unclaimed one goes back."""

    id: str
    account: str
    batch_id: str
    reference: str | None
    given: dict[str, Any]
    amount: int
    currency: str
    fee: int
    status: str = "PENDING"
    transaction_id: str | None = None
    processed_at: float | None = None
    returns_at: float | None = None
    error: str | None = None

    def record(self) -> dict[str, Any]:
        return asdict(self)
