"""Stripe's webhooks: which event says what, and how each delivery is signed.

A body is a snapshot at the time of the event; its signature is made anew, with the time, at each delivery.
"""

import hashlib
import hmac
import json
from typing import Any

from onerouter_sandbox.callbacks import Callback
from onerouter_sandbox.ids import random_id
from onerouter_sandbox.stripe import shapes
from onerouter_sandbox.stripe.account import Account
from onerouter_sandbox.stripe.state import NAME, Charge, Intent, Refund, Session, State
from onerouter_sandbox.world import World


class Webhooks:
    """Makes events and owes them to the account's endpoint, if it has one."""

    def __init__(self, state: State, world: World) -> None:
        self._state = state
        self._world = world
        self.cause: tuple[str | None, str | None] = (None, None)
        """Request id and idempotency key of the call that is being carried out."""

    def intent(self, event: str, intent: Intent) -> None:
        account = self._state.accounts.get(intent.account)
        if account is not None:
            self.tell(event, account, intent.id, shapes.intent(intent, livemode=account.livemode))

    def charge(self, event: str, charge: Charge, before: dict[str, Any] | None = None) -> None:
        account = self._state.accounts.get(charge.account)
        if account is not None:
            self.tell(event, account, charge.intent, shapes.charge(charge, livemode=account.livemode), before)

    def session(self, event: str, session: Session) -> None:
        account = self._state.accounts.get(session.account)
        if account is not None:
            intent = self._state.intents.get(session.intent or "")
            shown = shapes.session(session, intent, livemode=account.livemode)
            self.tell(event, account, session.intent or session.id, shown)

    def refund(self, event: str, refund: Refund, before: dict[str, Any] | None = None) -> None:
        account = self._state.accounts.get(refund.account)
        if account is not None:
            self.tell(event, account, refund.id, shapes.refund(refund), before)

    def sign(self, callback: Callback) -> dict[str, str]:
        """The header of one delivery: one signature for each live secret."""
        account = self._state.accounts.get(callback.account)
        secrets = _secrets(account, callback) if account is not None else ()
        at = int(self._world.clock.now())
        signatures = [f"v1={signature(secret, at, callback.body.encode())}" for secret in secrets if secret]
        return {"Stripe-Signature": ",".join([f"t={at}", *signatures])}

    def tell(
        self,
        event: str,
        account: Account,
        group: str,
        thing: dict[str, Any],
        before: dict[str, Any] | None = None,
        *,
        vendor: str | None = None,
    ) -> None:
        """`before`: what an update changed, as it was. `vendor`: the connected account whose event it is."""
        if account.webhook_url is None:
            return
        request_id, key = self.cause
        event_id = random_id("evt_1", 23)
        data = {"object": thing} | ({"previous_attributes": before} if before else {})
        body = {
            "id": event_id,
            "object": "event",
            "api_version": shapes.VERSION,
            "created": int(self._world.clocks.of(account.account_id).now()),
            "data": data,
            "livemode": account.livemode,
            "pending_webhooks": 1,
            "request": {"id": request_id, "idempotency_key": key},
            "type": event,
        } | ({} if vendor is None else {"account": vendor})
        self._world.callbacks.emit(
            provider=NAME,
            account=account.account_id,
            event=event,
            event_id=event_id,
            group=group,
            body=shapes.encode(body),
            headers={
                "Content-Type": "application/json; charset=utf-8",
                "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
            },
        )


def _secrets(account: Account, callback: Callback) -> tuple[str | None, ...]:
    """Events of connected accounts have an endpoint of their own at Stripe, and so a secret of their own."""
    if account.connect_webhook_secret is not None and "account" in json.loads(callback.body):
        return (account.connect_webhook_secret,)
    return account.webhook_secret, account.webhook_secret_previous


def signature(secret: str, at: int, body: bytes) -> str:
    """Lower-case hex of HMAC-SHA256 over `<time>.<body>`, with the whole `whsec_…` as the key."""
    return hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
