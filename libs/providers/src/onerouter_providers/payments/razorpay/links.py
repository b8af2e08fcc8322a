"""Payment links. Their reference is our id, and Razorpay takes each reference once: the strongest guard it has."""

from collections.abc import Mapping
from typing import Any, Final

from onerouter_common.errors import (
    InvalidRequest,
    ProviderDeclined,
    ProviderRefusedUs,
    ProviderThrottled,
    ProviderUnavailable,
)
from onerouter_providers.payments.razorpay import fields, mapping
from onerouter_providers.payments.razorpay.fields import Thing
from onerouter_providers.payments.razorpay.part import Part
from onerouter_providers.payments.razorpay.recurring import UNCHANGED
from onerouter_providers.payments.razorpay.wire import in_doubt, segment, strange
from onerouter_providers.resources import (
    PaymentLinkRequest,
    PaymentLinkStatus,
    ResourceReference,
    ResourceSnapshot,
)

LINKS: Final = "/v1/payment_links"
_NOTES_CHARS: Final = 255
_SOONEST_S: Final = 15 * 60
_LATEST_S: Final = 180 * 86_400
_DESCRIPTION_CHARS: Final = 2_048

LINK_STATUS: Final[Mapping[str, PaymentLinkStatus]] = {
    "created": "created",
    "partially_paid": "partially_paid",
    "paid": "paid",
    "cancelled": "canceled",
    "expired": "expired",
}


class PaymentLinks(Part):
    async def create_payment_link(self, request: PaymentLinkRequest, *, key: str) -> ResourceSnapshot:  # noqa: ARG002
        body = link_body(request, now_s=self._now())
        deadline = self._wire.deadline()
        try:
            link = await self._wire.post("payment_link.create", LINKS, body, deadline)
        except ProviderRefusedUs as refused:
            if refused.reason != "duplicate":
                raise
            # The reference is taken: by an earlier try of ours, if that link is what we ask for.
            try:
                link = await self._find_link(request, deadline) or {}
            except (ProviderThrottled, ProviderUnavailable) as error:
                raise in_doubt(error, "Razorpay has made this link before and cannot be asked for it now.") from error
            if not link:
                raise
        if not link.get("id") or fields.money(link) != request.amount:
            raise strange("payment_link.create", "a link that is not the one asked for", effect=True)
        return link_snapshot(link)

    async def find_payment_link(self, request: PaymentLinkRequest) -> ResourceSnapshot | None:
        found = await self._find_link(request, self._wire.deadline())
        return None if found is None else link_snapshot(found)

    async def get_payment_link(self, reference: ResourceReference) -> ResourceSnapshot:
        return await self._get("payment_link.get", reference, self._wire.deadline())

    async def cancel_payment_link(self, reference: ResourceReference, *, key: str) -> ResourceSnapshot:  # noqa: ARG002
        """Canceled already: that is the answer. Raises ProviderDeclined for a link that was paid or has expired."""
        deadline = self._wire.deadline()
        path = f"{LINKS}/{segment(reference.provider_id, 'link')}/cancel"
        try:
            return link_snapshot(await self._wire.post("payment_link.cancel", path, {}, deadline))
        except (ProviderDeclined, ProviderRefusedUs):
            try:
                shown = await self._get("payment_link.cancel", reference, deadline)
            except (ProviderThrottled, ProviderUnavailable) as error:
                raise in_doubt(error, "Razorpay refused, perhaps as it is canceled, and cannot be asked.") from error
            if shown.status != "canceled":
                raise
            return shown

    async def _find_link(self, request: PaymentLinkRequest, deadline: float) -> Thing | None:
        params = {"reference_id": request.link_id}
        links = await self._wire.page("payment_link.find", LINKS, params, deadline, of="payment_links")
        # Ours also by its reference: a filter that a provider ignores gives everybody's.
        return next((link for link in links if link.get("reference_id") == request.link_id), None)

    async def _get(self, capability: str, reference: ResourceReference, deadline: float) -> ResourceSnapshot:
        path = f"{LINKS}/{segment(reference.provider_id, 'link')}"
        return link_snapshot(await self._wire.get(capability, path, deadline))


def link_body(request: PaymentLinkRequest, *, now_s: float) -> dict[str, Any]:
    """The body of `POST /v1/payment_links`."""
    mapping.check_amount(request.amount)
    fields.check_length("description", request.description, least=0, most=_DESCRIPTION_CHARS)
    customer = fields.known(
        name=request.customer.get("name"), email=request.customer.get("email"), contact=request.customer.get("phone")
    )
    body: dict[str, Any] = {
        "amount": request.amount.amount_minor,
        "currency": request.amount.currency,
        "accept_partial": False,
        "reference_id": request.link_id,
        "description": request.description or "",
        "customer": customer,
        "notify": {
            "sms": request.notify and "contact" in customer,
            "email": request.notify and "email" in customer,
        },
        "reminder_enable": False,
        "notes": fields.notes({fields.NOTE_ID: request.link_id}, request.notes, most_chars=_NOTES_CHARS),
    }
    if request.callback_url:
        body |= {"callback_url": request.callback_url, "callback_method": "get"}
    if request.expires_at is not None:
        ends = request.expires_at.timestamp()
        if not now_s + _SOONEST_S <= ends <= now_s + _LATEST_S:
            raise InvalidRequest.of("expires_at", "must be 15 minutes to 180 days ahead for a link at Razorpay")
        body["expire_by"] = int(ends)
    return body


def link_snapshot(link: Thing) -> ResourceSnapshot:
    """`payments` of an answer are the captured ones; callbacks carry the payment beside the link."""
    payments = fields.parts(link, "payments")
    return ResourceSnapshot(
        status=LINK_STATUS.get(fields.text(link, "status") or "", UNCHANGED),
        provider_id=fields.text(link, "id") or "",
        facts=fields.known(
            short_url=fields.text(link, "short_url"),
            provider_order_id=fields.text(link, "order_id"),
            provider_payment_id=fields.text(payments[0], "payment_id") if payments else None,
            amount_paid_minor=fields.whole(link, "amount_paid"),
            expires_at=fields.moment(link, "expire_by"),
        ),
    )
