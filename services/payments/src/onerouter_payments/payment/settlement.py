"""From a change of the aggregate to what the heart stores, answers and publishes. Pure."""

from collections.abc import Mapping, Sequence
from typing import Final

from pydantic import JsonValue

from onerouter_common.errors import OneRouterError, ProviderError, ProviderThrottled, ProviderUnavailable
from onerouter_common.worker.handler import CommandDraft, EventDraft, Settled
from onerouter_payments.cost import NO_PRICES, Prices
from onerouter_payments.marketplace.split import transfers_after
from onerouter_payments.payment.aggregate import Change, Happened, PaymentAggregate
from onerouter_payments.payment.state import Payment
from onerouter_payments.payment.views import payment_view
from onerouter_payments.refund.state import Refund
from onerouter_payments.refund.views import refund_view
from onerouter_payments.resource.change import view
from onerouter_payments.resource.state import Resource


class Views:
    """Makes public views; holds what an operator configured about them."""

    def __init__(self, checkout_urls: Mapping[str, str], prices: Prices = NO_PRICES) -> None:
        self._checkout_urls = checkout_urls
        self.prices: Final = prices

    def of(self, resource: Payment | Refund | Resource) -> dict[str, JsonValue]:
        if isinstance(resource, Payment):
            return payment_view(resource, self._checkout_urls, self.prices)
        return refund_view(resource) if isinstance(resource, Refund) else view(resource)

    def drafts(self, happened: Sequence[Happened]) -> tuple[EventDraft, ...]:
        """The events; each carries the resource as it was at its version, which is also its place in the sequence."""
        return tuple(
            EventDraft(item.type, item.kind, item.resource.id, item.resource.version, self.of(item.resource))
            for item in happened
        )


def settled(
    before: PaymentAggregate,
    change: Change,
    views: Views,
    *,
    shown: Payment | Refund | None = None,
    status: int = 200,
    commands: tuple[CommandDraft, ...] = (),
) -> Settled[PaymentAggregate]:
    """`shown` is the answer's body; nothing is stored when nothing changed."""
    return Settled(
        resource=None if change.aggregate == before else change.aggregate,
        view=None if shown is None else views.of(shown),
        status=status,
        events=views.drafts(change.happened),
        commands=commands + transfers_after(before.payment, change.aggregate.payment),
    )


def failure_of(error: OneRouterError) -> tuple[str, str]:
    """What a failed resource says about why: our normalized code and a sentence."""
    if isinstance(error, ProviderThrottled):
        return "rate_limited", error.detail
    if isinstance(error, ProviderUnavailable):
        return "provider_unavailable", error.detail
    if isinstance(error, ProviderError):
        return error.reason, error.detail
    return error.error_code.lower(), error.detail
