"""PayPal's payment links: an invoice that is drafted, sent to nobody, and read for its address."""

from collections.abc import Mapping
from typing import Any, Final

from onerouter_common.errors import (
    ProviderDeclined,
    ProviderOutcomeUnknown,
    ProviderRefusedUs,
    ProviderThrottled,
    ProviderUnavailable,
)
from onerouter_providers.payments.paypal import invoices
from onerouter_providers.payments.paypal.errors import PROVIDER
from onerouter_providers.payments.paypal.part import Part, after_refusal
from onerouter_providers.payments.paypal.wire import segment, strange
from onerouter_providers.resources import PaymentLinkRequest, ResourceReference, ResourceSnapshot

_INVOICES: Final = "/v2/invoicing/invoices"
_SEARCH: Final = "/v2/invoicing/search-invoices"
_CREATE: Final = "payment_link.create"


class PaymentLinks(Part):
    """`OffersPaymentLinks`. Each step of making one is found again by the invoice's number, which is our id's."""

    async def create_payment_link(self, request: PaymentLinkRequest, *, key: str) -> ResourceSnapshot:  # noqa: ARG002
        """An invoice number is taken once: what was made before is gone on with."""
        body, deadline = invoices.invoice_body(request), self._wire.deadline()
        try:
            made = await self._wire.post(_CREATE, _INVOICES, body, deadline)
            invoice_id, is_draft = invoices.invoice_id(made), True
        except (ProviderDeclined, ProviderRefusedUs) as refused:
            if refused.reason != "duplicate":
                raise
            found = await after_refusal(self._search(request, deadline), refused)
            invoice_id, is_draft = (None, False) if found is None else (found.get("id"), invoices.is_draft(found))
        if invoice_id is None:
            raise strange(_CREATE, "an invoice that cannot be found")
        try:
            if is_draft:
                await self._send(request, str(invoice_id), deadline)
            invoice = await self._invoice(_CREATE, invoice_id, deadline)
        except (ProviderUnavailable, ProviderThrottled) as error:
            # The draft is there: the whole is neither done nor surely undone.
            raise ProviderOutcomeUnknown(
                "PayPal has made the invoice and could not be asked further; that is done again.",
                provider=PROVIDER,
                reason="indeterminate",
                retry_after_s=error.retry_after_s,
            ) from error
        return invoices.invoice_snapshot(invoice)

    async def find_payment_link(self, request: PaymentLinkRequest) -> ResourceSnapshot | None:
        """None also for a draft: it has to be sent, which `create_payment_link` does."""
        deadline = self._wire.deadline()
        found = await self._search(request, deadline)
        if found is None or invoices.is_draft(found):
            return None
        return invoices.invoice_snapshot(await self._invoice(_CREATE, found.get("id"), deadline))

    async def get_payment_link(self, reference: ResourceReference) -> ResourceSnapshot:
        deadline = self._wire.deadline()
        return invoices.invoice_snapshot(await self._invoice("payment_link.get", reference.provider_id, deadline))

    async def cancel_payment_link(self, reference: ResourceReference, *, key: str) -> ResourceSnapshot:  # noqa: ARG002
        """Canceled already: that is the answer. Nobody is mailed."""
        capability, deadline = "payment_link.cancel", self._wire.deadline()
        path = f"{_INVOICES}/{segment(reference.provider_id, 'payment link')}/cancel"
        try:
            await self._wire.post(capability, path, {"send_to_recipient": False, "send_to_invoicer": False}, deadline)
        except (ProviderDeclined, ProviderRefusedUs) as refused:
            if refused.reason != "invalid_state":
                raise
            shown = invoices.invoice_snapshot(
                await after_refusal(self._invoice(capability, reference.provider_id, deadline), refused)
            )
            if shown.status != "canceled":
                raise
            return shown
        return ResourceSnapshot(status="canceled", provider_id=reference.provider_id)

    async def _send(self, request: PaymentLinkRequest, invoice_id: str, deadline: float) -> None:
        body = {"send_to_recipient": request.notify, "send_to_invoicer": False}
        await self._wire.post(_CREATE, f"{_INVOICES}/{segment(invoice_id)}/send", body, deadline)

    async def _search(self, request: PaymentLinkRequest, deadline: float) -> Mapping[str, Any] | None:
        wanted = {"invoice_number": invoices.number_of(request.link_id)}
        found = (await self._wire.post(_CREATE, _SEARCH, wanted, deadline, effect=False)).get("items", [])
        if not isinstance(found, list):
            raise strange(_CREATE, "a list that is none", effect=False)
        return next((one for one in found if isinstance(one, dict) and invoices.is_of(request, one)), None)

    async def _invoice(self, capability: str, invoice_id: object, deadline: float) -> Mapping[str, Any]:
        return await self._wire.get(capability, f"{_INVOICES}/{segment(invoice_id, 'payment link')}", deadline)
