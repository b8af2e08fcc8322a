"""PayPal's JSON for payouts: money has `currency` here."""

from collections.abc import Sequence
from typing import Any

from onerouter_sandbox.paypal.ids import debug_id
from onerouter_sandbox.paypal.money import Money
from onerouter_sandbox.paypal.payouts.state import Batch, Item
from onerouter_sandbox.paypal.shapes import link, moment

_MESSAGES = {
    "RECEIVER_UNREGISTERED": "Receiver is unregistered",
    "RECEIVER_ACCOUNT_LOCKED": "Receiver's account is locked or inactive",
    "INSUFFICIENT_FUNDS": "Sender does not have sufficient funds",
}


def created(batch: Batch) -> dict[str, Any]:
    header = {
        "payout_batch_id": batch.id,
        "batch_status": batch.status,
        "sender_batch_header": batch.header,
        "time_created": moment(batch.created_at),
    }
    return {"batch_header": header, "links": [_self(batch)]}


def batch(batch: Batch, items: Sequence[Item], page: tuple[Sequence[Item], int] | None = None) -> dict[str, Any]:
    """`items` are all of them, `page` those to show and the number of pages; without it the head alone."""
    shown = created(batch)
    fees = sum(one.fee for one in items if one.status == "SUCCESS")
    shown["batch_header"] |= {
        "funding_source": "BALANCE",
        "amount": money(sum(one.amount for one in items), batch.currency),
        "fees": money(fees, batch.currency),
    }
    if batch.completed_at is not None:
        shown["batch_header"]["time_completed"] = moment(batch.completed_at)
    if page is not None:
        shown |= {"items": [item(one, batch, alone=False) for one in page[0]], "total_items": len(items)}
        shown["total_pages"] = page[1]
    return shown


def item(item: Item, of: Batch, *, alone: bool = True) -> dict[str, Any]:
    """`alone`: outside of its batch it says which batch of the sender's that is."""
    shown: dict[str, Any] = {
        "payout_item_id": item.id,
        "transaction_status": item.status,
        "payout_item_fee": money(item.fee, item.currency),
        "payout_batch_id": of.id,
        "payout_item": {**item.given, "amount": money(item.amount, item.currency)},
        "links": [link(f"{of.base}/v1/payments/payouts-item/{item.id}", "item"), _self(of) | {"rel": "batch"}],
    }
    if alone and of.sender_id is not None:
        shown["sender_batch_id"] = of.sender_id
    if item.transaction_id is not None:
        shown["transaction_id"] = item.transaction_id
    if item.processed_at is not None:
        shown["time_processed"] = moment(item.processed_at)
    if item.error is not None:
        shown["errors"] = {"name": item.error, "message": _MESSAGES[item.error], "debug_id": debug_id()}
    return shown


def money(minor: int, currency: str) -> dict[str, str]:
    return {"currency": currency, "value": Money(minor, currency).value}


def _self(batch: Batch) -> dict[str, str]:
    return link(f"{batch.base}/v1/payments/payouts/{batch.id}", "self")
