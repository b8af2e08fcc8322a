"""What PayPal remembers of disputes. Amounts in minor units, times in seconds since 1970."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(slots=True)
class Dispute:
    """`transaction` is the seller's id of what is disputed; `reference` and `invoice` are the merchant's own words for it."""

    id: str
    account: str
    base: str
    transaction: str
    reference: str | None
    invoice: str | None
    gross: int
    amount: int
    currency: str
    reason: str
    stage: str
    created_at: float
    updated_at: float
    due_at: float
    status: str = "OPEN"
    outcome: str | None = None

    def record(self) -> dict[str, Any]:
        return asdict(self)
