"""Finding again what an unanswered call of ours may have made: the last hours by list, everything older by search.

Search knows an object within a minute or so, in bad times within an hour, so what it does not find may only be too young;
lists show everything at once, but a day of a busy account is too long to walk. India's accounts have no search: lists
alone then, and one that does not end leaves the question open.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import structlog

from onerouter_common.errors import ProviderDeclined, ProviderRefusedUs
from onerouter_providers.capability import PaymentRequest
from onerouter_providers.payments.stripe import mapping
from onerouter_providers.payments.stripe.requests import META_PAYMENT
from onerouter_providers.payments.stripe.wire import Wire, items_of

log = structlog.get_logger()

INTENTS: Final = "/v1/payment_intents"
SESSIONS: Final = "/v1/checkout/sessions"
REFUNDS: Final = "/v1/refunds"
_SEARCH_LAGS_S: Final = 2 * 3_600
_SESSION_LIVES_S: Final = 25 * 3_600
"""A day and some: an older session is over, and if somebody paid in it there is an intent."""

Found = Mapping[str, Any] | None


class Finder:
    """Each method gives the object as a list shows it (ids, nothing expanded), or None when there surely is none."""

    def __init__(self, wire: Wire, now: Callable[[], float] = time.time) -> None:
        self._wire = wire
        self._now = now

    async def session(self, request: PaymentRequest, deadline: float) -> Found:
        return await self._listed(SESSIONS, request, deadline, self._now() - _SESSION_LIVES_S)

    async def intent(self, request: PaymentRequest, deadline: float) -> Found:
        found = await self._listed(INTENTS, request, deadline, self._now() - _SEARCH_LAGS_S)
        if found is not None:
            return found
        try:
            return await self._searched(request, deadline)
        except (ProviderRefusedUs, ProviderDeclined) as refused:
            if refused.reason == "authentication_failed":
                raise
            log.info("stripe.search_refused", reason=refused.reason)
        return await self._listed(INTENTS, request, deadline, None)

    async def refund(self, intent_id: str, refund_id: str, deadline: float) -> Found:
        query = {"payment_intent": intent_id}
        async for page in self._wire.pages("refund.find", REFUNDS, query, deadline):
            found = mapping.find_refund(page, refund_id)
            if found is not None:
                return found
        return None

    async def _listed(self, path: str, request: PaymentRequest, deadline: float, since: float | None) -> Found:
        query = {} if since is None else {"created[gte]": str(int(since))}
        async for page in self._wire.pages("payment.find", path, query, deadline):
            found = _chosen(page, request)
            if found is not None:
                return found
        return None

    async def _searched(self, request: PaymentRequest, deadline: float) -> Found:
        query = {"query": f"metadata['{META_PAYMENT}']:'{request.payment_id}'", "limit": "10"}
        answer = await self._wire.get("payment.find", f"{INTENTS}/search", deadline, query)
        return _chosen(items_of(answer, "payment.find"), request)


def _chosen(things: Sequence[Mapping[str, Any]], request: PaymentRequest) -> Found:
    """Of several (a key that Stripe had forgotten) the one that got furthest; the newest of equals."""
    fitting = [thing for thing in things if mapping.fits(thing, request)]
    return max(fitting, key=lambda thing: (_took_money(thing), not _is_over(thing)), default=None)


def _took_money(thing: Mapping[str, Any]) -> bool:
    return thing.get("status") in ("succeeded", "requires_capture", "processing", "complete")


def _is_over(thing: Mapping[str, Any]) -> bool:
    return thing.get("status") in ("canceled", "expired")
