"""Saved payment methods: attached to one customer for good, or let go for good.

A method is made by Stripe's elements on the tenant's page; a detached one cannot be attached again.
"""

from collections.abc import Mapping
from typing import Any, Final

from onerouter_common.errors import Conflict, InvalidRequest, ProviderRefusedUs
from onerouter_providers.payments.stripe.mapping import method_of
from onerouter_providers.payments.stripe.part import Part
from onerouter_providers.payments.stripe.things import id_of, number, part, text, without_nothing
from onerouter_providers.payments.stripe.wire import segment
from onerouter_providers.resources import PaymentMethodRequest, ResourceReference, ResourceSnapshot

METHODS: Final = "/v1/payment_methods"


class Methods(Part):
    """`KeepsPaymentMethods`."""

    async def attach_payment_method(self, request: PaymentMethodRequest, *, key: str) -> ResourceSnapshot:
        deadline = self._wire.deadline()
        path = f"{METHODS}/{segment(request.provider_method_id)}"
        method = await self._wire.get("payment_method.create", path, deadline)
        owner = id_of(method, "customer")
        if owner is not None and request.provider_customer_id in (None, owner):
            return method_snapshot(method)
        if owner is not None:
            raise Conflict("The payment method belongs to another customer.")
        if request.provider_customer_id is None:
            raise InvalidRequest.of("customer_id", "is required: Stripe keeps a payment method for a customer")

        async def look() -> Mapping[str, Any] | None:
            current = await self._wire.get("payment_method.create", path, deadline)
            return current if id_of(current, "customer") == request.provider_customer_id else None

        params = {"customer": request.provider_customer_id}
        return method_snapshot(
            await self._change("payment_method.create", path, params, deadline, key=key, look=look, by="/attach")
        )

    async def get_payment_method(self, reference: ResourceReference) -> ResourceSnapshot:
        path = f"{METHODS}/{segment(reference.provider_id)}"
        return method_snapshot(await self._wire.get("payment_method.get", path, self._wire.deadline()))

    async def detach_payment_method(self, reference: ResourceReference, *, key: str) -> ResourceSnapshot:
        deadline = self._wire.deadline()
        path = f"{METHODS}/{segment(reference.provider_id)}"

        async def look() -> Mapping[str, Any] | None:
            current = await self._wire.get("payment_method.delete", path, deadline)
            return current if id_of(current, "customer") is None else None

        try:
            gone = await look()
        except ProviderRefusedUs as refused:
            if refused.reason != "not_found":
                raise
            return ResourceSnapshot("removed", reference.provider_id)
        if gone is None:
            gone = await self._change("payment_method.delete", path, {}, deadline, key=key, look=look, by="/detach")
        return method_snapshot(gone)


def method_snapshot(method: Mapping[str, Any]) -> ResourceSnapshot:
    """Without a customer it cannot be charged any more."""
    owner, card = id_of(method, "customer"), part(method, "card")
    kind = text(method, "type")
    wallet = text(part(card, "wallet"), "type")
    return ResourceSnapshot(
        status="removed" if owner is None else "active",
        provider_id=text(method, "id") or "",
        facts=without_nothing(
            {
                "type": method_of(kind) if kind else None,
                "brand": text(card, "brand"),
                "last4": text(card, "last4"),
                "exp_month": number(card, "exp_month"),
                "exp_year": number(card, "exp_year"),
                "wallet": wallet or (kind if kind and method_of(kind) == "wallet" else None),
                "email": text(part(method, "billing_details"), "email"),
                "provider_customer_id": owner,
                "is_reusable": owner is not None,
            }
        ),
    )
