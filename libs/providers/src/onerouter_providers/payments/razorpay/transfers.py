"""Transfers of a captured payment to a vendor's linked account (Route). Made without a key, found by their note."""

from collections.abc import Mapping
from typing import Any, Final

from onerouter_common.errors import (
    CapabilityUnsupported,
    Conflict,
    InvalidRequest,
    ProviderDeclined,
    ProviderRefusedUs,
    ProviderThrottled,
    ProviderUnavailable,
)
from onerouter_providers.payments.razorpay import fields, mapping
from onerouter_providers.payments.razorpay.errors import to_reason
from onerouter_providers.payments.razorpay.fields import Thing
from onerouter_providers.payments.razorpay.orders import Orders
from onerouter_providers.payments.razorpay.recurring import UNCHANGED
from onerouter_providers.payments.razorpay.wire import in_doubt, segment, strange
from onerouter_providers.resources import ResourceReference, ResourceSnapshot, TransferRequest, TransferStatus

_CURRENCY: Final = "INR"
_ACCOUNT_PREFIX: Final = "acc_"

TRANSFER_STATUS: Final[Mapping[str, TransferStatus]] = {
    "created": "pending",
    "pending": "pending",
    "processed": "succeeded",
    "failed": "failed",
    "reversed": "reversed",
    "partially_reversed": "partially_reversed",
}


class Transfers(Orders):
    async def create_transfer(self, request: TransferRequest, *, key: str) -> ResourceSnapshot:  # noqa: ARG002
        body = transfer_body(request)
        deadline = self._wire.deadline()
        payment_id = await self._captured_id("transfer.create", request.payment, deadline, what="transfer")
        path = f"/v1/payments/{segment(payment_id)}/transfers"
        try:
            answer = await self._wire.post("transfer.create", path, body, deadline)
        except (ProviderDeclined, ProviderRefusedUs):
            # Perhaps as an earlier try of the same transfer has used up what the payment had.
            try:
                found = await self._find_transfer(payment_id, request.transfer_id, deadline)
            except (ProviderThrottled, ProviderUnavailable) as error:
                raise in_doubt(
                    error, "Razorpay refused, perhaps as it was made before, and cannot be asked."
                ) from error
            if found is None:
                raise
            return transfer_snapshot(found)
        made = fields.noted(fields.parts(answer, "items"), request.transfer_id)
        if made is None:
            raise strange("transfer.create", "transfers without the one asked for", effect=True)
        return transfer_snapshot(made)

    async def find_transfer(self, request: TransferRequest) -> ResourceSnapshot | None:
        deadline = self._wire.deadline()
        try:
            payment_id = await self._captured_id("transfer.find", request.payment, deadline, what="transfer")
        except Conflict:
            return None  # nothing was captured, so nothing can have been transferred
        found = await self._find_transfer(payment_id, request.transfer_id, deadline)
        return None if found is None else transfer_snapshot(found)

    async def get_transfer(self, reference: ResourceReference) -> ResourceSnapshot:
        path = f"/v1/transfers/{segment(reference.provider_id, 'transfer')}"
        return transfer_snapshot(await self._wire.get("transfer.get", path, self._wire.deadline()))

    async def _find_transfer(self, payment_id: str, transfer_id: str, deadline: float) -> Thing | None:
        path = f"/v1/payments/{segment(payment_id)}/transfers"
        async for transfers in self._wire.pages("transfer.find", path, {}, deadline):
            found = fields.noted(transfers, transfer_id)
            if found is not None:
                return found
        return None


def transfer_body(request: TransferRequest) -> dict[str, Any]:
    """The body of `POST /v1/payments/:id/transfers`. Raises CapabilityUnsupported for another currency than INR."""
    if request.amount.currency != _CURRENCY:
        raise CapabilityUnsupported(f"Razorpay splits payments in {_CURRENCY} only; Stripe splits other currencies.")
    mapping.check_amount(request.amount)
    if not request.vendor.provider_id.startswith(_ACCOUNT_PREFIX):
        raise InvalidRequest.of("account_id", "is not a linked account of Razorpay (acc_…)")
    transfer = {
        "account": request.vendor.provider_id,
        "amount": request.amount.amount_minor,
        "currency": request.amount.currency,
        "notes": fields.notes({fields.NOTE_ID: request.transfer_id}, request.notes),
        "on_hold": False,
    }
    return {"transfers": [transfer]}


def transfer_snapshot(transfer: Thing) -> ResourceSnapshot:
    status = to_status(transfer)
    error = fields.part(transfer, "error")
    theirs, message = fields.text(error, "reason"), fields.text(error, "description")
    failed = status == "failed"
    return ResourceSnapshot(
        status=status,
        provider_id=fields.text(transfer, "id") or "",
        facts=fields.known(
            amount_reversed_minor=fields.whole(transfer, "amount_reversed"),
            fee_minor=fields.whole(transfer, "fees"),  # the tax on it is part of it
        ),
        error_reason=to_reason(theirs or fields.text(error, "code"), message) if failed else None,
        error_message=message if failed else None,
    )


def to_status(transfer: Thing) -> str:
    """A processed transfer keeps its word when it was taken back later: then the amounts tell."""
    word = fields.text(transfer, "status")
    status = TRANSFER_STATUS.get(word, UNCHANGED) if word else "pending"
    reversed_minor, amount = fields.whole(transfer, "amount_reversed") or 0, fields.whole(transfer, "amount") or 0
    if reversed_minor and status in ("succeeded", "partially_reversed"):
        return "reversed" if reversed_minor >= amount else "partially_reversed"
    return status
