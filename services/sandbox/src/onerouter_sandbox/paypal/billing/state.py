"""What PayPal remembers of products, plans, subscriptions and their sales. Amounts in minor units, times since 1970."""

from dataclasses import asdict, dataclass, field
from typing import Any

from onerouter_sandbox.journal import Journal
from onerouter_sandbox.paypal.billing.cycles import Cycle
from onerouter_sandbox.paypal.store import Store


class _Recorded:
    __slots__ = ()

    def record(self) -> dict[str, Any]:
        return asdict(self)  # type: ignore[call-overload, no-any-return]


@dataclass(slots=True)
class Product(_Recorded):
    id: str
    account: str
    base: str
    facts: dict[str, str]
    created_at: float


@dataclass(slots=True)
class Terms(_Recorded):
    """What a subscription is billed by: a plan's, or a plan's with what the subscription has otherwise."""

    currency: str
    cycles: list[Cycle]
    auto_bill: bool
    setup_fee: int
    setup_failure: str
    threshold: int
    tax_percent: str | None
    tax_inclusive: bool

    @property
    def tax_on_top(self) -> str | None:
        return None if self.tax_inclusive else self.tax_percent

    @classmethod
    def restored(cls, saved: dict[str, Any]) -> "Terms":
        return cls(**(saved | {"cycles": [Cycle(**one) for one in saved["cycles"]]}))


@dataclass(slots=True)
class Plan(_Recorded):
    id: str
    account: str
    base: str
    product_id: str
    name: str
    description: str | None
    status: str
    quantity_supported: bool
    terms: Terms
    created_at: float
    updated_at: float


@dataclass(slots=True)
class Revision(_Recorded):
    """A change that waits for the payer's consent."""

    token: str
    plan_id: str
    terms: Terms
    quantity: int | None
    overridden: bool
    context: dict[str, Any]


@dataclass(slots=True)
class Subscription(_Recorded):
    """`executed` counts billed cycles, cycle by cycle. The next is due `steps` intervals after `phase_at`, when this kind
    of cycle began. `failing` charges to come fail; `round` tells a timer that its time has passed.
    """

    id: str
    account: str
    base: str
    plan_id: str
    terms: Terms
    overridden: bool
    custom_id: str | None
    quantity: int | None
    start_at: float
    subscriber: dict[str, Any]
    context: dict[str, Any]
    token: str
    created_at: float
    updated_at: float
    status_at: float
    status: str = "APPROVAL_PENDING"
    note: str | None = None
    payer_id: str = ""
    payer_email: str = "buyer@example.com"
    executed: list[int] = field(default_factory=list)
    phase_at: float = 0.0
    steps: int = 0
    next_at: float | None = None
    retry_at: float | None = None
    retries: int = 0
    charges: int = 0
    outstanding: int = 0
    failed_count: int = 0
    last_payment: tuple[int, float] | None = None
    last_failure: tuple[int, float, str] | None = None
    failing: int = 0
    failing_reason: str = "PAYMENT_DENIED"
    revision: Revision | None = None
    round: int = 0

    @property
    def reference(self) -> str:
        return self.custom_id or self.id

    @classmethod
    def restored(cls, **saved: Any) -> "Subscription":
        revision = saved["revision"]
        if revision is not None:
            revision = Revision(**(revision | {"terms": Terms.restored(revision["terms"])}))
        return cls(**(saved | {"terms": Terms.restored(saved["terms"]), "revision": revision}))


@dataclass(slots=True)
class Sale(_Recorded):
    """Money taken from a subscriber; `of` is the cycle's number, setup or outstanding."""

    id: str
    account: str
    subscription_id: str
    of: str
    amount: int
    currency: str
    fee: int
    at: float
    status: str = "COMPLETED"
    refunded: int = 0


@dataclass(slots=True)
class SaleRefund(_Recorded):
    """Money given back of a sale."""

    id: str
    account: str
    sale_id: str
    amount: int
    currency: str
    invoice: str | None
    at: float


class Books:
    def __init__(self, journal: Journal) -> None:
        self.products = Store(journal, "product", Product)
        self.plans = Store(journal, "plan", lambda **saved: Plan(**(saved | {"terms": Terms.restored(saved["terms"])})))
        self.subscriptions = Store(journal, "subscription", Subscription.restored)
        self.sales = Store(journal, "sale", Sale)
        self.sale_refunds = Store(journal, "sale_refund", SaleRefund)
