"""What Razorpay remembers: accounts, orders, payments, refunds. Other kinds stand on shelves of their own."""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from onerouter_sandbox.journal import Journal
from onerouter_sandbox.razorpay.account import Account
from onerouter_sandbox.razorpay.shelf import NAME, Shelf, Slotted


@dataclass(slots=True)
class Order(Slotted):
    """Amounts in minor units, times in seconds since 1970; `account` is the key id.

    `product` is the payment link or the invoice that the order was made for; parts may be paid where `partial` says so.
    """

    id: str
    account: str
    amount: int
    currency: str
    receipt: str | None
    notes: dict[str, Any]
    auto_capture: bool
    created_at: int
    status: str = "created"
    attempts: int = 0
    amount_paid: int = 0
    payments: list[str] = field(default_factory=list)
    product: str | None = None
    partial: bool = False


@dataclass(slots=True)
class Payment(Slotted):
    """`amount_refunding` is asked for and not settled yet; it can become refunded or come back."""

    id: str
    account: str
    order_id: str
    amount: int
    currency: str
    method: str
    instrument: dict[str, Any]
    email: str
    contact: str
    notes: dict[str, Any]
    created_at: int
    status: str = "created"
    captured: bool = False
    amount_refunded: int = 0
    amount_refunding: int = 0
    fee: int | None = None
    tax: int | None = None
    error: dict[str, str] | None = None
    acquirer_data: dict[str, Any] = field(default_factory=dict)
    refunds: list[str] = field(default_factory=list)
    invoice_id: str | None = None
    customer_id: str | None = None
    token_id: str | None = None
    description: str | None = None
    amount_transferred: int = 0

    @property
    def refundable(self) -> int:
        return self.amount - self.amount_refunded - self.amount_refunding


@dataclass(slots=True)
class Refund(Slotted):
    """`fingerprint` is of the request that `idempotency_key` belongs to; `settles` waits until `settle_at`."""

    id: str
    account: str
    payment_id: str
    amount: int
    currency: str
    receipt: str | None
    notes: dict[str, Any]
    speed_requested: str
    created_at: int
    idempotency_key: str | None
    fingerprint: str
    settle_at: float
    settles: str
    status: str = "pending"
    speed_processed: str = "normal"
    arn: str | None = None


class State:
    """Accounts, and the three kinds that all others refer to."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self.accounts: dict[str, Account] = {}
        self.by_authorization: dict[bytes, Account] = {}
        self.orders = Shelf(journal, "order", Order)
        self.payments = Shelf(journal, "payment", Payment)
        self.refunds = Shelf(journal, "refund", Refund)
        self.by_receipt: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
        self.by_refund_key: dict[tuple[str, str], Refund] = {}
        for saved in journal.load(NAME, "account"):
            self.put_account(Account.model_validate(saved))
        for order in self.orders:
            self._index_order(order)
        for refund in self.refunds:
            self._index_refund(refund)

    def put_account(self, account: Account) -> None:
        """Register, or replace what was registered under this key id."""
        old = self.accounts.get(account.key_id)
        if old is not None:
            del self.by_authorization[old.basic]
        self.accounts[account.key_id] = account
        self.by_authorization[account.basic] = account
        self._journal.mark(NAME, "account", account.key_id, account)

    def remove_account(self, key_id: str) -> bool:
        """Whether there was such an account. Its objects stay in the books, unreachable."""
        account = self.accounts.pop(key_id, None)
        if account is None:
            return False
        del self.by_authorization[account.basic]
        self._journal.drop(NAME, "account", key_id)
        return True

    def add_order(self, order: Order) -> None:
        self.orders.add(order)
        self._index_order(order)

    def add_refund(self, refund: Refund) -> None:
        self.refunds.add(refund)
        self._index_refund(refund)

    def _index_order(self, order: Order) -> None:
        if order.receipt is not None:
            self.by_receipt[order.account, order.receipt].append(order.id)

    def _index_refund(self, refund: Refund) -> None:
        if refund.idempotency_key is not None:
            self.by_refund_key[refund.account, refund.idempotency_key] = refund
