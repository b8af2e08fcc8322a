"""Mail that SES takes, or does not: identities, quotas, templates."""

import re
from collections.abc import Mapping
from typing import Any, Final
from uuid import uuid4

from onerouter_sandbox.pace import Pace
from onerouter_sandbox.ses.account import Account
from onerouter_sandbox.ses.errors import Refused
from onerouter_sandbox.ses.events import Events
from onerouter_sandbox.ses.requests import Wanted, bare
from onerouter_sandbox.ses.state import NAME, Mail, State
from onerouter_sandbox.world import World

_VARIABLE: Final = re.compile(r"\{\{\{?\s*([A-Za-z0-9_.-]+)\s*\}?\}\}")
_DAY_S: Final = 86_400


class Sending:
    def __init__(self, state: State, world: World, events: Events) -> None:
        self._state = state
        self._world = world
        self._events = events
        self._pace = Pace()

    def send(self, account: Account, wanted: Wanted, base: str) -> Mail:
        """Raises `Refused`."""
        now = self._world.clocks.of(account.access_key_id).now()
        _allow_account(account)
        _allow_identities(account, wanted)
        if wanted.configuration_set not in (None, account.configuration_set):
            raise Refused(404, "NotFoundException", f"Configuration set <{wanted.configuration_set}> does not exist.")
        content, rendering_error = self._content(account, wanted)
        self._allow_amount(account, len(wanted.recipients), now)
        mail = Mail(
            id=f"0100{uuid4().hex[:12]}-{uuid4()}-000000",
            account=account.access_key_id,
            created_at=now,
            base=base,
            sender=wanted.sender,
            to=wanted.to,
            recipients=wanted.recipients,
            reply_to=wanted.reply_to,
            subject=content["Subject"] or "",
            text=content["Text"],
            html=content["Html"],
            headers=wanted.headers,
            attachments=wanted.attachments,
            tags=wanted.tags,
            template=wanted.template,
            configuration_set=wanted.configuration_set,
            rendering_error=rendering_error,
            cc=wanted.cc,
            bcc=wanted.bcc,
            contents=wanted.contents,
        )
        self._state.mails.add(mail)
        if rendering_error is None:
            self._record(mail, now)
        self._events.follow(mail)
        return mail

    def sent_lately(self, account: Account, now: float) -> int:
        """Recipients of the last 24 hours: what quotas count."""
        count = 0
        for mail in self._state.mails.newest(account.access_key_id):
            if mail.created_at < now - _DAY_S:
                break
            count += len(mail.recipients)
        return count

    def _record(self, mail: Mail, now: float) -> None:
        self._world.ledger.record(
            provider=NAME,
            account=mail.account,
            kind="email.sent",
            reference=mail.reference,
            object_id=mail.id,
            amount=0,
            currency="USD",
            at=now,
        )

    def _content(self, account: Account, wanted: Wanted) -> tuple[Mapping[str, str | None], str | None]:
        """As it goes out; a variable that is missing is no error of the call but an event afterwards."""
        if wanted.template is None:
            return {"Subject": wanted.subject, "Text": wanted.text, "Html": wanted.html}, None
        template = self._state.find_template(account, wanted.template)
        if template is None:
            raise Refused(404, "NotFoundException", f"Template {wanted.template} does not exist.")
        used = {name for part in template.content.values() for name in _VARIABLE.findall(part)}
        missing = sorted(used - wanted.variables.keys())
        error = f"Attribute '{missing[0]}' is not present in the rendering data." if missing else None
        return {
            part: _filled(template.content.get(part), wanted.variables) for part in ("Subject", "Text", "Html")
        }, error

    def _allow_amount(self, account: Account, recipients: int, now: float) -> None:
        daily = account.max_24_hour_send
        if daily is not None and self.sent_lately(account, now) + recipients > daily:
            raise Refused(429, "TooManyRequestsException", "Daily message quota exceeded.")
        real = self._world.clock.now()
        paces = [self._pace.take(account.access_key_id, account.max_send_rate, real) for _ in range(recipients)]
        if not all(pace.allowed for pace in paces):
            raise Refused(429, "TooManyRequestsException", "Maximum sending rate exceeded.")


def _allow_account(account: Account) -> None:
    if account.suspended:
        raise Refused(400, "AccountSuspendedException", "The account's ability to send email has been suspended.")
    if not account.sending_enabled:
        raise Refused(400, "SendingPausedException", "Email sending is disabled for this account.")


def _allow_identities(account: Account, wanted: Wanted) -> None:
    checked = [bare_of(wanted.sender), *([] if account.production_access else wanted.recipients)]
    failing = [address for address in checked if not account.is_verified(address)]
    if failing:
        raise Refused(
            400,
            "MessageRejected",
            "Email address is not verified. The following identities failed the check in region "
            f"{account.region.upper()}: {', '.join(failing)}",
        )


def bare_of(sender: str) -> str:
    """Of a sender as it is shown."""
    return bare(sender.rpartition("<")[2].rstrip(">"))


def _filled(template: str | None, variables: Mapping[str, Any]) -> str | None:
    if template is None:
        return None
    return _VARIABLE.sub(lambda found: str(variables.get(found.group(1), "")), template)
