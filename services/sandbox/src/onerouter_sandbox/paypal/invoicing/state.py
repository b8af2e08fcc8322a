"""What PayPal remembers of invoices. Amounts in minor units, times in seconds since 1970."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(slots=True)
class Invoice:
    """`given` is what the merchant sent; `payment` is the transaction that paid it."""

    id: str
    account: str
    base: str
    number: str
    currency: str
    amount: int
    given: dict[str, Any]
    created_at: float
    updated_at: float
    status: str = "DRAFT"
    sent_at: float | None = None
    cancelled_at: float | None = None
    paid_at: float | None = None
    payment: str | None = None

    @property
    def reference(self) -> str:
        """The merchant's own id where it gave one, else the number."""
        return str(self.given["detail"].get("reference") or self.number)

    @property
    def due(self) -> int:
        return 0 if self.status == "PAID" else self.amount

    def record(self) -> dict[str, Any]:
        return asdict(self)
