"""PayPal's payouts of one item: a vendor's part of a payment, paid from the merchant's balance.

The batch has our id. PayPal refuses a second batch under it for 30 days, naming the first, so a repeat is safe that long;
there is no way to ask for a batch by our id.
Source: https://developer.paypal.com/docs/api/payments.payouts-batch/v1/
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from onerouter_common.errors import Conflict, InvalidRequest, ProviderUnavailable
from onerouter_providers.payments.paypal.amounts import check_amount, from_payout, to_wire
from onerouter_providers.payments.paypal.errors import PROVIDER, refusal
from onerouter_providers.payments.paypal.part import after_refusal
from onerouter_providers.payments.paypal.reading import Thing, known, text_of, things_of
from onerouter_providers.payments.paypal.vendors import Vendors, is_receiver
from onerouter_providers.payments.paypal.wire import segment, strange
from onerouter_providers.resources import (
    ResourceReference,
    ResourceSnapshot,
    TransferRequest,
    TransferStatus,
)

_PAYOUTS: Final = "/v1/payments/payouts"

ITEM_STATUS: Final[Mapping[str, TransferStatus]] = {
    "PENDING": "pending",
    "ONHOLD": "pending",
    "UNCLAIMED": "unclaimed",
    "SUCCESS": "succeeded",
    "FAILED": "failed",
    "BLOCKED": "failed",
    "DENIED": "failed",
    "RETURNED": "reversed",  # not claimed within 30 days, or called back before that
    "REFUNDED": "reversed",
    "REVERSED": "reversed",
}
BATCH_STATUS: Final[Mapping[str, TransferStatus]] = {
    "PENDING": "pending",
    "PROCESSING": "pending",
    "SUCCESS": "pending",  # the batch was worked on; what became of the money its item says
    "DENIED": "failed",
    "CANCELED": "canceled",
}
_REASONS: Final[Mapping[str, str]] = {
    "INSUFFICIENT_FUNDS": "insufficient_funds",
    "CURRENCY_NOT_SUPPORTED_FOR_RECEIVER": "currency_not_supported",
    "RECEIVER_COUNTRY_NOT_ALLOWED": "permission_denied",
    "RECEIVER_ACCOUNT_LOCKED": "permission_denied",
    "RISK_DECLINE": "fraud_suspected",
}


class Transfers(Vendors):
    """`TransfersToVendors`."""

    async def create_transfer(self, request: TransferRequest, *, key: str) -> ResourceSnapshot:
        """Paid already under our id: that payout is the answer."""
        capability, deadline = "transfer.create", self._wire.deadline()
        body = payout_body(request, await self._receiver(request.vendor))
        answer = await self._wire.answer(
            capability, "POST", _PAYOUTS, deadline, effect=True, headers={"PayPal-Request-Id": key}, body=body
        )
        if answer.ok:
            batch_id = text_of(answer.body, "batch_header", "payout_batch_id")
            if batch_id is None:
                raise strange(capability, "a payout without an id")
            return batch_snapshot(answer.body)
        refused = refusal(answer.status, answer.body, capability, effect=True)
        first = earlier_batch(answer.body)
        if first is None:
            raise refused
        return await after_refusal(self._batch(capability, first, deadline), refused)

    async def find_transfer(self, request: TransferRequest) -> ResourceSnapshot | None:  # noqa: ARG002
        """Never an answer: whether there is one cannot be asked."""
        raise ProviderUnavailable(
            "PayPal cannot be asked for a payout by our id: see the activity of the PayPal account.",
            provider=PROVIDER,
            reason="unsupported_operation",
        )

    async def get_transfer(self, reference: ResourceReference) -> ResourceSnapshot:
        return await self._batch("transfer.get", reference.provider_id, self._wire.deadline())

    async def _batch(self, capability: str, batch_id: str, deadline: float) -> ResourceSnapshot:
        path = f"{_PAYOUTS}/{segment(batch_id, 'transfer')}"
        return batch_snapshot(await self._wire.get(capability, path, deadline))

    async def _receiver(self, vendor: ResourceReference) -> str:
        """The PayPal account of a vendor; of an invited one it is known once it has followed the invitation."""
        known_as = vendor.facts.get("provider_merchant_id") or vendor.provider_id
        if isinstance(known_as, str) and is_receiver(known_as):
            return known_as
        found = (await self.get_vendor(vendor)).facts.get("provider_merchant_id")
        if not isinstance(found, str):
            raise Conflict("The vendor has not connected a PayPal account yet, so it cannot be paid.")
        return found


def payout_body(request: TransferRequest, receiver: str) -> dict[str, Any]:
    """The body of `POST /v1/payments/payouts`. Pure."""
    check_amount(request.amount)
    if request.amount.amount_minor <= 0:
        raise InvalidRequest.of("amount", "must be more than 0")
    money = to_wire(request.amount)
    return {
        "sender_batch_header": {"sender_batch_id": request.transfer_id, "email_subject": "You have a payment"},
        "items": [
            {
                "recipient_type": "EMAIL" if "@" in receiver else "PAYPAL_ID",
                "receiver": receiver,
                "amount": {"currency": money["currency_code"], "value": money["value"]},
                "sender_item_id": request.transfer_id,
            }
        ],
    }


def earlier_batch(body: Thing) -> str | None:
    """The batch that a refusal of a second one names. Pure."""
    for link in _links(body):
        path, _, batch_id = (text_of(link, "href") or "").partition("?")[0].rpartition("/")
        if path.endswith("/payouts") and batch_id:
            return batch_id
    return None


def _links(body: Thing) -> Iterator[Thing]:
    """PayPal's answers have them here and there."""
    for holder in (body, *things_of(body, "details")):
        yield from things_of(holder, "links")
        yield from things_of(holder, "link")


def batch_snapshot(batch: Thing) -> ResourceSnapshot:
    """A batch of ours, as its one item tells it; as itself while it shows none. Pure."""
    header = batch.get("batch_header")
    items = things_of(batch, "items")
    if items:
        return item_snapshot(items[0])
    status = BATCH_STATUS.get(text_of(header, "batch_status") or "", "unchanged")
    return _snapshot(status, text_of(header, "payout_batch_id"), {}, None)


def item_snapshot(item: Thing) -> ResourceSnapshot:
    """A payout's item, as it is read and as callbacks carry it. Pure."""
    status = ITEM_STATUS.get(text_of(item, "transaction_status") or "", "unchanged")
    ordered = item.get("payout_item")
    amount = from_payout(ordered.get("amount")) if isinstance(ordered, dict) else None
    fee = from_payout(item.get("payout_item_fee"))
    facts = known(
        provider_payout_id=text_of(item, "payout_item_id"),
        amount_reversed_minor=amount.amount_minor if amount and status == "reversed" else None,
        fee_minor=fee.amount_minor if fee else None,
    )
    return _snapshot(status, text_of(item, "payout_batch_id"), facts, text_of(item, "errors", "name"))


def _snapshot(status: str, batch_id: str | None, facts: Mapping[str, Any], error: str | None) -> ResourceSnapshot:
    has_failed = status == "failed"
    return ResourceSnapshot(
        status=status,
        provider_id=batch_id or "",
        facts=facts,
        error_reason=_REASONS.get(error or "", "unknown") if has_failed else None,
        error_message=f"PayPal did not pay it out ({error or 'no reason given'})." if has_failed else None,
    )
