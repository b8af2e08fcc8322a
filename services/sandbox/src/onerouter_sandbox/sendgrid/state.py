"""What SendGrid keeps: accounts, messages with a line for each recipient, batches, templates, suppressed addresses."""

from dataclasses import dataclass, field
from typing import Any

from onerouter_sandbox.journal import Journal
from onerouter_sandbox.sendgrid.account import NAME, Account
from onerouter_sandbox.shelf import Shelf, Slotted


@dataclass(slots=True)
class Line(Slotted):
    """One recipient of a message, as the logs have it. `events`: as the webhook tells them, without custom arguments."""

    id: str
    """`<message>.<server data>`."""
    account: str
    message: str
    created: float
    email: str
    sender: str
    subject: str
    custom_args: dict[str, str]
    categories: list[str]
    status: str = "processed"
    reason: str | None = None
    events: list[dict[str, Any]] = field(default_factory=list)


@dataclass(slots=True)
class Message(Slotted):
    """One request to send. `envelopes`: its personalizations, made complete: recipients, subject, content, arguments."""

    id: str
    account: str
    created: float
    sender: str
    envelopes: list[dict[str, Any]]
    asked: dict[str, Any]
    state: str = "queued"
    """`scheduled`, `queued`, `processed` or `canceled`."""
    send_at: float | None = None
    batch: str | None = None


@dataclass(slots=True)
class Batch(Slotted):
    """`status`: cancel, pause, or none."""

    id: str
    account: str
    status: str | None = None


@dataclass(slots=True)
class Template(Slotted):
    id: str
    account: str
    created: float
    name: str
    generation: str
    versions: list[dict[str, Any]] = field(default_factory=list)


@dataclass(slots=True)
class Suppressed(Slotted):
    """An address that an account does not write to any more; `reason`: as a drop gives it."""

    id: str
    account: str
    email: str
    reason: str
    is_lifted: bool = False


class State:
    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self.accounts: dict[str, Account] = {}
        self.by_key: dict[str, Account] = {}
        self.messages: Shelf[Message] = Shelf(journal, NAME, "message", Message)
        self.lines: Shelf[Line] = Shelf(journal, NAME, "line", Line)
        self.batches: Shelf[Batch] = Shelf(journal, NAME, "batch", Batch)
        self.templates: Shelf[Template] = Shelf(journal, NAME, "template", Template)
        self.suppressed: Shelf[Suppressed] = Shelf(journal, NAME, "suppressed", Suppressed)
        self.lines_of: dict[str, list[Line]] = {}
        for line in self.lines:
            self.lines_of.setdefault(line.message, []).append(line)
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

    def add_line(self, line: Line) -> None:
        self.lines.add(line)
        self.lines_of.setdefault(line.message, []).append(line)

    def suppression_of(self, account_id: str, email: str) -> str | None:
        """Why nothing goes to an address any more; None when it may."""
        found = self.suppressed.find(_suppressed_id(account_id, email))
        return None if found is None or found.is_lifted else found.reason

    def suppress(self, account_id: str, email: str, reason: str) -> None:
        key = _suppressed_id(account_id, email)
        known = self.suppressed.find(key)
        if known is None:
            self.suppressed.add(Suppressed(key, account_id, email.lower(), reason))
        else:
            known.reason, known.is_lifted = reason, False
            self.suppressed.changed(known)

    def lift(self, account_id: str) -> int:
        """Let an account write to everyone again. How many addresses that frees."""
        held = [each for each in self.suppressed.newest(account_id) if not each.is_lifted]
        for each in held:
            each.is_lifted = True
            self.suppressed.changed(each)
        return len(held)


def _suppressed_id(account_id: str, email: str) -> str:
    return f"{account_id} {email.lower()}"
