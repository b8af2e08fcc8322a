"""Resend's callbacks: which event says what, and how each delivery is signed (Svix)."""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from typing import Any

from onerouter_sandbox.callbacks import Callback
from onerouter_sandbox.ids import random_id
from onerouter_sandbox.resend import shapes
from onerouter_sandbox.resend.account import NAME
from onerouter_sandbox.resend.state import Email, State
from onerouter_sandbox.world import World


class Webhooks:
    """Makes events and owes them to the team's endpoint, if it has one."""

    def __init__(self, state: State, world: World) -> None:
        self._state = state
        self._world = world

    def tell(self, event: str, email: Email, at: float, more: Mapping[str, Any]) -> None:
        """`more`: what this event says beside the email (`bounce`, `click`, …)."""
        account = self._state.accounts.get(email.account)
        if account is None or account.webhook_url is None:
            return
        body = {"type": event, "created_at": shapes.iso(at), "data": {**shapes.event_data(email), **more}}
        self._world.callbacks.emit(
            provider=NAME,
            account=account.account_id,
            event=event,
            event_id=random_id("msg_", 27),
            group=email.id,
            body=shapes.encode(body),
            headers={"Content-Type": "application/json", "User-Agent": "Svix-Webhooks/1.81.0 (sender)"},
        )

    def sign(self, callback: Callback) -> dict[str, str]:
        """Signed anew at each try, with the time, by every secret that is live."""
        account = self._state.accounts.get(callback.account)
        if account is None:
            return {}
        at = int(self._world.clock.now())
        signatures = [
            signature(secret, callback.event_id, at, callback.body.encode())
            for secret in (account.webhook_secret, account.webhook_secret_previous)
            if secret is not None
        ]
        signed = {"svix-signature": " ".join(signatures)} if signatures else {}
        return {"svix-id": callback.event_id, "svix-timestamp": str(at), **signed}


def signature(secret: str, event_id: str, at: int, body: bytes) -> str:
    """`v1,` and base64 of HMAC-SHA256 over `<id>.<time>.<body>`; the key is in base64 after `whsec_`."""
    text = secret.removeprefix("whsec_")
    key = base64.b64decode(text + "=" * (-len(text) % 4))
    made = hmac.new(key, f"{event_id}.{at}.".encode() + body, hashlib.sha256).digest()
    return "v1," + base64.b64encode(made).decode()
