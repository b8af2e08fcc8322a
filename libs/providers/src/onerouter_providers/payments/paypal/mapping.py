"""PayPal's orders, captures, authorizations and refunds in our words: tables and pure functions.

An order is a promise; the money is in its captures and authorizations, and only they say what became of it (an order that
is COMPLETED may hold a declined capture).
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from onerouter_common.money import Money
from onerouter_providers.capability import PaymentSnapshot, PaymentStatus, RefundSnapshot, RefundStatus
from onerouter_providers.payments.paypal.amounts import to_money
from onerouter_providers.payments.paypal.errors import decline_reason, sentence_of
from onerouter_providers.payments.paypal.reading import Thing, link_to, text_of

ORDER_STATUS: Final[Mapping[str, PaymentStatus]] = {
    "CREATED": "requires_action",
    "SAVED": "created",
    "PAYER_ACTION_REQUIRED": "requires_action",
    "APPROVED": "processing",
    "VOIDED": "canceled",
    "COMPLETED": "processing",  # what became of the money is in its payments
}
CAPTURE_STATUS: Final[Mapping[str, PaymentStatus]] = {
    "COMPLETED": "succeeded",
    "PARTIALLY_REFUNDED": "partially_refunded",
    "REFUNDED": "refunded",
    "PENDING": "processing",
    "DECLINED": "failed",
    "FAILED": "failed",
}
AUTHORIZATION_STATUS: Final[Mapping[str, PaymentStatus]] = {
    "CREATED": "authorized",
    "PENDING": "processing",
    "CAPTURED": "succeeded",
    "PARTIALLY_CAPTURED": "succeeded",
    "VOIDED": "canceled",
    "DENIED": "failed",
    "EXPIRED": "expired",
}
REFUND_STATUS: Final[Mapping[str, RefundStatus]] = {
    "PENDING": "pending",
    "COMPLETED": "succeeded",
    "FAILED": "failed",
    "CANCELLED": "failed",
}
_RELEVANCE: Final[Mapping[PaymentStatus, int]] = {
    "refunded": 9,
    "partially_refunded": 9,
    "succeeded": 9,
    "authorized": 6,
    "processing": 5,
    "unknown": 4,
    "canceled": 3,
    "expired": 2,
    "failed": 1,
}
"""Of several tries the one that got furthest tells; a word we have not met outweighs a failure."""

_TAKEN: Final = frozenset({"succeeded", "partially_refunded", "refunded"})
_APPROVAL_LINKS: Final = ("payer-action", "approve")


def purchase_unit(order: Thing) -> Thing:
    """We make orders of one; empty where there is none."""
    return _first(order.get("purchase_units"))


def order_amount(order: Thing) -> Money | None:
    return to_money(purchase_unit(order).get("amount"))


def payments_of(order: Thing, kind: str) -> Sequence[Thing]:
    """`captures`, `authorizations` or `refunds` of an order, in PayPal's order."""
    payments = purchase_unit(order).get("payments")
    found = payments.get(kind) if isinstance(payments, dict) else None
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []


def choose_capture(order: Thing) -> Thing | None:
    return max(payments_of(order, "captures"), key=_relevance_of(CAPTURE_STATUS), default=None)


def choose_authorization(order: Thing) -> Thing | None:
    return max(payments_of(order, "authorizations"), key=_relevance_of(AUTHORIZATION_STATUS), default=None)


def awaits_completion(order: Thing) -> bool:
    """The payer approved, and PayPal waits for us to take or hold the money."""
    return order.get("status") == "APPROVED"


def order_snapshot(order: Thing, *, client_id: str = "") -> PaymentSnapshot:
    """An order as its captures and authorizations tell it; as itself while it has none."""
    amount = order_amount(order)
    told = _furthest(order)
    if told is None or awaits_completion(order):
        status = ORDER_STATUS.get(text_of(order, "status") or "", "unknown")
        told = PaymentSnapshot(status=status, awaits_completion=awaits_completion(order))
    # Before the payer chose, it only says what was offered.
    is_chosen = text_of(order, "status") in ("APPROVED", "COMPLETED")
    method, details = method_of(order.get("payment_source")) if is_chosen else (None, {})
    return PaymentSnapshot(
        status=told.status,
        awaits_completion=told.awaits_completion,
        provider_order_id=text_of(order, "id"),
        provider_payment_id=told.provider_payment_id,
        amount=amount,
        captured=told.captured,
        amount_refunded_minor=_refunded_minor(order),
        method=method,
        method_details=details,
        checkout=_checkout(order, amount, client_id),
        checkout_url=approval_link(order),
        fee_minor=told.fee_minor,
        fee_currency=told.fee_currency,
        error_reason=told.error_reason,
        error_code=told.error_code,
        error_message=told.error_message,
    )


def _furthest(order: Thing) -> PaymentSnapshot | None:
    """Of the order's captures and its authorization the one that says most: a hold outlives a declined capture of it."""
    capture, authorization = choose_capture(order), choose_authorization(order)
    told = [] if capture is None else [capture_snapshot(capture)]
    if authorization is not None:
        told.append(authorization_snapshot(authorization))
    # The first of equals: a capture speaks for the authorization it came from.
    return max(told, key=lambda one: _RELEVANCE.get(one.status, 0), default=None)


def capture_snapshot(capture: Thing) -> PaymentSnapshot:
    status = CAPTURE_STATUS.get(text_of(capture, "status") or "", "unknown")
    amount = to_money(capture.get("amount"))
    return _payment_snapshot(
        capture,
        status,
        amount,
        captured=amount if status in _TAKEN else None,
        fee=_fee(capture),
        refunded_minor=amount.amount_minor if status == "refunded" and amount else 0,
    )


def authorization_snapshot(authorization: Thing) -> PaymentSnapshot:
    status = AUTHORIZATION_STATUS.get(text_of(authorization, "status") or "", "unknown")
    return _payment_snapshot(authorization, status, to_money(authorization.get("amount")))


def _payment_snapshot(
    payment: Thing,
    status: PaymentStatus,
    amount: Money | None,
    *,
    captured: Money | None = None,
    fee: Money | None = None,
    refunded_minor: int = 0,
) -> PaymentSnapshot:
    processor = text_of(payment, "processor_response", "response_code")
    told = text_of(payment, "status_details", "reason")
    reason = decline_reason(processor, told) if status == "failed" else None
    return PaymentSnapshot(
        status=status,
        provider_order_id=related_order_id(payment),
        provider_payment_id=text_of(payment, "id"),
        amount=amount,
        captured=captured,
        amount_refunded_minor=refunded_minor,
        fee_minor=fee.amount_minor if fee else None,
        fee_currency=fee.currency if fee else None,
        error_reason=reason,
        error_code=(processor or told or text_of(payment, "status")) if reason else None,
        error_message=sentence_of(reason) if reason else None,
    )


def related_order_id(payment: Thing) -> str | None:
    """Of a capture or authorization: the order it belongs to, where it says so."""
    return text_of(payment, "supplementary_data", "related_ids", "order_id")


def refund_snapshot(refund: Thing) -> RefundSnapshot:
    """Never raises: a word we have not met is `unknown`."""
    status = REFUND_STATUS.get(text_of(refund, "status") or "", "unknown")
    return RefundSnapshot(
        status=status,
        provider_refund_id=text_of(refund, "id") or "",
        amount=to_money(refund.get("amount")),
        error_reason="refund_rejected" if status == "failed" else None,
    )


def find_refund(order: Thing, refund_id: str) -> Thing | None:
    """The refund of this order that was made for our refund id."""
    return next(
        (
            refund
            for refund in payments_of(order, "refunds")
            if refund_id in (refund.get("custom_id"), refund.get("invoice_id"))
        ),
        None,
    )


def approval_link(order: Thing) -> str | None:
    """Where the payer approves; None once there is nothing to approve."""
    return link_to(order, *_APPROVAL_LINKS)


def linked_capture_id(refund: Thing) -> str | None:
    """The capture a refund is of: the last segment of its `up` link."""
    links = refund.get("links")
    for link in links if isinstance(links, list) else []:
        if isinstance(link, dict) and link.get("rel") == "up" and isinstance(link.get("href"), str):
            path, _, capture_id = link["href"].rpartition("/")
            if path.endswith("/captures") and capture_id:
                return str(capture_id)
    return None


def total_refunded_minor(refund: Thing) -> int | None:
    """What has been refunded of the capture up to and with this refund."""
    breakdown = refund.get("seller_payable_breakdown")
    total = to_money(breakdown.get("total_refunded_amount")) if isinstance(breakdown, dict) else None
    return None if total is None else total.amount_minor


def method_of(source: object) -> tuple[str | None, dict[str, str]]:
    """Our word for how it is paid, and what tells the instrument; no name, number or address of the payer."""
    if not isinstance(source, dict):
        return None, {}
    card = source.get("card")
    if isinstance(card, dict):
        named = {
            "card_network": text_of(card, "brand"),
            "card_last4": text_of(card, "last_digits"),
            "card_type": text_of(card, "type"),
        }
        return "card", {name: value for name, value in named.items() if value}
    wallet = next((name for name in source if isinstance(source[name], dict)), None)
    return ("wallet", {"wallet": wallet}) if wallet else (None, {})


def _refunded_minor(order: Thing) -> int:
    amounts = [to_money(one.get("amount")) for one in payments_of(order, "refunds") if one.get("status") == "COMPLETED"]
    return sum(amount.amount_minor for amount in amounts if amount)


def _fee(capture: Thing) -> Money | None:
    breakdown = capture.get("seller_receivable_breakdown")
    return to_money(breakdown.get("paypal_fee")) if isinstance(breakdown, dict) else None


def _checkout(order: Thing, amount: Money | None, client_id: str) -> dict[str, str | int]:
    """What PayPal's JavaScript needs on the tenant's own page; the client id is public there."""
    if not client_id or amount is None:
        return {}
    return {"client_id": client_id, "order_id": text_of(order, "id") or "", "currency": amount.currency}


def _relevance_of(table: Mapping[str, PaymentStatus]) -> Any:
    def relevance(payment: Thing) -> tuple[int, str]:
        status = table.get(text_of(payment, "status") or "", "unknown")
        return _RELEVANCE.get(status, 0), text_of(payment, "create_time") or ""

    return relevance


def _first(things: object) -> Thing:
    first = things[0] if isinstance(things, list) and things else None
    return first if isinstance(first, dict) else {}
