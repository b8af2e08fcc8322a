"""Accounts, mail and templates, saved as they change."""

from dataclasses import dataclass, field
from typing import Any, Final

from onerouter_sandbox.journal import Journal
from onerouter_sandbox.ses.account import Account
from onerouter_sandbox.shelf import Shelf, Slotted

NAME: Final = "ses"


@dataclass(slots=True)
class Mail(Slotted):
    """One accepted message; times in seconds since 1970. `base` is the address under which its sender reached us."""

    id: str
    account: str
    created_at: float
    base: str
    sender: str
    to: list[str]
    """Of To, as in the header."""
    recipients: list[str]
    """Bare addresses, of Cc and Bcc as well."""
    reply_to: list[str]
    subject: str
    text: str | None
    html: str | None
    headers: list[dict[str, str]]
    attachments: list[dict[str, Any]]
    tags: dict[str, str]
    template: str | None
    configuration_set: str | None
    rendering_error: str | None = None
    awaits: list[str] = field(default_factory=list)
    """Recipients to whom something will happen by itself."""
    cc: list[str] = field(default_factory=list)
    bcc: list[str] = field(default_factory=list)
    contents: list[str] = field(default_factory=list)
    """What is in the attachments, in base 64, in their order."""
    happened: list[dict[str, Any]] = field(default_factory=list)
    """Its events, whether or not anybody was told: `event`, `at`, `recipients`."""

    @property
    def reference(self) -> str | None:
        return self.tags.get("onerouter_id")

    def shown(self) -> dict[str, Any]:
        """For the control API, without what is in the attachments."""
        shown = self.record()
        del shown["contents"]
        return shown


@dataclass(slots=True)
class Template(Slotted):
    id: str
    account: str
    name: str
    content: dict[str, str]
    """`Subject`, `Text`, `Html`."""
    created_at: float


class State:
    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self.accounts: dict[str, Account] = {}
        self.mails = Shelf(journal, NAME, "mail", Mail)
        self.templates = Shelf(journal, NAME, "template", Template)
        for saved in journal.load(NAME, "account"):
            self.put_account(Account.model_validate(saved))

    def put_account(self, account: Account) -> None:
        """Register, or replace what was registered under this access key."""
        self.accounts[account.access_key_id] = account
        self._journal.mark(NAME, "account", account.access_key_id, account)

    def find_template(self, account: Account, name: str) -> Template | None:
        return self.templates.owned(account.access_key_id, f"{account.access_key_id}/{name}")
