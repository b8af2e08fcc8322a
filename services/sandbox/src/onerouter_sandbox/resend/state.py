"""What Resend keeps: teams, emails, templates, calls, idempotency keys."""

from dataclasses import dataclass, field
from typing import Any

from onerouter_sandbox.journal import Journal
from onerouter_sandbox.resend.account import NAME, Account
from onerouter_sandbox.shelf import Shelf, Slotted


@dataclass(slots=True)
class Email(Slotted):
    """`content`: what was asked for, in Resend's words, with a template filled in. `happened`: every event and its time."""

    id: str
    account: str
    created: float
    content: dict[str, Any]
    last_event: str
    scheduled_at: float | None = None
    template_id: str | None = None
    happened: list[tuple[str, float]] = field(default_factory=list)

    @property
    def tags(self) -> dict[str, str]:
        return {str(tag["name"]): str(tag["value"]) for tag in self.content.get("tags", [])}


@dataclass(slots=True)
class Template(Slotted):
    id: str
    account: str
    created: float
    name: str
    html: str
    alias: str | None = None
    subject: str | None = None
    text: str | None = None
    sender: str | None = None
    variables: list[dict[str, Any]] = field(default_factory=list)
    published_at: float | None = None


@dataclass(slots=True)
class CallMade(Slotted):
    """One call to the API, as the team finds it in its logs."""

    id: str
    account: str
    created: float
    endpoint: str
    method: str
    status: int
    user_agent: str
    asked: Any
    answered: Any


@dataclass(slots=True)
class KeyUsed(Slotted):
    """What was answered under an idempotency key; `id` is the account's with the key."""

    id: str
    account: str
    created: float
    fingerprint: str
    body: str


class State:
    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self.accounts: dict[str, Account] = {}
        self.by_key: dict[str, Account] = {}
        self.emails: Shelf[Email] = Shelf(journal, NAME, "email", _email)
        self.templates: Shelf[Template] = Shelf(journal, NAME, "template", Template)
        self.calls: Shelf[CallMade] = Shelf(journal, NAME, "call", CallMade)
        self.keys: Shelf[KeyUsed] = Shelf(journal, NAME, "key", KeyUsed)
        for saved in journal.load(NAME, "account"):
            self.put_account(Account.model_validate(saved))

    def put_account(self, account: Account) -> None:
        self.remove_account(account.account_id)
        self.accounts[account.account_id] = account
        self.by_key[account.api_key] = account
        self._journal.mark(NAME, "account", account.account_id, account)

    def remove_account(self, account_id: str) -> bool:
        """Whether there was such a one."""
        known = self.accounts.pop(account_id, None)
        if known is None:
            return False
        self.by_key.pop(known.api_key, None)
        self._journal.drop(NAME, "account", account_id)
        return True


def _email(**saved: Any) -> Email:
    return Email(**(saved | {"happened": [(str(event), float(at)) for event, at in saved["happened"]]}))
