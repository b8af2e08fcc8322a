"""Domains, mail, events, templates and suppressions, saved as they change."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Final

from onerouter_sandbox.journal import Journal
from onerouter_sandbox.mailgun.account import Account
from onerouter_sandbox.mailgun.model import Mail, MailEvent, Suppressed, Template

NAME: Final = "mailgun"


class State:
    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self.accounts: dict[str, Account] = {}
        self.mails: dict[str, Mail] = {}
        self.mails_of: defaultdict[str, list[Mail]] = defaultdict(list)
        """By domain, oldest first."""
        self.events: defaultdict[str, list[MailEvent]] = defaultdict(list)
        """By domain, oldest first."""
        self.events_of: defaultdict[str, list[MailEvent]] = defaultdict(list)
        """By mail, in the order in which they happened."""
        self.templates: dict[tuple[str, str], Template] = {}
        self.suppressed: dict[tuple[str, str], Suppressed] = {}
        """By domain and address in lower case."""
        for saved in journal.load(NAME, "account"):
            self.put_account(Account.model_validate(saved))
        for saved in journal.load(NAME, "mail"):
            self._keep(Mail(**saved))
        for saved in journal.load(NAME, "event"):
            self._stand(MailEvent(**saved))
        for saved in journal.load(NAME, "template"):
            template = Template(**saved)
            self.templates[template.account, template.name] = template
        for saved in journal.load(NAME, "suppressed"):
            suppressed = Suppressed(**saved)
            self.suppressed[suppressed.account, suppressed.address] = suppressed

    def put_account(self, account: Account) -> None:
        """Register, or replace what was registered under this domain."""
        self.accounts[account.domain] = account
        self._journal.mark(NAME, "account", account.domain, account)

    def save_mail(self, mail: Mail) -> None:
        self._keep(mail)
        self._journal.mark(NAME, "mail", mail.id, mail)

    def add_event(self, event: MailEvent) -> None:
        self._stand(event)
        self._journal.mark(NAME, "event", event.id, event)

    def put_template(self, template: Template) -> None:
        self.templates[template.account, template.name] = template
        self._journal.mark(NAME, "template", template.id, template)

    def suppress(self, suppressed: Suppressed) -> None:
        self.suppressed[suppressed.account, suppressed.address] = suppressed
        self._journal.mark(NAME, "suppressed", suppressed.id, suppressed)

    def unsuppress(self, suppressed: Suppressed) -> None:
        self.suppressed.pop((suppressed.account, suppressed.address), None)
        self._journal.drop(NAME, "suppressed", suppressed.id)

    def with_message_id(self, message_id: str) -> Iterator[Mail]:
        return (mail for mail in self.mails.values() if mail.message_id == message_id)

    def _keep(self, mail: Mail) -> None:
        if mail.id not in self.mails:
            self.mails_of[mail.account].append(mail)
        self.mails[mail.id] = mail

    def _stand(self, event: MailEvent) -> None:
        self.events[event.account].append(event)
        self.events_of[event.mail_id].append(event)
