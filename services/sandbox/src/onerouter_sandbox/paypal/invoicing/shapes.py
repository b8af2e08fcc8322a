"""PayPal's JSON for invoices."""

from typing import Any

from onerouter_sandbox.paypal.invoicing.state import Invoice
from onerouter_sandbox.paypal.money import Money
from onerouter_sandbox.paypal.shapes import link, moment


def invoice(invoice: Invoice) -> dict[str, Any]:
    total, due = Money(invoice.amount, invoice.currency), Money(invoice.due, invoice.currency)
    shown: dict[str, Any] = {
        "id": invoice.id,
        "status": invoice.status,
        **invoice.given,
        "detail": _detail(invoice),
        "amount": {**total.shown(), "breakdown": {"item_total": total.shown()}},
        "due_amount": due.shown(),
        "links": _links(invoice),
    }
    if invoice.paid_at is not None:
        paid = {
            "type": "PAYPAL",
            "payment_id": invoice.payment,
            "payment_date": moment(invoice.paid_at)[:10],
            "method": "PAYPAL",
            "amount": total.shown(),
        }
        shown["payments"] = {"paid_amount": total.shown(), "transactions": [paid]}
    return shown


def self_link(invoice: Invoice) -> dict[str, str]:
    """What creating one is answered with, unless all of it is asked for."""
    return link(f"{invoice.base}/v2/invoicing/invoices/{invoice.id}", "self")


def payer_link(invoice: Invoice) -> dict[str, str]:
    return link(payer_url(invoice), "payer-view")


def payer_url(invoice: Invoice) -> str:
    return f"{invoice.base}/invoice/p?id={invoice.id}"


def _detail(invoice: Invoice) -> dict[str, Any]:
    metadata: dict[str, Any] = {
        "create_time": moment(invoice.created_at),
        "last_update_time": moment(invoice.updated_at),
        "created_by_flow": "REGULAR_SINGLE",
        "invoicer_view_url": f"{invoice.base}/invoice/s/details/{invoice.id}",
    }
    if invoice.sent_at is not None:
        sent = moment(invoice.sent_at)
        metadata |= {"first_sent_time": sent, "last_sent_time": sent, "recipient_view_url": payer_url(invoice)}
    if invoice.cancelled_at is not None:
        metadata["cancel_time"] = moment(invoice.cancelled_at)
    return {
        "invoice_date": moment(invoice.created_at)[:10],
        **invoice.given["detail"],
        "invoice_number": invoice.number,
        "metadata": metadata,
    }


def _links(invoice: Invoice) -> list[dict[str, str]]:
    here = f"{invoice.base}/v2/invoicing/invoices/{invoice.id}"
    if invoice.status == "DRAFT":
        return [self_link(invoice), link(f"{here}/send", "send", "POST")]
    links = [self_link(invoice), payer_link(invoice)]
    return [*links, link(f"{here}/cancel", "cancel", "POST")] if invoice.status in ("SENT", "UNPAID") else links
