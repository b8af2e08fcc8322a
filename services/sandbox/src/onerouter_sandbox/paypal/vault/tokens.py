"""Saved methods: prepared, approved by the payer, kept, charged by orders, deleted."""

from typing import Any, Final

from onerouter_sandbox.paypal import ids
from onerouter_sandbox.paypal.account import Account
from onerouter_sandbox.paypal.callbacks import Event, Webhooks
from onerouter_sandbox.paypal.errors import NotPossible, no_such_resource, unprocessable
from onerouter_sandbox.paypal.routing import DAY
from onerouter_sandbox.paypal.state import NAME
from onerouter_sandbox.paypal.store import Store
from onerouter_sandbox.paypal.vault import shapes
from onerouter_sandbox.paypal.vault.state import PaymentToken, SetupToken
from onerouter_sandbox.paypal.vault.validation import SourceRequest
from onerouter_sandbox.world import World

SETUP_LASTS_S: Final = 3 * DAY
_CREATE: Final = "payment-tokens.create"


class Tokens:
    def __init__(self, world: World, webhooks: Webhooks) -> None:
        self._world = world
        self._webhooks = webhooks
        self.setups = Store(world.journal, "setup_token", SetupToken)
        self.tokens = Store(world.journal, "payment_token", PaymentToken)

    def prepare(self, account: Account, customer: str | None, source: SourceRequest, base: str) -> SetupToken:
        """A wallet waits for its owner; a card needs nobody."""
        now = self._now(account.client_id)
        token = SetupToken(
            id=ids.object_id(),
            account=account.client_id,
            base=base,
            customer=customer or ids.customer_id(),
            kind=source.kind,
            shown=source.shown,
            context=source.context,
            created_at=now,
            expires_at=now + SETUP_LASTS_S,
            status="PAYER_ACTION_REQUIRED" if source.kind == "paypal" else "APPROVED",
        )
        self.setups.put(token)
        return token

    def setup(self, account: Account, token_id: str) -> SetupToken:
        token = self.setups.owned(account, token_id)
        if token is None or token.expires_at <= self._now(account.client_id):
            raise no_such_resource("id", "setup-tokens.get")
        return token

    def approve(self, token: SetupToken) -> None:
        if token.status != "PAYER_ACTION_REQUIRED" or token.expires_at <= self._now(token.account):
            raise NotPossible(f"The setup token is {token.status}.")
        token.status = "APPROVED"
        token.shown = {**token.shown, **wallet("buyer@example.com", ids.merchant_id())}
        self.setups.changed(token)

    def redeem(self, account: Account, token_id: str, reference: str | None) -> PaymentToken:
        """Make a payment token of a setup token, once."""
        where = "/payment_source/token/id"
        setup = self.setups.owned(account, token_id)
        if setup is None or setup.expires_at <= self._now(account.client_id):
            raise unprocessable("TOKEN_NOT_FOUND", where, _CREATE)
        if setup.payment_token is not None:
            raise unprocessable("TOKEN_ALREADY_USED", where, _CREATE)
        if setup.status != "APPROVED":
            raise unprocessable("SETUP_TOKEN_NOT_APPROVED", where, _CREATE)
        token = self.keep(setup.account, setup.base, setup.customer, setup.kind, setup.shown, reference)
        setup.payment_token, setup.status = token.id, "VAULTED"
        self.setups.changed(setup)
        return token

    def keep(
        self,
        account: str,
        base: str,
        customer: str | None,
        kind: str,
        shown: dict[str, Any],
        reference: str | None,
        order_id: str | None = None,
    ) -> PaymentToken:
        """`reference` is the merchant's word for it: the request id, or that of the order that saved it."""
        token = PaymentToken(
            id=ids.vault_id(),
            account=account,
            base=base,
            customer=customer or ids.customer_id(),
            kind=kind,
            shown=shown,
            created_at=self._now(account),
            order_id=order_id,
        )
        self.tokens.put(token)
        self._record("payment_method.attached", token, reference)
        self._tell("VAULT.PAYMENT-TOKEN.CREATED", token)
        return token

    def get(self, account: Account, token_id: str) -> PaymentToken:
        token = self.tokens.owned(account, token_id)
        if token is None or token.deleted:
            raise no_such_resource("id", "payment-tokens.get")
        return token

    def chargeable(self, account: Account, token_id: str, kind: str) -> PaymentToken:
        """What an order is to be charged to."""
        token = self.tokens.owned(account, token_id)
        if token is None or token.deleted:
            raise unprocessable("TOKEN_ID_NOT_FOUND", f"/payment_source/{kind}/vault_id")
        if token.kind != kind:
            raise unprocessable("MISMATCHED_VAULT_ID_TO_PAYMENT_SOURCE", f"/payment_source/{kind}/vault_id")
        return token

    def decline_next(self, token: PaymentToken, code: str | None) -> None:
        token.decline = code
        self.tokens.changed(token)

    def delete(self, account: Account, token_id: str) -> None:
        """One that is gone already stays gone."""
        token = self.tokens.owned(account, token_id)
        if token is None:
            raise no_such_resource("id", "payment-tokens.delete")
        if token.deleted:
            return
        token.deleted = True
        self.tokens.changed(token)
        self._record("payment_method.detached", token, token.id)
        self._tell("VAULT.PAYMENT-TOKEN.DELETED", token)

    def _now(self, account: str) -> float:
        return self._world.clocks.of(account).now()

    def _tell(self, event: str, token: PaymentToken) -> None:
        resource = shapes.event(token)
        self._webhooks.emit(Event(event, token.account, token.base, token.id, "payment_token", resource, "3.0"))

    def _record(self, kind: str, token: PaymentToken, reference: str | None) -> None:
        self._world.ledger.record(
            provider=NAME,
            account=token.account,
            kind=kind,
            reference=reference,
            object_id=token.id,
            amount=0,
            currency="",
            at=self._now(token.account),
        )


def wallet(email: str, payer_id: str) -> dict[str, Any]:
    """What PayPal shows of a payer's wallet."""
    return {
        "email_address": email,
        "account_id": payer_id,
        "payer_id": payer_id,
        "name": {"given_name": "Test", "surname": "Buyer"},
    }
