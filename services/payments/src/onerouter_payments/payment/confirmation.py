"""Whether the provider has, under an id that a person gave, what an operation asked for."""

from collections.abc import Collection

from onerouter_common.errors import ProviderDeclined, ProviderRefusedUs
from onerouter_providers.capability import (
    PaymentProvider,
    PaymentReference,
    PaymentRequest,
    PaymentSnapshot,
    RefundRequest,
    RefundSnapshot,
)


async def of_payment(client: PaymentProvider, request: PaymentRequest, provider_id: str) -> PaymentSnapshot | None:
    """By its order id or its payment id; None when there is none, or it is of another amount. Raises a ProviderError."""
    for reference in (
        PaymentReference(request.payment_id, request.amount, provider_order_id=provider_id),
        PaymentReference(request.payment_id, request.amount, provider_payment_id=provider_id),
    ):
        told = await _told(client, reference)
        if told is not None and told.amount == request.amount and _is_named(told, provider_id):
            return told
    return None


async def of_change(
    client: PaymentProvider, reference: PaymentReference, provider_id: str, done: Collection[str]
) -> PaymentSnapshot | None:
    """What was made of a payment that exists; None when it is another one, or that was not done to it."""
    told = await _told(client, reference)
    return told if told is not None and told.status in done and _is_named(told, provider_id) else None


async def of_refund(client: PaymentProvider, request: RefundRequest, provider_id: str) -> RefundSnapshot | None:
    """The one that was made for our refund; else the one of this id, if it is of the same amount and did not fail."""
    made = await client.find_refund(request)
    if made is not None:
        return made if made.provider_refund_id == provider_id else None
    told = await client.get_refund(request.payment, provider_id)
    fits = told.provider_refund_id == provider_id and told.amount == request.amount
    return told if fits and told.status != "failed" else None


async def _told(client: PaymentProvider, reference: PaymentReference) -> PaymentSnapshot | None:
    try:
        return await client.get_payment(reference)
    except (ProviderRefusedUs, ProviderDeclined) as refused:
        if refused.reason == "authentication_failed":
            raise
        return None


def _is_named(told: PaymentSnapshot, provider_id: str) -> bool:
    return provider_id in (told.provider_order_id, told.provider_payment_id)
