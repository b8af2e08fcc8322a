"""Transfers: a vendor's part of one charge, taken from what the charge brings and from nothing else."""

from collections.abc import Mapping
from typing import Any, Final

from onerouter_common.errors import Conflict
from onerouter_providers.payments.stripe.amounts import minor_of, to_wire
from onerouter_providers.payments.stripe.finding import INTENTS, SESSIONS
from onerouter_providers.payments.stripe.form import Value
from onerouter_providers.payments.stripe.metadata import META_ID, META_PAYMENT, metadata
from onerouter_providers.payments.stripe.part import Part
from onerouter_providers.payments.stripe.things import flag, id_of, text
from onerouter_providers.payments.stripe.wire import segment
from onerouter_providers.resources import ResourceReference, ResourceSnapshot, TransferRequest, TransferStatus

TRANSFERS: Final = "/v1/transfers"
Thing = Mapping[str, Any]


class Transfers(Part):
    """`TransfersToVendors`."""

    async def create_transfer(self, request: TransferRequest, *, key: str) -> ResourceSnapshot:
        deadline = self._wire.deadline()
        intent = await self._paid(request, deadline)
        params = transfer_params(request, intent)

        async def look() -> Thing | None:
            return await self._find_transfer(request, intent, deadline)

        return transfer_snapshot(await self._make("transfer.create", TRANSFERS, params, deadline, key=key, look=look))

    async def find_transfer(self, request: TransferRequest) -> ResourceSnapshot | None:
        deadline = self._wire.deadline()
        try:
            intent = await self._paid(request, deadline)
        except Conflict:
            return None  # nobody has paid, so nothing can have been given
        found = await self._find_transfer(request, intent, deadline)
        return None if found is None else transfer_snapshot(found)

    async def get_transfer(self, reference: ResourceReference) -> ResourceSnapshot:
        path = f"{TRANSFERS}/{segment(reference.provider_id)}"
        return transfer_snapshot(await self._wire.get("transfer.get", path, self._wire.deadline()))

    async def _find_transfer(self, request: TransferRequest, intent: Thing, deadline: float) -> Thing | None:
        """Among those of the payment; of one made without a group, among the vendor's."""
        group = text(intent, "transfer_group")
        query = {"transfer_group": group} if group else {"destination": request.vendor.provider_id}
        return await self._finder.walked("transfer.find", TRANSFERS, request.transfer_id, deadline, query)

    async def _paid(self, request: TransferRequest, deadline: float) -> Thing:
        """The payment's intent. Raises Conflict when nobody has tried to pay."""
        intent_id = request.payment.provider_payment_id
        if intent_id is None:
            session = f"{SESSIONS}/{segment(request.payment.provider_order_id)}"
            intent_id = id_of(await self._wire.get("transfer.create", session, deadline), "payment_intent")
        if intent_id is None:
            raise Conflict("Nobody has tried to pay at Stripe yet, so there is nothing to give a part of.")
        return await self._wire.get("transfer.create", f"{INTENTS}/{segment(intent_id)}", deadline)


def transfer_params(request: TransferRequest, intent: Thing) -> dict[str, Value]:
    """The body of `POST /v1/transfers`. Raises Conflict when the payment has no charge to take it from."""
    charge_id = id_of(intent, "latest_charge")
    if charge_id is None or intent.get("status") != "succeeded":
        raise Conflict("The payment has not succeeded at Stripe, so there is nothing to give a part of.")
    ours = {META_ID: request.transfer_id, META_PAYMENT: request.payment.payment_id}
    params: dict[str, Value] = {
        "amount": to_wire(request.amount),
        "currency": request.amount.currency.lower(),
        "destination": request.vendor.provider_id,
        "source_transaction": charge_id,
        "metadata": metadata(ours, request.notes),
    }
    if group := text(intent, "transfer_group"):
        params["transfer_group"] = group
    return params


def transfer_snapshot(transfer: Thing) -> ResourceSnapshot:
    reversed_minor = minor_of(transfer, "amount_reversed")
    return ResourceSnapshot(
        status=transfer_status(transfer),
        provider_id=text(transfer, "id") or "",
        facts={"amount_reversed_minor": reversed_minor} if reversed_minor else {},
    )


def transfer_status(transfer: Thing) -> TransferStatus:
    """Stripe's transfers arrive when they are made."""
    if flag(transfer, "reversed"):
        return "reversed"
    return "partially_reversed" if minor_of(transfer, "amount_reversed") else "succeeded"
