"""Payment links, good for one payment each.

A link of Stripe's has no paid state: each visit is a Checkout Session, of which one may be completed. It has no end either.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

from onerouter_common.errors import CapabilityUnsupported, Conflict, ProviderDeclined, ProviderRefusedUs
from onerouter_providers.payments.stripe import mapping
from onerouter_providers.payments.stripe.amounts import money_of, to_wire
from onerouter_providers.payments.stripe.finding import SESSIONS
from onerouter_providers.payments.stripe.form import Value
from onerouter_providers.payments.stripe.metadata import META_ID, metadata
from onerouter_providers.payments.stripe.part import Part
from onerouter_providers.payments.stripe.things import flag, id_of, number, part, text, without_nothing
from onerouter_providers.payments.stripe.wire import items_of, segment
from onerouter_providers.resources import (
    PaymentLinkRequest,
    PaymentLinkStatus,
    ResourceReference,
    ResourceSnapshot,
)

LINKS: Final = "/v1/payment_links"
META_EMAIL: Final = "customer_email"
_DESCRIPTION_CHARS: Final = 250
Thing = Mapping[str, Any]


class Links(Part):
    """`OffersPaymentLinks`."""

    async def create_payment_link(self, request: PaymentLinkRequest, *, key: str) -> ResourceSnapshot:
        params, deadline = link_params(request), self._wire.deadline()

        async def look() -> Thing | None:
            return await self._find_link(request, deadline)

        made = await self._make("payment_link.create", LINKS, params, deadline, key=key, look=look)
        return await self._with_visits("payment_link.create", made, deadline)

    async def find_payment_link(self, request: PaymentLinkRequest) -> ResourceSnapshot | None:
        deadline = self._wire.deadline()
        found = await self._find_link(request, deadline)
        return None if found is None else await self._with_visits("payment_link.find", found, deadline)

    async def get_payment_link(self, reference: ResourceReference) -> ResourceSnapshot:
        deadline = self._wire.deadline()
        path = f"{LINKS}/{segment(reference.provider_id)}"
        link = await self._wire.get("payment_link.get", path, deadline)
        return link_snapshot(link, await self._visits("payment_link.get", link, deadline))

    async def cancel_payment_link(self, reference: ResourceReference, *, key: str) -> ResourceSnapshot:
        """Nobody can pay any more: visitors who are on the page are sent away first.

        Raises Conflict when somebody has paid, or pays just now.
        """
        deadline = self._wire.deadline()
        path = f"{LINKS}/{segment(reference.provider_id)}"

        async def look() -> Thing | None:
            current = await self._wire.get("payment_link.cancel", path, deadline)
            return current if flag(current, "active") is False else None

        link = await self._wire.get("payment_link.cancel", path, deadline)
        if _was_used(link):
            raise Conflict("The payment link was paid.")
        if flag(link, "active") is not False:
            link = await self._change("payment_link.cancel", path, {"active": False}, deadline, key=key, look=look)
        visits = await self._visits("payment_link.cancel", link, deadline)
        for visit in visits:
            if visit.get("status") == "open":
                await self._send_away(visit, deadline, key=f"{key}-visit")
        shown = link_snapshot(link, await self._visits("payment_link.cancel", link, deadline) if visits else ())
        if shown.status != "canceled":
            raise Conflict("The payment link was paid.")
        return shown

    async def _with_visits(self, capability: str, link: Thing, deadline: float) -> ResourceSnapshot:
        """What an earlier try made may have been visited; what is new was not."""
        known_as_new = flag(link, "active") is not False and not _was_used(link)
        return link_snapshot(link, () if known_as_new else await self._visits(capability, link, deadline))

    async def _visits(self, capability: str, link: Thing, deadline: float) -> Sequence[Thing]:
        """The newest sessions of the link; one that was completed ends the link, so it is among them."""
        query = {"payment_link": str(link.get("id")), "limit": "100", "expand[0]": "data.payment_intent"}
        return items_of(await self._wire.get(capability, SESSIONS, deadline, query), capability)

    async def _send_away(self, visit: Thing, deadline: float, *, key: str) -> None:
        """End one visit. A visitor who pays meanwhile is seen afterwards."""
        visit_id = str(visit.get("id"))
        path = f"{SESSIONS}/{segment(visit_id)}/expire"
        try:
            await self._wire.post("payment_link.cancel", path, {}, deadline, key=f"{key}-{visit_id[-40:]}")
        except (ProviderDeclined, ProviderRefusedUs):
            return  # over already, in one way or the other

    async def _find_link(self, request: PaymentLinkRequest, deadline: float) -> Thing | None:
        return await self._finder.walked("payment_link.find", LINKS, request.link_id, deadline, {})


def link_params(request: PaymentLinkRequest) -> dict[str, Value]:
    """The body of `POST /v1/payment_links`: one item, the whole amount, one payment."""
    if request.expires_at is not None:
        raise CapabilityUnsupported("Stripe's payment links do not expire: cancel the link, or use Razorpay.")
    if request.notify:
        raise CapabilityUnsupported("Stripe does not send payment links: send its short_url to the customer yourself.")
    ours = {META_ID: request.link_id}
    price: dict[str, Value] = {
        "currency": request.amount.currency.lower(),
        "unit_amount": to_wire(request.amount),
        "product_data": {"name": (request.description or "")[:_DESCRIPTION_CHARS].strip() or request.link_id},
    }
    params: dict[str, Value] = {
        "line_items": ({"quantity": 1, "price_data": price},),
        "restrictions": {"completed_sessions": {"limit": 1}},
        "metadata": metadata(ours, request.notes, {META_EMAIL: request.customer.get("email")}),
        "payment_intent_data": {"metadata": dict(ours)},
    }
    if request.callback_url:
        params["after_completion"] = {"type": "redirect", "redirect": {"url": request.callback_url}}
    return params


def link_snapshot(link: Thing, visits: Sequence[Thing] = ()) -> ResourceSnapshot:
    visit = next((one for one in visits if one.get("status") == "complete"), None)
    facts: dict[str, Any] = {"short_url": _address(link)}
    if visit is not None:
        facts |= visit_facts(visit)
    return ResourceSnapshot(_status(link, visit), text(link, "id") or "", facts=without_nothing(facts))


def visit_facts(session: Thing) -> dict[str, Any]:
    """What a completed visit says of its link."""
    paid = money_of(session, "amount_total") if session.get("payment_status") == "paid" else None
    return {
        "provider_order_id": text(session, "id"),
        "provider_payment_id": id_of(session, "payment_intent"),
        "amount_paid_minor": paid.amount_minor if paid else None,
    }


def _status(link: Thing, visit: Thing | None) -> PaymentLinkStatus:
    if visit is not None and visit.get("payment_status") == "paid":
        return "paid"
    if visit is not None:
        # A bank debit that is still on its way, or came back: then the link is used up, and nobody can pay any more.
        return "canceled" if mapping.intent_status(part(visit, "payment_intent")) == "failed" else "created"
    if flag(link, "active") is False and not _was_used(link):
        return "canceled"
    return "created"


def _was_used(link: Thing) -> bool:
    """Whether a visit was completed: Stripe counts those that use the link up."""
    return bool(number(part(part(link, "restrictions"), "completed_sessions"), "count"))


def _address(link: Thing) -> str | None:
    url, email = text(link, "url"), text(part(link, "metadata"), META_EMAIL)
    if url is None or not email:
        return url
    return f"{url}{'&' if '?' in url else '?'}prefilled_email={quote(email, safe='')}"
