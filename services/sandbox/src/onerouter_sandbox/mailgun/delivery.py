"""What becomes of mail: it goes out when it is due, and for each recipient something happens.

By itself all is delivered, but for recipients whose local part says otherwise (`bounce@`, `deferred@`, `complaint@`,
`open@`, `click@`, `unsubscribe@`, with anything after a `+`); a domain with manual delivery waits to be told.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any, Final, Literal, get_args

from onerouter_sandbox.ids import random_id
from onerouter_sandbox.mailgun.callbacks import Webhooks
from onerouter_sandbox.mailgun.model import EventKind, Mail, MailEvent, Suppressed, Suppression
from onerouter_sandbox.mailgun.state import NAME, State
from onerouter_sandbox.world import World

Fate = Literal[
    "delivered", "deferred", "bounced", "rejected", "opened", "clicked", "unsubscribed", "complained", "suppressed"
]
FATES: Final = get_args(Fate)
BY_LOCAL_PART: Final[Mapping[str, tuple[Fate, ...]]] = {
    "bounce": ("bounced",),
    "deferred": ("deferred",),
    "complaint": ("delivered", "complained"),
    "open": ("delivered", "opened"),
    "click": ("delivered", "opened", "clicked"),
    "unsubscribe": ("delivered", "unsubscribed"),
}
_KIND: Final[Mapping[Fate, EventKind]] = {
    "delivered": "delivered",
    "deferred": "failed",
    "bounced": "failed",
    "suppressed": "failed",
    "rejected": "rejected",
    "opened": "opened",
    "clicked": "clicked",
    "unsubscribed": "unsubscribed",
    "complained": "complained",
}
_LEADS_TO: Final[Mapping[Fate, Suppression]] = {
    "bounced": "bounces",
    "unsubscribed": "unsubscribes",
    "complained": "complaints",
}
"""Whose address gets no more mail, and on which list it stands."""
_WHY: Final[Mapping[Suppression, tuple[str, int, str]]] = {
    "bounces": ("suppress-bounce", 605, "Not delivering to previously bounced address"),
    "unsubscribes": ("suppress-unsubscribe", 606, "Not delivering to unsubscribed address"),
    "complaints": ("suppress-complaint", 607, "Not delivering to a user who marked your messages as spam"),
}
_CLIENT: Final = {"client-type": "browser", "client-os": "Linux", "device-type": "desktop", "client-name": "Firefox"}


class Delivery:
    def __init__(self, state: State, world: World, webhooks: Webhooks) -> None:
        self._state = state
        self._world = world
        self._webhooks = webhooks

    def take(self, mail: Mail) -> None:
        """Keep accepted mail, and send it when it is due."""
        self._state.save_mail(mail)
        for recipient in mail.recipients:
            self._happen(mail, "accepted", recipient, {"method": "HTTP"}, at=mail.created_at)
        if mail.is_scheduled:
            self._wait(mail)
        else:
            self._send(mail)

    def resume(self) -> None:
        for mail in self._state.mails.values():
            if not mail.is_sent:
                self._wait(mail)
            for recipient in mail.awaits:
                self._deliver_later(mail, recipient)

    def decide(self, mail: Mail, fate: Fate, recipient: str, details: Mapping[str, Any] | None = None) -> MailEvent:
        """Have something happen to one recipient's copy."""
        told = _details(fate, mail, recipient, self._listed(mail, recipient) or "bounces")
        event = self._happen(mail, _KIND[fate], recipient, {**told, **(details or {})})
        leads_to = _LEADS_TO.get(fate)
        if leads_to is not None:
            self.suppress(mail.account, recipient, leads_to)
        return event

    def suppress(self, domain: str, address: str, kind: Suppression) -> None:
        now = self._world.clocks.of(domain).now()
        self._state.suppress(Suppressed(random_id("sup_"), domain, address.lower(), kind, now))

    def _wait(self, mail: Mail) -> None:
        self._world.timers.at(mail.due_at, partial(self._send, mail), account=mail.account)

    def _send(self, mail: Mail) -> None:
        mail.is_sent = True
        self._state.save_mail(mail)
        if not mail.is_test:
            self._world.ledger.record(
                provider=NAME,
                account=mail.account,
                kind="email.sent",
                reference=mail.variables.get("onerouter_id"),
                object_id=mail.message_id,
                amount=0,
                currency="USD",
                at=self._world.clocks.of(mail.account).now(),
            )
        account = self._state.accounts.get(mail.account)
        for recipient in mail.recipients:
            if self._listed(mail, recipient) is not None:
                self.decide(mail, "suppressed", recipient)
            elif account is not None and account.delivery == "automatic":
                mail.awaits.append(recipient)
                self._deliver_later(mail, recipient)
        self._state.save_mail(mail)

    def _deliver_later(self, mail: Mail, recipient: str) -> None:
        account = self._state.accounts.get(mail.account)
        due_at = max(mail.created_at, mail.due_at) + (account.delivery_delay_s if account is not None else 0)
        self._world.timers.at(due_at, partial(self._follow, mail, recipient), account=mail.account)

    def _follow(self, mail: Mail, recipient: str) -> None:
        mail.awaits.remove(recipient)
        self._state.save_mail(mail)
        local = recipient.partition("@")[0].partition("+")[0].lower()
        for fate in BY_LOCAL_PART.get(local, ("delivered",)):
            self.decide(mail, fate, recipient)

    def _listed(self, mail: Mail, recipient: str) -> Suppression | None:
        suppressed = self._state.suppressed.get((mail.account, recipient.lower()))
        return None if suppressed is None else suppressed.kind

    def _happen(
        self, mail: Mail, kind: EventKind, recipient: str, details: dict[str, Any], *, at: float | None = None
    ) -> MailEvent:
        """`at` None: now, by the account's own clock."""
        moment = self._world.clocks.of(mail.account).now() if at is None else at
        event = MailEvent(random_id("", 22), mail.account, mail.id, kind, moment, recipient, details)
        self._state.add_event(event)
        self._webhooks.tell(event, mail)
        return event


def _details(fate: Fate, mail: Mail, recipient: str, listed: Suppression) -> dict[str, Any]:
    """What Mailgun tells of it besides, with what other servers usually say."""
    reason, code, why = _WHY[listed]
    visit = {"ip": "192.0.2.9", "client-info": _CLIENT}
    told: dict[Fate, dict[str, Any]] = {
        "delivered": {"delivery-status": _answered(250, "OK")},
        "deferred": {
            "severity": "temporary",
            "reason": "generic",
            "delivery-status": _answered(452, "4.2.2 The account that you tried to reach is over quota", "4.2.2"),
        },
        "bounced": {
            "severity": "permanent",
            "reason": "bounce",
            "delivery-status": _answered(550, "5.1.1 The account that you tried to reach does not exist", "5.1.1"),
        },
        "suppressed": {
            "severity": "permanent",
            "reason": reason,
            "delivery-status": {"attempt-no": 1, "message": "", "code": code, "description": why},
        },
        "rejected": {"reject": {"reason": "Rejected by the sandbox", "description": ""}},
        "clicked": {**visit, "url": "https://example.com/"},
        "opened": visit,
    }
    envelope = {"transport": "smtp", "sender": mail.sender, "sending-ip": "192.0.2.1", "targets": recipient}
    return {"envelope": envelope, **told.get(fate, {})}


def _answered(code: int, message: str, enhanced_code: str | None = None) -> dict[str, Any]:
    said: dict[str, Any] = {
        "code": code,
        "message": message,
        "description": "",
        "attempt-no": 1,
        "tls": True,
        "utf8": True,
        "certificate-verified": True,
        "session-seconds": 0.4,
    }
    return said if enhanced_code is None else said | {"enhanced-code": enhanced_code}
