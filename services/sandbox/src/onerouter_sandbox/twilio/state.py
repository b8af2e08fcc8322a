"""What Twilio remembers: accounts, messages, who has opted out, and what was asked for of a recipient."""

from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from onerouter_sandbox.journal import Journal
from onerouter_sandbox.twilio.account import Account

NAME: Final = "twilio"


@dataclass(slots=True)
class Message:
    """Times are seconds since 1970 by the account's clock; `reference` is the id that the client put into `callback_url`."""

    sid: str
    account: str
    direction: str
    to: str
    sender: str | None
    service_sid: str | None
    body: str
    segments: int
    created_at: float
    updated_at: float
    status: str
    sent_at: float | None = None
    send_at: float | None = None
    price: str | None = None
    error_code: int | None = None
    callback_url: str | None = None
    reference: str | None = None
    deleted: bool = False
    history: list[list[Any]] = field(default_factory=list)
    """Each status it had, and when."""

    def record(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(slots=True)
class Recipient:
    """What becomes of messages to a number: refused at once, or taken and then this."""

    account: str
    number: str
    refused_with: int | None = None
    fate: str = "delivered"
    error_code: int | None = None
    opted_out_of: tuple[str, ...] = ()
    """Senders and services that STOP was said to."""

    @property
    def id(self) -> str:
        return f"{self.account}:{self.number}"

    def record(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}


class State:
    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self.accounts: dict[str, Account] = {}
        self.by_authorization: dict[bytes, Account] = {}
        self._messages: dict[str, Message] = {}
        self._of: defaultdict[str, list[str]] = defaultdict(list)
        self._recipients: dict[str, Recipient] = {}
        for saved in journal.load(NAME, "account"):
            self.put_account(Account.model_validate(saved))
        for saved in journal.load(NAME, "message"):
            self._stand(Message(**saved))
        for saved in journal.load(NAME, "recipient"):
            recipient = Recipient(**{**saved, "opted_out_of": tuple(saved["opted_out_of"])})
            self._recipients[recipient.id] = recipient

    def put_account(self, account: Account) -> None:
        """Register, or replace what was registered under this SID."""
        old = self.accounts.get(account.account_sid)
        if old is not None:
            for basic in old.basics:
                self.by_authorization.pop(basic, None)
        self.accounts[account.account_sid] = account
        for basic in account.basics:
            self.by_authorization[basic] = account
        self._journal.mark(NAME, "account", account.account_sid, account)

    def add(self, message: Message) -> None:
        self._stand(message)
        self.changed(message)

    def changed(self, message: Message) -> None:
        self._journal.mark(NAME, "message", message.sid, message)

    def find(self, sid: str) -> Message | None:
        """Whoever owns it: for control routes."""
        return self._messages.get(sid)

    def newest_first(self, account_sid: str) -> Iterator[Message]:
        return (self._messages[sid] for sid in reversed(self._of.get(account_sid, [])))

    @property
    def with_messages(self) -> Collection[str]:
        """SIDs of the accounts that have any."""
        return self._of.keys()

    def all(self) -> Iterator[Message]:
        return iter(self._messages.values())

    def recipient(self, account_sid: str, number: str) -> Recipient:
        found = self._recipients.get(f"{account_sid}:{number}")
        return found or Recipient(account_sid, number)

    def put_recipient(self, recipient: Recipient) -> None:
        self._recipients[recipient.id] = recipient
        self._journal.mark(NAME, "recipient", recipient.id, recipient)

    def _stand(self, message: Message) -> None:
        self._messages[message.sid] = message
        self._of[message.account].append(message.sid)
