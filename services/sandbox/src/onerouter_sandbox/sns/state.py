"""What SNS remembers of SMS: accounts, settings, and what was published."""

from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any, Final

from onerouter_sandbox.journal import Journal
from onerouter_sandbox.sns.account import Account

NAME: Final = "sns"


@dataclass(slots=True)
class Message:
    """`sent` False: taken with success and dropped (opted out, over the spend limit), as SNS does."""

    id: str
    account: str
    to: str
    body: str
    attributes: dict[str, str]
    segments: int
    created_at: float
    sent: bool = True
    delivery: str | None = None
    """What the account's CloudWatch log would say: SUCCESS or FAILURE."""
    provider_response: str | None = None
    delivery_at: float | None = None

    def record(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}


class State:
    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self.accounts: dict[str, Account] = {}
        self.settings: defaultdict[str, dict[str, str]] = defaultdict(dict)
        self._messages: dict[str, Message] = {}
        self._of: defaultdict[str, list[str]] = defaultdict(list)
        for saved in journal.load(NAME, "account"):
            self.put_account(Account.model_validate(saved))
        for saved in journal.load(NAME, "message"):
            self._stand(Message(**saved))

    def put_account(self, account: Account) -> None:
        """Register, or replace what was registered under this access key."""
        self.accounts[account.access_key_id] = account
        self._journal.mark(NAME, "account", account.access_key_id, account)

    def add(self, message: Message) -> None:
        self._stand(message)
        self.changed(message)

    def changed(self, message: Message) -> None:
        self._journal.mark(NAME, "message", message.id, message)

    def find(self, message_id: str) -> Message | None:
        return self._messages.get(message_id)

    def newest_first(self, account: str) -> Iterator[Message]:
        return (self._messages[each] for each in reversed(self._of.get(account, [])))

    @property
    def with_messages(self) -> Collection[str]:
        """Access keys under which anything was published."""
        return self._of.keys()

    def count(self, account: str) -> int:
        return len(self._of.get(account, []))

    def _stand(self, message: Message) -> None:
        self._messages[message.id] = message
        self._of[message.account].append(message.id)
