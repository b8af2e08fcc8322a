"""Orders: made by the merchant's server, approved by the payer, captured or authorized by the merchant's server."""

from dataclasses import dataclass
from typing import Any, Final

from onerouter_sandbox.paypal.account import Account
from onerouter_sandbox.paypal.callbacks import Webhooks
from onerouter_sandbox.paypal.errors import NotPossible, no_such_resource, unprocessable
from onerouter_sandbox.paypal.ids import merchant_id, object_id
from onerouter_sandbox.paypal.money import Money
from onerouter_sandbox.paypal.partners.vendors import Vendors
from onerouter_sandbox.paypal.payments import Payments
from onerouter_sandbox.paypal.shapes import approval_url
from onerouter_sandbox.paypal.state import NAME, Order, Payment, State, find_owned
from onerouter_sandbox.paypal.vault.tokens import Tokens, wallet
from onerouter_sandbox.world import World

INSTRUMENT_DECLINED: Final = "INSTRUMENT_DECLINED"
_OPEN: Final = ("CREATED", "SAVED", "PAYER_ACTION_REQUIRED")


@dataclass(frozen=True, slots=True)
class OrderRequest:
    intent: str
    amount: Money
    unit: dict[str, Any]
    context: dict[str, Any]
    has_source: bool
    email: str | None
    kind: str = "paypal"
    vault_id: str | None = None
    store: dict[str, str] | None = None
    payee: str | None = None
    platform_fee: int = 0
    instruction: dict[str, Any] | None = None


class Orders:
    def __init__(
        self,
        state: State,
        world: World,
        webhooks: Webhooks,
        payments: Payments,
        tokens: Tokens,
        vendors: Vendors,
    ) -> None:
        self._state = state
        self._world = world
        self._webhooks = webhooks
        self._payments = payments
        self._tokens = tokens
        self._vendors = vendors

    def create(self, account: Account, request: OrderRequest, base: str) -> Order:
        if request.payee is not None:
            self._vendors.require_payee(account, request.payee)
        now = self._world.clocks.of(account.client_id).now()
        order = Order(
            id=object_id(),
            account=account.client_id,
            base=base,
            intent=request.intent,
            amount=request.amount.minor,
            currency=request.amount.currency,
            unit=request.unit,
            context=request.context,
            created_at=now,
            updated_at=now,
            has_source=request.has_source,
            status="PAYER_ACTION_REQUIRED" if request.has_source else "CREATED",
            payer_email=request.email or "buyer@example.com",
            store=request.store,
            payee=request.payee,
            platform_fee=request.platform_fee,
            instruction=request.instruction,
        )
        self._state.add_order(order)
        self._world.ledger.record(
            provider=NAME,
            account=account.client_id,
            kind="order.created",
            reference=order.unit.get("custom_id"),
            object_id=order.id,
            amount=order.amount,
            currency=order.currency,
            at=now,
        )
        return order

    def charge_saved(self, account: Account, request: OrderRequest, vault_id: str, base: str) -> Order:
        """Make an order and take its money in one step, from a method that was saved."""
        token = self._tokens.chargeable(account, vault_id, request.kind)
        self._payments.require_fresh_invoice(account.client_id, request.unit.get("invoice_id"), "orders.capture")
        if token.decline == INSTRUMENT_DECLINED:
            self._tokens.decline_next(token, None)
            raise unprocessable(INSTRUMENT_DECLINED, None, "orders.create")
        order = self.create(account, request, base)
        order.status, order.source = "APPROVED", request.kind
        order.payer_id = token.shown.get("account_id") or merchant_id()
        order.payer_email = token.shown.get("email_address", order.payer_email)
        order.vault_id, order.vault_customer = token.id, token.customer
        order.decline = token.decline
        self._tokens.decline_next(token, None)
        if order.intent == "CAPTURE":
            self.capture(order)
        else:
            self.authorize(order)
        return order

    def get(self, account: Account, order_id: str) -> Order:
        order = find_owned(self._state.orders, order_id, account)
        if order is None:
            raise no_such_resource("order_id")
        return order

    def approve(
        self, order: Order, *, source: str = "paypal", decline: str | None = None, pending: str | None = None
    ) -> None:
        """The payer says yes on PayPal's page. `decline` (a processor's code, or INSTRUMENT_DECLINED) and `pending` (a
        reason) are what the merchant's call will then meet."""
        if order.status not in _OPEN:
            raise NotPossible(f"The order is {order.status}.")
        order.status = "APPROVED"
        order.source = source
        order.payer_id = order.payer_id or merchant_id()
        order.decline, order.pending = decline, pending
        self._changed(order)
        self._webhooks.approved(order)

    def reverse_approval(self, order: Order) -> None:
        """Nobody captured in time."""
        if order.status != "APPROVED":
            raise NotPossible(f"The order is {order.status}.")
        order.status = "VOIDED"
        self._changed(order)
        self._webhooks.approval_reversed(order)

    def capture(self, order: Order) -> Payment:
        self._require(order, "CAPTURE")
        self._payments.require_fresh_invoice(order.account, order.unit.get("invoice_id"), "orders.capture")
        capture = self._payments.capture_order(order)
        if capture.status == "COMPLETED":
            self._keep_method(order)
        self._complete(order)
        return capture

    def authorize(self, order: Order) -> Payment:
        self._require(order, "AUTHORIZE")
        authorization = self._payments.authorize_order(order)
        self._complete(order)
        return authorization

    def _require(self, order: Order, intent: str) -> None:
        """Raises what keeps an order from being captured or authorized."""
        operation = f"orders.{intent.lower()}"
        if order.intent != intent:
            raise unprocessable("ACTION_DOES_NOT_MATCH_INTENT", None, operation)
        if order.status == "COMPLETED":
            done = "ORDER_ALREADY_CAPTURED" if intent == "CAPTURE" else "ORDER_ALREADY_AUTHORIZED"
            raise unprocessable(done, None, operation)
        if order.status != "APPROVED":
            raise unprocessable("ORDER_NOT_APPROVED", None, operation)
        if order.decline == INSTRUMENT_DECLINED:
            # The payer may choose another instrument and approve again.
            order.status, order.decline = "PAYER_ACTION_REQUIRED", None
            self._changed(order)
            raise unprocessable(INSTRUMENT_DECLINED, None, operation, redirect=approval_url(order))

    def _keep_method(self, order: Order) -> None:
        if order.store is None or order.source != "paypal":
            return
        shown = wallet(order.payer_email, order.payer_id)
        reference = order.unit.get("custom_id") or order.id
        token = self._tokens.keep(
            order.account, order.base, order.store.get("customer"), "paypal", shown, reference, order.id
        )
        order.vault_id, order.vault_customer = token.id, token.customer

    def _complete(self, order: Order) -> None:
        order.status = "COMPLETED"
        self._changed(order)

    def _changed(self, order: Order) -> None:
        order.updated_at = self._world.clocks.of(order.account).now()
        self._state.changed(order)
