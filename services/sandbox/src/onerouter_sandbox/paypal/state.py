"""What PayPal remembers: apps, tokens, orders, payments, refunds, request ids, and the indexes to find them by."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, Protocol, TypeVar

from onerouter_sandbox.journal import Journal
from onerouter_sandbox.paypal.account import Account

NAME: Final = "paypal"


class _Slotted:
    __slots__: tuple[str, ...] = ()

    def record(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(slots=True)
class Order(_Slotted):
    """Of one purchase unit. Amounts in PayPal's minor units, times in seconds since 1970; `account` is the client id.

    `base` is the address under which it was made: its links lead there. What the payer decided waits in `decline` and
    `pending` for the merchant's call. `store` asks to keep the method when it was charged, `vault_id` is what was kept or
    charged. Of what goes to another `payee` the platform keeps `platform_fee`.
    """

    id: str
    account: str
    base: str
    intent: str
    amount: int
    currency: str
    unit: dict[str, Any]
    context: dict[str, Any]
    created_at: float
    updated_at: float
    has_source: bool = True
    status: str = "CREATED"
    source: str = "paypal"
    payer_email: str = "buyer@example.com"
    payer_id: str = ""
    decline: str | None = None
    pending: str | None = None
    store: dict[str, str] | None = None
    vault_id: str | None = None
    vault_customer: str | None = None
    payee: str | None = None
    platform_fee: int = 0
    instruction: dict[str, Any] | None = None
    authorizations: list[str] = field(default_factory=list)
    captures: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Payment(_Slotted):
    """An authorization or a capture."""

    id: str
    account: str
    kind: str
    order_id: str
    amount: int
    currency: str
    custom_id: str | None
    invoice_id: str | None
    created_at: float
    updated_at: float
    status: str = "CREATED"
    reason: str | None = None
    processor_code: str | None = None
    authorization_id: str | None = None
    final: bool = True
    fee: int = 0
    platform_fee: int = 0
    amount_refunded: int = 0
    amount_refunding: int = 0
    refunds: list[str] = field(default_factory=list)

    @property
    def refundable(self) -> int:
        return self.amount - self.amount_refunded - self.amount_refunding


@dataclass(slots=True)
class Refund(_Slotted):
    """`settles` waits until `settle_at`; `refunded_before` is of the same capture."""

    id: str
    account: str
    capture_id: str
    amount: int
    currency: str
    custom_id: str | None
    invoice_id: str | None
    note: str | None
    created_at: float
    updated_at: float
    settle_at: float
    settles: str
    refunded_before: int = 0
    status: str = "PENDING"


@dataclass(slots=True)
class Remembered(_Slotted):
    """What a request id made, and until when PayPal knows it."""

    key: str
    object_id: str
    until: float


class Token(NamedTuple):
    account: str
    until: float


class _Owned(Protocol):
    @property
    def account(self) -> str: ...


_T = TypeVar("_T", bound=_Owned)


class State:
    """Everything in memory. Objects belong to an app; another app's ids do not exist for it."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self.accounts: dict[str, Account] = {}
        self.by_authorization: dict[bytes, Account] = {}
        self.tokens: dict[str, Token] = {}
        self.orders: dict[str, Order] = {}
        self.payments: dict[str, Payment] = {}
        self.refunds: dict[str, Refund] = {}
        self.invoices: dict[tuple[str, str], str] = {}
        self.refund_invoices: dict[tuple[str, str], str] = {}
        self.requests: dict[str, Remembered] = {}
        self._restore()

    def put_account(self, account: Account) -> None:
        """Register, or replace what was registered under this client id."""
        self._forget_key(account.client_id)
        self.accounts[account.client_id] = account
        self.by_authorization[account.basic] = account
        self._journal.mark(NAME, "account", account.client_id, account)

    def remove_account(self, client_id: str) -> bool:
        """Whether there was such an app. Its objects stay in the books, unreachable."""
        self._forget_key(client_id)
        if self.accounts.pop(client_id, None) is None:
            return False
        self._journal.drop(NAME, "account", client_id)
        return True

    def new_token(self, account: Account, now: float) -> str:
        """Kept in memory only: a restart ends all tokens, as an early end at PayPal does."""
        for token in [token for token, held in self.tokens.items() if held.until <= now]:
            del self.tokens[token]
        token = f"A21AA{secrets.token_urlsafe(64)}"
        self.tokens[token] = Token(account.client_id, now + account.token_lasts_s)
        return token

    def find_token(self, token: str, now: float) -> Account | None:
        held = self.tokens.get(token)
        return None if held is None or held.until <= now else self.accounts.get(held.account)

    def end_tokens(self, client_id: str) -> int:
        """How many there were."""
        ended = [token for token, held in self.tokens.items() if held.account == client_id]
        for token in ended:
            del self.tokens[token]
        return len(ended)

    def remembered(self, key: str, now: float) -> str | None:
        """The object that this request id made, while PayPal knows it."""
        held = self.requests.get(key)
        if held is None:
            return None
        if held.until <= now:
            del self.requests[key]
            self._journal.drop(NAME, "request", key)
            return None
        return held.object_id

    def remember(self, key: str, object_id: str, until: float) -> None:
        self.requests[key] = Remembered(key, object_id, until)
        self._journal.mark(NAME, "request", key, self.requests[key])

    def add_order(self, order: Order) -> None:
        self.orders[order.id] = order
        self.changed(order)

    def add_payment(self, payment: Payment) -> None:
        self.payments[payment.id] = payment
        if payment.kind == "capture" and payment.invoice_id and payment.status in ("COMPLETED", "PENDING"):
            self.invoices[payment.account, payment.invoice_id] = payment.id
        self.changed(payment)

    def add_refund(self, refund: Refund) -> None:
        self.refunds[refund.id] = refund
        if refund.invoice_id:
            self.refund_invoices[refund.account, refund.invoice_id] = refund.id
        self.changed(refund)

    def changed(self, thing: Order | Payment | Refund) -> None:
        """Have it saved, if anything is."""
        self._journal.mark(NAME, type(thing).__name__.lower(), thing.id, thing)

    def _forget_key(self, client_id: str) -> None:
        old = self.accounts.get(client_id)
        if old is not None:
            del self.by_authorization[old.basic]

    def _restore(self) -> None:
        for saved in self._journal.load(NAME, "account"):
            self.put_account(Account.model_validate(saved))
        for saved in self._journal.load(NAME, "order"):
            self.add_order(Order(**saved))
        for saved in self._journal.load(NAME, "payment"):
            self.add_payment(Payment(**saved))
        for saved in self._journal.load(NAME, "refund"):
            self.add_refund(Refund(**saved))
        for saved in self._journal.load(NAME, "request"):
            held = Remembered(**saved)
            self.requests[held.key] = held


def find_owned(things: Mapping[str, _T], thing_id: str, account: Account) -> _T | None:
    """The object, if it exists and belongs to this app."""
    thing = things.get(thing_id)
    return thing if thing is not None and thing.account == account.client_id else None
