"""The parts of a payment, and what has to be given to whom once the money is there. Pure."""

from collections.abc import Iterator
from typing import Final

import structlog

from onerouter_common.contracts.payment_resources import CreateTransfer
from onerouter_common.contracts.payments import SplitItem
from onerouter_common.ids import TRANSFER, derive_id
from onerouter_common.worker.handler import CommandDraft
from onerouter_payments.payment.state import CAPTURED, Payment

log = structlog.get_logger()

# Not a secret: it only makes the same part of the same payment the same transfer, whoever hears first that it is due.
_PART: Final = b"onerouter.part-of-a-payment"
_CAUSE: Final = "the payment succeeded"


def items_of(payment: Payment) -> list[SplitItem]:
    return [SplitItem.model_validate(item) for item in payment.split or ()]


def transfer_id_of(payment_id: str, place: int) -> str:
    """Of the part at this place; the same whenever it is asked for."""
    return derive_id(TRANSFER, _PART, payment_id, str(place))


def transfers_after(before: Payment, after: Payment) -> tuple[CommandDraft, ...]:
    """What has to be given to vendors now that the payment has succeeded.

    Nothing where another amount was received than was asked for, or where the first word of its success says that some of
    it is back with the payer already: the parts do not add up to what is there, and a person must decide.
    """
    if not after.split or before.status in CAPTURED or after.status not in CAPTURED:
        return ()
    if after.amount_mismatch is not None or after.amount_refunded_minor > 0:
        log.warning(
            "split.withheld",
            payment_id=after.id,
            tenant_id=after.tenant_id,
            environment=after.environment,
            amount_mismatch=after.amount_mismatch is not None,
            amount_refunded_minor=after.amount_refunded_minor,
        )
        return ()
    return tuple(_transfers(after))


def standing_without_transfer(payment: Payment) -> str:
    """Of a vendor's part for which nothing was sent (yet): it waits for the money, never will get any, or a person decides.

    A transfer is asked for with the very success, so for a moment after it a part that a refund follows is `withheld`, too.
    """
    if payment.status in ("failed", "canceled", "expired"):
        return "canceled"
    if payment.status in CAPTURED and (payment.amount_mismatch is not None or payment.amount_refunded_minor > 0):
        return "withheld"
    return "waiting"


def _transfers(payment: Payment) -> Iterator[CommandDraft]:
    for place, item in enumerate(items_of(payment)):
        if item.type != "vendor" or item.vendor_id is None or item.account_id is None:
            continue
        transfer_id = transfer_id_of(payment.id, place)
        payload = CreateTransfer(
            payment_id=payment.id,
            provider_order_id=payment.text("provider_order_id"),
            provider_payment_id=payment.text("provider_payment_id"),
            payment_amount_minor=payment.amount_minor,
            vendor_id=item.vendor_id,
            provider_account_id=item.account_id,
            connection_id=payment.connection_id,
            amount_minor=item.amount_minor,
            currency=payment.currency,
        )
        yield CommandDraft("transfer.create", transfer_id, payload, _CAUSE, ordering_key=transfer_id)
