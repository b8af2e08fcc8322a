"""Mailgun's webhooks: the event, and beside it a signature of a time and a token; of the event itself nothing is signed."""

import hashlib
import hmac
import json
import secrets

from onerouter_sandbox.mailgun.events import shown
from onerouter_sandbox.mailgun.model import Mail, MailEvent
from onerouter_sandbox.mailgun.state import NAME, State
from onerouter_sandbox.world import World


class Webhooks:
    """Signs events and owes them to the domain's endpoint, if it has one."""

    def __init__(self, state: State, world: World) -> None:
        self._state = state
        self._world = world
        world.callbacks.serve(NAME, self._callback_url)

    def tell(self, event: MailEvent, mail: Mail) -> None:
        account = self._state.accounts.get(event.account)
        if account is None or account.webhook_url is None or event.kind == "rejected":
            return
        timestamp, token = str(int(self._world.clock.now())), secrets.token_hex(25)
        key = (account.webhook_signing_key or "").encode()
        signature = {
            "timestamp": timestamp,
            "token": token,
            "signature": hmac.new(key, (timestamp + token).encode(), hashlib.sha256).hexdigest(),
        }
        self._world.callbacks.emit(
            provider=NAME,
            account=account.domain,
            event=_webhook(event),
            event_id=event.id,
            group=mail.id,
            body=json.dumps({"signature": signature, "event-data": shown(event, mail)}).encode(),
            headers={"Content-Type": "application/json", "User-Agent": "mailgun/treq"},
        )

    def _callback_url(self, domain: str) -> str | None:
        account = self._state.accounts.get(domain)
        return None if account is None else account.callback_url


def _webhook(event: MailEvent) -> str:
    """The name that a webhook for this event is set up under."""
    if event.kind == "failed":
        return "temporary_fail" if event.details["severity"] == "temporary" else "permanent_fail"
    return event.kind
