"""What Stripe remembers: accounts, intents, charges, sessions, refunds, keys, and the indexes to find them by."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeVar

from onerouter_sandbox.journal import Journal
from onerouter_sandbox.stripe.account import Account

NAME: Final = "stripe"


class Slotted:
    """A dataclass that can be written down."""

    __slots__: tuple[str, ...] = ()

    def record(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(slots=True)
class Intent(Slotted):
    """Amounts as Stripe counts them, times in seconds since 1970; `session` is the page it was made on, if one was."""

    id: str
    account: str
    amount: int
    currency: str
    capture_method: str
    secret: str
    metadata: dict[str, str]
    created: int
    payment_method_types: list[str]
    automatic: bool
    description: str | None = None
    receipt_email: str | None = None
    session: str | None = None
    status: str = "requires_payment_method"
    amount_received: int = 0
    latest_charge: str | None = None
    payment_method: str | None = None
    last_payment_error: dict[str, Any] | None = None
    canceled_at: int | None = None
    cancellation_reason: str | None = None
    customer: str | None = None
    setup_future_usage: str | None = None
    transfer_group: str | None = None
    invoice: str | None = None
    waits_at: str | None = None
    """Where the payer authenticates, while the status is requires_action."""


@dataclass(slots=True)
class Charge(Slotted):
    """One try. `amount_refunded` counts what was never captured, too, once it is let go."""

    id: str
    account: str
    intent: str
    amount: int
    currency: str
    method: str
    payment_method: str
    created: int
    metadata: dict[str, str]
    status: str = "succeeded"
    captured: bool = False
    amount_captured: int = 0
    amount_refunded: int = 0
    failure: dict[str, Any] | None = None
    booking: str | None = None
    """Id of its balance transaction, once captured."""
    fee: int = 0
    customer: str | None = None
    transfer_group: str | None = None
    disputed: bool = False

    @property
    def released(self) -> int:
        """Of the hold, what was let go."""
        return self.amount - self.amount_captured if self.captured else 0

    @property
    def refundable(self) -> int:
        return self.amount_captured - (self.amount_refunded - self.released)


@dataclass(slots=True)
class Session(Slotted):
    id: str
    account: str
    amount: int
    currency: str
    name: str
    capture_method: str
    url: str
    success_url: str
    cancel_url: str | None
    client_reference_id: str | None
    customer_email: str | None
    metadata: dict[str, str]
    intent_metadata: dict[str, str]
    description: str | None
    payment_method_types: list[str]
    created: int
    expires_at: int
    status: str = "open"
    intent: str | None = None
    customer: str | None = None
    customer_creation: str = "if_required"
    setup_future_usage: str | None = None
    transfer_group: str | None = None
    payment_link: str | None = None
    email: str | None = None
    """Of the payer, once there is one."""


@dataclass(slots=True)
class Refund(Slotted):
    """`settles` waits until `settle_at` while the status is pending."""

    id: str
    account: str
    charge: str
    intent: str
    amount: int
    currency: str
    reason: str | None
    metadata: dict[str, str]
    created: int
    settle_at: float
    settles: str
    status: str = "pending"
    failure_reason: str | None = None
    booking: str | None = None


@dataclass(slots=True)
class Kept(Slotted):
    """The answer that an idempotency key was given first."""

    key: str
    account: str
    fingerprint: str
    status: int
    body: str
    at: float


class _Owned(Protocol):
    @property
    def account(self) -> str: ...


_T = TypeVar("_T", bound=_Owned)
Thing = Intent | Charge | Session | Refund


class State:
    """Everything in memory. Objects belong to an account; another account's ids do not exist for it."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self.accounts: dict[str, Account] = {}
        self.by_secret_key: dict[str, Account] = {}
        self.intents: dict[str, Intent] = {}
        self.charges: dict[str, Charge] = {}
        self.sessions: dict[str, Session] = {}
        self.refunds: dict[str, Refund] = {}
        self.kept: dict[tuple[str, str], Kept] = {}
        self.intents_of: defaultdict[str, list[str]] = defaultdict(list)
        self.sessions_of: defaultdict[str, list[str]] = defaultdict(list)
        self.refunds_of: defaultdict[str, list[str]] = defaultdict(list)
        self.breaking: dict[tuple[str, str], bool] = {}
        """(account, operation) → whether the next such call has its effect before it breaks."""
        self._restore()

    def put_account(self, account: Account) -> None:
        """Register, or replace what was registered under this account id."""
        old = self.accounts.get(account.account_id)
        if old is not None:
            self.by_secret_key.pop(old.secret_key, None)
        self.accounts[account.account_id] = account
        self.by_secret_key[account.secret_key] = account
        self.journal.mark(NAME, "account", account.account_id, account)

    def remove_account(self, account_id: str) -> bool:
        """Whether there was such an account. Its objects stay in the books, unreachable."""
        account = self.accounts.pop(account_id, None)
        if account is None:
            return False
        self.by_secret_key.pop(account.secret_key, None)
        self.journal.drop(NAME, "account", account_id)
        return True

    def add_intent(self, intent: Intent) -> None:
        self.intents[intent.id] = intent
        self.intents_of[intent.account].append(intent.id)
        self.changed(intent)

    def add_charge(self, charge: Charge) -> None:
        self.charges[charge.id] = charge
        self.changed(charge)

    def add_session(self, session: Session) -> None:
        self.sessions[session.id] = session
        self.sessions_of[session.account].append(session.id)
        self.changed(session)

    def add_refund(self, refund: Refund) -> None:
        self.refunds[refund.id] = refund
        self.refunds_of[refund.account].append(refund.id)
        self.changed(refund)

    def keep(self, kept: Kept) -> None:
        self.kept[kept.account, kept.key] = kept
        self.journal.mark(NAME, "kept", f"{kept.account}/{kept.key}", kept)

    def forget(self, account: str, key: str) -> None:
        self.kept.pop((account, key), None)
        self.journal.drop(NAME, "kept", f"{account}/{key}")

    def changed(self, thing: Thing) -> None:
        """Have it saved, if anything is."""
        self.journal.mark(NAME, type(thing).__name__.lower(), thing.id, thing)

    def _restore(self) -> None:
        for saved in self.journal.load(NAME, "account"):
            self.put_account(Account.model_validate(saved))
        for saved in self.journal.load(NAME, "intent"):
            self.add_intent(Intent(**saved))
        for saved in self.journal.load(NAME, "charge"):
            self.add_charge(Charge(**saved))
        for saved in self.journal.load(NAME, "session"):
            self.add_session(Session(**saved))
        for saved in self.journal.load(NAME, "refund"):
            self.add_refund(Refund(**saved))
        for saved in self.journal.load(NAME, "kept"):
            self.keep(Kept(**saved))


def find_owned(things: Mapping[str, _T], thing_id: str, account: Account) -> _T | None:
    """The object, if it exists and belongs to this account."""
    thing = things.get(thing_id)
    return thing if thing is not None and thing.account == account.account_id else None
