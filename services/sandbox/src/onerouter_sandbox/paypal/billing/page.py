"""PayPal's page on which a payer agrees to a subscription, or to a change of it."""

from fastapi import HTTPException

from onerouter_sandbox.paypal.billing import cycles
from onerouter_sandbox.paypal.billing.state import Books, Revision, Subscription
from onerouter_sandbox.paypal.billing.subscriptions import Subscriptions
from onerouter_sandbox.paypal.errors import NotPossible
from onerouter_sandbox.paypal.hosted import Decided, Question, back_to
from onerouter_sandbox.paypal.money import Money
from onerouter_sandbox.paypal.state import State


class ConsentPage:
    def __init__(self, state: State, books: Books, subscriptions: Subscriptions) -> None:
        self._state = state
        self._books = books
        self._subscriptions = subscriptions

    def ask(self, token: str) -> Question:
        subscription = self._find(token)
        account = self._state.accounts.get(subscription.account)
        if account is None:
            raise HTTPException(404, "There is no such agreement.")
        revision = _waiting(subscription, token)
        terms, quantity = subscription.terms, subscription.quantity
        if revision is not None:
            terms, quantity = revision.terms, revision.quantity
        cycle = terms.cycles[-1]
        price = Money(cycles.charge(cycle, quantity or 1, terms.tax_on_top), terms.currency)
        open_ = revision is not None or subscription.status == "APPROVAL_PENDING"
        actions = [("approve", "Agree & Continue"), ("decline", "Agree, then be declined once"), ("cancel", "Cancel")]
        return Question(
            merchant=subscription.context.get("brand_name") or account.merchant_name,
            headline=f"{price.currency} {price.value} / {cycle.count} {cycle.unit.lower()}",
            line=f"Subscription {subscription.id}" + (" · change" if revision is not None else ""),
            state=f"This subscription is {subscription.status.lower()}",
            actions=tuple(actions) if open_ else (),
        )

    def decide(self, token: str, action: str) -> Decided:
        subscription = self._find(token)
        revision = _waiting(subscription, token)
        if revision is None and subscription.status != "APPROVAL_PENDING":
            raise NotPossible(f"The subscription is {subscription.status}.")
        context = subscription.context if revision is None else revision.context
        handed = {"subscription_id": subscription.id, "ba_token": token}
        if action == "cancel":
            back = back_to(context.get("cancel_url"), **handed)
            return Decided(False, "Not approved", "You can still approve it later.", back)
        self._subscriptions.approve(subscription, failing=1 if action == "decline" else 0)
        back = back_to(context.get("return_url"), **handed)
        return Decided(True, "Approved", "You will be charged automatically from now on.", back)

    def _find(self, token: str) -> Subscription:
        """By the token of the agreement, or of a change that waits."""
        for subscription in self._books.subscriptions:
            if token == subscription.token or _waiting(subscription, token) is not None:
                return subscription
        raise HTTPException(404, "There is no such agreement.")


def _waiting(subscription: Subscription, token: str) -> Revision | None:
    """The change that this token is for."""
    revision = subscription.revision
    return revision if revision is not None and revision.token == token else None
