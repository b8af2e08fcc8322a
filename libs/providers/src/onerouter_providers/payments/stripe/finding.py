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
from onerouter_providers.payments.stripe.metadata import META_ID, META_PAYMENT
from onerouter_providers.payments.stripe.things import part, text
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
        query = f"metadata['{META_PAYMENT}']:'{request.payment_id}'"
        searched = await self._searched("payment.find", INTENTS, query, deadline)
        if searched is not None:
            return _chosen(searched, request)
        return await self._listed(INTENTS, request, deadline, None)

    async def named(
        self, capability: str, path: str, ours: str, deadline: float, query: Mapping[str, str], *, searchable: bool
    ) -> Found:
        """What carries our id, of a kind that is listed by the time it was made; `query` narrows the list."""
        if not searchable:
            return await self.walked(capability, path, ours, deadline, query)
        since = str(int(self._now() - _SEARCH_LAGS_S))
        found = await self.walked(capability, path, ours, deadline, {**query, "created[gte]": since})
        if found is not None:
            return found
        searched = await self._searched(capability, path, f"metadata['{META_ID}']:'{ours}'", deadline)
        if searched is not None:
            return _carrying(searched, ours)
        return await self.walked(capability, path, ours, deadline, query)

    async def walked(self, capability: str, path: str, ours: str, deadline: float, query: Mapping[str, str]) -> Found:
        """The same by the whole list, for what cannot be searched."""
        async for page in self._wire.pages(capability, path, query, deadline):
            found = _carrying(page, ours)
            if found is not None:
                return found
        return None

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

    async def _searched(
        self, capability: str, path: str, query: str, deadline: float
    ) -> Sequence[Mapping[str, Any]] | None:
        """None where the account has no search."""
        try:
            answer = await self._wire.get(capability, f"{path}/search", deadline, {"query": query, "limit": "10"})
        except (ProviderRefusedUs, ProviderDeclined) as refused:
            if refused.reason == "authentication_failed":
                raise
            log.info("stripe.search_refused", reason=refused.reason)
            return None
        return items_of(answer, capability)


def _carrying(things: Sequence[Mapping[str, Any]], ours: str) -> Found:
    return next((one for one in things if text(part(one, "metadata"), META_ID) == ours), None)


def _chosen(things: Sequence[Mapping[str, Any]], request: PaymentRequest) -> Found:
    """Of several (a key that Stripe had forgotten) the one that got furthest; the newest of equals."""
    fitting = [thing for thing in things if mapping.fits(thing, request)]
    return max(fitting, key=lambda thing: (_took_money(thing), not _is_over(thing)), default=None)


def _took_money(thing: Mapping[str, Any]) -> bool:
    return thing.get("status") in ("succeeded", "requires_capture", "processing", "complete")


def _is_over(thing: Mapping[str, Any]) -> bool:
    return thing.get("status") in ("canceled", "expired")
