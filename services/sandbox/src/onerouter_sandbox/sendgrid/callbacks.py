"""SendGrid's event webhook: arrays of events, signed with the account's own key at each delivery."""

import base64
import json
from collections.abc import Sequence
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

from onerouter_sandbox.callbacks import Callback
from onerouter_sandbox.ids import random_id
from onerouter_sandbox.sendgrid.account import NAME, Account, private_key
from onerouter_sandbox.sendgrid.state import State
from onerouter_sandbox.world import World


class Webhooks:
    """Gathers events and owes them to the account's endpoint, if it has one."""

    def __init__(self, state: State, world: World) -> None:
        self._state = state
        self._world = world
        self._gathered: dict[str, list[tuple[str, dict[str, Any]]]] = {}

    def tell(self, account_id: str, message_id: str, events: Sequence[dict[str, Any]]) -> None:
        account = self._state.accounts.get(account_id)
        if account is None or account.webhook_url is None or not events:
            return
        if not account.batch_s:
            self._owe(account, message_id, events)
            return
        gathered = self._gathered.setdefault(account_id, [])
        if not gathered:
            self._world.timers.at(self._world.clock.now() + account.batch_s, lambda: self._flush(account_id))
        gathered += [(message_id, event) for event in events]

    def _flush(self, account_id: str) -> None:
        gathered, account = self._gathered.pop(account_id, []), self._state.accounts.get(account_id)
        if gathered and account is not None:
            messages = {message_id for message_id, _ in gathered}
            self._owe(account, messages.pop() if len(messages) == 1 else "batch", [event for _, event in gathered])

    def _owe(self, account: Account, group: str, events: Sequence[dict[str, Any]]) -> None:
        names = {str(event["event"]) for event in events}
        self._world.callbacks.emit(
            provider=NAME,
            account=account.account_id,
            event=names.pop() if len(names) == 1 else "batch",
            event_id=str(events[0]["sg_event_id"]) if len(events) == 1 else random_id("batch_"),
            group=group,
            body=json.dumps(list(events), ensure_ascii=False, separators=(",", ":")).encode() + b"\r\n",
            headers={"Content-Type": "application/json", "User-Agent": "SendGrid Event API"},
        )

    def sign(self, callback: Callback) -> dict[str, str]:
        """Signed anew at each try, with the time."""
        account = self._state.accounts.get(callback.account)
        if account is None or not account.webhook_signed:
            return {}
        at = str(int(self._world.clock.now()))
        return {
            "X-Twilio-Email-Event-Webhook-Signature": signature(account, at, callback.body.encode()),
            "X-Twilio-Email-Event-Webhook-Timestamp": at,
        }


def signature(account: Account, at: str, body: bytes) -> str:
    """Base64 of ECDSA with SHA-256 over `<time><body>`; other bytes each time, as random numbers go in."""
    made = private_key(account.webhook_private_key).sign(at.encode() + body, ec.ECDSA(SHA256()))
    return base64.b64encode(made).decode()
