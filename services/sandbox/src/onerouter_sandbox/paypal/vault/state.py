"""What PayPal remembers of saved methods. Of a card no more than what is shown of it."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(slots=True)
class SetupToken:
    """`kind` is paypal or card; `shown` is what PayPal shows of that source."""

    id: str
    account: str
    base: str
    customer: str
    kind: str
    shown: dict[str, Any]
    context: dict[str, Any]
    created_at: float
    expires_at: float
    status: str
    payment_token: str | None = None

    def record(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(slots=True)
class PaymentToken:
    """`decline` is what the next charge meets: a processor's code, or INSTRUMENT_DECLINED."""

    id: str
    account: str
    base: str
    customer: str
    kind: str
    shown: dict[str, Any]
    created_at: float
    order_id: str | None = None
    deleted: bool = False
    decline: str | None = None

    def record(self) -> dict[str, Any]:
        return asdict(self)
