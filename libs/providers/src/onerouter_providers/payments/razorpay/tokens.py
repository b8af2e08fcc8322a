"""Saved payment methods: tokens. A payment makes them, with the payer's consent; keeping one is knowing that it is there."""

from typing import Final

from onerouter_common.errors import Conflict, InvalidRequest, ProviderRefusedUs
from onerouter_providers.payments.razorpay import fields
from onerouter_providers.payments.razorpay.customers import CUSTOMERS
from onerouter_providers.payments.razorpay.fields import Thing
from onerouter_providers.payments.razorpay.part import Part
from onerouter_providers.payments.razorpay.wire import segment
from onerouter_providers.resources import PaymentMethodRequest, ResourceReference, ResourceSnapshot

_GONE: Final = frozenset({"deactivated", "deleted"})
_CHARGEABLE: Final = "confirmed"


class PaymentMethods(Part):
    async def attach_payment_method(self, request: PaymentMethodRequest, *, key: str) -> ResourceSnapshot:  # noqa: ARG002
        """Reads only: the token is the customer's since the payment that made it."""
        if not request.provider_customer_id:
            raise InvalidRequest.of("customer_id", "is needed: at Razorpay a saved method is a customer's")
        reference = ResourceReference(
            request.method_id,
            request.provider_method_id,
            {"provider_customer_id": request.provider_customer_id},
        )
        try:
            shown = await self._token("payment_method.create", reference, self._wire.deadline())
        except ProviderRefusedUs as refused:
            if refused.reason != "not_found":
                raise
            raise InvalidRequest.of("payment_method_id", "is not a saved method of this customer") from refused
        if shown.status != "active":
            raise InvalidRequest.of("payment_method_id", "was removed at Razorpay")
        return shown

    async def get_payment_method(self, reference: ResourceReference) -> ResourceSnapshot:
        try:
            return await self._token("payment_method.get", reference, self._wire.deadline())
        except ProviderRefusedUs as refused:
            if refused.reason != "not_found":
                raise
            return _removed(reference)

    async def detach_payment_method(self, reference: ResourceReference, *, key: str) -> ResourceSnapshot:  # noqa: ARG002
        try:
            await self._wire.delete("payment_method.delete", _path(reference), self._wire.deadline())
        except ProviderRefusedUs as refused:
            if refused.reason != "not_found":
                raise
        return _removed(reference)

    async def _token(self, capability: str, reference: ResourceReference, deadline: float) -> ResourceSnapshot:
        token = await self._wire.get(capability, _path(reference), deadline)
        return token_snapshot(token, customer_id=str(reference.facts["provider_customer_id"]))


def token_snapshot(token: Thing, *, customer_id: str) -> ResourceSnapshot:
    card = fields.part(token, "card")
    recurring = fields.text(fields.part(token, "recurring_details"), "status")
    last4 = card.get("last4")  # older objects have a number here
    return ResourceSnapshot(
        status="removed" if fields.text(token, "status") in _GONE else "active",
        provider_id=fields.text(token, "id") or "",
        facts=fields.known(
            type=fields.text(token, "method"),
            brand=fields.text(card, "network"),
            last4=str(last4).rjust(4, "0") if last4 else None,
            exp_month=fields.whole(card, "expiry_month"),
            exp_year=fields.whole(card, "expiry_year"),
            wallet=fields.text(token, "wallet"),
            provider_customer_id=customer_id,
            is_reusable=recurring == _CHARGEABLE if recurring else token.get("recurring") is True,
        ),
    )


def _path(reference: ResourceReference) -> str:
    customer_id = reference.facts.get("provider_customer_id")
    if not isinstance(customer_id, str):
        raise Conflict("It is not known whose method this is at Razorpay.")
    return f"{CUSTOMERS}/{segment(customer_id)}/tokens/{segment(reference.provider_id, 'method')}"


def _removed(reference: ResourceReference) -> ResourceSnapshot:
    return ResourceSnapshot(status="removed", provider_id=reference.provider_id)
