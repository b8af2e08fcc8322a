"""PayPal's JSON for disputes."""

import re
from typing import Any

from onerouter_sandbox.paypal.disputes.state import Dispute
from onerouter_sandbox.paypal.money import Money
from onerouter_sandbox.paypal.shapes import link, moment

_STATES = {
    "OPEN": "OPEN_INQUIRIES",
    "WAITING_FOR_SELLER_RESPONSE": "REQUIRED_ACTION",
    "WAITING_FOR_BUYER_RESPONSE": "REQUIRED_OTHER_PARTY_ACTION",
    "UNDER_REVIEW": "UNDER_PAYPAL_REVIEW",
    "RESOLVED": "RESOLVED",
}
_LOST = ("RESOLVED_BUYER_FAVOUR", "ACCEPTED")
_NUMBER = re.compile(r"^[A-Za-z0-9:\-|]+$")


def dispute(dispute: Dispute) -> dict[str, Any]:
    amount = Money(dispute.amount, dispute.currency)
    transaction: dict[str, Any] = {
        "seller_transaction_id": dispute.transaction,
        "gross_amount": Money(dispute.gross, dispute.currency).shown(),
    }
    if dispute.reference is not None:
        transaction["custom"] = dispute.reference
    if dispute.invoice is not None and _NUMBER.match(dispute.invoice):
        transaction["invoice_number"] = dispute.invoice
    shown = {
        **_brief(dispute),
        "disputed_transactions": [transaction],
        "dispute_amount": amount.shown(),
    }
    if dispute.outcome is not None:
        shown["dispute_outcome"] = {"outcome_code": dispute.outcome}
        if dispute.outcome in _LOST:
            shown["dispute_outcome"]["amount_refunded"] = amount.shown()
    return shown


def listed(dispute: Dispute) -> dict[str, Any]:
    """As in a list: without its transactions."""
    amount = Money(dispute.amount, dispute.currency).shown()
    return {**_brief(dispute), "dispute_state": _STATES[dispute.status], "dispute_amount": amount}


def state_of(dispute: Dispute) -> str:
    return _STATES[dispute.status]


def _brief(dispute: Dispute) -> dict[str, Any]:
    return {
        "dispute_id": dispute.id,
        "create_time": moment(dispute.created_at),
        "update_time": moment(dispute.updated_at),
        "reason": dispute.reason,
        "status": dispute.status,
        "dispute_life_cycle_stage": dispute.stage,
        "dispute_channel": "INTERNAL",
        "seller_response_due_date": moment(dispute.due_at),
        "links": [link(f"{dispute.base}/v1/customer/disputes/{dispute.id}", "self")],
    }
