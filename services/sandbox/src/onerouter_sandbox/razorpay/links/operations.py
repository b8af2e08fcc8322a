"""What becomes of payment links: made, paid in one or more parts, cancelled, expired."""

from onerouter_sandbox.ids import random_id
from onerouter_sandbox.razorpay import shapes
from onerouter_sandbox.razorpay.account import Account
from onerouter_sandbox.razorpay.books import Books
from onerouter_sandbox.razorpay.callbacks import Webhooks
from onerouter_sandbox.razorpay.errors import refused
from onerouter_sandbox.razorpay.links.model import Link
from onerouter_sandbox.razorpay.links.requests import LATEST_S, LinkChange, LinkRequest
from onerouter_sandbox.razorpay.payments import CONTACT, EMAIL, Method, Outcome, Payer, Payments
from onerouter_sandbox.razorpay.route.transfers import Transfers
from onerouter_sandbox.razorpay.shelf import Shelf
from onerouter_sandbox.razorpay.state import Order, Payment, State
from onerouter_sandbox.world import World


class Links:
    def __init__(
        self, state: State, world: World, payments: Payments, transfers: Transfers, webhooks: Webhooks
    ) -> None:
        self._state = state
        self._world = world
        self._books = Books(world)
        self._payments = payments
        self._transfers = transfers
        self._webhooks = webhooks
        self.links = Shelf(world.journal, "payment_link", Link)
        self._by_reference = {(link.account, link.reference_id): link.id for link in self.links if link.reference_id}
        payments.watch(self._captured)

    def now(self, key_id: str) -> float:
        return self._world.clocks.of(key_id).now()

    def create(self, account: Account, request: LinkRequest, pages: str) -> Link:
        """`pages` is the address under which people open links."""
        self._claim(account, request.reference_id)
        self._transfers.prepare(account, request.amount, request.currency, request.transfers)  # refused now, not later
        now, link_id = int(self.now(account.key_id)), random_id("plink_")
        link = Link(
            id=link_id,
            account=account.key_id,
            amount=request.amount,
            currency=request.currency,
            reference_id=request.reference_id,
            description=request.description,
            customer=request.customer,
            notes=request.notes,
            notify=request.notify,
            reminder_enable=request.reminder_enable,
            accept_partial=request.accept_partial,
            first_min_partial_amount=request.first_min_partial_amount,
            callback_url=request.callback_url,
            short_url=f"{pages}/{link_id}",
            expire_by=request.expire_by,
            ends_at=request.expire_by or now + LATEST_S,
            created_at=now,
            updated_at=now,
            transfers=request.transfers,
        )
        self.links.add(link)
        self._keep_reference(link)
        self._record(link, "payment_link.created", link.amount)
        self._expire_later(link)
        return link

    def find(self, account: Account, reference_id: str) -> list[str]:
        """At most one, as references are unique."""
        link_id = self._by_reference.get((account.key_id, reference_id))
        return [] if link_id is None else [link_id]

    def update(self, account: Account, link: Link, change: LinkChange) -> Link:
        if not link.open:
            raise refused("update can only be made in created or partially paid state")
        if change.reference_id is not None and change.reference_id != link.reference_id:
            self._claim(account, change.reference_id)
            self._by_reference.pop((link.account, link.reference_id), None)
            link.reference_id = change.reference_id
            self._keep_reference(link)
        if change.expire_by is not None:
            link.expire_by = link.ends_at = change.expire_by
            self._expire_later(link)
        link.notes = link.notes if change.notes is None else change.notes
        link.accept_partial = link.accept_partial if change.accept_partial is None else change.accept_partial
        link.reminder_enable = link.reminder_enable if change.reminder_enable is None else change.reminder_enable
        self._changed(link)
        return link

    def cancel(self, link: Link) -> Link:
        if link.status in ("paid", "partially_paid"):
            raise refused("cannot cancel or expire an already paid/partially paid link")
        if link.status != "created":
            raise refused("cannot cancel or expire an expired link")
        link.status, link.cancelled_at = "cancelled", int(self.now(link.account))
        self._changed(link)
        self._record(link, "payment_link.canceled", 0)
        self._tell("payment_link.cancelled", link)
        return link

    def pay(
        self, link: Link, *, method: Method, outcome: Outcome, reason: str = "payment_failed", amount: int | None = None
    ) -> Payment:
        """One try of whoever has the link; `amount` is a part of it where it takes parts."""
        if not link.open:
            raise refused(f"The payment link is {link.status}.")
        first = link.amount_paid == 0 and amount is not None
        if first and amount is not None and amount < link.first_min_partial_amount:
            raise refused("The amount is less than the minimum of the first payment.", field="amount")
        payer = Payer(
            email=link.customer.get("email", EMAIL),
            contact=link.customer.get("contact", CONTACT),
            description=link.description or f"#{link.id.removeprefix('plink_')}",
        )
        return self._payments.pay(
            self._order(link), method=method, outcome=outcome, reason=reason, amount=amount, payer=payer
        )

    def payments_of(self, link: Link) -> list[Payment]:
        """The captured ones."""
        if link.order_id is None:
            return []
        tried = (self._state.payments[each] for each in self._state.orders[link.order_id].payments)
        return [payment for payment in tried if payment.captured]

    def resume(self) -> None:
        for link in self.links:
            if link.status == "created":
                self._expire_later(link)

    def _order(self, link: Link) -> Order:
        """The order behind the link, made when somebody first wants to pay."""
        if link.order_id is not None:
            order = self._state.orders[link.order_id]
            order.partial = link.accept_partial
            return order
        order = Order(
            id=random_id("order_"),
            account=link.account,
            amount=link.amount,
            currency=link.currency,
            receipt=link.reference_id or None,
            notes=link.notes,
            auto_capture=True,
            created_at=int(self.now(link.account)),
            product=link.id,
            partial=link.accept_partial,
        )
        self._state.add_order(order)
        account = self._state.accounts[link.account]
        self._transfers.attach(order, self._transfers.prepare(account, link.amount, link.currency, link.transfers))
        link.order_id = order.id
        self.links.changed(link)
        return order

    def _captured(self, order: Order, payment: Payment) -> None:
        link = self.links.get(order.product or "")
        if link is None:
            return
        link.amount_paid = order.amount_paid
        link.status = "paid" if order.status == "paid" else "partially_paid"
        self._changed(link)
        self._tell(f"payment_link.{link.status}", link, order, payment)

    def _expire(self, link: Link) -> None:
        if link.status != "created" or self.now(link.account) < link.ends_at:
            return  # paid or cancelled meanwhile, or given more time
        link.status, link.expired_at = "expired", int(self.now(link.account))
        self._changed(link)
        self._tell("payment_link.expired", link)

    def _expire_later(self, link: Link) -> None:
        self._world.timers.at(link.ends_at, lambda: self._expire(link), account=link.account)

    def _claim(self, account: Account, reference_id: str) -> None:
        if reference_id and (account.key_id, reference_id) in self._by_reference:
            raise refused("payment link creation with reference ID already attempted", field="reference_id")

    def _keep_reference(self, link: Link) -> None:
        if link.reference_id:
            self._by_reference[link.account, link.reference_id] = link.id

    def _changed(self, link: Link) -> None:
        link.updated_at = int(self.now(link.account))
        self.links.changed(link)

    def _record(self, link: Link, kind: str, amount: int) -> None:
        reference = link.reference_id or None
        self._books.record(link.account, kind, reference, link.id, amount=amount, currency=link.currency)

    def _tell(self, event: str, link: Link, order: Order | None = None, payment: Payment | None = None) -> None:
        entities = {"payment_link": link.entity()}
        if order is not None and payment is not None:
            entities |= {"order": shapes.order(order), "payment": shapes.payment(payment)}
        self._webhooks.emit(event, link.account, link.id, entities)
