"""What PayPal remembers of a platform's vendors. Times in seconds since 1970."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(slots=True)
class Vendor:
    """One referral and, with a `merchant_id`, what became of it. `account` is the platform's app."""

    id: str
    account: str
    base: str
    given: dict[str, Any]
    created_at: float
    merchant_id: str | None = None
    email: str = ""
    receivable: bool = False
    email_confirmed: bool = False
    revoked: bool = False

    @property
    def tracking_id(self) -> str | None:
        return self.given.get("tracking_id")

    @property
    def reference(self) -> str:
        return self.tracking_id or self.id

    @property
    def onboarded(self) -> bool:
        return self.merchant_id is not None and not self.revoked

    def record(self) -> dict[str, Any]:
        return asdict(self)
