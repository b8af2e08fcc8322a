"""What Razorpay remembers: accounts, orders, payments, refunds, and the indexes to find them by."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, TypeVar

from onerouter_sandbox.journal import Journal
from onerouter_sandbox.razorpay.account import Account

NAME: Final = "razorpay"


class _Slotted:
    __slots__: tuple[str, ...] = ()

    def record(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(slots=True)
class Order(_Slotted):
    """Amounts in minor units, times in seconds since 1970; `account` is the key id."""

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


@dataclass(slots=True)
class Payment(_Slotted):
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

    @property
    def refundable(self) -> int:
        return self.amount - self.amount_refunded - self.amount_refunding


@dataclass(slots=True)
class Refund(_Slotted):
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


class _Owned(Protocol):
    @property
    def id(self) -> str: ...

    @property
    def account(self) -> str: ...


_T = TypeVar("_T", bound=_Owned)


class State:
    """Everything in memory. Objects belong to an account; another account's ids do not exist for it."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self.accounts: dict[str, Account] = {}
        self.orders: dict[str, Order] = {}
        self.payments: dict[str, Payment] = {}
        self.refunds: dict[str, Refund] = {}
        self.by_authorization: dict[bytes, Account] = {}
        self.by_receipt: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
        self.by_refund_key: dict[tuple[str, str], Refund] = {}
        self.orders_of: defaultdict[str, list[str]] = defaultdict(list)
        self.payments_of: defaultdict[str, list[str]] = defaultdict(list)
        self.refunds_of: defaultdict[str, list[str]] = defaultdict(list)
        self._restore()

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
        self.orders[order.id] = order
        self.orders_of[order.account].append(order.id)
        if order.receipt is not None:
            self.by_receipt[order.account, order.receipt].append(order.id)
        self.changed(order)

    def add_payment(self, payment: Payment) -> None:
        self.payments[payment.id] = payment
        self.payments_of[payment.account].append(payment.id)
        self.changed(payment)

    def add_refund(self, refund: Refund) -> None:
        self.refunds[refund.id] = refund
        self.refunds_of[refund.account].append(refund.id)
        if refund.idempotency_key is not None:
            self.by_refund_key[refund.account, refund.idempotency_key] = refund
        self.changed(refund)

    def changed(self, thing: Order | Payment | Refund) -> None:
        """Have it saved, if anything is."""
        self._journal.mark(NAME, type(thing).__name__.lower(), thing.id, thing)

    def _restore(self) -> None:
        for saved in self._journal.load(NAME, "account"):
            self.put_account(Account.model_validate(saved))
        for saved in self._journal.load(NAME, "order"):
            self.add_order(Order(**saved))
        for saved in self._journal.load(NAME, "payment"):
            self.add_payment(Payment(**saved))
        for saved in self._journal.load(NAME, "refund"):
            self.add_refund(Refund(**saved))


def find_owned(things: Mapping[str, _T], thing_id: str, account: Account) -> _T | None:
    """The object, if it exists and belongs to this account."""
    thing = things.get(thing_id)
    return thing if thing is not None and thing.account == account.key_id else None
