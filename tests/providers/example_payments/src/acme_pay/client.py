"""Acme's client of one connection: payments, refunds and payment links."""

from collections.abc import Mapping

from pydantic import SecretStr

from onerouter_common.errors import CapabilityUnsupported, Conflict
from onerouter_providers.capability import (
    CaptureRequest,
    PaymentReference,
    PaymentRequest,
    PaymentSnapshot,
    RefundRequest,
    RefundSnapshot,
)
from onerouter_providers.http import ProviderHttp
from onerouter_providers.resources import PaymentLinkRequest, ResourceReference, ResourceSnapshot

from . import mapping
from .wire import Wire


def create_client(credentials: Mapping[str, SecretStr], *, http: ProviderHttp, base_url: str) -> "AcmePayments":
    return AcmePayments(Wire(http, base_url, credentials["token"]))


class AcmePayments:
    """A `PaymentProvider` that `OffersPaymentLinks`."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    async def probe(self) -> None:
        await self._wire.get("probe", "/account")

    async def create_payment(self, request: PaymentRequest, *, key: str) -> PaymentSnapshot:
        return mapping.to_payment(
            await self._wire.make("payment.create", "/charges", mapping.charge_body(request), key)
        )

    async def find_payment(self, request: PaymentRequest) -> PaymentSnapshot | None:
        found = await self._wire.find("payment.create", "/charges", request.payment_id)
        return None if found is None else mapping.to_payment(found)

    async def get_payment(self, reference: PaymentReference) -> PaymentSnapshot:
        return mapping.to_payment(await self._wire.get("payment.get", _charge(reference)))

    async def capture_payment(self, request: CaptureRequest, *, key: str) -> PaymentSnapshot:
        """Captured already: that is the answer."""
        known = await self.get_payment(request.payment)
        if known.captured is not None:
            return known
        if known.status != "authorized":
            raise Conflict(f"Nothing is held of this payment, so there is nothing to capture ({known.status}).")
        body = {"amount": request.amount.amount_minor}
        return mapping.to_payment(
            await self._wire.post("payment.capture", f"{_charge(request.payment)}/capture", body, key)
        )

    async def find_capture(self, request: CaptureRequest) -> PaymentSnapshot | None:
        known = await self.get_payment(request.payment)
        return known if known.captured is not None else None

    async def cancel_payment(self, reference: PaymentReference, *, key: str) -> PaymentSnapshot:
        raise CapabilityUnsupported("Acme lets go of what is not captured by itself, after a day.")

    async def create_refund(self, request: RefundRequest, *, key: str) -> RefundSnapshot:
        charge = request.payment.provider_payment_id or request.payment.provider_order_id
        body = {"reference": request.refund_id, "charge": charge, "amount": request.amount.amount_minor}
        return mapping.to_refund(await self._wire.make("refund.create", "/refunds", body, key))

    async def find_refund(self, request: RefundRequest) -> RefundSnapshot | None:
        found = await self._wire.find("refund.create", "/refunds", request.refund_id)
        return None if found is None else mapping.to_refund(found)

    async def get_refund(self, payment: PaymentReference, provider_refund_id: str) -> RefundSnapshot:
        return mapping.to_refund(await self._wire.get("refund.get", f"/refunds/{provider_refund_id}"))

    async def create_payment_link(self, request: PaymentLinkRequest, *, key: str) -> ResourceSnapshot:
        return mapping.to_link(await self._wire.make("payment_link.create", "/links", mapping.link_body(request), key))

    async def find_payment_link(self, request: PaymentLinkRequest) -> ResourceSnapshot | None:
        found = await self._wire.find("payment_link.create", "/links", request.link_id)
        return None if found is None else mapping.to_link(found)

    async def get_payment_link(self, reference: ResourceReference) -> ResourceSnapshot:
        return mapping.to_link(await self._wire.get("payment_link.get", f"/links/{reference.provider_id}"))

    async def cancel_payment_link(self, reference: ResourceReference, *, key: str) -> ResourceSnapshot:
        path = f"/links/{reference.provider_id}/cancel"
        return mapping.to_link(await self._wire.post("payment_link.cancel", path, {}, key))


def _charge(reference: PaymentReference) -> str:
    return f"/charges/{reference.provider_order_id or reference.provider_payment_id}"
